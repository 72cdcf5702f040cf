//! Why a worker ended the run, with the records concerned.

pub(crate) mod bisection;
pub(crate) mod held;

use std::collections::BTreeMap;
use std::fmt;

use crate::config::MaxFailures;
use crate::journal::batch::Batch;
use crate::journal::key::ShownKey;
use crate::journal::offsets::{Partition, StoreError};
use crate::observe::progress::FailedRecord;
use crate::sandbox::CallError;
use crate::sink::SinkError;
use crate::source::{Damage, SourceError};
use crate::text::{plural, with_causes};

/// The number of partitions of a failed call that are named.
const NAMED_PARTITIONS: usize = 8;

/// Why a run ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WorkerError {
    /// A call into the processor failed.
    #[error("`{call}` failed{ranges}")]
    Call {
        /// The function of the contract.
        call: &'static str,
        /// The records of the call.
        ranges: CallRanges,
        /// The error.
        #[source]
        source: CallError,
    },
    /// A record fails by itself, and the settings say that this ends the run.
    #[error("`process` failed on {record}")]
    Record {
        /// The record.
        record: Box<RecordPosition>,
        /// The error.
        #[source]
        source: CallError,
    },
    /// Too many records failed: the processor is wrong, and not a record.
    #[error(
        "{failures} of {records} records failed, more than {limit}; the last one is {record}: {reason}"
    )]
    TooManyFailures {
        /// Failed records.
        failures: u64,
        /// All records that were processed.
        records: u64,
        /// The limit.
        limit: MaxFailures,
        /// The last record that failed.
        record: Box<RecordPosition>,
        /// Why it failed.
        reason: String,
    },
    /// The processor rejected a record, and the settings say that this ends the run.
    #[error("the processor rejected {record}: {reason}")]
    Rejected {
        /// The record.
        record: RecordPosition,
        /// The processor's reason.
        reason: String,
    },
    /// The source found an object damaged, and the settings say that this ends the run.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// The source cannot go on.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The brokers were away for too long.
    #[error("{error}{}", ComingAgain(*records))]
    CutOff {
        /// The error of the source.
        error: Box<SourceError>,
        /// The number of offsets between the last confirmed commit and the last processed record, where a group has
        /// offsets.
        records: Option<u64>,
    },
    /// The store of positions cannot go on.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A partition has no committed offset, and the settings say that this ends the run.
    #[error("the group has no committed offset for {0}, and `auto.offset.reset` is `error`")]
    NoCommittedOffset(Partition),
    /// A group goes on, and the sink that is to have its positions does not know it.
    #[error(
        "the group has committed offset {committed} for {partition}, and the output has no position of it: the rows \
         before that are not there"
    )]
    GroupAhead {
        /// The partition.
        partition: Partition,
        /// The group's offset.
        committed: u64,
    },
    /// The last commit was not confirmed.
    #[error(
        "the last commit was not confirmed within {seconds} s ({reason}): {} will come again",
        plural(*records, "record")
    )]
    NotConfirmed {
        /// The time that it was waited for.
        seconds: u64,
        /// The last refusal.
        reason: String,
        /// The number of offsets between the last confirmed commit and the last processed record.
        records: u64,
    },
    /// The run ended well, but partitions went before the commit of their rows was confirmed.
    #[error(
        "{} may come again: rows were written, and their partitions went to another worker before the commit was \
         confirmed",
        plural(*records, "record")
    )]
    MayComeAgain {
        /// The number of offsets of these rows.
        records: u64,
    },
    /// A call did not return before the run had to end.
    #[error("the run had to end before `{call}` returned{ranges}{}", ComingAgain(*records))]
    Interrupted {
        /// The function of the contract.
        call: &'static str,
        /// The records of the call.
        ranges: CallRanges,
        /// The number of offsets between the last confirmed commit and the last record of the call, where a group has
        /// offsets.
        records: Option<u64>,
    },
    /// Workers were still at work when the time to end was up.
    #[error(
        "the run did not end within {seconds} s{}{}",
        if *is_writing { ", because an output did not take its rows" } else { "" },
        ComingAgain(*records)
    )]
    NotEnded {
        /// The time that it had.
        seconds: f64,
        /// Whether a worker was writing rows.
        is_writing: bool,
        /// The number of records that were read and whose commit is not confirmed, where a group has offsets.
        records: Option<u64>,
    },
    /// Rows could not be made durable.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// Two instances of one run answered `start` differently.
    #[error("the plugin answers `start` with another plan each time")]
    OtherPlan,
    /// The system refused a thread.
    #[error("cannot start a worker's thread")]
    Thread {
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The host itself failed.
    #[error("a worker panicked: this is an error of journal-host")]
    Panicked,
}

