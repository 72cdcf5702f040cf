//! The positions of consumer groups, in the database that has the rows before them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};

use super::SqliteError;
use super::writer::{Writer, is_busy};
use crate::journal::group_offsets::Committed;
use crate::journal::offsets::{
    Confirmation, OffsetStore, Partition, Position, Positions, StoreError,
};
use crate::journal::topic_note;
use crate::sink::Checkpoint;
use crate::sink::moves::{self, Compared};
use crate::sink::sent::SentPositions;
use crate::sink::tables::Owner;

/// Creates the tables that remember whose rows a database has.
pub(super) const TABLES: &str = "
CREATE TABLE IF NOT EXISTS journal_offsets (
    group_id TEXT NOT NULL, -- Or `recording ...`: a run without a group, until it has ended.
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    next_offset INTEGER NOT NULL, -- The next record to read: the rows of all before it are here.
    note TEXT NOT NULL, -- Where the group started.
    topic_id TEXT NOT NULL, -- Which of the topics that had this name; empty where Kafka does not say it.
    PRIMARY KEY (group_id, topic, partition)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS journal_tables (
    name TEXT NOT NULL PRIMARY KEY,
    plugin TEXT NOT NULL,
    output TEXT NOT NULL,
    group_id TEXT, -- NULL where the rows are of recordings.
    combining TEXT NOT NULL -- How rows are combined, as JSON.
) STRICT, WITHOUT ROWID;
";

const ALL: &str =
    "SELECT topic, partition, next_offset, note, topic_id FROM journal_offsets WHERE group_id = ?1";
/// A topic that was created again is another one.
const ADVANCE: &str = "UPDATE journal_offsets SET next_offset = ?5, topic_id = coalesce(nullif(?6, ''), topic_id)
    WHERE group_id = ?1 AND topic = ?2 AND partition = ?3 AND next_offset = ?4 AND (topic_id = ?6 OR '' IN (topic_id, ?6))";
/// A position that is there stays.
const INSERT: &str =
    "INSERT INTO journal_offsets VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING";
/// A position that is there stays, unless its topic was deleted and this is one of the topic that has its name now.
const START: &str =
    "INSERT INTO journal_offsets VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE
    SET next_offset = excluded.next_offset, note = excluded.note, topic_id = excluded.topic_id
    WHERE topic_id <> excluded.topic_id AND '' NOT IN (topic_id, excluded.topic_id)";

/// A position that an operator sets replaces any other one. Which topic has the name now, the next checkpoint says.
const REPLACE: &str =
    "INSERT INTO journal_offsets VALUES (?1, ?2, ?3, ?4, ?5, '') ON CONFLICT DO UPDATE
    SET next_offset = excluded.next_offset, note = excluded.note, topic_id = excluded.topic_id";

/// The digest in the name of a run has 32 digits.
const FORGET_RUNS: &str = "DELETE FROM journal_offsets
    WHERE substr(group_id, 1, length(?1)) = ?1 AND length(group_id) = length(?1) + 32";
const END_RUN: &str = "DELETE FROM journal_offsets WHERE group_id = ?1";
/// How long another program that writes is waited for at the end of a run.
const END_WAIT: Duration = Duration::from_secs(10);

/// Advances the positions that change, if nobody has advanced them since.
pub(super) fn advance(
    transaction: &Transaction<'_>,
    group: &str,
    checkpoint: &Checkpoint<'_>,
) -> rusqlite::Result<Compared> {
    let mut update = transaction.prepare(ADVANCE)?;
    let mut insert = transaction.prepare(INSERT)?;
    for one in moves::of(checkpoint) {
        let Partition { topic, number } = &one.partition;
        let (first, next, id) = (one.first, one.next, &one.topic_id);
        let changed = update.execute(params![group, &**topic, number, first, next, id])?;
        // Where none is there, the partition started at its first record.
        if changed == 0 && insert.execute(params![group, &**topic, number, next, "", id])? == 0 {
            return Ok(Compared::Other);
        }
    }
    Ok(Compared::First)
}

fn all(connection: &Connection, group: &str) -> rusqlite::Result<BTreeMap<Partition, Position>> {
    let mut statement = connection.prepare(ALL)?;
    let rows = statement.query_map([group], |row| {
        let partition = Partition {
            topic: row.get::<_, String>(0)?.into(),
            number: row.get(1)?,
        };
        let next = row.get::<_, i64>(2)?;
        let note = row.get::<_, String>(3)?;
        let id = row.get::<_, String>(4)?;
        let next = u64::try_from(next).unwrap_or_default();
        let position = moves::position(next, &note, &id);
        Ok((partition, position))
    })?;
    rows.collect()
}

/// The positions of a group, whose notes do not have the identifiers of their topics.
pub(super) fn without_topics(connection: &Connection, group: &str) -> rusqlite::Result<Committed> {
    all(connection, group).map(moves::without_topics)
}

/// The positions of a run without a group.
pub(super) fn of_run(writer: &Writer, run: &str) -> Result<Committed, SqliteError> {
    let open = writer.wait();
    let all = all(&open.connection, run);
    all.map_err(|source| writer.cannot("read", source))
}

/// Removes the positions of the plugin's runs without a group. No other process writes, so that all of these have ended.
pub(super) fn forget_runs(writer: &Writer, owner: &Owner) -> Result<(), SqliteError> {
    let open = writer.wait();
    let removed = open.connection.execute(FORGET_RUNS, [owner.runs()]);
    removed
        .map(drop)
        .map_err(|source| writer.cannot("write to", source))
}

/// Writes where a run without a group begins.
pub(super) fn begin_run(writer: &Writer, run: &str, starts: &Committed) -> Result<(), SqliteError> {
    let replaced = replace(&mut writer.wait().connection, run, starts);
    replaced.map_err(|source| writer.cannot("write to", source))
}

/// Removes the positions of a run without a group. Another program that writes is waited for.
pub(super) fn end_run(writer: &Writer, run: &str) -> Result<(), SqliteError> {
    let open = writer.wait();
    let remove = || {
        open.connection.busy_timeout(END_WAIT)?;
        open.connection.execute(END_RUN, [run])?;
        open.connection.busy_timeout(Duration::ZERO)
    };
    remove().map_err(|source| writer.cannot("write to", source))
}

/// Replaces positions of a group in one transaction.
pub(super) fn replace(
    connection: &mut Connection,
    group: &str,
    positions: &Committed,
) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(TABLES)?;
    for (partition, position) in positions {
        let (topic, number) = (&*partition.topic, partition.number);
        let next = moves::integer(position.next);
        transaction.execute(REPLACE, params![group, topic, number, next, position.note])?;
    }
    transaction.commit()
}

