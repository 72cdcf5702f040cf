//! The settings of librdkafka that follow from static membership.

use super::GROUP_INSTANCE_ID;
use super::layer::KafkaLayer;
use crate::kafka::integer;

/// The time for which the group keeps the partitions of a static member that is away, as upstream's client sets it, in
/// milliseconds.
const STATIC_SESSION_MS: usize = 600_000;
/// librdkafka's default of a session, in milliseconds.
const DEFAULT_SESSION_MS: usize = 45_000;
/// librdkafka's default of the longest time between two polls, in milliseconds.
const DEFAULT_MAX_POLL_INTERVAL_MS: usize = 300_000;
/// The longest time between two polls that librdkafka takes, in milliseconds.
const MOST_POLL_INTERVAL_MS: usize = 86_400_000;
const SESSION_TIMEOUT: &str = "session.timeout.ms";
const MAX_POLL_INTERVAL: &str = "max.poll.interval.ms";

/// The settings of a layer, with those that follow from them.
///
/// A static member gets a session of ten minutes, in which it can be restarted. librdkafka requires the longest time
/// between two polls to be at least as long as a session: where it is not set, it is one and a half sessions, as
/// upstream's client sets it, and at least librdkafka's default, which a deadline of a call needs. Where only that time
/// is set, a session is no longer than it.
pub(crate) fn complete(kafka: &KafkaLayer) -> Vec<(String, String)> {
    let mut settings = kafka.settings.clone().unwrap_or_default().0;
    if let Some(id) = &kafka.group_instance_id {
        settings.push((GROUP_INSTANCE_ID.to_owned(), id.0.clone()));
    }
    let get = |settings: &[(String, String)], key: &str| {
        let found = settings.iter().rev().find(|(known, _)| known == key);
        found.map(|(_, value)| value.clone())
    };
    if get(&settings, "group.protocol").is_some_and(|protocol| protocol == "consumer") {
        // The brokers set the session of such a group.
        return settings;
    }
    let is_static = get(&settings, GROUP_INSTANCE_ID).is_some();
    let interval = get(&settings, MAX_POLL_INTERVAL).and_then(|value| integer(&value));
    if get(&settings, SESSION_TIMEOUT).is_none() {
        let usual = if is_static {
            STATIC_SESSION_MS
        } else {
            DEFAULT_SESSION_MS
        };
        let session = interval.map_or(usual, |interval| usual.min(interval));
        if session != DEFAULT_SESSION_MS {
            settings.push((SESSION_TIMEOUT.to_owned(), session.to_string()));
        }
    }
    let session = get(&settings, SESSION_TIMEOUT).and_then(|value| integer(&value));
    if let Some(session) = session
        && get(&settings, MAX_POLL_INTERVAL).is_none()
    {
        let interval = session.saturating_mul(3) / 2;
        if interval > DEFAULT_MAX_POLL_INTERVAL_MS {
            let interval = interval.min(MOST_POLL_INTERVAL_MS);
            settings.push((MAX_POLL_INTERVAL.to_owned(), interval.to_string()));
        }
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{KafkaSettings, Text};

    fn completed(id: Option<&str>, settings: &[(&str, &str)]) -> Vec<(String, String)> {
        let pairs = settings.iter();
        let pairs = pairs.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        complete(&KafkaLayer {
            settings: Some(KafkaSettings(pairs.collect())),
            group_instance_id: id.map(|id| Text(id.to_owned())),
            ..KafkaLayer::default()
        })
    }

    fn value(settings: &[(String, String)], key: &str) -> Option<u64> {
        let found = settings.iter().find(|(known, _)| known == key)?;
        found.1.parse().ok()
    }

    #[test]
    fn static_member_has_ten_minutes_for_a_restart_and_polls_less_often_than_that() {
        let by_setting: &[_] = &[("group.instance.id", "mirror-7")];
        for settings in [
            completed(Some("mirror-7"), &[]),
            completed(None, by_setting),
        ] {
            assert_eq!(value(&settings, SESSION_TIMEOUT), Some(600_000));
            assert_eq!(value(&settings, MAX_POLL_INTERVAL), Some(900_000));
        }
    }

    #[test]
    fn interval_between_polls_follows_a_longer_session_and_is_never_shorter_than_the_default() {
        let interval = |settings: &[(&str, &str)]| {
            let settings = completed(None, settings);
            value(&settings, MAX_POLL_INTERVAL)
        };
        assert_eq!(interval(&[(SESSION_TIMEOUT, "1200000")]), Some(1_800_000));
        assert_eq!(interval(&[(SESSION_TIMEOUT, "6000")]), None);
        let both = [(SESSION_TIMEOUT, "600000"), (MAX_POLL_INTERVAL, "700000")];
        assert_eq!(interval(&both), Some(700_000));
        assert_eq!(interval(&[]), None);
        assert_eq!(interval(&[(SESSION_TIMEOUT, "0x927c0")]), Some(900_000));
    }

    #[test]
    fn session_that_is_not_set_is_no_longer_than_the_interval_between_polls() {
        let session = |id, interval| {
            let settings = completed(id, &[(MAX_POLL_INTERVAL, interval)]);
            value(&settings, SESSION_TIMEOUT)
        };
        assert_eq!(session(None, "3600000"), None);
        assert_eq!(session(None, "30000"), Some(30_000));
        assert_eq!(session(Some("mirror-7"), "300000"), Some(300_000));
        assert_eq!(session(Some("mirror-7"), "3600000"), Some(600_000));
    }

    #[test]
    fn group_whose_brokers_set_the_session_gets_no_setting_of_it() {
        let settings = completed(Some("a"), &[("group.protocol", "consumer")]);
        assert_eq!(value(&settings, SESSION_TIMEOUT), None);
        assert_eq!(value(&settings, MAX_POLL_INTERVAL), None);
    }
}
