-- Collations. The locale has three columns by version and provider: colliculocale in Postgres 15
-- and 16, colllocale since, collcollate before and for libc. The version that the operating system
-- gives a collation belongs to the machine, not to the schema.
select
    'collation' as kind,
    c.collnamespace::regnamespace::text || '.' || quote_ident(c.collname) as name,
    case c.collprovider
        when 'i' then 'icu' when 'c' then 'libc' when 'b' then 'builtin' else 'default'
    end as "provider",
    coalesce(
        to_jsonb(c) ->> 'colllocale', to_jsonb(c) ->> 'colliculocale',
        case when c.collcollate = c.collctype then c.collcollate::text end
    ) as "locale",
    case when c.collcollate <> c.collctype then c.collcollate::text end as "collate",
    case when c.collcollate <> c.collctype then c.collctype::text end as "ctype",
    to_jsonb(c) ->> 'collicurules' as "rules",
    case when not c.collisdeterministic then 'yes' end as "not deterministic",
    c.collowner::regrole::text as "owner",
    obj_description(c.oid, 'pg_collation') as "comment"
from pg_collation c
where c.oid >= 16384
    -- One for another encoding can't be used here, and may have the name of one that can.
    and c.collencoding in (-1, (
        select d.encoding from pg_database d where d.datname = current_database()
    ))
    and c.collnamespace <> all ({system schemas})
    and c.oid <> all ({members of pg_collation});
