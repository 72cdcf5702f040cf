//! Shows the keys of records to people.
//!
//! The key of most objects is their identifier as msgpack's binary; that of contents and origins is a map of the fields
//! that identify them (`sha1_git`, `url`). Old records have other keys, and a recording may hold anything.

use std::fmt;

use journal_msgpack::{Cursor, Fault, Head};

use crate::text::{Quoted, hex};

/// The limit on what is shown of a key, in bytes: the four hashes of a content with their names.
const SHOWN_BYTES: usize = 320;
/// The limit on what is shown of one binary value, in bytes.
const BINARY_BYTES: usize = 64;
/// The depth to which maps and lists are shown.
const DEPTH: usize = 3;

/// A record's key, bounded and cleaned: an identifier in hexadecimal, `url: https://...`, or its bytes after `0x` where
/// it is no key of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ShownKey(String);

impl ShownKey {
    /// Shows the bytes of a record's key.
    pub(crate) fn new(key: &[u8]) -> Self {
        let mut cursor = Cursor::new(key);
        let mut shown = String::new();
        let is_whole = value(&mut cursor, &mut shown, 0).is_ok() && cursor.at_end();
        let is_of_the_journal = is_whole
            && matches!(
                Cursor::new(key).head(),
                Ok(Head::Bin(_) | Head::Str(_) | Head::Map(_))
            );
        if !is_of_the_journal && !key.is_empty() {
            shown.clear();
            shown.push_str("0x");
            hexadecimal(key, &mut shown);
        }
        Self(shown)
    }
}

impl ShownKey {
    /// The key without any words, if the record has one.
    pub(crate) fn id(self) -> Option<String> {
        Some(self.0).filter(|shown| !shown.is_empty())
    }
}

impl fmt::Display for ShownKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("without a key");
        }
        write!(f, "with the key {}", Quoted(&self.0))
    }
}

/// Appends the value at the cursor, and moves the cursor past the whole value; beyond the limits only "…" is appended.
fn value(cursor: &mut Cursor<'_>, shown: &mut String, depth: usize) -> Result<(), Fault> {
    if shown.len() > SHOWN_BYTES || depth > DEPTH {
        cut(shown);
        return cursor.skip();
    }
    match cursor.head()? {
        Head::Bin(length) | Head::Ext(_, length) => {
            hexadecimal(cursor.bytes(length)?, shown);
        }
        Head::Str(length) => text(cursor.bytes(length)?, shown),
        Head::Uint(number) => shown.push_str(&number.to_string()),
        Head::Int(number) => shown.push_str(&number.to_string()),
        Head::Bool(bool) => shown.push_str(if bool { "true" } else { "false" }),
        Head::F32(number) => shown.push_str(&number.to_string()),
        Head::F64(number) => shown.push_str(&number.to_string()),
        Head::Nil => shown.push_str("nil"),
        Head::Map(count) => items(cursor, shown, depth, count, true)?,
        Head::Array(count) => items(cursor, shown, depth, count, false)?,
    }
    Ok(())
}

/// Appends the items of a map or a list, in brackets where it is inside another.
fn items(
    cursor: &mut Cursor<'_>,
    shown: &mut String,
    depth: usize,
    count: u32,
    is_map: bool,
) -> Result<(), Fault> {
    let [open, close] = if is_map { ["{", "}"] } else { ["[", "]"] };
    let is_inner = depth > 0 || !is_map;
    if is_inner {
        shown.push_str(open);
    }
    for index in 0..count {
        if index > 0 && shown.len() <= SHOWN_BYTES {
            shown.push_str(", ");
        }
        value(cursor, shown, depth + 1)?;
        if is_map {
            if shown.len() <= SHOWN_BYTES {
                shown.push_str(": ");
            }
            value(cursor, shown, depth + 1)?;
        }
    }
    if is_inner {
        shown.push_str(close);
    }
    Ok(())
}

fn text(bytes: &[u8], shown: &mut String) {
    let part = &bytes[..bytes.len().min(SHOWN_BYTES)];
    shown.push_str(&String::from_utf8_lossy(part));
    if part.len() < bytes.len() {
        cut(shown);
    }
}

