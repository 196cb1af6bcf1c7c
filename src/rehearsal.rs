//! The rehearsal: project, servers, acts, checks and report, brought together.

mod drift;
mod dump;
mod judging;
mod playing;
mod seeding;
mod subject;
mod versions;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use self::drift::Made;
pub(crate) use self::playing::Played;
pub use self::subject::Rehearsable;
#[cfg(feature = "cli")]
pub(crate) use self::versions::named_versions;
use crate::acts::{self, Migrate, Progress, Stage};
use crate::catalog::Catalog;
use crate::checks::{self, Check};
use crate::config::{self, Cluster, Config, Level, Role};
use crate::report::{self, Kept, Report, Run, Unplayed};
use crate::server::{self, Asked, Database, News, Origin, Server, Sharing, Silence, Wanted};
use crate::source::{self, Project};
use crate::sql::{self, Kind};
use crate::trace::{Act, Traces};
use crate::{Error, Result};

/// How much of a statement stands for it in a sentence.
const EXCERPT_CHARACTERS: usize = 60;

/// How long one file may run where nobody says otherwise.
const LIMIT: Duration = Duration::from_mins(5);

/// A project's rehearsal, to be held.
///
/// ```
/// # fn main() -> rehearsal::Result<()> {
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
/// # runtime.block_on(async {
/// use rehearsal::Rehearsal;
///
/// let report = Rehearsal::of("fixtures/demo").play().await?;
/// assert!(report.is_success(), "{report}");
/// # Ok(())
/// # })
/// # }
/// ```
///
/// The lifetime is that of what a closure borrows. A closure need not be `Send`, and so a rehearsal
/// and its futures are not: they are driven where they are made, as a test does.
#[derive(Debug, Clone)]
pub struct Rehearsal<'a> {
    /// The project's folder.
    root: PathBuf,
    subject: Subject<'a>,
    versions: Vec<String>,
    origin: Option<Asked>,
    only: Vec<String>,
    /// The check that is not judged, whatever is asked for.
    left_out: Option<&'static str>,
    limit: Duration,
    cold: bool,
    keep: bool,
    /// Closures that seed, in their order.
    seeders: Vec<Rc<dyn Migrate + 'a>>,
    /// Tables, and how many rows they have when the seeds have run.
    expected: Vec<(String, u64)>,
    settings: Vec<(String, String)>,
    tightened: Vec<String>,
    /// The file into which the chain was squashed.
    baseline: Option<String>,
    /// Whether a database is to be seeded that is asked for.
    seeded: bool,
}

/// The migrations that a program has built in.
#[cfg(feature = "sqlx-0_9")]
#[derive(Debug, Clone)]
enum Migrator<'a> {
    Owned(Arc<sqlx::migrate::Migrator>),
    Borrowed(&'a sqlx::migrate::Migrator),
}

#[cfg(feature = "sqlx-0_9")]
impl AsRef<sqlx::migrate::Migrator> for Migrator<'_> {
    fn as_ref(&self) -> &sqlx::migrate::Migrator {
        match self {
            Self::Owned(migrator) => migrator,
            Self::Borrowed(migrator) => migrator,
        }
    }
}

