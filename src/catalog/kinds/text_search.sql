-- Text search: parsers and templates (which have no owner), dictionaries, and configurations with
-- the dictionaries that each type of token is looked up in, one type on each line.
select
    'text search parser' as kind,
    p.prsnamespace::regnamespace::text || '.' || quote_ident(p.prsname) as name,
    p.prsstart::regproc::text as "start function",
    p.prstoken::regproc::text as "token function",
    p.prsend::regproc::text as "end function",
    nullif(p.prsheadline::regproc::text, '-') as "headline function",
    p.prslextype::regproc::text as "token types function",
    obj_description(p.oid, 'pg_ts_parser') as "comment"
from pg_ts_parser p
where p.oid >= 16384
    and p.prsnamespace <> all ({system schemas})
    and p.oid <> all ({members of pg_ts_parser});

select
    'text search template' as kind,
    t.tmplnamespace::regnamespace::text || '.' || quote_ident(t.tmplname) as name,
    nullif(t.tmplinit::regproc::text, '-') as "init function",
    t.tmpllexize::regproc::text as "lookup function",
    obj_description(t.oid, 'pg_ts_template') as "comment"
from pg_ts_template t
where t.oid >= 16384
    and t.tmplnamespace <> all ({system schemas})
    and t.oid <> all ({members of pg_ts_template});

select
    'text search dictionary' as kind,
    d.dictnamespace::regnamespace::text || '.' || quote_ident(d.dictname) as name,
    (
        select t.tmplnamespace::regnamespace::text || '.' || quote_ident(t.tmplname)
        from pg_ts_template t
        where t.oid = d.dicttemplate
    ) as "template",
    d.dictinitoption as "options",
    d.dictowner::regrole::text as "owner",
    obj_description(d.oid, 'pg_ts_dict') as "comment"
from pg_ts_dict d
where d.oid >= 16384
    and d.dictnamespace <> all ({system schemas})
    and d.oid <> all ({members of pg_ts_dict});

select
    'text search configuration' as kind,
    c.cfgnamespace::regnamespace::text || '.' || quote_ident(c.cfgname) as name,
    (
        select p.prsnamespace::regnamespace::text || '.' || quote_ident(p.prsname)
        from pg_ts_parser p
        where p.oid = c.cfgparser
    ) as "parser",
    (
        select string_agg(t.described, E'\n' order by t.described collate "C")
        from (
            select k.alias || ': ' || string_agg(
                m.mapdict::regdictionary::text, ', ' order by m.mapseqno
            ) as described
            from ts_token_type(c.cfgparser) k
            join pg_ts_config_map m on m.mapcfg = c.oid and m.maptokentype = k.tokid
            group by k.alias
        ) t
    ) as "mappings",
    c.cfgowner::regrole::text as "owner",
    obj_description(c.oid, 'pg_ts_config') as "comment"
from pg_ts_config c
where c.oid >= 16384
    and c.cfgnamespace <> all ({system schemas})
    and c.oid <> all ({members of pg_ts_config});
