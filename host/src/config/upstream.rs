//! The section `journal_client` of a file, as `swh.journal.client` 3.0 reads it.

use std::path::Path;

use serde::de::DeserializeOwned;

use super::file::{self, kafka_settings, kafka_value, origin};
use super::layer::Layer;
use super::load::{Keys, LoadError, Notice};
use super::origin::{Origin, Origins};
use super::setting::Setting;
use super::values::{OnEof, Privileged};
use super::yaml::{Content, Key, Meaning, Node, Reader};
use crate::kafka;
use crate::text;

/// The only class of client that there is.
const CLASS: &str = "kafka";
/// The key with the settings of librdkafka.
const CONSUMER_SETTINGS: &str = "consumer_settings";
/// The section's keys, and two that this host adds for secrets.
const KEYS: [&str; 19] = [
    "auto_offset_reset",
    "batch_size",
    "brokers",
    "cls",
    "consumer_settings",
    "create_topics",
    "error_reporter",
    "group_id",
    "key_password_file",
    "object_types",
    "on_eof",
    "password_file",
    "prefix",
    "privileged",
    "process_timeout",
    "stats_cb",
    "stop_after_objects",
    "stop_on_eof",
    "value_deserializer",
];
/// Settings of librdkafka that upstream's client sets itself, whatever the section says, with the keys that set them.
const OVERRULED: [(&str, Option<&str>); 5] = [
    ("auto.offset.reset", Some("auto_offset_reset")),
    ("bootstrap.servers", Some("brokers")),
    ("enable.auto.commit", None),
    ("enable.partition.eof", None),
    ("group.id", Some("group_id")),
];

/// What a key sets that has no meaning here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unsupported {
    /// A Python function that decodes values.
    ValueDeserializer,
    /// A Python function that receives statistics.
    StatisticsCallback,
    /// The time limit of a run, which upstream's client no longer has either.
    ProcessTimeout,
    /// A Redis server that receives objects which could not be processed.
    ErrorReporter,
}

/// Whether the section has a key that nothing else in a file has.
pub(super) fn has_key(name: &str) -> bool {
    KEYS.contains(&name) && !["cls", "error_reporter"].contains(&name)
}

/// Reads the section, which has this origin.
pub(super) fn read(
    node: &Node,
    path: &Path,
    section: Origin,
    keys: Keys,
    notices: &mut Vec<Notice>,
) -> Result<(Layer, Origins), LoadError> {
    let Origin::File { key: name, .. } = &section else {
        return Ok(Default::default());
    };
    let entries = match &node.content {
        Content::Mapping(entries) => entries,
        _ if node.is_null() => return Ok(Default::default()),
        _ => {
            return Err(LoadError::NotAMapping {
                path: path.to_owned(),
                section: Some(section),
            });
        }
    };
    let mut reader = Section {
        layer: Layer::default(),
        origins: Origins::default(),
        keys,
        notices,
        stop_on_eof: None,
        beside: Vec::new(),
    };
    for (key, value) in entries {
        if !value.is_null() {
            reader.read(key, value, origin(path, name, key))?;
        }
    }
    reader.end_of_file()?;
    if !reader.beside.is_empty() {
        let beside = Notice::Beside {
            section: section.clone(),
            names: reader.beside,
            instead: CONSUMER_SETTINGS,
        };
        reader.notices.push(beside);
    }
    Ok((reader.layer, reader.origins))
}

/// The section while it is read.
struct Section<'a> {
    layer: Layer,
    origins: Origins,
    /// The names of the host's own settings.
    keys: Keys,
    notices: &'a mut Vec<Notice>,
    stop_on_eof: Option<(bool, Origin)>,
    /// Settings of librdkafka beside the keys.
    beside: Vec<String>,
}

