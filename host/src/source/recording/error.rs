//! Why a recording cannot be read, and what can be done.

use journal_recording::RecordingName;

use crate::journal::batch::TooLarge;

/// Why the recording source cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file itself.
    #[error(transparent)]
    File(#[from] journal_recording::Error),
    /// A recording without a header that can be read only once.
    #[error("{place} has no header, and is no file that could be read twice")]
    ReadOnce {
        /// Which recording.
        place: RecordingName,
    },
    /// No topic has the prefix.
    #[error("{place} has no topic with the prefix `{prefix}`; the prefixes there are: {others}")]
    NoTopics {
        /// Which recording.
        place: RecordingName,
        /// The prefix that was asked for.
        prefix: String,
        /// The prefixes that the topics have.
        others: String,
    },
    /// All topics under the prefix are privileged, and these were not asked for.
    #[error("{place} has only privileged topics with the prefix `{prefix}`")]
    OnlyPrivileged {
        /// Which recording.
        place: RecordingName,
        /// The prefix that was asked for.
        prefix: String,
    },
    /// No topic for an object type that the plan asks for.
    #[error("{place} has no topic for the object type `{object_type}`; those there are: {known}")]
    NoTopic {
        /// Which recording.
        place: RecordingName,
        /// The object type.
        object_type: String,
        /// The object types that have a topic.
        known: String,
    },
    /// A record of a topic that is not in the header.
    #[error("{place} holds a record of the topic `{topic}`, which its header does not list")]
    UnlistedTopic {
        /// Which recording.
        place: RecordingName,
        /// The record's topic.
        topic: String,
    },
    /// A record that does not fit the guest's memory.
    #[error(
        "the record at `{topic}` partition {partition} offset {offset} has {bytes} bytes, more \
         than half of the memory limit of {memory_limit_bytes} bytes"
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
    /// The limits of a batch are set too high.
    #[error(transparent)]
    Batch(#[from] TooLarge),
}

impl Error {
    /// The way out, where there is one.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        use journal_recording::Error as File;
        let hint = match self {
            Self::File(File::Open { .. } | File::Read { .. }) => {
                "`--recording` takes the path of a file that can be read"
            }
            Self::File(File::Empty { .. } | File::NotARecording { .. }) => {
                "what a recording is made of is described in docs/recording-format.md"
            }
            Self::File(File::UnknownVersion { .. }) => "a newer journal-host may read it",
            Self::File(File::CutShort { .. } | File::Damaged { .. } | File::Compression { .. }) => {
                "copy or make the recording again"
            }
            Self::File(_) | Self::Batch(_) => return None,
            Self::ReadOnce { .. } => {
                "save it to a file first, or make it with a header that lists its topics"
            }
            Self::NoTopics { .. } => "name one of them with `--prefix`",
            Self::OnlyPrivileged { .. } => "`--privileged` reads them",
            Self::NoTopic { .. } => {
                "narrow the object types with `--object-type`, or check `--prefix`"
            }
            Self::UnlistedTopic { .. } => "recordings cannot be joined by concatenation",
            Self::RecordTooLarge { bytes, .. } => {
                return Some(format!(
                    "set `--memory-limit` to at least {} bytes, or raise `--process-memory` where it is set",
                    bytes * 2
                ));
            }
        };
        Some(hint.to_owned())
    }
}
