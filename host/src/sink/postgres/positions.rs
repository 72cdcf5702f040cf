//! The positions of consumer groups, in the database that has the rows before them.

mod runs;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use postgres::{Client, GenericClient, Transaction};

use super::link::{Asked, Link};
use super::session::Failure;
use super::table::Schema;
use crate::journal::group_offsets::Committed;
use crate::journal::offsets::{
    Confirmation, OffsetStore, Partition, Position, Positions, StoreError,
};
use crate::journal::topic_note;
use crate::sink::moves::{self, Move};
use crate::sink::sent::SentPositions;

/// How long a question may take at most before the worker goes on with something else.
const ANSWER_WAIT: Duration = Duration::from_millis(15);
/// How long a worker that was fenced waits for the positions of the others.
const FRESH_WAIT: Duration = Duration::from_secs(2);

/// The statements about positions in one schema.
#[derive(Clone, Debug)]
pub(super) struct PositionStatements {
    create: [String; 2],
    is_there: &'static str,
    offsets: String,
    all: String,
    any: String,
    lock: String,
    lock_all: String,
    replace: String,
    update: String,
    insert: String,
    start: String,
    forget: String,
    runs: String,
    end: String,
}

impl PositionStatements {
    pub(super) fn new(schema: &Schema) -> Self {
        let (offsets, tables) = (
            schema.named("journal_offsets"),
            schema.named("journal_tables"),
        );
        let columns = "group_id, topic, partition, next_offset, note, topic_id";
        let given = "unnest($2::text[], $3::int[], $4::bigint[], $5::bigint[], $6::text[])
                AS n (topic, partition, first, next, id)";
        Self {
            create: [
                format!(
                    "CREATE TABLE IF NOT EXISTS {offsets} (
    group_id text COLLATE \"C\" NOT NULL,
    topic text COLLATE \"C\" NOT NULL,
    partition integer NOT NULL,
    next_offset bigint NOT NULL,
    note text NOT NULL,
    topic_id text NOT NULL,
    PRIMARY KEY (group_id, topic, partition)
);
COMMENT ON TABLE {offsets} IS 'Where consumer groups of journal-host are: the rows of all records before these are here';
COMMENT ON COLUMN {offsets}.next_offset IS 'The next record to read';
COMMENT ON COLUMN {offsets}.note IS 'Where the group started';
COMMENT ON COLUMN {offsets}.topic_id IS 'Which of the topics that had this name; empty where Kafka does not say it'"
                ),
                format!(
                    "CREATE TABLE IF NOT EXISTS {tables} (
    name text COLLATE \"C\" NOT NULL PRIMARY KEY,
    plugin text NOT NULL,
    output text NOT NULL,
    group_id text,
    combining text NOT NULL
);
COMMENT ON TABLE {tables} IS 'The tables that journal-host has created';
COMMENT ON COLUMN {tables}.group_id IS 'NULL where the rows are of recordings';
COMMENT ON COLUMN {tables}.combining IS 'How rows are combined, as JSON'"
                ),
            ],
            is_there: "SELECT to_regclass($1) IS NOT NULL",
            all: format!(
                "SELECT topic, partition, next_offset, note, topic_id FROM {offsets} WHERE group_id = $1"
            ),
            any: format!("SELECT 1 FROM {offsets} WHERE group_id = $1 LIMIT 1"),
            lock: format!(
                "SELECT topic, partition, next_offset, topic_id FROM {offsets}
                WHERE group_id = $1 AND (topic, partition) IN (SELECT * FROM unnest($2::text[], $3::int[]))
                ORDER BY topic, partition FOR UPDATE"
            ),
            lock_all: format!(
                "SELECT 1 FROM {offsets} WHERE group_id = $1 ORDER BY topic, partition FOR UPDATE"
            ),
            // A position that an operator sets replaces any other one. Which topic has the name now, the next checkpoint
            // says.
            replace: format!(
                "INSERT INTO {offsets} ({columns})
                SELECT $1, topic, partition, next, note, '' FROM unnest($2::text[], $3::int[], $4::bigint[], $5::text[])
                AS n (topic, partition, next, note) ORDER BY topic, partition
                ON CONFLICT (group_id, topic, partition) DO UPDATE
                SET next_offset = excluded.next_offset, note = excluded.note, topic_id = excluded.topic_id"
            ),
            update: format!(
                "UPDATE {offsets} AS o SET next_offset = n.next, topic_id = coalesce(nullif(n.id, ''), o.topic_id)
                FROM {given}
                WHERE o.group_id = $1 AND o.topic = n.topic AND o.partition = n.partition AND o.next_offset = n.first
                AND (o.topic_id = n.id OR '' IN (o.topic_id, n.id))"
            ),
            // A position that is there stays.
            insert: format!(
                "INSERT INTO {offsets} ({columns})
                SELECT $1, topic, partition, next, '', id FROM unnest($2::text[], $3::int[], $4::bigint[], $5::text[])
                AS n (topic, partition, next, id) ORDER BY topic, partition ON CONFLICT DO NOTHING"
            ),
            // A position that is there stays, unless its topic was deleted and this is one of the topic that has its
            // name now.
            start: format!(
                "INSERT INTO {offsets} AS o ({columns}) VALUES ($1, $2, $3, $4, $5, $6)
                ON CONFLICT (group_id, topic, partition) DO UPDATE
                SET next_offset = excluded.next_offset, note = excluded.note, topic_id = excluded.topic_id
                WHERE o.topic_id <> excluded.topic_id AND '' NOT IN (o.topic_id, excluded.topic_id)"
            ),
            forget: format!("DELETE FROM {offsets} WHERE group_id = $1 AND topic = $2 AND partition = $3"),
            runs: format!("SELECT DISTINCT group_id FROM {offsets} WHERE starts_with(group_id, $1)"),
            end: format!("DELETE FROM {offsets} WHERE group_id = $1"),
            offsets,
        }
    }

    /// Creates the tables that remember whose rows a database has.
    pub(super) fn create(&self, client: &mut impl GenericClient) -> Result<(), postgres::Error> {
        self.create
            .iter()
            .try_for_each(|sql| client.batch_execute(sql))
    }

    /// The positions of a group, whose notes do not have the identifiers of their topics. There are none where the table
    /// does not exist.
    pub(super) fn of_operator(
        &self,
        client: &mut Client,
        group: &str,
    ) -> Result<Committed, postgres::Error> {
        if !self.is_there(client)? {
            return Ok(Committed::new());
        }
        Ok(moves::without_topics(self.all(client, group)?))
    }

    /// Locks the positions of a group until the transaction ends.
    pub(super) fn lock_all(&self, client: &mut Client, group: &str) -> Result<(), postgres::Error> {
        if self.is_there(client)? {
            client.execute(&self.lock_all, &[&group])?;
        }
        Ok(())
    }

    /// Replaces positions of a group. Others stay.
    pub(super) fn replace(
        &self,
        client: &mut Client,
        group: &str,
        positions: &Committed,
    ) -> Result<(), postgres::Error> {
        let topics: Vec<&str> = positions.keys().map(|one| &*one.topic).collect();
        let partitions: Vec<i32> = positions.keys().map(partition_number).collect();
        let nexts = positions.values().map(|one| moves::integer(one.next));
        let nexts: Vec<i64> = nexts.collect();
        let notes: Vec<&str> = positions.values().map(|one| &*one.note).collect();
        let values: &[&(dyn postgres::types::ToSql + Sync)] =
            &[&group, &topics, &partitions, &nexts, &notes];
        client.execute(&self.replace, values).map(drop)
    }

    fn is_there(&self, client: &mut Client) -> Result<bool, postgres::Error> {
        let row = client.query_one(self.is_there, &[&self.offsets])?;
        Ok(row.get(0))
    }

    /// Whether the database has positions of the group.
    pub(super) fn has_any(
        &self,
        transaction: &mut Transaction<'_>,
        group: &str,
    ) -> Result<bool, postgres::Error> {
        Ok(transaction.query_opt(&self.any, &[&group])?.is_some())
    }

    /// Advances positions, if nobody has advanced them since. The rows stay locked until the transaction ends.
    pub(super) fn advance(
        &self,
        transaction: &mut Transaction<'_>,
        group: &str,
        moves: &[Move],
    ) -> Result<moves::Compared, postgres::Error> {
        if moves.is_empty() {
            return Ok(moves::Compared::First);
        }
        let compared = self.compare(transaction, group, moves)?;
        if compared != moves::Compared::First {
            return Ok(compared);
        }
        let Columns {
            topics,
            partitions,
            firsts,
            nexts,
            ids,
        } = columns(moves);
        let updated = transaction.execute(
            &self.update,
            &[&group, &topics, &partitions, &firsts, &nexts, &ids],
        )?;
        // Where none is there, the partition started at its first record.
        let missing = u64::try_from(moves.len()).unwrap_or(u64::MAX) - updated;
        if missing > 0 {
            let values: &[&(dyn postgres::types::ToSql + Sync)] =
                &[&group, &topics, &partitions, &nexts, &ids];
            if transaction.execute(&self.insert, values)? != missing {
                return Ok(moves::Compared::Other);
            }
        }
        Ok(moves::Compared::First)
    }

    /// How the positions in the database compare with those of a checkpoint. A transaction that changes them at this
    /// moment is waited for.
    pub(super) fn compare(
        &self,
        transaction: &mut Transaction<'_>,
        group: &str,
        moves: &[Move],
    ) -> Result<moves::Compared, postgres::Error> {
        let Columns {
            topics, partitions, ..
        } = columns(moves);
        let rows = transaction.query(&self.lock, &[&group, &topics, &partitions])?;
        let found = rows.iter().map(|row| {
            let partition = Partition {
                topic: row.get::<_, &str>(0).into(),
                number: number(row.get(1)),
            };
            (partition, (row.get(2), row.get(3)))
        });
        let found: BTreeMap<Partition, (i64, String)> = found.collect();
        Ok(moves::compare(moves, |partition| {
            found.get(partition).cloned()
        }))
    }

    /// The positions of a group, or of a run without one.
    pub(super) fn all(
        &self,
        client: &mut Client,
        group: &str,
    ) -> Result<BTreeMap<Partition, Position>, postgres::Error> {
        let rows = client.query(&self.all, &[&group])?;
        let position = |row: &postgres::Row| {
            let partition = Partition {
                topic: row.get::<_, &str>(0).into(),
                number: number(row.get(1)),
            };
            let (note, id) = (row.get::<_, &str>(3), row.get::<_, &str>(4));
            let next = u64::try_from(row.get::<_, i64>(2)).unwrap_or_default();
            (partition, moves::position(next, note, id))
        };
        Ok(rows.iter().map(position).collect())
    }

    fn start(
        &self,
        client: &mut Client,
        group: &str,
        positions: &BTreeMap<Partition, Position>,
    ) -> Result<(), postgres::Error> {
        let mut transaction = client.transaction()?;
        for (partition, position) in positions {
            let (note, id) = topic_note::split(&position.note);
            let id = id.map(moves::id).unwrap_or_default();
            let next = moves::integer(position.next);
            let values: &[&(dyn postgres::types::ToSql + Sync)] = &[
                &group,
                &&*partition.topic,
                &partition_number(partition),
                &next,
                &note,
                &id,
            ];
            transaction.execute(&self.start, values)?;
        }
        transaction.commit()
    }

    /// Removes a position that nobody asks for any more.
    pub(super) fn forget(
        &self,
        client: &mut Client,
        group: &str,
        partition: &Partition,
    ) -> Result<(), postgres::Error> {
        let number = partition_number(partition);
        client
            .execute(&self.forget, &[&group, &&*partition.topic, &number])
            .map(drop)
    }
}

