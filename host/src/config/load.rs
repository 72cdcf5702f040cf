//! Combines the command line, the environment and a file.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::file::{self, Document};
use super::layer::{Layer, Layers};
use super::origin::{Origin, Origins};
use super::setting::Setting;
use super::source;
use super::upstream::Unsupported;
use super::variables::Variables;
use super::yaml::{self, YamlError};
use crate::kafka;

/// The names of settings in a file; those of variables follow from them.
pub(crate) type Keys = fn(Setting) -> String;

/// Settings that cannot be read. No message quotes the value of a setting that is secret or unknown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LoadError {
    /// The file cannot be read.
    #[error("cannot read the configuration `{}`: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The variable that names it, unless the command line does.
        variable: Option<String>,
        /// The system's reason.
        reason: String,
    },
    /// The file is not YAML.
    #[error("`{}` is not a configuration: {error}", path.display())]
    Yaml {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: YamlError,
    },
    /// The file or a section of it is not a mapping.
    #[error("{} is not a mapping of keys to values", path.display())]
    NotAMapping {
        /// The file.
        path: PathBuf,
        /// The section, unless it is the whole file.
        section: Option<Origin>,
    },
    /// A key or a variable that does not exist.
    #[error("an unknown key")]
    Unknown {
        /// Where it is written.
        origin: Origin,
        /// The one that was probably meant.
        nearest: Option<String>,
    },
    /// A key of the host in the section of upstream's client.
    #[error("a key of the host in the section of upstream's client")]
    InSection {
        /// Where it is written.
        origin: Origin,
        /// Its name at the top of the file.
        name: String,
    },
    /// A key that is not the name of a setting of librdkafka, and that may hold a value.
    #[error("a key is not a name")]
    NotAName {
        /// Where it is written: the section.
        section: Origin,
        /// Its line.
        line: usize,
    },
    /// A value that the setting does not take.
    #[error("a bad value: {reason}")]
    BadValue {
        /// Where it is written.
        origin: Origin,
        /// The value, where it may be shown.
        value: Option<String>,
        /// Why the setting does not take it.
        reason: String,
    },
    /// A key of upstream's client that has no meaning here.
    #[error("an unsupported key")]
    Unsupported {
        /// Where it is written.
        origin: Origin,
        /// What it sets.
        what: Unsupported,
    },
    /// A client of upstream's that is none of Kafka.
    #[error("an unknown class")]
    Class {
        /// Where it is written.
        origin: Origin,
        /// The class.
        class: String,
    },
    /// Two settings of which one replaces the other.
    #[error("two settings that exclude each other")]
    Exclusive {
        /// Where the one is written.
        one: Box<Origin>,
        /// Where the other is written.
        other: Box<Origin>,
    },
    /// A password, and a file that holds it.
    #[error("the setting and a file with its value are both given")]
    SecretTwice {
        /// The setting that names the file.
        setting: Setting,
        /// The setting of librdkafka.
        key: &'static str,
    },
    /// A setting of librdkafka, and the host's own setting that sets it.
    #[error("the setting and the one that sets it are both given")]
    SettingTwice {
        /// The host's setting.
        setting: Setting,
        /// The setting of librdkafka.
        key: &'static str,
    },
    /// A file with a secret cannot be used.
    #[error("cannot use the secret in `{}`: {reason}", path.display())]
    Secret {
        /// The setting that names it.
        setting: Setting,
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
}

/// What is said about settings that are used, or left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// Sections of a file that other programs read.
    OtherSections {
        /// The file.
        path: PathBuf,
        /// Their names.
        names: Vec<String>,
    },
    /// A section that looks like one of upstream's client and has another name.
    OtherClient(Origin),
    /// A file that sets nothing.
    NothingSet(PathBuf),
    /// A key or variable that no setting has, and that resembles none.
    Ignored(Origin),
    /// A form that upstream's client deprecates.
    Deprecated {
        /// Where it is written.
        origin: Origin,
        /// What to write instead, as a key of the same section.
        instead: &'static str,
    },
    /// Settings of librdkafka beside the keys of the section, which upstream's client deprecates.
    Beside {
        /// The section.
        section: Origin,
        /// Their names.
        names: Vec<String>,
        /// The key of the section that has them instead.
        instead: &'static str,
    },
    /// A setting that upstream's client overrules.
    Overruled {
        /// Where it is written.
        origin: Origin,
        /// The key that sets it; none where the host does.
        by: Option<&'static str>,
    },
    /// A secret on the command line, by the name of its setting of librdkafka.
    SecretOnCommandLine(String),
}

/// Combined layers, and what is to be said about them.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// The layers.
    pub(crate) layers: Layers,
    /// What is to be said.
    pub(crate) notices: Vec<Notice>,
}

