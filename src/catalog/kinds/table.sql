-- Tables: ordinary, partitioned and foreign.
select
    'table' as kind,
    c.oid::regclass::text as name,
    array[
        'kind', case c.relkind
            when 'p' then 'partitioned' when 'f' then 'foreign' else 'ordinary'
        end,
        'persistence', case c.relpersistence when 'u' then 'unlogged' end,
        'of type', case when c.reloftype <> 0 then format_type(c.reloftype, null) end,
        'partition key', case when c.relkind = 'p' then pg_get_partkeydef(c.oid) end,
        case when c.relispartition then 'partition of' else 'inherits' end, (
            select string_agg(
                i.inhparent::regclass::text
                    || case when i.inhdetachpending then ' (detach pending)' else '' end,
                ', ' order by i.inhseqno
            )
            from pg_inherits i
            where i.inhrelid = c.oid
        ),
        'partition bound', pg_get_expr(c.relpartbound, c.oid),
        'access method', (
            select quote_ident(m.amname) from pg_am m where m.oid = c.relam and m.amname <> 'heap'
        ),
        'tablespace', (
            select quote_ident(s.spcname) from pg_tablespace s where s.oid = c.reltablespace
        ),
        'options', case when c.reloptions is not null then (
            select string_agg(o.option, ', ' order by o.option collate "C")
            from unnest(c.reloptions) o(option)
        ) end,
        'toast options', case when c.reltoastrelid <> 0 then (
            select string_agg(o.option, ', ' order by o.option collate "C")
            from pg_class t, unnest(t.reloptions) o(option)
            where t.oid = c.reltoastrelid
        ) end,
        'row security', case
            when c.relrowsecurity and c.relforcerowsecurity then 'enabled and forced'
            when c.relrowsecurity then 'enabled'
            when c.relforcerowsecurity then 'disabled, but forced once enabled'
        end,
        'replica identity', case c.relreplident
            when 'f' then 'full'
            when 'n' then 'nothing'
            when 'i' then 'index ' || (
                select quote_ident(r.relname)
                from pg_index i join pg_class r on r.oid = i.indexrelid
                where i.indrelid = c.oid and i.indisreplident
            )
        end,
        'server', case when c.relkind = 'f' then (
            select quote_ident(s.srvname)
            from pg_foreign_table f join pg_foreign_server s on s.oid = f.ftserver
            where f.ftrelid = c.oid
        ) end,
        'server options', case when c.relkind = 'f' then (
            select array_to_string(f.ftoptions, ', ')
            from pg_foreign_table f
            where f.ftrelid = c.oid
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
    and c.relkind in ('r', 'p', 'f')
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
