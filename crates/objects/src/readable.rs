//! An object as people read it: read from msgpack while it is serialized, without a tree in between.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt::{self, Display, Formatter};

use journal_msgpack::{Fault, Item, Walker};
use serde::ser::{Error as _, SerializeMap as _, SerializeSeq as _};
use serde::{Serialize, Serializer};

use crate::integer::decimal;

/// The extension of msgpack that is a time.
const TIME: i8 = -1;

/// The name of a newtype that rmp-serde writes as an extension: a type and its bytes.
const EXTENSION: &str = "_ExtStruct";

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

/// Why bytes are not the msgpack of one object.
#[derive(Clone, Copy, Debug)]
enum Malformed {
    Msgpack(Fault),
    TrailingBytes,
    TooDeep,
    KeyWithParts,
}

impl From<Fault> for Malformed {
    fn from(fault: Fault) -> Self {
        Self::Msgpack(fault)
    }
}

impl Display for Malformed {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Msgpack(Fault::Incomplete) => "the value ends early",
            Self::Msgpack(Fault::Reserved) => "the value has a byte that msgpack reserves",
            Self::TrailingBytes => "the value goes on after its end",
            Self::TooDeep => "the value is nested too deeply",
            Self::KeyWithParts => "the value has a list or map as the key of a map",
        })
    }
}

/// The value of a record, which serializes to all of its fields in their order: text where bytes are text for people,
/// hexadecimal digits for identifiers, RFC 3339 for times.
///
/// A value that is not exactly one msgpack document, is nested deeper than 64 levels, or has an array or a map as a key,
/// cannot be serialized.
///
/// ```
/// use journal_objects::Readable;
///
/// let value = b"\x82\xa2id\xc4\x02ab\xa3url\xc4\x02ab"; // {"id": b"ab", "url": b"ab"}
/// assert_eq!(serde_json::to_string(&Readable::new(value))?, r#"{"id":"6162","url":"ab"}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Readable<'a> {
    value: &'a [u8],
}

impl<'a> Readable<'a> {
    /// The object that is encoded so. Nothing is read yet.
    #[must_use]
    pub fn new(value: &'a [u8]) -> Self {
        Self { value }
    }
}

impl Serialize for Readable<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let reader = Reader {
            walker: Cell::new(Walker::new(self.value)),
        };
        let part = Part {
            reader: &reader,
            bytes: BytesAre::Text,
            depth: 0,
        };
        let done = part.serialize(serializer)?;
        if reader.walker.get().is_at_end() {
            Ok(done)
        } else {
            Err(S::Error::custom(Malformed::TrailingBytes))
        }
    }
}

/// Where the value is read; shared by all of its parts, which serde only borrows.
struct Reader<'a> {
    walker: Cell<Walker<'a>>,
}

impl<'a> Reader<'a> {
    fn item(&self) -> Result<Item<'a>, Malformed> {
        let mut walker = self.walker.get();
        let item = walker.item()?;
        self.walker.set(walker);
        Ok(item)
    }

    /// The next items, which are not taken.
    fn peek<const N: usize>(&self) -> Result<[Item<'a>; N], Malformed> {
        let mut walker = self.walker.get();
        let mut items = [Item::Nil; N];
        for item in &mut items {
            *item = walker.item()?;
        }
        Ok(items)
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
        match self.reader.item().map_err(S::Error::custom)? {
            Item::Nil => serializer.serialize_unit(),
            Item::Bool(value) => serializer.serialize_bool(value),
            Item::Uint(value) => serializer.serialize_u64(value),
            Item::Int(value) => serializer.serialize_i64(value),
            Item::F32(value) => print_float(value.into(), serializer),
            Item::F64(value) => print_float(value, serializer),
            Item::Str(bytes) => print_bytes(bytes, BytesAre::Text, serializer),
            Item::Bin(bytes) => print_bytes(bytes, self.bytes, serializer),
            Item::Array(length) => self.array(length, serializer),
            Item::Map(length) => self.map(length, serializer),
            Item::Ext(kind, data) => print_extension(kind, data, serializer),
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
                .item()
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
            Ok([Item::Bin(_), Item::Str(b"target_type"), Item::Str(b"alias")])
        )
    }

    fn next_is_alias(&self) -> bool {
        matches!(self.reader.peek(), Ok([Item::Str(b"alias")]))
    }

    /// Takes the two entries of a map that old records have for a time, and answers with its text.
    fn old_time(&self) -> Result<Option<&'a [u8]>, Malformed> {
        let ([Item::Bin(b"swhtype"), kind, Item::Bin(b"d"), time]
        | [Item::Bin(b"d"), time, Item::Bin(b"swhtype"), kind]) = self.reader.peek()?
        else {
            return Ok(None);
        };
        let (Item::Str(b"datetime"), Item::Str(time)) = (kind, time) else {
            return Ok(None);
        };
        for _ in 0..4 {
            self.reader.item()?;
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
    Bytes(bytes).serialize(serializer)
}