/// What is rehearsed.
#[derive(Debug, Clone)]
enum Subject<'a> {
    /// What the project's folder says.
    Folder,
    /// A file by itself, in place of a project; played where that says, or whoever runs it.
    File(Option<Box<config::Postgres>>),
    /// The migrations that a program has built in.
    #[cfg(feature = "sqlx-0_9")]
    BuiltIn(Migrator<'a>),
    /// Whatever a closure does.
    Closure(Rc<dyn Migrate + 'a>),
}

/// A rehearsal that was held on one version.
struct Held {
    run: Run,
    /// The exemptions that it needed.
    used: BTreeSet<usize>,
    /// What the first boot made.
    schema: Option<Catalog>,
}

impl<'a> Rehearsal<'a> {
    /// The rehearsal of a project: of the one in a folder, which holds `rehearsal.toml` or the
    /// migrations; or of what Rust code calls its migrations (see [`Rehearsable`]), of which
    /// `rehearsal.toml` in the current folder may say more.
    ///
    /// ```
    /// let rehearsal = rehearsal::Rehearsal::of("fixtures/demo");
    /// ```
    pub fn of<Kind>(project: impl Rehearsable<'a, Kind>) -> Self {
        project.rehearsal()
    }

    /// A file of SQL in place of a project.
    pub(crate) fn of_file(path: &Path) -> Self {
        Self::new(path, Subject::File(None))
    }

    fn new(root: &Path, subject: Subject<'a>) -> Self {
        Self {
            root: root.to_owned(),
            subject,
            versions: Vec::new(),
            origin: None,
            only: Vec::new(),
            left_out: None,
            limit: LIMIT,
            cold: false,
            keep: false,
            seeders: Vec::new(),
            expected: Vec::new(),
            settings: Vec::new(),
            tightened: Vec::new(),
            baseline: None,
            seeded: false,
        }
    }

    /// Plays on these Postgres versions, such as `15` or `16.14`, instead of those that
    /// `rehearsal.toml` names. They are played side by side, as many at a time as there are cores
    /// and memory for; but one after the other where a closure or a command migrates, which may not
    /// expect to run twice at the same moment.
    ///
    /// ```
    /// let rehearsal = rehearsal::Rehearsal::of("fixtures/demo").postgres(["15", "17"]);
    /// ```
    #[must_use]
    pub fn postgres<V: Into<String>>(mut self, versions: impl IntoIterator<Item = V>) -> Self {
        self.versions = versions.into_iter().map(Into::into).collect();
        self
    }

    /// Judges these checks only. One that is asked for is played even where it is allowed.
    ///
    /// ```
    /// let rehearsal = rehearsal::Rehearsal::of("fixtures/demo").only(["apply", "rerun"]);
    /// ```
    #[must_use]
    pub fn only<C: Into<String>>(mut self, checks: impl IntoIterator<Item = C>) -> Self {
        let names = checks.into_iter().map(|name| name.into().trim().to_owned());
        self.only = names.filter(|name| !name.is_empty()).collect();
        self
    }

    /// How long one file, command or closure may run before it is stopped, which is a finding. Five
    /// minutes, if nothing is said. A closure can be stopped where it awaits.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let rehearsal = rehearsal::Rehearsal::of("fixtures/demo").timeout(Duration::from_secs(20));
    /// ```
    #[must_use]
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// The file into which the chain was squashed, relative to the project: it is proven to make
    /// what the chain makes. If it is one of the migrations, `rehearsal.toml` must say where those
    /// are that were squashed, as `chain` under `[baseline]`.
    ///
    /// ```
    /// # fn main() -> rehearsal::Result<()> {
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    /// # runtime.block_on(async {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let project = folder.path();
    /// # let write = |file: &str, sql: &str| std::fs::write(project.join(file), sql).unwrap();
    /// # std::fs::create_dir(project.join("migrations")).unwrap();
    /// use rehearsal::Rehearsal;
    ///
    /// write("migrations/1_users.sql", "CREATE TABLE users (id int);");
    /// write("migrations/2_names.sql", "ALTER TABLE users ADD name text;");
    /// let rehearsal = Rehearsal::of(project).only(["baseline"]).baseline("baseline.sql");
    ///
    /// write("baseline.sql", "CREATE TABLE users (id int, name text);");
    /// rehearsal.clone().verify().await?;
    ///
    /// write("baseline.sql", "CREATE TABLE users (id int);");
    /// let error = rehearsal.verify().await.unwrap_err().to_string();
    /// assert!(error.contains("column public.users.name (text) is missing in the baseline"));
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    #[must_use]
    pub fn baseline(mut self, path: impl Into<String>) -> Self {
        self.baseline = Some(path.into());
        self
    }

    /// Uses nothing that an earlier run has prepared.
    ///
    /// ```
    /// let rehearsal = rehearsal::Rehearsal::of("fixtures/demo").cold(true);
    /// ```
    #[must_use]
    pub fn cold(mut self, cold: bool) -> Self {
        self.cold = cold;
        self
    }

    /// Keeps the database of an act that failed; the report says where it is found, and how to end
    /// its server.
    ///
    /// ```
    /// let rehearsal = rehearsal::Rehearsal::of("fixtures/demo").keep(true);
    /// ```
    #[must_use]
    pub fn keep(mut self, keep: bool) -> Self {
        self.keep = keep;
        self
    }

    /// Where the server comes from: `auto`, `container`, `native`, or the URL of one as
    /// `postgres://…`.
    ///
    /// ```
    /// let rehearsal = rehearsal::Rehearsal::of("fixtures/demo").server("native");
    /// ```
    #[must_use]
    pub fn server(mut self, origin: impl Into<String>) -> Self {
        self.origin = Some(Asked(origin.into()));
        self
    }

    /// Holds the rehearsal.
    ///
    /// # Errors
    ///
    /// When it could not be held: no such project, no Postgres, a mistake in `rehearsal.toml`. What
    /// is wrong with the migrations is in the report. And so is a version on which it could not be
    /// held, where there are others on which it could.
    ///
    /// ```
    /// # fn main() -> rehearsal::Result<()> {
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    /// # runtime.block_on(async {
    /// let report = rehearsal::Rehearsal::of("fixtures/ladder-lost-key").play().await?;
    /// assert!(report.to_string().contains("error[replay]"));
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    pub async fn play(self) -> Result<Report> {
        self.play_telling(&Silence).await
    }

    /// Holds the rehearsal, and turns what is wrong with the migrations into an error whose text is
    /// the report: what a test returns. Warnings are told on standard error.
    ///
    /// # Errors
    ///
    /// When a check that is denied does not hold, or when the rehearsal could not be held.
    ///
    /// ```
    /// # fn main() {
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    /// # runtime.block_on(async {
    /// use rehearsal::Rehearsal;
    ///
    /// assert!(Rehearsal::of("fixtures/demo").verify().await.is_ok());
    /// let error = Rehearsal::of("fixtures/ladder-lost-key").verify().await.unwrap_err();
    /// assert!(error.to_string().ends_with("the rehearsal failed: replay\n"));
    /// # })
    /// # }
    /// ```
    pub async fn verify(self) -> Result<()> {
        let report = self.play().await?;
        if !report.is_success() {
            return Err(failed(&report));
        }
        report::tell_warnings(&report.warnings());
        Ok(())
    }

    /// The database that the first boot makes, for a test of one's own: a copy that nobody
    /// else has, on a server of the first version, if several are asked for.
    ///
    /// # Errors
    ///
    /// When the chain does not apply, with the report of that; or when it could not be played.
    ///
    /// ```
    /// # fn main() -> rehearsal::Result<()> {
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    /// # runtime.block_on(async {
    /// use rehearsal::Rehearsal;
    ///
    /// let database = Rehearsal::of("fixtures/demo").database().await?;
    /// database.execute("SELECT * FROM members").await?;
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    ///
    /// With rstest, as a fixture:
    ///
    /// ```
    /// use rehearsal::{Database, Rehearsal};
    /// use rstest::{fixture, rstest};
    ///
    /// #[fixture]
    /// async fn database() -> Database {
    ///     Rehearsal::of("fixtures/demo").database().await.unwrap()
    /// }
    ///
    /// #[rstest]
    /// #[tokio::test]
    /// async fn a_member_has_an_address(#[future(awt)] database: Database) {
    ///     assert!(database.execute("INSERT INTO members (name) VALUES ('Ada')").await.is_err());
    /// }
    /// # fn main() {}
    /// ```
    pub async fn database(self) -> Result<Database> {
        self.played(&Silence).await.map(|played| played.database)
    }

    /// An empty database where the project would be played, which need not even apply: on the
    /// version, or else on the first.
    pub(crate) async fn empty_database(&self, version: Option<&str>) -> Result<Database> {
        let project = self.project()?;
        let versions = self.versions(&project.config)?;
        let origin = self.origin(&project.config)?;
        let version = version.or_else(|| versions.first().and_then(Option::as_deref));
        let wanted = self.wanted(&project, &origin, version, &Silence);
        let server = held_or_opened(&wanted).await?;
        let scratch = server.create(None).await?;
        server::hold(&wanted, &server);
        Ok(Database::owned(scratch, Role::Superuser, None, server))
    }

    /// All checks but this one.
    #[cfg(feature = "cli")]
    #[must_use]
    pub(crate) fn without(mut self, check: &'static str) -> Self {
        self.left_out = Some(check);
        self
    }

    pub(crate) async fn play_telling(self, progress: &dyn Progress) -> Result<Report> {
        let project = self.project()?;
        let versions = self.versions(&project.config)?;
        let origin = self.origin(&project.config)?;
        server::assert_one_version(&origin, &versions)?;
        let runs = self.run_each(&project, &origin, &versions, progress).await;
        let mut report = Report::of(&project.name, Vec::new());
        let mut used = BTreeSet::new();
        let mut errors = Vec::new();
        let mut made = Vec::new();
        for (version, run) in versions.into_iter().zip(runs) {
            match run {
                Ok(Held { run, used: needed, schema }) => {
                    made.push(Made { asked: version, postgres: run.postgres.clone(), schema });
                    report.runs.push(run);
                    used.extend(needed);
                }
                Err(error) => errors.push((version.unwrap_or_default(), error)),
            }
        }
        if report.runs.is_empty() {
            // There is nothing to tell beside it.
            errors.truncate(1);
            return errors.pop().map_or(Ok(report), |(_, error)| Err(error));
        }
        let told = |(postgres, error): (_, Error)| Unplayed { postgres, error: error.to_string() };
        report.unplayed = errors.into_iter().map(told).collect();
        let is_wanted = |check: &&Check| {
            check.compares_versions()
                && self.wants(check)
                && self.level(&project, check) != Level::Allow
        };
        if made.len() > 1 && checks::ALL.iter().any(is_wanted) {
            let drifts = self.drifts(&made).await;
            self.judge_drifts(&project, &drifts, &mut report, &mut used);
        }
        if self.only.is_empty() {
            judging::expire(&project.config, &used, &mut report);
        }
        Ok(report)
    }

    /// Holds the rehearsal on a server that runs already.
    #[cfg(feature = "cli")]
    pub(crate) async fn play_on(self, server: &Server) -> Result<Report> {
        let project = self.project()?;
        let traces = self.traces(server, &project, &Silence).await?;
        let (run, _) = self.judge_all(server, &project, Ok(&traces), &mut BTreeSet::new());
        Ok(Report::of(&project.name, vec![run]))
    }

    /// Reads the project, and makes sure that what is asked for can be had.
    pub(crate) fn project(&self) -> Result<Project> {
        let names = checks::names();
        if let Some(unknown) = self.only.iter().find(|name| !names.contains(&name.as_str())) {
            let help = match config::nearest(unknown, &names) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known: {}", names.join(", ")),
            };
            return Err(Error::new(format!("there is no check `{unknown}`")).help(help));
        }
        let config = || Config::read(&self.root, &names).map(|config| self.completed(config));
        let closures = self.seeders.len();
        let project = match &self.subject {
            Subject::Folder => {
                source::assert_root(&self.root, &names)?;
                Project::read(&self.root, config()?, closures)?
            }
            Subject::File(Some(postgres)) => Project::file(&self.root, (**postgres).clone())?,
            Subject::File(None) => {
                Project::file(&self.root, Config::read(Path::new("."), &names)?.postgres)?
            }
            #[cfg(feature = "sqlx-0_9")]
            Subject::BuiltIn(migrator) => {
                Project::built_in(&self.root, config()?, migrator.as_ref(), closures)?
            }
            Subject::Closure(_) => Project::of_closure(&self.root, config()?, closures)?,
        };
        Ok(project)
    }

    /// The call outranks the environment, which a CI matrix sets, and that the file.
    fn origin(&self, config: &Config) -> Result<Origin> {
        let environment = std::env::var("REHEARSAL_SERVER").ok().filter(|name| !name.is_empty());
        let called = self.origin.as_ref().map(|asked| asked.0.clone());
        let chosen = [&called, &environment, &config.postgres.server];
        let chosen = chosen.into_iter().flatten().next();
        chosen.map_or(Ok(Origin::Auto), |origin| Origin::parse(origin))
    }

    /// Who else may use the server on which a project is played.
    fn sharing(&self, project: &Project) -> Sharing {
        let postgres = &project.config.postgres;
        let is_alone = self.keep
            // A superuser can do anything to anybody.
            || postgres.role == Role::Superuser
            // A name that everybody could want.
            || postgres.database.is_some()
            || source::reach(project).is_some();
        match (self.cold, is_alone) {
            (true, _) => Sharing::Cold,
            (false, true) => Sharing::Private,
            (false, false) => Sharing::Shared,
        }
    }

    fn wanted<'w>(
        &self,
        project: &'w Project,
        origin: &'w Origin,
        version: Option<&'w str>,
        news: &'w dyn News,
    ) -> Wanted<'w> {
        let settings = &project.config.postgres;
        let image = settings.image.as_deref();
        Wanted { origin, version, image, sharing: self.sharing(project), news, settings }
    }

    /// The rehearsal on one version.
    async fn run(
        &self,
        project: &Project,
        origin: &Origin,
        version: Option<&str>,
        progress: &dyn Progress,
    ) -> Result<Held> {
        let wanted = self.wanted(project, origin, version, progress);
        let server = Arc::new(Server::open(&wanted).await?);
        if let Some(reason) = unplayed(project, origin) {
            let mut used = BTreeSet::new();
            let (run, _) = self.judge_all(&server, project, Err(&reason), &mut used);
            return Ok(Held { run, used, schema: None });
        }
        let play = async |server: &Server| self.traces(server, project, progress).await;
        let (server, traces) = Box::pin(undisturbed(server, wanted, play, |_| false)).await?;
        let mut used = BTreeSet::new();
        let (mut run, databases) = self.judge_all(&server, project, Ok(&traces), &mut used);
        run.kept = keep(server, databases).await?;
        Ok(Held { run, used, schema: traces.fresh.end.map(|end| end.catalog) })
    }

    /// Plays what the wanted checks need.
    async fn traces(
        &self,
        server: &Server,
        project: &Project,
        progress: &dyn Progress,
    ) -> Result<Traces> {
        let judged = checks::ALL.iter().filter(|check| self.wants(check));
        let played = judged.filter(|check| self.level(project, check) != Level::Allow);
        let played = played.collect::<Vec<_>>();
        let wanted: BTreeSet<_> = played.iter().filter_map(|check| check.act(project)).collect();
        let mut stage = self.stage(server, project, progress);
        // A template has a name of its own, and so have its copies.
        stage.keeps_templates = wanted.contains(&Act::Rollout)
            && project.config.postgres.database.is_none()
            && !server.is_guest();
        let mut traces = Box::pin(acts::play(&stage, &wanted)).await?;
        traces.judged = played.iter().map(|check| check.name).collect();
        let is_wanted = played.iter().any(|check| check.act(project) == Some(Act::Dump));
        if let Some(end) = traces.fresh.end.as_ref().filter(|_| is_wanted) {
            let ledger = acts::ledger_of(project, traces.fresh.boot.ledger.as_deref());
            let made = (&end.catalog, ledger);
            let dumped = Box::pin(self.dumped(server, project, made, progress)).await?;
            traces.dumped = dumped.map(Box::new);
        }
        Ok(traces)
    }

    fn stage<'s>(
        &'s self,
        server: &'s Server,
        project: &'s Project,
        progress: &'s dyn Progress,
    ) -> Stage<'s> {
        Stage {
            server,
            project,
            limit: self.limit,
            keep: self.keep,
            progress,
            closure: match &self.subject {
                Subject::Closure(closure) => Some(&**closure),
                _ => None,
            },
            seeders: &self.seeders,
            keeps_templates: false,
            // One name is one database, roles are there once, and who looks at the sessions of
            // others must not find ours. Somebody else's server may have few to give away.
            takes_turns: server.is_guest()
                || project.config.postgres.database.is_some()
                || source::reach(project).is_some()
                || source::meddles(project),
            custom_settings: custom_settings(project),
        }
    }

    fn wants(&self, check: &Check) -> bool {
        let is_asked_for = self.only.is_empty() || self.only.iter().any(|name| name == check.name);
        is_asked_for && self.left_out != Some(check.name)
    }
}

