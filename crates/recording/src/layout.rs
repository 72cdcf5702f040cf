//! Finds the parts of a record in the bytes of a recording.

use std::ops::Range;

use journal_msgpack::{Cursor, Fault, Head};

use crate::topic::is_topic_name;
use crate::{Format, Frame};

/// The ranges of the parts of a record, in bytes from its start.
#[derive(Debug)]
pub(crate) struct Layout {
    /// The length of the record.
    pub(crate) length: usize,
    topic: Range<usize>,
    key: Range<usize>,
    value: Option<Range<usize>>,
    partition: Option<u32>,
    offset: Option<u64>,
    timestamp_ms: Option<i64>,
}

/// Why the bytes are not a record.
#[derive(Debug)]
pub(crate) enum Flaw {
    /// The record is incomplete. It has at least `needed` bytes.
    Incomplete { needed: usize },
    /// The record is invalid. The text completes a sentence about the recording.
    Damaged(&'static str),
}

impl From<Fault> for Flaw {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Incomplete => Self::Incomplete { needed: 0 },
            Fault::Reserved => Self::Damaged("holds a byte that is not msgpack (0xc1)"),
        }
    }
}

const NOT_A_FRAME: &str =
    "holds something other than an array of 3 or 6 values where a record should start";
const NOT_A_PAIR: &str =
    "holds something other than an array of 2 values where a record should start";

impl Layout {
    /// Finds the parts of the record at the start of `bytes`.
    pub(crate) fn find(format: Format, bytes: &[u8]) -> Result<Self, Flaw> {
        let mut cursor = Cursor::new(bytes);
        match format {
            Format::Frames => Self::frame(&mut cursor),
            Format::Stream => Self::pair(&mut cursor),
        }
    }

    fn frame(cursor: &mut Cursor<'_>) -> Result<Self, Flaw> {
        let has_position = match cursor.head()? {
            Head::Array(3) => false,
            Head::Array(6) => true,
            Head::Map(_) => return Err(Flaw::Damaged("has a second header among its records")),
            _ => return Err(Flaw::Damaged(NOT_A_FRAME)),
        };
        let topic = text(cursor, "holds a record whose topic is not a text")?;
        let key = binary(cursor, "holds a record whose key is neither binary nor nil")?;
        let value = binary(
            cursor,
            "holds a record whose value is neither binary nor nil",
        )?;
        let (mut partition, mut offset, mut timestamp_ms) = (None, None, None);
        if has_position {
            partition = match cursor.head()? {
                Head::Nil => None,
                Head::Uint(number) => Some(u32::try_from(number).map_err(|_| BAD_PARTITION)?),
                _ => return Err(BAD_PARTITION),
            };
            offset = match cursor.head()? {
                Head::Nil => None,
                Head::Uint(number) => Some(number),
                _ => return Err(BAD_OFFSET),
            };
            timestamp_ms = match cursor.head()? {
                Head::Nil => None,
                Head::Uint(number) => Some(i64::try_from(number).map_err(|_| BAD_TIMESTAMP)?),
                Head::Int(number) => Some(number),
                _ => return Err(BAD_TIMESTAMP),
            };
        }
        let key = key.unwrap_or(0..0);
        let length = cursor.offset();
        Ok(Self {
            length,
            topic,
            key,
            value,
            partition,
            offset,
            timestamp_ms,
        })
    }

    fn pair(cursor: &mut Cursor<'_>) -> Result<Self, Flaw> {
        if cursor.head()? != Head::Array(2) {
            return Err(Flaw::Damaged(NOT_A_PAIR));
        }
        let topic = text(cursor, "holds a record whose object type is not a text")?;
        let start = cursor.offset();
        if !matches!({ *cursor }.head()?, Head::Map(_)) {
            return Err(Flaw::Damaged("holds an object that is not a map"));
        }
        cursor.skip()?;
        let length = cursor.offset();
        Ok(Self {
            length,
            topic,
            key: 0..0,
            value: Some(start..length),
            partition: None,
            offset: None,
            timestamp_ms: None,
        })
    }

    /// The name of the record's topic; `bytes` are all of the record.
    pub(crate) fn topic_of<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        &bytes[self.topic.clone()]
    }

    /// The record, from all of its bytes. `None` if its topic is not UTF-8.
    pub(crate) fn frame_of<'a>(&self, bytes: &'a [u8]) -> Option<Frame<'a>> {
        Some(Frame {
            topic: std::str::from_utf8(&bytes[self.topic.clone()]).ok()?,
            key: &bytes[self.key.clone()],
            value: self.value.clone().map(|range| &bytes[range]),
            partition: self.partition,
            offset: self.offset,
            timestamp_ms: self.timestamp_ms,
        })
    }
}

const BAD_PARTITION: Flaw =
    Flaw::Damaged("holds a record whose partition is not an integer of 32 bits");
const BAD_OFFSET: Flaw = Flaw::Damaged("holds a record whose offset is not a positive integer");
const BAD_TIMESTAMP: Flaw =
    Flaw::Damaged("holds a record whose timestamp is not an integer of 64 bits");

fn text(cursor: &mut Cursor<'_>, otherwise: &'static str) -> Result<Range<usize>, Flaw> {
    match cursor.head()? {
        Head::Str(length) => span(cursor, length),
        _ => Err(Flaw::Damaged(otherwise)),
    }
}

fn binary(cursor: &mut Cursor<'_>, otherwise: &'static str) -> Result<Option<Range<usize>>, Flaw> {
    match cursor.head()? {
        Head::Nil => Ok(None),
        Head::Bin(length) => span(cursor, length).map(Some),
        _ => Err(Flaw::Damaged(otherwise)),
    }
}

fn span(cursor: &mut Cursor<'_>, length: u32) -> Result<Range<usize>, Flaw> {
    let start = cursor.offset();
    let end = start + length as usize;
    cursor
        .bytes(length)
        .map_err(|_| Flaw::Incomplete { needed: end })?;
    Ok(start..end)
}

/// The topic or object type of an incomplete record, for messages.
pub(crate) fn topic_of_part(bytes: &[u8]) -> Option<String> {
    let mut cursor = Cursor::new(bytes);
    let Ok(Head::Array(_)) = cursor.head() else {
        return None;
    };
    let topic = text(&mut cursor, "").ok()?;
    let name = std::str::from_utf8(&bytes[topic]).ok()?;
    is_topic_name(name).then(|| name.to_owned())
}
