//! Recordings: a journal in a file. The format is described in `docs/recording-format.md`.
//!
//! [`Reader`] streams the records of a recording, one borrowed [`Frame`] at a time, and finds out
//! from the content what it reads: frames with or without a header, or upstream's stream format,
//! plain or compressed. [`Writer`] writes frames behind a header.

mod error;
mod input;
mod layout;
mod reader;
mod writer;

pub use error::{Error, RecordingName};
pub use reader::{MAX_RECORD_BYTES, Reader};
pub use writer::{COMPRESSION_LEVEL, Writer};

/// How a recording says what its records are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Records with their topic and key: arrays `[topic, key, value]`, or these three and
    /// `partition, offset, timestamp`.
    Frames,
    /// Upstream's stream writer: arrays `[object type, value]`, without keys and tombstones.
    Stream,
}

/// One record of a recording, borrowed from the reader's buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The topic's whole name; with [`Format::Stream`] the object type.
    pub topic: &'a str,
    /// The key, empty where there is none.
    pub key: &'a [u8],
    /// The value, `None` for a tombstone.
    pub value: Option<&'a [u8]>,
    /// The Kafka partition, where it was recorded.
    pub partition: Option<u32>,
    /// The offset in the partition, where it was recorded.
    pub offset: Option<u64>,
    /// Milliseconds since 1970, where they were recorded.
    pub timestamp_ms: Option<i64>,
}
