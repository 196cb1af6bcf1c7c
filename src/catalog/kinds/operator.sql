-- Operators. One that only another's COMMUTATOR or NEGATOR names, and that nobody created, can't be
-- used; pg_dump doesn't write it either.
select
    'operator' as kind,
    o.oid::regoperator::text as name,
    o.oprcode::regprocedure::text as "function",
    case when o.oprcom <> 0 then o.oprcom::regoperator::text end as "commutator",
    case when o.oprnegate <> 0 then o.oprnegate::regoperator::text end as "negator",
    nullif(o.oprrest::regproc::text, '-') as "restriction estimator",
    nullif(o.oprjoin::regproc::text, '-') as "join estimator",
    case when o.oprcanhash then 'yes' end as "hashes",
    case when o.oprcanmerge then 'yes' end as "merges",
    o.oprowner::regrole::text as "owner",
    obj_description(o.oid, 'pg_operator') as "comment"
from pg_operator o
where o.oid >= 16384 and o.oprcode <> 0
    and o.oprnamespace <> all ({system schemas})
    and o.oid <> all ({members of pg_operator});
