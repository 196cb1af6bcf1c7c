-- Indexes that no constraint owns, each a child of its table.
select
    'index' as kind,
    t.relnamespace::regnamespace::text || '.' || quote_ident(t.relname) || '.'
        || quote_ident(c.relname) as name,
    pg_get_indexdef(c.oid) as "definition",
    case when c.relispartition then (
        select h.inhparent::regclass::text from pg_inherits h where h.inhrelid = c.oid
    ) end as "partition of",
    -- That of a partitioned table is valid once each partition has its part. A dump makes one
    -- that lacks none, such as one whose last gap was detached, valid: that is no difference.
    case when not i.indisvalid and (c.relkind = 'i' or exists (
        select
        from pg_inherits h
        join pg_class p on p.oid = h.inhrelid and p.relkind <> 'f'
        where h.inhparent = i.indrelid and h.inhrelid not in (
            select y.indrelid
            from pg_inherits g
            join pg_index y on y.indexrelid = g.inhrelid
            where g.inhparent = i.indexrelid
        )
    )) then 'yes' end as "invalid",
    case when i.indisclustered then 'yes' end as "clustered",
    case when c.reltablespace <> 0 then (
        select quote_ident(s.spcname) from pg_tablespace s where s.oid = c.reltablespace
    ) end as "tablespace",
    case when i.indexprs is not null then (
        select string_agg(a.attnum || ': ' || a.attstattarget, ', ' order by a.attnum)
        from pg_attribute a
        where a.attrelid = c.oid and a.attstattarget >= 0
    ) end as "statistics targets",
    case when c.oid = any ({dependents in pg_class}) then (
        select string_agg(quote_ident(e.extname), ', ' order by e.extname)
        from pg_depend d
        join pg_extension e on e.oid = d.refobjid
        where d.classid = 'pg_class'::regclass and d.objid = c.oid
            and d.refclassid = 'pg_extension'::regclass and d.deptype = 'x'
    ) end as "depends on extension",
    x.description as "comment"
from pg_class c
join pg_index i on i.indexrelid = c.oid
join pg_class t on t.oid = i.indrelid
left join {comments on pg_class} x on x.objoid = c.oid and x.objsubid = 0
where c.relkind in ('i', 'I')
    and c.relpersistence <> 't'
    and c.relnamespace <> all ({system schemas})
    and c.oid not in (select k.conindid from pg_constraint k where k.contype in ('p', 'u', 'x'))
    and c.oid <> all ({members of pg_class})
    and i.indrelid <> all ({members of pg_class});
