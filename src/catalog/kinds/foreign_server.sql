-- Foreign servers. User mappings are left out: their options are passwords, which only a
-- superuser may read.
select
    'foreign server' as kind,
    quote_ident(s.srvname) as name,
    array[
        'wrapper', quote_ident(w.fdwname),
        'type', s.srvtype,
        'version', s.srvversion,
        'options', array_to_string(s.srvoptions, ', '),
        'owner', s.srvowner::regrole::text,
        'comment', obj_description(s.oid, 'pg_foreign_server')
    ] as attributes
from pg_foreign_server s
join pg_foreign_data_wrapper w on w.oid = s.srvfdw
where s.oid not in (
        select e.objid
        from pg_depend e
        where e.refclassid = 'pg_extension'::regclass and e.classid = 'pg_foreign_server'::regclass
            and e.deptype = 'e'
    );
