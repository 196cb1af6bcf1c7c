//! How a file reaches the server through the tool's session: as messages, or statement by
//! statement; and which of its statements failed.

use std::borrow::Cow;
use std::ops::Range;

use tokio::time::Instant;

use super::{Player, Stop, Thoroughness};
use crate::Result;
use crate::source::{Delivery, LostTransaction, Migration, Part, SourceFile};
use crate::sql::{Content, Control, Kind, Statement};
use crate::trace::{Cause, Failure, Point, Transaction};

impl Player<'_> {
    /// Executes a part of a migration's file. On request it looks what else fails in it when
    /// something does: a message ends at its first error, and nobody wants to learn of the second
    /// one tomorrow.
    pub(in crate::acts) async fn play(
        &mut self,
        file: &SourceFile,
        part: &Part,
        how: Thoroughness,
    ) -> Result<Vec<Failure>> {
        self.deadline = Instant::now() + self.stage.limit;
        match self.format.delivery {
            Delivery::Message | Delivery::Lines { .. } => self.play_messages(file, part, how).await,
            Delivery::Statements => Box::pin(self.play_statements(file, part, how)).await,
        }
    }

    /// Executes all of a file as psql would, until something fails.
    pub(in crate::acts) async fn play_script(
        &mut self,
        script: &Migration,
    ) -> Result<Vec<Failure>> {
        let mut failures = Vec::new();
        for part in &script.parts {
            failures.extend(self.play(&script.file, part, Thoroughness::UntilFailure).await?);
        }
        Ok(failures)
    }

    /// Sends a part's messages until one fails. Where no transaction holds them, a later one can
    /// still succeed, and a replay goes on.
    async fn play_messages(
        &mut self,
        file: &SourceFile,
        part: &Part,
        how: Thoroughness,
    ) -> Result<Vec<Failure>> {
        let mut failures = Vec::new();
        let all = all(file);
        for message in &part.messages {
            let found = self.play_message(file, &all, part, message, how).await?;
            let ends = how == Thoroughness::UntilFailure || part.begin.is_some() || !self.alive;
            let ends = ends && !found.is_empty();
            failures.extend(found);
            if ends {
                break;
            }
        }
        Ok(failures)
    }

    async fn play_message(
        &mut self,
        file: &SourceFile,
        all: &[&Statement],
        part: &Part,
        message: &Range<usize>,
        how: Thoroughness,
    ) -> Result<Vec<Failure>> {
        let statements = Statements::of(all, message);
        if let Some(index) = statements.index_of(|it| streams(&file.text, it)) {
            // The driver would hang on it; the tool's own refuses.
            let message = "COPY needs a client that sends or takes its data, and this tool sends \
                           the file as plain SQL";
            return Ok(vec![Failure::new(Point::Statement(index), Cause::NoCopyData, message)]);
        }
        let sent = match self.format.delivery {
            Delivery::Lines { comments: false, .. } => Sent::without_comments(&file.text, message),
            _ => Sent::whole(&file.text, message),
        };
        let Err(stopped) = self.send(&sent.text).await else { return Ok(Vec::new()) };
        let mut failure = self.failure(stopped.by, &sent.text).await?;
        failure.offset = failure.offset.map(|offset| sent.place(offset));
        failure.at = statements.point_of(stopped.completed, &failure);
        self.rest_in_peace().await;
        // Without a transaction around it, the server commits before it answers the last statement,
        // so which of the two failed is seen only when that statement is executed by itself.
        let ambiguous =
            part.begin.is_none() && failure.at == statements.last() && failure.offset.is_none();
        let look = ambiguous || how == Thoroughness::EveryStatement;
        // What shares a transaction fails together.
        let together = if part.begin.is_some() { &part.span } else { message };
        let together = Statements::of(all, together);
        if together.range.len() < 2 || failure.cause != Cause::Postgres || !look {
            return Ok(vec![failure]);
        }
        let Some(each) = self.try_each(file, &together).await? else { return Ok(vec![failure]) };
        if ambiguous && each.is_empty() {
            failure.at = Point::Commit;
        }
        let first = failure.at;
        let mut failures = vec![failure];
        if how == Thoroughness::EveryStatement {
            failures.extend(each.into_iter().filter(|failure| failure.at != first));
        }
        Ok(failures)
    }

    /// Sends a part statement by statement, or as many in one message as mean the same.
    async fn play_statements(
        &mut self,
        file: &SourceFile,
        part: &Part,
        how: Thoroughness,
    ) -> Result<Vec<Failure>> {
        let all = all(file);
        let mut failures = Vec::new();
        let mut next = 0;
        while next < all.len() {
            let range = match how {
                // In a transaction nobody sees the difference, but for the round trips.
                Thoroughness::UntilFailure if part.begin.is_some() => batch(file, &all, next),
                _ => next..next + 1,
            };
            next = range.end;
            let Err(failure) = self.play_batch(file, &all, &range).await? else { continue };
            // What shares a transaction fails together.
            if how == Thoroughness::EveryStatement
                && part.begin.is_some()
                && failure.cause == Cause::Postgres
                && let Some(each) = self.try_each(file, &Statements::of(&all, &part.span)).await?
            {
                let first = failure.at;
                failures.push(failure);
                failures.extend(each.into_iter().filter(|failure| failure.at != first));
                return Ok(failures);
            }
            // A transaction that was aborted refuses everything that follows in it.
            if failure.sqlstate != "25P02" {
                failures.push(failure);
            }
            if how == Thoroughness::UntilFailure || !self.alive {
                break;
            }
        }
        if !failures.is_empty() {
            self.rest_in_peace().await;
        }
        Ok(failures)
    }

    /// Sends statements that follow each other as one message; one that streams is by itself.
    async fn play_batch(
        &mut self,
        file: &SourceFile,
        all: &[&Statement],
        range: &Range<usize>,
    ) -> Result<Result<(), Failure>> {
        let (first, last) = (all[range.start], all[range.end - 1]);
        let text = &file.text[first.span.start..last.span.end];
        let sent = if first.kind == Kind::CopyFromStdin {
            self.copy_in(text, without_end_mark(data_of(file, first))).await
        } else if streams(&file.text, first) {
            self.copy_out(text).await
        } else {
            self.send(text).await
        };
        let Err(stopped) = sent else { return Ok(Ok(())) };
        let completed = stopped.completed;
        let mut failure = self.failure(stopped.by, text).await?;
        failure.offset = failure.offset.map(|offset| offset + first.span.start);
        let statements = Statements { all, range: range.clone() };
        failure.at = statements.point_of(completed, &failure);
        Ok(Err(failure))
    }

    /// The failure of a statement that was sent by itself.
    async fn failure_of(
        &mut self,
        by: Stop,
        file: &SourceFile,
        index: usize,
        statement: &Statement,
    ) -> Result<Failure> {
        let failure = self.failure(by, &file.text[statement.span.clone()]).await?;
        let offset = failure.offset.map(|offset| offset + statement.span.start);
        Ok(Failure { at: Point::Statement(index), offset, ..failure })
    }

    /// Looks which statements of a part fail, each by itself, and leaves nothing of them. Can't say
    /// anything of a file that commits or can't run in a transaction.
    async fn try_each(
        &mut self,
        file: &SourceFile,
        statements: &Statements<'_>,
    ) -> Result<Option<Vec<Failure>>> {
        let unfit = |statement: &Statement| {
            statement.needs_autocommit()
                || matches!(statement.kind, Kind::Transaction(_) | Kind::CopyFromStdin)
        };
        if statements.index_of(unfit).is_some() || !self.alive {
            return Ok(None);
        }
        let mut failures = Vec::new();
        self.deadline = Instant::now() + self.stage.limit;
        self.rest_in_peace().await;
        crate::server::run(&mut self.connection, "BEGIN").await?;
        for index in statements.range.clone() {
            let statement = statements.all[index];
            let text = &file.text[statement.span.clone()];
            crate::server::run(&mut self.connection, "SAVEPOINT rehearsal").await?;
            let Err(stopped) = self.send(text).await else { continue };
            let failure = self.failure_of(stopped.by, file, index, statement).await?;
            // What a transaction block forbids is allowed in the file's own message.
            if !matches!(failure.sqlstate.as_str(), "2D000" | "25001") {
                failures.push(failure);
            }
            if !self.alive {
                return Ok(Some(failures));
            }
            crate::server::run(&mut self.connection, "ROLLBACK TO rehearsal").await?;
        }
        crate::server::run(&mut self.connection, "ROLLBACK").await?;
        Ok(Some(failures))
    }

    /// Ends the transaction that the tool opened for a part.
    pub(in crate::acts) async fn commit(
        &mut self,
        file: &SourceFile,
        part: &Part,
    ) -> Result<Vec<Failure>> {
        let ends_it = |it: &Statement| match it.kind {
            Kind::Transaction(control) => control != Control::Begin,
            _ => false,
        };
        let refusal = self.format.lost_transaction;
        if let Some(refusal) = refusal
            && let Some(index) = Statements::of(&all(file), &part.span).index_of(ends_it)
            && self.look().await.is_ok_and(|now| now.transaction == Transaction::None)
        {
            let at = Point::Statement(index);
            let said = match refusal {
                LostTransaction::AtCommit(said) => said.to_owned(),
                LostTransaction::InState(said) => format!("{said} idle"),
            };
            return Ok(vec![Failure::new(at, Cause::LostTransaction, said)]);
        }
        let failure = self.keep_book("COMMIT").await?.err();
        Ok(failure.map(|failure| Failure { at: Point::Commit, ..failure }).into_iter().collect())
    }
}

