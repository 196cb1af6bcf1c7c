-- How often rows were written since the database was created; a rolled back write counts too.
select
    s.relid::regclass::text, s.n_tup_ins::text, s.n_tup_upd::text, s.n_tup_del::text
from pg_stat_user_tables s
where s.n_tup_ins + s.n_tup_upd + s.n_tup_del > 0
    and s.schemaname !~ '^pg_'
    and s.relid not in (
        select e.objid
        from pg_depend e
        where e.refclassid = 'pg_extension'::regclass and e.classid = 'pg_class'::regclass
            and e.deptype = 'e'
    );
