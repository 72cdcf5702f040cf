//! The name of a setting in a message: what the operator wrote.

use std::fmt::Display;
use std::path::Path;

use crate::config::{GROUP_INSTANCE_ID, Origin, Origins, Setting};
use crate::text;

/// The flag of a setting, or the name of its argument.
pub(super) fn flag(setting: Setting) -> &'static str {
    match setting {
        Setting::Plugin => "PLUGIN",
        Setting::Options => "--option",
        Setting::OptionsFile => "--options",
        Setting::Runtime => "--runtime",
        Setting::With => "--with",
        Setting::Print => "--print",
        Setting::Prefix => "--prefix",
        Setting::ObjectTypes => "--object-type",
        Setting::Privileged => "--privileged",
        Setting::MissingTopics => "--missing-topics",
        Setting::Recording => "--recording",
        Setting::Git => "--git",
        Setting::Origin => "--origin",
        Setting::VisitDate => "--visit-date",
        Setting::AllObjects => "--all-objects",
        Setting::MaxContentSize => "--max-content-size",
        Setting::Dataset => "--dataset",
        Setting::Without => "--without",
        Setting::Temp => "--temp",
        Setting::OnEof => "--on-eof",
        Setting::Phases => "--phases",
        Setting::Share => "--share",
        Setting::StopAfter => "--stop-after",
        Setting::CreateTopics => "--create-topics",
        Setting::Brokers => "--brokers",
        Setting::GroupId => "--group-id",
        Setting::Partitions => "--partition",
        Setting::Kafka => "--kafka",
        Setting::PasswordFile => "--kafka-password-file",
        Setting::KeyPasswordFile => "--kafka-key-password-file",
        Setting::GroupInstanceId => "--group-instance-id",
        Setting::From => "--from",
        Setting::Outputs => "--output",
        Setting::Append => "--append",
        Setting::Overwrite => "--overwrite",
        Setting::OnSchemaChange => "--on-schema-change",
        Setting::BatchRecords => "--batch-records",
        Setting::BatchBytes => "--batch-bytes",
        Setting::Deadline => "--deadline",
        Setting::MemoryLimit => "--memory-limit",
        Setting::CompileMemory => "--compile-memory",
        Setting::CompileTimeout => "--compile-timeout",
        Setting::ProcessMemory => "--process-memory",
        Setting::Workers => "--workers",
        Setting::Masked => "--masked",
        Setting::Anonymise => "--anonymise",
        Setting::CheckpointInterval => "--checkpoint-interval",
        Setting::CheckpointSize => "--checkpoint-size",
        Setting::OnFailure => "--on-failure",
        Setting::DeadLetters => "--dead-letters",
        Setting::MaxFailures => "--max-failures",
        Setting::Retries => "--retries",
        Setting::BrokerTimeout => "--broker-timeout",
        Setting::ShutdownTimeout => "--shutdown-timeout",
        Setting::Metrics => "--metrics",
        Setting::MetricsPublic => "--metrics-public",
        Setting::LogLevel => "--log-level",
        Setting::LogFormat => "--log-format",
        Setting::NoConfine => "--no-confine",
    }
}

/// The key of a setting in a configuration file: its flag, with underscores, and in the plural where it has several
/// values. The name of its variable is the same in capitals.
pub(super) fn key(setting: Setting) -> String {
    let key = match setting {
        Setting::Options => "options",
        Setting::OptionsFile => "options_file",
        Setting::ObjectTypes => "object_types",
        Setting::Outputs => "outputs",
        Setting::Partitions => "partitions",
        other => flag(other),
    };
    let key = key.trim_start_matches('-').replace('-', "_");
    key.to_ascii_lowercase()
}

/// The names of settings in backticks, by the origins of their values; a setting that nothing sets is called by its
/// flag.
#[derive(Clone, Copy, Debug)]
pub(super) struct Names<'a>(pub(super) &'a Origins);

