//! Times in rows and values: msgpack extension -1.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::calendar::{self, CalendarTime};

/// The name of a newtype that rmp-serde writes as an extension: a type and its bytes.
const EXTENSION: &str = rmp_serde::MSGPACK_EXT_STRUCT_NAME;
const EXTENSION_TYPE: i8 = -1;
const NANOSECONDS: u32 = 1_000_000_000;

/// A time in UTC: msgpack extension -1 in rows and values, RFC 3339 in text and JSON.
///
/// ```
/// use journal_plugin_sdk::Timestamp;
///
/// let time = Timestamp::new(1_700_000_000, 500_000_000).unwrap();
/// assert_eq!(time.to_string(), "2023-11-14T22:13:20.5Z");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    seconds: i64,
    nanoseconds: u32,
}

impl Timestamp {
    /// Creates a time from seconds since 1970-01-01T00:00:00Z and nanoseconds after the second. Returns `None` if the
    /// nanoseconds are a second or more.
    ///
    /// ```
    /// use journal_plugin_sdk::Timestamp;
    ///
    /// assert!(Timestamp::new(1_700_000_000, 999_999_999).is_some());
    /// assert!(Timestamp::new(1_700_000_000, 1_000_000_000).is_none());
    /// ```
    #[must_use]
    pub fn new(seconds: i64, nanoseconds: u32) -> Option<Self> {
        (nanoseconds < NANOSECONDS).then_some(Self {
            seconds,
            nanoseconds,
        })
    }

    /// Creates a time from milliseconds since 1970-01-01T00:00:00Z, the unit of record timestamps.
    ///
    /// ```
    /// use journal_plugin_sdk::Timestamp;
    ///
    /// assert_eq!(Timestamp::from_millis(-1).to_string(), "1969-12-31T23:59:59.999Z");
    /// ```
    #[must_use]
    pub fn from_millis(milliseconds: i64) -> Self {
        let above = u32::try_from(milliseconds.rem_euclid(1000)).unwrap_or(0);
        Self {
            seconds: milliseconds.div_euclid(1000),
            nanoseconds: above * 1_000_000,
        }
    }

    /// Seconds since 1970-01-01T00:00:00Z, rounded down.
    ///
    /// ```
    /// use journal_plugin_sdk::Timestamp;
    ///
    /// assert_eq!(Timestamp::from_millis(1_700_000_000_500).seconds(), 1_700_000_000);
    /// ```
    #[must_use]
    pub fn seconds(self) -> i64 {
        self.seconds
    }

    /// Nanoseconds after [`seconds`](Self::seconds).
    ///
    /// ```
    /// use journal_plugin_sdk::Timestamp;
    ///
    /// assert_eq!(Timestamp::from_millis(1_700_000_000_500).nanoseconds(), 500_000_000);
    /// ```
    #[must_use]
    pub fn nanoseconds(self) -> u32 {
        self.nanoseconds
    }

    /// The same time without nanoseconds.
    pub(crate) fn whole_seconds(self) -> Self {
        Self {
            nanoseconds: 0,
            ..self
        }
    }

    /// The time as text of one width, with nine digits after the second: texts sort as their times do.
    ///
    /// ```
    /// use journal_plugin_sdk::Timestamp;
    ///
    /// let time = Timestamp::from_millis(1_700_000_000_500);
    /// assert_eq!(time.sortable_text(), "2023-11-14T22:13:20.500000000Z");
    /// ```
    ///
    /// That holds for the years of four digits, and so for all times in rows.
    #[must_use]
    pub fn sortable_text(self) -> String {
        let mut text = self.whole_seconds().to_string();
        // It ends in `Z`.
        text.truncate(text.len() - 1);
        format!("{text}.{:09}Z", self.nanoseconds)
    }

    /// Whether the year has four digits, as RFC 3339 requires. A row cannot hold other times.
    ///
    /// ```
    /// use journal_plugin_sdk::Timestamp;
    ///
    /// assert!(Timestamp::from_millis(0).has_four_digit_year());
    /// assert!(!Timestamp::new(1 << 40, 0).unwrap().has_four_digit_year());
    /// ```
    #[must_use]
    pub fn has_four_digit_year(self) -> bool {
        calendar::has_four_digit_year(self.seconds)
    }

