//! Bytes and identifiers in rows and values, as msgpack bin instead of lists of numbers.

use std::borrow::Cow;
use std::fmt::{self, Debug, Display, Formatter};
use std::ops::Deref;
use std::str::FromStr;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes, borrowed if possible: msgpack bin in rows and values, lowercase hexadecimal in JSON.
///
/// In a struct that derives `Deserialize`, borrow them with `#[serde(borrow)]`.
///
/// ```
/// use journal_plugin_sdk::Bytes;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Entry<'a> {
///     #[serde(borrow)]
///     name: Bytes<'a>,
/// }
/// ```
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes<'a>(pub Cow<'a, [u8]>);

impl Bytes<'_> {
    /// The same bytes, owned.
    ///
    /// ```
    /// use journal_plugin_sdk::Bytes;
    ///
    /// let name = String::from("main.rs");
    /// let kept: Bytes<'static> = Bytes::from(name.as_bytes()).into_owned();
    /// drop(name);
    /// assert_eq!(kept.text(), "main.rs");
    /// ```
    #[must_use]
    pub fn into_owned(self) -> Bytes<'static> {
        Bytes(Cow::Owned(self.0.into_owned()))
    }

    /// The bytes as text for people. Bytes that are not UTF-8 become the replacement character.
    ///
    /// Different bytes may give the same text, so group and compare by the bytes.
    ///
    /// ```
    /// use journal_plugin_sdk::Bytes;
    ///
    /// assert_eq!(Bytes::from(b"Zo\xc3\xab").text(), "Zoë");
    /// assert_eq!(Bytes::from(b"Zo\xeb").text(), "Zo\u{fffd}");
    /// ```
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }
}

impl Deref for Bytes<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl<'a> From<&'a [u8]> for Bytes<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self(Cow::Borrowed(bytes))
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Bytes<'a> {
    fn from(bytes: &'a [u8; N]) -> Self {
        Self(Cow::Borrowed(bytes))
    }
}

impl<'a> From<Cow<'a, [u8]>> for Bytes<'a> {
    fn from(bytes: Cow<'a, [u8]>) -> Self {
        Self(bytes)
    }
}

impl From<Vec<u8>> for Bytes<'_> {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Cow::Owned(bytes))
    }
}

impl Display for Bytes<'_> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, formatter)
    }
}

impl Debug for Bytes<'_> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "Bytes({self})")
    }
}

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize(&self.0, serializer)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Bytes<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize(deserializer).map(Bytes)
    }
}

/// The identifier of an object: 20 bytes, msgpack bin in rows and values, lowercase hexadecimal in text and JSON.
///
/// ```
/// use journal_plugin_sdk::Id;
///
/// let id: Id = "8624bcdae55baeef00cd11d5dfcfa60f68710a02".parse()?;
/// assert_eq!(id.as_bytes()[0], 0x86);
/// # Ok::<(), journal_plugin_sdk::NotAnId>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(pub [u8; 20]);

impl Id {
    /// The bytes.
    ///
    /// ```
    /// assert_eq!(journal_plugin_sdk::Id([7; 20]).as_bytes(), &[7; 20]);
    /// ```
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }
}

impl TryFrom<&[u8]> for Id {
    type Error = NotAnId;

    fn try_from(bytes: &[u8]) -> Result<Self, NotAnId> {
        bytes.try_into().map(Self).map_err(|_| NotAnId)
    }
}

impl FromStr for Id {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        Self::try_from(parse_hex(text).ok_or(NotAnId)?.as_slice())
    }
}

impl Display for Id {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, formatter)
    }
}

impl Debug for Id {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "Id({self})")
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize(&self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = deserialize(deserializer)?;
        Self::try_from(&*bytes).map_err(de::Error::custom)
    }
}

/// The error of converting a value that is not an identifier.
///
/// ```
/// use journal_plugin_sdk::{Id, NotAnId};
///
/// assert_eq!("8624".parse::<Id>(), Err(NotAnId));
/// assert_eq!(NotAnId.to_string(), "an identifier is 20 bytes, or 40 hexadecimal digits");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAnId;

impl Display for NotAnId {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str("an identifier is 20 bytes, or 40 hexadecimal digits")
    }
}

impl std::error::Error for NotAnId {}

fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    if serializer.is_human_readable() {
        serializer.collect_str(&Bytes::from(bytes))
    } else {
        serializer.serialize_bytes(bytes)
    }
}

fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'de, [u8]>, D::Error> {
    if deserializer.is_human_readable() {
        // JSON has only texts. `any` distinguishes them from bytes.
        deserializer.deserialize_any(BytesVisitor { text_is_hex: true })
    } else {
        deserializer.deserialize_bytes(BytesVisitor { text_is_hex: false })
    }
}

/// Takes raw bytes even if the format is human-readable: serde's buffer for flattened fields always says so.
struct BytesVisitor {
    /// Otherwise a text is read as its bytes: old records have texts instead of bytes.
    text_is_hex: bool,
}

impl<'de> Visitor<'de> for BytesVisitor {
    type Value = Cow<'de, [u8]>;

