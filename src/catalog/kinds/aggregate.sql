-- Aggregates, for which Postgres has no definition to print.
select
    'aggregate' as kind,
    p.pronamespace::regnamespace::text || '.' || quote_ident(p.proname)
        || '(' || oidvectortypes(p.proargtypes) || ')' as name,
    pg_get_function_arguments(p.oid) as "arguments",
    pg_get_function_result(p.oid) as "returns",
    case a.aggkind
        when 'o' then a.aggnumdirectargs || ' direct arguments'
        when 'h' then 'hypothetical, ' || a.aggnumdirectargs || ' direct arguments'
    end as "ordered set",
    a.aggtransfn::regprocedure::text as "state function",
    format_type(a.aggtranstype, null) as "state type",
    nullif(a.aggtransspace, 0)::text as "state size",
    a.agginitval as "initial state",
    nullif(a.aggfinalfn::regprocedure::text, '-') as "final function",
    case when a.aggfinalextra then 'yes' end as "final function takes arguments",
    -- Read only is the default, of an ordered set it is read write.
    case
        when a.aggfinalmodify <> case a.aggkind when 'n' then 'r' else 'w' end
        then case a.aggfinalmodify
            when 'r' then 'read only' when 's' then 'shareable' else 'read write'
        end
    end as "final function modifies",
    nullif(a.aggcombinefn::regprocedure::text, '-') as "combine function",
    nullif(a.aggserialfn::regprocedure::text, '-') as "serialization function",
    nullif(a.aggdeserialfn::regprocedure::text, '-') as "deserialization function",
    nullif(a.aggmtransfn::regprocedure::text, '-') as "moving state function",
    nullif(a.aggminvtransfn::regprocedure::text, '-') as "moving inverse function",
    case
        when a.aggmtranstype <> 0 then format_type(a.aggmtranstype, null)
    end as "moving state type",
    nullif(a.aggmtransspace, 0)::text as "moving state size",
    a.aggminitval as "moving initial state",
    nullif(a.aggmfinalfn::regprocedure::text, '-') as "moving final function",
    case when a.aggmfinalextra then 'yes' end as "moving final function takes arguments",
    case
        when a.aggmfinalmodify <> case a.aggkind when 'n' then 'r' else 'w' end
        then case a.aggmfinalmodify
            when 'r' then 'read only' when 's' then 'shareable' else 'read write'
        end
    end as "moving final function modifies",
    case when a.aggsortop <> 0 then a.aggsortop::regoperator::text end as "sort operator",
    case p.proparallel
        when 's' then 'safe' when 'r' then 'restricted'
    end as "parallel",
    p.proowner::regrole::text as "owner",
    obj_description(p.oid, 'pg_proc') as "comment"
from pg_aggregate a
join pg_proc p on p.oid = a.aggfnoid
where p.oid >= 16384
    and a.aggfnoid >= 16384
    and p.pronamespace <> all ({system schemas})
    and p.oid <> all ({members of pg_proc});