/// The server that this process holds already, or a new one.
async fn held_or_opened(wanted: &Wanted<'_>) -> Result<Arc<Server>> {
    match server::held(wanted).await {
        Some(server) => Ok(server),
        None => Ok(Arc::new(Server::open(wanted).await?)),
    }
}

/// Why a chain isn't played on somebody else's server: it would change what isn't ours.
fn unplayed(project: &Project, origin: &Origin) -> Option<String> {
    if !origin.is_external() || project.config.postgres.cluster == Cluster::Allow {
        return None;
    }
    // Of a runner that is opaque and has no files, the role's rights are the only limit.
    let (file, statement) = source::reach_outside(project)?;
    let text = &file.text[statement.span.clone()];
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let words = match words.char_indices().nth(EXCERPT_CHARACTERS) {
        Some((end, _)) => format!("{} …", words[..end].trim_end()),
        None => words.trim_end_matches(';').to_owned(),
    };
    let line = sql::position(&file.text, statement.span.start).line;
    Some(format!(
        "{}:{line} changes what belongs to the whole server ({words}); [postgres] cluster = \
         \"allow\" plays it all the same",
        file.path
    ))
}

/// Plays on a server, and once more on one of its own if it was not alone with what belongs to the
/// whole server: this chain has changed some of that, or the chain of somebody else who plays there
/// at the same time.
async fn undisturbed<T>(
    server: Arc<Server>,
    wanted: Wanted<'_>,
    play: impl AsyncFn(&Server) -> Result<T>,
    is_confined: impl FnOnce(&T) -> bool,
) -> Result<(Arc<Server>, T)> {
    let played = match play(&server).await {
        Ok(played) => played,
        Err(error) => {
            // Whatever failed, that the server has gone is the reason.
            server.assert_alive().await?;
            return Err(error);
        }
    };
    if !server.is_shared() || is_confined(&played) || server.is_pristine().await? {
        return Ok((server, played));
    }
    server.retire();
    wanted.news.begin("starting a server for this chain alone");
    let server = Server::open(&Wanted { sharing: Sharing::Private, ..wanted }).await?;
    let played = play(&server).await?;
    Ok((Arc::new(server), played))
}

