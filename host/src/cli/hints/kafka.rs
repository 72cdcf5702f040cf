//! A cluster that cannot be read, and settings of librdkafka that cannot be set.

use super::Explain;
use super::recording::{record_too_large, topics};
use crate::cli::names::{Names, key};
use crate::config::Setting;
use crate::kafka::{Error, LikelyCause, Reserved};
use crate::text::{Quoted, with_causes};

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
            Self::TooSmall {
                key,
                value,
                other,
                other_value,
                least,
            } => format!(
                "{} is too small: {} needs at least {least}",
                names.kafka_with(key, value),
                names.kafka_with(other, other_value)
            ),
            Self::BadBroker { broker } => format!(
                "the broker {} in {} has no port from 1 to 65535",
                Quoted(broker),
                names.of(Setting::Brokers)
            ),
            Self::NoLogIn { mechanism, missing } => format!(
                "{} needs `{missing}`, which is not set",
                names.kafka_with(names.mechanism(), mechanism)
            ),
            Self::SettingFile { key, path, source } => format!(
                "{} names the file {}, which cannot be opened: {source}",
                names.kafka(key),
                Quoted(path)
            ),
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
            _ => with_causes(self),
        }
    }

    fn hint(&self, names: Names<'_>) -> Option<String> {
        Some(match self {
            Self::RefusedSetting { .. } | Self::ReadsUncommitted => {
                "leave the setting out".to_owned()
            }
            Self::UnknownSetting {
                nearest: Some(name),
                ..
            } => format!("did you mean `{name}`?"),
            Self::UnknownSetting { nearest: None, .. } | Self::BadSetting { .. } => {
                "the settings are those of librdkafka's CONFIGURATION.md".to_owned()
            }
            Self::BadBroker { .. } => "brokers are written as `HOST:PORT`, separated by commas".to_owned(),
            Self::NoLogIn { missing, .. } => of_log_in(missing, names),
            Self::TooSmall {
                key, least, ..
            } => format!(
                "set `{key}` to at least {least}, or leave one of the two out: it then follows from the other",
            ),
            Self::Together { .. } => {
                "change one of the settings that the reason names, or leave it out".to_owned()
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
            Self::Unreachable { .. } => self.likely_cause().map_or_else(
                || {
                    format!(
                        "check {}, and {} and the `sasl.*` and `ssl.*` settings",
                        names.of(Setting::Brokers),
                        names.kafka("security.protocol")
                    )
                },
                |cause| by_cause(cause, names),
            ),
            Self::Gone { .. } => format!(
                "start the run again when they answer: it goes on from the last confirmed commit. {} waits longer",
                names.of(Setting::BrokerTimeout)
            ),
            Self::AuthenticationRefused { .. } => {
                "check the account and the `sasl.*` and `ssl.*` settings, and start the run again: it goes on from the \
                 last confirmed commit"
                    .to_owned()
            }
            Self::Topics { error, .. } if names.authenticates() => format!(
                "{}; topics that the account may not read are not listed",
                topics(error, names)
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
                 {group_id} --topic {topic}:{partition} --to earliest{}`, or choose another {}",
                names.run_output(),
                names.of(Setting::GroupId)
            ),
            Self::RecordsRemoved { .. } => {
                "records were deleted while they were read: start again".to_owned()
            }
            Self::NotReadAgain { .. } => {
                "start the run again: it reads the new topic from its beginning".to_owned()
            }
            Self::RecordTooLarge { bytes, .. } => record_too_large(*bytes, names),
            Self::Fatal { .. }
            | Self::CommitRefused { .. }
            | Self::Partition { .. }
            | Self::Request { .. } => by_cause(self.likely_cause()?, names),
            Self::CreateTopic { no_right: true, .. } => {
                "the account may not create topics: create them before, or use another account"
                    .to_owned()
            }
            Self::CreateTopic { .. } => "create it before".to_owned(),
            Self::NoLeaders { .. } => "check the brokers, and run it again".to_owned(),
            Self::SettingFile { .. } => "name a file that this user can read".to_owned(),
            Self::Client(_) => {
                "check the settings that the reason names, and that their files can be read"
                    .to_owned()
            }
            Self::Thread(_) | Self::NoAnswers | Self::NoQueue { .. } => return None,
        })
    }

    fn is_wrong_use(&self) -> bool {
        matches!(
            self,
            Self::RefusedSetting { .. }
                | Self::ReadsUncommitted
                | Self::UnknownSetting { .. }
                | Self::BadSetting { .. }
                | Self::TooSmall { .. }
                | Self::Together { .. }
                | Self::BadBroker { .. }
                | Self::NoLogIn { .. }
                | Self::DeadlineTooLong { .. }
                | Self::ResponsesTooLarge { .. }
        )
    }
}

/// The way out of a group whose members a worker cannot join.
pub(super) fn other_assignor(names: Names<'_>) -> String {
    format!(
        "the group has members of another client, such as upstream's: stop all of them first, so that the run goes on from \
         their offsets, or use another {}",
        names.of(Setting::GroupId)
    )
}

fn by_cause(cause: LikelyCause, names: Names<'_>) -> String {
    match cause {
        LikelyCause::Group => format!(
            "the account may not use this {}: where access is limited it begins with the user's name and a hyphen, and \
             the right may have been revoked",
            names.of(Setting::GroupId)
        ),
        LikelyCause::Topic => format!(
            "the account may not read one of the topics: without access to privileged topics leave {} out, and {} chooses \
             among the others",
            names.of(Setting::Privileged),
            names.of(Setting::ObjectTypes)
        ),
        LikelyCause::Message => format!(
            "the data may be damaged, or a record be larger than {}",
            names.kafka("receive.message.max.bytes")
        ),
        LikelyCause::InstanceId => {
            "another member uses the same `group.instance.id`; if there is none, a broker that stood still has taken an \
             earlier connection of this process for one: start it again"
                .to_owned()
        }
        LikelyCause::NoTls => format!(
            "the brokers seem to expect TLS: set {}, or `SSL` if there are no accounts",
            names.kafka_with("security.protocol", "SASL_SSL")
        ),
        LikelyCause::OnlyTls => format!(
            "the brokers do not seem to speak TLS at this port: check {}, or set {} to `SASL_PLAINTEXT` or `PLAINTEXT`",
            names.of(Setting::Brokers),
            names.kafka("security.protocol")
        ),
        LikelyCause::NoAuthentication => format!(
            "the brokers seem to require authentication: set {} and the `sasl.*` settings",
            names.kafka_with("security.protocol", "SASL_SSL")
        ),
        LikelyCause::Password => format!(
            "check {}, its password and {}",
            names.kafka("sasl.username"),
            names.kafka("sasl.mechanism")
        ),
        LikelyCause::Mechanism => format!(
            "set {} to one that the brokers offer, such as `SCRAM-SHA-512`",
            names.kafka("sasl.mechanism")
        ),
        LikelyCause::Authority => format!(
            "name the file with the certificate of the authority that signed the brokers' certificates: {}",
            names.kafka_with("ssl.ca.location", "FILE")
        ),
        LikelyCause::ClientCertificate => format!(
            "the brokers ask for a client certificate that they know: {} and {} name its files",
            names.kafka_with("ssl.certificate.location", "FILE"),
            names.kafka_with("ssl.key.location", "FILE")
        ),
        LikelyCause::Assignor => other_assignor(names),
        LikelyCause::GroupProtocol => format!(
            "the brokers may be too old, or not offer `group.protocol=consumer`: leave {} out",
            names.kafka("group.protocol")
        ),
    }
}

/// How the setting of a log-in that is missing is given.
fn of_log_in(missing: &str, names: Names<'_>) -> String {
    if missing != "sasl.password" {
        return format!("set {} to the name of the account", names.kafka(missing));
    }
    format!(
        "{} (`{}` in a file) names a file that holds the password; `JOURNAL_HOST_KAFKA_SASL_PASSWORD` holds it itself",
        names.of(Setting::PasswordFile),
        key(Setting::PasswordFile)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Layers, Origin, Origins};

    #[test]
    fn members_of_another_client_have_to_stop_first() {
        let hint = by_cause(LikelyCause::Assignor, Names(&Origins::default()));
        assert!(hint.contains("stop all of them first"), "{hint}");
        assert!(hint.contains("`--group-id`"), "{hint}");
    }

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
                    line: None,
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
    fn a_connection_that_fails_because_of_the_protocol_has_the_right_one_for_a_hint() {
        let hint = |reason: &str| {
            let error = Error::Unreachable {
                brokers: "b:9092".to_owned(),
                seconds: 3,
                reason: reason.to_owned(),
            };
            error.hint(Names(&Origins::default())).unwrap()
        };
        let no_tls = hint("b:9092/bootstrap: Disconnected (after 3ms in state APIVERSION_QUERY)");
        assert!(no_tls.contains("expect TLS"), "{no_tls}");
        let only_tls =
            hint("SSL handshake failed: Disconnected: connecting to a PLAINTEXT broker listener?");
        assert!(only_tls.contains("do not seem to speak TLS"), "{only_tls}");
        let nobody = hint("b:9092/bootstrap: Disconnected (after 3ms in state UP)");
        assert!(nobody.contains("require authentication"), "{nobody}");
        assert!(hint("Connection refused").starts_with("check `--brokers`"));
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
