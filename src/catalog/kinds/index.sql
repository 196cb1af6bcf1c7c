-- Indexes that no constraint owns, each a child of its table.
select
    'index' as kind,
    i.indrelid::regclass::text || '.' || quote_ident(c.relname) as name,
    array[
        'definition', pg_get_indexdef(c.oid),
        'partition of', case when c.relispartition then (
            select h.inhparent::regclass::text from pg_inherits h where h.inhrelid = c.oid
        ) end,
        'invalid', case when not i.indisvalid then 'yes' end,
        'clustered', case when i.indisclustered then 'yes' end,
        'tablespace', (
            select quote_ident(s.spcname) from pg_tablespace s where s.oid = c.reltablespace
        ),
        'statistics targets', (
            select string_agg(a.attnum || ': ' || a.attstattarget, ', ' order by a.attnum)
            from pg_attribute a
            where a.attrelid = c.oid and a.attstattarget >= 0
        ),
        'comment', (
            select d.description
            from pg_description d
            where d.classoid = 'pg_class'::regclass and d.objoid = c.oid and d.objsubid = 0
        )
    ] as attributes
from pg_class c
join pg_index i on i.indexrelid = c.oid
where c.oid >= 16384
    and i.indexrelid >= 16384
    and c.relkind in ('i', 'I')
    and c.relpersistence <> 't'
    and c.relnamespace not in (
        select n.oid
        from pg_namespace n
        where n.nspname ~ '^pg_' or n.nspname = 'information_schema'
    )
    and c.oid not in (select k.conindid from pg_constraint k where k.contype in ('p', 'u', 'x'))
    and c.oid not in (
        select e.objid
        from pg_depend e
        where e.refclassid = 'pg_extension'::regclass and e.classid = 'pg_class'::regclass
            and e.deptype = 'e'
    )
    and i.indrelid not in (
        select e.objid
        from pg_depend e
        where e.refclassid = 'pg_extension'::regclass and e.classid = 'pg_class'::regclass
            and e.deptype = 'e'
    );
