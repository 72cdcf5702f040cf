//! Converts a msgpack row to JSON without an intermediate tree.

use journal_msgpack::{Cursor, Head};

use crate::error::{Error, ErrorKind, Step};
use crate::rfc3339;
use crate::text::{self, Refused, has_room};

/// The maximum nesting depth of maps and arrays in a row, including the row itself.
pub const MAX_DEPTH: u32 = 128;

/// Appends the JSON of `row`, one msgpack map, to `json`. The length of `json` is limited to `limit` bytes, and a few
/// more for the last value and the closing brackets. The JSON has a separate limit because it can be many times as long
/// as the row.
///
/// Keys keep their order, and duplicate keys are kept. Binary becomes lowercase hexadecimal digits, a
/// timestamp RFC 3339 in UTC, and a number the shortest text that reads back as the same number. In strings and
/// keys, Unicode line ends, control characters and direction marks are escaped: see docs/json-lines.md.
///
/// # Errors
/// When the row is not one map of at most [`MAX_DEPTH`] levels, JSON cannot represent one of its values, or the JSON is
/// longer than the limit. `json` then has a part of the row, and the caller must truncate it.
pub fn append_json(row: &[u8], json: &mut Vec<u8>, limit: usize) -> Result<(), Error> {
    has_room(json, 2, limit).map_err(ErrorKind::from)?;
    let mut cursor = Cursor::new(row);
    let Head::Map(count) = cursor.head()? else {
        return Err(ErrorKind::NotAMap.into());
    };
    map(&mut cursor, count, MAX_DEPTH, json, limit)?;
    if cursor.at_end() {
        Ok(())
    } else {
        Err(ErrorKind::Trailing.into())
    }
}

fn map(
    cursor: &mut Cursor<'_>,
    count: u32,
    depth: u32,
    json: &mut Vec<u8>,
    limit: usize,
) -> Result<(), Error> {
    json.push(b'{');
    for index in 0..count {
        if index > 0 {
            json.push(b',');
        }
        let Head::Str(length) = cursor.head()? else {
            return Err(ErrorKind::KeyNotText.into());
        };
        let key = cursor.bytes(length)?;
        text::append(key, json, limit).map_err(|refused| match refused {
            Refused::NotUtf8 => ErrorKind::KeyNotUtf8,
            Refused::TooLong => ErrorKind::TooLong,
        })?;
        json.push(b':');
        value(cursor, depth, json, limit)
            .map_err(|error| error.inside(Step::Key(String::from_utf8_lossy(key).into_owned())))?;
    }
    json.push(b'}');
    Ok(())
}

fn array(
    cursor: &mut Cursor<'_>,
    count: u32,
    depth: u32,
    json: &mut Vec<u8>,
    limit: usize,
) -> Result<(), Error> {
    json.push(b'[');
    for index in 0..count {
        if index > 0 {
            json.push(b',');
        }
        value(cursor, depth, json, limit).map_err(|error| error.inside(Step::Index(index)))?;
    }
    json.push(b']');
    Ok(())
}

/// `depth` is the number of remaining levels, including that of the container of this value.
fn value(
    cursor: &mut Cursor<'_>,
    depth: u32,
    json: &mut Vec<u8>,
    limit: usize,
) -> Result<(), Error> {
    let head = cursor.head()?;
    value_of(head, cursor, depth, json, limit)
}