impl Section<'_> {
    fn read(&mut self, key: &Key, value: &Node, origin: Origin) -> Result<(), LoadError> {
        let setting = match key.text.as_str() {
            "cls" => return class(value, origin),
            "brokers" => return self.brokers(value, origin),
            "group_id" => Setting::GroupId,
            "prefix" => Setting::Prefix,
            "object_types" => return self.object_types(value, origin),
            "privileged" => return self.privileged(value, origin),
            "stop_after_objects" if is_zero(value) => return Ok(()),
            "stop_after_objects" => Setting::StopAfter,
            "batch_size" => return self.batch_size(value, origin),
            "auto_offset_reset" => return self.auto_offset_reset(value, origin),
            "on_eof" => Setting::OnEof,
            "stop_on_eof" => {
                let stops = read_as(value, &origin)?;
                self.stop_on_eof = Some((stops, origin));
                return Ok(());
            }
            "create_topics" => Setting::CreateTopics,
            CONSUMER_SETTINGS => return self.consumer_settings(value, &origin),
            "password_file" => Setting::PasswordFile,
            "key_password_file" => Setting::KeyPasswordFile,
            "value_deserializer" => return unsupported(Unsupported::ValueDeserializer, origin),
            "stats_cb" => return unsupported(Unsupported::StatisticsCallback, origin),
            "process_timeout" => return unsupported(Unsupported::ProcessTimeout, origin),
            "error_reporter" if value.is_empty() => return Ok(()),
            "error_reporter" => return unsupported(Unsupported::ErrorReporter, origin),
            name => return self.further(name, value, origin),
        };
        file::set(&mut self.layer, &mut self.origins, setting, value, origin)
    }

    /// A number as YAML writes it, such as `1_000`.
    fn batch_size(&mut self, value: &Node, origin: Origin) -> Result<(), LoadError> {
        let records: i64 = read_as(value, &origin)?;
        let number = serde_json::Value::from(records);
        let set = self.layer.set(Setting::BatchRecords, number);
        set.map_err(|error| LoadError::BadValue {
            origin: origin.clone(),
            value: Some(records.to_string()),
            reason: error.to_string(),
        })?;
        self.origins.add(Setting::BatchRecords, origin);
        Ok(())
    }

    /// A text, which may have several brokers, or a list of such texts.
    fn brokers(&mut self, value: &Node, origin: Origin) -> Result<(), LoadError> {
        let brokers: Vec<String> = read_as(value, &origin)?;
        let mut layer = Layer::default();
        let joined = serde_json::Value::String(brokers.join(","));
        let set = layer.set(Setting::Brokers, joined);
        set.map_err(|error| bad_value(&origin, error.to_string()))?;
        self.layer.kafka.brokers = layer.kafka.brokers;
        self.origins.add(Setting::Brokers, origin);
        Ok(())
    }

    /// Those of the list that the plugin does not read are passed over, because the list was written for all that its
    /// client may read. An empty list is that of all types.
    fn object_types(&mut self, value: &Node, origin: Origin) -> Result<(), LoadError> {
        let types: Vec<String> = read_as(value, &origin)?;
        if !types.is_empty() {
            self.layer.journal.offered_object_types = Some(types);
            self.origins.add(Setting::ObjectTypes, origin);
        }
        Ok(())
    }

    /// Upstream's client reads the anonymised topic where it sees no privileged one.
    fn privileged(&mut self, value: &Node, origin: Origin) -> Result<(), LoadError> {
        let privileged: bool = read_as(value, &origin)?;
        self.layer.journal.privileged = Some(if privileged {
            Privileged::IfAvailable
        } else {
            Privileged::No
        });
        self.origins.add(Setting::Privileged, origin);
        Ok(())
    }

    fn auto_offset_reset(&mut self, value: &Node, origin: Origin) -> Result<(), LoadError> {
        const KEY: &str = "auto.offset.reset";
        let start: String = read_as(value, &origin)?;
        if !["earliest", "latest"].contains(&start.as_str()) {
            return Err(LoadError::BadValue {
                origin,
                value: Some(start),
                reason: "it is not one of `earliest`, `latest`".to_owned(),
            });
        }
        self.add_setting(KEY, start, origin);
        Ok(())
    }

    fn consumer_settings(&mut self, value: &Node, origin: &Origin) -> Result<(), LoadError> {
        let Content::Mapping(entries) = &value.content else {
            let reason = format!("it is {}, not a mapping", value.kind());
            return Err(bad_value(origin, reason));
        };
        let mut origins = Origins::default();
        let settings = kafka_settings(entries, origin, &mut origins)?;
        for (key, value) in settings.0 {
            let origin = origins.of_kafka(&key).clone();
            if !self.is_overruled(&key, &origin) {
                self.add_setting(&key, value, origin);
            }
        }
        Ok(())
    }

    /// A setting of librdkafka beside the keys of the section, which upstream's client deprecates.
    fn further(&mut self, name: &str, value: &Node, origin: Origin) -> Result<(), LoadError> {
        if !name.contains('.') && !kafka::is_known(name) {
            if Setting::ALL
                .iter()
                .any(|setting| (self.keys)(*setting) == name)
            {
                let name = name.to_owned();
                return Err(LoadError::InSection { origin, name });
            }
            let nearest = text::nearest(name, &KEYS).or_else(|| kafka::nearest_name(name));
            let nearest = nearest.map(str::to_owned);
            return Err(LoadError::Unknown { origin, nearest });
        }
        if self.is_overruled(name, &origin) {
            return Ok(());
        }
        self.beside.push(name.to_owned());
        let value = kafka_value(name, value, &origin)?;
        // The settings of the section for them win.
        if let Some(value) = value.filter(|_| !self.layer.kafka.has(name)) {
            self.add_setting(name, value, origin);
        }
        Ok(())
    }

    fn is_overruled(&mut self, key: &str, origin: &Origin) -> bool {
        let Some((_, by)) = OVERRULED.iter().find(|(known, _)| *known == key) else {
            return false;
        };
        self.notices.push(Notice::Overruled {
            origin: origin.clone(),
            by: *by,
        });
        true
    }

    fn add_setting(&mut self, key: &str, value: String, origin: Origin) {
        let settings = self.layer.kafka.settings.get_or_insert_default();
        settings.0.retain(|(known, _)| known != key);
        settings.0.push((key.to_owned(), value));
        self.origins.add(Setting::Kafka, origin.clone());
        self.origins.replace_kafka(key, origin);
    }

    /// The deprecated form of `on_eof`.
    fn end_of_file(&mut self) -> Result<(), LoadError> {
        let Some((stops, origin)) = self.stop_on_eof.take() else {
            return Ok(());
        };
        if self.layer.journal.on_eof.is_some() {
            return Err(LoadError::Exclusive {
                one: Box::new(origin),
                other: Box::new(self.origins.of(Setting::OnEof).clone()),
            });
        }
        let (on_eof, instead) = if stops {
            (OnEof::Stop, "on_eof: stop")
        } else {
            (OnEof::Continue, "on_eof: continue")
        };
        self.layer.journal.on_eof = Some(on_eof);
        self.origins.add(Setting::OnEof, origin.clone());
        self.notices.push(Notice::Deprecated { origin, instead });
        Ok(())
    }
}

fn class(value: &Node, origin: Origin) -> Result<(), LoadError> {
    let class: String = read_as(value, &origin)?;
    if class == CLASS {
        Ok(())
    } else {
        Err(LoadError::Class { origin, class })
    }
}

fn unsupported(what: Unsupported, origin: Origin) -> Result<(), LoadError> {
    Err(LoadError::Unsupported { origin, what })
}

fn read_as<T: DeserializeOwned>(value: &Node, origin: &Origin) -> Result<T, LoadError> {
    T::deserialize(Reader(value)).map_err(|error| bad_value(origin, error.0))
}

fn bad_value(origin: &Origin, reason: String) -> LoadError {
    LoadError::BadValue {
        origin: origin.clone(),
        value: None,
        reason,
    }
}

/// Upstream's client takes a number of no objects for no limit.
fn is_zero(value: &Node) -> bool {
    matches!(&value.content, Content::Scalar(scalar) if scalar.meaning() == Meaning::Integer(0))
}

#[cfg(test)]
mod tests;