/// Adds the environment and the file that it or the command line names to the settings of the command line.
///
/// # Errors
/// When a variable or the file cannot be read, or has an unknown name or a value that its setting does not take.
pub(crate) fn load(
    flags: Layer,
    environment: impl Iterator<Item = (OsString, OsString)>,
    keys: Keys,
) -> Result<Loaded, LoadError> {
    let mut notices = secrets(&flags);
    check_twice(&flags, &Origins::default())?;
    let variables = Variables::read(environment, keys)?;
    check_twice(&variables.layer, &variables.origins)?;
    notices.extend(variables.notices);
    let layers = Layers::default().over(flags, |_| Origin::Flag);
    let mut layers = layers.over_with(variables.layer, variables.origins);
    let by_flag = layers.layer().config_file.clone().map(|path| (None, path));
    let by_variable = || {
        let (variable, path) = variables.config_file?;
        Some((Some(variable), path))
    };
    let document = match by_flag.or_else(by_variable) {
        Some((variable, path)) => read(&path, variable.as_deref(), keys)?,
        None => Document::default(),
    };
    check_twice(&document.own, &document.own_origins)?;
    notices.extend(document.notices);
    if let Some((variable, id)) = variables.group_instance_id
        && reads_cluster(layers.layer(), &document.own)
    {
        let mut layer = Layer::default();
        layer.kafka.group_instance_id = Some(id);
        layers = layers.over(layer, |_| Origin::Environment {
            variable: variable.clone(),
        });
    }
    layers = layers.over_with(document.own, document.own_origins);
    layers = layers.over_with(document.upstream, document.upstream_origins);
    Ok(Loaded { layers, notices })
}

/// Refuses a layer that names the process in its group by the host's setting and by librdkafka's: one of them would be
/// dropped. A higher layer replaces either.
fn check_twice(layer: &Layer, origins: &Origins) -> Result<(), LoadError> {
    let (setting, key) = (Setting::GroupInstanceId, super::GROUP_INSTANCE_ID);
    if layer.kafka.group_instance_id.is_none() || !layer.kafka.has(key) {
        return Ok(());
    }
    match (origins.of(setting), origins.of_kafka(key)) {
        (Origin::Default, _) | (_, Origin::Default) => {
            Err(LoadError::SettingTwice { setting, key })
        }
        (one, other) => Err(LoadError::Exclusive {
            one: Box::new(one.clone()),
            other: Box::new(other.clone()),
        }),
    }
}

/// Whether a layer reads a cluster, once `lower` is added below it.
fn reads_cluster(layer: &Layer, lower: &Layer) -> bool {
    let is_replaced = source::is_named(layer);
    !source::is_local(layer) && (is_replaced || !source::is_local(lower))
}

fn secrets(flags: &Layer) -> Vec<Notice> {
    let settings = flags.kafka.settings.iter();
    let keys = settings
        .flat_map(|settings| &settings.0)
        .map(|(key, _)| key);
    let secret = keys.filter(|key| kafka::is_secret(key));
    secret
        .map(|key| Notice::SecretOnCommandLine(key.clone()))
        .collect()
}

fn read(path: &Path, variable: Option<&str>, keys: Keys) -> Result<Document, LoadError> {
    let unreadable = |reason: String| LoadError::Unreadable {
        path: path.to_owned(),
        variable: variable.map(str::to_owned),
        reason,
    };
    let text = read_text(path, yaml::MOST_BYTES).map_err(unreadable)?;
    let node = yaml::parse(&text).map_err(|error| LoadError::Yaml {
        path: path.to_owned(),
        error,
    })?;
    match node {
        Some(node) => file::read(&node, path, keys),
        None => Ok(Document {
            notices: vec![Notice::NothingSet(path.to_owned())],
            ..Document::default()
        }),
    }
}

/// The text of a small file.
fn read_text(path: &Path, most: u64) -> Result<String, String> {
    let mut text = Vec::new();
    let file = File::open(path).map_err(|error| error.to_string())?;
    file.take(most + 1)
        .read_to_end(&mut text)
        .map_err(|error| error.to_string())?;
    if text.len() as u64 > most {
        return Err(format!("it is larger than {most} bytes"));
    }
    String::from_utf8(text).map_err(|_| "it is not UTF-8".to_owned())
}

/// Replaces the files that hold passwords by the passwords.
///
/// # Errors
/// When such a file cannot be read or holds no password, or when the password is given as well.
pub(crate) fn read_passwords(layer: &mut Layer, origins: &mut Origins) -> Result<(), LoadError> {
    let password = layer.kafka.password_file.take();
    let key_password = layer.kafka.key_password_file.take();
    for (path, setting, key) in [
        (password, Setting::PasswordFile, super::PASSWORD),
        (key_password, Setting::KeyPasswordFile, super::KEY_PASSWORD),
    ] {
        let Some(path) = path else { continue };
        if layer.kafka.has(key) {
            return Err(LoadError::SecretTwice { setting, key });
        }
        let secret = read_secret(&path).map_err(|reason| LoadError::Secret {
            setting,
            path,
            reason,
        })?;
        origins.add_kafka(key, origins.of(setting).clone());
        let settings = layer.kafka.settings.get_or_insert_default();
        settings.0.push((key.to_owned(), secret));
    }
    Ok(())
}

/// The secret in a file, without the end of its line.
fn read_secret(path: &Path) -> Result<String, String> {
    /// The limit on the size of a secret, in bytes.
    const MOST_BYTES: u64 = 64 << 10;
    let text = read_text(path, MOST_BYTES)?;
    let secret = text.strip_suffix('\n').unwrap_or(&text);
    let secret = secret.strip_suffix('\r').unwrap_or(secret);
    if secret.is_empty() {
        return Err("it is empty".to_owned());
    }
    if secret.contains(['\n', '\0']) {
        return Err("it holds more than one line".to_owned());
    }
    Ok(secret.to_owned())
}

#[cfg(test)]
mod tests;
