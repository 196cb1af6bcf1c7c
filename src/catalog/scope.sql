-- What all queries must know, asked before them: the server's version, the schemas that are its own,
-- what is a member of an extension or depends on one; and which of the kinds there are that most
-- databases have none of. To ask costs less than to plan their queries.
select 'major', (current_setting('server_version_num')::int / 10000)::text
union all
select 'system schemas', array_agg(n.oid)::text
from pg_namespace n
where n.nspname ~ '^pg_' or n.nspname = 'information_schema'
union all
select
    case e.deptype when 'e' then 'members of ' else 'dependents in ' end
        || e.classid::regclass::text,
    array_agg(e.objid)::text
from pg_depend e
where e.refclassid = 'pg_extension'::regclass and e.deptype in ('e', 'x') and e.objid >= 16384
group by e.classid, e.deptype
union all
select 'rare', r.file
from (
    values
        (exists (select from pg_db_role_setting), 'setting.sql'),
        (exists (select from pg_collation where oid >= 16384), 'collation.sql'),
        (exists (select from pg_cast where oid >= 16384), 'cast.sql'),
        (exists (select from pg_class where relkind = 'm'), 'materialized_view.sql'),
        (
            exists (select from pg_rewrite where oid >= 16384 and rulename <> '_RETURN'),
            'rule.sql'
        ),
        (exists (select from pg_policy), 'policy.sql'),
        (exists (select from pg_statistic_ext), 'statistics.sql'),
        (exists (select from pg_aggregate where aggfnoid >= 16384), 'aggregate.sql'),
        (exists (select from pg_event_trigger), 'event_trigger.sql'),
        (exists (select from pg_publication), 'publication.sql'),
        (exists (select from pg_default_acl), 'default_privileges.sql'),
        (exists (select from pg_operator where oid >= 16384), 'operator.sql'),
        (
            exists (select from pg_opfamily where oid >= 16384)
                or exists (select from pg_opclass where oid >= 16384),
            'operator_class.sql'
        ),
        (exists (select from pg_conversion where oid >= 16384), 'conversion.sql'),
        (
            exists (select from pg_ts_parser where oid >= 16384)
                or exists (select from pg_ts_template where oid >= 16384)
                or exists (select from pg_ts_dict where oid >= 16384)
                or exists (select from pg_ts_config where oid >= 16384),
            'text_search.sql'
        ),
        (exists (select from pg_language where oid >= 16384), 'language.sql'),
        (exists (select from pg_transform), 'transform.sql'),
        (exists (select from pg_am where oid >= 16384), 'access_method.sql'),
        (exists (select from pg_foreign_data_wrapper), 'foreign_data.sql'),
        (exists (select from pg_subscription), 'subscription.sql'),
        (
            has_column_privilege('pg_subscription', 'subconninfo', 'select')
                and exists (select from pg_subscription),
            'subscription_connection.sql'
        ),
        (exists (select from pg_largeobject_metadata), 'large_object.sql'),
        (
            exists (select from pg_seclabel) or exists (select from pg_shseclabel),
            'security_label.sql'
        )
) r(is_there, file)
where r.is_there;
