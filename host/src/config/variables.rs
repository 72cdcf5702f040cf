//! The variables of the environment.

use std::ffi::OsString;
use std::path::PathBuf;

use super::file;
use super::layer::Layer;
use super::load::{Keys, LoadError, Notice};
use super::origin::{Origin, Origins};
use super::setting::Setting;
use super::values::Text;
use super::yaml::Node;
use crate::kafka;
use crate::text;

/// How the names of the host's own variables begin.
const PREFIX: &str = "JOURNAL_HOST_";
/// What follows in the variable of the file.
const CONFIG: &str = "CONFIG";
/// What follows in the variables of the log, which is set up before anything else.
const LOG: &str = "LOG";
/// What follows in the variable of one of librdkafka's settings.
const KAFKA: &str = "KAFKA_";
/// The file, which all programs of Software Heritage read.
const UPSTREAM_CONFIG: &str = "SWH_CONFIG_FILENAME";
/// The name of the process in its group, as upstream's client reads it.
const UPSTREAM_INSTANCE: &str = "KAFKA_GROUP_INSTANCE_ID";

/// Keys of upstream's section that settings of the host have other names for, and what follows in their variables.
const OF_UPSTREAM: [(&str, &str); 5] = [
    ("AUTO_OFFSET_RESET", "KAFKA_AUTO_OFFSET_RESET"),
    ("BATCH_SIZE", "BATCH_RECORDS"),
    ("CONSUMER_SETTINGS", "KAFKA"),
    ("STOP_AFTER_OBJECTS", "STOP_AFTER"),
    ("STOP_ON_EOF", "ON_EOF"),
];

/// What the environment sets.
#[derive(Debug, Default)]
pub(super) struct Variables {
    pub(super) layer: Layer,
    pub(super) origins: Origins,
    pub(super) notices: Vec<Notice>,
    /// The file with further settings, and the variable that names it.
    pub(super) config_file: Option<(String, PathBuf)>,
    /// The name of the process that upstream's variable gives, and that variable.
    pub(super) group_instance_id: Option<(String, Text)>,
}

impl Variables {
    /// Reads the variables of the host and of upstream's client; one without a value sets nothing.
    pub(super) fn read(
        environment: impl Iterator<Item = (OsString, OsString)>,
        keys: Keys,
    ) -> Result<Self, LoadError> {
        let named = environment.filter_map(|(name, value)| {
            let name = name.into_string().ok()?;
            (!value.is_empty()).then_some((name, value))
        });
        let mut named: Vec<_> = named.collect();
        named.sort_unstable();
        let mut variables = Self::default();
        for (name, value) in named {
            variables.add(&name, value, keys)?;
        }
        Ok(variables)
    }

    fn add(&mut self, name: &str, value: OsString, keys: Keys) -> Result<(), LoadError> {
        match name {
            UPSTREAM_CONFIG => {
                let file = (name.to_owned(), value.into());
                self.config_file.get_or_insert(file);
            }
            UPSTREAM_INSTANCE => {
                let text = Text(unicode(name, value)?);
                self.group_instance_id = Some((name.to_owned(), text));
            }
            _ => {
                if let Some(rest) = name.strip_prefix(PREFIX) {
                    self.add_own(name, rest, value, keys)?;
                }
            }
        }
        Ok(())
    }

    /// A variable of the host: `rest` is its name without the prefix.
    fn add_own(
        &mut self,
        name: &str,
        rest: &str,
        value: OsString,
        keys: Keys,
    ) -> Result<(), LoadError> {
        if rest == CONFIG {
            // It sorts before upstream's.
            self.config_file = Some((name.to_owned(), value.into()));
            return Ok(());
        }
        if rest == LOG {
            return Ok(());
        }
        if let Some((_, setting)) = names(keys).into_iter().find(|(known, _)| known == rest) {
            if let one @ Origin::Environment { .. } = self.origins.of(setting) {
                return Err(LoadError::Exclusive {
                    one: Box::new(one.clone()),
                    other: Box::new(origin(name)),
                });
            }
            let node = Node::of_variable(unicode(name, value)?);
            return file::set(
                &mut self.layer,
                &mut self.origins,
                setting,
                &node,
                origin(name),
            );
        }
        if let Some(key) = rest.strip_prefix(KAFKA).and_then(kafka::named_by_variable) {
            let value = unicode(name, value)?;
            let settings = self.layer.kafka.settings.get_or_insert_default();
            settings.0.retain(|(known, _)| known != key);
            settings.0.push((key.to_owned(), value));
            self.origins.add(Setting::Kafka, origin(name));
            self.origins.replace_kafka(key, origin(name));
            return Ok(());
        }
        self.unknown(name, rest, keys)
    }

    fn unknown(&mut self, name: &str, rest: &str, keys: Keys) -> Result<(), LoadError> {
        if is_of_a_service(rest) {
            return Ok(());
        }
        let nearest = if let Some(key) = rest.strip_prefix(KAFKA) {
            let key = key.to_ascii_lowercase().replace('_', ".");
            kafka::nearest_name(&key).map(|key| {
                let key = key.to_ascii_uppercase().replace('.', "_");
                format!("{PREFIX}{KAFKA}{key}")
            })
        } else if let Some((_, setting)) = file::RENAMED
            .iter()
            .find(|(old, _)| old.to_ascii_uppercase() == rest)
        {
            Some(format!("{PREFIX}{}", keys(*setting).to_ascii_uppercase()))
        } else if let Some((_, meant)) = OF_UPSTREAM.iter().find(|(known, _)| *known == rest) {
            Some(format!("{PREFIX}{meant}"))
        } else {
            let names = names(keys);
            let known = names.iter().map(|(name, _)| name.as_str());
            let known: Vec<&str> = known.chain([CONFIG]).collect();
            text::nearest(rest, &known).map(|key| format!("{PREFIX}{key}"))
        };
        let origin = origin(name);
        if nearest.is_some() || rest.starts_with(KAFKA) {
            return Err(LoadError::Unknown { origin, nearest });
        }
        self.notices.push(Notice::Ignored(origin));
        Ok(())
    }
}

/// What follows in the variables of the settings.
fn names(keys: Keys) -> Vec<(String, Setting)> {
    let all = Setting::ALL.map(|setting| (keys(setting), setting));
    let short = file::SHORT.map(|(name, setting)| (name.to_owned(), setting));
    let names = all.into_iter().chain(short);
    names
        .map(|(name, setting)| (name.to_ascii_uppercase(), setting))
        .collect()
}

/// Whether it is one of the variables in which Kubernetes names the address of a service `journal-host`.
fn is_of_a_service(rest: &str) -> bool {
    ["SERVICE_HOST", "SERVICE_PORT", "PORT"]
        .iter()
        .filter_map(|name| rest.strip_prefix(name))
        .any(|rest| rest.is_empty() || rest.starts_with('_'))
}

fn origin(variable: &str) -> Origin {
    Origin::Environment {
        variable: variable.to_owned(),
    }
}

fn unicode(name: &str, value: OsString) -> Result<String, LoadError> {
    value.into_string().map_err(|_| LoadError::BadValue {
        origin: origin(name),
        value: None,
        reason: "it is not Unicode".to_owned(),
    })
}

#[cfg(test)]
mod tests;
