-- What is there before a case begins: one object of most kinds, so that the statements of a case
-- find something to work on. Written as statements.sql is.

CREATE SCHEMA <new schema>;

CREATE SCHEMA <new schema>;

CREATE TYPE <new enum type> AS ENUM ('<new label>', '<new label>', '<new label>');

CREATE TYPE <new composite type> AS (<new attribute> int, <new attribute> text);

CREATE DOMAIN <new domain type> AS text CONSTRAINT <new domain check> CHECK (VALUE <> '');

CREATE TYPE <new range type> AS RANGE (SUBTYPE = numeric);

CREATE SEQUENCE <new sequence> START 10;

CREATE FUNCTION <new int function>(a int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT a + 1';

CREATE FUNCTION <new operator function>(a int, b int) RETURNS boolean LANGUAGE sql IMMUTABLE
    AS 'SELECT a = b';

CREATE FUNCTION <new trigger function>() RETURNS trigger LANGUAGE plpgsql
    AS 'BEGIN RETURN NEW; END';

CREATE FUNCTION <new event function>() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';

CREATE PROCEDURE <new procedure>(a int) LANGUAGE sql AS 'SELECT 1';

CREATE AGGREGATE <new aggregate>(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0');

CREATE TABLE <new plain table> (
        <new int column> int GENERATED ALWAYS AS IDENTITY CONSTRAINT <new key constraint> PRIMARY
        KEY,
        <new int column> int NOT NULL DEFAULT 1,
        <new text column> text COLLATE "C",
        <new time column> timestamptz DEFAULT now(),
        <new other column> <enum type>
    );

CREATE TABLE <new plain table> (
        <new int column> serial CONSTRAINT <new key constraint> PRIMARY KEY,
        <new int column> int CONSTRAINT <new check constraint> CHECK (<the int column> > 0),
        <new text column> varchar(20) NOT NULL,
        <new other column> numeric(10, 2)
    );

CREATE TABLE <new partitioned table> (
        <new int column> int NOT NULL, <new text column> text, <new int column> int
    ) PARTITION BY RANGE (<the int column>);

CREATE TABLE <new partition table> PARTITION OF <like partitioned table>
    FOR VALUES FROM (1000) TO (2000);

CREATE INDEX <new index> ON <plain table> (<int column>, lower(<text column>));

CREATE VIEW <new plain view> (<new int column>, <new text column>) AS
    SELECT <int column>, upper(<text column>) FROM <of> WHERE <that int column> > 5;

CREATE MATERIALIZED VIEW <new materialized view> (<new int column>, <new text column>) AS
    SELECT <int column>, <text column> FROM <of>;

CREATE TRIGGER <new trigger> BEFORE INSERT OR UPDATE ON <plain table> FOR EACH ROW
    EXECUTE FUNCTION <trigger function>();

CREATE POLICY <new policy> ON <plain table> FOR SELECT TO <role> USING (<int column> > 1);

CREATE RULE <new rule> AS ON DELETE TO <plain table> DO ALSO NOTIFY deleted;

CREATE STATISTICS <new statistics> (dependencies) ON <int column>, <text column> FROM <of>;

CREATE FOREIGN DATA WRAPPER <new wrapper> OPTIONS (debug 'true');

CREATE SERVER <new server> TYPE 'shop' VERSION '1' FOREIGN DATA WRAPPER <wrapper> OPTIONS (host
    'a');

CREATE FOREIGN TABLE <new foreign table> (
        <new int column> int OPTIONS (name 'a'), <new text column> text
    ) SERVER <server> OPTIONS (name 'b');

CREATE PUBLICATION <new publication> FOR TABLE <plain table>;

CREATE EVENT TRIGGER <new event trigger> ON ddl_command_end EXECUTE FUNCTION <event function>();

CREATE COLLATION <new collation> (LC_COLLATE = 'C', LC_CTYPE = 'C');

CREATE OPERATOR <new operator> (
        LEFTARG = int, RIGHTARG = int, FUNCTION = <operator function>
    );

CREATE OPERATOR FAMILY <new family> USING btree;

CREATE TEXT SEARCH CONFIGURATION <new configuration> (COPY = pg_catalog.simple);

CREATE TEXT SEARCH DICTIONARY <new dictionary> (TEMPLATE = pg_catalog.simple);

ALTER OPERATOR FAMILY <family> USING btree
    ADD OPERATOR 1 < (int, bigint), FUNCTION 1 btint48cmp(int, bigint);

CREATE VIEW <new constant view> AS SELECT 1 AS a, 'b'::text AS c;

CREATE TABLE <new inheriting table> (<new other column> int) INHERITS (<like plain table>);

CREATE USER MAPPING FOR PUBLIC SERVER <server> OPTIONS (user 'a');

CREATE FUNCTION <new transform function>(internal) RETURNS internal LANGUAGE internal IMMUTABLE
        AS 'textin';
    CREATE TRANSFORM FOR bigint LANGUAGE sql (FROM SQL WITH FUNCTION
    <the transform function>(internal));
