-- The columns of ordinary tables and of partitions: what decides whether their values can be
-- compared between databases, and whether an app may change them.
select
    c.oid::regclass::text,
    quote_ident(a.attname),
    format_type(b.oid, null),
    b.typcategory::text,
    -- The longest text that fits.
    case when b.typname in ('varchar', 'bpchar') and m.typmod > 4 then (m.typmod - 4)::text end,
    -- Part of anything that rows are kept apart by.
    (exists (
        select from pg_index i
        where i.indrelid = c.oid and (i.indisunique or i.indisexclusion)
            and (a.attnum = any ((i.indkey::int2[])[0:i.indnkeyatts - 1]) or exists (
                -- In an expression.
                select from pg_depend u
                where (i.indexprs is not null or i.indpred is not null)
                    and u.classid = 'pg_class'::regclass and u.objid = i.indexrelid
                    and u.refclassid = 'pg_class'::regclass and u.refobjid = c.oid
                    and u.refobjsubid = a.attnum
            ))
    ))::text,
    -- Who fills it if nobody says a value. A default may be another one each time: what it calls
    -- is read from its tree, because nothing depends on the functions of Postgres itself. Those are
    -- volatile ones, those that tell the time, and what somebody has written, unless it is declared
    -- to be immutable. Where a sequence is depends on nothing but what was inserted before.
    case
        when a.attgenerated <> '' or a.attidentity <> '' then 'Postgres'
        when e.tree ~ 'SQLVALUEFUNCTION :op [0-8] ' or exists (
            select from regexp_matches(e.tree, ':(?:func|opfunc)id (\d+)', 'g') as f(ids)
            join pg_proc p on p.oid = f.ids[1]::oid
            where p.proname not in ('nextval', 'currval', 'lastval') and (
                p.provolatile = 'v'
                or p.oid >= 16384 and p.provolatile = 's'
                or p.proname in ('now', 'transaction_timestamp', 'statement_timestamp')
            )
        ) then 'volatile'
        when e.tree is not null then 'default'
    end,
    -- The columns to which it refers, as table and column.
    (
        select json_agg(json_build_array(k.confrelid::regclass::text, quote_ident(r.attname)))::text
        from pg_constraint k
        cross join unnest(k.conkey, k.confkey) as pair(ours, theirs)
        join pg_attribute r on r.attrelid = k.confrelid and r.attnum = pair.theirs
        where k.conrelid = c.oid and k.contype = 'f' and pair.ours = a.attnum
    ),
    -- The columns of the same table from which it is generated.
    case when a.attgenerated <> '' then (
        select json_agg(distinct quote_ident(s.attname))::text
        from pg_depend g
        join pg_attribute s on s.attrelid = c.oid and s.attnum = g.refobjsubid
        where g.refclassid = 'pg_class'::regclass and g.refobjid = c.oid
            and (
                g.classid = 'pg_attrdef'::regclass and g.objid = d.oid
                or g.classid = 'pg_class'::regclass and g.objid = c.oid and g.objsubid = a.attnum
            )
            and g.refobjsubid not in (0, a.attnum)
    ) end,
    -- Values that it surely may have: labels of its type, and what its constraints name.
    (
        select json_agg(v.value)::text from (
            select l.enumlabel::text from pg_enum l where l.enumtypid = b.oid
            union
            select q.literals[1]
            from pg_constraint k
            cross join regexp_matches(pg_get_constraintdef(k.oid), '''([^'']*)''', 'g') q(literals)
            where k.contype = 'c'
                and (k.conrelid = c.oid and a.attnum = any (k.conkey) or k.contypid = a.atttypid)
        ) v(value)
    ),
    -- Its place in the key by which rows are told apart.
    array_position((
        select (i.indkey::int2[])[0:i.indnkeyatts - 1]
        from pg_index i
        where i.indrelid = c.oid and i.indisunique and i.indisvalid
            and i.indpred is null and i.indexprs is null and not exists (
                select from pg_attribute n
                where n.attrelid = c.oid
                    and n.attnum = any ((i.indkey::int2[])[0:i.indnkeyatts - 1])
                    and not n.attnotnull
            )
        order by not i.indisprimary, i.indnatts, i.indexrelid::regclass::text limit 1
    ), a.attnum)::text,
    -- Whether a sequence counts its values.
    (
        a.attidentity <> ''
        or e.tree ~ format(':funcid %s ', 'pg_catalog.nextval(regclass)'::regprocedure::oid)
    )::text
from pg_class c
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
join pg_type t on t.oid = a.atttypid
join pg_type b on b.oid = case when t.typtype = 'd' then t.typbasetype else t.oid end
cross join lateral (
    select case when t.typtype = 'd' then t.typtypmod else a.atttypmod end as typmod
) m
left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
cross join lateral (
    select case
        when a.attgenerated = '' then coalesce(d.adbin, t.typdefaultbin)::text
    end as tree
) e
where c.relkind = 'r'
    and c.relpersistence <> 't'
    and c.relnamespace not in (
        select n.oid
        from pg_namespace n
        where n.nspname ~ '^pg_' or n.nspname = 'information_schema'
    )
    and c.oid not in (
        select x.objid
        from pg_depend x
        where x.refclassid = 'pg_extension'::regclass and x.classid = 'pg_class'::regclass
            and x.deptype = 'e'
    )
order by c.oid::regclass::text, a.attnum;