fn partition_number(partition: &Partition) -> i32 {
    // Kafka's are signed, too.
    i32::try_from(partition.number).unwrap_or(i32::MAX)
}

fn number(partition: i32) -> u32 {
    u32::try_from(partition).unwrap_or_default()
}

/// Positions as arrays.
struct Columns<'a> {
    topics: Vec<&'a str>,
    partitions: Vec<i32>,
    firsts: Vec<i64>,
    nexts: Vec<i64>,
    ids: Vec<&'a str>,
}

fn columns(moves: &[Move]) -> Columns<'_> {
    Columns {
        topics: moves.iter().map(|one| &*one.partition.topic).collect(),
        partitions: moves
            .iter()
            .map(|one| partition_number(&one.partition))
            .collect(),
        firsts: moves.iter().map(|one| one.first).collect(),
        nexts: moves.iter().map(|one| one.next).collect(),
        ids: moves.iter().map(|one| &*one.topic_id).collect(),
    }
}

/// The positions of one worker's group.
pub(super) struct PostgresStore {
    link: Arc<Link>,
    statements: Arc<PositionStatements>,
    group: Arc<str>,
    /// The question that has no answer yet.
    asked: Option<Asked<BTreeMap<Partition, Position>>>,
    /// An answer that nobody has asked for yet.
    fresh: Option<BTreeMap<Partition, Position>>,
    /// What was sent and is not in the database yet.
    sent: SentPositions,
    sending: Option<Asked<()>>,
}

