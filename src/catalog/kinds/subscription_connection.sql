-- The connection strings of subscriptions, for those who may read them. A password is told by a
-- digest, which shows that it differs and no more.
select
    'attributes of subscription' as kind,
    quote_ident(s.subname) as name,
    regexp_replace(
        regexp_replace(s.subconninfo, p.as_word, '\1' || d.digest, 'gi'),
        p.in_url, '\1' || d.digest || '@'
    ) as "connection"
from pg_subscription s
cross join (
    select
        '(password\s*=\s*)(''(?:[^''\\]|\\.)*''|[^\s&]+)' as as_word,
        '(://[^/@:]*:)([^@]*)@' as in_url
) p
cross join lateral (
    -- Of all passwords together: libpq reads both forms, and takes the last.
    select '(digest ' || left(encode(sha256(convert_to(concat_ws(' ',
        (regexp_match(s.subconninfo, p.in_url))[2],
        (
            select string_agg(w.found[2], ' ')
            from regexp_matches(s.subconninfo, p.as_word, 'gi') w(found)
        )
    ), 'UTF8')), 'hex'), 8) || ')' as digest
) d
where s.subdbid = (select d.oid from pg_database d where d.datname = current_database());
