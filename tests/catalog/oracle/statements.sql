-- The statements that cases are made of. One begins at the left margin, lines that continue it are
-- indented; "(from 15)" and "(until 16)" say on which versions of Postgres it is used.
--
-- {a|b} stands for one of the texts, and a word in angle brackets for an object:
--   <KIND> for one that is there ("table" includes "plain table"); a column, constraint, trigger,
--     policy, rule, index, label or attribute is one of the table or type that was named last, if
--     any was; <KIND of KIND> says what it belongs to;
--   <of> for what the first column, constraint and so on belongs to;
--   <new KIND> for the name of one to be made;
--   <drop KIND> for one that is gone then;
--   <rename KIND> for the new name of the last <KIND>;
--   <into> for the schema to which the first object moves;
--   <the KIND> once more for the last one of the kind, <that KIND> for the last that was not new;
--   <like KIND> for one whose columns the new table gets;
--   <short KIND> for one without its schema, <any KIND> for one that may belong to another table;
--   <database> for the database.

-- Schemas.
CREATE SCHEMA <new schema>;
CREATE SCHEMA <new schema> AUTHORIZATION <role>;
ALTER SCHEMA <schema> OWNER TO <role>;
ALTER SCHEMA <schema> RENAME TO <rename schema>;
DROP SCHEMA <drop schema> CASCADE;
COMMENT ON SCHEMA <schema> IS {'one'|'it''s two'|NULL};
GRANT {USAGE|CREATE|ALL} ON SCHEMA <schema> TO {<role>|PUBLIC|<role> WITH GRANT OPTION};
REVOKE {USAGE|ALL} ON SCHEMA <schema> FROM {<role>|PUBLIC};
GRANT {USAGE|CREATE} ON SCHEMA public TO <role>;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
COMMENT ON SCHEMA public IS {'ours'|NULL};
ALTER SCHEMA public OWNER TO <role>;

-- The database. Its owner and its limits are the affair of whoever makes it, not the schema's.
ALTER DATABASE <database> SET {work_mem = '8MB'|search_path = one, "Two"|datestyle = 'ISO, DMY'};
ALTER DATABASE <database> RESET {work_mem|ALL};
ALTER ROLE <role> IN DATABASE <database> SET {work_mem = '4MB'|statement_timeout = 5000};
COMMENT ON DATABASE <database> IS {'a'|NULL};
GRANT {CREATE|TEMPORARY|CONNECT} ON DATABASE <database> TO <role>;
REVOKE {TEMPORARY|CONNECT} ON DATABASE <database> FROM PUBLIC;

-- Extensions.
CREATE EXTENSION IF NOT EXISTS {citext|hstore|pg_trgm} SCHEMA <schema>;
CREATE EXTENSION IF NOT EXISTS {citext|hstore} SCHEMA public;
DROP EXTENSION IF EXISTS {citext|hstore|pg_trgm|plpgsql};
COMMENT ON EXTENSION plpgsql IS {'a language'|NULL};
ALTER FUNCTION <int function>(int) {|NO }DEPENDS ON EXTENSION plpgsql;

-- Enums.
CREATE TYPE <new enum type> AS ENUM ('<new label>', '<new label>');
CREATE TYPE <new enum type> AS ENUM ();
ALTER TYPE <enum type> ADD VALUE '<new label>';
ALTER TYPE <of> ADD VALUE '<new label>' {BEFORE|AFTER} '<label>';
ALTER TYPE <of> RENAME VALUE '<label>' TO '<rename label>';
ALTER TYPE <type> OWNER TO <role>;
ALTER TYPE <type> RENAME TO <rename type>;
ALTER TYPE <type> SET SCHEMA <into>;
DROP TYPE <drop type> CASCADE;
COMMENT ON TYPE <type> IS {'one'|NULL};
GRANT USAGE ON TYPE <type> TO {<role>|<role> WITH GRANT OPTION|PUBLIC};
REVOKE USAGE ON TYPE <type> FROM {<role>|PUBLIC};

-- Composite types.
CREATE TYPE <new composite type> AS (
        <new attribute> {int|text|numeric(5, 1)}, <new attribute> text {|COLLATE "C"}
    );
CREATE TYPE <new composite type> AS ();
ALTER TYPE <composite type> ADD ATTRIBUTE <new attribute> {int|text|<enum type>};
ALTER TYPE <of> ALTER ATTRIBUTE <attribute> TYPE {bigint|varchar(5)|text COLLATE "C"};
ALTER TYPE <of> RENAME ATTRIBUTE <attribute> TO <rename attribute>;
ALTER TYPE <of> DROP ATTRIBUTE <drop attribute>;
COMMENT ON COLUMN <of>.<attribute> IS {'part'|NULL};
CREATE TABLE <new typed table> OF <composite type>;
CREATE TABLE <new typed table> OF <of> (<attribute> WITH OPTIONS {NOT NULL|DEFAULT NULL});
ALTER TABLE <plain table> ADD <new other column> <composite type>;

-- Domains.
CREATE DOMAIN <new domain type> AS {int|text|varchar(8)|int[]} {|NOT NULL} {|DEFAULT NULL};
CREATE DOMAIN <new domain type> AS int DEFAULT 3 CONSTRAINT <new domain check>
    CHECK (VALUE BETWEEN 1 AND {5|6});
CREATE DOMAIN <new domain type> AS varchar(10) CONSTRAINT <new domain check>
    CHECK (VALUE IN ('a', {'b'|'c'}));
CREATE DOMAIN <new domain type> AS text {|COLLATE "C"|COLLATE <collation>};
CREATE DOMAIN <new domain type> AS <domain type>;
ALTER DOMAIN <domain type> ADD CONSTRAINT <new domain check>
    CHECK (VALUE IS NOT NULL) {|NOT VALID};
ALTER DOMAIN <of> VALIDATE CONSTRAINT <domain check>;
ALTER DOMAIN <of> RENAME CONSTRAINT <domain check> TO <rename domain check>;
ALTER DOMAIN <of> DROP CONSTRAINT <drop domain check>;
COMMENT ON CONSTRAINT <domain check> ON DOMAIN <of> IS {'why'|NULL};
ALTER DOMAIN <domain type> {SET NOT NULL|DROP NOT NULL};
ALTER DOMAIN <domain type> {SET DEFAULT '1'|SET DEFAULT NULL|DROP DEFAULT};
ALTER DOMAIN <domain type> OWNER TO <role>;
COMMENT ON DOMAIN <domain type> IS {'some'|NULL};
(from 17) ALTER DOMAIN <domain type> ADD CONSTRAINT <new not null> NOT NULL;

