//! Why the Kafka source cannot go on.

use std::fmt;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::journal::topics::TopicError;
use crate::text::{Quoted, plural};

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
    /// Positions would be read that are not committed yet.
    #[error(
        "`isolation.level` cannot be `read_uncommitted` where rows and positions are written to topics in one transaction"
    )]
    ReadsUncommitted,
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
    /// Two settings that contradict each other.
    #[error("`{key}` is {value}, and `{other}` of {other_value} needs at least {least}")]
    TooSmall {
        /// librdkafka's name of the one that is too small.
        key: String,
        /// Its value.
        value: usize,
        /// The other one.
        other: String,
        /// Its value.
        other_value: usize,
        /// The least value of the first that goes together with the other one.
        least: usize,
    },
    /// librdkafka makes no client with these settings.
    #[error("librdkafka refuses the settings: {reason}")]
    Together {
        /// librdkafka's reason, which names them.
        reason: String,
    },
    /// A setting names a file that cannot be read.
    #[error("`{key}` names the file `{path}`, which cannot be opened")]
    SettingFile {
        /// librdkafka's name of it.
        key: String,
        /// The file.
        path: String,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The address of a broker has a port that does not exist.
    #[error("the broker `{broker}` has no port from 1 to 65535")]
    BadBroker {
        /// The broker as it was named.
        broker: String,
    },
    /// A log-in by name without its password, or the other way round.
    #[error("`{mechanism}` needs `{missing}`")]
    NoLogIn {
        /// How clients log in.
        mechanism: String,
        /// The setting that is missing.
        missing: &'static str,
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
    /// No broker answered for too long in the middle of a run.
    #[error("no broker of `{brokers}` has answered for {seconds} s: {reason}")]
    Gone {
        /// The brokers that were tried.
        brokers: String,
        /// How long they were waited for.
        seconds: u64,
        /// The last error that the client saw.
        reason: String,
    },
    /// The brokers refused authentication for too long in the middle of a run.
    #[error("the brokers of `{brokers}` have refused authentication for {seconds} s: {reason}")]
    AuthenticationRefused {
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
    /// A topic could not be created.
    #[error("the brokers did not create the topic `{topic}`: {reason}")]
    CreateTopic {
        /// The topic.
        topic: String,
        /// librdkafka's reason.
        reason: String,
        /// Whether the account lacks the right to create it.
        no_right: bool,
    },
    /// A new topic cannot be written to yet.
    #[error(
        "after {seconds} s, not all of the {} of the new topic `{topic}` have a leader",
        plural(*partitions, "partition")
    )]
    NoLeaders {
        /// The topic.
        topic: String,
        /// The number of its partitions.
        partitions: u32,
        /// How long they were waited for.
        seconds: u64,
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
    /// Records were deleted before a command without a group had read them.
    #[error(
        "offset {offset} of `{topic}` partition {partition}, which comes next, no longer exists: {reason}"
    )]
    RecordsRemoved {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The offset after the last one that was read.
        offset: i64,
        /// The reason in librdkafka's words.
        reason: String,
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
        partition: u32,
        /// The offset.
        offset: u64,
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
    /// Whether the brokers were away, or refused authentication, for so long that the run ends.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        matches!(self, Self::Gone { .. } | Self::AuthenticationRefused { .. })
    }

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
            Self::Unreachable { reason, .. } => return LikelyCause::of_connection(reason),
            _ => return None,
        };
        match code {
            RDKafkaErrorCode::GroupAuthorizationFailed => Some(LikelyCause::Group),
            RDKafkaErrorCode::TopicAuthorizationFailed => Some(LikelyCause::Topic),
            RDKafkaErrorCode::BadMessage => Some(LikelyCause::Message),
            RDKafkaErrorCode::FencedInstanceId => Some(LikelyCause::InstanceId),
            RDKafkaErrorCode::InconsistentGroupProtocol => Some(LikelyCause::Assignor),
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
    /// The brokers expect TLS, and the client does not speak it.
    NoTls,
    /// The client speaks TLS, and the brokers do not.
    OnlyTls,
    /// The brokers require authentication, and the client has none.
    NoAuthentication,
    /// The brokers do not accept the user's name or password.
    Password,
    /// The brokers do not offer the mechanism of the log-in.
    Mechanism,
    /// The client does not trust the brokers' certificate.
    Authority,
    /// The brokers do not accept the client's certificate, or it has none.
    ClientCertificate,
    /// The brokers do not know the protocol of the group.
    GroupProtocol,
    /// Members of the group divide its partitions in another way.
    Assignor,
}

