//! Percent-encoding in qualifiers.

use std::fmt::{self, Formatter};

/// Whether a character is white space, including the four ASCII separators, as in Python.
pub(super) fn is_blank(character: char) -> bool {
    character.is_whitespace() || matches!(character, '\x1c'..='\x1f')
}

/// Unescapes a text. A `%` that is not followed by two hexadecimal digits is kept.
pub(super) fn unescape(text: &str) -> Vec<u8> {
    let mut rest = text.as_bytes();
    let mut bytes = Vec::with_capacity(rest.len());
    while let Some((byte, after)) = rest.split_first() {
        let escaped = match after {
            [high, low, ..] if *byte == b'%' => hexadecimal(*high, *low),
            _ => None,
        };
        bytes.push(escaped.unwrap_or(*byte));
        rest = if escaped.is_some() {
            &after[2..]
        } else {
            after
        };
    }
    bytes
}

fn hexadecimal(high: u8, low: u8) -> Option<u8> {
    let digit = |digit: u8| char::from(digit).to_digit(16);
    u8::try_from(digit(high)? << 4 | digit(low)?).ok()
}

/// Writes the URL of an origin. Only characters that a qualifier cannot contain are escaped.
pub(super) fn write_url(url: &str, formatter: &mut Formatter<'_>) -> fmt::Result {
    let must_be_escaped = |character| matches!(character, '%' | ';') || is_blank(character);
    let mut rest = url;
    while let Some(position) = rest.find(must_be_escaped) {
        let (before, after) = rest.split_at(position);
        formatter.write_str(before)?;
        let length = after.chars().next().map_or(0, char::len_utf8);
        let (escaped, after) = after.split_at(length);
        write_escaped(escaped.as_bytes(), formatter)?;
        rest = after;
    }
    formatter.write_str(rest)
}

/// Writes a path. All characters except ASCII letters and digits, `/`, `_`, `.`, `-` and `~` are escaped.
pub(super) fn write_path(path: &[u8], formatter: &mut Formatter<'_>) -> fmt::Result {
    let is_plain = |byte: &u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_' | b'.' | b'-' | b'~')
    };
    for run in path.chunk_by(|left, right| is_plain(left) == is_plain(right)) {
        match str::from_utf8(run) {
            Ok(text) if run.iter().all(is_plain) => formatter.write_str(text)?,
            _ => write_escaped(run, formatter)?,
        }
    }
    Ok(())
}

fn write_escaped(bytes: &[u8], formatter: &mut Formatter<'_>) -> fmt::Result {
    bytes
        .iter()
        .try_for_each(|byte| write!(formatter, "%{byte:02X}"))
}
