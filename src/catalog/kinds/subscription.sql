-- Subscriptions of this database. What came after Postgres 14 is read through a null of the same
-- name in the outer query: to_jsonb of the row would need the right to read the connection string,
-- which is in a query of its own.
select
    'subscription' as kind,
    quote_ident(s.subname) as name,
    (
        select string_agg(quote_ident(p.name), ', ' order by p.name collate "C")
        from unnest(s.subpublications) p(name)
    ) as "publications",
    (
        select (select quote_ident(v.srvname) from pg_foreign_server v where v.oid = subserver)
        from pg_subscription x
        where x.oid = s.oid
    ) as "server",
    case when s.subenabled then 'yes' end as "enabled",
    case
        when s.subslotname is null then 'none'
        when s.subslotname <> s.subname then quote_ident(s.subslotname)
    end as "slot",
    nullif(s.subsynccommit, 'off') as "synchronous commit",
    case when s.subbinary then 'yes' end as "binary",
    -- Since 18 parallel is the default.
    case substr(s.substream::text, 1, 1)
        when 'p' then case when not usual.parallel then 'parallel' end
        when 't' then 'on'
        else case when usual.parallel then 'off' end
    end as "streaming",
    (
        select case when subtwophasestate <> 'd' then 'yes' end
        from pg_subscription x
        where x.oid = s.oid
    ) as "two phase",
    (
        select case when subdisableonerr then 'yes' end
        from pg_subscription x
        where x.oid = s.oid
    ) as "disable on error",
    (
        select case when not subpasswordrequired then 'no' end
        from pg_subscription x
        where x.oid = s.oid
    ) as "password required",
    (
        select case when subrunasowner then 'yes' end
        from pg_subscription x
        where x.oid = s.oid
    ) as "run as owner",
    (
        select nullif(suborigin, 'any') from pg_subscription x where x.oid = s.oid
    ) as "origin",
    (
        select case when subfailover then 'yes' end
        from pg_subscription x
        where x.oid = s.oid
    ) as "failover",
    (
        select case when subretaindeadtuples then 'yes' end
        from pg_subscription x
        where x.oid = s.oid
    ) as "retain dead tuples",
    (
        select nullif(submaxretention, 0)::text from pg_subscription x where x.oid = s.oid
    ) as "maximal retention",
    (
        select nullif(subwalrcvtimeout, '-1') from pg_subscription x where x.oid = s.oid
    ) as "receiver timeout",
    s.subowner::regrole::text as "owner",
    obj_description(s.oid, 'pg_subscription') as "comment"
from pg_subscription s
cross join (
    select
        null::"char" as subtwophasestate, null::bool as subdisableonerr,
        null::bool as subpasswordrequired, null::bool as subrunasowner, null::text as suborigin,
        null::bool as subfailover, null::bool as subretaindeadtuples,
        null::int as submaxretention, null::text as subwalrcvtimeout, null::oid as subserver
) absent
cross join (
    select current_setting('server_version_num')::int >= 180000 as parallel
) usual
where s.subdbid = (select d.oid from pg_database d where d.datname = current_database());

select distinct 'unseen' as kind, 'connection of subscriptions' as name
from pg_subscription s
where s.subdbid = (select d.oid from pg_database d where d.datname = current_database())
    and not has_column_privilege('pg_subscription', 'subconninfo', 'select');
