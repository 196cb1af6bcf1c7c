-- Extended statistics: the objects, not what ANALYZE gathered for them.
select
    'statistics' as kind,
    s.stxnamespace::regnamespace::text || '.' || quote_ident(s.stxname) as name,
    pg_get_statisticsobjdef(s.oid) as "definition",
    -- Absent is -1 until Postgres 16 and null since.
    nullif(s.stxstattarget, -1)::text as "statistics target",
    s.stxowner::regrole::text as "owner",
    obj_description(s.oid, 'pg_statistic_ext') as "comment"
from pg_statistic_ext s
where s.stxrelid <> all ({members of pg_class});
