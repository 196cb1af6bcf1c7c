-- The query by which a catalog is known again: where the rows of the server's own tables are, and
-- which transaction wrote them. Whatever changes a schema writes some anew, and a copy of a database
-- has them as they were. Statistics and what large objects hold are no schema. Of what all databases
-- share, what is another one's is left out.
--
-- Only a superuser may read all of it; for others there is no query.
select 'digest', (
    select 'select string_agg(one.name || one.digest, '' '' order by one.name) from ('
        || string_agg(
            format(
                'select %L as name, coalesce(sum(hashtidextended(ctid, xmin::text::bigint)), 0)'
                    || '::text as digest from pg_catalog.%I',
                c.relname, c.relname
            ),
            ' union all '
        )
        || ' union all select ''itself'', (
            select hashtextextended(row(d.datdba, d.datacl)::text collate "C", 0)
            from pg_database d
            where d.datname = current_database()
        )::text
        union all select ''comment'', (
            select hashtextextended(string_agg(s.description, '''') collate "C", 0)
            from pg_shdescription s, pg_database d
            where d.datname = current_database() and s.objoid = d.oid
                and s.classoid = ''pg_database''::regclass
        )::text
        union all select ''label'', (
            select hashtextextended(
                string_agg(row(s.provider, s.label)::text, '''' order by s.provider) collate "C", 0
            )
            from pg_shseclabel s, pg_database d
            where d.datname = current_database() and s.objoid = d.oid
                and s.classoid = ''pg_database''::regclass
        )::text
        union all select ''settings'', (
            select hashtextextended(
                string_agg(row(s.setrole, s.setconfig)::text, '''' order by s.setrole) collate "C",
                0
            )
            from pg_db_role_setting s, pg_database d
            where d.datname = current_database() and s.setdatabase = d.oid
        )::text
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
