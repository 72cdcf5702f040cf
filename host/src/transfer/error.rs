//! Why records cannot be copied.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::kafka::{self, Failure, Refusal};
use crate::privacy::Refused;
use crate::source::SourceError;
use crate::text::{self, Quoted, plural};

/// Why records cannot be copied.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The cluster cannot be read or written.
    #[error(transparent)]
    Kafka(#[from] kafka::Error),
    /// The recording cannot be read or written.
    #[error(transparent)]
    Recording(#[from] journal_recording::Error),
    /// A source that is no cluster cannot be read.
    #[error(transparent)]
    Source(Box<SourceError>),
    /// A part of a cluster is asked for of another source.
    #[error("partitions and positions name a part of a cluster, and the source is none")]
    NoPartOfACluster,
    /// The recording is a pipe, which cannot be read twice.
    #[error("the recording `{}` is not a file", .0.display())]
    ReadOnce(PathBuf),
    /// A recording without a header has too many topics.
    #[error("the recording has more than {0} topics")]
    TooManyTopics(usize),
    /// The header lacks the topic of a record.
    #[error("the header of the recording does not list the topic {}", Quoted(.0))]
    UnlistedTopic(String),
    /// A recording holds a record that the topic would not take.
    #[error(
        "a record of {} has {bytes} bytes, and the limit is {limit}",
        Quoted(topic)
    )]
    RecordTooLarge {
        /// The topic in the recording.
        topic: String,
        /// Bytes of its key and value.
        bytes: usize,
        /// The most that a record may have.
        limit: usize,
    },
    /// Two topics of the recording would become one.
    #[error(
        "{} and {} would both become {}",
        Quoted(one),
        Quoted(other),
        Quoted(target)
    )]
    SameTopic {
        /// The first topic of the recording.
        one: String,
        /// The second one.
        other: String,
        /// The name of both.
        target: String,
    },
    /// A topic's new name is none that Kafka takes.
    #[error("{} cannot be the name of a topic: such a name is 1 to 249 of `A-Za-z0-9._-`", Quoted(.0))]
    BadTopicName(String),
    /// Topics hold records already.
    #[error("{}", holding(.0))]
    HoldRecords(Vec<(String, u64)>),
    /// The recording names a partition that no topic has.
    #[error(
        "the recording has records of partition {} of {}, and a topic has {most} partitions at most",
        needed - 1, Quoted(topic)
    )]
    TooManyPartitions {
        /// The topic in the recording.
        topic: String,
        /// The number of partitions that the recording needs.
        needed: u32,
        /// The limit.
        most: u32,
    },
    /// A topic lacks a partition that the recording names.
    #[error(
        "the recording has records of partition {} of {}, which has {}",
        needed - 1, Quoted(topic), plural(*partitions, "partition")
    )]
    TooFewPartitions {
        /// The topic on the cluster.
        topic: String,
        /// The number of partitions that the recording needs.
        needed: u32,
        /// The number that the topic has, or would have.
        partitions: u32,
        /// Whether the topic exists already.
        exists: bool,
    },
    /// The file exists.
    #[error("the file `{}` exists already", .0.display())]
    Exists(PathBuf),
    /// The file cannot be created or moved.
    #[error("cannot write `{}`", path.display())]
    Output {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// A partition that is asked for does not exist among the chosen topics.
    #[error(
        "there is no partition {choice} among the topics {}",
        text::list(topics)
    )]
    NoPartition {
        /// What was asked for.
        choice: String,
        /// The topics that were chosen.
        topics: Vec<String>,
    },
    /// Not everything was copied.
    #[error(transparent)]
    Incomplete(#[from] Box<Incomplete>),
    /// Looking at records ended early.
    #[error("{0} before everything was looked at")]
    NotShown(Interruption),
    /// Standard output cannot be written.
    #[error("cannot write to standard output")]
    StandardOutput(#[source] io::Error),
    /// Nobody reads standard output any more.
    #[error("nobody reads the output")]
    ReaderGone,
    /// The system refused a thread.
    #[error("cannot start a thread")]
    Thread(#[source] io::Error),
    /// The thread panicked.
    #[error("the thread that copies records panicked")]
    Panicked,
}

impl From<SourceError> for Error {
    fn from(error: SourceError) -> Self {
        Self::Source(Box::new(error))
    }
}

/// A copy that ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Incomplete {
    /// A part of a recording was written to topics.
    #[error("{interruption}: of {}, {confirmed} are confirmed{}", plural(*records, "record"), unknown(*unanswered))]
    Produced {
        /// Why it ended.
        interruption: Interruption,
        /// The records of the recording.
        records: u64,
        /// Records that the brokers have confirmed.
        confirmed: u64,
        /// Records that were sent and not answered.
        unanswered: u64,
    },
    /// A part of a journal was recorded.
    #[error("{interruption}: {}", kept(path, *records, *wanted))]
    Recorded {
        /// Why it ended.
        interruption: Interruption,
        /// The recording.
        path: PathBuf,
        /// The records that it holds.
        records: u64,
        /// The records of a whole recording, where that is known and none of them was removed from the topics.
        wanted: Option<u64>,
    },
}

impl Incomplete {
    /// Why it ended early.
    pub(crate) fn interruption(&self) -> &Interruption {
        match self {
            Self::Produced { interruption, .. } | Self::Recorded { interruption, .. } => {
                interruption
            }
        }
    }
}

/// What ended a copy early.
#[derive(Debug)]
pub(crate) enum Interruption {
    /// A signal.
    Signal,
    /// The brokers refused a record.
    Refused(Refusal),
    /// The producer cannot write any more.
    Failed(Failure),
    /// Records got no answer of the brokers.
    Dropped(String),
    /// The cluster cannot be read.
    Kafka(kafka::Error),
    /// The recording cannot be read any more.
    Recording(journal_recording::Error),
    /// A source that is no recording cannot be read any more.
    Source(Box<Error>),
    /// The recording got records of this topic since the first pass.
    Changed(String),
    /// A record cannot be let through.
    HeldBack(Refused),
    /// No broker answered for this number of seconds.
    Silence(u64),
}

impl fmt::Display for Interruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signal => f.write_str("a signal ended it"),
            Self::Refused(refusal) => write!(
                f,
                "the brokers did not take a record of {} {}: {}",
                Quoted(&refusal.topic),
                refusal.key,
                refusal.reason
            ),
            Self::Failed(failure) => {
                write!(f, "no record can be written: {}", failure.reason)
            }
            Self::Dropped(reason) => write!(f, "records were dropped: {reason}"),
            Self::Kafka(error) => write!(f, "{error}"),
            Self::Recording(error) => write!(f, "{error}"),
            Self::Source(error) => f.write_str(&text::with_causes(&**error)),
            Self::Changed(topic) => write!(
                f,
                "the recording was changed: it now has records of {}",
                Quoted(topic)
            ),
            Self::HeldBack(error) => write!(f, "{error}: {}", error.reason()),
            Self::Silence(seconds) => write!(f, "no broker answered for {seconds} s"),
        }
    }
}

fn kept(path: &Path, records: u64, wanted: Option<u64>) -> String {
    let path = path.display();
    if records == 0 {
        return format!("nothing was read before, and `{path}` was not written");
    }
    let records = plural(records, "record");
    let of = wanted.map_or_else(String::new, |wanted| format!(", of up to {wanted}"));
    format!("`{path}` holds the {records} read before{of}")
}

fn unknown(unanswered: u64) -> String {
    match unanswered {
        0 => String::new(),
        _ => format!(", and {unanswered} more may have been written"),
    }
}

/// The sentence about topics that hold records.
fn holding(topics: &[(String, u64)]) -> String {
    let records: u64 = topics.iter().map(|(_, records)| records).sum();
    let records = plural(records, "record");
    let names = text::list(topics.iter().map(|(name, _)| name));
    match topics {
        [_] => format!("the topic {names} holds {records} already"),
        _ => format!("these topics hold {records} already: {names}"),
    }
}
