-- Collations. The locale has three columns by version and provider: colliculocale in Postgres 15
-- and 16, colllocale since, collcollate before and for libc. The version that the operating system
-- gives a collation belongs to the machine, not to the schema.
select
    'collation' as kind,
    c.collnamespace::regnamespace::text || '.' || quote_ident(c.collname) as name,
    array[
        'provider', case c.collprovider
            when 'i' then 'icu' when 'c' then 'libc' when 'b' then 'builtin' else 'default'
        end,
        'locale', coalesce(
            to_jsonb(c) ->> 'colllocale', to_jsonb(c) ->> 'colliculocale',
            case when c.collcollate = c.collctype then c.collcollate::text end
        ),
        'collate', case when c.collcollate <> c.collctype then c.collcollate::text end,
        'ctype', case when c.collcollate <> c.collctype then c.collctype::text end,
        'rules', to_jsonb(c) ->> 'collicurules',
        'not deterministic', case when not c.collisdeterministic then 'yes' end,
        'owner', c.collowner::regrole::text,
        'comment', obj_description(c.oid, 'pg_collation')
    ] as attributes
from pg_collation c
where c.oid >= 16384
    and c.collnamespace not in (
        select n.oid
        from pg_namespace n
        where n.nspname ~ '^pg_' or n.nspname = 'information_schema'
    )
    and c.oid not in (
        select e.objid
        from pg_depend e
        where e.refclassid = 'pg_extension'::regclass and e.classid = 'pg_collation'::regclass
            and e.deptype = 'e'
    );
