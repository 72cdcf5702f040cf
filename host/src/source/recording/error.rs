//! Why a recording cannot be read.

use std::path::PathBuf;

use journal_recording::RecordingName;

use crate::journal::topics::TopicError;

/// Why the recording source cannot go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] journal_recording::Error),
    /// Two of the names are one.
    #[error("the recording `{}` is named twice", path.display())]
    Twice {
        /// The name.
        path: PathBuf,
    },
    /// There is no file.
    #[error("no recording is named")]
    NoFile,
    /// Frames and upstream's streams name their topics in other ways.
    #[error("{other} has another format than {one}")]
    Formats {
        /// A recording.
        one: RecordingName,
        /// The other one.
        other: RecordingName,
    },
    /// A recording without a header that can only be read once.
    #[error("{recording} has no header, and is no file that could be read twice")]
    ReadOnce {
        /// Which recording.
        recording: RecordingName,
    },
    /// Records have to be read again from a recording that can only be read once.
    #[error("{recording} cannot be read again, because it is no regular file")]
    Rewind {
        /// Which recording.
        recording: RecordingName,
    },
    /// The index is of another recording, or was changed.
    #[error("{recording} has other records than its index says")]
    WrongIndex {
        /// Which recording.
        recording: RecordingName,
    },
    /// The requested topics do not exist or may not be read.
    #[error("{recording} {error}")]
    Topics {
        /// Which recording.
        recording: RecordingName,
        /// The reason.
        error: TopicError,
    },
    /// A record of a topic that is not in the header.
    #[error("{recording} holds a record of the topic `{topic}`, which its header does not list")]
    UnlistedTopic {
        /// Which recording.
        recording: RecordingName,
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
}
