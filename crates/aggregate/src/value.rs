//! The values of columns.

use std::cmp::Ordering;
use std::fmt::{self, Display, Formatter};

use journal_msgpack::{Cursor, Fault, Head};
use rmp::encode;

/// A value of a column. `B` holds the bytes of texts and bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<B> {
    /// No value: merging it changes nothing, except where the latest value is kept.
    Nothing,
    /// A truth value, which only columns with the latest value have.
    Bool(bool),
    /// A non-negative integer.
    Unsigned(u64),
    /// A negative integer.
    Negative(i64),
    /// A float.
    Float(f64),
    /// A text, in UTF-8.
    Text(B),
    /// Bytes.
    Bytes(B),
    /// A time: msgpack's extension -1.
    Time {
        /// Seconds since 1970-01-01T00:00:00Z, rounded down.
        seconds: i64,
        /// Nanoseconds after the second.
        nanoseconds: u32,
    },
}

/// The range of a text in the texts of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// The range from `start` to the end of `texts`. `None` above 4 GiB.
    pub(crate) fn since(start: usize, texts: &[u8]) -> Option<Self> {
        Some(Self {
            start: u32::try_from(start).ok()?,
            end: u32::try_from(texts.len()).ok()?,
        })
    }

    pub(crate) fn of(self, texts: &[u8]) -> &[u8] {
        &texts[self.start as usize..self.end as usize]
    }
}

/// The type of a value. All values of a column have the same type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Truth values.
    Bool,
    /// Integers.
    Integer,
    /// Floats.
    Float,
    /// Texts.
    Text,
    /// Bytes.
    Bytes,
    /// Times.
    Time,
}

impl Display for Kind {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Bool => "a boolean",
            Self::Integer => "an integer",
            Self::Float => "a float",
            Self::Text => "a text",
            Self::Bytes => "bytes",
            Self::Time => "a time",
        })
    }
}

impl<B> Value<B> {
    /// The type, or `None` for no value.
    #[inline]
    pub(crate) fn kind(&self) -> Option<Kind> {
        Some(match self {
            Self::Nothing => return None,
            Self::Bool(_) => Kind::Bool,
            Self::Unsigned(_) | Self::Negative(_) => Kind::Integer,
            Self::Float(_) => Kind::Float,
            Self::Text(_) => Kind::Text,
            Self::Bytes(_) => Kind::Bytes,
            Self::Time { .. } => Kind::Time,
        })
    }

    #[inline]
    pub(crate) fn is_integer_or_nothing(&self) -> bool {
        matches!(self, Self::Nothing | Self::Unsigned(_) | Self::Negative(_))
    }

    /// An integer of either sign.
    #[inline]
    #[must_use]
    pub fn integer(number: i64) -> Self {
        u64::try_from(number).map_or(Self::Negative(number), Self::Unsigned)
    }

    /// An integer, or `None` if it does not fit into 64 bits.
    #[must_use]
    pub fn wide_integer(number: i128) -> Option<Self> {
        let negative = || i64::try_from(number).ok().map(Self::Negative);
        u64::try_from(number)
            .ok()
            .map(Self::Unsigned)
            .or_else(negative)
    }

    fn as_wide_integer(&self) -> Option<i128> {
        match *self {
            Self::Unsigned(number) => Some(number.into()),
            Self::Negative(number) => Some(number.into()),
            _ => None,
        }
    }

    /// The sum of two integers, either of which may be missing. `None` if it does not fit into 64 bits.
    #[inline]
    pub(crate) fn sum(&self, more: Value<Span>) -> Option<Value<Span>> {
        match (self, more) {
            (Self::Unsigned(one), Value::Unsigned(two)) => {
                one.checked_add(two).map(Value::Unsigned)
            }
            (Self::Nothing, more) => Some(more),
            (one, two) => match (one.as_wide_integer(), two.as_wide_integer()) {
                (Some(one), Some(two)) => Value::wide_integer(one + two),
                (Some(one), None) => Value::wide_integer(one),
                (None, _) => Some(two),
            },
        }
    }
}

impl Value<Box<[u8]>> {
    /// Compares `other`, of the same type, with this value: floats in their total order, texts and bytes byte by byte.
    pub(crate) fn compare(&self, other: Value<Span>, texts: &[u8]) -> Ordering {
        match (self, other) {
            (Self::Bool(one), Value::Bool(two)) => two.cmp(one),
            (Self::Float(one), Value::Float(two)) => two.total_cmp(one),
            (Self::Text(one), Value::Text(two)) | (Self::Bytes(one), Value::Bytes(two)) => {
                two.of(texts).cmp(one)
            }
            (
                &Self::Time {
                    seconds,
                    nanoseconds,
                },
                Value::Time {
                    seconds: other_seconds,
                    nanoseconds: other_nanoseconds,
                },
            ) => (other_seconds, other_nanoseconds).cmp(&(seconds, nanoseconds)),
            (one, two) => two.as_wide_integer().cmp(&one.as_wide_integer()),
        }
    }

