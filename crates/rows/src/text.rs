//! Writes JSON strings.
//!
//! In addition to what JSON requires, these are escaped: U+007F to U+009F, the line ends U+2028 and U+2029, and the
//! marks that change the direction of writing. Some readers treat U+0085, U+2028 and U+2029 as the end of a line.
//! Terminals interpret U+009B like the escape character, and show text after a direction mark in another order.
//!
//! All of them except U+007F are two or three bytes in UTF-8, of which the first is one of three bytes. So a first pass
//! over the bytes of a text detects plain ASCII without escapes, and a second pass detects most texts in other
//! alphabets without escapes.

use crate::error::ErrorKind;

/// The number of bytes that are checked together.
const BLOCK: usize = 32;

/// Why a text cannot be written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Refused {
    NotUtf8,
    TooLong,
}

impl From<Refused> for ErrorKind {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::NotUtf8 => Self::NotUtf8,
            Refused::TooLong => Self::TooLong,
        }
    }
}

/// Appends a text in quotes to `json`, whose length is limited to `limit` bytes.
#[inline]
pub(crate) fn append(text: &[u8], json: &mut Vec<u8>, limit: usize) -> Result<(), Refused> {
    if is_plain_ascii(text) {
        append_plain(text, json, limit)
    } else {
        append_other(text, json, limit)
    }
}

#[inline]
fn append_plain(text: &[u8], json: &mut Vec<u8>, limit: usize) -> Result<(), Refused> {
    has_room(json, text.len() + 2, limit)?;
    json.reserve(text.len() + 2);
    json.push(b'"');
    json.extend_from_slice(text);
    json.push(b'"');
    Ok(())
}

#[inline(never)]
fn append_other(text: &[u8], json: &mut Vec<u8>, limit: usize) -> Result<(), Refused> {
    if !text.is_ascii() {
        str::from_utf8(text).map_err(|_| Refused::NotUtf8)?;
        if !has_escapes(text) {
            return append_plain(text, json, limit);
        }
    }
    append_escaped(text, json, limit)
}

fn append_escaped(text: &[u8], json: &mut Vec<u8>, limit: usize) -> Result<(), Refused> {
    // Escapes are longer than the characters that they replace, so at least this many bytes are needed.
    has_room(json, text.len() + 2, limit)?;
    json.reserve(text.len() + 2);
    json.push(b'"');
    let (mut written, mut next) = (0, 0);
    while let Some(offset) = text[next..]
        .iter()
        .position(|&byte| MAY_BEGIN_ESCAPE[usize::from(byte)])
    {
        let found = next + offset;
        let Some((length, code)) = escaped_at(&text[found..]) else {
            next = found + 1;
            continue;
        };
        json.extend_from_slice(&text[written..found]);
        append_escape(code, json);
        next = found + length;
        written = next;
        has_room(json, text.len() - written + 1, limit)?;
    }
    json.extend_from_slice(&text[written..]);
    json.push(b'"');
    Ok(())
}

/// Whether a text is ASCII without characters to escape.
#[inline]
fn is_plain_ascii(text: &[u8]) -> bool {
    // The first and the last block together cover the whole text. Blocks of a constant size are compared at once.
    match text.len() {
        0..4 => text.iter().copied().all(is_plain_byte),
        4..8 => ends_are_plain::<4>(text),
        8..16 => ends_are_plain::<8>(text),
        16..=32 => ends_are_plain::<16>(text),
        33..=64 => ends_are_plain::<32>(text),
        _ => {
            let (blocks, _) = text.as_chunks::<64>();
            blocks.iter().all(is_plain_block) && text.last_chunk::<64>().is_some_and(is_plain_block)
        }
    }
}

#[inline]
fn ends_are_plain<const N: usize>(text: &[u8]) -> bool {
    text.first_chunk::<N>().is_some_and(is_plain_block)
        & text.last_chunk::<N>().is_some_and(is_plain_block)
}

#[inline]
fn is_plain_block<const N: usize>(block: &[u8; N]) -> bool {
    let all = block.iter();
    all.fold(true, |plain, &byte| plain & is_plain_byte(byte))
}

