//! The runbook: what people do with the files of a squash, in which order, and what when something
//! goes wrong. Markdown, with the project's own names. Knows text only.

/// What is to be said of one squash.
#[derive(Debug)]
pub(crate) struct Runbook<'a> {
    pub(crate) tool: &'a str,
    pub(crate) day: &'a str,
    /// How many migrations were squashed, and the last of them.
    pub(crate) count: usize,
    pub(crate) last: &'a str,
    pub(crate) baseline: &'a str,
    /// Where the old chain is, in words.
    pub(crate) chain: &'a str,
    pub(crate) scripts: Option<Scripts<'a>>,
    /// What a commit's message has to say.
    pub(crate) marker: Option<&'a str>,
    /// Whether the chain makes roles, or anything else that belongs to the server.
    pub(crate) reaches_server: bool,
}

/// What moves a ledger, and what that leaves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scripts<'a> {
    pub(crate) rollout: &'a str,
    pub(crate) rollback: &'a str,
    /// Qualified, and ready for SQL.
    pub(crate) ledger: &'a str,
    pub(crate) leftovers: &'a [String],
}

impl Runbook<'_> {
    pub(crate) fn text(&self) -> String {
        let Self { tool, day, count, last, baseline, chain, .. } = self;
        let mut text = format!(
            "# Squash of {day}\n\n{count} migrations of {tool}, the last of them `{last}`, became \
             one:\n`{baseline}`. What they were is kept: {chain}.\n\n\
             `cargo rehearsal verify` proves at every run that both make the same schema and the \
             same rows.\n"
        );
        if let Some(marker) = self.marker {
            text += &format!(
                "\nThe commit that brings this says `{marker}` in its message: that is what lets \
                 the check `history`\nsee merged migrations go, as long as `baseline` holds.\n"
            );
        }
        text += &match self.scripts {
            Some(scripts) => self.with_scripts(scripts),
            None => self.without_scripts(),
        };
        if self.reaches_server {
            text += &format!(
                "\n## Roles\n\nThe chain makes roles, or something else that belongs to the whole \
                 server. No dump of a database\nhas these: their statements were carried over to \
                 the beginning of `{baseline}`,\nthose that make a role so that one which is there \
                 is left alone. Read them.\n"
            );
        }
        text
    }

    fn with_scripts(&self, scripts: Scripts<'_>) -> String {
        let Self { baseline, last, tool, .. } = self;
        let Scripts { rollout, ledger, .. } = scripts;
        let text = format!(
            "
## Before

1. Every database has to be at the end of the chain, `{last}`. The rollout refuses any other.
2. Nobody merges a migration between this commit and the rollout.
3. Make a backup of each database, and of its ledger alone, which is small and quickly looked at:

   ```sh
   pg_dump --format=custom --file=before-squash.dump \"$DATABASE_URL\"
   psql \"$DATABASE_URL\" --csv --command='TABLE {ledger}' > ledger-before-squash.csv
   ```

## Order of deploys

1. Deploy the last version that has the whole chain, everywhere, and let it migrate.
2. Stop what migrates: no instance boots until step 4, neither the old image nor the new one.
3. Run the rollout on each database. It rewrites the ledger in one transaction, and nothing else:

   ```sh
   psql \"$DATABASE_URL\" --set=ON_ERROR_STOP=1 --file={rollout}
   ```

4. Deploy the version that has the baseline. Its boot finds `{baseline}` applied, and does nothing.

New databases, such as those of tests and of developers, need no rollout: they begin with the
baseline. A developer's old one needs it, or is made again.

An image of before must not boot on a database after the rollout: {tool} would miss the migrations
of the chain in the ledger, and run them again or refuse to start.

## After a point-in-time recovery

A database that is recovered to a time before the rollout has the old ledger again. The new image
must not boot on it before the rollout has run again, and new migrations are missing on it as well:

1. Keep the application from booting.
2. `psql \"$DATABASE_URL\" --set=ON_ERROR_STOP=1 --file={rollout}`. If it refuses because the chain
   was not at its end at that time, deploy the last image with the whole chain first.
3. Boot the current image, which then applies what came after the baseline.

Keep `{rollout}` for as long as a recovery can lead to a time before the rollout.
"
        );
        text + &way_back(scripts)
    }

    fn without_scripts(&self) -> String {
        let Self { baseline, last, .. } = self;
        format!(
            "
## Order of deploys

1. Make a backup: `pg_dump --format=custom --file=before-squash.dump \"$DATABASE_URL\"`
2. Every database has to be at the end of the chain, `{last}`.
3. What is recorded there is what the baseline records, as far as rehearsal knows the ledger: no
   rollout is needed. Deploy the version that has `{baseline}`.

## After a point-in-time recovery

A database that is recovered to a time at which the chain was not at its end needs the last image
that has the whole chain first: with the baseline alone, what it lacks would never come.

## Going back

Deploy the last version that has the whole chain.
"
        )
    }
}

/// What is said of the time when the rollout has run.
fn way_back(Scripts { rollback, leftovers, .. }: Scripts<'_>) -> String {
    let tables = leftovers.join(", ");
    format!(
        "
## Going back

As long as no migration has been applied after the baseline:

1. Stop what migrates.
2. `psql \"$DATABASE_URL\" --set=ON_ERROR_STOP=1 --file={rollback}`
3. Deploy the last version that has the whole chain.

The rollback refuses a ledger that isn't the one that the rollout has left. The baseline's own way
down refuses always: it would drop everything.

## What is left over

The old rows stay in {tables}, for the rollback. When there is no going back any more:

```sql
DROP TABLE {tables};
```

When that is done on every database, and no recovery can lead behind it, remove `[baseline]` from
rehearsal.toml and the files beside this one.
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runbook(scripts: Option<Scripts<'_>>) -> Runbook<'_> {
        Runbook {
            tool: "dbmate",
            day: "2026-05-19",
            count: 4,
            last: "4_views",
            baseline: "db/migrations/4_baseline.sql",
            chain: "commit 0123abc",
            scripts,
            marker: Some("[squash-baseline]"),
            reaches_server: true,
        }
    }

    #[test]
    fn it_has_the_names_of_the_project() {
        let leftovers = ["public.schema_migrations_d20260519".to_owned()];
        let scripts = Scripts {
            rollout: "db/squash/rollout.sql",
            rollback: "db/squash/rollback.sql",
            ledger: "public.schema_migrations",
            leftovers: &leftovers,
        };
        let text = runbook(Some(scripts)).text();
        for part in [
            "4 migrations of dbmate, the last of them `4_views`",
            "`[squash-baseline]`",
            "--file=db/squash/rollout.sql\n",
            "--file=db/squash/rollback.sql`",
            "DROP TABLE public.schema_migrations_d20260519;",
            "## After a point-in-time recovery",
            "## Roles",
        ] {
            assert!(text.contains(part), "{part} in:\n{text}");
        }
        assert!(!runbook(None).text().contains("rollback.sql"));
    }
}
