//! The settings of a command that loads a plugin and reads no records.

use std::path::PathBuf;

use super::layer::{Layer, LimitsLayer, ProcessorLayer};
use super::{
    ConfigError, DEFAULT_BATCH_RECORDS, DEFAULT_COMPILE_MEMORY, DEFAULT_COMPILE_TIMEOUT,
    DEFAULT_DEADLINE, Limits, PluginOptions, ScriptSettings,
};

/// A plugin, its options and its limits. A source is ignored: a file with settings for `run` may name one.
#[derive(Clone, Debug)]
pub(crate) struct PluginConfig {
    /// The plugin's file.
    pub(crate) plugin: PathBuf,
    /// What a script needs besides its file.
    pub(crate) script: ScriptSettings,
    /// The plugin's options.
    pub(crate) options: PluginOptions,
    /// The limits of a call and of an instance.
    pub(crate) limits: Limits,
    /// Whether the process gives up rights that it does not need.
    pub(crate) confine: bool,
}

impl TryFrom<Layer> for PluginConfig {
    type Error = ConfigError;

    fn try_from(layer: Layer) -> Result<Self, ConfigError> {
        let plugin = layer.processor.plugin.clone();
        Ok(Self {
            plugin: plugin.ok_or(ConfigError::NoPlugin)?,
            script: ScriptSettings::of(&layer.processor),
            options: PluginOptions::of(layer.processor),
            limits: Limits::of(&layer.limits),
            confine: !layer.process.no_confine.unwrap_or_default(),
        })
    }
}

impl ScriptSettings {
    pub(super) fn of(processor: &ProcessorLayer) -> Self {
        Self {
            runtime: processor.runtime.clone(),
            with: processor.with.clone().unwrap_or_default(),
            print: processor.print,
        }
    }
}

impl PluginOptions {
    pub(super) fn of(processor: ProcessorLayer) -> Self {
        Self {
            texts: processor.option_texts.unwrap_or_default(),
            file: processor.options_file,
            values: processor.options.unwrap_or_default(),
            over_file: processor.options_over_file.unwrap_or_default(),
        }
    }
}

impl Limits {
    pub(super) fn of(limits: &LimitsLayer) -> Self {
        let memory = limits.compile_memory.map(|size| size.0);
        let timeout = limits.compile_timeout.map(|span| span.0);
        Self {
            batch_records: limits.batch_records.map_or(DEFAULT_BATCH_RECORDS, |count| {
                usize::try_from(count.0.get()).unwrap_or(usize::MAX)
            }),
            batch_bytes: limits.batch_bytes.map(|size| size.0),
            deadline: limits.deadline.map_or(DEFAULT_DEADLINE, |span| span.0),
            memory: limits.memory.map(|size| size.0),
            compile_memory: memory.unwrap_or(DEFAULT_COMPILE_MEMORY),
            compile_timeout: timeout.unwrap_or(DEFAULT_COMPILE_TIMEOUT),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plugin_without_a_source_is_enough_and_a_source_is_ignored() {
        let config =
            |text: &str| PluginConfig::try_from(serde_json::from_str::<Layer>(text).unwrap());
        let found = config(
            r#"{"processor": {"plugin": "p"}, "journal": {"recordings": ["r"]}, "kafka": {"brokers": "b"},
                "limits": {"deadline": "2s"}, "process": {"no_confine": true}}"#,
        )
        .unwrap();
        assert_eq!((found.plugin, found.confine), ("p".into(), false));
        assert_eq!(found.limits.deadline.as_secs(), 2);
        assert_eq!(config("{}").unwrap_err(), ConfigError::NoPlugin);
    }
}
