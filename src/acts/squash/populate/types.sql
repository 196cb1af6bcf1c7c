-- The types of columns, and those below them, a JSON document for each.
with recursive used(oid) as (
    select a.atttypid
    from pg_attribute a
    join pg_class c on c.oid = a.attrelid
    join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped
        and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    union
    select below.oid
    from used
    join pg_type t on t.oid = used.oid
    cross join lateral (
        select t.typbasetype where t.typtype = 'd'
        union all
        select t.typelem where t.typelem <> 0 and t.typcategory = 'A'
        union all
        select r.rngsubtype from pg_range r where r.rngtypid = t.oid or r.rngmultitypid = t.oid
        union all
        select a.atttypid
        from pg_attribute a
        where t.typtype = 'c' and a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped
    ) below(oid)
)
select json_build_object(
    'id', t.oid::int8,
    'name', t.typname,
    'sort', case when t.typcategory = 'A' then 'A' else t.typtype::text end,
    'category', t.typcategory::text,
    'labels', (
        select coalesce(json_agg(e.enumlabel order by e.enumsortorder), '[]')
        from pg_enum e where e.enumtypid = t.oid
    ),
    'below', coalesce(
        case
            when t.typtype = 'd'
                then json_build_array(json_build_array(t.typbasetype::int8, t.typtypmod))
            when t.typcategory = 'A' and t.typelem <> 0
                then json_build_array(json_build_array(t.typelem::int8, -1))
            when t.typtype = 'c' then (
                select json_agg(json_build_array(a.atttypid::int8, a.atttypmod) order by a.attnum)
                from pg_attribute a
                where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped
            )
            else (
                select json_agg(json_build_array(r.rngsubtype::int8, -1))
                from pg_range r where r.rngtypid = t.oid or r.rngmultitypid = t.oid
            )
        end, '[]'),
    'conditions', (
        select coalesce(json_agg(pg_get_constraintdef(k.oid) order by k.conname), '[]')
        from pg_constraint k
        where k.contypid = t.oid
    )
)::text
from used
join pg_type t on t.oid = used.oid
order by t.oid;
