//! The name of a setting in a message: what the operator wrote.

use std::fmt::Display;

use crate::config::{Origin, Origins, Setting};

/// The flag of a setting, or the name of its argument.
pub(super) fn flag(setting: Setting) -> &'static str {
    match setting {
        Setting::Plugin => "PLUGIN",
        Setting::Options => "--option",
        Setting::OptionsFile => "--options",
        Setting::Prefix => "--prefix",
        Setting::ObjectTypes => "--object-type",
        Setting::Privileged => "--privileged",
        Setting::Recording => "--recording",
        Setting::OnEof => "--on-eof",
        Setting::StopAfter => "--stop-after",
        Setting::Brokers => "--brokers",
        Setting::GroupId => "--group-id",
        Setting::Kafka => "--kafka",
        Setting::Outputs => "--output",
        Setting::BatchRecords => "--batch-records",
        Setting::BatchBytes => "--batch-bytes",
        Setting::Deadline => "--deadline",
        Setting::MemoryLimit => "--memory-limit",
        Setting::ProcessMemory => "--process-memory",
        Setting::Workers => "--workers",
        Setting::CheckpointInterval => "--checkpoint-interval",
        Setting::OnBadRecord => "--on-bad-record",
        Setting::BrokerTimeout => "--broker-timeout",
        Setting::ShutdownTimeout => "--shutdown-timeout",
    }
}

/// The names of settings in backticks, by the origins of their values; a setting that nothing sets is called by its
/// flag.
#[derive(Clone, Copy, Debug)]
pub(super) struct Names<'a>(pub(super) &'a Origins);

impl Names<'_> {
    /// A setting.
    pub(super) fn of(self, setting: Setting) -> String {
        match self.0.of(setting) {
            Origin::Default | Origin::Flag => format!("`{}`", flag(setting)),
            Origin::Environment { variable } => format!("`{variable}`"),
            Origin::File { path, key } => format!("`{key}` in `{}`", path.display()),
        }
    }

    /// A setting with a value, as it is written.
    pub(super) fn with(self, setting: Setting, value: impl Display) -> String {
        match self.0.of(setting) {
            Origin::Default | Origin::Flag => format!("`{} {value}`", flag(setting)),
            Origin::Environment { variable } => format!("`{variable}={value}`"),
            Origin::File { path, key } => format!("`{key}: {value}` in `{}`", path.display()),
        }
    }

    /// A setting of librdkafka.
    pub(super) fn kafka(self, key: &str) -> String {
        match self.0.of_kafka(key) {
            Origin::Default | Origin::Flag => format!("`{} {key}`", flag(Setting::Kafka)),
            Origin::Environment { variable } => format!("`{key}` in `{variable}`"),
            Origin::File { path, key: section } => {
                format!("`{section}.{key}` in `{}`", path.display())
            }
        }
    }

    /// Whether the settings may make clients authenticate, so that brokers hide what the account has no right to.
    pub(super) fn authenticates(self) -> bool {
        *self.0.of_kafka("security.protocol") != Origin::Default
    }

    /// A setting of librdkafka with a value.
    pub(super) fn kafka_with(self, key: &str, value: impl Display) -> String {
        match self.0.of_kafka(key) {
            Origin::Default | Origin::Flag => format!("`{} {key}={value}`", flag(Setting::Kafka)),
            Origin::Environment { variable } => format!("`{key}={value}` in `{variable}`"),
            Origin::File { path, key: section } => {
                format!("`{section}.{key}: {value}` in `{}`", path.display())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Layers;

    #[test]
    fn a_setting_is_called_as_the_operator_wrote_it() {
        let layer = |text: &str| serde_json::from_str(text).unwrap();
        let (_, origins) = Layers::default()
            .over(layer(r#"{"limits": {"deadline": "1s"}}"#), |_| Origin::Flag)
            .over(
                layer(r#"{"limits": {"memory": 1}, "kafka": {"settings": {"x": 1}}}"#),
                |_| Origin::Environment {
                    variable: "JOURNAL_HOST_X".to_owned(),
                },
            )
            .over(
                layer(r#"{"limits": {"batch_bytes": 1}, "kafka": {"settings": {"y": 1}}}"#),
                |_| Origin::File {
                    path: "c.yaml".into(),
                    key: "a.b".to_owned(),
                },
            )
            .into_parts();
        let names = Names(&origins);
        assert_eq!(names.of(Setting::Deadline), "`--deadline`");
        assert_eq!(names.of(Setting::Workers), "`--workers`");
        assert_eq!(names.with(Setting::Deadline, "1s"), "`--deadline 1s`");
        assert_eq!(names.of(Setting::MemoryLimit), "`JOURNAL_HOST_X`");
        assert_eq!(names.with(Setting::MemoryLimit, 1), "`JOURNAL_HOST_X=1`");
        assert_eq!(names.of(Setting::BatchBytes), "`a.b` in `c.yaml`");
        assert_eq!(names.with(Setting::BatchBytes, 1), "`a.b: 1` in `c.yaml`");
        assert_eq!(names.kafka("x"), "`x` in `JOURNAL_HOST_X`");
        assert_eq!(names.kafka_with("y", 1), "`a.b.y: 1` in `c.yaml`");
        assert_eq!(names.kafka_with("z", 1), "`--kafka z=1`");
    }
}
