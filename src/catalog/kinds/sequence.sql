-- Sequences. How far one has counted is a matter of rows, not of the schema.
select
    'sequence' as kind,
    c.oid::regclass::text as name,
    array[
        'type', format_type(s.seqtypid, null),
        'start', s.seqstart::text,
        'increment', s.seqincrement::text,
        'minimum', s.seqmin::text,
        'maximum', s.seqmax::text,
        'cache', s.seqcache::text,
        'cycle', case when s.seqcycle then 'yes' end,
        'persistence', case c.relpersistence when 'u' then 'unlogged' end,
        'owned by', (
            select d.refobjid::regclass::text || '.' || quote_ident(a.attname)
            from pg_depend d
            join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
            where d.classid = 'pg_class'::regclass and d.objid = c.oid
                and d.refclassid = 'pg_class'::regclass and d.refobjsubid > 0
                and d.deptype in ('a', 'i') -- OWNED BY, and GENERATED … AS IDENTITY
        ),
        'owner', c.relowner::regrole::text,
        'comment', (
            select d.description
            from pg_description d
            where d.classoid = 'pg_class'::regclass and d.objoid = c.oid and d.objsubid = 0
        )
    ] as attributes
from pg_class c
join pg_sequence s on s.seqrelid = c.oid
where c.oid >= 16384
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
    );