#[inline]
fn is_plain_byte(byte: u8) -> bool {
    // As a signed number, the sum is negative for 0x7f and above, and at most 0x20 for control characters.
    byte.wrapping_add(1).cast_signed() > 0x20 && byte != b'"' && byte != b'\\'
}

/// Whether a text, which is valid UTF-8, has characters to escape.
fn has_escapes(text: &[u8]) -> bool {
    (0..text.len()).step_by(BLOCK).any(|start| {
        let rest = &text[start..];
        if let Some(block) = rest.first_chunk() {
            block_has_escapes(block)
        } else {
            let mut block = [b' '; BLOCK + 2];
            block[..rest.len()].copy_from_slice(rest);
            block_has_escapes(&block)
        }
    })
}

/// Whether a character to escape begins in a block. The two bytes after the block follow it.
#[inline]
fn block_has_escapes(block: &[u8; BLOCK + 2]) -> bool {
    // Few texts in other alphabets have one of these bytes, and even fewer the bytes that must follow it.
    let may_have_one =
        (0..BLOCK).fold(false, |found, index| found | may_begin_escape(block[index]));
    may_have_one
        && (0..BLOCK).fold(false, |found, index| {
            found | begins_escape(block[index], block[index + 1], block[index + 2])
        })
}

/// Whether [`escaped_at`] finds a character, as comparisons that the compiler can vectorize.
#[inline]
fn begins_escape(first: u8, second: u8, third: u8) -> bool {
    is_escaped_ascii(first)
        || first == 0xc2 && second < 0xa0
        || first == 0xd8 && second == 0x9c
        || first == 0xe2 && second == 0x80 && matches!(third, 0x8e | 0x8f | 0xa8..=0xae)
        || first == 0xe2 && second == 0x81 && matches!(third, 0xa6..=0xa9)
}

#[inline]
const fn is_escaped_ascii(byte: u8) -> bool {
    byte < b' ' || byte == b'"' || byte == b'\\' || byte == 0x7f
}

#[inline]
const fn may_begin_escape(byte: u8) -> bool {
    // Setting the bit in which 0xc2 and 0xe2 differ makes one comparison find both.
    is_escaped_ascii(byte) || byte | 0x20 == 0xe2 || byte == 0xd8
}

/// The bytes with which a character to escape may begin.
static MAY_BEGIN_ESCAPE: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte: u8 = 0;
    loop {
        table[byte as usize] = may_begin_escape(byte);
        if byte == u8::MAX {
            break table;
        }
        byte += 1;
    }
};

/// The length in UTF-8 and the code point of the first character of `text`, if it must be escaped.
#[inline]
fn escaped_at(text: &[u8]) -> Option<(usize, u16)> {
    match *text {
        [byte @ (..b' ' | b'"' | b'\\' | 0x7f), ..] => Some((1, byte.into())),
        [0xc2, last @ 0x80..=0x9f, ..] => Some((2, last.into())),
        [0xd8, 0x9c, ..] => Some((2, 0x061c)),
        // U+200E, U+200F, and U+2028 to U+202E.
        [0xe2, 0x80, last @ (0x8e | 0x8f | 0xa8..=0xae), ..] => {
            Some((3, 0x2000 + u16::from(last - 0x80)))
        }
        // U+2066 to U+2069.
        [0xe2, 0x81, last @ 0xa6..=0xa9, ..] => Some((3, 0x2040 + u16::from(last - 0x80))),
        _ => None,
    }
}

fn append_escape(code: u16, json: &mut Vec<u8>) {
    let short = match code {
        0x08 => b'b',
        0x09 => b't',
        0x0a => b'n',
        0x0c => b'f',
        0x0d => b'r',
        0x22 => b'"',
        0x5c => b'\\',
        _ => {
            let mut escape = *b"\\u0000";
            let written = const_hex::encode_to_slice(code.to_be_bytes(), &mut escape[2..]);
            debug_assert!(written.is_ok(), "two bytes have four digits");
            json.extend_from_slice(&escape);
            return;
        }
    };
    json.extend_from_slice(&[b'\\', short]);
}

