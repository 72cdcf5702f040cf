//! PostgreSQL: a table for each output, in a database that also has the positions of the consumer group.
//!
//! Each worker has a connection, in a thread of its own. A checkpoint is one transaction: rows, and positions that are
//! compared with those that the worker went on from. Any number of processes write to the same tables. The runtime of
//! the crate `postgres` stays in this module.

mod encoder;
mod error;
mod keeper;
mod link;
mod password;
mod positions;
mod prepare;
mod session;
mod table;
mod url;
mod writer;

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use postgres::Client;

pub use self::error::{PostgresError, Refusal};
pub(super) use self::url::Url;

use self::encoder::TupleEncoder;
use self::keeper::Keeper;
use self::link::Link;
use self::positions::{PositionStatements, PostgresStore};
use self::prepare::Preparing;
use self::session::{Access, START_WAIT};
use self::table::Schema;
use self::writer::{Target, Targets, Writing};
use super::jsonl::OpenError;
use super::moves::{self, Compared, Move};
use super::tables::{Owner, Table};
use super::{Checkpoint, Committed, Encoder, PositionKeeper, Sink, SinkError, SinkFactory};
use crate::journal::group_offsets;
use crate::journal::offsets::{OffsetStore, Partition};
use crate::journal::plan::{Output, Plan};

/// The memory that the connection of a worker takes, in bytes: rows on their way, and buffers. Measured, with a margin.
pub(super) const MEMORY: usize = 4 << 20;
/// How long the end of a worker waits until what only it needs is removed.
const FORGET_WAIT: Duration = Duration::from_secs(1);
/// How long a start waits for the server to notice that the process before it was killed.
const SAME_RUN_WAIT: Duration = Duration::from_secs(2);
const SAME_RUN_PAUSE: Duration = Duration::from_millis(50);

/// A database with the tables that outputs are bound to.
struct Database {
    access: Arc<Access>,
    schema: Schema,
    targets: Arc<Targets>,
    owner: Owner,
    /// What has no group keeps the numbers of its checkpoints under this name, to see whether one was written.
    run: String,
    /// The connection of the start.
    client: Mutex<Option<Client>>,
}

/// Connects to a database for these outputs, each with the name of its table if it is not its own.
pub(super) fn open(
    url: &Url,
    outputs: &[(&Output, Option<&str>)],
    owner: Owner,
) -> Result<Box<dyn SinkFactory>, PostgresError> {
    Ok(Box::new(Database::open(url, outputs, owner)?))
}

/// Whether a database can be reached.
pub(super) fn check(url: &Url) -> Result<(), PostgresError> {
    Access::of(url)?.connect_first().map(drop)
}

/// Whether the tables of a database take the rows of these outputs. What is created for that is taken back.
pub(super) fn check_tables(
    url: &Url,
    outputs: &[(&Output, Option<&str>)],
    owner: &Owner,
) -> Result<(), PostgresError> {
    let database = Database::open(url, outputs, owner.clone())?;
    let preparing = database.preparing();
    database.with_client(|client| preparing.check(client, database.tables()))
}

/// The positions of a group in a database. The password is read, and nobody is asked yet.
pub(super) fn keeper(url: &Url, group: &str) -> Result<Box<dyn PositionKeeper>, PostgresError> {
    Ok(Box::new(Keeper::new(url, group)?))
}

/// Reads what follows `postgres:` in a binding.
pub(super) fn url(text: &str) -> Result<Url, OpenError> {
    Url::parse(text).map_err(|error| OpenError::Url {
        reason: error.to_string(),
    })
}

/// The files that are read to connect to a database.
pub(super) fn files(url: &Url) -> impl Iterator<Item = PathBuf> {
    let passfile = password::passfile(url, &|name| std::env::var_os(name));
    url.files().map(PathBuf::from).chain(passfile)
}

impl Database {
    fn open(
        url: &Url,
        outputs: &[(&Output, Option<&str>)],
        owner: Owner,
    ) -> Result<Self, PostgresError> {
        let tables = Table::all(outputs, &url.to_string(), |one, other| one == other)?;
        let access = Access::of(url)?;
        let begun = Instant::now();
        let mut client = access.connect_first()?;
        let schema = loop {
            match prepare::schema(&access, &mut client, url.schema.as_deref()) {
                Ok(schema) => break schema,
                // The server was restarted just now.
                Err(error) if error.is_transient() && begun.elapsed() < START_WAIT => {
                    tracing::debug!("{error}");
                    client = access.connect_again(begun)?;
                }
                Err(error) => return Err(error),
            }
        };
        let mut order: Vec<usize> = (0..tables.len()).collect();
        order.sort_by(|&one, &other| tables[one].name.cmp(&tables[other].name));
        let target = |(number, table): (usize, Table)| Target {
            statements: schema.statements(&table, number),
            table,
        };
        let targets = Targets {
            all: tables.into_iter().enumerate().map(target).collect(),
            order,
            positions: Arc::new(PositionStatements::new(&schema)),
        };
        Ok(Self {
            access: Arc::new(access),
            schema,
            targets: Arc::new(targets),
            owner,
            run: format!(
                "recording {:016x}",
                RandomState::new().build_hasher().finish()
            ),
            client: Mutex::new(Some(client)),
        })
    }

