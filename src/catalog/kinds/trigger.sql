-- Triggers, constraint triggers among them, not those that Postgres makes for foreign keys, nor
-- the copies of a trigger that it keeps for partitions: those are told where they fire in another
-- way than what they are a copy of. Whether Postgres calls a copy internal depends on its version.
select
    'trigger' as kind,
    c.relnamespace::regnamespace::text || '.' || quote_ident(c.relname) || '.'
        || quote_ident(t.tgname) as name,
    pg_get_triggerdef(t.oid) as "definition",
    case t.tgenabled when 'D' then 'yes' end as "disabled",
    case t.tgenabled when 'R' then 'on replicas only' when 'A' then 'always' end as "fires",
    p.states as "on partitions",
    case when t.oid = any ({dependents in pg_trigger}) then (
        select string_agg(quote_ident(e.extname), ', ' order by e.extname)
        from pg_depend d
        join pg_extension e on e.oid = d.refobjid
        where d.classid = 'pg_trigger'::regclass and d.objid = t.oid
            and d.refclassid = 'pg_extension'::regclass and d.deptype = 'x'
    ) end as "depends on extension",
    x.description as "comment"
from pg_trigger t
join pg_class c on c.oid = t.tgrelid
left join {comments on pg_trigger} x on x.objoid = t.oid
left join (
    with recursive switched (original, relation, state) as (
        select t.tgparentid, t.tgrelid, t.tgenabled
        from pg_trigger t
        join pg_trigger u on u.oid = t.tgparentid
        where t.tgparentid <> 0 and t.tgenabled <> u.tgenabled
        union
        select u.tgparentid, s.relation, s.state
        from switched s
        join pg_trigger u on u.oid = s.original
        where u.tgparentid <> 0
    )
    select l.original, string_agg(l.described, ', ' order by l.described collate "C") as states
    from (
        select s.original, s.relation::regclass::text || ': ' || case s.state
            when 'D' then 'disabled' when 'R' then 'on replicas only' when 'A' then 'always'
            else 'as usual'
        end as described
        from switched s
    ) l
    group by l.original
) p on p.original = t.oid
where t.tgparentid = 0 and not t.tgisinternal
    and c.relpersistence <> 't'
    and c.relnamespace <> all ({system schemas})
    and c.oid <> all ({members of pg_class})
    and t.oid <> all ({members of pg_trigger});
