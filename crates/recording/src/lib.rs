//! Recordings: a journal in a file. The format is described in `docs/recording-format.md`.
//!
//! [`Reader`] streams the records of a recording as borrowed [`Frame`]s. It detects the format from the content: frames
//! with or without a header, upstream's stream format, or a file of dead letters, plain or compressed. [`Writer`] writes a header and frames, and an [`Index`] of
//! compressed ones.

mod chunked;
mod error;
mod index;
mod input;
mod layout;
mod letters;
mod reader;
mod topic;
mod writer;

pub use chunked::CHUNK_BYTES;
pub use error::{Error, RecordingName};
pub use index::{Chunk, Index, IndexError};
pub use reader::{MAX_HEADER_BYTES, MAX_RECORD_BYTES, MAX_TOPICS, Reader};
pub use topic::is_topic_name;
pub use writer::{COMPRESSION_LEVEL, Writer};

/// The format of the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Records with topic and key: arrays `[topic, key, value]`, or `[topic, key, value, partition, offset, timestamp]`.
    Frames,
    /// The format of upstream's stream writer: arrays `[object type, value]`, without keys and tombstones.
    Stream,
}

/// One record of a recording, borrowed from the reader's buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The full name of the topic, or the object type in [`Format::Stream`].
    pub topic: &'a str,
    /// The key, or empty if there is none.
    pub key: &'a [u8],
    /// The value, or `None` for a tombstone.
    pub value: Option<&'a [u8]>,
    /// The Kafka partition, if it was recorded.
    pub partition: Option<u32>,
    /// The offset in the partition, if it was recorded.
    pub offset: Option<u64>,
    /// The timestamp in milliseconds since 1970, if it was recorded.
    pub timestamp_ms: Option<i64>,
}