/// Bytes that are not text: bytes in msgpack, and hexadecimal digits in JSON.
struct Bytes<'a>(&'a [u8]);

impl Display for Bytes<'_> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        // In chunks, because bytes may be as large as a record.
        for chunk in self.0.chunks(32) {
            let mut digits = [0; 64];
            let digits = &mut digits[..2 * chunk.len()];
            let written = const_hex::encode_to_slice(chunk, digits);
            debug_assert!(written.is_ok(), "there is room for two digits a byte");
            formatter.write_str(str::from_utf8(digits).map_err(|_| fmt::Error)?)?;
        }
        Ok(())
    }
}

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_bytes(self.0)
        }
    }
}

/// What JSON has no number for becomes its name: `NaN`, `inf`, `-inf`.
fn print_float<S: Serializer>(value: f64, serializer: S) -> Result<S::Ok, S::Error> {
    if value.is_finite() {
        serializer.serialize_f64(value)
    } else {
        serializer.collect_str(&value)
    }
}

/// Times stay times, which the host prints as RFC 3339; large integers become decimal digits.
fn print_extension<S: Serializer>(kind: i8, data: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    if let Some(time) = time_text(kind, data) {
        if serializer.is_human_readable() {
            return serializer.serialize_str(&time);
        }
        return serializer.serialize_newtype_struct(EXTENSION, &(kind, RawBytes(data)));
    }
    if let Some(digits) = readable_integer(kind, data) {
        return serializer.serialize_str(&digits);
    }
    let mut map = serializer.serialize_map(Some(2))?;
    map.serialize_entry("extension", &kind)?;
    map.serialize_entry("data", &Bytes(data))?;
    map.end()
}

/// Bytes that stay bytes in the tuple of an extension.
struct RawBytes<'a>(&'a [u8]);

impl Serialize for RawBytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

/// The text of a time that a row can hold.
fn time_text(kind: i8, data: &[u8]) -> Option<String> {
    if kind != TIME {
        return None;
    }
    let (seconds, nanoseconds) = journal_msgpack::timestamp(data)?;
    journal_rows::time_text(seconds, nanoseconds)
}

fn readable_integer(kind: i8, data: &[u8]) -> Option<String> {
    match kind {
        1 => decimal(false, data),
        2 => decimal(true, data),
        _ => None,
    }
}

/// A map's key as text, which keys of rows must be.
fn key_text(key: Item<'_>) -> Result<Cow<'_, str>, Malformed> {
    Ok(match key {
        Item::Str(bytes) | Item::Bin(bytes) => match str::from_utf8(bytes) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => Cow::Owned(Bytes(bytes).to_string()),
        },
        Item::Nil => Cow::Borrowed("null"),
        Item::Bool(value) => Cow::Owned(value.to_string()),
        Item::Uint(value) => Cow::Owned(value.to_string()),
        Item::Int(value) => Cow::Owned(value.to_string()),
        Item::F32(value) => Cow::Owned(f64::from(value).to_string()),
        Item::F64(value) => Cow::Owned(value.to_string()),
        Item::Ext(kind, data) => Cow::Owned(
            time_text(kind, data)
                .or_else(|| readable_integer(kind, data))
                .unwrap_or_else(|| Bytes(data).to_string()),
        ),
        Item::Array(_) | Item::Map(_) => return Err(Malformed::KeyWithParts),
    })
}
