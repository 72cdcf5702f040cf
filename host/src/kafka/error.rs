//! Why the Kafka source cannot go on, and what can be done.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// Why the Kafka source cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting that the host keeps for itself.
    #[error("`--kafka {key}` cannot be set: {reason}")]
    RefusedSetting {
        /// librdkafka's name of it.
        key: String,
        /// Which guarantee it would break, or which flag sets it.
        reason: &'static str,
    },
    /// A setting that librdkafka refuses.
    #[error("`--kafka {key}={value}` is not a setting of librdkafka: {reason}")]
    BadSetting {
        /// librdkafka's name of it.
        key: String,
        /// What it was set to.
        value: String,
        /// librdkafka's reason.
        reason: String,
    },
    /// A deadline that would make the group drop this member.
    #[error(
        "`--deadline {deadline_ms} ms` is more than half of `max.poll.interval.ms`, which is \
         {max_poll_interval_ms}"
    )]
    DeadlineTooLong {
        /// The deadline of a call, in milliseconds.
        deadline_ms: u128,
        /// The longest time between two polls, in milliseconds.
        max_poll_interval_ms: u128,
    },
    /// A size of responses that bursts the memory of the process, with so many brokers.
    #[error(
        "`--kafka fetch.max.bytes={bytes}` is too much for `--process-memory`: {brokers} brokers may send as much \
         at the same time"
    )]
    ResponsesTooLarge {
        /// What it was set to.
        bytes: usize,
        /// The brokers of the cluster.
        brokers: usize,
        /// What each may send, in bytes.
        most: usize,
    },
    /// The system refused a thread.
    #[error("cannot start a thread that asks the brokers")]
    Thread(#[source] std::io::Error),
    /// The client could not be made.
    #[error("cannot make a Kafka client")]
    Client(#[source] KafkaError),
    /// librdkafka gave no queue.
    #[error("librdkafka gave no queue for {what}")]
    NoQueue {
        /// What the queue is for.
        what: String,
    },
    /// No broker answered in time.
    #[error("no broker of `{brokers}` answered within {seconds} s: {reason}")]
    Unreachable {
        /// The brokers that were tried.
        brokers: String,
        /// How long.
        seconds: u64,
        /// The last error that the client saw.
        reason: String,
    },
    /// No topic has the prefix.
    #[error(
        "`{brokers}` has no topic with the prefix `{prefix}`; the prefixes there are: {others}"
    )]
    NoTopics {
        /// The brokers.
        brokers: String,
        /// The prefix that was asked for.
        prefix: String,
        /// The prefixes that the topics have.
        others: String,
    },
    /// All topics under the prefix are privileged, and these were not asked for.
    #[error("`{brokers}` has only privileged topics with the prefix `{prefix}`")]
    OnlyPrivileged {
        /// The brokers.
        brokers: String,
        /// The prefix that was asked for.
        prefix: String,
    },
    /// No topic for an object type that the plan asks for.
    #[error(
        "there is no topic `{topic}` for the object type `{object_type}`; under this prefix are: {known}"
    )]
    NoTopic {
        /// The topic that was looked for.
        topic: String,
        /// The object type.
        object_type: String,
        /// The object types that have a topic.
        known: String,
    },
    /// A request failed.
    #[error("the brokers did not {what}: {reason}")]
    Request {
        /// What was asked, as the rest of the sentence.
        what: String,
        /// librdkafka's code, where there is one.
        code: Option<RDKafkaErrorCode>,
        /// librdkafka's reason.
        reason: String,
    },
    /// An error that no waiting mends.
    #[error("the Kafka consumer cannot go on: {}", words(*code))]
    Fatal {
        /// librdkafka's code.
        code: RDKafkaErrorCode,
    },
    /// The committed offset is no longer, or not yet, in the topic.
    #[error(
        "offset {offset} of `{topic}` partition {partition}, which comes next, is out of range: {reason}"
    )]
    OutOfRange {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The offset behind the last one that was read or committed.
        offset: i64,
        /// librdkafka's reason.
        reason: String,
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
    /// A commit was refused for good.
    #[error("the brokers refused the commit of the group `{group_id}`: {}", words(*code))]
    CommitRefused {
        /// The consumer group.
        group_id: String,
        /// librdkafka's code.
        code: RDKafkaErrorCode,
    },
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

    /// The way out, where there is one.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::RefusedSetting { .. } => "leave the setting out".into(),
            Self::BadSetting { .. } => {
                "the settings are those of librdkafka's CONFIGURATION.md".into()
            }
            Self::ResponsesTooLarge { most, .. } => {
                format!("set it to {most} at the most, leave it out, or raise `--process-memory`")
            }
            Self::DeadlineTooLong { deadline_ms, .. } => format!(
                "shorten `--deadline`, or set `--kafka max.poll.interval.ms={}`",
                deadline_ms * 2
            ),
            Self::Unreachable { .. } => {
                "check `--brokers`, and `--kafka security.protocol` and the `sasl.*` and `ssl.*` \
                 settings"
                    .into()
            }
            Self::NoTopics { .. } => "name one of them with `--prefix`".into(),
            Self::OnlyPrivileged { .. } => "`--privileged` reads them".into(),
            Self::NoTopic { .. } => {
                "narrow the object types with `--object-type`, or check `--prefix`".into()
            }
            Self::OutOfRange { .. } => {
                "records were deleted before they were read, or the topic was made anew: choose \
                 another `--group-id`, or reset this group's offsets with Kafka's tools"
                    .into()
            }
            Self::RecordTooLarge { bytes, .. } => {
                format!(
                    "set `--memory-limit` to at least {} bytes, or raise `--process-memory` where it is set",
                    bytes * 2
                )
            }
            Self::Fatal { code }
            | Self::CommitRefused { code, .. }
            | Self::Partition { code, .. } => access_hint(*code)?,
            Self::Request { code, .. } => access_hint((*code)?)?,
            Self::Thread(_) | Self::Client(_) | Self::NoQueue { .. } => return None,
        })
    }

    /// Whether the command line is wrong, rather than the world.
    #[must_use]
    pub fn is_wrong_use(&self) -> bool {
        matches!(
            self,
            Self::RefusedSetting { .. }
                | Self::BadSetting { .. }
                | Self::DeadlineTooLong { .. }
                | Self::ResponsesTooLarge { .. }
        )
    }
}

/// What librdkafka says of a code (`Broker: Group authorization failed`), without the name that the code
/// has in Rust and that stands before it.
pub(super) fn words(code: RDKafkaErrorCode) -> String {
    let text = code.to_string();
    let words = text.split_once(" (").map(|(_, words)| words);
    let words = words.and_then(|words| words.strip_suffix(')'));
    words.unwrap_or(&text).to_owned()
}

fn access_hint(code: RDKafkaErrorCode) -> Option<String> {
    match code {
        RDKafkaErrorCode::GroupAuthorizationFailed => Some(
            "the account may not use this `--group-id`: where access is limited it begins with \
             the user's name and a hyphen"
                .into(),
        ),
        RDKafkaErrorCode::TopicAuthorizationFailed => {
            Some("the account may not read one of the topics: without access to privileged topics leave `--privileged` out".into())
        }
        RDKafkaErrorCode::BadMessage => Some(
            "the data may be damaged, or a record be larger than \
             `--kafka receive.message.max.bytes`"
                .into(),
        ),
        RDKafkaErrorCode::FencedInstanceId => {
            Some("another member uses the same `group.instance.id`".into())
        }
        _ => None,
    }
}
