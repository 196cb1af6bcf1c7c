-- Triggers, constraint triggers among them, not those that Postgres makes for foreign keys. A
-- partition's copy of its parent's trigger is told only where it fires differently.
select
    'trigger' as kind,
    t.tgrelid::regclass::text || '.' || quote_ident(t.tgname) as name,
    array[
        'definition', pg_get_triggerdef(t.oid),
        'enabled', case t.tgenabled
            when 'D' then 'no' when 'R' then 'on replicas only' when 'A' then 'always'
            -- Worth a word only where the parent's says otherwise.
            else case when t.tgparentid <> 0 then 'yes' end
        end,
        'comment', (
            select d.description
            from pg_description d
            where d.classoid = 'pg_trigger'::regclass and d.objoid = t.oid and d.objsubid = 0
        )
    ] as attributes
from pg_trigger t
join pg_class c on c.oid = t.tgrelid
left join pg_trigger u on u.oid = t.tgparentid
-- Postgres 14 calls the copies on partitions internal too, later ones don't.
where case when t.tgparentid = 0 then not t.tgisinternal
        else not u.tgisinternal and t.tgenabled <> u.tgenabled end
    and c.relpersistence <> 't'
    and c.relnamespace not in (
        select n.oid
        from pg_namespace n
        where n.nspname ~ '^pg_' or n.nspname = 'information_schema'
    )
    and c.oid not in (
        select e.objid
        from pg_depend e
        where e.refclassid = 'pg_extension'::regclass and e.classid = 'pg_class'::regclass
            and e.deptype = 'e'
    )
    and t.oid not in (
        select e.objid
        from pg_depend e
        where e.refclassid = 'pg_extension'::regclass and e.classid = 'pg_trigger'::regclass
            and e.deptype = 'e'
    );
