//! The group protocol `consumer` (KIP-848), in which the coordinator assigns the partitions.

use super::error::Reserved;
use super::group::Group;
use super::settings::{ASSIGNOR, Settings};

/// Settings that do not go together with `group.protocol=consumer`, and why; `group.remote.assignor` is always refused.
const REFUSED: [(&str, Reserved); 4] = [
    (
        "session.timeout.ms",
        Reserved::Guarantee(
            "with `group.protocol=consumer` the brokers set it, as `group.consumer.session.timeout.ms`",
        ),
    ),
    (
        "heartbeat.interval.ms",
        Reserved::Guarantee(
            "with `group.protocol=consumer` the brokers set it, as `group.consumer.heartbeat.interval.ms`",
        ),
    ),
    (
        "group.protocol.type",
        Reserved::Guarantee("`group.protocol=consumer` has no types"),
    ),
    (
        "group.instance.id",
        Reserved::Guarantee(
            "with `group.protocol=consumer` the brokers refuse a process that takes over the name of one that was \
             killed, until its session ends: static membership needs `group.protocol=classic`",
        ),
    ),
];

/// How the members of a group divide its partitions, where a worker cannot join them: all members of a group of the
/// classic protocol have to know one way.
#[must_use]
pub fn foreign_assignor<'a>(settings: &Settings, group: &'a Group) -> Option<&'a str> {
    let assignor = group.assignor.as_deref()?;
    let is_foreign = !group.members.is_empty() && assignor != ASSIGNOR;
    (is_foreign && !settings.has_consumer_protocol()).then_some(assignor)
}

/// The settings that the group's protocol excludes, and why.
pub(super) fn refused(has_consumer_protocol: bool) -> &'static [(&'static str, Reserved)] {
    if has_consumer_protocol { &REFUSED } else { &[] }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::kafka::settings::settings;
    use crate::kafka::{Error, GroupMember, GroupState};

    #[test]
    fn classic_worker_joins_only_members_with_its_assignor() {
        let group = |assignor: Option<&str>, members: usize| Group {
            state: GroupState::Stable,
            members: vec![
                GroupMember {
                    member_id: "m".to_owned(),
                    instance_id: None,
                    client_id: "c".to_owned(),
                    host: "h".to_owned(),
                };
                members
            ],
            assignor: assignor.map(str::to_owned),
            may_be_used: Some(true),
        };
        let classic = settings(&[]);
        for (assignor, members, foreign) in [
            (Some("range"), 1, Some("range")),
            (Some("range"), 0, None),
            (Some("cooperative-sticky"), 2, None),
            (None, 2, None),
        ] {
            let group = group(assignor, members);
            assert_eq!(foreign_assignor(&classic, &group), foreign, "{group:?}");
        }
        let consumer = settings(&[("group.protocol", "consumer")]);
        assert_eq!(foreign_assignor(&consumer, &group(Some("range"), 1)), None);
    }

    #[test]
    fn consumer_protocol_has_only_settings_that_librdkafka_takes() {
        let consumer = ("group.protocol", "consumer");
        let settings_of = |more: &[(&str, &str)]| settings(&[&[consumer], more].concat());
        settings_of(&[]).check(Duration::from_secs(30)).unwrap();
        let config = settings_of(&[]).for_worker(0, 1);
        assert_eq!(config.get("group.protocol"), Some("consumer"));
        // librdkafka refuses a wrong combination when it makes the client.
        config.create::<rdkafka::consumer::BaseConsumer>().unwrap();
        assert_eq!(settings_of(&[]).session_timeout(), None);
        for (key, _) in REFUSED {
            let pair = [(key, "1000")];
            let error = settings_of(&pair)
                .check(Duration::from_secs(30))
                .unwrap_err();
            assert!(error.to_string().contains(key), "{error}");
            assert!(matches!(error, Error::RefusedSetting { .. }), "{error}");
            let classic = settings(&pair).check(Duration::from_secs(30));
            assert!(
                !matches!(classic, Err(Error::RefusedSetting { .. })),
                "{key}"
            );
        }
    }
}