impl WorkerError {
    /// This error of one worker, with the records that come again because of another worker's, where they are counted.
    pub(crate) fn with_records_of(mut self, other: &Self) -> Self {
        let more = match other {
            Self::CutOff { records, .. } => records.unwrap_or_default(),
            Self::NotConfirmed { records, .. } => *records,
            _ => 0,
        };
        if let Self::CutOff {
            records: Some(records),
            ..
        } = &mut self
        {
            *records += more;
        }
        self
    }

    /// The error and its causes in one line.
    #[must_use]
    pub(crate) fn with_causes(&self) -> String {
        with_causes(self)
    }
}

/// The end of a sentence about records that a restart reads again.
pub(crate) struct ComingAgain(pub(crate) Option<u64>);

impl fmt::Display for ComingAgain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(records) => write!(f, ": {} will come again", plural(records, "record")),
            None => Ok(()),
        }
    }
}

/// The records of one call, by topic and partition.
#[derive(Debug)]
pub(crate) struct CallRanges(Vec<Range>);

#[derive(Debug)]
struct Range {
    topic: String,
    partition: u32,
    first: u64,
    last: u64,
}

impl CallRanges {
    /// A call without records.
    #[must_use]
    pub(crate) fn none() -> Self {
        Self(Vec::new())
    }

    /// The first and last offset of each partition in a call.
    #[must_use]
    pub(crate) fn of(batches: &[Batch]) -> Self {
        let mut ranges: BTreeMap<(&str, u32), (u64, u64)> = BTreeMap::new();
        for batch in batches {
            for (&partition, &offset) in batch.partitions.iter().zip(&batch.offsets) {
                let range = ranges
                    .entry((&batch.topic.name, partition))
                    .or_insert((offset, offset));
                *range = (range.0.min(offset), range.1.max(offset));
            }
        }
        let range = |((topic, partition), (first, last)): ((&str, u32), (u64, u64))| Range {
            topic: topic.to_owned(),
            partition,
            first,
            last,
        };
        Self(ranges.into_iter().map(range).collect())
    }
}

impl fmt::Display for CallRanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, range) in self.0.iter().take(NAMED_PARTITIONS).enumerate() {
            let before = if index == 0 { " on" } else { "," };
            let Range {
                topic,
                partition,
                first,
                last,
            } = range;
            write!(
                f,
                "{before} `{topic}` partition {partition} offsets {first} to {last}"
            )?;
        }
        match self.0.len().checked_sub(NAMED_PARTITIONS) {
            None | Some(0) => Ok(()),
            Some(more) => write!(f, " and {more} more partitions"),
        }
    }
}

/// The position of a record, as an operator finds it.
#[derive(Debug)]
pub(crate) struct RecordPosition {
    topic: String,
    partition: u32,
    offset: u64,
    key: ShownKey,
}

impl RecordPosition {
    /// The position of the record at `index` of a batch.
    pub(super) fn of(batch: &Batch, index: usize) -> Self {
        let key = batch.key(index).unwrap_or_default();
        Self {
            topic: batch.topic.name.clone(),
            partition: batch.partitions[index],
            offset: batch.offsets[index],
            key: ShownKey::new(key),
        }
    }

    /// The record as the page shows it.
    pub(super) fn failed(&self, kind: &'static str, reason: &str) -> FailedRecord {
        FailedRecord {
            topic: self.topic.as_str().into(),
            partition: self.partition,
            offset: self.offset,
            kind,
            reason: reason.to_owned(),
        }
    }
}

impl fmt::Display for RecordPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            topic,
            partition,
            offset,
            key,
        } = self;
        write!(
            f,
            "the record at `{topic}` partition {partition} offset {offset} {key}"
        )
    }
}