    /// The date and time in UTC, if the year has four digits.
    ///
    /// ```
    /// use journal_plugin_sdk::Timestamp;
    ///
    /// let time = Timestamp::new(1_700_000_000, 0).and_then(Timestamp::utc).unwrap();
    /// assert_eq!((time.year, time.month, time.hour), (2023, 11, 22));
    /// ```
    #[must_use]
    #[inline]
    pub fn utc(self) -> Option<CalendarTime> {
        CalendarTime::from_seconds(self.seconds)
    }

    /// Reads the bytes of msgpack's extension -1, in any of its three formats.
    ///
    /// ```
    /// use journal_plugin_sdk::Timestamp;
    ///
    /// assert_eq!(Timestamp::from_msgpack(&[0, 0, 0, 1]), Timestamp::new(1, 0));
    /// assert_eq!(Timestamp::from_msgpack(&[1]), None);
    /// ```
    #[must_use]
    pub fn from_msgpack(bytes: &[u8]) -> Option<Self> {
        let (seconds, nanoseconds) = journal_msgpack::timestamp(bytes)?;
        Self::new(seconds, nanoseconds)
    }

    /// The shortest format of extension -1 that holds the time: its bytes and their number.
    pub(crate) fn to_msgpack(self) -> ([u8; 12], u8) {
        let mut bytes = [0; 12];
        let length = match (u32::try_from(self.seconds), u64::try_from(self.seconds)) {
            (Ok(seconds), _) if self.nanoseconds == 0 => {
                bytes[..4].copy_from_slice(&seconds.to_be_bytes());
                4
            }
            (_, Ok(seconds)) if seconds < 1 << 34 => {
                let both = u64::from(self.nanoseconds) << 34 | seconds;
                bytes[..8].copy_from_slice(&both.to_be_bytes());
                8
            }
            _ => {
                bytes[..4].copy_from_slice(&self.nanoseconds.to_be_bytes());
                bytes[4..].copy_from_slice(&self.seconds.to_be_bytes());
                12
            }
        };
        (bytes, length)
    }
}

/// Writes RFC 3339 in UTC, with the significant digits of the fraction.
impl Display for Timestamp {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        calendar::write_rfc3339(formatter, self.seconds, self.nanoseconds)?;
        formatter.write_str("Z")
    }
}

/// Why a text is no [`Timestamp`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not a time of RFC 3339, such as `2023-11-14T22:13:20Z`")]
pub struct NotATimestamp;

/// Reads RFC 3339 with any offset.
///
/// ```
/// use journal_plugin_sdk::Timestamp;
///
/// let time: Timestamp = "2023-11-14T23:13:20.5+01:00".parse().unwrap();
/// assert_eq!(time, Timestamp::from_millis(1_700_000_000_500));
/// assert!("yesterday".parse::<Timestamp>().is_err());
/// ```
impl FromStr for Timestamp {
    type Err = NotATimestamp;

    fn from_str(text: &str) -> Result<Self, NotATimestamp> {
        let time = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| NotATimestamp)?;
        Ok(time.into())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.collect_str(self);
        }
        let (bytes, length) = self.to_msgpack();
        let bytes = Raw(&bytes[..usize::from(length)]);
        serializer.serialize_newtype_struct(EXTENSION, &(EXTENSION_TYPE, bytes))
    }
}

/// Bytes that are serialized as bytes in every format.
struct Raw<'a>(&'a [u8]);

impl Serialize for Raw<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

/// Reads only the msgpack form.
impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(EXTENSION, TimestampVisitor)
    }
}

struct TimestampVisitor;

impl<'de> Visitor<'de> for TimestampVisitor {
    type Value = Timestamp;

