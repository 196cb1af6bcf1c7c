-- What holds rows: ordinary tables, partitions that are not partitioned themselves, materialized
-- views, and sequences; not foreign tables, nothing temporary and no member of an extension.
select
    case c.relkind when 'S' then 'sequence' else 'table' end,
    c.oid::regclass::text,
    -- A table whose file is empty holds no row and needs no scan.
    case when c.relkind <> 'S' then (pg_relation_size(c.oid) > 0)::text end,
    pg_relation_filenode(c.oid)::text,
    -- Null as long as a sequence is not called; then only the sequence itself knows its position.
    case when c.relkind = 'S' then pg_sequence_last_value(c.oid)::text end,
    case when c.relkind = 'S' then (
        select d.refobjid::regclass::text
        from pg_depend d
        where d.classid = 'pg_class'::regclass and d.objid = c.oid
            and d.refclassid = 'pg_class'::regclass and d.refobjsubid > 0
            and d.deptype in ('a', 'i') -- OWNED BY, and GENERATED … AS IDENTITY
    ) end,
    -- As JSON, whose text form is unambiguous.
    case when c.relkind <> 'S' then (
        select json_agg(quote_ident(a.attname) order by a.attnum)::text
        from pg_attribute a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    ) end
from pg_class c
where (c.relkind in ('r', 'S') or c.relkind = 'm' and c.relispopulated)
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
