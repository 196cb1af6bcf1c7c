-- Rules, except the one that makes a view a view.
select
    'rule' as kind,
    r.ev_class::regclass::text || '.' || quote_ident(r.rulename) as name,
    pg_get_ruledef(r.oid) as "definition",
    case r.ev_enabled when 'D' then 'yes' end as "disabled",
    case r.ev_enabled when 'R' then 'on replicas only' when 'A' then 'always' end as "applies",
    obj_description(r.oid, 'pg_rewrite') as "comment"
from pg_rewrite r
join pg_class c on c.oid = r.ev_class
where r.oid >= 16384
    and r.rulename <> '_RETURN'
    and c.relpersistence <> 't'
    and c.relnamespace <> all ({system schemas})
    and c.oid <> all ({members of pg_class});
