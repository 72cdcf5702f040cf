//! The settings of a command that copies records and runs no plugin.

use super::{ConfigError, Connection, Layer, PrivacyConfig};

/// A cluster and the prefix of its topics. A consumer group and a recording are ignored: a file with settings for `run` may name
/// them.
#[derive(Clone, Debug)]
pub(crate) struct CopyConfig {
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
        Ok(Self {
            connection: Connection::of(&layer.kafka).ok_or(ConfigError::NoBrokers)?,
            prefix: layer.journal.prefix,
            privacy: PrivacyConfig::of(layer.privacy),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn config(text: &str) -> Result<CopyConfig, ConfigError> {
        serde_json::from_str::<Layer>(text).unwrap().try_into()
    }

    #[test]
    fn copying_needs_brokers_and_neither_a_plugin_nor_a_group() {
        let found = config(r#"{"kafka": {"brokers": "b", "broker_timeout": "5s"}}"#).unwrap();
        assert_eq!((&*found.connection.brokers, found.prefix), ("b", None));
        assert_eq!(found.connection.broker_timeout, Duration::from_secs(5));
        assert_eq!(config("{}").unwrap_err(), ConfigError::NoBrokers);
    }
}
