-- Enums, composite types, domains and ranges. Row types of tables, array types and multiranges
-- are made by Postgres beside what they belong to. Composite types have columns, domains have
-- constraints, as objects of their own.
select
    case t.typtype
        when 'e' then 'enum' when 'c' then 'composite type' when 'd' then 'domain'
        when 'r' then 'range type'
    end as kind,
    t.oid::regtype::text as name,
    array[
        'labels', case when t.typtype = 'e' then (
            select string_agg(quote_literal(l.enumlabel), ', ' order by l.enumsortorder)
            from pg_enum l
            where l.enumtypid = t.oid
        ) end,
        'base type', case when t.typtype = 'd' then format_type(t.typbasetype, t.typtypmod) end,
        'collation', case when t.typtype = 'd' and t.typcollation <> (
            select b.typcollation from pg_type b where b.oid = t.typbasetype
        ) then t.typcollation::regcollation::text end,
        'not null', case when t.typnotnull then 'yes' end,
        'default', case when t.typtype = 'd' then t.typdefault end,
        'subtype', format_type(r.rngsubtype, null),
        'subtype collation', case when r.rngcollation <> (
            select b.typcollation from pg_type b where b.oid = r.rngsubtype
        ) then r.rngcollation::regcollation::text end,
        'subtype operator class', (
            select o.opcnamespace::regnamespace::text || '.' || quote_ident(o.opcname)
            from pg_opclass o
            where o.oid = r.rngsubopc
        ),
        'canonical function', nullif(r.rngcanonical::regproc::text, '-'),
        'difference function', nullif(r.rngsubdiff::regproc::text, '-'),
        'multirange type', nullif(r.rngmultitypid::regtype::text, '-'),
        'owner', t.typowner::regrole::text,
        'comment', obj_description(t.oid, 'pg_type')
    ] as attributes
from pg_type t
left join pg_range r on r.rngtypid = t.oid
where t.oid >= 16384
    and (
        t.typtype in ('e', 'd', 'r')
        or t.typtype = 'c' and (select c.relkind from pg_class c where c.oid = t.typrelid) = 'c'
    )
    and t.typnamespace not in (
        select n.oid
        from pg_namespace n
        where n.nspname ~ '^pg_' or n.nspname = 'information_schema'
    )
    and t.oid not in (
        select e.objid
        from pg_depend e
        where e.refclassid = 'pg_extension'::regclass and e.classid = 'pg_type'::regclass
            and e.deptype = 'e'
    );
