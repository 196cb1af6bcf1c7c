-- Procedural languages that no extension brings.
select
    'language' as kind,
    quote_ident(l.lanname) as name,
    case when l.lanpltrusted then 'yes' end as "trusted",
    l.lanplcallfoid::regprocedure::text as "handler",
    nullif(l.laninline::regprocedure::text, '-') as "inline handler",
    nullif(l.lanvalidator::regprocedure::text, '-') as "validator",
    l.lanowner::regrole::text as "owner",
    obj_description(l.oid, 'pg_language') as "comment"
from pg_language l
where l.oid >= 16384
    and l.oid <> all ({members of pg_language});
