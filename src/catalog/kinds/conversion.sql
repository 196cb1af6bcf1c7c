-- Conversions between encodings.
select
    'conversion' as kind,
    c.connamespace::regnamespace::text || '.' || quote_ident(c.conname) as name,
    pg_encoding_to_char(c.conforencoding)::text as "from",
    pg_encoding_to_char(c.contoencoding)::text as "to",
    c.conproc::regprocedure::text as "function",
    case when c.condefault then 'yes' end as "default",
    c.conowner::regrole::text as "owner",
    obj_description(c.oid, 'pg_conversion') as "comment"
from pg_conversion c
where c.oid >= 16384
    and c.connamespace <> all ({system schemas})
    and c.oid <> all ({members of pg_conversion});
