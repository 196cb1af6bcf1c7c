-- Access methods, which have no owner.
select
    'access method' as kind,
    quote_ident(a.amname) as name,
    case a.amtype when 't' then 'tables' else 'indexes' end as "for",
    a.amhandler::regproc::text as "handler",
    obj_description(a.oid, 'pg_am') as "comment"
from pg_am a
where a.oid >= 16384
    and a.oid <> all ({members of pg_am});
