//! Where rows go: the sinks that an operator binds the processor's outputs to.
//!
//! Rows are encoded by a pure [`Encoder`] while they are emitted, and wait in [`HeldRows`], one buffer for each worker,
//! until a checkpoint hands them to each [`Sink`].

mod aggregate;
mod binding;
pub(crate) mod dead_letters;
pub mod files;
mod held_rows;
pub mod jsonl;
pub mod kafka;
mod keeper;
pub(crate) mod letter_file;
pub(crate) mod letter_topic;
mod moves;
mod open;
#[cfg(feature = "parquet")]
pub mod parquet;
#[cfg(not(feature = "parquet"))]
#[path = "parquet_missing.rs"]
pub mod parquet;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(not(feature = "postgres"))]
#[path = "postgres_missing.rs"]
pub mod postgres;
pub mod preview;
mod sent;
pub mod sqlite;
pub mod tables;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(any(feature = "parquet", feature = "postgres"))]
mod times;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::journal::group_offsets;
use crate::journal::offsets::{OffsetStore, Offsets, Partition, Position};
use crate::journal::plan::{Output, Plan};
use crate::kafka::Membership;

pub use binding::{
    files as files_of, kind as binding_kind, read_files as files_read_for, shown as shown_binding,
    topics as topics_of,
};
pub use held_rows::{BoundOutput, HeldRows, RowLimits, Stream};
pub use keeper::{PositionKeeper, keep_positions, position_keeper};
pub use open::{
    BindError, CheckpointDefaults, Destination, Opened, State, check, check_tables,
    checkpoint_defaults, memory, open,
};

/// One destination of rows in a process. It makes a sink for each worker.
pub trait SinkFactory: Send + Sync {
    /// Makes the destination ready for the rows of this plan: tables, schema checks, locks, fencing of other writers.
    /// It is called once, before the first position is loaded.
    ///
    /// # Errors
    /// When the destination does not fit the plan, or is in use.
    fn prepare(&self, plan: &Plan) -> Result<(), SinkError>;

    /// The encoder for the rows of an output that is bound to this destination.
    fn encoder(&self, output: &Output) -> Box<dyn Encoder>;

    /// The number of the stream that holds the rows of this output. Outputs with the same number keep the order in
    /// which their rows were emitted.
    fn stream(&self, output: &Output) -> usize;

    /// The names of the destinations that hold rows of earlier runs.
    ///
    /// # Errors
    /// When the destination cannot be read.
    fn earlier_rows(&self) -> Result<Vec<String>, SinkError> {
        Ok(Vec::new())
    }

    /// The same of the destinations that this process opens itself: of the others, whoever starts it says what happens
    /// to earlier rows.
    ///
    /// # Errors
    /// When the destination cannot be read.
    fn earlier_rows_of_own(&self) -> Result<Vec<String>, SinkError> {
        self.earlier_rows()
    }

    /// Removes the rows of earlier runs from these.
    ///
    /// # Errors
    /// When they cannot be removed.
    fn remove_earlier_rows(&self) -> Result<(), SinkError> {
        Ok(())
    }

    /// The name of the destination, if it commits positions together with its rows: then it decides where reading starts.
    fn deciding(&self) -> Option<String> {
        None
    }

    /// The positions that an earlier run without a group left which was the same as this one, and has not ended.
    ///
    /// # Errors
    /// When the destination cannot be read.
    fn unfinished(&self) -> Result<group_offsets::Committed, SinkError> {
        Ok(group_offsets::Committed::new())
    }

    /// Forgets the positions that the plugin's earlier runs without a group left, but not those of runs that have not ended.
    ///
    /// # Errors
    /// When the destination cannot be written to.
    fn forget_runs(&self) -> Result<(), SinkError> {
        Ok(())
    }

    /// Keeps these positions, from which the run without a group begins: all of them or none.
    ///
    /// # Errors
    /// When the destination cannot be written to.
    fn begin_run(&self, _starts: &group_offsets::Committed) -> Result<(), SinkError> {
        Ok(())
    }

