-- Materialized views.
select
    'materialized view' as kind,
    c.relnamespace::regnamespace::text || '.' || quote_ident(c.relname) as name,
    ltrim(pg_get_viewdef(c.oid)) as "definition",
    case when not c.relispopulated then 'yes' end as "not populated",
    (
        select quote_ident(m.amname) from pg_am m where m.oid = c.relam and m.amname <> 'heap'
    ) as "access method",
    case when c.reltablespace <> 0 then (
        select quote_ident(s.spcname) from pg_tablespace s where s.oid = c.reltablespace
    ) end as "tablespace",
    case when c.reloptions is not null then (
        select string_agg(o.option, ', ' order by o.option collate "C")
        from unnest(c.reloptions) o(option)
    ) end as "options",
    case when c.reltoastrelid <> 0 then (
        select string_agg(o.option, ', ' order by o.option collate "C")
        from pg_class t, unnest(t.reloptions) o(option)
        where t.oid = c.reltoastrelid
    ) end as "toast options",
    case c.relreplident
        when 'f' then 'full'
        when 'n' then 'nothing'
        when 'i' then 'index ' || (
            select quote_ident(r.relname)
            from pg_index i join pg_class r on r.oid = i.indexrelid
            where i.indrelid = c.oid and i.indisreplident
        )
    end as "replica identity",
    case when c.oid = any ({dependents in pg_class}) then (
        select string_agg(quote_ident(e.extname), ', ' order by e.extname)
        from pg_depend d
        join pg_extension e on e.oid = d.refobjid
        where d.classid = 'pg_class'::regclass and d.objid = c.oid
            and d.refclassid = 'pg_extension'::regclass and d.deptype = 'x'
    ) end as "depends on extension",
    c.relowner::regrole::text as "owner",
    x.description as "comment"
from pg_class c
left join {comments on pg_class} x on x.objoid = c.oid and x.objsubid = 0
where c.relkind = 'm'
    and c.relnamespace <> all ({system schemas})
    and c.oid <> all ({members of pg_class});