impl PostgresStore {
    pub(super) fn new(
        link: Arc<Link>,
        statements: Arc<PositionStatements>,
        group: Arc<str>,
    ) -> Self {
        Self {
            link,
            statements,
            group,
            asked: None,
            fresh: None,
            sent: SentPositions::default(),
            sending: None,
        }
    }

    fn failed(&self, failure: Failure, action: &'static str) -> StoreError {
        StoreError(Box::new(self.link.error(failure, action)))
    }

    /// What was asked before is not the answer to what is asked next.
    pub(super) fn forget_answers(&mut self) {
        (self.asked, self.fresh) = (None, None);
    }

    /// Reads the positions that another worker has advanced, for the question that follows.
    pub(super) fn ask_again(&mut self) {
        self.forget_answers();
        let asked = self.ask();
        match asked.wait(FRESH_WAIT) {
            Some(Ok(known)) => self.fresh = Some(known),
            // Whoever asks next waits for it, and sees its error.
            Some(Err(_)) => {}
            None => self.asked = Some(asked),
        }
    }

    fn ask(&self) -> Asked<BTreeMap<Partition, Position>> {
        let (statements, group) = (Arc::clone(&self.statements), Arc::clone(&self.group));
        self.link.ask(move |session, is_wanted| {
            session.persist("read", is_wanted, |client| {
                Ok(statements.all(client, &group)?)
            })
        })
    }

