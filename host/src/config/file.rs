//! A configuration file: the host's own keys at its top, and the section of upstream's client. Sections of other
//! programs of Software Heritage, which often share a file with its client, are passed over.

use std::path::Path;

use super::layer::Layer;
use super::load::{Keys, LoadError, Notice};
use super::origin::{Origin, Origins};
use super::setting::Setting;
use super::upstream;
use super::values::KafkaSettings;
use super::yaml::{Content, Key, Meaning, Node, ReadError, Reader, Scalar};
use crate::kafka;
use crate::text;

/// The section of upstream's client.
const UPSTREAM: &str = "journal_client";
/// Further names of settings.
pub(super) const SHORT: [(&str, Setting); 2] = [
    ("password_file", Setting::PasswordFile),
    ("key_password_file", Setting::KeyPasswordFile),
];
/// Sections that files of Software Heritage often have. None of them is a mistyped key.
const OTHER_SECTIONS: [&str; 14] = [
    "celery",
    "content_replayer",
    "graph",
    "indexer_storage",
    "journal",
    "journal_writer",
    "objstorage",
    "objstorage_dst",
    "replayer",
    "scheduler",
    "scrubber_db",
    "sentry",
    "statsd",
    "storage",
];

/// Names that settings had before.
pub(super) const RENAMED: [(&str, Setting); 1] = [("on_bad_record", Setting::OnFailure)];

/// What a file sets.
#[derive(Debug, Default)]
pub(super) struct Document {
    /// The host's own keys.
    pub(super) own: Layer,
    pub(super) own_origins: Origins,
    /// The section of upstream's client.
    pub(super) upstream: Layer,
    pub(super) upstream_origins: Origins,
    pub(super) notices: Vec<Notice>,
}

/// Reads the mapping of a file.
pub(super) fn read(node: &Node, path: &Path, keys: Keys) -> Result<Document, LoadError> {
    let Content::Mapping(entries) = &node.content else {
        return Err(LoadError::NotAMapping {
            path: path.to_owned(),
            section: None,
        });
    };
    let names = Setting::ALL.into_iter();
    let names = names.map(|setting| (keys(setting), setting));
    let short = SHORT.map(|(name, setting)| (name.to_owned(), setting));
    let known: Vec<(String, Setting)> = names.chain(short).collect();
    let mut document = Document::default();
    let mut others = Vec::new();
    let mut clients = Vec::new();
    for (key, value) in entries {
        let origin = origin(path, "", key);
        if key.text == UPSTREAM {
            let section = upstream::read(value, path, origin, keys, &mut document.notices)?;
            (document.upstream, document.upstream_origins) = section;
        } else if let Some((_, setting)) = known.iter().find(|(name, _)| *name == key.text) {
            let (layer, origins) = (&mut document.own, &mut document.own_origins);
            if let Origin::File { .. } = origins.of(*setting) {
                return Err(LoadError::Exclusive {
                    one: Box::new(origins.of(*setting).clone()),
                    other: Box::new(origin),
                });
            }
            set(layer, origins, *setting, value, origin)?;
        } else if OTHER_SECTIONS.contains(&key.text.as_str()) {
            find_clients(value, &origin, &mut clients);
            others.push(key.text.clone());
        } else {
            if let Some(nearest) = nearest(&key.text, &known, keys) {
                let nearest = Some(nearest);
                return Err(LoadError::Unknown { origin, nearest });
            }
            if let Content::Scalar(_) = value.content {
                document.notices.push(Notice::Ignored(origin));
            } else {
                find_clients(value, &origin, &mut clients);
                others.push(key.text.clone());
            }
        }
    }
    let is_read = entries.iter().any(|(key, _)| key.text == UPSTREAM);
    if !is_read {
        // Only one can be meant.
        let clients = clients.into_iter().map(Notice::OtherClient);
        document.notices.extend(clients);
    }
    if !is_read && document.own.settings().next().is_none() {
        let nothing = Notice::NothingSet(path.to_owned());
        document.notices.push(nothing);
    }
    if !others.is_empty() {
        document.notices.push(Notice::OtherSections {
            path: path.to_owned(),
            names: others,
        });
    }
    Ok(document)
}

/// Finds the sections of clients of upstream's in a section of another program. Some programs have theirs there, or call
/// it `journal`: it names brokers and a group.
fn find_clients(node: &Node, section: &Origin, found: &mut Vec<Origin>) {
    let entries = match &node.content {
        Content::Mapping(entries) => entries,
        Content::List(items) => {
            return items
                .iter()
                .for_each(|item| find_clients(item, section, found));
        }
        Content::Scalar(_) => return,
    };
    let has = |name: &str| entries.iter().any(|(key, _)| key.text == name);
    if has("brokers") && has("group_id") {
        found.push(section.clone());
        return;
    }
    for (key, value) in entries {
        let origin = section.clone().of_member(&key.text, Some(key.line));
        find_clients(value, &origin, found);
    }
}