-- Ranges, base types and shells.
CREATE TYPE <new range type> AS RANGE (SUBTYPE = {int|float8, SUBTYPE_DIFF = float8mi});
CREATE TYPE <new range type> AS RANGE (SUBTYPE = text, COLLATION = {"C"|<collation>});
CREATE TYPE <new range type> AS RANGE (
        SUBTYPE = date, MULTIRANGE_TYPE_NAME = <new multirange>
    );
CREATE TYPE <new range type> AS RANGE (SUBTYPE = text, SUBTYPE_OPCLASS = text_pattern_ops);
CREATE TYPE <new shell type>;
CREATE TYPE <new base type>;
    CREATE FUNCTION <new input function>(cstring) RETURNS <the base type>
        LANGUAGE internal IMMUTABLE STRICT AS 'int4in';
    CREATE FUNCTION <new output function>(<the base type>) RETURNS cstring
        LANGUAGE internal IMMUTABLE STRICT AS 'int4out';
    CREATE TYPE <the base type> (
        INPUT = <the input function>, OUTPUT = <the output function>,
        {LIKE = int4|INTERNALLENGTH = 4, PASSEDBYVALUE, ALIGNMENT = int4, DEFAULT = '7'},
        {CATEGORY = 'N'|CATEGORY = 'U', PREFERRED = true|DELIMITER = ';'|COLLATABLE = true}
    );
CREATE TYPE <new base type>;
    CREATE FUNCTION <new input function>(cstring) RETURNS <the base type>
        LANGUAGE internal IMMUTABLE STRICT AS 'textin';
    CREATE FUNCTION <new output function>(<the base type>) RETURNS cstring
        LANGUAGE internal IMMUTABLE STRICT AS 'textout';
    CREATE TYPE <the base type> (
        INPUT = <the input function>, OUTPUT = <the output function>, INTERNALLENGTH = VARIABLE,
        STORAGE = {plain|extended|external|main}
    );
ALTER TYPE <base type> SET (STORAGE = {extended|external|main|plain});
ALTER TYPE <base type> SET (TYPMOD_IN = varchartypmodin, TYPMOD_OUT = varchartypmodout);

-- Tables.
CREATE TABLE <new plain table> ();
CREATE TABLE <new plain table> (<new int column> {int|bigint|smallint} {|NOT NULL});
CREATE {|UNLOGGED} TABLE <new plain table> (
        <new int column> int {PRIMARY KEY|UNIQUE|REFERENCES <plain table>|DEFAULT 5},
        <new text column> {text|varchar(20)|char(3)|text COLLATE "C"} {|NOT NULL|DEFAULT 'x'},
        <new time column> {timestamptz|timestamp(3)|date} {|DEFAULT CURRENT_TIMESTAMP}
    );
CREATE TABLE <new plain table> (
        <new int column> bigint GENERATED {ALWAYS|BY DEFAULT} AS IDENTITY
            (START {1|7} INCREMENT {1|2} {|CYCLE|CACHE 5|MAXVALUE 99}),
        <new other column> int GENERATED ALWAYS AS (<the int column> * {2|3}) STORED
    );
CREATE TABLE <new plain table> (<new text column> text)
    WITH ({fillfactor = 70|autovacuum_enabled = false|toast.autovacuum_enabled = false});
CREATE TABLE <new inheriting table> (<new int column> int) INHERITS (<like plain table>);
CREATE TABLE <new inheriting table> (<new int column> int) INHERITS (<like plain table>,
    <like plain table>);
ALTER TABLE <inheriting table> ALTER <int column> {SET DEFAULT 8|DROP DEFAULT|SET NOT NULL|SET
    STATISTICS 5};
CREATE TABLE <new plain table> (LIKE <like plain table> {|INCLUDING ALL|INCLUDING DEFAULTS});
ALTER TABLE <plain table> INHERIT <plain table>;
ALTER TABLE <inheriting table> NO INHERIT <plain table>;
ALTER TABLE <typed table> NOT OF;
ALTER TABLE <plain table> SET ({fillfactor = 50|autovacuum_vacuum_threshold = 9|parallel_workers =
    2});
ALTER TABLE <plain table> SET (toast.{autovacuum_enabled = false|vacuum_truncate = false});
ALTER TABLE <plain table> RESET (fillfactor, autovacuum_enabled);
ALTER TABLE <plain table> SET {LOGGED|UNLOGGED};
ALTER TABLE <plain table> {ENABLE|DISABLE|FORCE|NO FORCE} ROW LEVEL SECURITY;
ALTER TABLE <plain table> REPLICA IDENTITY {FULL|NOTHING|DEFAULT};
ALTER TABLE <of> REPLICA IDENTITY USING INDEX <key constraint>;
ALTER TABLE <of> CLUSTER ON <key constraint>;
ALTER TABLE <plain table> SET WITHOUT CLUSTER;
ALTER TABLE <table> OWNER TO <role>;
ALTER TABLE <table> RENAME TO <rename table>;
ALTER TABLE <table> SET SCHEMA <into>;
DROP TABLE <drop plain table> CASCADE;
DROP TABLE <drop partitioned table> CASCADE;
DROP TABLE <drop partition table>;
DROP FOREIGN TABLE <drop foreign table> CASCADE;
COMMENT ON TABLE <plain table> IS {'rows'|'more rows'|NULL};
COMMENT ON TABLE <partitioned table> IS {'parts'|NULL};
COMMENT ON FOREIGN TABLE <foreign table> IS {'far'|NULL};
GRANT {SELECT|INSERT, UPDATE|ALL|TRUNCATE|TRIGGER} ON <table> TO {<role>|PUBLIC|<role> WITH GRANT
    OPTION};
REVOKE {SELECT|UPDATE|ALL} ON <table> FROM {<role>|PUBLIC};
GRANT {SELECT|UPDATE|ALL} (<column>) ON <of> TO {<role>|PUBLIC};
GRANT SELECT ON ALL TABLES IN SCHEMA <schema> TO <role>;
(from 17) GRANT MAINTAIN ON <table> TO <role>;
CREATE ACCESS METHOD <new access method> TYPE {TABLE HANDLER heap_tableam_handler|INDEX HANDLER
    bthandler};
COMMENT ON ACCESS METHOD <access method> IS {'ours'|NULL};
DROP ACCESS METHOD <drop access method> CASCADE;
CREATE TABLE <new plain table> (<new int column> int) USING <access method>;
(from 15) ALTER TABLE <plain table> SET ACCESS METHOD {heap|<access method>};
CREATE MATERIALIZED VIEW <new materialized view> USING <access method> AS SELECT 1 AS
    <new int column>;

-- Partitions.
CREATE TABLE <new partitioned table> (<new int column> int, <new text column> text) PARTITION BY
    {RANGE (<the int column>)|HASH (<the int column>)|RANGE (abs(<the int column>),
    <the text column> COLLATE "C")};
