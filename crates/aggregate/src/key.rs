//! Formats keys for messages.

use std::fmt::Write as _;

use journal_msgpack::{Cursor, Head};

/// The limit of the characters of a key in a message.
const SHOWN: usize = 200;

/// The parts of a key as a readable list: `["a", 1]`.
pub(crate) fn text(key: &[u8]) -> String {
    let mut cursor = Cursor::new(key);
    let mut text = "[".to_owned();
    while !cursor.at_end() && text.len() < SHOWN {
        if text.len() > 1 {
            text.push_str(", ");
        }
        if part(&mut cursor, &mut text).is_err() {
            break;
        }
    }
    if let Some((end, _)) = text.char_indices().nth(SHOWN) {
        text.truncate(end);
        text.push('…');
    }
    text.push(']');
    text
}

fn part(cursor: &mut Cursor<'_>, text: &mut String) -> Result<(), journal_msgpack::Fault> {
    let before = *cursor;
    // Writing to memory does not fail.
    let _ = match cursor.head()? {
        Head::Nil => write!(text, "nil"),
        Head::Bool(value) => write!(text, "{value}"),
        Head::Uint(number) => write!(text, "{number}"),
        Head::Int(number) => write!(text, "{number}"),
        Head::F32(number) => write!(text, "{number:?}"),
        Head::F64(number) => write!(text, "{number:?}"),
        Head::Str(length) => {
            let bytes = cursor.bytes(length)?;
            let shown = &bytes[..bytes.len().min(SHOWN)];
            write!(text, "{:?}", String::from_utf8_lossy(shown))
        }
        Head::Bin(length) => {
            let bytes = cursor.bytes(length)?;
            bytes
                .iter()
                .take(SHOWN)
                .try_for_each(|byte| write!(text, "{byte:02x}"))
        }
        Head::Array(_) | Head::Map(_) | Head::Ext(..) => {
            *cursor = before;
            cursor.skip()?;
            write!(text, "…")
        }
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn parts_are_separated() {
        assert_eq!(
            text(b"\xa2a\"\x05\xff\xc0\xc4\x02\x00\xff\x91\x01\xc3"),
            r#"["a\"", 5, -1, nil, 00ff, …, true]"#
        );
        assert_eq!(text(b""), "[]");
    }

    #[test]
    fn long_keys_are_cut() {
        let long = [b"\xda\x40\x00".as_slice(), &[b'x'; 0x4000]].concat();
        assert_eq!(text(&long).chars().count(), 202);
    }
}
