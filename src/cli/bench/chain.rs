//! The chain that is measured: as a project of some years has it, and the same each time.
//!
//! Every file can be executed again and changes nothing then, so that all acts come to their end.
//! Knows SQL only.

/// Migrations repeat their shapes after this many.
const CYCLE: usize = 11;

/// Where in a cycle a migration makes no table, but what comes later in a project's life.
const VIEW: usize = 3;
const AFTERTHOUGHT: usize = 8;

/// The kinds of tables that take turns.
const LOOKUP_EVERY: usize = 4;

const NOUNS: &[&str] = &[
    "accounts",
    "addresses",
    "bookings",
    "carriers",
    "contracts",
    "customers",
    "devices",
    "invoices",
    "locations",
    "messages",
    "orders",
    "parcels",
    "payments",
    "prices",
    "products",
    "refunds",
    "reports",
    "sessions",
    "shipments",
    "suppliers",
    "tickets",
    "visits",
];

/// A migration's name, without the ending, and its SQL.
pub(super) struct Migration {
    pub(super) name: String,
    pub(super) sql: String,
    pub(super) makes_table: bool,
}

/// A chain of so many migrations: for 82, those make 67 tables.
pub(super) fn chain(count: usize) -> Vec<Migration> {
    let mut tables = Vec::new();
    let mut migrations = Vec::new();
    for number in 1..=count {
        let place = (number - 1) % CYCLE;
        let makes_table = place != VIEW && place != AFTERTHOUGHT;
        let (subject, sql) = match place {
            VIEW => view(number, &tables),
            AFTERTHOUGHT => afterthought(&tables),
            _ => table(&mut tables),
        };
        let preface = if number == 1 { SHARED } else { "" };
        let name = format!("{number:06}_{subject}");
        migrations.push(Migration { name, sql: format!("{preface}{sql}"), makes_table });
    }
    migrations
}

/// What tables of all kinds use.
const SHARED: &str = "\
CREATE OR REPLACE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  new.updated_at := now();
  RETURN new;
END $$;

";

/// A table, by its number; every few is one of reference rows.
struct Table {
    name: String,
    is_lookup: bool,
}

fn table(tables: &mut Vec<Table>) -> (String, String) {
    let number = tables.len();
    let name = format!("{}_{:03}", NOUNS[number % NOUNS.len()], number + 1);
    let is_lookup = number.is_multiple_of(LOOKUP_EVERY);
    let sql = if is_lookup { lookup(&name) } else { ordinary(&name, tables) };
    tables.push(Table { name: name.clone(), is_lookup });
    (format!("create_{name}"), sql)
}

fn lookup(name: &str) -> String {
    let rows = (1..=12)
        .map(|rank| format!("  ('{name}-{rank}', 'Number {rank} of {name}', {rank})"))
        .collect::<Vec<_>>()
        .join(",\n");
    format!(
        "\
CREATE TABLE IF NOT EXISTS {name} (
  slug  text PRIMARY KEY CHECK (slug <> ''),
  label text NOT NULL,
  rank  integer NOT NULL DEFAULT 0,
  CONSTRAINT {name}_rank_positive CHECK (rank >= 0)
);

COMMENT ON TABLE {name} IS 'What {name} there are';

INSERT INTO {name} (slug, label, rank) VALUES
{rows}
ON CONFLICT (slug) DO NOTHING;
"
    )
}

fn ordinary(name: &str, tables: &[Table]) -> String {
    let parent = tables.iter().rev().find(|table| !table.is_lookup);
    let parent = parent.map_or(name, |table| &table.name);
    // Some lookup table is the first table of all.
    let lookup = tables.iter().rev().find(|table| table.is_lookup);
    let lookup = lookup.map_or(name, |table| &table.name);
    format!(
        "\
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_type WHERE typname = '{name}_state') THEN
    CREATE TYPE {name}_state AS ENUM ('draft', 'open', 'done', 'void');
  END IF;
END $$;

CREATE TABLE IF NOT EXISTS {name} (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  parent_id  bigint REFERENCES {parent} (id) ON DELETE SET NULL,
  kind       text NOT NULL REFERENCES {lookup} (slug),
  state      {name}_state NOT NULL DEFAULT 'draft',
  reference  text NOT NULL,
  amount     numeric(12, 2) NOT NULL DEFAULT 0,
  details    jsonb NOT NULL DEFAULT '{{}}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT {name}_amount_positive CHECK (amount >= 0),
  CONSTRAINT {name}_in_order CHECK (updated_at >= created_at)
);

CREATE UNIQUE INDEX IF NOT EXISTS {name}_reference ON {name} (lower(reference));
CREATE INDEX IF NOT EXISTS {name}_parent ON {name} (parent_id);
CREATE INDEX IF NOT EXISTS {name}_open ON {name} (kind, created_at) WHERE state = 'open';

CREATE OR REPLACE TRIGGER {name}_touch
  BEFORE UPDATE ON {name}
  FOR EACH ROW EXECUTE FUNCTION touch();

COMMENT ON TABLE {name} IS 'Everything about {name}';
COMMENT ON COLUMN {name}.reference IS 'As the customer calls it';
"
    )
}

fn view(number: usize, tables: &[Table]) -> (String, String) {
    let Some(table) = tables.iter().rev().find(|table| !table.is_lookup) else {
        return ("nothing".to_owned(), String::new());
    };
    let name = format!("open_{}_{number}", table.name);
    let of = &table.name;
    let sql = format!(
        "\
CREATE OR REPLACE VIEW {name} AS
SELECT own.id, own.reference, own.amount, parent.reference AS parent
  FROM {of} own
  LEFT JOIN {of} parent ON parent.id = own.parent_id
 WHERE own.state = 'open'
   AND own.created_at > now() - interval '30 days';

COMMENT ON VIEW {name} IS 'The work of the month';
"
    );
    (format!("view_{name}"), sql)
}

/// A column, a constraint and a rule that the last table got later.
fn afterthought(tables: &[Table]) -> (String, String) {
    let Some(table) = tables.iter().rev().find(|table| !table.is_lookup) else {
        return ("nothing".to_owned(), String::new());
    };
    let name = &table.name;
    let sql = format!(
        "\
ALTER TABLE {name} ADD COLUMN IF NOT EXISTS note text;
ALTER TABLE {name} ADD COLUMN IF NOT EXISTS priority integer NOT NULL DEFAULT 0;

DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_constraint WHERE conname = '{name}_priority_known'
                                             AND conrelid = '{name}'::regclass) THEN
    ALTER TABLE {name}
      ADD CONSTRAINT {name}_priority_known CHECK (priority BETWEEN 0 AND 9);
  END IF;
END $$;

CREATE OR REPLACE FUNCTION {name}_keep_reference() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF new.reference <> old.reference AND old.state = 'done' THEN
    RAISE EXCEPTION 'what is done keeps its reference' USING ERRCODE = 'check_violation';
  END IF;
  RETURN new;
END $$;

CREATE OR REPLACE TRIGGER {name}_keep_reference
  BEFORE UPDATE OF reference ON {name}
  FOR EACH ROW EXECUTE FUNCTION {name}_keep_reference();
"
    );
    (format!("extend_{name}"), sql)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The size that the speed goals are set for.
    #[test]
    fn a_chain_of_82_migrations_makes_67_tables() {
        let chain = chain(82);
        assert_eq!(chain.len(), 82);
        assert_eq!(chain.iter().filter(|migration| migration.makes_table).count(), 67);
    }
}