CREATE TABLE <new list table> (<new int column> int {|PRIMARY KEY}) PARTITION BY LIST
    (<the int column>);
CREATE TABLE <new hash table> (<new int column> int {|DEFAULT 2}) PARTITION BY HASH
    (<the int column>);
CREATE TABLE <new partition table> PARTITION OF <like partitioned table>
    {FOR VALUES FROM (0) TO (10)|FOR VALUES FROM (10) TO (20)|DEFAULT|FOR VALUES FROM (MINVALUE) TO
    (-5)};
CREATE TABLE <new partition table> PARTITION OF <like list table> {FOR VALUES IN (1, 2)|FOR VALUES
    IN (NULL)|DEFAULT};
CREATE TABLE <new partition table> PARTITION OF <like hash table> FOR VALUES WITH (MODULUS 2,
    REMAINDER {0|1});
CREATE TABLE <new partitioned table> PARTITION OF <like partitioned table>
    FOR VALUES FROM (50) TO (60) PARTITION BY LIST (<int column>);
ALTER TABLE <partitioned table> DETACH PARTITION <partition table>;
ALTER TABLE <partitioned table> DETACH PARTITION <partition table>; ALTER TABLE
    <the partitioned table>
    ATTACH PARTITION <the partition table> FOR VALUES FROM ({1000|1100}) TO (2000);
CREATE TABLE <new partition table> (LIKE <like partitioned table> {|INCLUDING ALL}); ALTER TABLE
    <the partitioned table>
    ATTACH PARTITION <the partition table> FOR VALUES FROM (200) TO (300);
ALTER TABLE <partition table> ALTER <int column> {SET DEFAULT 4|SET NOT NULL|DROP DEFAULT|SET
    STATISTICS 9};
ALTER TABLE <partition table> ADD CONSTRAINT <new check constraint> CHECK (<int column> > 0);

-- Columns.
ALTER TABLE <plain table> ADD <new int column> {int|bigint DEFAULT 5|smallint NOT NULL|int DEFAULT
    NULL};
ALTER TABLE {<plain table>|<partitioned table>|<foreign table>} ADD <new int column> {int|bigint
    DEFAULT 5};
ALTER TABLE {<plain table>|<partitioned table>|<foreign table>} ADD <new text column>
    {text|varchar(20) DEFAULT 'a'|text COLLATE "C"|text COLLATE <collation>};
ALTER TABLE <plain table> ADD <new time column> {timestamptz|interval DEFAULT '1 day'|timestamptz
    DEFAULT '2020-01-01 00:00+00'};
ALTER TABLE <plain table> ADD <new other column>
    {<enum type>|<domain type>|<range type>|<composite type>[]|<base type>};
ALTER TABLE <plain table> ADD <new other column> {numeric(8, 3)|bit varying(4)|jsonb DEFAULT
    '[]'|boolean NOT NULL DEFAULT true|int[]|uuid};
ALTER TABLE <plain table> ADD <new other column> int GENERATED ALWAYS AS (<int column> + 1) STORED;
(from 18) ALTER TABLE <plain table> ADD <new other column> int GENERATED ALWAYS AS (<int column> +
    1) VIRTUAL;
(from 17) ALTER TABLE <of> ALTER <generated column> SET EXPRESSION AS (<int column> + 9);
ALTER TABLE <plain table> ADD <new generated column> int GENERATED ALWAYS AS (<int column> + 1)
    STORED;
ALTER TABLE <of> ALTER <generated column> DROP EXPRESSION;
ALTER TABLE <of> DROP <drop column of plain table>;
ALTER TABLE <of> DROP <drop column of plain table> CASCADE;
ALTER TABLE <of> RENAME <column of plain table> TO <rename column>;
ALTER TABLE <of> ALTER <int column of plain table> TYPE {bigint|smallint|int};
ALTER TABLE <of> ALTER <text column of plain table> TYPE {varchar(30)|text|text COLLATE "C"};
ALTER TABLE <of> ALTER <column of plain table> {SET NOT NULL|DROP NOT NULL};
ALTER TABLE <of> ALTER <int column of plain table> SET DEFAULT
    {7|-1|NULL|<int function>(3)|nextval('<sequence>')|(1 + 2)};
ALTER TABLE <of> ALTER <text column of plain table> SET DEFAULT
    {'a'|'it''s'|NULL|CURRENT_USER|concat('a', 'b')};
ALTER TABLE <of> ALTER <time column of plain table> SET DEFAULT {now()|'2020-01-01'|(now() -
    interval '1 day')};
ALTER TABLE <of> ALTER <column of plain table> DROP DEFAULT;
ALTER TABLE <of> ALTER <int column of plain table> ADD GENERATED {ALWAYS|BY DEFAULT} AS IDENTITY;
ALTER TABLE <of> ALTER <int column of plain table> SET {INCREMENT 3|GENERATED BY DEFAULT|GENERATED
    ALWAYS|CACHE 4|START 9|NO CYCLE};
ALTER TABLE <of> ALTER <int column of plain table> DROP IDENTITY;
ALTER TABLE <of> ALTER <text column of plain table> SET STORAGE {PLAIN|EXTERNAL|EXTENDED|MAIN};
ALTER TABLE <of> ALTER <text column of plain table> SET COMPRESSION {pglz|default};
ALTER TABLE <of> ALTER <column of plain table> SET STATISTICS {100|0|-1};
ALTER TABLE <of> ALTER <column of plain table> SET ({n_distinct = 5|n_distinct_inherited = -0.5});
ALTER TABLE <of> ALTER <column of plain table> RESET (n_distinct);
COMMENT ON COLUMN <of>.<column> IS {'a column'|'another'|NULL};

-- Constraints.
ALTER TABLE <plain table> ADD CONSTRAINT <new check constraint> CHECK (<int column> {> 0|BETWEEN 1
    AND 9|IN (1, 2)|IS DISTINCT FROM 3}) {||NOT VALID|NO INHERIT};
ALTER TABLE <plain table> ADD CONSTRAINT <new check constraint> CHECK (<text column> {IN ('a',
    'b')|<> ALL (ARRAY['c', 'd'])|LIKE 'a%' AND (<the text column> > 'a' AND <the text column> <
    'b')|COLLATE "C" > 'x'});
ALTER TABLE <plain table> ADD CONSTRAINT <new check constraint> CHECK (CASE WHEN <int column> > 1
    THEN COALESCE(<text column>, 'z') <> '' ELSE true END);
(from 18) ALTER TABLE <plain table> ADD CONSTRAINT <new check constraint> CHECK (<int column> > 0)
    NOT ENFORCED;
