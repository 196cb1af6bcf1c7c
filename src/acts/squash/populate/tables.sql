-- What rows of ordinary tables and of partitioned ones must satisfy, a JSON document for each.
select json_build_object(
    'name', format('%I.%I', n.nspname, c.relname),
    'may_have_rows', c.relkind = 'p' or c.relhassubclass or pg_relation_size(c.oid) > 0,
    'columns', (
        -- Without those that nobody may fill.
        select coalesce(json_agg(json_build_object(
            'name', quote_ident(a.attname),
            'type', format_type(a.atttypid, a.atttypmod),
            'type_id', a.atttypid::int8,
            'modifier', a.atttypmod,
            'is_nullable', not a.attnotnull,
            'default', pg_get_expr(d.adbin, d.adrelid),
            'counts', a.attidentity = 'd' or coalesce(d.adbin::text
                ~ format(':funcid %s ', 'nextval(regclass)'::regprocedure::oid), false)
        ) order by a.attnum), '[]')
        from pg_attribute a
        left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
            and a.attgenerated = '' and a.attidentity <> 'a'
    ),
    'conditions', (
        select coalesce(json_agg(k.condition order by k.name), '[]')
        from (
            select k.conname as name, json_build_object(
                'name', k.conname,
                'columns', (
                    select coalesce(json_agg(quote_ident(a.attname) order by a.attnum), '[]')
                    from pg_attribute a
                    where a.attrelid = c.oid and a.attnum = any (k.conkey)
                ),
                'expression', pg_get_expr(k.conbin, k.conrelid)
            ) as condition
            from pg_constraint k
            where k.conrelid = c.oid and k.contype = 'c'
            union all
            -- A row goes into one of the partitions that are there.
            select 'partition of ' || c.relname, json_build_object(
                'name', '',
                'columns', (
                    select coalesce(json_agg(distinct quote_ident(a.attname)), '[]')
                    from pg_partition_tree(c.oid) t
                    join pg_partitioned_table p on p.partrelid = t.relid
                    join pg_attribute a on a.attrelid = t.relid and a.attnum = any (p.partattrs)
                ),
                'expression', (
                    select coalesce(
                        string_agg('(' || coalesce(pg_get_partition_constraintdef(t.relid), 'true')
                            || ')', ' or ' order by t.relid::regclass::text), 'false')
                    from pg_partition_tree(c.oid) t
                    where t.isleaf
                )
            )
            where c.relkind = 'p'
        ) k
    ),
    'references', (
        select coalesce(json_agg(json_build_object(
            'name', k.conname,
            'columns', (
                select json_agg(quote_ident(a.attname) order by u.place)
                from unnest(k.conkey) with ordinality u(number, place)
                join pg_attribute a on a.attrelid = c.oid and a.attnum = u.number
            ),
            'table', (
                select format('%I.%I', rn.nspname, r.relname)
                from pg_class r join pg_namespace rn on rn.oid = r.relnamespace
                where r.oid = k.confrelid
            ),
            'their_columns', (
                select json_agg(quote_ident(a.attname) order by u.place)
                from unnest(k.confkey) with ordinality u(number, place)
                join pg_attribute a on a.attrelid = k.confrelid and a.attnum = u.number
            )
        ) order by k.conname), '[]')
        from pg_constraint k
        where k.conrelid = c.oid and k.contype = 'f'
            -- Not the copies that Postgres keeps for partitions.
            and not exists (
                select from pg_constraint o
                where o.oid = k.conparentid and o.conrelid = k.conrelid
            )
    ),
    'keys', (
        select coalesce(json_agg(json_build_object(
            'name', ic.relname,
            'columns', (
                select coalesce(json_agg(quote_ident(a.attname) order by a.attnum), '[]')
                from pg_attribute a
                where a.attrelid = c.oid and (
                    a.attnum = any ((i.indkey::int2[])[0:i.indnkeyatts - 1])
                    or exists (
                        -- In an expression.
                        select from pg_depend u
                        where i.indexprs is not null
                            and u.classid = 'pg_class'::regclass and u.objid = i.indexrelid
                            and u.refclassid = 'pg_class'::regclass and u.refobjid = c.oid
                            and u.refobjsubid = a.attnum
                    )
                )
            ),
            'is_plain', i.indisunique and i.indexprs is null
        ) order by ic.relname), '[]')
        from pg_index i
        join pg_class ic on ic.oid = i.indexrelid
        where i.indrelid = c.oid and (i.indisunique or i.indisexclusion)
    )
)::text
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p')
    and not c.relispartition
    and c.relpersistence <> 't'
    and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (
        select from pg_depend x
        where x.refclassid = 'pg_extension'::regclass and x.classid = 'pg_class'::regclass
            and x.objid = c.oid and x.deptype = 'e'
    )
order by format('%I.%I', n.nspname, c.relname) collate "C";
