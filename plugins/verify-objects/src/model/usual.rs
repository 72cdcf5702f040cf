//! Recognises objects in the form of today's writer, for which no other check is needed: almost all records.
//!
//! It accepts only what the SDK reads and what the model accepts; the rest is checked field by field.

use std::cmp::Ordering;

use journal_msgpack::{Cursor, Head, timestamp};

use super::archive::URL_BYTES;
use super::time::DATE_SECONDS;

/// Whether an object has the form and the values of today's writer.
pub(crate) fn is_usual(object_type: &str, value: &[u8]) -> bool {
    let mut cursor = Cursor::new(value);
    let read = match object_type {
        "content" => content(&mut cursor),
        "directory" => directory(&mut cursor),
        "revision" => revision(&mut cursor),
        "origin" => origin(&mut cursor),
        _ => None,
    };
    read.is_some() && cursor.at_end()
}

fn pass(cursor: &mut Cursor<'_>, expected: &[u8]) -> Option<()> {
    cursor.pass(expected).then_some(())
}

fn bytes<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    if let Some(bytes) = cursor.short_bytes() {
        return Some(bytes);
    }
    match cursor.head() {
        Ok(Head::Bin(length)) => cursor.bytes(length).ok(),
        _ => None,
    }
}

fn bytes_or_nil(cursor: &mut Cursor<'_>) -> Option<()> {
    if cursor.pass(&[0xc0]) {
        return Some(());
    }
    bytes(cursor).map(drop)
}

/// A field of a fixed number of bytes: its name and the head of its value.
fn fixed(cursor: &mut Cursor<'_>, name_and_head: &[u8], length: u32) -> Option<()> {
    pass(cursor, name_and_head)?;
    cursor.bytes(length).ok().map(drop)
}

fn content(cursor: &mut Cursor<'_>) -> Option<()> {
    let has_ctime = cursor.pass(&[0x87]);
    if !has_ctime {
        pass(cursor, &[0x86])?;
    }
    fixed(cursor, b"\xa4sha1\xc4\x14", 20)?;
    fixed(cursor, b"\xa8sha1_git\xc4\x14", 20)?;
    fixed(cursor, b"\xa6sha256\xc4\x20", 32)?;
    fixed(cursor, b"\xaablake2s256\xc4\x20", 32)?;
    pass(cursor, b"\xa6length")?;
    cursor.short_uint()?;
    pass(cursor, b"\xa6status\xa7visible")?;
    if !has_ctime {
        return Some(());
    }
    // Times of these forms are between the years 1970 and 2514.
    pass(cursor, b"\xa5ctime")?;
    let length = if cursor.pass(b"\xd7\xff") { 8 } else { 4 };
    if length == 4 {
        pass(cursor, b"\xd6\xff")?;
    }
    timestamp(cursor.bytes(length).ok()?).map(drop)
}

fn directory(cursor: &mut Cursor<'_>) -> Option<()> {
    pass(cursor, b"\x82\xa7entries")?;
    let Ok(Head::Array(count)) = cursor.head() else {
        return None;
    };
    let mut order = Order::default();
    for _ in 0..count {
        let (name, is_directory) = entry(cursor)?;
        if name.contains(&b'/') || !order.follows(name, is_directory) {
            return None;
        }
    }
    fixed(cursor, b"\xa2id\xc4\x14", 20)
}

/// The name of an entry, and whether it is a directory.
fn entry<'a>(cursor: &mut Cursor<'a>) -> Option<(&'a [u8], bool)> {
    pass(cursor, b"\x84\xa4name")?;
    let name = bytes(cursor)?;
    let is_directory = cursor.pass(b"\xa4type\xa3dir");
    if !is_directory && !cursor.pass(b"\xa4type\xa4file") {
        pass(cursor, b"\xa4type\xa3rev")?;
    }
    fixed(cursor, b"\xa6target\xc4\x14", 20)?;
    pass(cursor, b"\xa5perms")?;
    cursor.short_uint()?;
    Some((name, is_directory))
}

/// Recognises names that are in Git's order and all different.
///
/// Git sorts a directory as if its name ended with a slash. So a file and a directory of one name may have other entries
/// between them, and the names of all of these begin with that name.
#[derive(Default)]
struct Order<'a> {
    before: Option<(&'a [u8], bool)>,
    /// Earlier names that begin the one before, the shortest first.
    beginnings: Vec<&'a [u8]>,
}

