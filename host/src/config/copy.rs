//! The settings of a command that copies records to a cluster and runs no plugin.

use super::source::only_local;
use super::{ConfigError, Connection, Layer, Local, PrivacyConfig};

/// A cluster, the prefix of its topics, and what is copied to it. A consumer group is ignored: a file with settings for `run` may
/// name one.
#[derive(Clone, Debug)]
pub(crate) struct CopyConfig {
    /// Where records are read from.
    pub(crate) source: Local,
    /// The cluster.
    pub(crate) connection: Connection,
    /// The prefix of the topics, if it is set.
    pub(crate) prefix: Option<String>,
    /// What is not copied.
    pub(crate) privacy: PrivacyConfig,
}

impl TryFrom<Layer> for CopyConfig {
    type Error = ConfigError;

    fn try_from(layer: Layer) -> Result<Self, ConfigError> {
        let connection = Connection::of(&layer.kafka).ok_or(ConfigError::NoBrokers)?;
        let (_, source) = only_local(&layer)?.ok_or(ConfigError::NothingToRead)?;
        Ok(Self {
            source,
            connection,
            prefix: layer.journal.prefix,
            privacy: PrivacyConfig::of(layer.privacy),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::{Layers, Origin, Setting, remove_unused};

    fn layer(text: &str) -> Layer {
        serde_json::from_str(text).unwrap()
    }

    /// The settings of flags, over those of a file.
    fn config(flags: &str, file: &str) -> Result<CopyConfig, ConfigError> {
        let flags = Layer {
            copies_to_cluster: true,
            ..layer(flags)
        };
        let (mut layer, origins) = Layers::default()
            .over(flags, |_| Origin::Flag)
            .over(layer(file), |_| Origin::Default)
            .into_parts();
        remove_unused(&mut layer, &origins);
        layer.try_into()
    }

    #[test]
    fn copying_needs_brokers_and_neither_a_plugin_nor_a_group() {
        let recording = r#"{"journal": {"recordings": ["r"]}}"#;
        let brokers = r#"{"kafka": {"brokers": "b", "broker_timeout": "5s"}}"#;
        let found = config(recording, brokers).unwrap();
        assert_eq!((&*found.connection.brokers, found.prefix), ("b", None));
        assert_eq!(found.connection.broker_timeout, Duration::from_secs(5));
        assert_eq!(found.source, Local::Recordings(vec!["r".into()]));
        let error = config(recording, "{}").unwrap_err();
        assert_eq!(error, ConfigError::NoBrokers);
    }

    #[test]
    fn dataset_is_sorted_with_the_folder_and_the_memory_of_the_settings() {
        let file = r#"{"kafka": {"brokers": "b"}, "process": {"memory": "400MiB"},
            "dataset": {"folder": "e", "without": ["directory_entry"], "temp": "t"}}"#;
        let dataset = |flags| {
            let Local::Dataset(dataset) = config(flags, file).unwrap().source else {
                panic!("it is a dataset");
            };
            dataset
        };
        let found = dataset(r#"{"dataset": {"folder": "d"}}"#);
        assert_eq!((found.folder, found.temp), ("d".into(), "t".into()));
        assert_eq!((found.without, found.sort_memory), (vec![], 200 << 20));
        let found =
            dataset(r#"{"dataset": {"folder": "d", "temp": "u"}, "process": {"memory": "64MiB"}}"#);
        assert_eq!((found.temp, found.sort_memory), ("u".into(), 32 << 20));
        // The folder is of no use to a recording, and the tables are those of another source.
        let found = config(r#"{"journal": {"recordings": ["r"]}}"#, file).unwrap();
        assert_eq!(found.source, Local::Recordings(vec!["r".into()]));
        let flags = r#"{"journal": {"recordings": ["r"]}, "dataset": {"temp": "t"}}"#;
        let (missing, given) = (Setting::Dataset, Setting::Temp);
        let error = config(flags, file).unwrap_err();
        assert_eq!(error, ConfigError::Incomplete { missing, given });
    }
}
