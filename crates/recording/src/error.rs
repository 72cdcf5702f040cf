//! What can be wrong with a recording.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Which recording an error is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingName(Option<PathBuf>);

impl RecordingName {
    pub(crate) fn file(path: &Path) -> Self {
        Self(Some(path.to_owned()))
    }

    pub(crate) fn unnamed() -> Self {
        Self(None)
    }
}

impl fmt::Display for RecordingName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(path) => write!(f, "the recording `{}`", path.display()),
            None => f.write_str("the recording"),
        }
    }
}

/// Why a recording cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be opened.
    #[error("cannot open {recording}")]
    Open {
        /// Which recording.
        recording: RecordingName,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// The system failed while reading.
    #[error("cannot read {recording}")]
    Read {
        /// Which recording.
        recording: RecordingName,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// There is not a single byte.
    #[error("{recording} is empty")]
    Empty {
        /// Which recording.
        recording: RecordingName,
    },
    /// The beginning is not that of any recording.
    #[error("{recording} is not a recording: it {reason}")]
    NotARecording {
        /// Which recording.
        recording: RecordingName,
        /// What is wrong, as the rest of a sentence.
        reason: &'static str,
    },
    /// The header names a version that this reader does not know.
    #[error("{recording} has version {version} of the format, and only version 1 is known here")]
    UnknownVersion {
        /// Which recording.
        recording: RecordingName,
        /// The version that it names.
        version: u64,
    },
    /// The end is missing.
    #[error("{recording} is cut short after {} ({bytes} bytes uncompressed)", counted(*records))]
    CutShort {
        /// Which recording.
        recording: RecordingName,
        /// Whole records before the end.
        records: u64,
        /// Bytes before the record that is not whole, after decompression.
        bytes: u64,
    },
    /// A record is not what a record must be.
    #[error("{recording} is damaged after {} ({bytes} bytes uncompressed): it {reason}", counted(*records))]
    Damaged {
        /// Which recording.
        recording: RecordingName,
        /// Whole records before the damage.
        records: u64,
        /// Bytes before the damaged record, after decompression.
        bytes: u64,
        /// What is wrong, as the rest of a sentence.
        reason: &'static str,
    },
    /// The compressed data is broken.
    #[error(
        "{recording} cannot be decompressed after {} ({bytes} bytes uncompressed)",
        counted(*records)
    )]
    Compression {
        /// Which recording.
        recording: RecordingName,
        /// Whole records before the damage.
        records: u64,
        /// Bytes before the record that could not be had, after decompression.
        bytes: u64,
        /// The decompressor's reason.
        #[source]
        source: io::Error,
    },
    /// A record is larger than the reader takes.
    #[error("{recording} holds a record of more than {limit} bytes{} after {}", in_topic(topic.as_deref()), counted(*records))]
    TooLarge {
        /// Which recording.
        recording: RecordingName,
        /// Whole records before it.
        records: u64,
        /// The topic, or the object type, where it could be read.
        topic: Option<String>,
        /// The largest size taken, in bytes.
        limit: usize,
    },
    /// The file cannot be created.
    #[error("cannot create {recording}")]
    Create {
        /// Which recording.
        recording: RecordingName,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// The system failed while writing.
    #[error("cannot write {recording}")]
    Write {
        /// Which recording.
        recording: RecordingName,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// A record to write is of a topic that the header does not list.
    #[error("the header of {recording} does not list the topic `{topic}`")]
    UnlistedTopic {
        /// Which recording.
        recording: RecordingName,
        /// The record's topic.
        topic: String,
    },
}

fn in_topic(topic: Option<&str>) -> String {
    topic.map_or_else(String::new, |topic| format!(" in `{topic}`"))
}

fn counted(records: u64) -> String {
    if records == 1 {
        "1 record".to_owned()
    } else {
        format!("{records} records")
    }
}