    /// Forgets the positions of the run, which has ended.
    ///
    /// # Errors
    /// When the destination cannot be written to.
    fn end_run(&self) -> Result<(), SinkError> {
        Ok(())
    }

    /// The sink of one worker.
    ///
    /// # Errors
    /// When the destination cannot be reached.
    fn sink(&self, worker: usize) -> Result<Box<dyn Sink>, SinkError>;
}

/// Turns a row into the bytes that its sink writes. It has no effect besides, so that rows of a call that fails can
/// be dropped.
pub trait Encoder: Send {
    /// Appends a row, one msgpack map, to `encoded`, which may have up to `limit` bytes afterwards. On an error
    /// `encoded` may hold a part of the row.
    ///
    /// # Errors
    /// When the sink cannot represent the row, or the limit is passed.
    fn encode(
        &mut self,
        row: &[u8],
        encoded: &mut Vec<u8>,
        limit: usize,
    ) -> Result<(), EncodeError>;
}

/// Why a row was not encoded.
#[derive(Debug)]
pub enum EncodeError {
    /// It passes the limit.
    TooLong,
    /// It is not what a row must be: the rest of a sentence about the row, such as `is not a map`.
    BadRow(String),
}

impl From<journal_rows::Error> for EncodeError {
    fn from(error: journal_rows::Error) -> Self {
        match error.kind() {
            journal_rows::ErrorKind::TooLong => Self::TooLong,
            _ => Self::BadRow(error.to_string()),
        }
    }
}

/// A worker's way to one destination.
pub trait Sink: Send {
    /// The positions that this sink commits together with its rows, where it can. Such a sink decides where reading
    /// starts and what was finished, and it commits after all others.
    fn offsets(&mut self) -> Option<&mut dyn OffsetStore> {
        None
    }

    /// Whether a commit moves the positions of the consumer group itself, in one transaction with the rows. Such a sink
    /// commits after all others.
    fn commits_for_the_group(&self) -> bool {
        false
    }

    /// Opens again what was moved or removed. The next checkpoint does the same; this is for whoever waits for it.
    ///
    /// # Errors
    /// When it cannot be opened. The next checkpoint fails then, unless that changes before.
    fn reopen(&mut self) -> Result<(), SinkError> {
        Ok(())
    }

    /// The checkpoint that [`commit`](Self::commit) was to be called for again is dropped. Positions are asked for before
    /// the next one comes.
    fn give_up(&mut self) {}

    /// Makes the rows of a checkpoint durable, whole or not at all.
    ///
    /// # Errors
    /// When they could not be written; what was written of them is taken back as far as the destination allows.
    fn commit(&mut self, checkpoint: &Checkpoint<'_>) -> Result<Committed, SinkError>;
}

/// A worker's rows between two positions, as one sink gets them.
#[derive(Clone, Copy, Debug)]
pub struct Checkpoint<'a> {
    /// The number of the worker in its process.
    pub worker: usize,
    /// Counts the checkpoints of the worker, from 1. A repeated attempt has the same number.
    pub number: u64,
    /// The positions of the checkpoint before.
    pub from: &'a Offsets,
    /// The positions after the last record whose rows are here.
    pub to: &'a Offsets,
    /// The identifiers of the topics, as far as they are known, for a sink that commits positions.
    pub topics: &'a Topics,
    /// What is kept beside the position of each partition, where there is something.
    pub notes: &'a BTreeMap<Partition, String>,
    /// The encoded rows of this sink, by the numbers of their streams.
    pub rows: &'a [Stream],
    /// The membership in the consumer group that the records were read under.
    pub membership: Option<&'a Membership>,
}

impl Checkpoint<'_> {
    /// The positions that change, with their notes.
    #[must_use]
    pub fn changed_positions(&self) -> BTreeMap<Partition, Position> {
        let changed =
            |(partition, next): &(&Partition, &u64)| self.from.get(*partition) != Some(*next);
        let position = |(partition, &next): (&Partition, &u64)| {
            let note = self.notes.get(partition).cloned().unwrap_or_default();
            (partition.clone(), Position { next, note })
        };
        self.to.iter().filter(changed).map(position).collect()
    }
}

