//! The names of topics.

/// The longest name of a topic, in bytes, as Kafka has it.
const MAX_NAME_BYTES: usize = 249;

/// Whether a topic may have this name: 1 to 249 of `A-Za-z0-9._-`, and neither `.` nor `..`. Kafka allows no other
/// names.
#[must_use]
pub fn is_topic_name(name: &str) -> bool {
    is_name(name.as_bytes())
}

pub(crate) fn is_name(name: &[u8]) -> bool {
    let is_allowed = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    !name.is_empty()
        && name.len() <= MAX_NAME_BYTES
        && name.iter().all(is_allowed)
        && !matches!(name, b"." | b"..")
}

/// A name that no topic may have, bounded and in printable ASCII, for messages.
pub(crate) fn shown(name: &[u8]) -> String {
    let part = &name[..name.len().min(MAX_NAME_BYTES)];
    let more = if part.len() < name.len() { "..." } else { "" };
    format!("{}{more}", part.escape_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_kafka_allows() {
        let longest = "a".repeat(MAX_NAME_BYTES);
        for name in [
            "a",
            "swh.journal.objects_privileged.revision",
            "A-Z_0.9",
            "...",
            &longest,
        ] {
            assert!(is_topic_name(name), "{name}");
        }
        let too_long = "a".repeat(MAX_NAME_BYTES + 1);
        for name in [
            "", ".", "..", "a b", "a\n", "a/b", "\u{202e}", "\u{e9}", &too_long,
        ] {
            assert!(!is_topic_name(name), "{name:?}");
        }
    }

    #[test]
    fn bad_name_is_shown_in_printable_characters() {
        assert_eq!(shown("a\n\u{202e}".as_bytes()), "a\\n\\xe2\\x80\\xae");
        assert_eq!(shown(&[b'a'; 300]).len(), MAX_NAME_BYTES + 3);
    }
}
