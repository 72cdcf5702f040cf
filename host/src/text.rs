//! Texts that people read: those of guests made harmless, and amounts with their units.

use std::fmt;
use std::time::Duration;

/// The most of a reason, name or place that is shown, in bytes.
pub(crate) const REASON_BYTES: usize = 1024;
/// The most of a log line, panic message or failure that is shown, in bytes.
pub(crate) const MESSAGE_BYTES: usize = 4096;

/// `text` without anything that could steer a terminal or reorder a line, and cut where what comes
/// out would pass `limit` bytes.
pub(crate) fn clean(text: &str, limit: usize) -> String {
    let mut clean = String::with_capacity(text.len().min(limit));
    for c in text.chars() {
        let escaped = (c.is_control() || steers(c)).then(|| c.escape_default());
        let bytes = escaped
            .as_ref()
            .map_or(c.len_utf8(), ExactSizeIterator::len);
        if clean.len() + bytes > limit {
            clean.push('…');
            break;
        }
        match escaped {
            Some(escaped) => clean.extend(escaped),
            None => clean.push(c),
        }
    }
    clean
}

/// Marks of writing direction, zero-width characters and line separators.
fn steers(c: char) -> bool {
    matches!(c, '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Names in backticks, with commas between them.
pub(crate) fn list(names: &[String]) -> String {
    names
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// An amount of memory.
pub(crate) struct Bytes(pub(crate) usize);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(usize, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
        for (size, unit) in UNITS {
            if self.0 >= size && self.0.is_multiple_of(size) {
                return write!(f, "{} {unit}", self.0 / size);
            }
        }
        write!(f, "{} B", self.0)
    }
}

/// A length of time.
pub(crate) struct Span(pub(crate) Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.subsec_nanos() == 0 {
            write!(f, "{} s", self.0.as_secs())
        } else {
            write!(f, "{} ms", self.0.as_millis())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_and_direction_marks_are_escaped() {
        assert_eq!(
            clean("a\x1b[31m\n\u{202e}é", 100),
            "a\\u{1b}[31m\\n\\u{202e}é"
        );
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(clean("éé", 3), "é…");
        assert_eq!(clean("éé", 4), "éé");
    }

    #[test]
    fn escapes_count_with_their_own_length_and_are_never_cut_apart() {
        assert_eq!(clean("\0\0\0", 10), "\\u{0}\\u{0}…");
        assert_eq!(clean("\0\0\0", 9), "\\u{0}…");
        assert_eq!(
            clean(&"\u{202e}".repeat(10_000), 100).len(),
            96 + '…'.len_utf8()
        );
    }

    #[test]
    fn amounts_have_units() {
        assert_eq!(Bytes(512 << 20).to_string(), "512 MiB");
        assert_eq!(Bytes(1000).to_string(), "1000 B");
        assert_eq!(Span(Duration::from_secs(30)).to_string(), "30 s");
        assert_eq!(Span(Duration::from_millis(50)).to_string(), "50 ms");
    }
}