    fn index(&self, output: &Output) -> usize {
        let mut targets = self.targets.all.iter();
        targets
            .position(|target| target.table.output == output.name)
            .unwrap_or_default()
    }

    fn preparing(&self) -> Preparing<'_> {
        Preparing {
            access: &self.access,
            schema: &self.schema,
            positions: &self.targets.positions,
            owner: &self.owner,
        }
    }

    fn tables(&self) -> impl Iterator<Item = &Table> {
        self.targets.all.iter().map(|target| &target.table)
    }

    /// Keeps other processes from being the same run. Whether none is; one that was killed is waited for until the server has
    /// noticed.
    fn hold_run(&self, client: &mut Client, run: &str) -> Result<bool, PostgresError> {
        let begun = Instant::now();
        loop {
            let held = self.targets.positions.hold_run(client, run);
            let is_held = held.map_err(|error| self.access.cannot("lock", &error))?;
            if is_held || begun.elapsed() >= SAME_RUN_WAIT {
                return Ok(is_held);
            }
            thread::sleep(SAME_RUN_PAUSE);
        }
    }

    /// Calls `work`, a transaction that may be repeated, with the connection of the start.
    fn with_client<T>(
        &self,
        work: impl Fn(&mut Client) -> Result<T, PostgresError>,
    ) -> Result<T, PostgresError> {
        let begun = Instant::now();
        let mut kept = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let mut client = match kept.take() {
                Some(client) => client,
                None => self.access.connect_again(begun)?,
            };
            match work(&mut client) {
                Ok(done) => {
                    *kept = Some(client);
                    return Ok(done);
                }
                Err(error) if error.is_transient() && begun.elapsed() < START_WAIT => {
                    tracing::debug!("{error}");
                }
                Err(error) => return Err(error),
            }
        }
    }
}

impl SinkFactory for Database {
    fn prepare(&self, _plan: &Plan) -> Result<(), SinkError> {
        let preparing = self.preparing();
        self.with_client(|client| preparing.prepare(client, self.tables()))?;
        let Some(run) = &self.owner.run else {
            return Ok(());
        };
        if self.with_client(|client| self.hold_run(client, run.name()))? {
            return Ok(());
        }
        Err(SinkError::SameRun {
            destination: format!("`{}`", self.access.name),
        })
    }

    fn encoder(&self, output: &Output) -> Box<dyn Encoder> {
        let table = &self.targets.all[self.index(output)].table;
        Box::new(TupleEncoder::new(table))
    }

    fn stream(&self, output: &Output) -> usize {
        self.index(output)
    }

    fn earlier_rows(&self) -> Result<Vec<String>, SinkError> {
        let found = self.with_client(|client| {
            let found = prepare::with_rows(&self.schema, client, self.tables());
            found.map_err(|error| self.access.cannot("read", &error))
        })?;
        let database = &self.access.name;
        let name = |table: &Table| format!("the table `{}` of `{database}`", table.name);
        Ok(found.into_iter().map(name).collect())
    }

    fn remove_earlier_rows(&self) -> Result<(), SinkError> {
        Ok(self.with_client(|client| {
            let removed = prepare::remove_rows(&self.schema, client, self.tables());
            removed.map_err(|error| self.access.cannot("remove rows from", &error))
        })?)
    }

    fn deciding(&self) -> Option<String> {
        let name = || format!("`{}`", self.access.name);
        self.owner.keeps_positions_of().map(|_| name())
    }

    fn unfinished(&self) -> Result<group_offsets::Committed, SinkError> {
        let run = self.owner.keeps_positions_of().unwrap_or_default();
        Ok(self.with_client(|client| {
            let positions = self.targets.positions.all(client, run);
            positions.map_err(|error| self.access.cannot("read", &error))
        })?)
    }

    fn forget_runs(&self) -> Result<(), SinkError> {
        Ok(self.with_client(|client| {
            let forgotten = self.targets.positions.forget_runs(client, &self.owner);
            forgotten.map_err(|error| self.access.cannot("write to", &error))
        })?)
    }

    fn begin_run(&self, starts: &group_offsets::Committed) -> Result<(), SinkError> {
        let run = self.owner.keeps_positions_of().unwrap_or_default();
        Ok(self.with_client(|client| {
            let begun = self.targets.positions.replace(client, run, starts);
            begun.map_err(|error| self.access.cannot("write to", &error))
        })?)
    }

