-- Row security policies.
select
    'policy' as kind,
    p.polrelid::regclass::text || '.' || quote_ident(p.polname) as name,
    array[
        'command', case p.polcmd
            when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update'
            when 'd' then 'delete' else 'all'
        end,
        'restrictive', case when not p.polpermissive then 'yes' end,
        'roles', (
            select string_agg(r.name, ', ' order by r.name collate "C")
            from (
                select case when u.role = 0 then 'public' else u.role::regrole::text end as name
                from unnest(p.polroles) as u(role)
            ) r
        ),
        'using', pg_get_expr(p.polqual, p.polrelid),
        'with check', pg_get_expr(p.polwithcheck, p.polrelid),
        'comment', obj_description(p.oid, 'pg_policy')
    ] as attributes
from pg_policy p
join pg_class c on c.oid = p.polrelid
where c.relpersistence <> 't'
    and c.oid not in (
        select e.objid
        from pg_depend e
        where e.refclassid = 'pg_extension'::regclass and e.classid = 'pg_class'::regclass
            and e.deptype = 'e'
    );