impl<'a> Order<'a> {
    /// Whether an entry comes after the ones before, under a new name.
    fn follows(&mut self, name: &'a [u8], is_directory: bool) -> bool {
        let Some((before, was_directory)) = self.before.replace((name, is_directory)) else {
            return true;
        };
        let common = before.len().min(name.len());
        match before[..common].cmp(&name[..common]) {
            Ordering::Greater => return false,
            Ordering::Less => {}
            Ordering::Equal => {
                let next = |name: &[u8], is_directory: bool| {
                    let slash = is_directory.then_some(b'/');
                    name.get(common).copied().or(slash)
                };
                if before.len() == common {
                    if name.len() == common
                        || next(before, was_directory) >= next(name, is_directory)
                    {
                        return false;
                    }
                    self.beginnings.push(before);
                } else if next(before, was_directory) >= next(name, is_directory) {
                    return false;
                }
            }
        }
        while let Some(&last) = self.beginnings.last() {
            if last == name {
                return false;
            }
            if name.starts_with(last) {
                break;
            }
            self.beginnings.pop();
        }
        true
    }
}

fn revision(cursor: &mut Cursor<'_>) -> Option<()> {
    pass(cursor, b"\x8c\xa7message")?;
    bytes_or_nil(cursor)?;
    pass(cursor, b"\xa6author")?;
    person(cursor)?;
    pass(cursor, b"\xa9committer")?;
    person(cursor)?;
    pass(cursor, b"\xa4date")?;
    date(cursor)?;
    pass(cursor, b"\xaecommitter_date")?;
    date(cursor)?;
    pass(cursor, b"\xa4type\xa3git")?;
    fixed(cursor, b"\xa9directory\xc4\x14", 20)?;
    pass(cursor, b"\xa9synthetic")?;
    if !cursor.pass(&[0xc2]) {
        pass(cursor, &[0xc3])?;
    }
    pass(cursor, b"\xa8metadata\xc0\xa7parents")?;
    for _ in 0..short_array(cursor)? {
        fixed(cursor, b"\xc4\x14", 20)?;
    }
    fixed(cursor, b"\xa2id\xc4\x14", 20)?;
    pass(cursor, b"\xadextra_headers")?;
    for _ in 0..short_array(cursor)? {
        pass(cursor, &[0x92])?;
        bytes(cursor)?;
        bytes(cursor)?;
    }
    Some(())
}

/// The number of items of a short list.
fn short_array(cursor: &mut Cursor<'_>) -> Option<u32> {
    match cursor.head() {
        Ok(Head::Array(count @ 0..16)) => Some(count),
        _ => None,
    }
}

fn person(cursor: &mut Cursor<'_>) -> Option<()> {
    pass(cursor, b"\x83\xa8fullname")?;
    bytes(cursor)?;
    // All persons in public topics have this form.
    if cursor.pass(b"\xa4name\xc0\xa5email\xc0") {
        return Some(());
    }
    pass(cursor, b"\xa4name")?;
    bytes_or_nil(cursor)?;
    pass(cursor, b"\xa5email")?;
    bytes_or_nil(cursor)
}

fn date(cursor: &mut Cursor<'_>) -> Option<()> {
    pass(cursor, b"\x82\xa9timestamp\x82\xa7seconds")?;
    let seconds = cursor.short_uint()?;
    pass(cursor, b"\xacmicroseconds")?;
    let microseconds = cursor.short_uint()?;
    pass(cursor, b"\xacoffset_bytes")?;
    bytes(cursor)?;
    (DATE_SECONDS.contains(&i64::from(seconds)) && microseconds < 1_000_000).then_some(())
}

fn origin(cursor: &mut Cursor<'_>) -> Option<()> {
    pass(cursor, b"\x82\xa3url")?;
    let Ok(Head::Str(length)) = cursor.head() else {
        return None;
    };
    let url = cursor.bytes(length).ok()?;
    str::from_utf8(url).ok()?;
    fixed(cursor, b"\xa2id\xc4\x14", 20)?;
    (url.len() < URL_BYTES).then_some(())
}

#[cfg(test)]
mod tests {
    use super::Order;

    fn are_ordered(entries: &[(&'static str, bool)]) -> bool {
        let mut order = Order::default();
        entries
            .iter()
            .all(|&(name, is_directory)| order.follows(name.as_bytes(), is_directory))
    }

    #[test]
    fn entries_in_gits_order_follow_each_other() {
        for entries in [
            &[][..],
            &[("a", false), ("b", true)],
            &[("a", false), ("a.b", true), ("a0", false)],
            &[("a-", false), ("a.b", false), ("a", true), ("a0", false)],
            &[
                ("a", false),
                ("a.", false),
                ("a..", false),
                ("ab", true),
                ("b", false),
            ],
        ] {
            assert!(are_ordered(entries), "{entries:?}");
        }
    }

    #[test]
    fn entries_in_another_order_or_of_one_name_do_not() {
        for entries in [
            &[("b", false), ("a", false)][..],
            &[("a", true), ("a.b", false)],
            &[("a", false), ("a", false)],
            &[("a", true), ("a", true)],
            &[("a", false), ("a", true)],
            &[("a", false), ("a.b", false), ("a", true)],
            &[("a", false), ("a.", false), ("a..", true), ("a", true)],
            &[("a", false), ("a-", false), ("a.", false), ("a", true)],
            &[("", false), ("", true)],
        ] {
            assert!(!are_ordered(entries), "{entries:?}");
        }
    }
}
