-- Event triggers.
select
    'event trigger' as kind,
    quote_ident(t.evtname) as name,
    array[
        'event', t.evtevent::text,
        'function', t.evtfoid::regprocedure::text,
        'tags', array_to_string(t.evttags, ', '),
        'enabled', case t.evtenabled
            when 'D' then 'no' when 'R' then 'on replicas only' when 'A' then 'always'
        end,
        'owner', t.evtowner::regrole::text,
        'comment', obj_description(t.oid, 'pg_event_trigger')
    ] as attributes
from pg_event_trigger t
where t.oid not in (
        select e.objid
        from pg_depend e
        where e.refclassid = 'pg_extension'::regclass and e.classid = 'pg_event_trigger'::regclass
            and e.deptype = 'e'
    );
