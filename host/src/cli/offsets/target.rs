//! Parses where offsets are reset to, and which topics are meant.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::journal::group_offsets::TopicChoice;
use crate::journal::offsets::Start;

/// Where offsets are reset to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// Where a run would start.
    Start(Start),
    /// The offsets in a file.
    File(PathBuf),
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "" => return Err("it is empty".to_owned()),
            "earliest" => Self::Start(Start::Earliest),
            "latest" => Self::Start(Start::Latest),
            _ => match time(text) {
                Some(time) if time > SystemTime::now() => {
                    return Err("it is in the future".to_owned());
                }
                Some(time) => Self::Start(Start::Time(milliseconds(time))),
                None => Self::File(text.into()),
            },
        })
    }
}

/// A day, a time in UTC, or a span before now.
fn time(text: &str) -> Option<SystemTime> {
    let is_day = text.len() == "2026-11-27".len();
    let text = if is_day {
        format!("{text}T00:00:00Z")
    } else {
        text.to_owned()
    };
    if let Ok(time) = humantime::parse_rfc3339_weak(&text) {
        return Some(time);
    }
    let ago = humantime::parse_duration(&text).ok()?;
    SystemTime::now().checked_sub(ago)
}

/// Milliseconds since 1970; no record is older.
fn milliseconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// `TOPIC`, or `TOPIC:PARTITION`; a topic's name has no colon.
pub(super) fn topic_choice(text: &str) -> Result<TopicChoice, String> {
    let (topic, partition) = match text.split_once(':') {
        Some((topic, number)) => {
            let number = number
                .parse()
                .map_err(|_| "the partition after the colon is not a number".to_owned())?;
            (topic, Some(number))
        }
        None => (text, None),
    };
    if topic.is_empty() {
        return Err("it names no topic".to_owned());
    }
    Ok(TopicChoice {
        topic: topic.to_owned(),
        partition,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_from_files() {
        let start = |text: &str| match text.parse().unwrap() {
            Target::Start(start) => Some(start),
            Target::File(_) => None,
        };
        assert_eq!(start("earliest"), Some(Start::Earliest));
        assert_eq!(start("latest"), Some(Start::Latest));
        assert_eq!(start("1970-01-02"), Some(Start::Time(86_400_000)));
        assert_eq!(start("1970-01-01T00:00:01.5Z"), Some(Start::Time(1500)));
        assert_eq!(start("1970-01-01 00:00:01"), Some(Start::Time(1000)));
        for file in [
            "./latest",
            "offsets.tsv",
            "1970-13-01",
            "2026",
            "10charname",
        ] {
            assert_eq!(start(file), None, "{file}");
        }
        assert!("".parse::<Target>().is_err());
        assert!(
            "9999-01-01".parse::<Target>().is_err(),
            "it is in the future"
        );
        let day_ago = milliseconds(SystemTime::now()) - 86_400_000;
        let Some(Start::Time(time)) = start("1d") else {
            panic!("it is a time");
        };
        assert!((day_ago - 60_000..=day_ago + 60_000).contains(&time));
    }

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
