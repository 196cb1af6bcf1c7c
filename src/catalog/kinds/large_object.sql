-- Large objects, counted by owner, since no more than an OID tells one from another, and another
-- database gives another one. What is in them are rows.
with granted (owner, described, count) as (
    select h.owner, h.described, count(*)
    from (
        select
            l.lomowner,
            case x.grantee when 0 then 'public' else x.grantee::regrole::text end
                || case when x.is_grantable then ' with grant option' else '' end || ': '
                || string_agg(lower(x.privilege_type), ', ' order by x.privilege_type)
        from pg_largeobject_metadata l
        cross join aclexplode(l.lomacl) x
        where x.grantee <> l.lomowner
        group by l.oid, l.lomowner, x.grantee, x.is_grantable
    ) h(owner, described)
    group by h.owner, h.described
)
select
    'large objects' as kind,
    'of ' || l.lomowner::regrole::text as name,
    count(*)::text as "count",
    (
        select string_agg(
            g.described || ' on ' || g.count, '; ' order by g.described collate "C"
        )
        from granted g
        where g.owner = l.lomowner
    ) as "grants",
    string_agg(quote_literal(c.comment), ', ' order by c.comment collate "C") as "comments"
from pg_largeobject_metadata l
cross join obj_description(l.oid, 'pg_largeobject') c(comment)
group by l.lomowner;
