//! The transaction of a checkpoint: its rows, and the positions after them.
//!
//! Rows come first, and into tables of the session where they are to be merged: none of this keeps another worker
//! waiting. Then the positions are compared and advanced, and rows are merged in the order of tables and keys. From
//! there on no statement waits for this process, which may be paused: the server ends a transaction that does nothing.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use postgres::{Client, Transaction};

use super::encoder::{HEADER, TRAILER};
use super::link::{Asked, Link};
use super::positions::PositionStatements;
use super::session::{Failure, Session};
use super::table::{Merging, Statements};
use super::{PostgresError, Refusal};
use crate::sink::Stream;
use crate::sink::moves::{Compared, Move};
use crate::sink::tables::{Table, TableError};

/// The bytes of rows that are on their way between the threads, twice.
const CHUNK: usize = 256 << 10;
/// How long a worker waits for the server before it looks after its group.
const EVENT_WAIT: Duration = Duration::from_millis(20);
const TURN: Duration = Duration::from_millis(500);

/// A table and what is asked of the server for it.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) table: Table,
    pub(super) statements: Statements,
}

/// The tables of a database.
#[derive(Debug)]
pub(super) struct Targets {
    /// In the order of their streams.
    pub(super) all: Vec<Target>,
    /// In the order in which every process writes to them.
    pub(super) order: Vec<usize>,
    pub(super) positions: Arc<PositionStatements>,
}

/// What the thread of the connection says.
enum Event {
    /// It needs the rows of a stream from an offset on.
    Want(Position),
    /// The checkpoint is written, or not.
    Done(Result<Compared, Failure>),
}

/// Bytes of rows: the number of a stream, and an offset in it.
type Position = (usize, usize);

/// A checkpoint that is being written.
pub(super) struct Writing {
    /// The number of the checkpoint.
    pub(super) number: u64,
    events: Receiver<Event>,
    chunks: Sender<(Position, Vec<u8>)>,
    _asked: Asked<()>,
}

impl Writing {
    /// Begins to write a checkpoint.
    pub(super) fn begin(
        link: &Link,
        targets: &Arc<Targets>,
        number: u64,
        group: String,
        moves: Vec<Move>,
        rows: &[Stream],
    ) -> Self {
        let (said, events) = mpsc::channel();
        let (chunks, taken) = mpsc::channel();
        let lengths = rows.iter().map(|stream| stream.bytes().len()).collect();
        let mut work = Work {
            targets: Arc::clone(targets),
            database: link.access.name.clone(),
            group,
            moves,
            lengths,
            said: said.clone(),
            chunks: taken,
            is_uncertain: false,
        };
        let asked = link.ask(move |session, is_wanted| {
            let done = work.run(session, is_wanted);
            let _ = said.send(Event::Done(done));
            Ok(())
        });
        Self {
            number,
            events,
            chunks,
            _asked: asked,
        }
    }

    /// Hands rows over, and the result if it comes soon.
    pub(super) fn serve(&self, rows: &[Stream]) -> Option<Result<Compared, Failure>> {
        let begun = Instant::now();
        while begun.elapsed() < TURN {
            match self.events.recv_timeout(EVENT_WAIT) {
                Ok(Event::Want((stream, offset))) => {
                    let bytes = rows.get(stream).map_or(&[][..], Stream::bytes);
                    let rest = bytes.get(offset..).unwrap_or_default();
                    let chunk = rest[..rest.len().min(CHUNK)].to_vec();
                    // A thread that does not take it has said why.
                    let _ = self.chunks.send(((stream, offset), chunk));
                }
                Ok(Event::Done(done)) => return Some(done),
                Err(RecvTimeoutError::Timeout) => return None,
                Err(RecvTimeoutError::Disconnected) => return Some(Err(Failure::Abandoned)),
            }
        }
        None
    }
}

/// The same in the thread of the connection.
struct Work {
    targets: Arc<Targets>,
    database: String,
    group: String,
    moves: Vec<Move>,
    /// The bytes of the rows of each stream.
    lengths: Vec<usize>,
    said: Sender<Event>,
    chunks: Receiver<(Position, Vec<u8>)>,
    /// A COMMIT was sent whose outcome is not known.
    is_uncertain: bool,
}

