//! What is committed beside an offset: the note of the worker, and the identifier of the topic that the offset belongs to.
//!
//! A group's offsets are kept by the names of topics. Where a topic is deleted and created again, the identifier tells
//! that the offset is one of another topic.

use super::native::TopicId;

/// The name of the part that holds the identifier. Parts are separated by spaces.
const TOPIC: &str = "topic=";

/// A note with the identifier of the topic.
pub(super) fn join(note: &str, id: Option<TopicId>) -> String {
    match id {
        None => note.to_owned(),
        Some(id) if note.is_empty() => format!("{TOPIC}{id}"),
        Some(id) => format!("{note} {TOPIC}{id}"),
    }
}

/// The worker's note, and the identifier beside it. Any client may have committed the note.
pub(super) fn split(note: &str) -> (String, Option<&str>) {
    let id = note.split(' ').find_map(|part| part.strip_prefix(TOPIC));
    let rest: Vec<_> = note
        .split(' ')
        .filter(|part| !part.starts_with(TOPIC))
        .collect();
    (rest.join(" "), id)
}

/// Whether an offset with this identifier beside it belongs to another topic than the one that exists; not if either is
/// unknown.
pub(super) fn is_of_another_topic(committed: Option<&str>, existing: Option<TopicId>) -> bool {
    match (committed, existing) {
        (Some(committed), Some(existing)) => committed != existing.to_string(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn note_is_split_into_what_was_joined() {
        let id = TopicId(7);
        for note in ["", "start=5", "start=5 more"] {
            let joined = join(note, Some(id));
            let (rest, found) = split(&joined);
            assert_eq!(rest, note);
            assert_eq!(found, Some(id.to_string().as_str()));
            assert_eq!(join(note, None), note);
        }
        assert_eq!(
            split("of another client"),
            ("of another client".to_owned(), None)
        );
    }

    #[test]
    fn offset_is_of_another_topic_only_if_both_identifiers_are_known() {
        let (noted, id) = (TopicId(7).to_string(), TopicId(8));
        assert!(is_of_another_topic(Some(&noted), Some(id)));
        assert!(!is_of_another_topic(Some(&noted), Some(TopicId(7))));
        assert!(!is_of_another_topic(None, Some(id)));
        assert!(!is_of_another_topic(Some(&noted), None));
    }
}
