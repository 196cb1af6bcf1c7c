-- Rules, except the one that makes a view a view.
select
    'rule' as kind,
    r.ev_class::regclass::text || '.' || quote_ident(r.rulename) as name,
    array[
        'definition', pg_get_ruledef(r.oid),
        'enabled', case r.ev_enabled
            when 'D' then 'no' when 'R' then 'on replicas only' when 'A' then 'always'
        end,
        'comment', obj_description(r.oid, 'pg_rewrite')
    ] as attributes
from pg_rewrite r
join pg_class c on c.oid = r.ev_class
where r.oid >= 16384
    and r.rulename <> '_RETURN'
    and c.relpersistence <> 't'
    and c.relnamespace not in (
        select n.oid
        from pg_namespace n
        where n.nspname ~ '^pg_' or n.nspname = 'information_schema'
    )
    and c.oid not in (
        select e.objid
        from pg_depend e
        where e.refclassid = 'pg_extension'::regclass and e.classid = 'pg_class'::regclass
            and e.deptype = 'e'
    );
