//! A project, or a file of SQL, played for the database that it makes. Judges nothing, but for why
//! there is none.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Rehearsal, Subject, failed, held_or_opened, keep, undisturbed, unplayed};
use crate::acts::{self, FirstBoot};
use crate::checks;
use crate::config::Role;
use crate::report::Report;
use crate::server::{self, Database, News, Server, Sharing, Silence, Wanted};
use crate::source::Project;
use crate::sql::{Kind, Object, quoted};
use crate::trace::{Point, Seeding, Sown, Trace, Traces};
use crate::{Error, Result};

/// How many times what a file lacks is given to it.
const ATTEMPTS_MAX: usize = 100;

/// Who plays files on a server of our own: the usual name, which dumps of roles have too.
const PLAYER: &str = "postgres";

/// A database, and what is to be known of how it was made.
pub(crate) struct Played {
    pub(crate) database: Database,
    /// The server's version.
    pub(crate) postgres: String,
    /// What was done beyond playing.
    pub(crate) notes: Vec<String>,
}

/// What is done about a statement that fails for a reason that has nothing to do with the schema.
enum Remedy {
    /// The role is made that it names.
    Role(String),
    /// It is left out.
    LeaveOut { migration: usize, statement: usize, note: String },
}

impl Rehearsal<'_> {
    /// The first boot, for its database. A file that lacks what only a superuser can give it, such
    /// as a dump with the roles of another server, is played as [`Self::played_alone`].
    pub(crate) async fn played(self, news: &dyn News) -> Result<Played> {
        let project = self.project()?;
        let as_it_is = Box::pin(self.clone().boot(project, news, false)).await?;
        match as_it_is {
            Ok(played) => Ok(played),
            Err(Obstacle { remedy: Some(_), .. }) if matches!(self.subject, Subject::File(_)) => {
                Box::pin(self.played_alone(news)).await
            }
            Err(obstacle) => Err(obstacle.error),
        }
    }

    /// The same as superuser, on a server of its own where that is ours: nothing is there but what
    /// is played, and all of it may be.
    pub(crate) async fn played_alone(self, news: &dyn News) -> Result<Played> {
        let mut project = self.project()?;
        if !self.origin(&project.config)?.is_external() {
            project.config.postgres.role = Role::Superuser;
        }
        Box::pin(self.boot(project, news, true)).await?.map_err(|obstacle| obstacle.error)
    }

    async fn boot(
        self,
        mut project: Project,
        news: &dyn News,
        mends: bool,
    ) -> Result<Result<Played, Obstacle>> {
        let versions = self.versions(&project.config)?;
        let version = versions.first().and_then(Option::as_deref);
        let origin = self.origin(&project.config)?;
        server::assert_one_version(&origin, &versions)?;
        let settings = project.config.postgres.clone();
        let sharing = self.sharing(&project);
        let image = settings.image.as_deref();
        let (origin, settings) = (&origin, &settings);
        let wanted = Wanted { origin, version, image, sharing, news, settings };
        let mut server = held_or_opened(&wanted).await?;
        if let Some(reason) = unplayed(&project, origin) {
            return Err(Error::new(format!("there is no database: {reason}")));
        }
        let (mut notes, mut roles) = (Vec::new(), Vec::new());
        loop {
            let play = async |server: &Server| {
                let stage = self.stage(server, &project, &Silence);
                if self.seeded {
                    acts::seeded(&stage).await
                } else {
                    acts::first_boot(&stage).await
                }
            };
            let (on, played) = undisturbed(server, wanted, play, |it| it.is_confined).await?;
            let FirstBoot { trace, scratch, seeding, posted, .. } = played;
            if let Some(scratch) = scratch {
                server::hold(&wanted, &on);
                let (postgres, role) = (on.version().text.clone(), project.config.postgres.role);
                let ledger = acts::ledger_of(&project, trace.boot.ledger.as_deref());
                let database = Database::owned(scratch, role, ledger, on);
                return Ok(Ok(Played { database, postgres, notes }));
            }
            if trace.boot.succeeded() {
                let error = self.unseeded(on, &project, trace, seeding, &posted).await?;
                return Ok(Err(Obstacle { error, remedy: None }));
            }
            let is_ours = !on.is_guest() && notes.len() < ATTEMPTS_MAX;
            let remedy = remedy(&project, &trace, matches!(self.subject, Subject::File(_)));
            match remedy.filter(|_| is_ours) {
                Some(remedy) if mends && sharing != Sharing::Shared => {
                    // Another one: what was made beside the database is to be made once more.
                    drop(on);
                    server = Arc::new(Server::open(&wanted).await?);
                    notes.push(remedy.apply(&mut project, &mut roles));
                    for role in &roles {
                        server.make_role(role).await?;
                    }
                }
                remedy => {
                    let error = self.refusal(on, &project, trace, mends).await?;
                    return Ok(Err(Obstacle { error, remedy }));
                }
            }
        }
    }

    /// Why there is no database that is seeded: as `seed` tells it, or in Postgres's words.
    async fn unseeded(
        &self,
        server: Arc<Server>,
        project: &Project,
        fresh: Trace,
        seeding: Option<Seeding>,
        posted: &[Sown],
    ) -> Result<Error> {
        let first = posted.iter().find_map(|sown| Some((sown.place, sown.failures.first()?)));
        if let Some((place, failure)) = first {
            let path = &project.scripts.post[place].file.path;
            let said = &failure.message;
            return Ok(Error::new(format!("the post script {path} fails: {said}"))
                .help("verify tells more: check `bootstrap`"));
        }
        let traces = Traces { seeding, ..Traces::of_fresh(fresh) };
        Ok(failed(&self.report_of(checks::SEEDED, server, project, &traces).await?))
    }

    /// Why there is no database, as `apply` tells it.
    async fn refusal(
        &self,
        server: Arc<Server>,
        project: &Project,
        fresh: Trace,
        is_no_rehearsal: bool,
    ) -> Result<Error> {
        let report =
            self.report_of(checks::FIRST, server, project, &Traces::of_fresh(fresh)).await?;
        if is_no_rehearsal {
            let findings = report.findings_of(checks::FIRST);
            let message =
                format!("{} could not be played\n\n{}", project.name, findings.trim_end());
            return Ok(Error::new(message));
        }
        Ok(failed(&report))
    }

    /// What one check says of what was played.
    async fn report_of(
        &self,
        check: &str,
        server: Arc<Server>,
        project: &Project,
        traces: &Traces,
    ) -> Result<Report> {
        let only = Self { only: vec![check.to_owned()], ..self.clone() };
        let (mut run, databases) =
            only.judge_all(&server, project, Ok(traces), &mut BTreeSet::new());
        run.kept = keep(server, databases).await?;
        Ok(Report::of(&project.name, vec![run]))
    }
}