    fn expecting(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str("bytes")
    }

    fn visit_borrowed_bytes<E>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(bytes))
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Self::Value, E> {
        Ok(Cow::Owned(bytes.to_owned()))
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
        if self.text_is_hex {
            self.visit_str(text)
        } else {
            Ok(Cow::Borrowed(text.as_bytes()))
        }
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        if !self.text_is_hex {
            return Ok(Cow::Owned(text.as_bytes().to_owned()));
        }
        let bytes = parse_hex(text).ok_or_else(|| E::custom("not hexadecimal digits"))?;
        Ok(Cow::Owned(bytes))
    }
}

fn write_hex(bytes: &[u8], formatter: &mut Formatter<'_>) -> fmt::Result {
    // Digits are written in chunks: one call of the formatter per digit takes ten times as long.
    for run in bytes.chunks(32) {
        let mut text = [0; 64];
        let text = &mut text[..run.len() * 2];
        write_digits(run, text);
        let text = str::from_utf8(text).map_err(|_| fmt::Error)?;
        formatter.write_str(text)?;
    }
    Ok(())
}

/// Writes two digits for each byte. `digits` must be exactly that long.
#[inline]
pub(crate) fn write_digits(bytes: &[u8], digits: &mut [u8]) {
    let written = const_hex::encode_to_slice(bytes, digits);
    debug_assert!(written.is_ok(), "two digits for each byte");
}

fn parse_hex(text: &str) -> Option<Vec<u8>> {
    // The crate would pass over a `0x` in front.
    if text.starts_with("0x") {
        return None;
    }
    let mut bytes = vec![0; text.len() / 2];
    const_hex::decode_to_slice(text, &mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "8624bcdae55baeef00cd11d5dfcfa60f68710a02";

    #[test]
    fn bytes_are_bin_in_msgpack_and_borrow_from_it() {
        let encoded = rmp_serde::to_vec_named(&Bytes::from(&b"ab"[..])).unwrap();
        assert_eq!(encoded, [0xc4, 2, b'a', b'b']);
        let decoded: Bytes<'_> = rmp_serde::from_slice(&encoded).unwrap();
        assert!(matches!(decoded.0, Cow::Borrowed(b"ab")));
    }

    #[test]
    fn text_instead_of_bytes_is_read_as_its_bytes() {
        let encoded = rmp_serde::to_vec_named("ab").unwrap();
        let decoded: Bytes<'_> = rmp_serde::from_slice(&encoded).unwrap();
        assert_eq!(&*decoded, b"ab");
    }

    #[test]
    fn bytes_and_times_are_read_in_flattened_fields_too() {
        #[derive(Serialize, Deserialize, PartialEq, Debug)]
        struct Inner {
            id: Id,
            time: crate::Timestamp,
        }
        #[derive(Serialize, Deserialize, PartialEq, Debug)]
        struct Outer {
            #[serde(flatten)]
            inner: Inner,
        }
        let inner = Inner {
            id: Id([7; 20]),
            time: crate::Timestamp::from_millis(-1),
        };
        let outer = Outer { inner };
        let encoded = rmp_serde::to_vec_named(&outer).unwrap();
        assert_eq!(rmp_serde::from_slice::<Outer>(&encoded).unwrap(), outer);
    }

    #[test]
    fn ids_are_bin_in_msgpack_and_hex_in_json() {
        let id: Id = HEX.parse().unwrap();
        let encoded = rmp_serde::to_vec_named(&id).unwrap();
        assert_eq!(encoded[..2], [0xc4, 20]);
        assert_eq!(rmp_serde::from_slice::<Id>(&encoded).unwrap(), id);
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(json, format!("\"{HEX}\""));
        assert_eq!(serde_json::from_str::<Id>(&json).unwrap(), id);
    }

    #[test]
    fn hex_has_two_digits_for_every_byte() {
        let bytes: Vec<u8> = (0..=255).collect();
        for length in [0, 1, 31, 32, 33, 64, 256] {
            let digits: Vec<_> = (0..length).map(|byte| format!("{byte:02x}")).collect();
            let expected = digits.concat();
            assert_eq!(Bytes::from(&bytes[..length]).to_string(), expected);
        }
    }

    #[test]
    fn identifier_of_another_length_is_an_error() {
        let encoded = rmp_serde::to_vec_named(&Bytes::from(&b"ab"[..])).unwrap();
        assert!(rmp_serde::from_slice::<Id>(&encoded).is_err());
        assert_eq!("86".parse::<Id>(), Err(NotAnId));
        assert_eq!(format!("0x{HEX}").parse::<Id>(), Err(NotAnId));
        assert_eq!(format!("0x{}", &HEX[2..]).parse::<Id>(), Err(NotAnId));
        assert_eq!(HEX[1..].parse::<Id>(), Err(NotAnId));
        assert_eq!(HEX.to_uppercase().parse::<Id>(), HEX.parse());
        assert_eq!(HEX.replace('8', "x").parse::<Id>(), Err(NotAnId));
    }
}
