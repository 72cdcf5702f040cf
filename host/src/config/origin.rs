//! The origin of the value of each setting, so that messages name what the operator wrote.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::layer::Layer;
use super::setting::Setting;

/// The origin of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// No layer sets it.
    Default,
    /// The command line; `cli` knows the flag.
    Flag,
    /// An environment variable.
    Environment {
        /// Its name.
        variable: String,
    },
    /// A configuration file.
    File {
        /// The file.
        path: PathBuf,
        /// The path of keys to the value, separated by dots.
        key: String,
        /// The line of the key, where it is known.
        line: Option<usize>,
    },
}

/// The origins of all settings of a configuration.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origins {
    settings: BTreeMap<Setting, Origin>,
    kafka: BTreeMap<String, Origin>,
    options: BTreeMap<String, Origin>,
}

impl Origins {
    /// The origins of a layer whose settings all come from the same source. The keys of librdkafka's settings and of
    /// options follow that of their section.
    pub(super) fn of_layer(layer: &Layer, origin: impl Fn(Setting) -> Origin) -> Self {
        let mut origins = Self::default();
        for setting in layer.settings() {
            origins.add(setting, origin(setting));
        }
        let kafka = layer.kafka.settings.iter();
        for (key, _) in kafka.flat_map(|settings| &settings.0) {
            origins.add_kafka(key, origin(Setting::Kafka).of_member(key, None));
        }
        for name in layer.option_names() {
            origins.add_option(name, origin(Setting::Options).of_member(name, None));
        }
        origins
    }

    /// The origin of the value of `setting`.
    pub(crate) fn of(&self, setting: Setting) -> &Origin {
        self.settings.get(&setting).unwrap_or(&Origin::Default)
    }

    /// The origin of the value of one of librdkafka's settings.
    pub(crate) fn of_kafka(&self, key: &str) -> &Origin {
        self.kafka.get(key).unwrap_or(&Origin::Default)
    }

    /// The origin of one of the plugin's options; that of the file of options is not known here.
    pub(crate) fn of_option(&self, name: &str) -> &Origin {
        self.options.get(name).unwrap_or(&Origin::Default)
    }

    /// Records an origin, unless a higher layer sets the value.
    pub(super) fn add(&mut self, setting: Setting, origin: Origin) {
        self.settings.entry(setting).or_insert(origin);
    }

    /// The same for one of librdkafka's settings.
    pub(super) fn add_kafka(&mut self, key: &str, origin: Origin) {
        self.kafka.entry(key.to_owned()).or_insert(origin);
    }

    /// Records the origin of one of librdkafka's settings in any case.
    pub(super) fn replace_kafka(&mut self, key: &str, origin: Origin) {
        self.kafka.insert(key.to_owned(), origin);
    }

    /// The same as [`Self::add`] for one of the plugin's options.
    pub(super) fn add_option(&mut self, name: &str, origin: Origin) {
        self.options.entry(name.to_owned()).or_insert(origin);
    }

    /// Adds the origins of a lower layer, as far as the layer still sets their values.
    pub(super) fn add_lower(&mut self, lower: Self, layer: &Layer) {
        let set: Vec<Setting> = layer.settings().collect();
        for (setting, origin) in lower.settings {
            if set.contains(&setting) {
                self.add(setting, origin);
            }
        }
        for (key, origin) in lower.kafka {
            if layer.kafka.has(&key) {
                self.add_kafka(&key, origin);
            }
        }
        for (name, origin) in lower.options {
            self.add_option(&name, origin);
        }
    }
}

impl Origin {
    /// The origin of a member of a section, whose key is that of the section and its own.
    pub(super) fn of_member(self, member: &str, member_line: Option<usize>) -> Self {
        match self {
            Self::File { path, key, line } => Self::File {
                path,
                key: format!("{key}.{member}"),
                line: member_line.or(line),
            },
            other => other,
        }
    }
}
