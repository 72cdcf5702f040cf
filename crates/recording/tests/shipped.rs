//! The recording that ships with the project matches its README.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use journal_msgpack::{Cursor, Head};
use journal_recording::{Format, Reader};

const MOST_BYTES: u64 = 3_000_000;

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../recordings"))
}

fn recording() -> Reader<fs::File> {
    Reader::open(&folder().join("ripgrep.journal.zst")).unwrap()
}

/// The texts, bytes and nils of a msgpack value, including the keys of maps.
fn leaves(value: &[u8]) -> Vec<Option<&[u8]>> {
    let mut cursor = Cursor::new(value);
    let mut leaves = Vec::new();
    while !cursor.at_end() {
        match cursor.head().unwrap() {
            Head::Str(length) | Head::Bin(length) => {
                leaves.push(Some(cursor.bytes(length).unwrap()));
            }
            Head::Ext(_, length) => {
                cursor.bytes(length).unwrap();
            }
            Head::Nil => leaves.push(None),
            _ => {}
        }
    }
    leaves
}

/// The first part that looks like an email address: characters, `@`, and a domain with a dot.
fn address(text: &[u8]) -> Option<String> {
    let is_local = |byte: u8| byte.is_ascii_graphic() && !b"<>\"'(),;:/`@".contains(&byte);
    let is_domain = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
    for (at, _) in text.iter().enumerate().filter(|(_, byte)| **byte == b'@') {
        let domain = text[at + 1..]
            .split(|&byte| !is_domain(byte))
            .next()
            .unwrap_or_default();
        let has_local = at > 0 && is_local(text[at - 1]);
        let dot = domain.iter().position(|&byte| byte == b'.');
        let top = dot.map_or(&[][..], |dot| &domain[dot + 1..]);
        if has_local && dot != Some(0) && top.iter().filter(|b| b.is_ascii_alphabetic()).count() > 1
        {
            let begin = text[..at]
                .iter()
                .rposition(|&byte| !is_local(byte))
                .map_or(0, |end| end + 1);
            return Some(String::from_utf8_lossy(&text[begin..=at + domain.len()]).into_owned());
        }
    }
    None
}

#[test]
fn addresses_are_found() {
    for text in [
        "<a.b@example.org>",
        "mailto:x@y.example",
        "\0x+y[bot]@a-b.c.de.",
        "@a b@c.de",
    ] {
        assert!(address(text.as_bytes()).is_some(), "{text}");
    }
    for text in [
        "@name",
        "checkout@v2",
        "a @b.cd",
        "a@b",
        "a@.cd",
        "address-removed",
    ] {
        assert_eq!(address(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn counts_match_the_readme() {
    let readme = fs::read_to_string(folder().join("README.md")).unwrap();
    let row = |line: &str| {
        let (topic, count) = line
            .strip_prefix("| `")?
            .strip_suffix(" |")?
            .split_once("` | ")?;
        Some((topic.to_owned(), count.replace(',', "").parse().ok()?))
    };
    let said: BTreeMap<String, u64> = readme.lines().filter_map(row).collect();
    assert_eq!(said.len(), 8);
    let topics: Vec<_> = said.keys().cloned().collect();
    let reader = recording();
    assert_eq!(reader.format(), Format::Frames);
    assert_eq!(reader.topics().unwrap(), topics);
    assert!(
        topics
            .iter()
            .all(|topic| topic.starts_with("swh.journal.objects."))
    );
    assert_eq!(reader.count().unwrap(), said);
}

#[test]
fn file_is_small_enough_to_ship() {
    let bytes = folder()
        .join("ripgrep.journal.zst")
        .metadata()
        .unwrap()
        .len();
    assert!(bytes <= MOST_BYTES, "{bytes}");
}

#[test]
fn there_are_no_addresses_and_no_signatures() {
    let mut reader = recording();
    let (mut people, mut signatures) = (0, 0);
    while let Some(frame) = reader.next_frame().unwrap() {
        let value = frame.value.unwrap();
        let leaves = [leaves(frame.key), leaves(value)].concat();
        for pair in leaves.windows(2) {
            // Only persons have these keys.
            match pair[0] {
                Some(b"fullname") => {
                    assert_eq!(pair[1].unwrap().len(), 32, "a full name is a SHA-256");
                    people += 1;
                }
                Some(b"email") => assert_eq!(pair[1], None, "an address is nil"),
                _ => {}
            }
        }
        for leaf in leaves.into_iter().flatten() {
            assert_eq!(address(leaf), None, "in {}", frame.topic);
            let text = String::from_utf8_lossy(leaf);
            assert!(!text.contains("file://"), "{text}");
            for (begin, _) in text.match_indices("-----BEGIN ") {
                let (_, body) = text[begin + 5..].split_once("-----").unwrap();
                let removed = body.starts_with("\n\nsignature-removed\n-----END ");
                assert!(removed, "{text}");
                signatures += 1;
            }
        }
    }
    assert_eq!(people, 2 * 4391 + 272);
    assert!(signatures > 2000, "{signatures}");
}
