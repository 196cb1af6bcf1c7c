-- Constraints of tables and domains. The definition says whether one is deferrable, validated,
-- enforced and inherited by children; what it does not say of its index and triggers follows.
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
    coalesce(r.name, k.contypid::regtype::text) || '.' || quote_ident(k.conname) as name,
    pg_get_constraintdef(k.oid) as "definition",
    case when k.coninhcount > 0 and i.indexrelid is null then
        case when k.conislocal then 'and declared here' else 'yes' end
    end as "inherited",
    case when x.relispartition then (
        select h.inhparent::regclass::text from pg_inherits h where h.inhrelid = x.oid
    ) end as "partition of",
    f.states as "internal triggers",
    case when x.reloptions is not null then (
        select string_agg(o.option, ', ' order by o.option collate "C")
        from unnest(x.reloptions) o(option)
    ) end as "index options",
    case when x.reltablespace <> 0 then (
        select quote_ident(s.spcname) from pg_tablespace s where s.oid = x.reltablespace
    ) end as "index tablespace",
    case when i.indisclustered then 'yes' end as "index clustered",
    case when i.indexprs is not null then (
        select string_agg(a.attnum || ': ' || a.attstattarget, ', ' order by a.attnum)
        from pg_attribute a
        where a.attrelid = i.indexrelid and a.attstattarget >= 0
    ) end as "index statistics targets",
    -- As in index.sql: what is missing makes it invalid, not how it came to be.
    case when not i.indisvalid and (x.relkind = 'i' or exists (
        select
        from pg_inherits h
        join pg_class p on p.oid = h.inhrelid and p.relkind <> 'f'
        where h.inhparent = i.indrelid and h.inhrelid not in (
            select y.indrelid
            from pg_inherits g
            join pg_index y on y.indexrelid = g.inhrelid
            where g.inhparent = i.indexrelid
        )
    )) then 'yes' end as "index invalid",
    case when i.indexrelid = any ({dependents in pg_class}) then (
        select string_agg(quote_ident(e.extname), ', ' order by e.extname)
        from pg_depend d
        join pg_extension e on e.oid = d.refobjid
        where d.classid = 'pg_class'::regclass and d.objid = i.indexrelid
            and d.refclassid = 'pg_extension'::regclass and d.deptype = 'x'
    ) end as "index depends on extension",
    y.description as "index comment",
    z.description as "comment"
from pg_constraint k
left join (
    select c.oid, c.relnamespace::regnamespace::text || '.' || quote_ident(c.relname) as name
    from pg_class c
    where c.relkind in ('r', 'p', 'f')
    offset 0
) r on r.oid = k.conrelid
-- A foreign key's conindid is the index that it refers to, another table's.
left join pg_index i on i.indexrelid = k.conindid and k.contype in ('p', 'u', 'x')
left join pg_class x on x.oid = i.indexrelid
left join {comments on pg_class} y on y.objoid = i.indexrelid and y.objsubid = 0
left join {comments on pg_constraint} z on z.objoid = k.oid
-- The triggers that enforce it, where ALTER TABLE … DISABLE TRIGGER ALL or the like has been at
-- them; those of copies count as the original's.
left join (
    with recursive switched (id, parent, relation, state) as (
        select o.oid, o.conparentid, t.tgrelid, t.tgenabled
        from pg_trigger t
        join pg_constraint o on o.oid = t.tgconstraint
        where t.tgisinternal and t.tgenabled <> 'O'
        union
        select o.oid, o.conparentid, s.relation, s.state
        from switched s
        join pg_constraint o on o.oid = s.parent
    )
    select l.id, string_agg(l.described, ', ' order by l.described collate "C") as states
    from (
        select distinct s.id, s.relation::regclass::text || ': ' || case s.state
            when 'D' then 'disabled' when 'R' then 'on replicas only' else 'always'
        end as described
        from switched s
    ) l
    group by l.id
) f on f.id = k.oid
where k.contype in ('p', 'u', 'f', 'x', 'c')
    and not (k.contype = 'f' and k.conparentid <> 0)
    and k.connamespace <> all ({system schemas})
    and k.conrelid <> all ({members of pg_class})
    and k.contypid <> all ({members of pg_type});
