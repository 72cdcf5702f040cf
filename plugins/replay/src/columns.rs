//! Values with several columns, and values that the columns of databases do not hold as they are.

use std::io;

use journal_plugin_sdk::{
    Bytes, Date, Metadata, Person, Raw, Record, RecordError, Timestamp, hash, reject,
};

/// The column by which the latest row of an object is found.
pub(crate) const RECORDED: &str = "recorded";

/// The first and the last millisecond that a column can hold: those of the years 0 and 9999.
const MILLISECONDS: (i64, i64) = (-62_167_219_200_000, 253_402_300_799_999);
/// Metadata of more bytes is not shown as JSON: the row would need several times the memory of its record.
const MAX_READABLE_BYTES: usize = 1 << 20;

/// When a record was written. One that does not say so is of the year 1970, and so older than those that do.
pub(crate) fn recorded(record: &Record<'_>) -> Timestamp {
    let (first, last) = MILLISECONDS;
    Timestamp::from_millis(record.timestamp_ms().unwrap_or(0).clamp(first, last))
}

/// A time in microseconds, as swh.model and PostgreSQL have them.
pub(crate) fn time(time: Timestamp, field: &str) -> Result<Timestamp, RecordError> {
    let micros = Timestamp::new(time.seconds(), time.nanoseconds() / 1000 * 1000);
    let Some(micros) = micros.filter(|time| time.has_four_digit_year()) else {
        reject!("the field `{field}` has the time {time}, which no column can hold");
    };
    Ok(micros)
}

/// A number that databases have.
pub(crate) fn integer(number: u64, field: &str) -> Result<i64, RecordError> {
    let Ok(signed) = i64::try_from(number) else {
        reject!("the field `{field}` is {number}, and no column can hold 2^63 or more");
    };
    Ok(signed)
}

/// Tells the values of one object apart, by the first bytes of their SHA-1. Some objects are in the journal more than once, with
/// other values: repaired, with their entries in another order, or anonymised.
pub(crate) fn variant(value: &[u8]) -> i64 {
    let mut first = [0; 8];
    first.copy_from_slice(&hash::sha1(value).0[..8]);
    i64::from_be_bytes(first)
}

/// The columns of a person. Without a full name there is no person.
#[derive(Default)]
pub(crate) struct PersonColumns<'a> {
    pub(crate) fullname: Option<Bytes<'a>>,
    pub(crate) name: Option<Bytes<'a>>,
    pub(crate) email: Option<Bytes<'a>>,
}

impl<'a> PersonColumns<'a> {
    pub(crate) fn of(person: Option<Person<'a>>) -> Self {
        person.map_or_else(Self::default, |person| Self {
            fullname: Some(person.fullname),
            name: person.name,
            email: person.email,
        })
    }
}

/// The columns of a date. Without seconds there is no date.
pub(crate) struct DateColumns<'a> {
    pub(crate) timestamp: Option<Timestamp>,
    pub(crate) seconds: Option<i64>,
    pub(crate) microseconds: Option<u32>,
    pub(crate) offset: Option<Bytes<'a>>,
}

impl<'a> DateColumns<'a> {
    pub(crate) fn of(date: Option<&'a Date<'_>>) -> Self {
        Self {
            timestamp: date.and_then(Date::timestamp),
            seconds: date.map(Date::seconds),
            microseconds: date.map(Date::microseconds),
            offset: date.map(|date| date.offset_bytes().into()),
        }
    }
}

/// The columns of free-form metadata.
#[derive(Default)]
pub(crate) struct MetadataColumns<'a> {
    /// For readers, where JSON can show it.
    pub(crate) readable: Option<Raw<'a>>,
    pub(crate) msgpack: Option<Bytes<'a>>,
}

impl<'a> MetadataColumns<'a> {
    pub(crate) fn of(metadata: Option<&'a Metadata<'_>>) -> Self {
        metadata.map_or_else(Self::default, |metadata| {
            let raw = metadata.as_raw();
            Self {
                readable: is_readable(raw).then_some(raw),
                msgpack: Some(raw.as_msgpack().into()),
            }
        })
    }
}

/// Whether a value can be shown as JSON: it is neither large, nor nested too deep, nor has it lists as keys.
fn is_readable(raw: Raw<'_>) -> bool {
    raw.as_msgpack().len() <= MAX_READABLE_BYTES && serde_json::to_writer(io::sink(), &raw).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variants_are_told_apart_by_their_values() {
        // The SHA-1 of no bytes begins with these.
        assert_eq!(
            variant(b"").to_be_bytes(),
            *b"\xda\x39\xa3\xee\x5e\x6b\x4b\x0d"
        );
        assert_ne!(variant(b"a"), variant(b"b"));
    }

    #[test]
    fn times_have_microseconds_and_years_of_four_digits() {
        let of = |seconds, nanoseconds| {
            let given = Timestamp::new(seconds, nanoseconds).unwrap();
            time(given, "date").map_err(|error| error.to_string())
        };
        assert_eq!(
            of(-1, 999_999_999).unwrap(),
            Timestamp::new(-1, 999_999_000).unwrap()
        );
        for seconds in [-62_167_219_201, 253_402_300_800] {
            assert!(of(seconds, 0).unwrap_err().contains("`date`"));
        }
    }

    #[test]
    fn integers_that_no_database_has_are_refused() {
        assert_eq!(
            integer(i64::MAX.unsigned_abs(), "length").unwrap(),
            i64::MAX
        );
        let refused = integer(1 << 63, "length").unwrap_err().to_string();
        assert!(
            refused.contains("`length` is 9223372036854775808"),
            "{refused}"
        );
    }

    #[test]
    fn metadata_is_shown_unless_it_is_large_or_deep() {
        let readable = |msgpack: &[u8]| is_readable(Raw::new(msgpack));
        assert!(readable(
            b"\x82\xa1a\xc4\x01\xff\x01\xcb\x7f\xf0\0\0\0\0\0\0"
        ));
        assert!(!readable(b"\x81\x91\x01\x01"), "a list is a key");
        let nested = |depth| [&b"\x81\xa1a"[..], &[0x91].repeat(depth), b"\xc0"].concat();
        assert!(readable(&nested(60)));
        assert!(!readable(&nested(100)));
        let text = |length: u32| {
            [
                &b"\x81\xa1a\xdb"[..],
                &length.to_be_bytes(),
                &b"x".repeat(length as usize),
            ]
            .concat()
        };
        assert!(readable(&text(1 << 19)));
        assert!(!readable(&text(1 << 20)));
    }
}