impl LikelyCause {
    /// The cause of a connection that fails for this reason, where the words of librdkafka or OpenSSL point to one.
    pub(super) fn of_connection(reason: &str) -> Option<Self> {
        let guesses = [
            ("connecting to a SSL listener?", Self::NoTls),
            ("connecting to a PLAINTEXT broker listener?", Self::OnlyTls),
            ("wrong version number", Self::OnlyTls),
            (
                "broker might require SASL authentication",
                Self::NoAuthentication,
            ),
            ("certificate verify failed", Self::Authority),
            ("certificate could not be verified", Self::Authority),
            ("alert certificate", Self::ClientCertificate),
            ("alert bad certificate", Self::ClientCertificate),
            ("alert unknown ca", Self::ClientCertificate),
            ("alert handshake failure", Self::ClientCertificate),
            ("mechanism handshake failed", Self::Mechanism),
            ("uthentication failed", Self::Password),
            // The bytes with which a broker refuses what is not TLS, read as the size of an answer.
            ("Invalid response size", Self::NoTls),
        ];
        let guess = guesses.iter().find(|(text, _)| reason.contains(text));
        guess
            .map(|&(_, cause)| cause)
            .or_else(|| Self::of_closed_connection(reason))
    }

    /// A broker closes a connection whose first request it does not understand, or whose next one should be the
    /// authentication.
    fn of_closed_connection(reason: &str) -> Option<Self> {
        if !reason.contains("Disconnected") {
            None
        } else if reason.contains("state APIVERSION_QUERY") && !reason.contains("ssl://") {
            Some(Self::NoTls)
        } else if reason.contains("in state UP") {
            Some(Self::NoAuthentication)
        } else {
            None
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_of_another_client_are_a_likely_cause() {
        let error = Error::Fatal {
            code: RDKafkaErrorCode::InconsistentGroupProtocol,
        };
        assert_eq!(error.likely_cause(), Some(LikelyCause::Assignor));
    }

    #[test]
    fn words_about_a_connection_point_to_its_cause() {
        for (reason, cause) in [
            (
                "ssl://b:1/bootstrap: SSL handshake failed: error:0A000086:SSL routines::certificate verify failed: \
                 broker certificate could not be verified, verify that ssl.ca.location is correctly configured",
                Some(LikelyCause::Authority),
            ),
            (
                "error:0A00045C:SSL routines::tlsv13 alert certificate required: SSL alert number 116",
                Some(LikelyCause::ClientCertificate),
            ),
            (
                "SSL handshake failed: error:0A00010B:SSL routines::wrong version number",
                Some(LikelyCause::OnlyTls),
            ),
            (
                "Disconnected: requesting ApiVersion: might be caused by incorrect security.protocol configuration \
                 (connecting to a SSL listener?) or broker version is < 0.10",
                Some(LikelyCause::NoTls),
            ),
            (
                "SASL authentication error: Authentication failed due to invalid credentials with SASL mechanism PLAIN",
                Some(LikelyCause::Password),
            ),
            (
                "b:1/bootstrap: Disconnected: connection closed by peer: receive 0 after POLLIN (after 4ms in state \
                 APIVERSION_QUERY)",
                Some(LikelyCause::NoTls),
            ),
            (
                "sasl_ssl://b:1/bootstrap: Disconnected: connection closed by peer (after 4ms in state \
                 APIVERSION_QUERY)",
                None,
            ),
            (
                "Connect to ipv4#127.0.0.1:1 failed: Connection refused",
                None,
            ),
        ] {
            assert_eq!(LikelyCause::of_connection(reason), cause, "{reason}");
        }
    }
}
