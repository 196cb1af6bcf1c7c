-- Transforms. One has no name but its type and its language, and no owner.
select
    'transform' as kind,
    'for ' || format_type(t.trftype, null) || ' language ' || quote_ident(l.lanname) as name,
    nullif(t.trffromsql::regprocedure::text, '-') as "from sql",
    nullif(t.trftosql::regprocedure::text, '-') as "to sql",
    obj_description(t.oid, 'pg_transform') as "comment"
from pg_transform t
join pg_language l on l.oid = t.trflang
where t.oid >= 16384
    and t.oid <> all ({members of pg_transform});