/// How long a message of several statements may be, in bytes.
const BATCH_BYTES_MAX: usize = 256 * 1024;

/// The statements from one on that can be sent as one message: in a transaction, they mean the same
/// as one by one, unless one of them changes how the text after it is read.
fn batch(file: &SourceFile, all: &[&Statement], first: usize) -> Range<usize> {
    let start = all[first].span.start;
    // A line for psql is nothing for the server.
    let lines = file.script.pieces.iter().filter(|piece| piece.content == Content::Meta);
    let line = lines.map(|piece| piece.span.start).find(|at| *at > start);
    let joins = |statement: &&&Statement| {
        matches!(statement.kind, Kind::Insert | Kind::Update | Kind::Delete | Kind::Merge)
            && statement.span.end - start <= BATCH_BYTES_MAX
            && line.is_none_or(|line| statement.span.end <= line)
    };
    let joined = all[first..].iter().take_while(joins).count();
    first..first + joined.max(1)
}

/// The lines that follow a `COPY … FROM stdin`.
fn data_of<'a>(file: &'a SourceFile, copy: &Statement) -> &'a str {
    let pieces = &file.script.pieces;
    let after = pieces.partition_point(|piece| piece.span.start < copy.span.end);
    let next = pieces[after..].iter().find(|piece| piece.content != Content::Space);
    let data = next.filter(|piece| piece.content == Content::CopyData);
    data.map_or("", |data| &file.text[data.span.clone()])
}

