//! The settings of a command that copies records and runs no plugin.

use std::time::Duration;

use super::{ConfigError, Layer, Objects, broker_timeout};

/// A cluster and topics of it. A consumer group and a recording are ignored: a file with settings for `run` may name
/// them.
#[derive(Clone, Debug)]
pub(crate) struct CopyConfig {
    /// The bootstrap brokers, separated by commas.
    pub(crate) brokers: String,
    /// Settings of librdkafka.
    pub(crate) settings: Vec<(String, String)>,
    /// How long brokers that do not answer are waited for.
    pub(crate) broker_timeout: Duration,
    /// Which topics are read.
    pub(crate) objects: Objects,
    /// The prefix of the topics, if it is set.
    pub(crate) prefix: Option<String>,
}

impl TryFrom<Layer> for CopyConfig {
    type Error = ConfigError;

    fn try_from(layer: Layer) -> Result<Self, ConfigError> {
        let broker_timeout = broker_timeout(&layer.kafka);
        let settings = layer.kafka.settings.unwrap_or_default().0;
        Ok(Self {
            brokers: layer.kafka.brokers.ok_or(ConfigError::NoBrokers)?.0,
            settings,
            broker_timeout,
            objects: Objects::of(&layer.journal),
            prefix: layer.journal.prefix,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::DEFAULT_PREFIX;

    fn config(text: &str) -> Result<CopyConfig, ConfigError> {
        serde_json::from_str::<Layer>(text).unwrap().try_into()
    }

    #[test]
    fn copying_needs_brokers_and_neither_a_plugin_nor_a_group() {
        let found = config(r#"{"kafka": {"brokers": "b", "broker_timeout": "5s"}}"#).unwrap();
        assert_eq!((&*found.brokers, found.prefix), ("b", None));
        assert_eq!(found.broker_timeout, Duration::from_secs(5));
        assert_eq!(found.objects.prefix, DEFAULT_PREFIX);
        assert_eq!(config("{}").unwrap_err(), ConfigError::NoBrokers);
    }
}