/// Leaves databases where they are, for a look, if there are any.
async fn keep(server: Arc<Server>, databases: Vec<(&'static str, String)>) -> Result<Option<Kept>> {
    // Where something is to be kept, it was played on a server that nobody else holds.
    let Some(server) = Arc::into_inner(server).filter(|_| !databases.is_empty()) else {
        return Ok(None);
    };
    // A name of ours needs no quotes in a URL.
    let names = databases.iter().filter_map(|(_, url)| url.rsplit('/').next());
    let names = names.map(|name| name.split('?').next().unwrap_or(name)).collect::<Vec<_>>();
    let is_external = server.is_guest();
    let end_with = server.keep(&names).await?;
    Ok(Some(Kept { databases, end_with, is_external }))
}

/// The report as an error.
fn failed(report: &Report) -> Error {
    let what = match (report.unplayed.is_empty(), report.has_judged()) {
        (false, _) => "the rehearsal could not be held on every version",
        (true, true) => "the rehearsal failed",
        (true, false) => "nothing was judged",
    };
    Error::new(format!("{what}\n\n{report}"))
}

/// The settings of made-up classes, `app.actor_id`, that the chain's text sets, in a statement of
/// its own or within a DO block or a function.
fn custom_settings(project: &Project) -> Vec<String> {
    let mut names = BTreeSet::new();
    for file in project.played_files() {
        for statement in file.script.statements() {
            if let Kind::Set { setting, .. } = &statement.kind {
                names.insert(setting.clone());
            }
        }
        let calls = file.text.split("set_config(").skip(1);
        let arguments = calls.filter_map(|call| call.trim_start().strip_prefix('\''));
        names.extend(arguments.filter_map(|name| Some(name.split_once('\'')?.0.to_owned())));
    }
    names.retain(|name| name.contains('.'));
    names.into_iter().collect()
}
