-- Row security policies.
select
    'policy' as kind,
    p.polrelid::regclass::text || '.' || quote_ident(p.polname) as name,
    case p.polcmd
        when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update'
        when 'd' then 'delete' else 'all'
    end as "command",
    case when not p.polpermissive then 'yes' end as "restrictive",
    (
        select string_agg(r.name, ', ' order by r.name collate "C")
        from (
            select case when u.role = 0 then 'public' else u.role::regrole::text end as name
            from unnest(p.polroles) as u(role)
        ) r
    ) as "roles",
    pg_get_expr(p.polqual, p.polrelid) as "using",
    pg_get_expr(p.polwithcheck, p.polrelid) as "with check",
    obj_description(p.oid, 'pg_policy') as "comment"
from pg_policy p
join pg_class c on c.oid = p.polrelid
where c.relpersistence <> 't'
    and c.oid <> all ({members of pg_class});
