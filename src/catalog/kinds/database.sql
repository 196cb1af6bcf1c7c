-- The database itself, without its name: every scratch database has another. Its settings are
-- objects of their own, its grants come with all others.
--
-- Owner, encoding, locale, tablespace, connection limit, and whether it is a template or takes
-- connections are said by whoever runs CREATE DATABASE, which is not the schema's to do: they
-- would tell a server from another one, and no copy of a database has them all.
select
    'database' as kind,
    'itself' as name,
    shobj_description(d.oid, 'pg_database') as "comment"
from pg_database d
where d.datname = current_database();
