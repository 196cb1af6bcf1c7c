-- Grants on what initdb or an extension made, as pg_dump writes them: what was granted and revoked
-- beyond what the object came with, which versions differ in. The object itself is not told.
with changed (class, oid, sub, owner, privileges, defaults) as (
    select o.class, o.oid, o.sub, o.owner, o.privileges, coalesce(
        i.initprivs, acldefault(case when o.sub > 0 then 'c' else o.type end, o.owner)
    )
    from (
        select 'pg_class'::regclass, c.oid, 0, c.relacl, c.relowner,
            case c.relkind when 'S' then 's'::"char" else 'r'::"char" end
        from pg_class c
        where c.relacl is not null and c.relnamespace <> 'information_schema'::regnamespace
        union all
        select 'pg_class'::regclass, a.attrelid, a.attnum, a.attacl,
            (select c.relowner from pg_class c where c.oid = a.attrelid), 'c'
        from pg_attribute a
        where a.attacl is not null
        union all
        select 'pg_proc'::regclass, p.oid, 0, p.proacl, p.proowner, 'f'
        from pg_proc p
        where p.proacl is not null
        union all
        select 'pg_type'::regclass, t.oid, 0, t.typacl, t.typowner, 'T'
        from pg_type t
        where t.typacl is not null
        union all
        select 'pg_namespace'::regclass, n.oid, 0, n.nspacl, n.nspowner, 'n'
        from pg_namespace n
        where n.nspacl is not null and n.nspname not in ('public', 'information_schema')
        union all
        select 'pg_language'::regclass, l.oid, 0, l.lanacl, l.lanowner, 'l'
        from pg_language l
        where l.lanacl is not null
        union all
        select 'pg_foreign_data_wrapper'::regclass, w.oid, 0, w.fdwacl, w.fdwowner, 'F'
        from pg_foreign_data_wrapper w
        where w.fdwacl is not null
    ) o(class, oid, sub, privileges, owner, type)
    left join pg_init_privs i on i.objoid = o.oid and i.classoid = o.class and i.objsubid = o.sub
    where i.initprivs is distinct from o.privileges
        and (
            o.oid < 16384
            or exists (
                select
                from pg_depend e
                where e.refclassid = 'pg_extension'::regclass and e.classid = o.class
                    and e.objid = o.oid and e.deptype = 'e'
            )
        )
)
select
    'system grant' as kind,
    'on ' || case c.class
        when 'pg_proc'::regclass then 'function ' || c.oid::regprocedure::text
        when 'pg_type'::regclass then 'type ' || c.oid::regtype::text
        when 'pg_namespace'::regclass then 'schema ' || c.oid::regnamespace::text
        when 'pg_language'::regclass then 'language ' || (
            select quote_ident(l.lanname) from pg_language l where l.oid = c.oid
        )
        when 'pg_foreign_data_wrapper'::regclass then 'foreign-data wrapper ' || (
            select quote_ident(w.fdwname) from pg_foreign_data_wrapper w where w.oid = c.oid
        )
        else case when c.sub > 0 then 'column ' else 'table ' end || c.oid::regclass::text
            || coalesce((
                select '.' || quote_ident(a.attname)
                from pg_attribute a
                where a.attrelid = c.oid and a.attnum = nullif(c.sub, 0)
            ), '')
    end as name,
    d.described as "definition"
from changed c
cross join lateral (
    select string_agg(s.described, '; ' order by s.described collate "C")
    from (
        select x.what || string_agg(lower(x.privilege), ', ' order by x.privilege collate "C")
            || x.whom || case
                when x.grantee = 0 then 'public' when x.grantee = c.owner then 'the owner'
                else x.grantee::regrole::text
            end
            || case when x.is_grantable then ' with grant option' else '' end
        from (
            (
                select 'granted ', ' to ', p.grantee, p.privilege_type, p.is_grantable
                from aclexplode(c.privileges) p
                except
                select 'granted ', ' to ', p.grantee, p.privilege_type, p.is_grantable
                from aclexplode(c.defaults) p
            )
            union all
            (
                select 'revoked ', ' from ', p.grantee, p.privilege_type, p.is_grantable
                from aclexplode(c.defaults) p
                except
                select 'revoked ', ' from ', p.grantee, p.privilege_type, p.is_grantable
                from aclexplode(c.privileges) p
            )
        ) x(what, whom, grantee, privilege, is_grantable)
        group by x.what, x.whom, x.grantee, x.is_grantable
    ) s(described)
) d(described)
where d.described is not null;
