-- Constraints of tables and domains. The definition says whether one is deferrable, validated,
-- enforced and inherited by children; what it does not say of its index follows.
--
-- Left out: NOT NULL constraints (contype 'n', Postgres 18), which the column tells; constraint
-- triggers ('t'), which are triggers; and the copies of a foreign key that Postgres keeps for
-- partitions on either side, whose names depend on the order of creation.
select
    case k.contype
        when 'p' then 'primary key'
        when 'u' then 'unique constraint'
        when 'f' then 'foreign key'
        when 'x' then 'exclusion constraint'
        else 'check constraint'
    end as kind,
    case when k.conrelid <> 0 then k.conrelid::regclass::text else k.contypid::regtype::text end
        || '.' || quote_ident(k.conname) as name,
    array[
        'definition', pg_get_constraintdef(k.oid),
        'inherited', case when k.coninhcount > 0 then
            case when k.conislocal then 'and declared here' else 'yes' end
        end,
        'index options', case when x.reloptions is not null then (
            select string_agg(o.option, ', ' order by o.option collate "C")
            from unnest(x.reloptions) o(option)
        ) end,
        'index tablespace', (
            select quote_ident(s.spcname) from pg_tablespace s where s.oid = x.reltablespace
        ),
        'index clustered', case when i.indisclustered then 'yes' end,
        'index invalid', case when not i.indisvalid then 'yes' end,
        'index comment', case when i.indexrelid <> 0 then (
            select d.description
            from pg_description d
            where d.classoid = 'pg_class'::regclass and d.objoid = i.indexrelid and d.objsubid = 0
        ) end,
        'comment', (
            select d.description
            from pg_description d
            where d.classoid = 'pg_constraint'::regclass and d.objoid = k.oid and d.objsubid = 0
        )
    ] as attributes
from pg_constraint k
-- A foreign key's conindid is the index that it refers to, another table's.
left join pg_index i on i.indexrelid = k.conindid and k.contype in ('p', 'u', 'x')
left join pg_class x on x.oid = i.indexrelid
where k.contype in ('p', 'u', 'f', 'x', 'c')
    and not (k.contype = 'f' and k.conparentid <> 0)
    and k.connamespace not in (
        select n.oid
        from pg_namespace n
        where n.nspname ~ '^pg_' or n.nspname = 'information_schema'
    )
    and k.conrelid not in (
        select e.objid
        from pg_depend e
        where e.refclassid = 'pg_extension'::regclass and e.classid = 'pg_class'::regclass
            and e.deptype = 'e'
    )
    and k.contypid not in (
        select e.objid
        from pg_depend e
        where e.refclassid = 'pg_extension'::regclass and e.classid = 'pg_type'::regclass
            and e.deptype = 'e'
    );