/// The rest of [`value`], whose head was read.
pub(crate) fn value_of(
    head: Head,
    cursor: &mut Cursor<'_>,
    depth: u32,
    json: &mut Vec<u8>,
    limit: usize,
) -> Result<(), Error> {
    if json.len() >= limit {
        return Err(ErrorKind::TooLong.into());
    }
    match head {
        Head::Nil => json.extend_from_slice(b"null"),
        Head::Bool(true) => json.extend_from_slice(b"true"),
        Head::Bool(false) => json.extend_from_slice(b"false"),
        Head::Uint(number) => scalar(&number, json),
        Head::Int(number) => scalar(&number, json),
        Head::F32(number) if number.is_finite() => scalar(&number, json),
        Head::F32(number) => return Err(ErrorKind::NotFinite(f64::from(number)).into()),
        Head::F64(number) if number.is_finite() => scalar(&number, json),
        Head::F64(number) => return Err(ErrorKind::NotFinite(number).into()),
        Head::Str(length) => {
            text::append(cursor.bytes(length)?, json, limit).map_err(ErrorKind::from)?;
        }
        Head::Bin(length) => hex(cursor.bytes(length)?, json, limit).map_err(ErrorKind::from)?,
        Head::Array(_) | Head::Map(_) if depth == 1 => return Err(ErrorKind::TooDeep.into()),
        Head::Array(count) => array(cursor, count, depth - 1, json, limit)?,
        Head::Map(count) => map(cursor, count, depth - 1, json, limit)?,
        Head::Ext(-1, length) => timestamp(cursor.bytes(length)?, json)?,
        Head::Ext(kind, _) => return Err(ErrorKind::Extension(kind).into()),
    }
    Ok(())
}

/// Appends a number as the shortest text that reads back as the same number.
fn scalar(number: &impl serde::Serialize, json: &mut Vec<u8>) {
    // Neither writing to memory nor serializing a number fails.
    let written = serde_json::to_writer(json, number);
    debug_assert!(written.is_ok(), "a number is always written");
}

/// Appends bytes as a string of lowercase hexadecimal digits.
fn hex(bytes: &[u8], json: &mut Vec<u8>, limit: usize) -> Result<(), Refused> {
    let digits = 2 * bytes.len();
    has_room(json, digits + 2, limit)?;
    json.reserve(digits + 2);
    json.push(b'"');
    let start = json.len();
    json.resize(start + digits, 0);
    let written = const_hex::encode_to_slice(bytes, &mut json[start..]);
    debug_assert!(written.is_ok(), "there is room for two digits a byte");
    json.push(b'"');
    Ok(())
}

/// Appends a msgpack timestamp as RFC 3339 in UTC, with as many digits of the second as needed.
fn timestamp(bytes: &[u8], json: &mut Vec<u8>) -> Result<(), ErrorKind> {
    let (seconds, nanoseconds) =
        journal_msgpack::timestamp(bytes).ok_or(ErrorKind::BadTimestamp)?;
    json.push(b'"');
    if !rfc3339::append(json, seconds, nanoseconds) {
        return Err(ErrorKind::BadTimestamp);
    }
    json.push(b'"');
    Ok(())
}

