-- Sequences. How far one has counted is a matter of rows, not of the schema.
select
    'sequence' as kind,
    c.relnamespace::regnamespace::text || '.' || quote_ident(c.relname) as name,
    format_type(s.seqtypid, null) as "type",
    s.seqstart as "start",
    s.seqincrement as "increment",
    s.seqmin as "minimum",
    s.seqmax as "maximum",
    s.seqcache as "cache",
    case when s.seqcycle then 'yes' end as "cycle",
    -- Since Postgres 15 a table's sequences are as persistent as it is itself, unless it is
    -- told otherwise; before that, they were all permanent.
    case
        when c.relpersistence = coalesce(o.relpersistence, 'p')
            or current_setting('server_version_num')::int < 150000 then null
        when c.relpersistence = 'u' then 'unlogged'
        else 'permanent'
    end as "persistence",
    o.relnamespace::regnamespace::text || '.' || quote_ident(o.relname) || '.' || (
        select quote_ident(a.attname)
        from pg_attribute a
        where a.attrelid = w.refobjid and a.attnum = w.refobjsubid
    ) as "owned by",
    c.relowner::regrole::text as "owner",
    x.description as "comment"
from pg_class c
join pg_sequence s on s.seqrelid = c.oid
left join pg_depend w on w.classid = 'pg_class'::regclass and w.objid = c.oid
    and w.refclassid = 'pg_class'::regclass and w.refobjsubid > 0
    and w.deptype in ('a', 'i') -- OWNED BY, and GENERATED … AS IDENTITY
left join pg_class o on o.oid = w.refobjid
left join {comments on pg_class} x on x.objoid = c.oid and x.objsubid = 0
where c.relkind = 'S'
    and c.relpersistence <> 't'
    and c.relnamespace <> all ({system schemas})
    and c.oid <> all ({members of pg_class});