    fn end_run(&self) -> Result<(), SinkError> {
        let run = self.owner.keeps_positions_of().unwrap_or_default();
        Ok(self.with_client(|client| {
            let ended = self.targets.positions.end_run(client, run);
            ended.map_err(|error| self.access.cannot("write to", &error))
        })?)
    }

    fn sink(&self, _worker: usize) -> Result<Box<dyn Sink>, SinkError> {
        if self.owner.run.is_none() {
            // The start is over. Otherwise the connection keeps other processes from being the same run.
            *self.client.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        let merges = self
            .targets
            .all
            .iter()
            .filter_map(|one| one.statements.merge.as_ref());
        let begins = merges.map(|merging| merging.create.clone()).collect();
        let link = Arc::new(Link::start(&self.access, begins)?);
        let positions = &self.targets.positions;
        let store = self.owner.keeps_positions_of().map(|group| {
            PostgresStore::new(Arc::clone(&link), Arc::clone(positions), group.into())
        });
        Ok(Box::new(PostgresSink {
            link,
            targets: Arc::clone(&self.targets),
            group: self.owner.keeps_positions_of().map(str::to_owned),
            run: self.run.clone(),
            store,
            writing: None,
            written: None,
        }))
    }
}

/// The sink of one worker.
struct PostgresSink {
    link: Arc<Link>,
    targets: Arc<Targets>,
    group: Option<String>,
    run: String,
    store: Option<PostgresStore>,
    writing: Option<Writing>,
    /// The worker, and the number of its last checkpoint that was written without a group.
    written: Option<(usize, u64)>,
}

impl PostgresSink {
    /// Without a group, the number of the checkpoint says whether it was written.
    fn number(&self, worker: usize, number: u64) -> Move {
        Move {
            partition: partition_of(worker),
            first: moves::integer(self.written.map_or(0, |(_, number)| number)),
            next: moves::integer(number),
            topic_id: String::new(),
        }
    }

    fn begin(&self, checkpoint: &Checkpoint<'_>) -> Writing {
        let (group, moves) = if let Some(group) = &self.group {
            (group.clone(), moves::of(checkpoint))
        } else {
            let number = self.number(checkpoint.worker, checkpoint.number);
            (self.run.clone(), vec![number])
        };
        let (number, rows) = (checkpoint.number, checkpoint.rows);
        Writing::begin(&self.link, &self.targets, number, group, moves, rows)
    }
}

fn partition_of(worker: usize) -> Partition {
    Partition {
        topic: "".into(),
        number: u32::try_from(worker).unwrap_or(u32::MAX),
    }
}

impl Sink for PostgresSink {
    fn offsets(&mut self) -> Option<&mut dyn OffsetStore> {
        let store = self.store.as_mut()?;
        Some(store)
    }

    fn give_up(&mut self) {
        // The thread of the connection would wait for its rows for ever, and answer no question.
        self.writing = None;
    }

    fn commit(&mut self, checkpoint: &Checkpoint<'_>) -> Result<Committed, SinkError> {
        let is_empty = checkpoint
            .rows
            .iter()
            .all(|stream| stream.bytes().is_empty());
        if is_empty && self.group.is_none() {
            return Ok(Committed::Done);
        }
        let writing = self
            .writing
            .take()
            .filter(|writing| writing.number == checkpoint.number);
        let writing = writing.unwrap_or_else(|| self.begin(checkpoint));
        let Some(done) = writing.serve(checkpoint.rows) else {
            self.writing = Some(writing);
            return Ok(Committed::Again(Duration::ZERO));
        };
        match done.map_err(|failure| self.link.error(failure, "write to"))? {
            Compared::First | Compared::Next => {
                self.written = Some((checkpoint.worker, checkpoint.number));
                if let Some(store) = &mut self.store {
                    store.forget_answers();
                }
                Ok(Committed::Done)
            }
            Compared::Other => {
                if let Some(store) = &mut self.store {
                    store.ask_again();
                }
                Ok(Committed::Stale)
            }
        }
    }
}

impl Drop for PostgresSink {
    fn drop(&mut self) {
        // What the worker gave up is not tried again.
        self.writing = None;
        let Some((worker, _)) = self.written.filter(|_| self.group.is_none()) else {
            return;
        };
        let (positions, run) = (Arc::clone(&self.targets.positions), self.run.clone());
        let forgotten = self.link.ask(move |session, is_wanted| {
            session.persist("write to", is_wanted, |client| {
                Ok(positions.forget(client, &run, &partition_of(worker))?)
            })
        });
        // It does no harm where it stays.
        let _ = forgotten.wait(FORGET_WAIT);
    }
}
