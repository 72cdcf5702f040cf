//! Parses which topics are meant.

use crate::config::TopicPartition;
use crate::journal::group_offsets::TopicChoice;

/// `TOPIC`, or `TOPIC:PARTITION`; a topic's name has no colon.
pub(super) fn topic_choice(text: &str) -> Result<TopicChoice, String> {
    if let Ok(TopicPartition { topic, number }) = text.parse() {
        return Ok(TopicChoice {
            topic,
            partition: Some(number),
        });
    }
    if text.is_empty() || text.contains(':') {
        return Err("it is neither a topic nor TOPIC:NUMBER".to_owned());
    }
    Ok(TopicChoice {
        topic: text.to_owned(),
        partition: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partition_of_a_topic_comes_after_a_colon() {
        let choice = |topic: &str, partition| {
            Ok(TopicChoice {
                topic: topic.to_owned(),
                partition,
            })
        };
        assert_eq!(topic_choice("a.b"), choice("a.b", None));
        assert_eq!(topic_choice("a.b:7"), choice("a.b", Some(7)));
        for text in ["", ":1", "a:", "a:b", "a:-1"] {
            assert!(topic_choice(text).is_err(), "{text}");
        }
    }
}