impl Names<'_> {
    /// A setting.
    pub(super) fn of(self, setting: Setting) -> String {
        written(self.0.of(setting)).unwrap_or_else(|| format!("`{}`", flag(setting)))
    }

    /// The rest of a command about the offsets of a group that moves those in an output, too, if there is any.
    pub(super) fn run_output(self) -> &'static str {
        match self.0.of(Setting::Outputs) {
            Origin::Default => "",
            _ => " --run-output OUTPUT",
        }
    }

    /// A setting with a value, as it is written.
    pub(super) fn with(self, setting: Setting, value: impl Display) -> String {
        written_with(self.0.of(setting), &value).unwrap_or_else(|| {
            // Its value is optional, so it has to follow an equals sign.
            let separator = if matches!(setting, Setting::Privileged | Setting::Anonymise) {
                "="
            } else {
                " "
            };
            format!("`{}{separator}{value}`", flag(setting))
        })
    }

    /// The name by which the operator sets the mechanism of the log-in, of two for one setting.
    pub(super) fn mechanism(self) -> &'static str {
        match self.0.of_kafka("sasl.mechanisms") {
            Origin::Default => "sasl.mechanism",
            _ => "sasl.mechanisms",
        }
    }

    /// The host's own setting that sets one of librdkafka's.
    fn own(self, key: &str) -> Option<Setting> {
        let setting = Setting::GroupInstanceId;
        let is_own = key == GROUP_INSTANCE_ID
            && *self.0.of_kafka(key) == Origin::Default
            && *self.0.of(setting) != Origin::Default;
        is_own.then_some(setting)
    }

    /// A setting of librdkafka.
    pub(super) fn kafka(self, key: &str) -> String {
        if let Some(setting) = self.own(key) {
            return self.of(setting);
        }
        match self.0.of_kafka(key) {
            Origin::Default | Origin::Flag => format!("`{} {key}`", flag(Setting::Kafka)),
            Origin::Environment { variable } => format!("`{key}` in `{variable}`"),
            origin @ Origin::File { .. } => written(origin).unwrap_or_default(),
        }
    }

    /// Whether the settings may make clients authenticate, so that brokers hide what the account has no right to.
    pub(super) fn authenticates(self) -> bool {
        *self.0.of_kafka("security.protocol") != Origin::Default
    }

    /// A setting of librdkafka with a value.
    pub(super) fn kafka_with(self, key: &str, value: impl Display) -> String {
        if let Some(setting) = self.own(key) {
            return self.with(setting, value);
        }
        match self.0.of_kafka(key) {
            Origin::Default | Origin::Flag => format!("`{} {key}={value}`", flag(Setting::Kafka)),
            Origin::Environment { variable } => format!("`{key}={value}` in `{variable}`"),
            origin @ Origin::File { .. } => written_with(origin, &value).unwrap_or_default(),
        }
    }
}

/// A variable, or a key with its line; none for what the command line sets, or nothing.
pub(super) fn written(origin: &Origin) -> Option<String> {
    match origin {
        Origin::Default | Origin::Flag => None,
        Origin::Environment { variable } => Some(format!("`{variable}`")),
        Origin::File { path, key, line } => {
            let key = clean(key);
            Some(format!("`{key}` in {}", file(path, *line)))
        }
    }
}

/// The same with a value.
pub(super) fn written_with(origin: &Origin, value: &impl Display) -> Option<String> {
    match origin {
        Origin::Default | Origin::Flag => None,
        Origin::Environment { variable } => Some(format!("`{variable}={value}`")),
        Origin::File { path, key, line } => {
            let key = clean(key);
            Some(format!("`{key}: {value}` in {}", file(path, *line)))
        }
    }
}

/// A file, or a line of it.
pub(super) fn file(path: &Path, line: Option<usize>) -> String {
    match line {
        Some(line) => format!("line {line} of `{}`", path.display()),
        None => format!("`{}`", path.display()),
    }
}

fn clean(key: &str) -> String {
    text::clean(key, text::REASON_BYTES)
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
                    line: None,
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
        let (_, origins) = Layers::default()
            .over(layer(r#"{"kafka": {"group_instance_id": "i"}}"#), |_| {
                Origin::Flag
            })
            .into_parts();
        let names = Names(&origins);
        assert_eq!(names.kafka(GROUP_INSTANCE_ID), "`--group-instance-id`");
        assert_eq!(
            names.kafka_with(GROUP_INSTANCE_ID, "i"),
            "`--group-instance-id i`"
        );
        let origin = Origin::File {
            path: "c.yaml".into(),
            key: "a.b".to_owned(),
            line: Some(7),
        };
        assert_eq!(written(&origin).unwrap(), "`a.b` in line 7 of `c.yaml`");
        assert_eq!(
            written_with(&origin, &1).unwrap(),
            "`a.b: 1` in line 7 of `c.yaml`"
        );
    }

    #[test]
    fn a_key_is_the_flag_in_the_form_of_a_file() {
        for (setting, name) in [
            (Setting::Plugin, "plugin"),
            (Setting::BatchRecords, "batch_records"),
            (Setting::Options, "options"),
            (Setting::OptionsFile, "options_file"),
            (Setting::Outputs, "outputs"),
            (Setting::PasswordFile, "kafka_password_file"),
        ] {
            assert_eq!(key(setting), name);
        }
        let mut keys: Vec<String> = Setting::ALL.into_iter().map(key).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), Setting::ALL.len());
    }
}
