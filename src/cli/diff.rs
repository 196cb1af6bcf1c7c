//! The command `diff`: whether two schemas are the same, wherever they are. What is a file or a
//! folder is played, one after the other, each as superuser on a server of its own: a dump may hold
//! roles and whatever else a superuser can make, and one side must not disturb the other. What is
//! behind a URL is only read.

use std::io::IsTerminal as _;
use std::path::Path;

use super::{Format, Lines, Spinner, print, wants_color};
use crate::catalog::Without;
use crate::rehearsal::named_versions;
use crate::report::SchemaReport;
use crate::schema::{Schema, Staging, compare};
use crate::server::News;
use crate::{Error, Result};

#[derive(Debug, clap::Args)]
pub(super) struct Diff {
    /// A file of SQL, a project's folder, or a database as postgres://…, which is only read
    #[arg(value_name = "A")]
    left: String,
    /// What it is compared with, which may be any of these too
    #[arg(value_name = "B")]
    right: String,
    /// The Postgres version to play files and folders on [default: a project's, or the newest here]
    #[arg(long, value_name = "VERSION")]
    postgres: Option<String>,
    /// Where the server for these comes from: auto, container, native, or the URL of one
    #[arg(long, value_name = "SERVER")]
    server: Option<String>,
    /// How the differences are told
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// Leave out names (public.*_old), kinds of objects (indexes) or attributes (comments)
    #[arg(long, value_name = "PATTERN")]
    without: Vec<String>,
}

impl Diff {
    /// The answer is whether they are the same.
    pub(super) async fn run(self) -> Result<bool> {
        // A spinner must be gone before the report is printed.
        let report = if std::io::stderr().is_terminal() {
            self.report(&Spinner::new()).await?
        } else {
            self.report(&Lines).await?
        };
        print(&match self.format {
            Format::Human => report.to_text(wants_color()),
            Format::Json => report.to_json(),
        })?;
        Ok(report.is_same())
    }

    async fn report(&self, news: &dyn News) -> Result<SchemaReport> {
        // Known now, or only after all the work is done.
        let without = Without::parse(self.without.iter().flat_map(|list| patterns(list)))?;
        Schema::from(&self.left).assert_there()?;
        Schema::from(&self.right).assert_there()?;
        let version = self.version()?;
        let staging = Staging {
            version: version.as_deref(),
            server: self.server.as_deref(),
            alone: true,
            news,
        };
        let mut found = Vec::new();
        for side in [&self.left, &self.right] {
            let schema = Schema::from(side);
            let name = schema.name();
            found.push((name, schema.find(&staging).await?));
        }
        let [left, right] =
            <[_; 2]>::try_from(found).map_err(|_| Error::new("a comparison has two sides"))?;
        compare(left, right, without, &staging).await
    }

    /// The version for both sides, if somebody names one: here, or a project in its own file.
    fn version(&self) -> Result<Option<String>> {
        if self.postgres.is_some() {
            return Ok(self.postgres.clone());
        }
        for folder in [&self.left, &self.right].map(Path::new).into_iter().filter(|it| it.is_dir())
        {
            if let Some(version) = named_versions(folder)?.into_iter().next() {
                return Ok(Some(version));
            }
        }
        Ok(None)
    }
}

/// The patterns of a list. The commas between a function's arguments are its own.
fn patterns(list: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    let is_between = |c: char| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    };
    list.split(is_between).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_keeps_its_commas() {
        assert_eq!(patterns("comments,public.*_old"), ["comments", "public.*_old"]);
        assert_eq!(
            patterns("public.f(integer, text),owners"),
            ["public.f(integer, text)", "owners"]
        );
    }
}
