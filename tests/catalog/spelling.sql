-- Objects with expressions that Postgres spells otherwise once a dump of them is loaded, and whatever
-- such an expression may need before it can be made again.
CREATE SCHEMA app;
CREATE TYPE app.mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN app.short AS varchar(10) CHECK (VALUE IN ('a', 'b')) DEFAULT 'a';
CREATE FUNCTION app.twice(x int, y text DEFAULT 'a' || 'b') RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT $1 * 2 $$;
CREATE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TABLE app.users (
    id serial PRIMARY KEY,
    state varchar(20) NOT NULL DEFAULT 'new' CHECK (state IN ('new', 'old', 'gone')),
    code char(3) CHECK (code NOT IN ('abc', 'def')),
    mood app.mood DEFAULT 'ok' CHECK (mood IN ('sad', 'ok')),
    since timestamptz DEFAULT '2020-01-01 00:00:00+02',
    span interval DEFAULT '1 year 2 mons 3 days 04:05:06',
    age int CHECK (age BETWEEN 0 AND 150),
    tags varchar[] DEFAULT ARRAY['a', 'b'],
    total numeric(10,2) GENERATED ALWAYS AS (CASE WHEN age > 18 THEN age * 2.5 ELSE COALESCE(age, 0) END) STORED,
    name varchar(40),
    full_name text GENERATED ALWAYS AS (name || ' ' || coalesce(state, 'x')) STORED,
    CHECK ((age > 1 AND (state = 'new' OR NOT code = 'abc')) OR (age IS NULL AND name LIKE 'a%'))
);
CREATE INDEX users_open ON app.users (lower(name)) WHERE state IN ('new', 'old') AND NOT (age < 10 OR age > 20);
CREATE INDEX users_expr ON app.users ((CASE WHEN state = 'new' THEN name ELSE code END), (age::text || '-' || name));
CREATE VIEW app.young AS SELECT u.*, age * 2 AS double FROM app.users u WHERE state IN ('new', 'old') AND age BETWEEN 1 AND 20;
CREATE VIEW app.younger AS SELECT y.id, y.name, m.max FROM app.young y JOIN (SELECT max(age), state FROM app.users GROUP BY state HAVING max(age) > 3) m USING (state) WHERE y.mood IN ('sad', 'happy');
CREATE VIEW app.grouped AS SELECT id, name, state, count(*) FROM app.users GROUP BY id;
CREATE MATERIALIZED VIEW app.summary AS SELECT state, count(*) FILTER (WHERE age IN (1, 2, 3)) AS few, string_agg(name, ',' ORDER BY name) AS names FROM app.young GROUP BY state WITH NO DATA;
CREATE INDEX summary_state ON app.summary (state) WHERE state IN ('new', 'old');
ALTER TABLE app.users ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON app.users FOR SELECT USING (state IN ('new', 'old') AND name = current_user);
CREATE POLICY writes ON app.users FOR INSERT WITH CHECK (CASE WHEN age > 3 THEN state IN ('new') ELSE code IN ('abc', 'xyz') END);
CREATE TABLE app.log (id int, what varchar(10), at timestamptz, UNIQUE (id));
CREATE RULE to_log AS ON UPDATE TO app.users WHERE OLD.state IN ('new', 'old') DO ALSO INSERT INTO app.log VALUES (NEW.id, NEW.state, now()) ON CONFLICT (id) DO NOTHING;
CREATE TRIGGER touched BEFORE UPDATE ON app.users FOR EACH ROW WHEN (NEW.state IN ('new', 'old') AND OLD.code IS DISTINCT FROM NEW.code) EXECUTE FUNCTION app.touch();
CREATE FUNCTION app.count_new(kind varchar DEFAULT 'new') RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM app.users WHERE state IN ('new', kind); END;
CREATE STATISTICS app.stats ON (state || 'x'), (CASE WHEN age > 1 THEN 'a' ELSE code END) FROM app.users;
CREATE TABLE app.parts (a varchar(10), at timestamptz) PARTITION BY LIST ((CASE WHEN a IN ('x', 'y') THEN 'x' ELSE a END));
CREATE TABLE app.parts_x PARTITION OF app.parts FOR VALUES IN ('x', 'z');
CREATE VIEW app.late WITH (security_barrier) AS SELECT * FROM app.log WHERE at > timestamptz '2020-01-01' AND at < now() - interval '1 day' AND what = ANY (ARRAY['a', 'b']);
CREATE TABLE app.rooms (room int, during tsrange, state varchar(5), EXCLUDE USING gist (during WITH &&) WHERE (state IN ('a', 'b')));

