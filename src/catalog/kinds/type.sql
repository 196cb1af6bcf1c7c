-- Types. Row types of tables, array types and multiranges are made by Postgres beside what they
-- belong to. Composite types have columns, domains have constraints, as objects of their own. A
-- shell type is a name that was announced; a base type has properties that only C code knows.
select
    case t.typtype
        when 'e' then 'enum' when 'c' then 'composite type' when 'd' then 'domain'
        when 'r' then 'range type' when 'p' then 'shell type' else 'base type'
    end as kind,
    case
        when t.typtype = 'b' then t.oid::regtype::text
        else t.typnamespace::regnamespace::text || '.' || quote_ident(t.typname)
    end as name,
    case when t.typtype = 'e' then (
        select string_agg(quote_literal(l.enumlabel), ', ' order by l.enumsortorder)
        from pg_enum l
        where l.enumtypid = t.oid
    ) end as "labels",
    case when t.typtype = 'd' then format_type(t.typbasetype, t.typtypmod) end as "base type",
    case when t.typtype = 'd' and t.typcollation <> (
        select b.typcollation from pg_type b where b.oid = t.typbasetype
    ) then t.typcollation::regcollation::text end as "collation",
    case when t.typnotnull then 'yes' end as "not null",
    -- A constraint since Postgres 17. Not the name that Postgres chooses.
    case
        when octet_length(t.typname || '_not_null') > 63
            then case when n.conname !~ '_not_null[0-9]*$' then quote_ident(n.conname) end
        when not starts_with(n.conname::text, t.typname || '_not_null')
            or substr(n.conname::text, length(t.typname || '_not_null') + 1) !~ '^[0-9]*$'
            then quote_ident(n.conname)
    end as "not null name",
    case when n.oid is not null then obj_description(n.oid, 'pg_constraint')
    end as "not null comment",
    -- The text beside it is as it was spelled with the search path of its creation.
    -- A null constant is no default, unless the type below has one that it stands in front of.
    case
        when t.typdefaultbin is null then quote_literal(t.typdefault)
        when exists (
            select from pg_type b where b.oid = t.typbasetype and b.typdefault is not null
        ) then pg_get_expr(t.typdefaultbin, 0)
        else nullif(regexp_replace(
            pg_get_expr(t.typdefaultbin, 0),
            '^(NULL|\(NULL::([a-z0-9_. \[\]]|"[^"]*")+\))(::.*)?$', ''
        ), '')
    end as "default",
    format_type(r.rngsubtype, null) as "subtype",
    case when r.rngcollation <> (
        select b.typcollation from pg_type b where b.oid = r.rngsubtype
    ) then r.rngcollation::regcollation::text end as "subtype collation",
    case when r.rngsubopc is not null then (
        select o.opcnamespace::regnamespace::text || '.' || quote_ident(o.opcname)
        from pg_opclass o
        where o.oid = r.rngsubopc
    ) end as "subtype operator class",
    nullif(r.rngcanonical::regproc::text, '-') as "canonical function",
    nullif(r.rngsubdiff::regproc::text, '-') as "difference function",
    nullif(r.rngmultitypid::regtype::text, '-') as "multirange type",
    case when t.typtype = 'b' then t.typinput::regproc::text end as "input function",
    case when t.typtype = 'b' then t.typoutput::regproc::text end as "output function",
    case
        when t.typtype = 'b' and t.typreceive <> 0 then t.typreceive::regproc::text
    end as "receive function",
    case
        when t.typtype = 'b' and t.typsend <> 0 then t.typsend::regproc::text
    end as "send function",
    case
        when t.typtype = 'b' and t.typmodin <> 0 then t.typmodin::regproc::text
    end as "modifier input function",
    case
        when t.typtype = 'b' and t.typmodout <> 0 then t.typmodout::regproc::text
    end as "modifier output function",
    case
        when t.typtype = 'b' and t.typanalyze <> 0 then t.typanalyze::regproc::text
    end as "analyze function",
    case
        when t.typtype = 'b' and t.typsubscript <> 0 then t.typsubscript::regproc::text
    end as "subscript function",
    case when t.typtype = 'b' then case t.typlen
        when -1 then 'variable' when -2 then 'up to a zero byte' else t.typlen::text
    end end as "length",
    case when t.typtype = 'b' and t.typbyval then 'yes' end as "passed by value",
    case when t.typtype = 'b' then case t.typalign
        when 'c' then 'char' when 's' then 'int2' when 'd' then 'double'
    end end as "alignment",
    case when t.typtype = 'b' then case t.typstorage
        when 'e' then 'external' when 'x' then 'extended' when 'm' then 'main'
    end end as "storage",
    case
        when t.typtype = 'b' and t.typcategory <> 'U' then t.typcategory::text
    end as "category",
    case when t.typtype = 'b' and t.typispreferred then 'yes' end as "preferred",
    case
        when t.typtype = 'b' and t.typelem <> 0 then format_type(t.typelem, null)
    end as "element",
    case when t.typtype = 'b' and t.typdelim <> ',' then t.typdelim::text end as "delimiter",
    case when t.typtype = 'b' and t.typcollation <> 0 then 'yes' end as "collatable",
    t.typowner::regrole::text as "owner",
    x.description as "comment"
from pg_type t
left join {comments on pg_type} x on x.objoid = t.oid
left join pg_range r on r.rngtypid = t.oid
left join pg_constraint n on n.contypid = t.oid and n.contypid >= 16384 and n.contype = 'n'
where t.oid >= 16384
    and (
        t.typtype in ('e', 'd', 'r')
        or t.typtype = 'c' and (select c.relkind from pg_class c where c.oid = t.typrelid) = 'c'
        or t.typtype = 'p' and not t.typisdefined
        -- Not what was made as the array of another.
        or t.typtype = 'b' and (
            t.typelem = 0
            or (select e.typarray from pg_type e where e.oid = t.typelem) <> t.oid
        )
    )
    and t.typnamespace <> all ({system schemas})
    and t.oid <> all ({members of pg_type});
