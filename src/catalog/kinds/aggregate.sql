-- Aggregates, for which Postgres has no definition to print.
select
    'aggregate' as kind,
    p.pronamespace::regnamespace::text || '.' || quote_ident(p.proname)
        || '(' || oidvectortypes(p.proargtypes) || ')' as name,
    array[
        'arguments', pg_get_function_arguments(p.oid),
        'returns', pg_get_function_result(p.oid),
        'ordered set', case a.aggkind
            when 'o' then a.aggnumdirectargs || ' direct arguments'
            when 'h' then 'hypothetical, ' || a.aggnumdirectargs || ' direct arguments'
        end,
        'state function', a.aggtransfn::regprocedure::text,
        'state type', format_type(a.aggtranstype, null),
        'state size', nullif(a.aggtransspace, 0)::text,
        'initial state', a.agginitval,
        'final function', nullif(a.aggfinalfn::regprocedure::text, '-'),
        'final function takes arguments', case when a.aggfinalextra then 'yes' end,
        'final function modifies', case a.aggfinalmodify
            when 'r' then 'read only' when 's' then 'shareable' else 'read write'
        end,
        'combine function', nullif(a.aggcombinefn::regprocedure::text, '-'),
        'serialization function', nullif(a.aggserialfn::regprocedure::text, '-'),
        'deserialization function', nullif(a.aggdeserialfn::regprocedure::text, '-'),
        'moving state function', nullif(a.aggmtransfn::regprocedure::text, '-'),
        'moving inverse function', nullif(a.aggminvtransfn::regprocedure::text, '-'),
        'moving state type', case
            when a.aggmtranstype <> 0 then format_type(a.aggmtranstype, null)
        end,
        'moving state size', nullif(a.aggmtransspace, 0)::text,
        'moving initial state', a.aggminitval,
        'moving final function', nullif(a.aggmfinalfn::regprocedure::text, '-'),
        'moving final function takes arguments', case when a.aggmfinalextra then 'yes' end,
        'moving final function modifies', case when a.aggmfinalfn <> 0 then case a.aggmfinalmodify
            when 'r' then 'read only' when 's' then 'shareable' else 'read write'
        end end,
        'sort operator', case when a.aggsortop <> 0 then a.aggsortop::regoperator::text end,
        'parallel', case p.proparallel
            when 's' then 'safe' when 'r' then 'restricted' else 'unsafe'
        end,
        'owner', p.proowner::regrole::text,
        'comment', obj_description(p.oid, 'pg_proc')
    ] as attributes
from pg_aggregate a
join pg_proc p on p.oid = a.aggfnoid
where p.oid >= 16384
    and a.aggfnoid >= 16384
    and p.pronamespace not in (
        select n.oid
        from pg_namespace n
        where n.nspname ~ '^pg_' or n.nspname = 'information_schema'
    )
    and p.oid not in (
        select e.objid
        from pg_depend e
        where e.refclassid = 'pg_extension'::regclass and e.classid = 'pg_proc'::regclass
            and e.deptype = 'e'
    );