ALTER TABLE <plain table> ADD CONSTRAINT <new key constraint> {UNIQUE|PRIMARY KEY} (<int column>)
    {||INCLUDE (<text column>)|WITH (fillfactor = 60)} {||DEFERRABLE|DEFERRABLE INITIALLY DEFERRED};
ALTER TABLE <partitioned table> ADD CONSTRAINT <new key constraint> UNIQUE (<int column>);
(from 15) ALTER TABLE <plain table> ADD CONSTRAINT <new key constraint> UNIQUE NULLS NOT DISTINCT
    (<int column>);
ALTER TABLE <plain table> ADD CONSTRAINT <new exclusion constraint> EXCLUDE USING {btree|hash}
    (<int column> WITH =) {|WHERE (<the int column> > 3)};
ALTER TABLE <plain table> ADD CONSTRAINT <new exclusion constraint> EXCLUDE USING gist
    (int4range(<int column>, 5) WITH {&&|=}) {|DEFERRABLE};
ALTER TABLE <plain table> ADD CONSTRAINT <new foreign constraint> FOREIGN KEY (<int column>)
    REFERENCES <plain table> {|ON DELETE CASCADE|ON UPDATE SET NULL|MATCH FULL|NOT VALID|ON DELETE
    RESTRICT DEFERRABLE};
ALTER TABLE <plain table> ADD CONSTRAINT <new foreign constraint> FOREIGN KEY (<int column>)
    REFERENCES <the plain table>;
(from 15) ALTER TABLE <plain table> ADD CONSTRAINT <new foreign constraint> FOREIGN KEY
    (<int column>) REFERENCES <plain table> ON DELETE SET NULL (<the int column>);
(from 18) ALTER TABLE <plain table> ADD CONSTRAINT <new foreign constraint> FOREIGN KEY
    (<int column>) REFERENCES <plain table> NOT ENFORCED;
ALTER TABLE <partitioned table> ADD CONSTRAINT <new foreign constraint> FOREIGN KEY (<int column>)
    REFERENCES <plain table>;
(from 18) ALTER TABLE <plain table> ADD CONSTRAINT <new not null> NOT NULL <text column> {|NO
    INHERIT|NOT VALID};
(from 18) ALTER TABLE <plain table> ADD <new int column> int CONSTRAINT <new not null> NOT NULL;
(from 18) ALTER TABLE <plain table> ADD <new other column> int4range, ADD <new range column>
    int4range; ALTER TABLE <the plain table> ADD CONSTRAINT <new key constraint> UNIQUE
    (<the other column>, <the range column> WITHOUT OVERLAPS);
ALTER TABLE <of> ALTER CONSTRAINT <foreign constraint> {DEFERRABLE|NOT DEFERRABLE|DEFERRABLE
    INITIALLY DEFERRED};
ALTER TABLE <of> VALIDATE CONSTRAINT <check constraint>;
ALTER TABLE <of> VALIDATE CONSTRAINT <foreign constraint>;
ALTER TABLE <of> RENAME CONSTRAINT <constraint> TO <rename constraint>;
ALTER TABLE <of> DROP CONSTRAINT <drop constraint> {|CASCADE};
COMMENT ON CONSTRAINT <constraint> ON <of> IS {'must'|NULL};
(from 18) ALTER TABLE <of> RENAME CONSTRAINT <not null> TO <rename not null>;

-- Indexes.
CREATE INDEX <new index> ON <plain table> (<int column> {|DESC|NULLS FIRST|DESC NULLS LAST});
CREATE INDEX <new index> ON <plain table> (<text column> {|text_pattern_ops|COLLATE "C"}) {|INCLUDE
    (<int column>)};
CREATE INDEX <new index> ON <plain table> (lower(<text column>), (<int column> + 1)) {|WHERE
    <the int column> IN (1, 2)};
CREATE INDEX <new index> ON <plain table> USING {hash|brin|btree|spgist} (<text column>);
CREATE INDEX <new index> ON <plain table> USING gin (to_tsvector('simple', <text column>)) {|WITH
    (fastupdate = off)};
CREATE INDEX <new index> ON <plain table> USING gist (tsvector(<text column>) tsvector_ops{|(siglen
    = 100)});
CREATE UNIQUE INDEX <new unique index> ON <plain table> (<int column>);
CREATE INDEX <new index> ON <partitioned table> (<int column>);
CREATE INDEX <new index> ON ONLY <partitioned table> (<int column>);
CREATE INDEX <new index> ON <partition table> (<int column>);
CREATE INDEX <new index> ON <materialized view> (<int column>);
(from 15) CREATE UNIQUE INDEX <new index> ON <plain table> (<int column>) NULLS NOT DISTINCT;
ALTER INDEX <index> ATTACH PARTITION <any index>;
ALTER INDEX <index> SET ({fillfactor = 80|deduplicate_items = off});
ALTER INDEX <index> RESET (fillfactor);
ALTER INDEX <index> ALTER COLUMN 2 SET STATISTICS {50|-1};
ALTER INDEX <index> RENAME TO <rename index>;
ALTER TABLE <of> CLUSTER ON <short index of plain table>;
ALTER TABLE <of> REPLICA IDENTITY USING INDEX <short unique index>;
ALTER TABLE <of> ADD CONSTRAINT <new key constraint> {UNIQUE|PRIMARY KEY} USING INDEX
    <short unique index>;
COMMENT ON INDEX <index> IS {'fast'|NULL};
DROP INDEX <drop index>;

-- Statistics.
CREATE STATISTICS <new statistics> {|(ndistinct)|(mcv, dependencies)} ON
    <int column of plain table>, <text column> FROM <of>;
CREATE STATISTICS <new statistics> ON (<int column of plain table> % 5), lower(<text column>) FROM
    <of>;
CREATE STATISTICS <new statistics> ON (<int column of plain table> % 7) FROM <of>;
ALTER STATISTICS <statistics> SET STATISTICS {5|-1};
ALTER STATISTICS <statistics> OWNER TO <role>;
ALTER STATISTICS <statistics> RENAME TO <rename statistics>;
ALTER STATISTICS <statistics> SET SCHEMA <into>;
COMMENT ON STATISTICS <statistics> IS {'odds'|NULL};
DROP STATISTICS <drop statistics>;

-- Sequences.
CREATE {|UNLOGGED} SEQUENCE <new sequence> {|AS smallint|INCREMENT 5|MINVALUE -5|CYCLE|CACHE 7|START
    3};
CREATE SEQUENCE <new sequence> OWNED BY <of>.<int column of plain table>;
ALTER SEQUENCE <sequence> {INCREMENT -1 MAXVALUE 50 MINVALUE -50|CYCLE|CACHE 3|AS bigint|START 20|NO
    MAXVALUE|OWNED BY NONE};
