//! The identifier of a topic in the note of a position that a sink keeps.
//!
//! Positions are kept by the names of topics. Where a topic is deleted and created again, the identifier says that the
//! position is one of another topic.

/// The name of the part that holds the identifier. Parts are separated by spaces.
const TOPIC: &str = "topic=";

/// A note with the identifier of the topic.
#[must_use]
pub fn join(note: &str, topic: u128) -> String {
    let space = if note.is_empty() { "" } else { " " };
    format!("{note}{space}{TOPIC}{topic:032x}")
}

/// The note without the identifier, and the identifier if it has one.
#[must_use]
pub fn split(note: &str) -> (String, Option<u128>) {
    let topic = note
        .split(' ')
        .find_map(|part| u128::from_str_radix(part.strip_prefix(TOPIC)?, 16).ok());
    let rest = note.split(' ').filter(|part| !part.starts_with(TOPIC));
    (rest.collect::<Vec<_>>().join(" "), topic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn note_is_split_into_what_was_joined() {
        for note in ["", "start=5", "start=5 more"] {
            for topic in [0, 7, u128::MAX] {
                let joined = join(note, topic);
                assert_eq!(split(&joined), (note.to_owned(), Some(topic)), "{joined}");
            }
            assert_eq!(split(note), (note.to_owned(), None));
        }
        assert_eq!(split("topic=x"), (String::new(), None));
    }
}
