-- Functions and procedures. The definition tells everything about one but its owner.
select
    case p.prokind when 'p' then 'procedure' else 'function' end as kind,
    p.pronamespace::regnamespace::text || '.' || quote_ident(p.proname)
        || '(' || oidvectortypes(p.proargtypes) || ')' as name,
    rtrim(pg_get_functiondef(p.oid), E'\n') as "definition",
    case when p.oid = any ({dependents in pg_proc}) then (
        select string_agg(quote_ident(x.extname), ', ' order by x.extname collate "C")
        from pg_depend d join pg_extension x on x.oid = d.refobjid
        where d.classid = 'pg_proc'::regclass and d.objid = p.oid
            and d.refclassid = 'pg_extension'::regclass and d.deptype = 'x'
    ) end as "depends on extension",
    p.proowner::regrole::text as "owner",
    (
        select d.description
        from pg_description d
        where d.classoid = 'pg_proc'::regclass and d.objoid = p.oid and d.objsubid = 0
    ) as "comment"
from pg_proc p
where p.oid >= 16384
    and p.prokind <> 'a'
    and p.pronamespace <> all ({system schemas})
    -- Of an extension, or made by Postgres for a range type.
    and p.oid not in (
        select e.objid
        from pg_depend e
        where e.refclassid in ('pg_extension'::regclass, 'pg_type'::regclass)
            and e.classid = 'pg_proc'::regclass and e.deptype in ('e', 'i')
    );