/// The key that was probably meant by an unknown one at the top of a file: one that resembles it, or the same one in a
/// section.
fn nearest(name: &str, known: &[(String, Setting)], keys: Keys) -> Option<String> {
    // Without a point it could be a key of another program, such as `debug`.
    if name.contains('.') && kafka::is_known(name) {
        return Some(format!("{}.{name}", keys(Setting::Kafka)));
    }
    if let Some((_, setting)) = RENAMED.iter().find(|(old, _)| *old == name) {
        return Some(keys(*setting));
    }
    if upstream::has_key(name) {
        return Some(format!("{UPSTREAM}.{name}"));
    }
    let names = known.iter().map(|(name, _)| name.as_str());
    let names: Vec<&str> = names.chain([UPSTREAM]).collect();
    text::nearest(name, &names).map(str::to_owned)
}

/// Where a key of a section is written; the section is empty at the top of a file.
pub(super) fn origin(path: &Path, section: &str, key: &Key) -> Origin {
    let key_path = match section {
        "" => key.text.clone(),
        section => format!("{section}.{}", key.text),
    };
    Origin::File {
        path: path.to_owned(),
        key: key_path,
        line: Some(key.line),
    }
}

/// Sets a setting to a value of a file or a variable; a value that is null sets nothing.
pub(super) fn set(
    layer: &mut Layer,
    origins: &mut Origins,
    setting: Setting,
    value: &Node,
    origin: Origin,
) -> Result<(), LoadError> {
    if value.is_null() {
        return Ok(());
    }
    let of_variable = match setting {
        // Their members have origins, too.
        Setting::Kafka | Setting::Options => Reader(value).mapping_of_variable(),
        _ => Ok(None),
    };
    let of_variable =
        of_variable.map_err(|error| bad_value(setting, value, origin.clone(), error))?;
    let value = of_variable.as_ref().unwrap_or(value);
    if setting == Setting::Kafka
        && let Content::Mapping(entries) = &value.content
    {
        let pairs = kafka_settings(entries, &origin, origins)?;
        layer
            .kafka
            .settings
            .get_or_insert_default()
            .0
            .extend(pairs.0);
        origins.add(setting, origin);
        return Ok(());
    }
    layer
        .set(setting, Reader(value))
        .map_err(|error| bad_value(setting, value, origin.clone(), error))?;
    if setting == Setting::Options
        && let Content::Mapping(entries) = &value.content
    {
        for (name, _) in entries {
            let member = origin.clone().of_member(&name.text, Some(name.line));
            origins.add_option(&name.text, member);
        }
    }
    origins.add(setting, origin);
    Ok(())
}

fn bad_value(setting: Setting, value: &Node, origin: Origin, error: ReadError) -> LoadError {
    let shown = match &value.content {
        // The whole mapping may hold a password.
        _ if setting == Setting::Kafka => None,
        Content::Scalar(Scalar { text, .. }) => Some(text.clone()),
        _ => None,
    };
    LoadError::BadValue {
        origin,
        value: shown,
        reason: error.0,
    }
}

/// Settings of librdkafka in a section of a file, which are recorded with their lines.
pub(super) fn kafka_settings(
    entries: &[(Key, Node)],
    section: &Origin,
    origins: &mut Origins,
) -> Result<KafkaSettings, LoadError> {
    let mut settings = KafkaSettings::default();
    for (key, value) in entries {
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if key.text.is_empty() || !key.text.chars().all(is_name) {
            return Err(LoadError::NotAName {
                section: section.clone(),
                line: key.line,
            });
        }
        let origin = section.clone().of_member(&key.text, Some(key.line));
        if let Some(text) = kafka_value(&key.text, value, &origin)? {
            origins.add_kafka(&key.text, origin);
            settings.0.push((key.text.clone(), text));
        }
    }
    Ok(settings)
}

/// The text of a value as upstream's client gives it to librdkafka; a secret is taken as it is written.
pub(super) fn kafka_value(
    key: &str,
    value: &Node,
    origin: &Origin,
) -> Result<Option<String>, LoadError> {
    let Content::Scalar(scalar) = &value.content else {
        return Err(LoadError::BadValue {
            origin: origin.clone(),
            value: None,
            reason: format!("it is {}, not a single value", value.kind()),
        });
    };
    Ok(match scalar.meaning() {
        Meaning::Null => None,
        Meaning::Bool(value) if !kafka::is_secret(key) => Some(value.to_string()),
        Meaning::Integer(value) if !kafka::is_secret(key) => Some(value.to_string()),
        _ => Some(scalar.text.clone()),
    })
}

#[cfg(test)]
mod tests;