    /// The same where either may be missing: no value is less than any value.
    pub(crate) fn compare_any(&self, other: Value<Span>, texts: &[u8]) -> Ordering {
        match (self, other) {
            (Self::Nothing, Value::Nothing) => Ordering::Equal,
            (Self::Nothing, _) => Ordering::Greater,
            (_, Value::Nothing) => Ordering::Less,
            _ => self.compare(other, texts),
        }
    }

    /// Copies a value whose bytes are in `texts`.
    pub(crate) fn own(value: Value<Span>, texts: &[u8]) -> Self {
        match value {
            Value::Nothing => Self::Nothing,
            Value::Bool(value) => Self::Bool(value),
            Value::Unsigned(number) => Self::Unsigned(number),
            Value::Negative(number) => Self::Negative(number),
            Value::Float(number) => Self::Float(number),
            Value::Text(span) => Self::Text(span.of(texts).into()),
            Value::Bytes(span) => Self::Bytes(span.of(texts).into()),
            Value::Time {
                seconds,
                nanoseconds,
            } => Self::Time {
                seconds,
                nanoseconds,
            },
        }
    }

    /// The bytes that it has on the heap.
    pub(crate) fn outside_bytes(&self) -> usize {
        match self {
            Self::Text(bytes) | Self::Bytes(bytes) => bytes.len(),
            _ => 0,
        }
    }

    /// Appends the value as msgpack.
    pub(crate) fn write(&self, row: &mut Vec<u8>) {
        // Writing to memory does not fail.
        match self {
            Self::Nothing => row.push(0xc0),
            &Self::Bool(value) => drop(encode::write_bool(row, value)),
            &Self::Unsigned(number) => drop(encode::write_uint(row, number)),
            &Self::Negative(number) => drop(encode::write_sint(row, number)),
            &Self::Float(number) => drop(encode::write_f64(row, number)),
            Self::Text(text) => {
                drop(encode::write_str_len(row, length(text)));
                row.extend_from_slice(text);
            }
            Self::Bytes(bytes) => {
                drop(encode::write_bin_len(row, length(bytes)));
                row.extend_from_slice(bytes);
            }
            Self::Time {
                seconds,
                nanoseconds,
            } => {
                drop(encode::write_ext_meta(row, 12, -1));
                row.extend_from_slice(&nanoseconds.to_be_bytes());
                row.extend_from_slice(&seconds.to_be_bytes());
            }
        }
    }
}

fn length(bytes: &[u8]) -> u32 {
    // A span is at most 4 GiB long.
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

/// Why a msgpack value is not a value of a column.
pub(crate) enum NoValue {
    Msgpack(Fault),
    /// It is something else.
    Other(&'static str),
}

impl From<Fault> for NoValue {
    fn from(fault: Fault) -> Self {
        Self::Msgpack(fault)
    }
}

impl Value<Span> {
    /// Reads one msgpack value. The bytes of texts are appended to `texts`.
    pub(crate) fn read(cursor: &mut Cursor<'_>, texts: &mut Vec<u8>) -> Result<Self, NoValue> {
        Ok(match cursor.head()? {
            Head::Nil => Self::Nothing,
            Head::Uint(number) => Self::Unsigned(number),
            Head::Int(number) => Self::integer(number),
            Head::F32(number) => Self::Float(number.into()),
            Head::F64(number) => Self::Float(number),
            Head::Str(length) => Self::Text(take(cursor.bytes(length)?, texts)?),
            Head::Bin(length) => Self::Bytes(take(cursor.bytes(length)?, texts)?),
            Head::Ext(-1, length) => {
                time(cursor.bytes(length)?).ok_or(NoValue::Other("a malformed time"))?
            }
            Head::Ext(..) => return Err(NoValue::Other("an extension that is not a time")),
            Head::Bool(value) => Self::Bool(value),
            Head::Array(_) => return Err(NoValue::Other("a list")),
            Head::Map(_) => return Err(NoValue::Other("a map")),
        })
    }
}

fn take(bytes: &[u8], texts: &mut Vec<u8>) -> Result<Span, NoValue> {
    let start = texts.len();
    texts.extend_from_slice(bytes);
    Span::since(start, texts).ok_or(NoValue::Other("more than 4 GiB"))
}

/// Reads the three formats of msgpack timestamps.
fn time(bytes: &[u8]) -> Option<Value<Span>> {
    let (seconds, nanoseconds) = match bytes.len() {
        4 => (u32::from_be_bytes(bytes.try_into().ok()?).into(), 0),
        8 => {
            let both = u64::from_be_bytes(bytes.try_into().ok()?);
            let seconds = i64::try_from(both & ((1 << 34) - 1)).ok()?;
            (seconds, u32::try_from(both >> 34).ok()?)
        }
        12 => {
            let (nanoseconds, seconds) = bytes.split_first_chunk()?;
            let seconds = i64::from_be_bytes(seconds.try_into().ok()?);
            (seconds, u32::from_be_bytes(*nanoseconds))
        }
        _ => return None,
    };
    (nanoseconds < 1_000_000_000).then_some(Value::Time {
        seconds,
        nanoseconds,
    })
}
