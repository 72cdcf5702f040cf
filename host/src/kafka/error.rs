//! Why the Kafka source cannot go on.

use std::fmt;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::journal::topics::TopicError;
use crate::text::Quoted;

/// Why the Kafka source cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting that the host keeps for itself.
    #[error("the Kafka setting `{key}` cannot be set: {reason}")]
    RefusedSetting {
        /// librdkafka's name of it.
        key: String,
        /// Why the host keeps it.
        reason: Reserved,
    },
    /// A setting that librdkafka does not know. Its value is not kept: the name may be mistyped, and the value a
    /// secret.
    #[error("`{key}` is not a setting of librdkafka")]
    UnknownSetting {
        /// The name that was given.
        key: String,
        /// The setting that was probably meant.
        nearest: Option<&'static str>,
    },
    /// A value that librdkafka refuses.
    #[error("`{key}` cannot {}: {reason}", given(value.as_deref()))]
    BadSetting {
        /// librdkafka's name of it.
        key: String,
        /// Its value, unless that is a secret.
        value: Option<String>,
        /// librdkafka's reason.
        reason: String,
    },
    /// A deadline that would make the group drop this member.
    #[error(
        "a deadline of {deadline_ms} ms is more than half of `max.poll.interval.ms`, which is \
         {max_poll_interval_ms}"
    )]
    DeadlineTooLong {
        /// The deadline of a call, in milliseconds.
        deadline_ms: u128,
        /// The longest time between two polls, in milliseconds.
        max_poll_interval_ms: u128,
    },
    /// A response size that exceeds the memory of the process with this number of brokers.
    #[error(
        "`fetch.max.bytes={bytes}` is too much for the memory of the process: {brokers} brokers may send as much at \
         the same time"
    )]
    ResponsesTooLarge {
        /// The value that was set.
        bytes: usize,
        /// The brokers of the cluster.
        brokers: usize,
        /// The largest response of each broker that fits, in bytes.
        most: usize,
    },
    /// The system refused a thread.
    #[error("cannot start the thread that queries the brokers")]
    Thread(#[source] std::io::Error),
    /// The thread that asks the brokers is gone.
    #[error("the thread that asks the brokers has panicked")]
    NoAnswers,
    /// The client could not be made.
    #[error("cannot create a Kafka client")]
    Client(#[source] KafkaError),
    /// librdkafka gave no queue.
    #[error("librdkafka gave no queue for {what}")]
    NoQueue {
        /// The purpose of the queue.
        what: String,
    },
    /// No broker answered in time.
    #[error("no broker of `{brokers}` answered within {seconds} s: {reason}")]
    Unreachable {
        /// The brokers that were tried.
        brokers: String,
        /// How long they were waited for.
        seconds: u64,
        /// The last error that the client saw.
        reason: String,
    },
    /// The requested topics do not exist or may not be read.
    #[error("`{brokers}` {error}")]
    Topics {
        /// The brokers.
        brokers: String,
        /// The reason.
        error: TopicError,
    },
    /// A request failed.
    #[error("the brokers did not {what}: {reason}")]
    Request {
        /// The request, as the rest of the sentence.
        what: String,
        /// librdkafka's code, where there is one.
        code: Option<RDKafkaErrorCode>,
        /// librdkafka's reason.
        reason: String,
    },
    /// An error that does not pass.
    #[error("the Kafka consumer cannot go on: {}", words(*code))]
    Fatal {
        /// librdkafka's code.
        code: RDKafkaErrorCode,
    },
    /// The next offset is out of the range of the partition.
    #[error(
        "offset {offset} of `{topic}` partition {partition}, which comes next, is out of range: the partition {}",
        holds(*first, *end)
    )]
    OutOfRange {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The offset after the last one that was read or committed.
        offset: i64,
        /// The offset of the first record that exists.
        first: u64,
        /// The offset after the last record.
        end: u64,
        /// The consumer group.
        group_id: String,
        /// The brokers.
        brokers: String,
    },
    /// A topic was created again, and librdkafka does not read it.
    #[error(
        "`{topic}` was deleted and created again, and nothing of its partition {partition} came within {seconds} s, \
         although it ends at offset {end}"
    )]
    NotReadAgain {
        /// The topic.
        topic: String,
        /// The partition.
        partition: u32,
        /// How long it was waited for.
        seconds: u64,
        /// The offset after the last record.
        end: u64,
    },
    /// One partition cannot be read.
    #[error("`{topic}` partition {partition} cannot be read: {}", words(*code))]
    Partition {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// librdkafka's code.
        code: RDKafkaErrorCode,
    },
    /// A record that does not fit the guest's memory.
    #[error(
        "the record at `{topic}` partition {partition} offset {offset} has {bytes} bytes, more than \
         half of the memory limit of {memory_limit_bytes} bytes"
    )]
    RecordTooLarge {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The offset.
        offset: i64,
        /// Key and value.
        bytes: usize,
        /// The guest's limit.
        memory_limit_bytes: usize,
    },
    /// A commit was refused permanently.
    #[error("the brokers refused the commit of the group `{group_id}`: {}", words(*code))]
    CommitRefused {
        /// The consumer group.
        group_id: String,
        /// librdkafka's code.
        code: RDKafkaErrorCode,
    },
}