/// The identifiers of the topics of partitions.
pub type Topics = BTreeMap<Partition, u128>;

/// How the commit of a checkpoint ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committed {
    /// The rows are durable.
    Done,
    /// The worker was fenced: another one has its partitions, and nothing was written.
    Stale,
    /// Nothing was written, and the same checkpoint may succeed after this time.
    Again(Duration),
}

/// A row that the processor should not have emitted.
#[derive(Debug, thiserror::Error)]
pub enum RowError {
    /// The index of the output is not one of the plan's.
    #[error("it emitted to output {output}, but its plan has {declared}")]
    UnknownOutput {
        /// What the processor named.
        output: usize,
        /// The number of outputs of the plan.
        declared: usize,
    },
    /// The ends are not ascending, or do not end where the rows do.
    #[error("the ends of the rows emitted to `{output}` do not fit the rows")]
    BadEnds {
        /// The output's name.
        output: String,
    },
    /// The time of the call was up before all rows were taken.
    #[error("there was no time for its rows in `{output}`")]
    OutOfTime {
        /// The output's name.
        output: String,
    },
    /// The call passes the limit on encoded rows.
    #[error("its rows take more than {limit} bytes in `{output}`")]
    TooMuch {
        /// The output's name.
        output: String,
        /// The limit of one call, in bytes.
        limit: usize,
    },
    /// A row is not what a row must be.
    #[error("row {row} of those emitted to `{output}` {reason}")]
    BadRow {
        /// The output's name.
        output: String,
        /// The index of the row in the `emit` call.
        row: usize,
        /// What is wrong, as the rest of a sentence: `is not a map`.
        reason: String,
    },
}

impl From<postgres::PostgresError> for SinkError {
    fn from(error: postgres::PostgresError) -> Self {
        Self::Postgres(Box::new(error))
    }
}

impl From<tables::TableError> for SinkError {
    fn from(error: tables::TableError) -> Self {
        Self::Table(Box::new(error))
    }
}

/// Rows that could not be made durable.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The reader of standard output went away: the run ends quietly.
    #[error("the reader of the output went away")]
    ReaderGone,
    /// Writing failed; the destination is as it was before.
    #[error("cannot write to {destination}")]
    Write {
        /// The file, or `standard output`.
        destination: String,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// A database takes no rows.
    #[error(transparent)]
    Sqlite(#[from] sqlite::SqliteError),
    /// Topics take no rows.
    #[error(transparent)]
    Topic(#[from] kafka::TopicError),
    /// A PostgreSQL database takes no rows.
    #[error(transparent)]
    Postgres(Box<postgres::PostgresError>),
    /// A folder of Parquet files takes no rows.
    #[error(transparent)]
    Parquet(Box<parquet::ParquetError>),
    /// A table takes no rows.
    #[error(transparent)]
    Table(Box<tables::TableError>),
    /// A recording would be added to rows that may be its own.
    #[error("rows are already in {destination}: reading the same again would double them")]
    HasRows {
        /// The destinations.
        destination: String,
    },
    /// Another process is the same run, and has not ended.
    #[error("another process reads the same recordings with the same plugin into {destination}")]
    SameRun {
        /// The destination.
        destination: String,
    },
    /// The topic for dead letters takes none.
    #[error("the topic `{topic}` takes no dead letters: {reason}")]
    NoLetters {
        /// The topic.
        topic: String,
        /// The reason of the brokers or of librdkafka.
        reason: String,
    },
    /// Two destinations would each decide where the group is.
    #[error("{first} and {second} would both keep the positions of the group")]
    TwoDecide {
        /// A destination.
        first: String,
        /// Another one.
        second: String,
    },
    /// A file was changed by another program, and rows cannot be written to it any more.
    #[error("{destination} {change} during the run")]
    Changed {
        /// The file, or `standard output`.
        destination: String,
        /// What happened to it.
        change: jsonl::Change,
        /// Why no rows can be written.
        #[source]
        source: jsonl::OpenError,
    },
}
