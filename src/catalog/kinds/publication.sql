-- Publications. Columns that came with Postgres 15 (row filters, column lists) and 18 (generated
-- columns) are read through to_jsonb, which has no key where an older version has no column. The
-- schemas of a publication (15) are read from its dependencies: a query cannot name a table that
-- an older version does not have.
select
    'publication' as kind,
    quote_ident(p.pubname) as name,
    array[
        'all tables', case when p.puballtables then 'yes' end,
        'all sequences', case when to_jsonb(p) ->> 'puballsequences' = 'true' then 'yes' end,
        'schemas', (
            select string_agg(
                s.refobjid::regnamespace::text, ', '
                order by s.refobjid::regnamespace::text collate "C"
            )
            from pg_depend m
            join pg_depend s on s.classid = m.classid and s.objid = m.objid
                and s.refclassid = 'pg_namespace'::regclass
            where m.classid = to_regclass('pg_catalog.pg_publication_namespace')
                and m.refclassid = 'pg_publication'::regclass and m.refobjid = p.oid
        ),
        'tables', (
            select string_agg(l.described, ', ' order by l.described collate "C")
            from (
                select r.prrelid::regclass::text
                    || coalesce(' (' || (
                        select string_agg(quote_ident(a.attname), ', ' order by a.attnum)
                        from pg_attribute a
                        where a.attrelid = r.prrelid
                            and to_jsonb(r) -> 'prattrs' @> to_jsonb(a.attnum)
                    ) || ')', '')
                    || coalesce(' where ' || (
                        -- Unqualified, "prqual" is the inner table's column where there is one,
                        -- else the outer null: to_jsonb would lose its type.
                        select pg_get_expr(prqual, x.prrelid)
                        from pg_publication_rel x
                        where x.oid = r.oid
                    ), '') as described
                from pg_publication_rel r
                cross join (select null::pg_node_tree as prqual) absent
                where r.prpubid = p.oid
            ) l
        ),
        'publishes', concat_ws(', ',
            case when p.pubinsert then 'insert' end, case when p.pubupdate then 'update' end,
            case when p.pubdelete then 'delete' end, case when p.pubtruncate then 'truncate' end
        ),
        'via root', case when p.pubviaroot then 'yes' end,
        'generated columns', case to_jsonb(p) ->> 'pubgencols' when 's' then 'stored' end,
        'owner', p.pubowner::regrole::text,
        'comment', obj_description(p.oid, 'pg_publication')
    ] as attributes
from pg_publication p;
