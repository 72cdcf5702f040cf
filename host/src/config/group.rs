//! The settings of a command about a consumer group, which runs no plugin.

use super::{ConfigError, Kafka, Layer, Objects, Source, source};

/// A consumer group and the topics that it is asked about.
#[derive(Clone, Debug)]
pub(crate) struct GroupConfig {
    /// The cluster and the group.
    pub(crate) kafka: Kafka,
    /// The topics, by the object types that a run with the same settings would read.
    pub(crate) objects: Objects,
    /// The outputs of a run with the same settings, of which one may keep the positions of the group.
    pub(crate) outputs: Vec<String>,
}

impl TryFrom<Layer> for GroupConfig {
    type Error = ConfigError;

    fn try_from(layer: Layer) -> Result<Self, ConfigError> {
        let kafka = match source::source(&layer) {
            Ok(Source::Kafka(kafka)) => kafka,
            Ok(Source::Local(_)) | Err(ConfigError::NoSource) => {
                return Err(ConfigError::NoCluster);
            }
            Err(error) => return Err(error),
        };
        Ok(Self {
            kafka,
            objects: Objects::of(&layer.journal),
            outputs: layer.outputs.unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::DEFAULT_PREFIX;

    fn config(text: &str) -> Result<GroupConfig, ConfigError> {
        serde_json::from_str::<Layer>(text).unwrap().try_into()
    }

    #[test]
    fn group_needs_a_cluster_and_no_plugin() {
        let found = config(r#"{"kafka": {"brokers": "b", "group_id": "g"}}"#).unwrap();
        assert_eq!(
            (
                &*found.kafka.connection.brokers,
                &*found.kafka.connection.group_id
            ),
            ("b", "g")
        );
        assert_eq!(found.objects.prefix, DEFAULT_PREFIX);
        assert!(found.outputs.is_empty());
        let found =
            config(r#"{"kafka": {"brokers": "b", "group_id": "g"}, "outputs": ["rows.sqlite"]}"#);
        assert_eq!(found.unwrap().outputs, ["rows.sqlite"]);
        for text in ["{}", r#"{"journal": {"recordings": ["r"]}}"#] {
            assert_eq!(config(text).unwrap_err(), ConfigError::NoCluster);
        }
        let error = config(r#"{"kafka": {"brokers": "b"}}"#).unwrap_err();
        assert!(matches!(error, ConfigError::Incomplete { .. }));
    }
}
