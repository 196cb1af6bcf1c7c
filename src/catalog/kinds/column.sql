-- Columns of tables, views and composite types. The position is the rank among live columns, so
-- that dropped columns leave no trace.
select
    'column' as kind,
    c.oid::regclass::text || '.' || quote_ident(a.attname) as name,
    array[
        'position', (row_number() over (partition by a.attrelid order by a.attnum))::text,
        'type', format_type(a.atttypid, a.atttypmod),
        'collation', case
            when a.attcollation <> t.typcollation then a.attcollation::regcollation::text
        end,
        'not null', case when a.attnotnull then case
            when not n.convalidated then 'not valid'
            when n.connoinherit then 'no inherit'
            else 'yes'
        end end,
        'default', case when a.attgenerated = '' then pg_get_expr(d.adbin, d.adrelid) end,
        'generated', case a.attgenerated
            when 's' then pg_get_expr(d.adbin, d.adrelid) || ' stored'
            when 'v' then pg_get_expr(d.adbin, d.adrelid) || ' virtual' -- Postgres 18
        end,
        'identity', case a.attidentity when 'a' then 'always' when 'd' then 'by default' end,
        'inherited', case when a.attinhcount > 0 then
            case when a.attislocal then 'and declared here' else 'yes' end
        end,
        'storage', case when a.attstorage <> t.typstorage then case a.attstorage
            when 'p' then 'plain' when 'e' then 'external' when 'm' then 'main' else 'extended'
        end end,
        'compression', case a.attcompression when 'p' then 'pglz' when 'l' then 'lz4' end,
        -- Absent is -1 until Postgres 16 and null since.
        'statistics target', nullif(a.attstattarget, -1)::text,
        'options', case when a.attoptions is not null then (
            select string_agg(o.option, ', ' order by o.option collate "C")
            from unnest(a.attoptions) o(option)
        ) end,
        'server options', array_to_string(a.attfdwoptions, ', '),
        'comment', (
            select x.description
            from pg_description x
            where x.classoid = 'pg_class'::regclass and x.objoid = c.oid and x.objsubid = a.attnum
        )
    ] as attributes
from pg_class c
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
join pg_type t on t.oid = a.atttypid
left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
-- Since Postgres 18 NOT NULL is a constraint too. Only what the column cannot say is read from it:
-- older versions have neither its name nor its states.
left join pg_constraint n on n.conrelid = a.attrelid and n.contype = 'n'
    and n.conkey[1] = a.attnum and (not n.convalidated or n.connoinherit)
where c.oid >= 16384
    and a.attrelid >= 16384
    and c.relkind in ('r', 'p', 'f', 'v', 'm', 'c')
    and c.relpersistence <> 't'
    and c.relnamespace not in (
        select s.oid
        from pg_namespace s
        where s.nspname ~ '^pg_' or s.nspname = 'information_schema'
    )
    and c.oid not in (
        select e.objid
        from pg_depend e
        where e.refclassid = 'pg_extension'::regclass and e.classid = 'pg_class'::regclass
            and e.deptype = 'e'
    )
    -- A composite type's membership is recorded on the type, not on its relation.
    and c.reltype not in (
        select e.objid
        from pg_depend e
        where e.refclassid = 'pg_extension'::regclass and e.classid = 'pg_type'::regclass
            and e.deptype = 'e'
    );
