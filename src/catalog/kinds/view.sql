-- Views. Their column types are told by the columns: a definition keeps its text when the type
-- of what it selects changes.
select
    'view' as kind,
    c.oid::regclass::text as name,
    array[
        'definition', ltrim(pg_get_viewdef(c.oid)),
        'options', case when c.reloptions is not null then (
            select string_agg(o.option, ', ' order by o.option collate "C")
            from unnest(c.reloptions) o(option)
        ) end,
        'owner', c.relowner::regrole::text,
        'comment', (
            select d.description
            from pg_description d
            where d.classoid = 'pg_class'::regclass and d.objoid = c.oid and d.objsubid = 0
        )
    ] as attributes
from pg_class c
where c.oid >= 16384
    and c.relkind = 'v'
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
