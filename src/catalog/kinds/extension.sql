-- Extensions. The owner is whoever ran CREATE EXTENSION; no statement changes it and no dump
-- writes it. Their member objects are left out everywhere: the version stands for them.
select
    'extension' as kind,
    quote_ident(x.extname) as name,
    x.extversion as "version",
    x.extnamespace::regnamespace::text as "schema",
    obj_description(x.oid, 'pg_extension') as "comment"
from pg_extension x;
