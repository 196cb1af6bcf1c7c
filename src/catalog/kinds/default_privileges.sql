-- Default privileges: what ALTER DEFAULT PRIVILEGES set. The grants themselves are told with all
-- others.
select
    'default privileges' as kind,
    'for ' || d.defaclrole::regrole::text
        || case when d.defaclnamespace <> 0
            then ' in schema ' || d.defaclnamespace::regnamespace::text else ''
        end
        || case d.defaclobjtype
            when 'r' then ' on tables' when 'S' then ' on sequences' when 'f' then ' on functions'
            when 'T' then ' on types' when 'n' then ' on schemas' else ' on large objects'
        end as name
from pg_default_acl d;
