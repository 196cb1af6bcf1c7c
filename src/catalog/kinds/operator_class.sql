-- Operator classes and families with their members, one on each line. A member is told where it
-- was created: of the class that depends on it, or of the family alone. A class that was created
-- without a family has made one of its name, which is told as any other.
with member (class, family, what, described, place) as (
    select
        d.refobjid, o.amopfamily, 'operators',
        o.amopstrategy || ' ' || o.amopopr::regoperator::text
            || case when o.amoppurpose = 'o' then ' for order by ' || (
                select f.opfnamespace::regnamespace::text || '.' || quote_ident(f.opfname)
                from pg_opfamily f
                where f.oid = o.amopsortfamily
            ) else '' end,
        o.amopstrategy
    from pg_amop o
    left join pg_depend d on d.classid = 'pg_amop'::regclass and d.objid = o.oid
        and d.refclassid = 'pg_opclass'::regclass
    where o.oid >= 16384
    union all
    select
        d.refobjid, p.amprocfamily, 'functions',
        p.amprocnum || ' for (' || format_type(p.amproclefttype, null) || ', '
            || format_type(p.amprocrighttype, null) || '): ' || p.amproc::regprocedure::text,
        p.amprocnum
    from pg_amproc p
    left join pg_depend d on d.classid = 'pg_amproc'::regclass and d.objid = p.oid
        and d.refclassid = 'pg_opclass'::regclass
    where p.oid >= 16384
),
members (class, family, what, described) as (
    select
        m.class, m.family, m.what,
        string_agg(m.described, E'\n' order by m.place, m.described collate "C")
    from member m
    group by m.class, m.family, m.what
)
select
    'operator class' as kind,
    c.opcnamespace::regnamespace::text || '.' || quote_ident(c.opcname)
        || ' using ' || quote_ident(a.amname) as name,
    format_type(c.opcintype, null) as "type",
    case when c.opcdefault then 'yes' end as "default",
    f.opfnamespace::regnamespace::text || '.' || quote_ident(f.opfname) as "family",
    case when c.opckeytype <> 0 then format_type(c.opckeytype, null) end as "storage",
    (
        select m.described from members m where m.class = c.oid and m.what = 'operators'
    ) as "operators",
    (
        select m.described from members m where m.class = c.oid and m.what = 'functions'
    ) as "functions",
    c.opcowner::regrole::text as "owner",
    obj_description(c.oid, 'pg_opclass') as "comment"
from pg_opclass c
join pg_am a on a.oid = c.opcmethod
join pg_opfamily f on f.oid = c.opcfamily
where c.oid >= 16384
    and c.opcnamespace <> all ({system schemas})
    and c.oid <> all ({members of pg_opclass})
union all
select
    'operator family',
    f.opfnamespace::regnamespace::text || '.' || quote_ident(f.opfname)
        || ' using ' || quote_ident(a.amname),
    null, null, null, null, -- which it has not
    (
        select m.described
        from members m
        where m.class is null and m.family = f.oid and m.what = 'operators'
    ),
    (
        select m.described
        from members m
        where m.class is null and m.family = f.oid and m.what = 'functions'
    ),
    f.opfowner::regrole::text,
    obj_description(f.oid, 'pg_opfamily')
from pg_opfamily f
join pg_am a on a.oid = f.opfmethod
where f.oid >= 16384
    and f.opfnamespace <> all ({system schemas})
    and f.oid <> all ({members of pg_opfamily});