/// Appends the JSON of one msgpack value, which may be anything that a field of a row may have.
///
/// # Errors
/// As for [`append_json`].
pub fn append_value(
    cursor: &mut Cursor<'_>,
    json: &mut Vec<u8>,
    limit: usize,
) -> Result<(), Error> {
    value(cursor, MAX_DEPTH, json, limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(bytes: &[u8]) -> String {
        let mut json = Vec::new();
        if let Err(error) = append_json(bytes, &mut json, usize::MAX) {
            panic!("{error}");
        }
        String::from_utf8(json).expect("JSON is UTF-8")
    }

    fn error(bytes: &[u8]) -> String {
        append_json(bytes, &mut Vec::new(), usize::MAX)
            .expect_err("the row has no JSON")
            .to_string()
    }

    /// `{"a": value}`
    fn with(value: &[u8]) -> Vec<u8> {
        [b"\x81\xa1a", value].concat()
    }

    #[test]
    fn json_longer_than_its_limit_is_refused_for_every_type() {
        let controls = with(&[b"\xda\x40\0", [1; 0x4000].as_slice()].concat());
        let bools = with(&[b"\xdc\x40\0", [0xc2; 0x4000].as_slice()].concat());
        let bytes = with(&[b"\xc5\x40\0", [7; 0x4000].as_slice()].concat());
        for long in [controls, bools, bytes] {
            let mut json = Vec::new();
            let error = append_json(&long, &mut json, 0x5000).expect_err("it is too long");
            assert_eq!(error.kind(), ErrorKind::TooLong);
            assert!(json.len() <= 0x5000 + 8, "{}", json.len());
            assert!(append_json(&long, &mut Vec::new(), 0x20000).is_ok());
        }
    }

    #[test]
    fn binary_of_every_length_has_two_digits_per_byte() {
        let bytes: Vec<u8> = (0..=u8::MAX).rev().collect();
        for length in 0..=255 {
            let bytes = &bytes[..usize::from(length)];
            let digits: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            let row = with(&[&[0xc4, length], bytes].concat());
            assert_eq!(json(&row), format!("{{\"a\":\"{}\"}}", digits.concat()));
        }
    }

    #[test]
    fn keys_are_escaped_like_strings() {
        assert_eq!(
            json(b"\x81\xa6\x7f\xe2\x80\xa8\xc2\x85\x81\xa3\xe2\x80\xae\x01"),
            r#"{"\u007f\u2028\u0085":{"\u202e":1}}"#
        );
        assert_eq!(
            error(b"\x81\xa3\xe2\x80\xae\xc1"),
            "is not valid msgpack: it holds the byte 0xc1 in the field `\\u{202e}`"
        );
    }

    #[test]
    fn every_type_has_its_json() {
        for (value, expected) in [
            (&b"\xc0"[..], "null"),
            (b"\xc3", "true"),
            (b"\xc2", "false"),
            (b"\x05", "5"),
            (b"\xff", "-1"),
            (
                b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff",
                "18446744073709551615",
            ),
            (b"\xd3\x80\0\0\0\0\0\0\0", "-9223372036854775808"),
            (b"\xca\x3d\xcc\xcc\xcd", "0.1"),
            (b"\xcb\x3f\xb9\x99\x99\x99\x99\x99\x9a", "0.1"),
            (
                b"\xcb\x7f\xef\xff\xff\xff\xff\xff\xff",
                "1.7976931348623157e+308",
            ),
            (b"\xcb\x80\0\0\0\0\0\0\0", "-0.0"),
            (b"\xa0", "\"\""),
            (b"\xa5\"\\\n\x01\x7f", "\"\\\"\\\\\\n\\u0001\\u007f\""),
            (b"\xa2\xc3\xa9", "\"\u{e9}\""),
            (b"\xc4\x03\x00\xab\xff", "\"00abff\""),
            (b"\xc4\x00", "\"\""),
            (b"\x93\x01\x90\x80", "[1,[],{}]"),
            (b"\x82\xa1b\x01\xa1b\x02", "{\"b\":1,\"b\":2}"),
        ] {
            assert_eq!(json(&with(value)), format!("{{\"a\":{expected}}}"));
        }
        assert_eq!(json(b"\x80"), "{}");
        assert_eq!(json(b"\xde\0\x01\xd9\x01a\x01"), "{\"a\":1}");
    }

    #[test]
    fn timestamps_are_rfc_3339_in_utc() {
        let short = |seconds: u32| [&b"\xd6\xff"[..], &seconds.to_be_bytes()].concat();
        let middle = |both: u64| [&b"\xd7\xff"[..], &both.to_be_bytes()].concat();
        let long = |seconds: i64, nanoseconds: u32| {
            [
                &b"\xc7\x0c\xff"[..],
                &nanoseconds.to_be_bytes(),
                &seconds.to_be_bytes(),
            ]
            .concat()
        };
        for (value, expected) in [
            (short(0), "1970-01-01T00:00:00Z"),
            (short(u32::MAX), "2106-02-07T06:28:15Z"),
            (
                middle((500_000_000 << 34) + 1_700_000_000),
                "2023-11-14T22:13:20.5Z",
            ),
            (middle((1 << 34) + 1), "1970-01-01T00:00:01.000000001Z"),
            (long(-1, 713_466_000), "1969-12-31T23:59:59.713466Z"),
            (long(-62_167_219_200, 0), "0000-01-01T00:00:00Z"),
            (
                long(253_402_300_799, 999_999_999),
                "9999-12-31T23:59:59.999999999Z",
            ),
        ] {
            assert_eq!(json(&with(&value)), format!("{{\"a\":\"{expected}\"}}"));
        }
        for value in [
            long(-62_167_219_201, 0),
            long(253_402_300_800, 0),
            long(i64::MAX, 0),
            long(i64::MIN, 0),
            long(0, 1_000_000_000),
            middle(u64::MAX),
            b"\xd4\xff\0".to_vec(),
            b"\xc7\x00\xff".to_vec(),
        ] {
            let error = error(&with(&value));
            assert!(
                error.ends_with("the years 0 to 9999 in the field `a`"),
                "{error}"
            );
        }
    }

    #[test]
    fn errors_name_the_field() {
        for (bytes, expected) in [
            (&b"\x90"[..], "is not a map"),
            (b"\xc0", "is not a map"),
            (b"", "is not valid msgpack: it ends inside a value"),
            (
                b"\x81\xa1a",
                "is not valid msgpack: it ends inside a value in the field `a`",
            ),
            (b"\x80\x80", "goes on after the end of its map"),
            (b"\x81\x01\x01", "has a key that is not a text"),
            (b"\x81\xc4\x01a\x01", "has a key that is not a text"),
            (b"\x81\xa1\xff\x01", "has a key that is not UTF-8"),
            (
                b"\x81\xa1a\x81\x01\x01",
                "has a key that is not a text in the field `a`",
            ),
            (
                b"\x81\xa1a\xa1\xff",
                "has a text that is not UTF-8 in the field `a`",
            ),
            (
                b"\x81\xa1a\xcb\x7f\xf8\0\0\0\0\0\0",
                "has the number NaN, which JSON lacks, in the field `a`",
            ),
            (
                b"\x81\xa1a\x92\x01\x81\xa1b\xca\xff\x80\0\0",
                "has the number -inf, which JSON lacks, in the field `a[1].b`",
            ),
            (
                b"\x81\xa1\n\xd4\x05\0",
                "has an extension of type 5, which JSON lacks, in the field `\\n`",
            ),
            (
                b"\x81\xa1a\xc1",
                "is not valid msgpack: it holds the byte 0xc1 in the field `a`",
            ),
        ] {
            assert_eq!(error(bytes), expected);
        }
    }

    #[test]
    fn paths_in_messages_are_bounded() {
        let mut bytes = b"\x81\xda\x40\x00".to_vec();
        bytes.extend([b'x'; 0x4000]);
        bytes.push(0xc1);
        assert!(error(&bytes).len() < 400);
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |levels: usize| {
            let mut bytes = b"\x81\xa1a".repeat(levels);
            bytes.push(0xc0);
            bytes
        };
        assert!(json(&nested(128)).ends_with(&"}".repeat(128)));
        assert_eq!(error(&nested(129)), "is nested deeper than 128 levels");
        assert_eq!(
            error(&nested(1_000_000)),
            "is nested deeper than 128 levels"
        );
        let arrays = with(&b"\x91".repeat(1_000_000));
        assert_eq!(error(&arrays), "is nested deeper than 128 levels");
    }

    #[test]
    fn every_prefix_of_a_row_is_refused() {
        let bytes = b"\x83\xa1a\x92\x01\xc4\x02xx\xa1b\xd6\xff\0\0\0\0\xa1c\xcb\0\0\0\0\0\0\0\0";
        json(bytes);
        for length in 0..bytes.len() {
            let error = error(&bytes[..length]);
            assert!(
                error.starts_with("is not valid msgpack: it ends inside a value"),
                "{error}"
            );
        }
    }
}
