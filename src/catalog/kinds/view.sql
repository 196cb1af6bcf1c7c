-- Views. Their column types are told by the columns: a definition keeps its text when the type
-- of what it selects changes.
select
    'view' as kind,
    c.relnamespace::regnamespace::text || '.' || quote_ident(c.relname) as name,
    ltrim(pg_get_viewdef(c.oid)) as "definition",
    case when c.reloptions is not null then (
        select string_agg(o.option, ', ' order by o.option collate "C")
        from unnest(c.reloptions) o(option)
    ) end as "options",
    c.relowner::regrole::text as "owner",
    x.description as "comment"
from pg_class c
left join {comments on pg_class} x on x.objoid = c.oid and x.objsubid = 0
where c.relkind = 'v'
    and c.relpersistence <> 't'
    and c.relnamespace <> all ({system schemas})
    and c.oid <> all ({members of pg_class});
