//! The errors of reading and writing recordings.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// The name of a recording in messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingName(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    File(PathBuf),
    StandardInput,
    Unnamed,
}

impl RecordingName {
    /// That of a file.
    #[must_use]
    pub fn file(path: &Path) -> Self {
        Self(Kind::File(path.to_owned()))
    }

    /// That of standard input.
    #[must_use]
    pub fn standard_input() -> Self {
        Self(Kind::StandardInput)
    }

    pub(crate) fn unnamed() -> Self {
        Self(Kind::Unnamed)
    }
}

impl fmt::Display for RecordingName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::File(path) => write!(f, "the recording `{}`", path.display()),
            Kind::StandardInput => f.write_str("the recording on standard input"),
            Kind::Unnamed => f.write_str("the recording"),
        }
    }
}

/// Why a recording cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be opened.
    #[error("cannot open {recording}")]
    Open {
        /// The recording.
        recording: RecordingName,
        /// The error of the operating system.
        #[source]
        source: io::Error,
    },
    /// The system failed while reading.
    #[error("cannot read {recording}")]
    Read {
        /// The recording.
        recording: RecordingName,
        /// The error of the operating system.
        #[source]
        source: io::Error,
    },
    /// The file is empty.
    #[error("{recording} is empty")]
    Empty {
        /// The recording.
        recording: RecordingName,
    },
    /// The file does not start like a recording.
    #[error("{recording} is not a recording: it {reason}")]
    NotARecording {
        /// The recording.
        recording: RecordingName,
        /// The reason, which completes the message.
        reason: &'static str,
    },
    /// The version in the header is not supported.
    #[error("{recording} has version {version} of the format, and only version 1 is known here")]
    UnknownVersion {
        /// The recording.
        recording: RecordingName,
        /// The version in the header.
        version: u64,
    },
    /// The recording is truncated.
    #[error("{recording} is cut short after {} ({bytes} bytes uncompressed)", counted(*records))]
    CutShort {
        /// The recording.
        recording: RecordingName,
        /// The number of complete records.
        records: u64,
        /// Bytes before the incomplete record, after decompression.
        bytes: u64,
    },
    /// A record is invalid.
    #[error("{recording} is damaged after {} ({bytes} bytes uncompressed): it {reason}", counted(*records))]
    Damaged {
        /// The recording.
        recording: RecordingName,
        /// The number of complete records before the damage.
        records: u64,
        /// Bytes before the damaged record, after decompression.
        bytes: u64,
        /// The reason, which completes the message.
        reason: &'static str,
    },
    /// A topic, or an object type, has a name that none may have.
    #[error(
        "{recording} has a topic with the name `{name}`, and such a name is 1 to 249 of `A-Za-z0-9._-`"
    )]
    BadTopicName {
        /// Which recording.
        recording: RecordingName,
        /// The name, bounded and in printable characters.
        name: String,
    },
    /// There are more topics than any journal has.
    #[error("{recording} has more than {limit} topics")]
    TooManyTopics {
        /// Which recording.
        recording: RecordingName,
        /// The most topics that a reader takes.
        limit: usize,
    },
    /// The compressed data is broken.
    #[error(
        "{recording} cannot be decompressed after {} ({bytes} bytes uncompressed)",
        counted(*records)
    )]
    Compression {
        /// The recording.
        recording: RecordingName,
        /// The number of complete records before the damage.
        records: u64,
        /// Bytes before the record that could not be decompressed, after decompression.
        bytes: u64,
        /// The error of the decompressor.
        #[source]
        source: io::Error,
    },
    /// A record is larger than the limit of the reader.
    #[error(
        "{recording} holds a record of {bytes} bytes or more{} after {}, and the limit is {limit}",
        located(topic.as_deref(), *partition, *offset), counted(*records)
    )]
    TooLarge {
        /// The recording.
        recording: RecordingName,
        /// The number of complete records before it.
        records: u64,
        /// The topic or object type, if it could be read.
        topic: Option<String>,
        /// The partition, if the recording has it.
        partition: Option<u32>,
        /// The offset, if the recording has it.
        offset: Option<u64>,
        /// What is known of its size, in bytes.
        bytes: usize,
        /// The limit, in bytes.
        limit: usize,
    },
    /// The file cannot be created.
    #[error("cannot create {recording}")]
    Create {
        /// The recording.
        recording: RecordingName,
        /// The error of the operating system.
        #[source]
        source: io::Error,
    },
    /// The system failed while writing.
    #[error("cannot write {recording}")]
    Write {
        /// The recording.
        recording: RecordingName,
        /// The error of the operating system.
        #[source]
        source: io::Error,
    },
    /// The header does not list the topic of a record to write.
    #[error("the header of {recording} does not list the topic `{topic}`")]
    UnlistedTopic {
        /// The recording.
        recording: RecordingName,
        /// The record's topic.
        topic: String,
    },
}

fn located(topic: Option<&str>, partition: Option<u32>, offset: Option<u64>) -> String {
    let topic = topic.map(|topic| format!(" in `{topic}`"));
    let partition = partition.map(|partition| format!(" partition {partition}"));
    let offset = offset.map(|offset| format!(" offset {offset}"));
    [topic, partition, offset]
        .map(Option::unwrap_or_default)
        .concat()
}

fn counted(records: u64) -> String {
    if records == 1 {
        "1 record".to_owned()
    } else {
        format!("{records} records")
    }
}
