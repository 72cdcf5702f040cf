//! A cluster that cannot be read, and settings of librdkafka that cannot be set.

use super::recording::{record_too_large, topics};
use super::{Explain, chain};
use crate::cli::names::Names;
use crate::config::Setting;
use crate::kafka::{Error, LikelyCause, Reserved};
use crate::text::Quoted;

impl Explain for Error {
    fn sentence(&self, names: Names<'_>) -> String {
        match self {
            Self::RefusedSetting { key, reason } => {
                let reason = match reason {
                    Reserved::Brokers => format!("{} sets it", names.of(Setting::Brokers)),
                    Reserved::GroupId => format!("{} sets it", names.of(Setting::GroupId)),
                    Reserved::Guarantee(reason) => (*reason).to_owned(),
                };
                format!("{} cannot be set: {reason}", names.kafka(key))
            }
            Self::UnknownSetting { key, .. } => {
                format!("{} is not a setting of librdkafka", names.kafka(key))
            }
            Self::BadSetting { key, value, reason } => {
                let name = names.kafka(key);
                match value {
                    Some(value) => format!("{name} cannot be {}: {reason}", Quoted(value)),
                    None => format!("{name} cannot have this value: {reason}"),
                }
            }
            Self::DeadlineTooLong {
                deadline_ms,
                max_poll_interval_ms,
            } => format!(
                "{} is more than half of `max.poll.interval.ms`, which is {max_poll_interval_ms}",
                names.with(Setting::Deadline, format_args!("{deadline_ms} ms"))
            ),
            Self::ResponsesTooLarge { bytes, brokers, .. } => format!(
                "{} is too much for {}: {brokers} brokers may send as much at the same time",
                names.kafka_with("fetch.max.bytes", bytes),
                names.of(Setting::ProcessMemory)
            ),
            _ => chain(self),
        }
    }

    fn hint(&self, names: Names<'_>) -> Option<String> {
        Some(match self {
            Self::RefusedSetting { .. } => "leave the setting out".to_owned(),
            Self::UnknownSetting {
                nearest: Some(name),
                ..
            } => format!("did you mean `{name}`?"),
            Self::UnknownSetting { nearest: None, .. } | Self::BadSetting { .. } => {
                "the settings are those of librdkafka's CONFIGURATION.md".to_owned()
            }
            Self::ResponsesTooLarge { most, .. } => format!(
                "set it to at most {most}, leave it out, or raise {}",
                names.of(Setting::ProcessMemory)
            ),
            Self::DeadlineTooLong { deadline_ms, .. } => format!(
                "shorten {}, or set {}",
                names.of(Setting::Deadline),
                names.kafka_with("max.poll.interval.ms", deadline_ms * 2)
            ),
            Self::Unreachable { .. } => format!(
                "check {}, and {} and the `sasl.*` and `ssl.*` settings",
                names.of(Setting::Brokers),
                names.kafka("security.protocol")
            ),
            Self::Topics { error, .. } => topics(error, names),
            Self::OutOfRange {
                topic,
                partition,
                first,
                group_id,
                brokers,
                ..
            } => format!(
                "records were deleted before they were read, or the topic was created again. To go on at the first \
                 record that exists, at offset {first}, run `journal-host offsets reset --brokers {brokers} --group-id \
                 {group_id} --topic {topic}:{partition} --to earliest`, or choose another {}",
                names.of(Setting::GroupId)
            ),
            Self::NotReadAgain { .. } => {
                "start the run again: it reads the new topic from its beginning".to_owned()
            }
            Self::RecordTooLarge { bytes, .. } => record_too_large(*bytes, names),
            Self::Fatal { .. }
            | Self::CommitRefused { .. }
            | Self::Partition { .. }
            | Self::Request { .. } => by_cause(self.likely_cause()?, names),
            Self::Thread(_) | Self::NoAnswers | Self::Client(_) | Self::NoQueue { .. } => {
                return None;
            }
        })
    }

    fn is_wrong_use(&self) -> bool {
        matches!(
            self,
            Self::RefusedSetting { .. }
                | Self::UnknownSetting { .. }
                | Self::BadSetting { .. }
                | Self::DeadlineTooLong { .. }
                | Self::ResponsesTooLarge { .. }
        )
    }
}

fn by_cause(cause: LikelyCause, names: Names<'_>) -> String {
    match cause {
        LikelyCause::Group => format!(
            "the account may not use this {}: where access is limited it begins with the user's name and a hyphen",
            names.of(Setting::GroupId)
        ),
        LikelyCause::Topic => format!(
            "the account may not read one of the topics: without access to privileged topics leave {} out",
            names.of(Setting::Privileged)
        ),
        LikelyCause::Message => format!(
            "the data may be damaged, or a record be larger than {}",
            names.kafka("receive.message.max.bytes")
        ),
        LikelyCause::InstanceId => "another member uses the same `group.instance.id`".to_owned(),
        LikelyCause::GroupProtocol => format!(
            "the brokers may be too old, or not offer `group.protocol=consumer`: leave {} out",
            names.kafka("group.protocol")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Layers, Origin, Origins};

    #[test]
    fn a_setting_is_named_where_it_was_set() {
        let file = r#"{"kafka": {"brokers": "b:9092", "settings": {"group.id": "g"}}}"#;
        let (_, origins) = Layers::default()
            .over(serde_json::from_str(file).unwrap(), |setting| {
                Origin::File {
                    path: "config.yaml".into(),
                    key: match setting {
                        Setting::Kafka => "kafka.settings".to_owned(),
                        _ => "kafka.brokers".to_owned(),
                    },
                }
            })
            .into_parts();
        let refused = |key: &str, reason| Error::RefusedSetting {
            key: key.to_owned(),
            reason,
        };
        let by_file = refused("group.id", Reserved::Brokers);
        assert_eq!(
            by_file.sentence(Names(&origins)),
            "`kafka.settings.group.id` in `config.yaml` cannot be set: `kafka.brokers` in `config.yaml` sets it"
        );
        let by_flag = refused("group.id", Reserved::GroupId);
        assert_eq!(
            by_flag.sentence(Names(&Origins::default())),
            "`--kafka group.id` cannot be set: `--group-id` sets it"
        );
        assert!(by_flag.is_wrong_use());
    }

    #[test]
    fn a_mistyped_setting_has_the_one_that_was_meant_for_a_hint() {
        let hint = |nearest| {
            let error = Error::UnknownSetting {
                key: "sasl.pasword".to_owned(),
                nearest,
            };
            error.hint(Names(&Origins::default())).unwrap()
        };
        assert_eq!(hint(Some("sasl.password")), "did you mean `sasl.password`?");
        assert!(hint(None).contains("CONFIGURATION.md"));
    }

    #[test]
    fn a_size_that_all_brokers_may_send_is_named_with_its_limit() {
        let error = Error::ResponsesTooLarge {
            bytes: 1_000_000,
            brokers: 4,
            most: 262_144,
        };
        let origins = Origins::default();
        assert_eq!(
            error.sentence(Names(&origins)),
            "`--kafka fetch.max.bytes=1000000` is too much for `--process-memory`: 4 brokers may send as much at \
             the same time"
        );
        assert_eq!(
            error.hint(Names(&origins)).unwrap(),
            "set it to at most 262144, leave it out, or raise `--process-memory`"
        );
        assert!(error.is_wrong_use());
    }
}