/// Whether a statement sends its data to the client, or takes it from there.
fn streams(text: &str, statement: &Statement) -> bool {
    let words = || text[statement.span.clone()].to_lowercase();
    match statement.kind {
        Kind::CopyFromStdin => true,
        Kind::Copy => words().split_whitespace().any(|word| word.starts_with("stdout")),
        _ => false,
    }
}

/// The rows of a block of COPY data: what ends it is psql's, and not the server's.
fn without_end_mark(data: &str) -> &str {
    let lines = data.trim_end_matches(['\r', '\n']);
    match lines.strip_suffix("\\.") {
        Some(rows) if rows.is_empty() || rows.ends_with('\n') => rows,
        _ => data,
    }
}

/// What is sent of a range of a file.
struct Sent<'a> {
    text: Cow<'a, str>,
    start: usize,
    /// What of the file is not in it, in order.
    left_out: Vec<Range<usize>>,
}

impl<'a> Sent<'a> {
    fn whole(file: &'a str, message: &Range<usize>) -> Self {
        let text = Cow::Borrowed(&file[message.clone()]);
        Self { text, start: message.start, left_out: Vec::new() }
    }

    fn without_comments(file: &'a str, message: &Range<usize>) -> Self {
        let mut sent = Self { text: Cow::default(), start: message.start, left_out: Vec::new() };
        let mut start = message.start;
        for line in file[message.clone()].split_inclusive('\n') {
            let end = start + line.len();
            if line.starts_with("-- ") {
                sent.left_out.push(start..end);
            } else {
                sent.text.to_mut().push_str(line);
            }
            start = end;
        }
        sent
    }

