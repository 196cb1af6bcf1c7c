-- Schemas. What initdb gives `public` is not said: Postgres 14 makes it the bootstrap superuser's,
-- later ones pg_database_owner's, and pg_dump does not write it either.
select
    'schema' as kind,
    quote_ident(n.nspname) as name,
    case
        when n.nspname <> 'public' or n.nspowner <> case
            when current_setting('server_version_num')::int >= 150000
            then 'pg_database_owner'::regrole::oid
            else 10 -- the bootstrap superuser, whatever its name
        end
        then n.nspowner::regrole::text
    end as "owner",
    obj_description(n.oid, 'pg_namespace') as "comment"
from pg_namespace n
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and n.oid <> all ({members of pg_namespace});
