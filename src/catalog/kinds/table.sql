-- Tables: ordinary, partitioned and foreign.
select
    'table' as kind,
    c.relnamespace::regnamespace::text || '.' || quote_ident(c.relname) as name,
    case c.relkind
        when 'p' then 'partitioned' when 'f' then 'foreign' else 'ordinary'
    end as "kind",
    case c.relpersistence when 'u' then 'unlogged' end as "persistence",
    case when c.reloftype <> 0 then format_type(c.reloftype, null) end as "of type",
    case when c.relkind = 'p' then pg_get_partkeydef(c.oid) end as "partition key",
    case when c.relispartition then (
        select i.inhparent::regclass::text
            || case when i.inhdetachpending then ' (detach pending)' else '' end
        from pg_inherits i
        where i.inhrelid = c.oid
    ) end as "partition of",
    case when not c.relispartition then (
        select string_agg(i.inhparent::regclass::text, ', ' order by i.inhseqno)
        from pg_inherits i
        where i.inhrelid = c.oid
    ) end as "inherits",
    pg_get_expr(c.relpartbound, c.oid) as "partition bound",
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
    case
        when c.relrowsecurity and c.relforcerowsecurity then 'enabled and forced'
        when c.relrowsecurity then 'enabled'
        when c.relforcerowsecurity then 'disabled, but forced once enabled'
    end as "row security",
    -- Of a foreign table it is always nothing. One by an index that is gone is in no dump.
    case case when c.relkind <> 'f' then c.relreplident end
        when 'f' then 'full'
        when 'n' then 'nothing'
        when 'i' then 'index ' || (
            select quote_ident(r.relname)
            from pg_index i join pg_class r on r.oid = i.indexrelid
            where i.indrelid = c.oid and i.indisreplident
        )
    end as "replica identity",
    case when c.relkind = 'f' then (
        select quote_ident(s.srvname)
        from pg_foreign_table f join pg_foreign_server s on s.oid = f.ftserver
        where f.ftrelid = c.oid
    ) end as "server",
    case when c.relkind = 'f' then (
        select string_agg(
            quote_ident(o.option_name) || ' ' || quote_literal(o.option_value), ', '
            order by o.option_name collate "C"
        )
        from pg_foreign_table f, pg_options_to_table(f.ftoptions) o
        where f.ftrelid = c.oid
    ) end as "server options",
    c.relowner::regrole::text as "owner",
    x.description as "comment"
from pg_class c
left join {comments on pg_class} x on x.objoid = c.oid and x.objsubid = 0
where c.relkind in ('r', 'p', 'f')
    and c.relpersistence <> 't'
    and c.relnamespace <> all ({system schemas})
    and c.oid <> all ({members of pg_class});
