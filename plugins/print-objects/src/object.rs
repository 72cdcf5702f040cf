//! An object as it is printed: read from msgpack while it is serialized, without a tree in between.

use std::borrow::Cow;
use std::cell::Cell;

use journal_plugin_sdk::{Bytes, Timestamp};
use serde::ser::{Error as _, SerializeMap as _, SerializeSeq as _};
use serde::{Serialize, Serializer};

use crate::integer::decimal;
use crate::msgpack::{Cursor, Head, Malformed};

/// Lists and maps may be nested this deep.
const MAX_DEPTH: u32 = 64;

/// Whether the bytes of this field are an identifier, and stay bytes whatever they look like.
fn is_identifier(field: &str) -> bool {
    matches!(
        field,
        "blake2s256"
            | "directory"
            | "extid"
            | "id"
            | "parents"
            | "payload"
            | "release"
            | "revision"
            | "sha1"
            | "sha1_git"
            | "sha256"
            | "snapshot"
            | "target"
    )
}

/// The value of a record.
pub(crate) struct Object<'a> {
    value: &'a [u8],
}

impl<'a> Object<'a> {
    pub(crate) fn new(value: &'a [u8]) -> Self {
        Self { value }
    }
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let reader = Reader {
            left: Cell::new(self.value),
        };
        let part = Part {
            reader: &reader,
            bytes: BytesAre::Text,
            depth: 0,
        };
        let done = part.serialize(serializer)?;
        if reader.left.get().is_empty() {
            Ok(done)
        } else {
            Err(S::Error::custom(Malformed::TrailingBytes))
        }
    }
}

/// What is left of the value; shared by all of its parts, which serde only borrows.
struct Reader<'a> {
    left: Cell<&'a [u8]>,
}

impl<'a> Reader<'a> {
    fn head(&self) -> Result<Head<'a>, Malformed> {
        let mut cursor = Cursor(self.left.get());
        let head = cursor.head()?;
        self.left.set(cursor.0);
        Ok(head)
    }

    /// The next values, which are not taken.
    fn peek<const N: usize>(&self) -> Result<[Head<'a>; N], Malformed> {
        let mut cursor = Cursor(self.left.get());
        let mut heads = [Head::Nil; N];
        for head in &mut heads {
            *head = cursor.head()?;
        }
        Ok(heads)
    }
}

/// What bytes mean, which depends on the field that they stand in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BytesAre {
    /// For people, where they are UTF-8.
    Text,
    /// Never for people.
    Identifier,
}

/// The next part of an object, whatever it is. It can be serialized once.
struct Part<'r, 'a> {
    reader: &'r Reader<'a>,
    bytes: BytesAre,
    depth: u32,
}

impl Serialize for Part<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.reader.head().map_err(S::Error::custom)? {
            Head::Nil => serializer.serialize_unit(),
            Head::Bool(value) => serializer.serialize_bool(value),
            Head::Unsigned(value) => serializer.serialize_u64(value),
            Head::Signed(value) => serializer.serialize_i64(value),
            Head::Float(value) if value.is_finite() => serializer.serialize_f64(value),
            Head::Float(value) => serializer.collect_str(&value),
            Head::Text(bytes) => print_bytes(bytes, BytesAre::Text, serializer),
            Head::Bytes(bytes) => print_bytes(bytes, self.bytes, serializer),
            Head::Array(length) => self.array(length, serializer),
            Head::Map(length) => self.map(length, serializer),
            Head::Extension(kind, data) => print_extension(kind, data, serializer),
        }
    }
}