    fn expecting(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str("a time as msgpack extension -1")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<Timestamp, D::Error> {
        deserializer.deserialize_tuple(2, self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Timestamp, A::Error> {
        let extension_type: Option<i8> = parts.next_element()?;
        let bytes: Option<crate::Bytes<'de>> = parts.next_element()?;
        match (extension_type, bytes) {
            (Some(EXTENSION_TYPE), Some(bytes)) => Timestamp::from_msgpack(&bytes)
                .ok_or_else(|| de::Error::custom("not a time: wrong length or nanoseconds")),
            _ => Err(de::Error::custom("not a time: another extension type")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(seconds: i64, nanoseconds: u32, encoded_bytes: usize, text: &str) {
        let time = Timestamp::new(seconds, nanoseconds).unwrap();
        let encoded = rmp_serde::to_vec_named(&time).unwrap();
        assert_eq!(encoded.len(), encoded_bytes, "{encoded:x?}");
        assert_eq!(rmp_serde::from_slice::<Timestamp>(&encoded).unwrap(), time);
        assert_eq!(time.to_string(), text);
        assert_eq!(serde_json::to_string(&time).unwrap(), format!("\"{text}\""));
    }

    #[test]
    fn every_form_of_the_extension_is_written_and_read() {
        // A fixext has a header of two bytes, the 12-byte form one of three.
        check(0, 0, 6, "1970-01-01T00:00:00Z");
        check(u32::MAX.into(), 0, 6, "2106-02-07T06:28:15Z");
        check(1, 1, 10, "1970-01-01T00:00:01.000000001Z");
        check(
            (1 << 34) - 1,
            999_999_999,
            10,
            "2514-05-30T01:53:03.999999999Z",
        );
        check(1 << 34, 0, 15, "2514-05-30T01:53:04Z");
        check(-1, 500_000_000, 15, "1969-12-31T23:59:59.5Z");
        check(-62_135_596_800, 0, 15, "0001-01-01T00:00:00Z");
        check(951_782_400, 0, 6, "2000-02-29T00:00:00Z");
        check(4_107_542_400, 0, 6, "2100-03-01T00:00:00Z");
        check(253_402_300_799, 0, 15, "9999-12-31T23:59:59Z");
    }

    #[test]
    fn text_of_every_time_in_a_row_is_read_back_and_sorts_as_the_time_does() {
        let mut texts = Vec::new();
        for (seconds, nanoseconds) in [
            (-62_167_219_200, 0),
            (-1, 999_999_999),
            (0, 0),
            (0, 1),
            (0, 500_000_000),
            (1, 0),
            (253_402_300_799, 999_999_999),
        ] {
            let time = Timestamp::new(seconds, nanoseconds).unwrap();
            assert_eq!(time.to_string().parse(), Ok(time));
            assert_eq!(time.sortable_text().parse(), Ok(time));
            texts.push(time.sortable_text());
        }
        assert!(
            texts.is_sorted() && texts.iter().all(|text| text.len() == 30),
            "{texts:?}"
        );
        for text in [
            "",
            "2023-11-14",
            "2023-11-14T22:13:20",
            "2023-02-30T00:00:00Z",
            "10000-01-01T00:00:00Z",
        ] {
            assert_eq!(text.parse::<Timestamp>(), Err(NotATimestamp), "{text}");
        }
    }

    #[test]
    fn milliseconds_before_1970_are_rounded_down_to_seconds() {
        assert_eq!(
            Timestamp::from_millis(-1),
            Timestamp::new(-1, 999_000_000).unwrap()
        );
        assert_eq!(
            Timestamp::from_millis(1500),
            Timestamp::new(1, 500_000_000).unwrap()
        );
    }

    #[test]
    fn years_of_four_digits_end_where_rfc_3339_ends() {
        let has = |seconds| Timestamp::new(seconds, 0).unwrap().has_four_digit_year();
        assert!(has(-62_167_219_200) && !has(-62_167_219_201));
        assert!(has(253_402_300_799) && !has(253_402_300_800));
    }

    #[test]
    fn malformed_extension_is_an_error() {
        assert_eq!(Timestamp::new(0, NANOSECONDS), None);
        assert_eq!(Timestamp::from_msgpack(&[0; 5]), None);
        assert_eq!(Timestamp::from_msgpack(&[]), None);
        assert_eq!(Timestamp::from_msgpack(&[0xff; 8]), None);
        let other_type = [0xd6, 5, 0, 0, 0, 0];
        assert!(rmp_serde::from_slice::<Timestamp>(&other_type).is_err());
        assert!(rmp_serde::from_slice::<Timestamp>(&[0xc0]).is_err());
    }
}