impl Work {
    fn run(
        &mut self,
        session: &mut Session,
        is_wanted: &dyn Fn() -> bool,
    ) -> Result<Compared, Failure> {
        session.persist("write to", is_wanted, |client| {
            if self.is_uncertain {
                match self.compared(client)? {
                    // Nothing was written, and it is written again.
                    Compared::First => {}
                    Compared::Next => return Ok(Compared::First),
                    Compared::Other => return Ok(Compared::Other),
                }
            }
            match self.attempt(client)? {
                Compared::First => Ok(Compared::First),
                // The transaction of the attempt before ended only now.
                _ if self.is_uncertain && self.compared(client)? == Compared::Next => {
                    Ok(Compared::First)
                }
                _ => Ok(Compared::Other),
            }
        })
    }

    /// What became of a COMMIT that had no answer is written in the positions. One that is still at work is waited for.
    fn compared(&self, client: &mut Client) -> Result<Compared, Failure> {
        let mut transaction = client.transaction()?;
        let positions = &self.targets.positions;
        let compared = positions.compare(&mut transaction, &self.group, &self.moves)?;
        transaction.rollback()?;
        Ok(compared)
    }

    fn attempt(&mut self, client: &mut Client) -> Result<Compared, Failure> {
        let mut transaction = client.transaction()?;
        let targets = Arc::clone(&self.targets);
        let with_rows = || {
            targets
                .order
                .iter()
                .filter(|&&index| self.lengths.get(index) > Some(&0))
        };
        for &index in with_rows() {
            self.copy(&mut transaction, index)?;
        }
        let compared = targets
            .positions
            .advance(&mut transaction, &self.group, &self.moves)?;
        if compared != Compared::First {
            transaction.rollback()?;
            return Ok(compared);
        }
        for &index in with_rows() {
            let target = &targets.all[index];
            let Some(merging) = &target.statements.merge else {
                continue;
            };
            if let Err(error) = transaction.batch_execute(&merging.merge) {
                drop(transaction);
                if Refusal::of(&error).is_out_of_range()
                    && let Some(key) = self.key_out_of_range(client, index, merging)?
                {
                    return Err(Failure::Refused(self.sum_out_of_range(&target.table, key)));
                }
                return Err(error.into());
            }
        }
        self.is_uncertain = true;
        transaction.commit()?;
        Ok(Compared::First)
    }

    /// Copies the rows of a table.
    fn copy(&self, transaction: &mut Transaction<'_>, index: usize) -> Result<(), Failure> {
        let statements = &self.targets.all[index].statements;
        let mut writer = transaction.copy_in(&statements.copy)?;
        writer.write_all(HEADER).map_err(failed)?;
        let length = self.lengths[index];
        let mut offset = 0;
        self.want((index, offset))?;
        while offset < length {
            let chunk = self.take((index, offset))?;
            offset += chunk.len();
            if offset < length {
                // The next chunk comes while this one is sent.
                self.want((index, offset))?;
            }
            writer.write_all(&chunk).map_err(failed)?;
        }
        writer.write_all(TRAILER).map_err(failed)?;
        writer.finish()?;
        Ok(())
    }

    fn want(&self, position: Position) -> Result<(), Failure> {
        let said = self.said.send(Event::Want(position));
        said.map_err(|_| Failure::Abandoned)
    }

    /// The chunk from this position on. One that an attempt before has asked for may come first.
    fn take(&self, position: Position) -> Result<Vec<u8>, Failure> {
        loop {
            let (of, chunk) = self.chunks.recv().map_err(|_| Failure::Abandoned)?;
            if of == position && !chunk.is_empty() {
                return Ok(chunk);
            }
            if of == position {
                return Err(Failure::Abandoned);
            }
        }
    }

    /// The key under which a sum left its range. The transaction that found it has ended, and its rows with it.
    fn key_out_of_range(
        &self,
        client: &mut Client,
        index: usize,
        merging: &Merging,
    ) -> Result<Option<String>, Failure> {
        let Some(question) = &merging.out_of_range else {
            return Ok(None);
        };
        let mut transaction = client.transaction()?;
        self.copy(&mut transaction, index)?;
        let found = transaction.query_opt(question, &[])?;
        transaction.rollback()?;
        Ok(found.and_then(|row| row.get::<_, Option<String>>(0)))
    }

    fn sum_out_of_range(&self, table: &Table, key: String) -> PostgresError {
        PostgresError::Table(TableError::SumOutOfRange {
            database: self.database.clone(),
            table: table.name.clone(),
            output: table.output.clone(),
            key,
        })
    }
}

/// The crate wraps its errors where it is written to.
fn failed(error: io::Error) -> Failure {
    let kind = error.kind();
    match error.downcast::<postgres::Error>() {
        Ok(error) => Failure::Database(error),
        Err(_) => Failure::Lost(kind),
    }
}
