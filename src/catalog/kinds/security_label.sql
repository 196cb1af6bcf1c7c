-- Security labels, as an attribute of the objects that the other queries name.
select
    'attributes of ' || o.kind as kind,
    o.name as name,
    string_agg(
        l.provider || ' ' || quote_literal(l.label), ', ' order by l.provider collate "C"
    ) as "security labels"
from (
    select s.classoid, s.objoid, s.objsubid, s.provider, s.label
    from pg_seclabel s
    union all
    select s.classoid, s.objoid, 0, s.provider, s.label
    from pg_shseclabel s
) l
join (
    select
        'pg_class'::regclass, c.oid, 0,
        case c.relkind
            when 'v' then 'view' when 'm' then 'materialized view' when 'S' then 'sequence'
            when 'c' then 'composite type' else 'table'
        end,
        c.oid::regclass::text
    from pg_class c
    union all
    select
        'pg_class'::regclass, a.attrelid, a.attnum, 'column',
        a.attrelid::regclass::text || '.' || quote_ident(a.attname)
    from pg_attribute a
    where a.attnum > 0
    union all
    select
        'pg_proc'::regclass, p.oid, 0,
        case p.prokind when 'p' then 'procedure' when 'a' then 'aggregate' else 'function' end,
        p.pronamespace::regnamespace::text || '.' || quote_ident(p.proname)
            || '(' || oidvectortypes(p.proargtypes) || ')'
    from pg_proc p
    union all
    select
        'pg_type'::regclass, t.oid, 0,
        case t.typtype
            when 'e' then 'enum' when 'c' then 'composite type' when 'd' then 'domain'
            when 'r' then 'range type' when 'p' then 'shell type' else 'base type'
        end,
        t.oid::regtype::text
    from pg_type t
    union all
    select 'pg_namespace'::regclass, n.oid, 0, 'schema', quote_ident(n.nspname)
    from pg_namespace n
    union all
    select 'pg_language'::regclass, l.oid, 0, 'language', quote_ident(l.lanname)
    from pg_language l
    union all
    select 'pg_event_trigger'::regclass, t.oid, 0, 'event trigger', quote_ident(t.evtname)
    from pg_event_trigger t
    union all
    select 'pg_publication'::regclass, p.oid, 0, 'publication', quote_ident(p.pubname)
    from pg_publication p
    union all
    select 'pg_largeobject'::regclass, l.oid, 0, 'large objects',
        'of ' || l.lomowner::regrole::text
    from pg_largeobject_metadata l
    union all
    select 'pg_subscription'::regclass, s.oid, 0, 'subscription', quote_ident(s.subname)
    from pg_subscription s
    where s.subdbid = (select d.oid from pg_database d where d.datname = current_database())
    union all
    select 'pg_database'::regclass, d.oid, 0, 'database', 'itself'
    from pg_database d
    where d.datname = current_database()
) o(class, oid, sub, kind, name)
    on o.class = l.classoid and o.oid = l.objoid and o.sub = l.objsubid
group by o.kind, o.name;
