-- Foreign data: wrappers, servers and user mappings, with their options in order of name. The value
-- of an option that sounds secret is told by a digest, which shows that it differs and no more.
--
-- Postgres shows the options of a user mapping to those alone who may use them; the conditions are
-- those of the view pg_user_mappings, where an absent value says both "none" and "not for you".
with options (class, object, described) as (
    select
        s.class, s.object,
        string_agg(
            quote_ident(o.option_name) || ' ' || case
                when o.option_name ~* 'pass|secret|token|credential|key$' then '(digest '
                    || left(encode(sha256(convert_to(o.option_value, 'UTF8')), 'hex'), 8) || ')'
                else quote_literal(o.option_value)
            end,
            ', ' order by o.option_name collate "C"
        )
    from (
        select 'wrapper', w.oid, w.fdwoptions from pg_foreign_data_wrapper w
        union all
        select 'server', s.oid, s.srvoptions from pg_foreign_server s
        union all
        select 'mapping', m.umid, m.umoptions from pg_user_mappings m
    ) s(class, object, options)
    cross join pg_options_to_table(s.options) o
    group by s.class, s.object
)
select
    'foreign-data wrapper' as kind,
    quote_ident(w.fdwname) as name,
    nullif(w.fdwhandler::regproc::text, '-') as "handler",
    nullif(w.fdwvalidator::regproc::text, '-') as "validator",
    nullif((to_jsonb(w) ->> 'fdwconnection')::oid::regproc::text, '-') as "connection function",
    null as "wrapper",
    null as "type",
    null as "version",
    (
        select o.described from options o where o.class = 'wrapper' and o.object = w.oid
    ) as "options",
    w.fdwowner::regrole::text as "owner",
    obj_description(w.oid, 'pg_foreign_data_wrapper') as "comment"
from pg_foreign_data_wrapper w
where w.oid <> all ({members of pg_foreign_data_wrapper})
union all
select
    'foreign server',
    quote_ident(s.srvname),
    null, null, null, -- which a wrapper has
    quote_ident(w.fdwname),
    s.srvtype,
    s.srvversion,
    (select o.described from options o where o.class = 'server' and o.object = s.oid),
    s.srvowner::regrole::text,
    obj_description(s.oid, 'pg_foreign_server')
from pg_foreign_server s
join pg_foreign_data_wrapper w on w.oid = s.srvfdw
where s.oid <> all ({members of pg_foreign_server})
union all
select
    'user mapping',
    'for ' || case m.umuser when 0 then 'public' else m.umuser::regrole::text end
        || ' on ' || quote_ident(m.srvname),
    null, null, null, null, null, null, -- which the others have
    (select o.described from options o where o.class = 'mapping' and o.object = m.umid),
    null, null
from pg_user_mappings m;

select distinct 'unseen' as kind, 'options of user mappings' as name
from pg_user_mappings m
join pg_foreign_server s on s.oid = m.srvid
where m.umoptions is null
    and not (select r.rolsuper from pg_roles r where r.rolname = current_user)
    and not case m.umuser
        when 0 then pg_has_role(s.srvowner, 'usage')
        else m.usename = current_user
            and (pg_has_role(s.srvowner, 'usage') or has_server_privilege(s.oid, 'usage'))
    end;