-- What expressions need: members of extensions, operators, aggregates, sequences, row types, keys.
CREATE EXTENSION citext SCHEMA public;
CREATE SCHEMA "My App";
CREATE TYPE "My App"."Pair" AS ("a b" varchar(3), c int);
CREATE TYPE "My App"."Span" AS RANGE (subtype = float8, multirange_type_name = "My App"."Spans");
CREATE DOMAIN "My App"."Late" AS app.short CHECK (VALUE NOT IN ('y', 'z'));
CREATE SEQUENCE "My App"."Seq";
CREATE FUNCTION app.alike(x varchar, y varchar) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT lower($1) = lower($2) $$;
CREATE OPERATOR app.=== (FUNCTION = app.alike, LEFTARG = varchar, RIGHTARG = varchar);
CREATE FUNCTION app.longest(x varchar, y varchar) RETURNS varchar LANGUAGE sql IMMUTABLE AS $$ SELECT CASE WHEN length($1) > length($2) THEN $1 ELSE $2 END $$;
CREATE AGGREGATE app.longest(varchar) (SFUNC = app.longest, STYPE = varchar, INITCOND = '');
CREATE TABLE "My App"."Some Table" (
    "The Id" int PRIMARY KEY DEFAULT nextval('"My App"."Seq"'),
    mail public.citext CHECK (mail IN ('a', 'b')),
    "Code" varchar(4) DEFAULT 'c' || nextval('"My App"."Seq"') CHECK ("Code" IN ('x''y', E'back\\slash')),
    pair "My App"."Pair" CHECK ((pair)."a b" IN ('k', 'l')),
    span "My App"."Span" DEFAULT '[1,2)' CHECK (NOT span && '[3,4)'),
    late "My App"."Late" CHECK (late IN ('a', 'b'))
);
CREATE VIEW "My App"."Over View" AS
    SELECT t."The Id", t."Code", t FROM "My App"."Some Table" t WHERE t."Code" OPERATOR(app.===) 'x' AND t."Code" IN ('q', 'r');
CREATE VIEW "My App"."Over Over View" AS
    SELECT "The Id", app.longest("Code") AS longest FROM "My App"."Over View" WHERE "Code" NOT IN ('q', 's') GROUP BY "The Id";
CREATE FUNCTION app.of_row(it "My App"."Some Table") RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT ($1)."Code" = 'x' $$;
CREATE INDEX of_row ON "My App"."Some Table" (app.of_row("Some Table")) WHERE "Code" IN ('a', 'b');

-- And what only the text of an expression tells: how words are searched, compared and cast.
CREATE TEXT SEARCH DICTIONARY app.words (TEMPLATE = pg_catalog.simple);
CREATE TEXT SEARCH CONFIGURATION app.search (COPY = pg_catalog.english);
CREATE TYPE app.rgb AS (r int);
CREATE FUNCTION app.to_rgb(int) RETURNS app.rgb LANGUAGE sql IMMUTABLE AS $$ SELECT ROW($1)::app.rgb $$;
CREATE CAST (int AS app.rgb) WITH FUNCTION app.to_rgb(int);
CREATE TABLE app.pages (id int, kind varchar(10), body text, CHECK (kind IN ('page', 'post')));
CREATE INDEX pages_search ON app.pages USING gin (to_tsvector('app.search', body)) WHERE kind IN ('page', 'post');
CREATE VIEW app.found AS SELECT ts_lexize('app.words', kind) AS words, id::app.rgb AS color FROM app.pages WHERE kind IN ('page', 'post');
