-- Settings of this database, for all roles or for one (ALTER DATABASE … SET, ALTER ROLE … IN
-- DATABASE … SET). The database's own name is left out: every scratch database has another.
select
    'setting' as kind,
    quote_ident(split_part(o.option, '=', 1))
        || case when s.setrole <> 0 then ' for ' || s.setrole::regrole::text else '' end as name,
    substr(o.option, strpos(o.option, '=') + 1) as "value"
from pg_db_role_setting s
cross join unnest(s.setconfig) o(option)
where s.setdatabase = (select d.oid from pg_database d where d.datname = current_database());