ALTER SEQUENCE <sequence> OWNED BY <of>.<column of plain table>;
ALTER SEQUENCE <sequence> OWNER TO <role>;
ALTER SEQUENCE <sequence> RENAME TO <rename sequence>;
ALTER SEQUENCE <sequence> SET SCHEMA <into>;
(from 15) ALTER SEQUENCE <sequence> SET {LOGGED|UNLOGGED};
COMMENT ON SEQUENCE <sequence> IS {'one two three'|NULL};
GRANT {USAGE|SELECT|ALL} ON SEQUENCE <sequence> TO <role>;
DROP SEQUENCE <drop sequence> CASCADE;

-- Views.
CREATE VIEW <new plain view> (<new int column>, <new text column>) AS
    SELECT <int column>, <text column> FROM <of> {|WHERE <that int column> IN (1, 2)|ORDER BY 1};
CREATE VIEW <new plain view> {|WITH (security_barrier)} AS
    SELECT <int column> AS <new int column> FROM <of> WHERE <that int column> > 1 {|WITH CHECK
    OPTION|WITH LOCAL CHECK OPTION};
CREATE VIEW <new plain view> AS SELECT a.*, {'x'::text|1|NULL::date} AS extra FROM <table> a;
CREATE VIEW <new plain view> AS
    SELECT a.*, row_number() OVER (ORDER BY a) AS rank FROM <plain view> a NATURAL LEFT JOIN <table>
    b;
CREATE VIEW <new plain view> (<new int column>) AS
    WITH RECURSIVE r(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM r WHERE n < {5|6}) SELECT n FROM
    r;
CREATE VIEW <new plain view> (<new text column>) AS
    SELECT CASE WHEN <text column> LIKE 'a%' THEN COALESCE(<that text column>, 'b') END FROM <of>
    GROUP BY <that text column> HAVING count(*) > 1;
(from 15) CREATE VIEW <new plain view> WITH (security_invoker = true) AS SELECT 1 AS
    <new int column>;
CREATE OR REPLACE VIEW <constant view> AS SELECT {1|2} AS a, 'b'::text AS c {|, 3 AS d};
ALTER VIEW <plain view> ALTER <column> SET DEFAULT {'1'|'2'};
ALTER VIEW <plain view> ALTER <column> DROP DEFAULT;
ALTER VIEW <plain view> SET ({security_barrier|check_option = local});
ALTER VIEW <plain view> RESET (security_barrier, check_option);
ALTER VIEW <plain view> OWNER TO <role>;
ALTER VIEW <plain view> RENAME TO <rename plain view>;
ALTER VIEW <plain view> RENAME <column> TO <rename column>;
ALTER VIEW <plain view> SET SCHEMA <into>;
COMMENT ON VIEW <plain view> IS {'seen'|NULL};
COMMENT ON COLUMN <plain view>.<column> IS {'seen'|NULL};
GRANT {SELECT|INSERT} ON <plain view> TO <role>;
GRANT SELECT (<column of plain view>) ON <of> TO <role>;
DROP VIEW <drop plain view> CASCADE;

-- Materialized views.
CREATE MATERIALIZED VIEW <new materialized view> {|WITH (fillfactor = 90)} AS
    SELECT <int column> AS <new int column>, <text column> AS <new text column> FROM <of> {|WITH NO
    DATA};
REFRESH MATERIALIZED VIEW <materialized view> {|WITH NO DATA};
ALTER MATERIALIZED VIEW <materialized view> SET ({fillfactor = 75|autovacuum_enabled = off});
ALTER MATERIALIZED VIEW <materialized view> ALTER <column> SET STATISTICS {40|-1};
ALTER MATERIALIZED VIEW <materialized view> ALTER <text column> SET STORAGE
    {PLAIN|EXTERNAL|EXTENDED};
ALTER MATERIALIZED VIEW <materialized view> ALTER <column> SET (n_distinct = 3);
ALTER MATERIALIZED VIEW <materialized view> CLUSTER ON <short index>;
ALTER MATERIALIZED VIEW <materialized view> RENAME <column> TO <rename column>;
ALTER MATERIALIZED VIEW <materialized view> OWNER TO <role>;
ALTER MATERIALIZED VIEW <materialized view> RENAME TO <rename materialized view>;
ALTER MATERIALIZED VIEW <materialized view> SET SCHEMA <into>;
COMMENT ON MATERIALIZED VIEW <materialized view> IS {'kept'|NULL};
COMMENT ON COLUMN <materialized view>.<column> IS {'kept'|NULL};
GRANT SELECT ON <materialized view> TO <role>;
DROP MATERIALIZED VIEW <drop materialized view> CASCADE;

-- Rules.
CREATE RULE <new rule> AS ON {INSERT|UPDATE} TO <plain table> {|WHERE NEW.<int column> > 3} DO
    {NOTHING|INSTEAD NOTHING};
CREATE RULE <new rule> AS ON INSERT TO <plain view> DO INSTEAD NOTHING;
CREATE RULE <new rule> AS ON UPDATE TO <plain table> DO ALSO (NOTIFY a; NOTIFY b);
ALTER TABLE <of> {DISABLE|ENABLE ALWAYS|ENABLE REPLICA|ENABLE} RULE <rule>;
ALTER RULE <rule> ON <of> RENAME TO <rename rule>;
COMMENT ON RULE <rule> ON <of> IS {'instead'|NULL};
DROP RULE <drop rule> ON <of>;

-- Triggers.
CREATE TRIGGER <new trigger> {BEFORE|AFTER} {INSERT|UPDATE OR DELETE} ON <table> FOR EACH ROW
    EXECUTE FUNCTION <trigger function>({|'a'|1, 'b'''});
