-- The query by which a catalog is known again: where the rows of the server's own tables are, and
-- which transaction wrote them. Whatever changes a schema writes some anew, and a copy of a database
-- has them as they were. Statistics and what large objects hold are no schema. Of what all databases
-- share, what is another one's is left out.
--
-- One sum for all tables, each with a seed of its own: to plan a sum for each of them takes longer
-- than to take it.
--
-- Only a superuser may read all of it; for others there is no query.
select 'digest', (
    select 'select sum(one.hash)::text from ('
        || string_agg(
            format(
                'select hash_record_extended(row(ctid, xmin), %s) as hash from pg_catalog.%I',
                c.oid, c.relname
            ),
            ' union all '
        )
        || ' union all
        select hashtextextended(row(d.datdba, d.datacl)::text collate "C", 1)
        from pg_database d
        where d.datname = current_database()
        union all
        select hashtextextended(s.description collate "C", 2)
        from pg_shdescription s, pg_database d
        where d.datname = current_database() and s.objoid = d.oid
            and s.classoid = ''pg_database''::regclass
        union all
        select hashtextextended(row(s.provider, s.label)::text collate "C", 3)
        from pg_shseclabel s, pg_database d
        where d.datname = current_database() and s.objoid = d.oid
            and s.classoid = ''pg_database''::regclass
        union all
        select hashtextextended(row(s.setrole, s.setconfig)::text collate "C", 4)
        from pg_db_role_setting s, pg_database d
        where d.datname = current_database() and s.setdatabase = d.oid
        ) one;'
    from pg_class c
    where c.relnamespace = 'pg_catalog'::regnamespace and c.relkind = 'r'
        and (
            not c.relisshared
            or c.relname in (
                'pg_authid', 'pg_auth_members', 'pg_parameter_acl', 'pg_shseclabel',
                'pg_subscription', 'pg_tablespace'
            )
        )
        and c.relname not in ('pg_statistic', 'pg_statistic_ext_data', 'pg_largeobject')
)
where current_setting('is_superuser') = 'on';