    /// Where in the file a place in the text comes from.
    fn place(&self, offset: usize) -> usize {
        let gaps = self.left_out.iter();
        gaps.fold(self.start + offset, |at, gap| if gap.start <= at { at + gap.len() } else { at })
    }
}

/// All statements of a file, collected once for its many messages.
fn all(file: &SourceFile) -> Vec<&Statement> {
    file.script.statements().collect()
}

/// The statements within a range of a file, by their places in the whole file.
struct Statements<'a> {
    all: &'a [&'a Statement],
    range: Range<usize>,
}

impl<'a> Statements<'a> {
    fn of(all: &'a [&'a Statement], span: &Range<usize>) -> Self {
        let first = all.partition_point(|it| it.span.start < span.start);
        let end = all.partition_point(|it| it.span.start < span.end);
        Self { all, range: first..end }
    }

    fn index_of(&self, wanted: impl Fn(&Statement) -> bool) -> Option<usize> {
        self.range.clone().find(|index| wanted(self.all[*index]))
    }

    fn last(&self) -> Point {
        Point::Statement(self.range.end.saturating_sub(1))
    }

    /// Which statement of a message failed: the one into which Postgres points, or else as many as
    /// were completed came before it.
    fn point_of(&self, completed: usize, failure: &Failure) -> Point {
        let by_offset =
            failure.offset.and_then(|at| self.index_of(|statement| at < statement.span.end));
        let by_count = Some(self.range.start + completed).filter(|at| self.range.contains(at));
        by_offset.or(by_count).map_or_else(|| self.last(), Point::Statement)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(data: &str, rows: &str) {
        assert_eq!(without_end_mark(data), rows, "{data:?}");
    }

    #[test]
    fn places_are_those_of_the_file() {
        let file = "x;\na\n-- b\n-- c\nd;\n--e\n";
        let sent = Sent::without_comments(file, &(3..file.len()));
        assert_eq!(sent.text, "a\nd;\n--e\n");
        for (offset, place) in [(0, 3), (1, 4), (2, 15), (4, 17), (6, 19)] {
            assert_eq!(sent.place(offset), place, "{offset}");
        }
        let whole = Sent::whole(file, &(3..6));
        assert_eq!((&*whole.text, whole.place(2)), ("a\n-", 5));
    }

    #[test]
    fn the_mark_at_the_end_of_copy_data_is_not_data() {
        check("1\ta\n2\tb\n\\.\n", "1\ta\n2\tb\n");
        check("1\r\n\\.\r\n", "1\r\n");
        check("\\.\n", "");
        check("1\n2", "1\n2");
        check("a\\.\n", "a\\.\n");
    }

    /// How many statements of a file go into each message.
    fn check_batches(text: &str, expected: &[usize]) {
        let script = crate::sql::Script::parse(text);
        let file = SourceFile { path: String::new(), text: text.into(), script };
        let (all, mut sizes, mut next) = (all(&file), Vec::new(), 0);
        while next < all.len() {
            let range = batch(&file, &all, next);
            next = range.end;
            sizes.push(range.len());
        }
        assert_eq!(sizes, expected, "{text}");
    }

    #[test]
    fn what_means_the_same_in_one_message_shares_one() {
        let insert = "INSERT INTO t VALUES (1);\n";
        check_batches(&insert.repeat(3), &[3]);
        check_batches("SELECT 1; UPDATE t SET a = 1; DELETE FROM t; SELECT 2;", &[1, 2, 1]);
        check_batches(
            "INSERT INTO t VALUES ('\\'); SET standard_conforming_strings = on; DELETE FROM t;",
            &[1, 1, 1],
        );
        check_batches(&format!("{insert}{insert}\\echo half\n{insert}"), &[2, 1]);
        check_batches(&format!("COPY t FROM stdin;\n1\n\\.\n{insert}{insert}"), &[1, 2]);
        check_batches(&format!("{insert}COMMIT; {insert}"), &[1, 1, 1]);
        let long = format!("INSERT INTO t VALUES ('{}');\n", "x".repeat(BATCH_BYTES_MAX / 2));
        check_batches(&long.repeat(3), &[1, 1, 1]);
    }
}
