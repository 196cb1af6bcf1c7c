-- Extended statistics: the objects, not what ANALYZE gathered for them.
select
    'statistics' as kind,
    s.stxnamespace::regnamespace::text || '.' || quote_ident(s.stxname) as name,
    array[
        'definition', pg_get_statisticsobjdef(s.oid),
        -- Absent is -1 until Postgres 16 and null since.
        'statistics target', nullif(s.stxstattarget, -1)::text,
        'owner', s.stxowner::regrole::text,
        'comment', obj_description(s.oid, 'pg_statistic_ext')
    ] as attributes
from pg_statistic_ext s
where s.stxrelid not in (
        select e.objid
        from pg_depend e
        where e.refclassid = 'pg_extension'::regclass and e.classid = 'pg_class'::regclass
            and e.deptype = 'e'
    );