/// Why the host keeps a setting of librdkafka for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reserved {
    /// It follows from the brokers of [`Settings`](super::Settings).
    Brokers,
    /// It follows from the group of [`Settings`](super::Settings).
    GroupId,
    /// Another value would break this guarantee.
    Guarantee(&'static str),
}

impl fmt::Display for Reserved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Brokers => "the list of brokers sets it",
            Self::GroupId => "the name of the group sets it",
            Self::Guarantee(reason) => reason,
        })
    }
}

impl Error {
    pub(super) fn request(what: impl Into<String>, source: &KafkaError) -> Self {
        let code = source.rdkafka_error_code();
        Self::Request {
            what: what.into(),
            code,
            reason: code.map_or_else(|| source.to_string(), words),
        }
    }

    /// The cause that an operator can remove, where librdkafka's code names one.
    #[must_use]
    pub fn likely_cause(&self) -> Option<LikelyCause> {
        let code = match self {
            Self::Fatal { code }
            | Self::CommitRefused { code, .. }
            | Self::Partition { code, .. } => *code,
            Self::Request { code, .. } => (*code)?,
            _ => return None,
        };
        match code {
            RDKafkaErrorCode::GroupAuthorizationFailed => Some(LikelyCause::Group),
            RDKafkaErrorCode::TopicAuthorizationFailed => Some(LikelyCause::Topic),
            RDKafkaErrorCode::BadMessage => Some(LikelyCause::Message),
            RDKafkaErrorCode::FencedInstanceId => Some(LikelyCause::InstanceId),
            RDKafkaErrorCode::UnsupportedVersion | RDKafkaErrorCode::UnsupportedFeature => {
                Some(LikelyCause::GroupProtocol)
            }
            _ => None,
        }
    }
}

/// A cause of an error in the operator's settings or rights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LikelyCause {
    /// The account has no rights on the consumer group.
    Group,
    /// The account has no rights on a topic.
    Topic,
    /// A message is damaged, or larger than `receive.message.max.bytes`.
    Message,
    /// Another member has the same `group.instance.id`.
    InstanceId,
    /// The brokers do not know the protocol of the group.
    GroupProtocol,
}

/// The offsets of a partition, as the rest of a sentence.
fn holds(first: u64, end: u64) -> String {
    match end.checked_sub(1) {
        Some(last) if last >= first => format!("has the offsets {first} to {last}"),
        _ => format!("is empty and goes on at offset {end}"),
    }
}

fn given(value: Option<&str>) -> String {
    value.map_or_else(
        || "have this value".to_owned(),
        |value| format!("be {}", Quoted(value)),
    )
}

/// librdkafka's description of a code (`Broker: Group authorization failed`), without the name in Rust that precedes
/// it.
pub(super) fn words(code: RDKafkaErrorCode) -> String {
    let text = code.to_string();
    let words = text.split_once(" (").map(|(_, words)| words);
    let words = words.and_then(|words| words.strip_suffix(')'));
    words.unwrap_or(&text).to_owned()
}