fn hexadecimal(bytes: &[u8], shown: &mut String) {
    shown.push_str(&hex(&bytes[..bytes.len().min(BINARY_BYTES)]));
    if bytes.len() > BINARY_BYTES {
        cut(shown);
    }
}

/// Marks once that something is left out.
fn cut(shown: &mut String) {
    if !shown.ends_with('…') {
        shown.push('…');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(key: &[u8]) -> String {
        ShownKey::new(key).0
    }

    /// A binary value of msgpack.
    fn binary(bytes: &[u8]) -> Vec<u8> {
        [&[0xc4, u8::try_from(bytes.len()).unwrap()], bytes].concat()
    }

    #[test]
    fn identifier_is_shown_as_it_is_written_elsewhere() {
        let id = [0x19, 0x32].repeat(10);
        assert_eq!(shown(&binary(&id)), "1932".repeat(10));
        assert_eq!(shown(&binary(&[0xab; 32])), "ab".repeat(32));
        assert_eq!(
            ShownKey::new(&binary(&id)).to_string(),
            format!("with the key `{}`", "1932".repeat(10))
        );
    }

    #[test]
    fn map_is_shown_by_its_fields() {
        assert_eq!(shown(b"\x81\xa3url\xa9https://a"), "url: https://a");
        assert_eq!(
            shown(b"\x83\xa4date\xa42026\xa6origin\xa9https://a\xa5visit\xa11"),
            "date: 2026, origin: https://a, visit: 1"
        );
        let nested = b"\x82\xa9authority\x81\xa3url\xa1a\xa4list\x92\x01\xc0";
        assert_eq!(shown(nested), "authority: {url: a}, list: [1, nil]");
    }

    #[test]
    fn all_hashes_of_a_content_are_shown() {
        let mut key = vec![0x84];
        for (name, bytes) in [
            ("blake2s256", 32),
            ("sha1", 20),
            ("sha1_git", 20),
            ("sha256", 32),
        ] {
            key.push(0xa0 | u8::try_from(name.len()).unwrap());
            key.extend_from_slice(name.as_bytes());
            key.extend_from_slice(&binary(&vec![0xcd; bytes]));
        }
        let [short, long] = [20, 32].map(|bytes| "cd".repeat(bytes));
        assert_eq!(
            shown(&key),
            format!("blake2s256: {long}, sha1: {short}, sha1_git: {short}, sha256: {long}")
        );
    }

    #[test]
    fn text_is_shown_and_cannot_leave_its_quotes_or_its_line() {
        assert_eq!(shown(b"\xa9https://a"), "https://a");
        assert_eq!(
            ShownKey::new(b"\xa4a`\n\x1b").to_string(),
            "with the key `a\\u{60}\\n\\u{1b}`"
        );
    }

    #[test]
    fn bytes_that_are_no_key_of_the_journal_are_shown_as_bytes() {
        for (key, expected) in [
            (&b"k\x1b"[..], "0x6b1b"),
            (b"k", "0x6b"),
            (b"\xc4\x03ab", "0xc4036162"),
            (b"\xc4\x01aa", "0xc4016161"),
            (b"\x91\x01", "0x9101"),
            (b"\xc1", "0xc1"),
        ] {
            assert_eq!(shown(key), expected);
        }
    }

    #[test]
    fn record_may_have_no_key() {
        assert_eq!(ShownKey::new(b"").to_string(), "without a key");
    }

    #[test]
    fn large_key_is_cut() {
        let long = [&b"\xdb\x00\x01\x00\x00"[..], &b"a".repeat(1 << 16)].concat();
        let many = [&b"\xdf\x00\x00\x80\x00"[..], &[0xa1, b'a'].repeat(1 << 16)].concat();
        let bytes = [&b"\xc6\x00\x01\x00\x00"[..], &[1].repeat(1 << 16)].concat();
        let deep = [&[0x81, 0xa1, b'a'].repeat(1 << 16)[..], b"\x01"].concat();
        for key in [long, many, bytes, deep, vec![7; 1 << 16]] {
            let shown = shown(&key);
            assert!(shown.len() < 2 * SHOWN_BYTES, "{shown}");
            assert!(shown.contains('…'), "{shown}");
        }
    }
}
