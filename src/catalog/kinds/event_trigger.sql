-- Event triggers.
select
    'event trigger' as kind,
    quote_ident(t.evtname) as name,
    t.evtevent::text as "event",
    t.evtfoid::regprocedure::text as "function",
    (
        select string_agg(g.tag, ', ' order by g.tag collate "C") from unnest(t.evttags) g(tag)
    ) as "tags",
    case t.evtenabled when 'D' then 'yes' end as "disabled",
    case t.evtenabled when 'R' then 'on replicas only' when 'A' then 'always' end as "fires",
    t.evtowner::regrole::text as "owner",
    obj_description(t.oid, 'pg_event_trigger') as "comment"
from pg_event_trigger t
where t.oid <> all ({members of pg_event_trigger});