CREATE TRIGGER <new trigger> AFTER UPDATE OF <int column of plain table> ON <of> FOR EACH ROW WHEN
    (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION <trigger function>();
CREATE TRIGGER <new trigger> {BEFORE|AFTER} {TRUNCATE|DELETE} ON <plain table> EXECUTE FUNCTION
    <trigger function>();
CREATE TRIGGER <new trigger> AFTER {INSERT|UPDATE} ON <plain table> REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION <trigger function>();
CREATE CONSTRAINT TRIGGER <new trigger> AFTER INSERT ON <plain table> {|DEFERRABLE|DEFERRABLE
    INITIALLY DEFERRED} FOR EACH ROW EXECUTE FUNCTION <trigger function>();
CREATE TRIGGER <new trigger> INSTEAD OF INSERT ON <plain view> FOR EACH ROW EXECUTE FUNCTION
    <trigger function>();
ALTER TABLE <of> {DISABLE|ENABLE ALWAYS|ENABLE REPLICA|ENABLE} TRIGGER <trigger>;
ALTER TABLE <partition table> {DISABLE|ENABLE} TRIGGER USER;
ALTER TRIGGER <trigger> ON <of> RENAME TO <rename trigger>;
COMMENT ON TRIGGER <trigger> ON <of> IS {'bang'|NULL};
DROP TRIGGER <drop trigger> ON <of>;

-- Policies.
CREATE POLICY <new policy> ON <plain table> {|AS RESTRICTIVE} {|FOR SELECT|FOR ALL|FOR DELETE} {|TO
    <role>|TO PUBLIC|TO <role>, CURRENT_USER} USING ({true|<int column> > 4|<int column> IN (1,
    2)});
CREATE POLICY <new policy> ON <plain table> FOR {INSERT|UPDATE} WITH CHECK (<int column> {> 4|= 1});
ALTER POLICY <policy> ON <of> {TO <role>|USING (false)|TO PUBLIC};
ALTER POLICY <policy> ON <of> RENAME TO <rename policy>;
COMMENT ON POLICY <policy> ON <of> IS {'rows'|NULL};
DROP POLICY <drop policy> ON <of>;

-- Functions and procedures.
CREATE FUNCTION <new int function>(a int {|DEFAULT 5}) RETURNS int LANGUAGE {sql|sql IMMUTABLE|sql
    STABLE STRICT|sql PARALLEL SAFE|sql SECURITY DEFINER|sql COST 7|sql LEAKPROOF} AS
    'SELECT {1|2}';
CREATE FUNCTION <new int function>(a int) RETURNS int LANGUAGE plpgsql SET {work_mem =
    '9MB'|search_path = a, b} AS 'BEGIN RETURN a; END';
CREATE OR REPLACE FUNCTION <int function>(a int) RETURNS int LANGUAGE sql IMMUTABLE AS
    'SELECT {3|4}';
CREATE FUNCTION <new set function>() RETURNS {SETOF int|SETOF <plain table>|TABLE (a int, b
    text)|SETOF <enum type>} LANGUAGE plpgsql {|ROWS 5|STABLE} AS 'BEGIN END';
CREATE FUNCTION <new set function>() RETURNS int LANGUAGE sql {RETURN 1|BEGIN ATOMIC SELECT 2;
    END|RETURN <int function>(3)};
CREATE FUNCTION <new set function>(VARIADIC a text[], OUT b int, OUT c text) LANGUAGE sql AS
    'SELECT 1, ''x''';
CREATE FUNCTION <new trigger function>() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN RETURN {NEW|OLD}; END';
CREATE FUNCTION <new operator function>(a int, b int) RETURNS boolean LANGUAGE internal IMMUTABLE
    STRICT AS {'int4eq'|'int4lt'};
CREATE PROCEDURE <new procedure>(a int {|DEFAULT 3}) LANGUAGE {sql|sql SECURITY DEFINER} AS
    'SELECT {1|2}';
CREATE PROCEDURE <new procedure>(a int) BEGIN ATOMIC SELECT 1; SELECT 2; END;
ALTER FUNCTION <int function>(int) {IMMUTABLE|VOLATILE|STRICT|CALLED ON NULL INPUT|SECURITY
    DEFINER|COST 50|PARALLEL SAFE|LEAKPROOF|SET work_mem = '5MB'|RESET ALL};
ALTER FUNCTION <int function>(int) OWNER TO <role>;
ALTER FUNCTION <int function>(int) RENAME TO <rename int function>;
ALTER FUNCTION <int function>(int) SET SCHEMA <into>;
COMMENT ON FUNCTION <int function>(int) IS {'adds'|NULL};
GRANT EXECUTE ON FUNCTION <int function>(int) TO <role>;
REVOKE EXECUTE ON FUNCTION <int function>(int) FROM PUBLIC;
ALTER FUNCTION <trigger function>() {OWNER TO <role>|SECURITY DEFINER};
DROP FUNCTION <drop int function>(int) CASCADE;
DROP FUNCTION <drop set function> CASCADE;
DROP FUNCTION <drop trigger function>() CASCADE;
ALTER PROCEDURE <procedure>(int) {SECURITY DEFINER|OWNER TO <role>};
COMMENT ON PROCEDURE <procedure>(int) IS {'does'|NULL};
REVOKE EXECUTE ON PROCEDURE <procedure>(int) FROM PUBLIC;
DROP PROCEDURE <drop procedure>(int);

-- Aggregates.
CREATE AGGREGATE <new aggregate>(int) (SFUNC = {int4pl|int4larger}, STYPE = int {|, INITCOND = '5'|,
    COMBINEFUNC = int4pl|, SORTOP = >|, PARALLEL = SAFE|, SSPACE = 8});
CREATE AGGREGATE <new aggregate>(int) (SFUNC = int4_avg_accum, STYPE = _int8, FINALFUNC = int8_avg,
    INITCOND = '{0,0}', MSFUNC = int4_avg_accum, MINVFUNC = int4_avg_accum_inv, MSTYPE = _int8,
    MFINALFUNC = int8_avg, MINITCOND = '{0,0}' {|, FINALFUNC_MODIFY = READ_WRITE|, MFINALFUNC_MODIFY
    = READ_WRITE});
CREATE AGGREGATE <new ordered aggregate>(float8 ORDER BY anyelement) (SFUNC =
    ordered_set_transition, STYPE = internal, FINALFUNC = percentile_disc_final, FINALFUNC_EXTRA);
CREATE AGGREGATE <new ranking aggregate>(VARIADIC "any" ORDER BY VARIADIC "any") (SFUNC =
    ordered_set_transition_multi, STYPE = internal, FINALFUNC = rank_final, FINALFUNC_EXTRA,
    HYPOTHETICAL);
ALTER AGGREGATE <aggregate>(int) {OWNER TO <role>|SET SCHEMA <schema>};
COMMENT ON AGGREGATE <aggregate>(int) IS {'sums'|NULL};
GRANT EXECUTE ON FUNCTION <aggregate>(int) TO <role>;
DROP AGGREGATE <drop aggregate>(int);

-- Operators, their classes and families, casts.
CREATE OPERATOR <new operator> (LEFTARG = int, RIGHTARG = int, FUNCTION = <operator function> {|,
    COMMUTATOR = OPERATOR(<the operator>)|, RESTRICT = eqsel|, JOIN = eqjoinsel|, HASHES, MERGES});
CREATE OPERATOR <new operator> (RIGHTARG = int, FUNCTION = <int function>);
ALTER OPERATOR <operator> (int, int) SET (RESTRICT = {scalarltsel|NONE});
ALTER OPERATOR <operator> (int, int) OWNER TO <role>;
COMMENT ON OPERATOR <operator> (int, int) IS {'like'|NULL};
DROP OPERATOR <drop operator> (int, int) CASCADE;
CREATE OPERATOR FAMILY <new family> USING {btree|hash};
CREATE OPERATOR CLASS <new class> FOR TYPE int USING btree {|FAMILY <family>} AS OPERATOR 1 <,
    OPERATOR 3 =, FUNCTION 1 btint4cmp(int, int);
CREATE OPERATOR CLASS <new class> {|DEFAULT} FOR TYPE <enum type> USING btree AS OPERATOR 3 =
    (anyenum, anyenum), FUNCTION 1 enum_cmp(anyenum, anyenum);
CREATE OPERATOR CLASS <new class> FOR TYPE text USING gist AS STORAGE text;
ALTER OPERATOR FAMILY <family> USING btree ADD OPERATOR 3 = (int, bigint), FUNCTION 1
    btint42cmp(int, smallint);
ALTER OPERATOR FAMILY <family> USING btree DROP OPERATOR 1 (int, bigint);
ALTER OPERATOR FAMILY <family> USING btree {OWNER TO <role>|RENAME TO renamed};
COMMENT ON OPERATOR FAMILY <family> USING btree IS {'kin'|NULL};
COMMENT ON OPERATOR CLASS <class> USING btree IS {'class'|NULL};
ALTER OPERATOR CLASS <class> USING btree OWNER TO <role>;
DROP OPERATOR CLASS <drop class> USING btree CASCADE;
DROP OPERATOR FAMILY <drop family> USING btree CASCADE;
CREATE INDEX <new index> ON <plain table> (<int column> <class>);
CREATE CAST (<enum type> AS int) WITH INOUT {|AS ASSIGNMENT|AS IMPLICIT};
CREATE CAST (int AS <composite type>) WITH INOUT;
CREATE CAST (<domain type> AS int) WITH INOUT;
CREATE FUNCTION <new cast function>(<enum type>) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint';
    CREATE CAST (<the enum type> AS bigint) WITH FUNCTION <the cast function>(<the enum type>) {|AS
    ASSIGNMENT};
CREATE CAST (<enum type> AS int) WITH INOUT; COMMENT ON CAST (<the enum type> AS int) IS
    {'number'|'figure'};
DROP CAST IF EXISTS (<enum type> AS {int|bigint});

-- Collations, conversions, text search.
CREATE COLLATION <new collation> ({LC_COLLATE = 'C', LC_CTYPE = 'POSIX'|LOCALE = 'C'|PROVIDER = icu,
    LOCALE = 'de'|PROVIDER = icu, LOCALE = 'en', DETERMINISTIC = false});
(from 16) CREATE COLLATION <new collation> (PROVIDER = icu, LOCALE = 'und', RULES = '&a < g');
(from 17) CREATE COLLATION <new collation> (PROVIDER = builtin, LOCALE = 'C.UTF-8');
ALTER COLLATION <collation> OWNER TO <role>;
ALTER COLLATION <collation> RENAME TO <rename collation>;
ALTER COLLATION <collation> SET SCHEMA <into>;
COMMENT ON COLLATION <collation> IS {'order'|NULL};
DROP COLLATION <drop collation> CASCADE;
CREATE {|DEFAULT} CONVERSION <new conversion> FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
ALTER CONVERSION <conversion> OWNER TO <role>;
ALTER CONVERSION <conversion> RENAME TO <rename conversion>;
COMMENT ON CONVERSION <conversion> IS {'turns'|NULL};
DROP CONVERSION <drop conversion>;
CREATE TEXT SEARCH CONFIGURATION <new configuration> ({PARSER = pg_catalog.default|COPY =
    pg_catalog.english});
ALTER TEXT SEARCH CONFIGURATION <configuration> {ADD|ALTER} MAPPING FOR {asciiword|word, url} WITH
    {simple|english_stem|simple, english_stem|<dictionary>};
ALTER TEXT SEARCH CONFIGURATION <configuration> DROP MAPPING IF EXISTS FOR {asciiword|word};
ALTER TEXT SEARCH CONFIGURATION <configuration> OWNER TO <role>;
ALTER TEXT SEARCH CONFIGURATION <configuration> RENAME TO <rename configuration>;
ALTER TEXT SEARCH CONFIGURATION <configuration> SET SCHEMA <into>;
COMMENT ON TEXT SEARCH CONFIGURATION <configuration> IS {'words'|NULL};
DROP TEXT SEARCH CONFIGURATION <drop configuration> CASCADE;
CREATE TEXT SEARCH DICTIONARY <new dictionary> (TEMPLATE = {simple|simple, ACCEPT = false|snowball,
    LANGUAGE = 'english'});
ALTER TEXT SEARCH DICTIONARY <dictionary> ({ACCEPT = true|STOPWORDS = english});
ALTER TEXT SEARCH DICTIONARY <dictionary> OWNER TO <role>;
COMMENT ON TEXT SEARCH DICTIONARY <dictionary> IS {'words'|NULL};
DROP TEXT SEARCH DICTIONARY <drop dictionary> CASCADE;
CREATE TEXT SEARCH PARSER <new parser> (START = prsd_start, GETTOKEN = prsd_nexttoken, END =
    prsd_end, LEXTYPES = prsd_lextype {|, HEADLINE = prsd_headline});
COMMENT ON TEXT SEARCH PARSER <parser> IS {'cuts'|NULL};
DROP TEXT SEARCH PARSER <drop parser> CASCADE;
CREATE TEXT SEARCH TEMPLATE <new search template> ({|INIT = dsimple_init, }LEXIZE = dsimple_lexize);
COMMENT ON TEXT SEARCH TEMPLATE <search template> IS {'form'|NULL};
DROP TEXT SEARCH TEMPLATE <drop search template> CASCADE;

-- Languages and transforms.
CREATE {|TRUSTED} LANGUAGE <new language> HANDLER plpgsql_call_handler {|INLINE
    plpgsql_inline_handler|VALIDATOR plpgsql_validator};
ALTER LANGUAGE <language> {OWNER TO <role>|RENAME TO renamed};
COMMENT ON LANGUAGE <language> IS {'speaks'|NULL};
GRANT USAGE ON LANGUAGE <language> TO <role>;
REVOKE USAGE ON LANGUAGE plpgsql FROM PUBLIC;
GRANT USAGE ON LANGUAGE sql TO <role>;
DROP LANGUAGE <drop language> CASCADE;
CREATE FUNCTION <new transform function>(internal) RETURNS internal LANGUAGE internal IMMUTABLE AS
    'textin'; CREATE TRANSFORM FOR {int|smallint} LANGUAGE sql (FROM SQL WITH FUNCTION
    <the transform function>(internal));
COMMENT ON TRANSFORM FOR bigint LANGUAGE sql IS {'turned'|NULL};
DROP TRANSFORM IF EXISTS FOR {int|bigint} LANGUAGE sql;

-- Foreign data.
CREATE FOREIGN DATA WRAPPER <new wrapper> {|VALIDATOR postgresql_fdw_validator} {|OPTIONS (host
    'a')|OPTIONS (dbname 'b', host 'it''s')};
ALTER FOREIGN DATA WRAPPER <wrapper> {NO VALIDATOR|VALIDATOR postgresql_fdw_validator|OPTIONS (port
    '5')|OPTIONS (DROP debug)|OPTIONS (SET debug 'x')};
ALTER FOREIGN DATA WRAPPER <wrapper> RENAME TO <rename wrapper>;
COMMENT ON FOREIGN DATA WRAPPER <wrapper> IS {'wraps'|NULL};
GRANT USAGE ON FOREIGN DATA WRAPPER <wrapper> TO <role>;
DROP FOREIGN DATA WRAPPER <drop wrapper> CASCADE;
CREATE SERVER <new server> {|TYPE 'a'} {|VERSION '2'} FOREIGN DATA WRAPPER <wrapper> {|OPTIONS (host
    'b')};
ALTER SERVER <server> {VERSION '3'|OPTIONS (ADD port '6')|OPTIONS (SET host 'c')|OPTIONS (DROP
    host)};
ALTER SERVER <server> OWNER TO <role>;
ALTER SERVER <server> RENAME TO <rename server>;
COMMENT ON SERVER <server> IS {'serves'|NULL};
GRANT USAGE ON FOREIGN SERVER <server> TO <role>;
DROP SERVER <drop server> CASCADE;
CREATE USER MAPPING FOR {<role>|CURRENT_USER} SERVER <server> {|OPTIONS (user 'a', password 'b')};
ALTER USER MAPPING FOR PUBLIC SERVER <server> OPTIONS ({ADD port '7'|SET user 'b'|DROP user});
DROP USER MAPPING IF EXISTS FOR {<role>|PUBLIC} SERVER <server>;
CREATE FOREIGN TABLE <new foreign table> (<new int column> int {|NOT NULL|DEFAULT 4},
    <new text column> text {|OPTIONS (name 'c')}) SERVER <server> {|OPTIONS (name 'd')};
ALTER FOREIGN TABLE <foreign table> OPTIONS ({ADD kind 'e'|SET name 'f'|DROP name});
ALTER FOREIGN TABLE <foreign table> ALTER <column> OPTIONS ({ADD kind 'g'|SET name 'h'});
ALTER FOREIGN TABLE <foreign table> ADD CONSTRAINT <new check constraint> CHECK (<int column> > 2);

-- Publications, subscriptions, event triggers.
CREATE PUBLICATION <new publication> {FOR ALL TABLES|FOR TABLE <plain table>|FOR TABLE ONLY
    <plain table>|} {|WITH (publish = 'insert, delete')|WITH (publish_via_partition_root)};
(from 15) CREATE PUBLICATION <new publication> FOR TABLES IN SCHEMA <schema>;
(from 15) CREATE PUBLICATION <new publication> FOR TABLE <plain table>
    ({<int column>|<text column>});
(from 15) CREATE PUBLICATION <new publication> FOR TABLE <plain table> WHERE (<int column> > {1|2});
(from 18) CREATE PUBLICATION <new publication> FOR TABLE <plain table> WITH
    (publish_generated_columns = stored);
(from 19) CREATE PUBLICATION <new publication> FOR ALL {SEQUENCES|TABLES, ALL SEQUENCES|TABLES
    EXCEPT (TABLE <plain table>)};
ALTER PUBLICATION <publication> {ADD|DROP|SET} TABLE <plain table>;
ALTER PUBLICATION <publication> ADD TABLE {<partitioned table>|<partition table>};
(from 15) ALTER PUBLICATION <publication> ADD TABLES IN SCHEMA {<schema>|public};
ALTER PUBLICATION <publication> SET (publish = {'insert'|'insert, update, delete, truncate'});
ALTER PUBLICATION <publication> OWNER TO <role>;
ALTER PUBLICATION <publication> RENAME TO <rename publication>;
COMMENT ON PUBLICATION <publication> IS {'news'|NULL};
DROP PUBLICATION <drop publication>;
CREATE SUBSCRIPTION <new subscription> CONNECTION 'host=localhost dbname={a|b}' PUBLICATION one{|,
    two} WITH (connect = false, slot_name = NONE {|, binary = true|, streaming = true|,
    synchronous_commit = local});
(from 15) CREATE SUBSCRIPTION <new subscription> CONNECTION 'dbname=c' PUBLICATION one WITH (connect
    = false, slot_name = NONE, {two_phase = true|disable_on_error = true});
(from 16) CREATE SUBSCRIPTION <new subscription> CONNECTION 'dbname=c' PUBLICATION one WITH (connect
    = false, slot_name = NONE, {origin = none|run_as_owner = true|password_required = false});
(from 17) CREATE SUBSCRIPTION <new subscription> CONNECTION 'dbname=c' PUBLICATION one WITH (connect
    = false, slot_name = NONE, failover = true);
ALTER SUBSCRIPTION <subscription> {CONNECTION 'dbname=d'|SET PUBLICATION three WITH (refresh =
    false)|SET (binary = true)|RENAME TO renamed};
COMMENT ON SUBSCRIPTION <subscription> IS {'reads'|NULL};
DROP SUBSCRIPTION <drop subscription>;
CREATE EVENT TRIGGER <new event trigger> ON
    {ddl_command_start|ddl_command_end|sql_drop|table_rewrite} {|WHEN TAG IN ('ALTER TABLE')}
    EXECUTE FUNCTION <event function>();
ALTER EVENT TRIGGER <event trigger> {DISABLE|ENABLE REPLICA|ENABLE ALWAYS|ENABLE};
ALTER EVENT TRIGGER <event trigger> RENAME TO <rename event trigger>;
COMMENT ON EVENT TRIGGER <event trigger> IS {'watches'|NULL};
DROP EVENT TRIGGER <drop event trigger>;

-- Default privileges and large objects.
ALTER DEFAULT PRIVILEGES {|FOR ROLE <role>} {|IN SCHEMA <schema>} GRANT {SELECT|ALL|INSERT} ON
    TABLES TO {<role>|PUBLIC|<role> WITH GRANT OPTION};
ALTER DEFAULT PRIVILEGES {|FOR ROLE <role>} {|IN SCHEMA <schema>} GRANT {USAGE|ALL} ON SEQUENCES TO
    <role>;
ALTER DEFAULT PRIVILEGES {|FOR ROLE <role>} REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES GRANT {USAGE|ALL} ON {TYPES|SCHEMAS} TO <role>;
ALTER DEFAULT PRIVILEGES {|FOR ROLE <role>} {|IN SCHEMA <schema>} REVOKE ALL ON TABLES FROM <role>;
