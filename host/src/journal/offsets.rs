//! Positions in partitions, and where they are kept between runs.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::task::Poll;

use super::start::StartTime;

/// One partition of a topic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition {
    /// The topic's whole name.
    pub topic: Arc<str>,
    /// The partition's number in the topic.
    pub number: u32,
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` partition {}", self.topic, self.number)
    }
}

/// The next offset to read of each partition.
pub type Offsets = BTreeMap<Partition, u64>;

/// A position as it is committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The next offset to read.
    pub next: u64,
    /// What is committed with the offset. Kafka's brokers take 4096 bytes, unless they are set to less.
    pub note: String,
}

impl Position {
    /// A position without a note.
    #[cfg(test)]
    pub(crate) fn at(next: u64) -> Self {
        Self {
            next,
            note: String::new(),
        }
    }
}

/// Positions that were asked for; `None` where nothing is committed.
pub type Positions = BTreeMap<Partition, Option<Position>>;

/// Where a partition without a committed position starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At its first record.
    Earliest,
    /// After its last record.
    Latest,
    /// At the first record that is not older, in milliseconds since 1970.
    Time(i64),
}

impl fmt::Display for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Earliest => f.write_str("the beginning"),
            Self::Latest => f.write_str("the end"),
            Self::Time(ms) => StartTime::from_ms(*ms).fmt(f),
        }
    }
}

/// What a source has read ahead of the records that it has handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReadAhead {
    /// Records.
    pub(crate) records: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
}

/// What is left to read, as far as it is known without asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remaining {
    /// It is not known.
    Unknown,
    /// Records that are still to come.
    Records(u64),
    /// Records that each of the worker's partitions still holds; none where its end is not known yet.
    ByPartition(BTreeMap<Partition, Option<u64>>),
    /// Bytes of a file that were read, of all that it has.
    Bytes {
        /// Bytes that were read.
        read: u64,
        /// Bytes of the file; 0 where unknown.
        total: u64,
    },
}

/// How far the position sent last has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// Nothing was sent since the last confirmation.
    Idle,
    /// The answer is still due.
    Pending,
    /// All that was sent and is still retained is committed. It is answered once; [`Idle`](Self::Idle) follows.
    Confirmed,
    /// The last attempt was refused for this reason, and the store sends again what is still retained.
    Refused(String),
}

/// Where positions are kept between runs: the consumer group, or a sink that commits them together with its rows.
///
/// No call blocks for longer than 20 ms. A question that has no answer yet is asked again with the same arguments.
pub trait OffsetStore: Send {
    /// The committed positions of partitions that are about to be read.
    ///
    /// # Errors
    /// What no waiting mends.
    fn load(&mut self, of: &[Partition]) -> Result<Poll<Positions>, StoreError>;

    /// The committed positions of any partitions, those of other workers included. It changes nothing.
    ///
    /// # Errors
    /// What no waiting mends.
    fn committed(&mut self, of: &[Partition]) -> Result<Poll<Positions>, StoreError>;

    /// Commits these positions, once the outputs up to them are durable. [`check`](Self::check) answers how it went.
    ///
    /// # Errors
    /// What no waiting mends.
    fn send(&mut self, to: &BTreeMap<Partition, Position>) -> Result<(), StoreError>;

    /// How far the positions sent last have come.
    ///
    /// # Errors
    /// A refusal for good.
    fn check(&mut self) -> Result<Confirmation, StoreError>;

    /// Forgets what was sent for partitions other than these: they belong to another worker now.
    fn retain(&mut self, assigned: &[Partition]);
}

/// Why a store cannot go on. It wraps the error of whoever keeps the positions, which the command line looks at for
/// its hint.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct StoreError(pub Box<dyn Error + Send + Sync>);

/// The store of a run that keeps no positions, such as one over a recording.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoStore {
    sent: bool,
}

impl OffsetStore for NoStore {
    fn load(&mut self, of: &[Partition]) -> Result<Poll<Positions>, StoreError> {
        self.committed(of)
    }

    fn committed(&mut self, of: &[Partition]) -> Result<Poll<Positions>, StoreError> {
        let none = |partition: &Partition| (partition.clone(), None);
        Ok(Poll::Ready(of.iter().map(none).collect()))
    }

    fn send(&mut self, _to: &BTreeMap<Partition, Position>) -> Result<(), StoreError> {
        self.sent = true;
        Ok(())
    }

    fn check(&mut self) -> Result<Confirmation, StoreError> {
        Ok(if std::mem::take(&mut self.sent) {
            Confirmation::Confirmed
        } else {
            Confirmation::Idle
        })
    }

    fn retain(&mut self, _assigned: &[Partition]) {}
}