/// Whether the database has positions of the group.
pub(super) fn has_any(connection: &Connection, group: &str) -> rusqlite::Result<bool> {
    let first = "SELECT 1 FROM journal_offsets WHERE group_id = ?1 LIMIT 1";
    let found = connection
        .query_row(first, [group], |_| Ok(()))
        .optional()?;
    Ok(found.is_some())
}

/// The positions of one worker's group.
#[derive(Debug)]
pub(super) struct SqliteStore {
    writer: Arc<Writer>,
    group: Arc<str>,
    /// What was sent and is not in the database yet.
    sent: SentPositions,
}

impl SqliteStore {
    pub(super) fn new(writer: Arc<Writer>, group: Arc<str>) -> Self {
        Self {
            writer,
            group,
            sent: SentPositions::default(),
        }
    }

    fn cannot(&self, action: &'static str, error: rusqlite::Error) -> StoreError {
        StoreError(Box::new(self.writer.cannot(action, error)))
    }

    /// Writes what was sent, unless the database is in use.
    fn write(&mut self) -> Result<(), StoreError> {
        let Some(mut open) = self.writer.try_open() else {
            return Ok(());
        };
        let mut insert = || {
            let behavior = TransactionBehavior::Immediate;
            let transaction = open.connection.transaction_with_behavior(behavior)?;
            for (partition, position) in self.sent.positions() {
                let (topic, number) = (&*partition.topic, partition.number);
                let next = moves::integer(position.next);
                let (note, id) = topic_note::split(&position.note);
                let id = id.map(moves::id).unwrap_or_default();
                let values = params![&*self.group, topic, number, next, note, id];
                transaction.execute(START, values)?;
            }
            transaction.commit()
        };
        match insert() {
            Ok(()) => {
                self.sent.clear();
                Ok(())
            }
            Err(error) if is_busy(&error) => Ok(()),
            Err(error) => Err(self.cannot("write to", error)),
        }
    }
}

impl OffsetStore for SqliteStore {
    fn load(&mut self, of: &[Partition]) -> Result<Poll<Positions>, StoreError> {
        self.committed(of)
    }

    fn committed(&mut self, of: &[Partition]) -> Result<Poll<Positions>, StoreError> {
        let Some(open) = self.writer.try_open() else {
            return Ok(Poll::Pending);
        };
        match all(&open.connection, &self.group) {
            Ok(known) => {
                let position = |one: &Partition| (one.clone(), known.get(one).cloned());
                Ok(Poll::Ready(of.iter().map(position).collect()))
            }
            Err(error) if is_busy(&error) => Ok(Poll::Pending),
            Err(error) => Err(self.cannot("read", error)),
        }
    }

    fn send(&mut self, to: &BTreeMap<Partition, Position>) -> Result<(), StoreError> {
        self.sent.add(to);
        Ok(())
    }

    fn check(&mut self) -> Result<Confirmation, StoreError> {
        if !self.sent.positions().is_empty() {
            self.write()?;
        }
        Ok(self.sent.confirmation())
    }

    fn retain(&mut self, assigned: &[Partition]) {
        self.sent.retain(assigned);
    }
}
