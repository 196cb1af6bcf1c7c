-- Grants, as an attribute of the objects that the other queries name: "attributes of" a kind adds
-- to an object, and what is granted on an object that they leave out is left out with it.
--
-- An object without a privilege list has the default one, and so has one whose list was written
-- out by a GRANT and a REVOKE that cancel each other: neither is told. A grantee who holds
-- everything that an owner would holds "all", because Postgres 17 added a privilege (MAINTAIN) to
-- what that means for tables. Who granted is told where it isn't the owner.
with granted (kind, name, privileges, defaults, owner) as (
    select 'schema', quote_ident(n.nspname), coalesce(n.nspacl, acldefault('n', n.nspowner)),
        -- What initdb grants on "public", by version: no dump writes it.
        case when n.nspname <> 'public' then acldefault('n', n.nspowner) else array[
            (n.nspowner::regrole::text || '=UC/' || n.nspowner::regrole::text)::aclitem,
            case
                when current_setting('server_version_num')::int >= 150000
                then ('=U/' || n.nspowner::regrole::text)::aclitem
                else ('=UC/' || n.nspowner::regrole::text)::aclitem
            end
        ] end,
        n.nspowner
    from pg_namespace n
    where n.nspacl is not null or n.nspname = 'public'
    union all
    select
        case c.relkind
            when 'v' then 'view' when 'm' then 'materialized view' when 'S' then 'sequence'
            else 'table'
        end,
        c.oid::regclass::text, c.relacl,
        acldefault(case c.relkind when 'S' then 's'::"char" else 'r'::"char" end, c.relowner),
        c.relowner
    from pg_class c
    where c.relacl is not null and c.relpersistence <> 't'
        and c.relnamespace <> all ({system schemas})
    union all
    select 'column', c.oid::regclass::text || '.' || quote_ident(a.attname), a.attacl,
        acldefault('c', c.relowner), c.relowner
    from pg_attribute a
    join pg_class c on c.oid = a.attrelid
    where a.attacl is not null and c.relpersistence <> 't'
        and not a.attisdropped
        and c.relnamespace <> all ({system schemas})
    union all
    select
        case p.prokind when 'p' then 'procedure' when 'a' then 'aggregate' else 'function' end,
        p.pronamespace::regnamespace::text || '.' || quote_ident(p.proname)
            || '(' || oidvectortypes(p.proargtypes) || ')',
        p.proacl, acldefault('f', p.proowner), p.proowner
    from pg_proc p
    where p.proacl is not null and p.oid >= 16384
        and p.pronamespace <> all ({system schemas})
    union all
    select
        case t.typtype
            when 'e' then 'enum' when 'c' then 'composite type' when 'd' then 'domain'
            when 'r' then 'range type' else 'base type'
        end,
        t.oid::regtype::text, t.typacl, acldefault('T', t.typowner), t.typowner
    from pg_type t
    where t.typacl is not null and t.oid >= 16384
    union all
    select 'database', 'itself', d.datacl, acldefault('d', d.datdba), d.datdba
    from pg_database d
    where d.datacl is not null and d.datname = current_database()
    union all
    select 'language', quote_ident(l.lanname), l.lanacl, acldefault('l', l.lanowner), l.lanowner
    from pg_language l
    where l.lanacl is not null and l.oid >= 16384
    union all
    select 'foreign-data wrapper', quote_ident(w.fdwname), w.fdwacl, acldefault('F', w.fdwowner),
        w.fdwowner
    from pg_foreign_data_wrapper w
    where w.fdwacl is not null
    union all
    select 'foreign server', quote_ident(s.srvname), s.srvacl, acldefault('S', s.srvowner),
        s.srvowner
    from pg_foreign_server s
    where s.srvacl is not null
    union all
    select 'default privileges',
        'for ' || d.defaclrole::regrole::text
            || case when d.defaclnamespace <> 0
                then ' in schema ' || d.defaclnamespace::regnamespace::text else ''
            end
            || case d.defaclobjtype
                when 'r' then ' on tables' when 'S' then ' on sequences'
                when 'f' then ' on functions' when 'T' then ' on types'
                when 'n' then ' on schemas' else ' on large objects'
            end,
        d.defaclacl,
        acldefault(case d.defaclobjtype when 'S' then 's' else d.defaclobjtype end, d.defaclrole),
        d.defaclrole
    from pg_default_acl d
)
select 'attributes of ' || g.kind as kind, g.name as name, coalesce(
    (
        select string_agg(h.described, '; ' order by h.described collate "C")
        from (
            select case x.grantee
                    when 0 then 'public'
                    -- Not by name: it is told as the owner, and who changes it changes nothing
                    -- in the list.
                    when g.owner then 'the owner'
                    else x.grantee::regrole::text
                end
                || case when x.is_grantable then ' with grant option' else '' end
                || case
                    when x.grantor <> g.owner then ' by ' || x.grantor::regrole::text else ''
                end
                || ': '
                || case
                    when count(*) = g.all_count then 'all'
                    else string_agg(
                        lower(x.privilege_type), ', ' order by x.privilege_type collate "C"
                    )
                end as described
            from aclexplode(g.privileges) x
            group by x.grantee, x.is_grantable, x.grantor
        ) h
    ),
    'none'
) as "grants"
from (
    select *, (
        select count(*) from aclexplode(granted.defaults) o where o.grantee = granted.owner
    ) as all_count
    from granted
) g
-- What is granted by default in a schema comes on top of what is granted by default everywhere.
where g.kind = 'default privileges'
    or not (g.privileges @> g.defaults and g.privileges <@ g.defaults);
