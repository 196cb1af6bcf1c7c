-- Casts. One has no name but its two types.
select
    'cast' as kind,
    '(' || format_type(c.castsource, null) || ' as ' || format_type(c.casttarget, null) || ')'
        as name,
    case c.castmethod
        when 'f' then c.castfunc::regprocedure::text
        when 'i' then 'input and output functions' else 'none, binary coercible'
    end as "method",
    case c.castcontext
        when 'a' then 'assignment' when 'i' then 'implicit' else 'explicit'
    end as "context",
    obj_description(c.oid, 'pg_cast') as "comment"
from pg_cast c
where c.oid >= 16384
    -- Of an extension, or made by Postgres for a range type.
    and c.oid not in (
        select e.objid
        from pg_depend e
        where e.refclassid in ('pg_extension'::regclass, 'pg_type'::regclass)
            and e.classid = 'pg_cast'::regclass and e.deptype in ('e', 'i')
    );
