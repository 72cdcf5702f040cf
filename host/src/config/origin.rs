//! The origin of the value of each setting, so that messages name what the operator wrote.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::setting::Setting;

/// The origin of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// No layer sets it.
    Default,
    /// The command line; `cli` knows the flag.
    Flag,
    /// An environment variable.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "no layer reads the environment yet")
    )]
    Environment {
        /// Its name.
        variable: String,
    },
    /// A configuration file.
    #[cfg_attr(not(test), expect(dead_code, reason = "no layer reads a file yet"))]
    File {
        /// The file.
        path: PathBuf,
        /// The path of keys to the value, separated by dots.
        key: String,
    },
}

/// The origins of all settings of a configuration.
#[derive(Debug, Default)]
pub(crate) struct Origins {
    settings: BTreeMap<Setting, Origin>,
    kafka: BTreeMap<String, Origin>,
}

impl Origins {
    /// The origin of the value of `setting`.
    pub(crate) fn of(&self, setting: Setting) -> &Origin {
        self.settings.get(&setting).unwrap_or(&Origin::Default)
    }

    /// The origin of the value of one of librdkafka's settings.
    pub(crate) fn of_kafka(&self, key: &str) -> &Origin {
        self.kafka.get(key).unwrap_or(&Origin::Default)
    }

    /// Records an origin, unless a higher layer sets the value.
    pub(super) fn add(&mut self, setting: Setting, origin: Origin) {
        self.settings.entry(setting).or_insert(origin);
    }

    /// The same for one of librdkafka's settings.
    pub(super) fn add_kafka(&mut self, key: &str, origin: Origin) {
        self.kafka.entry(key.to_owned()).or_insert(origin);
    }
}