impl<'a> Part<'_, 'a> {
    fn array<S: Serializer>(&self, length: u32, serializer: S) -> Result<S::Ok, S::Error> {
        let item = self.below(self.bytes).map_err(S::Error::custom)?;
        let mut list = serializer.serialize_seq(Some(length as usize))?;
        for _ in 0..length {
            list.serialize_element(&item)?;
        }
        list.end()
    }

    fn map<S: Serializer>(&self, length: u32, serializer: S) -> Result<S::Ok, S::Error> {
        if length == 2
            && let Some(time) = self.old_time().map_err(S::Error::custom)?
        {
            return print_bytes(time, BytesAre::Text, serializer);
        }
        let mut map = serializer.serialize_map(Some(length as usize))?;
        let mut is_alias = false;
        for _ in 0..length {
            let key = self
                .reader
                .head()
                .and_then(key_text)
                .map_err(S::Error::custom)?;
            let bytes = match &*key {
                "target" if is_alias || self.is_before_alias() => BytesAre::Text,
                key if is_identifier(key) => BytesAre::Identifier,
                _ => BytesAre::Text,
            };
            is_alias |= key == "target_type" && self.next_is_alias();
            map.serialize_entry(&*key, &self.below(bytes).map_err(S::Error::custom)?)?;
        }
        map.end()
    }

    /// What stands in this part.
    fn below(&self, bytes: BytesAre) -> Result<Self, Malformed> {
        if self.depth == MAX_DEPTH {
            return Err(Malformed::TooDeep);
        }
        Ok(Self {
            reader: self.reader,
            bytes,
            depth: self.depth + 1,
        })
    }

    /// Whether the next three values are a target and then its type, `alias`: such a target is the name of a
    /// branch, and no identifier.
    fn is_before_alias(&self) -> bool {
        matches!(
            self.reader.peek(),
            Ok([
                Head::Bytes(_),
                Head::Text(b"target_type"),
                Head::Text(b"alias")
            ])
        )
    }

    fn next_is_alias(&self) -> bool {
        matches!(self.reader.peek(), Ok([Head::Text(b"alias")]))
    }

    /// Takes the two entries of a map that old records have for a time, and answers with its text.
    fn old_time(&self) -> Result<Option<&'a [u8]>, Malformed> {
        let ([Head::Bytes(b"swhtype"), kind, Head::Bytes(b"d"), time]
        | [Head::Bytes(b"d"), time, Head::Bytes(b"swhtype"), kind]) = self.reader.peek()?
        else {
            return Ok(None);
        };
        let (Head::Text(b"datetime"), Head::Text(time)) = (kind, time) else {
            return Ok(None);
        };
        for _ in 0..4 {
            self.reader.head()?;
        }
        Ok(Some(time))
    }
}

/// Text where the bytes are text for people; otherwise bytes, which the host prints as hexadecimal digits.
fn print_bytes<S: Serializer>(
    bytes: &[u8],
    are: BytesAre,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    if are == BytesAre::Text
        && let Ok(text) = str::from_utf8(bytes)
    {
        return serializer.serialize_str(text);
    }
    Bytes::from(bytes).serialize(serializer)
}

/// Times stay times, which the host prints as RFC 3339; large integers become decimal digits.
fn print_extension<S: Serializer>(kind: i8, data: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    if let Some(time) = readable_time(kind, data) {
        return time.serialize(serializer);
    }
    if let Some(digits) = readable_integer(kind, data) {
        return serializer.serialize_str(&digits);
    }
    let mut map = serializer.serialize_map(Some(2))?;
    map.serialize_entry("extension", &kind)?;
    map.serialize_entry("data", &Bytes::from(data))?;
    map.end()
}

fn readable_time(kind: i8, data: &[u8]) -> Option<Timestamp> {
    let time = if kind == -1 {
        Timestamp::from_msgpack(data)?
    } else {
        return None;
    };
    time.has_four_digit_year().then_some(time)
}

fn readable_integer(kind: i8, data: &[u8]) -> Option<String> {
    match kind {
        1 => decimal(false, data),
        2 => decimal(true, data),
        _ => None,
    }
}

/// A map's key as text, which keys of rows must be.
fn key_text(key: Head<'_>) -> Result<Cow<'_, str>, Malformed> {
    Ok(match key {
        Head::Text(bytes) | Head::Bytes(bytes) => match str::from_utf8(bytes) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => Cow::Owned(Bytes::from(bytes).to_string()),
        },
        Head::Nil => Cow::Borrowed("null"),
        Head::Bool(value) => Cow::Owned(value.to_string()),
        Head::Unsigned(value) => Cow::Owned(value.to_string()),
        Head::Signed(value) => Cow::Owned(value.to_string()),
        Head::Float(value) => Cow::Owned(value.to_string()),
        Head::Extension(kind, data) => Cow::Owned(
            readable_time(kind, data)
                .map(|time| time.to_string())
                .or_else(|| readable_integer(kind, data))
                .unwrap_or_else(|| Bytes::from(data).to_string()),
        ),
        Head::Array(_) | Head::Map(_) => return Err(Malformed::KeyWithParts),
    })
}