/// Returns an error if `json` would exceed its limit with this many more bytes.
#[inline]
pub(crate) fn has_room(json: &[u8], more: usize, limit: usize) -> Result<(), Refused> {
    if json.len().saturating_add(more) > limit {
        Err(Refused::TooLong)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{Rng as _, SeedableRng as _};

    use super::*;

    fn json(text: &str) -> String {
        let mut json = Vec::new();
        append(text.as_bytes(), &mut json, usize::MAX).unwrap();
        String::from_utf8(json).unwrap()
    }

    /// Whether a character is special to JSON, to readers of lines or to terminals, by its properties in Unicode.
    fn is_escaped(character: char) -> bool {
        character.is_control()
            || matches!(character, '"' | '\\' | '\u{61c}' | '\u{200e}' | '\u{200f}')
            || matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    }

    #[test]
    fn every_character_is_written_unchanged_or_escaped() {
        for character in '\0'..=char::MAX {
            let json = json(&format!("a{character}b"));
            if is_escaped(character) {
                assert!(json.is_ascii() && json.starts_with("\"a\\"), "{json}");
            } else {
                assert_eq!(json, format!("\"a{character}b\""));
            }
            assert_eq!(
                serde_json::from_str::<String>(&json).unwrap(),
                format!("a{character}b")
            );
        }
    }

    #[test]
    fn escapes_have_their_shortest_form() {
        assert_eq!(
            json("\u{8}\t\n\u{c}\r\"\\\u{1f}\u{7f}\u{9b}\u{2028}\u{202e}"),
            r#""\b\t\n\f\r\"\\\u001f\u007f\u009b\u2028\u202e""#
        );
    }

    /// Texts of all lengths from characters that are escaped, or similar to those that are.
    fn random_text(random: &mut StdRng) -> String {
        const CHARACTERS: &[char] = &[
            'a',
            ' ',
            '~',
            '"',
            '\\',
            '\n',
            '\0',
            '\u{7f}',
            '\u{80}',
            '\u{85}',
            '\u{9f}',
            '\u{a0}',
            'é',
            '\u{61b}',
            '\u{61c}',
            '\u{600}',
            '\u{200d}',
            '\u{200e}',
            '\u{2010}',
            '“',
            '\u{2027}',
            '\u{2028}',
            '\u{202e}',
            '\u{202f}',
            '\u{2065}',
            '\u{2066}',
            '\u{2069}',
            '\u{206a}',
            '修',
            '\u{feff}',
            '\u{1f600}',
        ];
        let length = random.random_range(0..70);
        // In most texts, few characters are escaped.
        let odd = random.random_range(0.0..0.3);
        let character = |random: &mut StdRng| {
            if random.random_bool(odd) {
                CHARACTERS[random.random_range(0..CHARACTERS.len())]
            } else {
                char::from(random.random_range(b'a'..=b'z'))
            }
        };
        (0..length).map(|_| character(random)).collect()
    }

    #[test]
    fn texts_are_read_back_and_have_no_unescaped_special_characters() {
        let mut random = StdRng::seed_from_u64(11);
        for _ in 0..100_000 {
            let text = random_text(&mut random);
            let json = json(&text);
            assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
            let inside = &json[1..json.len() - 1];
            assert!(
                !inside
                    .chars()
                    .any(|character| is_escaped(character) && !matches!(character, '"' | '\\')),
                "{json:?}"
            );
        }
    }

    #[test]
    fn limit_applies_to_the_escaped_text() {
        let mut random = StdRng::seed_from_u64(12);
        for _ in 0..10_000 {
            let text = random_text(&mut random);
            let whole = json(&text);
            for limit in 0..=whole.len() {
                let mut json = Vec::new();
                let written = append(text.as_bytes(), &mut json, limit);
                if limit == whole.len() {
                    assert_eq!((written, json), (Ok(()), whole.clone().into_bytes()));
                } else {
                    assert_eq!(written, Err(Refused::TooLong));
                    assert!(json.len() <= limit + 6, "{} of {limit}", json.len());
                }
            }
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_are_refused() {
        for text in [
            &b"\xff"[..],
            b"a\xc2",
            b"a\xe2\x80",
            b"\xe2\x80a",
            b"\xd8",
            b"\xc2\x9b\xff",
            b"\"\x80",
            b"\xed\xa0\x80",
        ] {
            let refused = append(text, &mut Vec::new(), usize::MAX);
            assert_eq!(refused, Err(Refused::NotUtf8), "{text:x?}");
        }
    }
}
