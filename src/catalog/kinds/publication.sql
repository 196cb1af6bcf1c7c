-- Publications. Columns that came with Postgres 15 (row filters, column lists) and 18 (generated
-- columns) are read through to_jsonb, which has no key where an older version has no column. The
-- schemas of a publication (15) are read from its dependencies: a query cannot name a table that
-- an older version does not have. Since 19 a table may be left out of all.
select
    'publication' as kind,
    quote_ident(p.pubname) as name,
    case when p.puballtables then 'yes' end as "all tables",
    case when to_jsonb(p) ->> 'puballsequences' = 'true' then 'yes' end as "all sequences",
    (
        select string_agg(
            s.refobjid::regnamespace::text, ', '
            order by s.refobjid::regnamespace::text collate "C"
        )
        from pg_depend m
        join pg_depend s on s.classid = m.classid and s.objid = m.objid
            and s.refclassid = 'pg_namespace'::regclass
        where m.classid = to_regclass('pg_catalog.pg_publication_namespace')
            and m.refclassid = 'pg_publication'::regclass and m.refobjid = p.oid
    ) as "schemas",
    l.included as "tables",
    l.excluded as "except tables",
    concat_ws(', ',
        case when p.pubinsert then 'insert' end, case when p.pubupdate then 'update' end,
        case when p.pubdelete then 'delete' end, case when p.pubtruncate then 'truncate' end
    ) as "publishes",
    case when p.pubviaroot then 'yes' end as "via root",
    case to_jsonb(p) ->> 'pubgencols' when 's' then 'stored' end as "generated columns",
    p.pubowner::regrole::text as "owner",
    obj_description(p.oid, 'pg_publication') as "comment"
from pg_publication p
cross join lateral (
    select
        string_agg(t.described, ', ' order by t.described collate "C")
            filter (where not t.is_excluded),
        string_agg(t.described, ', ' order by t.described collate "C")
            filter (where t.is_excluded)
    from (
        select
            r.prrelid::regclass::text
                || coalesce(' (' || (
                    select string_agg(quote_ident(a.attname), ', ' order by a.attnum)
                    from pg_attribute a
                    where a.attrelid = r.prrelid
                        and to_jsonb(r) -> 'prattrs' @> to_jsonb(a.attnum)
                ) || ')', '')
                || coalesce(' where (' || (
                    -- In parentheses, because a filter that is one column or one call has none.
                    -- Unqualified, "prqual" is the inner table's column where there is one, else
                    -- the outer null: to_jsonb would lose its type.
                    select pg_get_expr(prqual, x.prrelid)
                    from pg_publication_rel x
                    where x.oid = r.oid
                ) || ')', ''),
            coalesce((to_jsonb(r) ->> 'prexcept')::bool, false)
        from pg_publication_rel r
        cross join (select null::pg_node_tree as prqual) absent
        where r.prpubid = p.oid
    ) t(described, is_excluded)
) l(included, excluded);
