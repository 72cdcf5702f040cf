//! The settings of a command that copies records and runs no plugin.

use super::{ConfigError, DEFAULT_PREFIX, Layer, Objects};

/// A cluster and topics of it. A consumer group and a recording are ignored: a file with settings for `run` may name
/// them.
#[derive(Clone, Debug)]
pub(crate) struct CopyConfig {
    /// The bootstrap brokers, separated by commas.
    pub(crate) brokers: String,
    /// Settings of librdkafka.
    pub(crate) settings: Vec<(String, String)>,
    /// Which topics are read.
    pub(crate) objects: Objects,
    /// The prefix of the topics, if it is set.
    pub(crate) prefix: Option<String>,
}

impl TryFrom<Layer> for CopyConfig {
    type Error = ConfigError;

    fn try_from(layer: Layer) -> Result<Self, ConfigError> {
        let Layer { kafka, journal, .. } = layer;
        let prefix = journal.prefix.clone();
        Ok(Self {
            brokers: kafka.brokers.ok_or(ConfigError::NoBrokers)?.0,
            settings: kafka.settings.unwrap_or_default().0,
            objects: Objects {
                prefix: journal.prefix.unwrap_or_else(|| DEFAULT_PREFIX.to_owned()),
                types: journal.object_types.unwrap_or_default(),
                privileged: journal.privileged.unwrap_or_default(),
            },
            prefix,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Result<CopyConfig, ConfigError> {
        serde_json::from_str::<Layer>(text).unwrap().try_into()
    }

    #[test]
    fn copying_needs_brokers_and_neither_a_plugin_nor_a_group() {
        let found = config(r#"{"kafka": {"brokers": "b"}}"#).unwrap();
        assert_eq!((&*found.brokers, found.prefix), ("b", None));
        assert_eq!(found.objects.prefix, DEFAULT_PREFIX);
        assert_eq!(config("{}").unwrap_err(), ConfigError::NoBrokers);
    }
}