/// Why there is no database, and what could be done about it.
struct Obstacle {
    error: Error,
    remedy: Option<Remedy>,
}

impl Remedy {
    /// Carries it out on the project, or adds the role that is to be made, and says so.
    fn apply(self, project: &mut Project, roles: &mut Vec<String>) -> String {
        match self {
            Self::Role(role) => {
                let (file, name) = (&project.name, quoted(&role));
                let note = format!(
                    "{file} names the role {name} and does not make it: it was made for it"
                );
                roles.push(role);
                note
            }
            Self::LeaveOut { migration, statement, note } => {
                let migration = &mut project.chain.migrations[migration];
                let span = migration.file.script.statements().nth(statement);
                if let Some(span) = span.map(|statement| statement.span.clone()) {
                    migration.file = migration.file.without(&span);
                }
                format!("{}: {note}", project.name)
            }
        }
    }
}

/// What helps against the failure of a boot. Statements are left out of nobody's migrations, but of
/// a file: a dump says things that only where it comes from, or psql that goes on after an error,
/// can make sense of.
fn remedy(project: &Project, trace: &Trace, is_file: bool) -> Option<Remedy> {
    let (migration, failure) = trace.boot.failures().next()?;
    let quoted = failure.message.split('"').nth(1).unwrap_or_default();
    if failure.sqlstate == "42704" && failure.message == format!("role \"{quoted}\" does not exist")
    {
        return Some(Remedy::Role(quoted.to_owned()));
    }
    let Point::Statement(statement) = failure.at else { return None };
    let text = project.chain.migrations[migration].file.script.statements().nth(statement)?;
    let is_unknown = failure.message.starts_with("unrecognized configuration parameter");
    let note = match (&*failure.sqlstate, &text.kind) {
        ("42704", Kind::Set { .. }) if is_unknown => {
            format!("the setting {quoted} is unknown to this Postgres, and was left out")
        }
        ("42710", Kind::Create(Object::Role)) if quoted == PLAYER => {
            format!("CREATE ROLE {PLAYER} was left out, because it is who plays the file")
        }
        ("42P06", Kind::Create(Object::Schema)) if quoted == "public" => {
            "CREATE SCHEMA public was left out, because every database has it".to_owned()
        }
        _ => return None,
    };
    is_file.then_some(Remedy::LeaveOut { migration, statement, note })
}
