-- Columns of tables, views and composite types. The position is the rank among live columns, so
-- that dropped columns leave no trace.
select
    'column' as kind,
    c.name || '.' || quote_ident(a.attname) as name,
    a.position as "position",
    format_type(a.atttypid, a.atttypmod) as "type",
    case
        when a.attcollation <> t.typcollation then a.attcollation::regcollation::text
    end as "collation",
    case when a.attnotnull then case
        when not n.convalidated and n.connoinherit then 'not valid, no inherit'
        when not n.convalidated then 'not valid'
        when n.connoinherit then 'no inherit'
        else 'yes'
    end end as "not null",
    -- Told like a dump tells it: not the name that Postgres has chosen, to which it appends a
    -- number where that is taken, and which it shortens to 63 bytes.
    case when n.conislocal
        and not (c.relispartition and n.coninhcount > 0) -- which a dump leaves to its parent
        and n.conname <> usual.name and case
        when octet_length(usual.name) > 63 then n.conname !~ '_not_null[0-9]*$'
        when starts_with(n.conname, usual.name)
            then substr(n.conname, length(usual.name) + 1) !~ '^[0-9]*$'
        else true
    end then quote_ident(n.conname) end as "not null name",
    -- A partition's is its parent's, whoever was there first.
    case
        when n.conislocal and n.coninhcount > 0 and not c.relispartition
            then 'and declared here'
    end as "not null inherited",
    n.description as "not null comment",
    -- A null constant is no default, unless the type has one that it stands in front of.
    case when a.attgenerated = '' and a.atthasdef then case
        when t.typdefault is not null then pg_get_expr(d.adbin, 0)
        else nullif(regexp_replace(
            pg_get_expr(d.adbin, 0), '^(NULL|\(NULL::([a-z0-9_. \[\]]|"[^"]*")+\))(::.*)?$', ''
        ), '')
    end end as "default",
    case a.attgenerated
        when 's' then pg_get_expr(d.adbin, a.attrelid) || ' stored'
        when 'v' then pg_get_expr(d.adbin, a.attrelid) || ' virtual' -- Postgres 18
    end as "generated",
    -- Since Postgres 17 a partition's is its parent's, which tells it; before, it had none.
    case
        when c.relispartition and current_setting('server_version_num')::int >= 170000 then null
        else case a.attidentity when 'a' then 'always' when 'd' then 'by default' end
    end as "identity",
    case when a.attinhcount > 0 then
        case when a.attislocal then 'and declared here' else 'yes' end
    end as "inherited",
    case when a.attstorage <> t.typstorage then case a.attstorage
        when 'p' then 'plain' when 'e' then 'external' when 'm' then 'main' else 'extended'
    end end as "storage",
    case a.attcompression when 'p' then 'pglz' when 'l' then 'lz4' end as "compression",
    -- Absent is -1 until Postgres 16 and null since.
    nullif(a.attstattarget, -1) as "statistics target",
    case when a.attoptions is not null then (
        select string_agg(o.option, ', ' order by o.option collate "C")
        from unnest(a.attoptions) o(option)
    ) end as "options",
    case when a.attfdwoptions is not null then (
        select string_agg(
            quote_ident(o.option_name) || ' ' || quote_literal(o.option_value), ', '
            order by o.option_name collate "C"
        )
        from pg_options_to_table(a.attfdwoptions) o
    ) end as "server options",
    x.description as "comment"
from (
    -- In the order of an index, so that nothing is to be sorted.
    select a.*, row_number() over (partition by a.attrelid order by a.attnum) as position
    from pg_attribute a
    where a.attrelid >= 16384 and a.attnum > 0 and not a.attisdropped
) a
join (
    select
        c.oid, c.relispartition, c.relname,
        c.relnamespace::regnamespace::text || '.' || quote_ident(c.relname) as name
    from pg_class c
    where c.relkind in ('r', 'p', 'f', 'v', 'm', 'c')
        and c.relpersistence <> 't'
        and c.relnamespace <> all ({system schemas})
        and c.oid <> all ({members of pg_class})
        -- A composite type's membership is recorded on the type, not on its relation.
        and c.reltype <> all ({members of pg_type})
    offset 0
) c on c.oid = a.attrelid
join pg_type t on t.oid = a.atttypid
left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
-- Since Postgres 18 NOT NULL is a constraint too. Only what the column cannot say is read from it:
-- older versions have neither its name nor its states.
left join (
    select
        k.conrelid, k.conkey[1] as attnum, k.conname::text as conname, k.conislocal,
        k.convalidated, k.connoinherit, k.coninhcount, x.description
    from pg_constraint k
    left join {comments on pg_constraint} x on x.objoid = k.oid
    where k.contype = 'n' and k.conrelid >= 16384
    offset 0
) n on n.conrelid = a.attrelid and n.attnum = a.attnum
cross join lateral (
    select case when n.conislocal then c.relname || '_' || a.attname || '_not_null' end as name
) usual
left join {comments on pg_class} x on x.objoid = a.attrelid and x.objsubid = a.attnum;
