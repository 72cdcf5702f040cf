//! Writes the text of a row as it is.

use journal_msgpack::{Cursor, Head};

use crate::sink::{EncodeError, Encoder};
use crate::text;

/// The field that holds the text.
const FIELD: &[u8] = b"text";

/// Writes the texts of one output.
pub(super) struct TextEncoder {
    /// Whether control characters are escaped, because a terminal would obey them.
    pub(super) is_cleaned: bool,
}

impl Encoder for TextEncoder {
    fn encode(
        &mut self,
        row: &[u8],
        encoded: &mut Vec<u8>,
        limit: usize,
    ) -> Result<(), EncodeError> {
        let written = text_of(row).ok_or_else(|| {
            EncodeError::BadRow("is not a map with the one field `text`, a text".to_owned())
        })?;
        if written.len() > limit.saturating_sub(encoded.len()) {
            return Err(EncodeError::TooLong);
        }
        if !self.is_cleaned {
            encoded.extend_from_slice(written.as_bytes());
            return Ok(());
        }
        for part in written.split_inclusive(['\n', '\t']) {
            let words = part.trim_end_matches(['\n', '\t']);
            encoded.extend_from_slice(text::clean(words, usize::MAX).as_bytes());
            encoded.extend_from_slice(&part.as_bytes()[words.len()..]);
        }
        if encoded.len() > limit {
            return Err(EncodeError::TooLong);
        }
        Ok(())
    }
}

/// The text of a row.
fn text_of(row: &[u8]) -> Option<&str> {
    let mut cursor = Cursor::new(row);
    let Ok(Head::Map(1)) = cursor.head() else {
        return None;
    };
    let mut text = || match cursor.head() {
        Ok(Head::Str(length)) => cursor.bytes(length).ok(),
        _ => None,
    };
    let is_field = text()? == FIELD;
    let found = text()?;
    let is_whole = is_field && cursor.at_end();
    std::str::from_utf8(found).ok().filter(|_| is_whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(text: &str) -> Vec<u8> {
        let length = u8::try_from(text.len()).unwrap();
        [b"\x81\xa4text\xd9", &[length][..], text.as_bytes()].concat()
    }

    fn written(is_cleaned: bool, text: &str) -> String {
        let mut to = b"before ".to_vec();
        let mut encoder = TextEncoder { is_cleaned };
        encoder.encode(&row(text), &mut to, 1000).unwrap();
        String::from_utf8(to).unwrap()
    }

    #[test]
    fn text_is_written_as_it_is() {
        let text = "a\tb\n\n\x1b[2J c\r";
        assert_eq!(written(false, text), format!("before {text}"));
    }

    #[test]
    fn text_on_a_terminal_controls_nothing() {
        assert_eq!(
            written(true, "a\tb\n\nc\x1b[2J\r"),
            "before a\tb\n\nc\\u{1b}[2J\\r"
        );
    }

    #[test]
    fn rows_that_are_no_text_and_long_texts_are_refused() {
        let mut encoder = TextEncoder { is_cleaned: false };
        for row in [
            &b"\x80"[..],
            b"\x81\xa4text\x01",
            b"\x81\xa4term\xa1a",
            b"\x81\xa4text\xa1\xff",
            b"\x81\xa4text\xa1a\xc0",
            b"\x82\xa4text\xa1a\xa1b\xa1c",
        ] {
            let refused = encoder.encode(row, &mut Vec::new(), 100);
            assert!(matches!(refused, Err(EncodeError::BadRow(_))), "{row:?}");
        }
        let refused = encoder.encode(&row("abc"), &mut b"1".to_vec(), 3);
        assert!(matches!(refused, Err(EncodeError::TooLong)));
    }
}
