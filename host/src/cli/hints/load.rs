//! An environment and a configuration file that cannot be read.

use super::Explain;
use crate::cli::args::SettingsError;
use crate::cli::names::{self, Names, flag, key, written, written_with};
use crate::config::{LoadError, Origin, Setting, Unsupported};
use crate::text::Quoted;

impl Explain for SettingsError {
    fn sentence(&self, names: Names<'_>) -> String {
        match self {
            Self::Load(error) => error.sentence(names),
            Self::Config(error) => error.sentence(names),
        }
    }

    fn hint(&self, names: Names<'_>) -> Option<String> {
        match self {
            Self::Load(error) => error.hint(names),
            Self::Config(error) => error.hint(names),
        }
    }

    fn is_wrong_use(&self) -> bool {
        match self {
            Self::Load(error) => error.is_wrong_use(),
            Self::Config(error) => error.is_wrong_use(),
        }
    }
}

impl Explain for LoadError {
    fn sentence(&self, names: Names<'_>) -> String {
        match self {
            Self::Unreadable {
                variable, reason, ..
            } => {
                let by = variable.as_ref();
                let by = by.map_or(String::new(), |name| format!(", which `{name}` names"));
                format!("cannot read {}{by}: {reason}", self.file())
            }
            Self::Yaml { error, .. } => format!("{} is not valid: {error}", self.file()),
            Self::NotAMapping { section, .. } => {
                let section = section.as_ref().and_then(written);
                let what = section.unwrap_or_else(|| self.file());
                format!("{what} is not a mapping of keys to values")
            }
            Self::InSection { origin, .. } => {
                format!("{} is not a key of swh.journal.client", named(origin))
            }
            Self::Unknown { origin, .. } => {
                let what = match origin {
                    Origin::Environment { .. } => "a variable",
                    _ => "a key",
                };
                format!("{} is not {what} of journal-host", named(origin))
            }
            Self::NotAName { section, line } => format!(
                "{} has a key that is not the name of a setting, in line {line}",
                named(section)
            ),
            Self::BadValue {
                origin,
                value,
                reason,
            } => match value {
                Some(value) => format!("{} cannot be {}: {reason}", named(origin), Quoted(value)),
                None => format!("{} cannot have this value: {reason}", named(origin)),
            },
            Self::Unsupported { origin, .. } => {
                format!("{} has no meaning for journal-host", named(origin))
            }
            Self::Class { origin, class } => format!(
                "{} is not supported",
                written_with(origin, class).unwrap_or_default()
            ),
            Self::Exclusive { one, other } => {
                format!("{} and {} exclude each other", named(one), named(other))
            }
            Self::SecretTwice { setting, key } | Self::SettingTwice { setting, key } => format!(
                "{} and {} exclude each other",
                names.of(*setting),
                names.kafka(key)
            ),
            Self::Secret {
                setting,
                path,
                reason,
            } => format!(
                "cannot use {}: {reason}",
                names.with(*setting, path.display())
            ),
        }
    }

    fn hint(&self, names: Names<'_>) -> Option<String> {
        Some(match self {
            Self::Unreadable {
                variable: Some(variable),
                ..
            } => format!("unset `{variable}`, or name a file that can be read"),
            Self::Unreadable { variable: None, .. } | Self::NotAMapping { section: None, .. } => {
                "docs/configuration.md describes the file".to_owned()
            }
            Self::Unknown {
                nearest: Some(nearest),
                ..
            } => format!("did you mean `{nearest}`?"),
            Self::Unknown { nearest: None, .. } => {
                "docs/configuration.md lists the keys and the variables".to_owned()
            }
            Self::InSection { name, .. } => format!(
                "`{name}` is a key of journal-host: move it out of the section, to the top of the file"
            ),
            Self::NotAName { .. } => "write `name: value`, with a space after the colon".to_owned(),
            Self::Unsupported { what, .. } => instead(*what),
            Self::Class { .. } => "the journal is read with `cls: kafka`".to_owned(),
            Self::Exclusive { .. } | Self::SecretTwice { .. } | Self::SettingTwice { .. } => {
                "leave one of them out".to_owned()
            }
            Self::Secret { setting, .. } => format!(
                "{} takes a file with the password in its only line",
                names.of(*setting)
            ),
            Self::Yaml { .. } | Self::NotAMapping { .. } | Self::BadValue { .. } => return None,
        })
    }

    fn is_wrong_use(&self) -> bool {
        true
    }
}

impl LoadError {
    fn file(&self) -> String {
        match self {
            Self::Unreadable { path, .. }
            | Self::Yaml { path, .. }
            | Self::NotAMapping { path, .. } => {
                format!("the configuration {}", names::file(path, None))
            }
            _ => String::new(),
        }
    }
}

fn named(origin: &Origin) -> String {
    written(origin).unwrap_or_else(|| "the command line".to_owned())
}

/// What to use instead of a key of upstream's section.
fn instead(of: Unsupported) -> String {
    match of {
        Unsupported::ValueDeserializer => {
            "the plugin decodes the values: leave the key out".to_owned()
        }
        Unsupported::StatisticsCallback => format!(
            "leave the key out: the log has the progress, and `JOURNAL_HOST_LOG=librdkafka=debug,info` with \
             `debug` in `{}` has what librdkafka does",
            key(Setting::Kafka)
        ),
        Unsupported::ProcessTimeout => format!(
            "leave the key out: `{}` (`{}`) limits the time of one call, and `{}` the number of objects of a run",
            key(Setting::Deadline),
            flag(Setting::Deadline),
            key(Setting::StopAfter)
        ),
        Unsupported::ErrorReporter => format!(
            "leave the key out: `{}: skip` at the top of the file logs and counts records that the plugin rejects",
            key(Setting::OnFailure)
        ),
    }
}