    fn write(&self) -> Asked<()> {
        let (statements, group) = (Arc::clone(&self.statements), Arc::clone(&self.group));
        let positions = self.sent.positions().clone();
        self.link.ask(move |session, is_wanted| {
            // A start that is there stays, so that this may be done twice.
            session.persist("write to", is_wanted, |client| {
                Ok(statements.start(client, &group, &positions)?)
            })
        })
    }
}

impl OffsetStore for PostgresStore {
    fn load(&mut self, of: &[Partition]) -> Result<Poll<Positions>, StoreError> {
        self.committed(of)
    }

    fn committed(&mut self, of: &[Partition]) -> Result<Poll<Positions>, StoreError> {
        let known = if let Some(known) = self.fresh.take() {
            known
        } else {
            let asked = self.asked.take().unwrap_or_else(|| self.ask());
            let Some(known) = asked.wait(ANSWER_WAIT) else {
                self.asked = Some(asked);
                return Ok(Poll::Pending);
            };
            known.map_err(|failure| self.failed(failure, "read"))?
        };
        let position = |one: &Partition| (one.clone(), known.get(one).cloned());
        Ok(Poll::Ready(of.iter().map(position).collect()))
    }

    fn send(&mut self, to: &BTreeMap<Partition, Position>) -> Result<(), StoreError> {
        self.sent.add(to);
        // What is on its way lacks these.
        self.sending = None;
        Ok(())
    }

    fn check(&mut self) -> Result<Confirmation, StoreError> {
        if !self.sent.positions().is_empty() {
            let sending = self.sending.take().unwrap_or_else(|| self.write());
            match sending.wait(ANSWER_WAIT) {
                None => {
                    self.sending = Some(sending);
                    return Ok(Confirmation::Pending);
                }
                Some(Err(failure)) => return Err(self.failed(failure, "write to")),
                Some(Ok(())) => self.sent.clear(),
            }
        }
        Ok(self.sent.confirmation())
    }

    fn retain(&mut self, assigned: &[Partition]) {
        if self.sent.retain(assigned) {
            self.sending = None;
        }
    }
}
