//! One layer of a configuration: the settings of the command line, the environment or a file. All layers have the same
//! members.

mod merge;
mod sections;

use std::path::PathBuf;

use serde::de::Deserializer;
use serde_json::Value;

use super::origin::{Origin, Origins};
use super::outputs;
use super::setting::Setting;
use super::source;

pub(crate) use sections::{
    CheckpointLayer, DatasetLayer, EarlierLayer, FailureLayer, GitLayer, JournalLayer, KafkaLayer,
    LimitsLayer, ObserveLayer, PrivacyLayer, ProcessLayer, ProcessorLayer,
};

/// The setting of librdkafka whose value a file of [`Setting::PasswordFile`] holds.
pub(crate) const PASSWORD: &str = "sasl.password";
/// The same for [`Setting::KeyPasswordFile`].
pub(crate) const KEY_PASSWORD: &str = "ssl.key.password";
/// The setting of librdkafka that [`Setting::GroupInstanceId`] sets.
pub(crate) const GROUP_INSTANCE_ID: &str = "group.instance.id";

/// The settings of one layer.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Layer {
    /// The plugin and its options.
    pub(crate) processor: ProcessorLayer,
    /// The selection of records.
    pub(crate) journal: JournalLayer,
    /// The git repository.
    pub(crate) git: GitLayer,
    /// The dataset.
    pub(crate) dataset: DatasetLayer,
    /// The cluster.
    pub(crate) kafka: KafkaLayer,
    /// Where outputs are written to, as `[NAME=][KIND:]DESTINATION`.
    pub(crate) outputs: Option<Vec<String>>,
    /// What outputs have already.
    pub(crate) earlier: EarlierLayer,
    /// The limits of a call.
    pub(crate) limits: LimitsLayer,
    /// The process.
    pub(crate) process: ProcessLayer,
    /// What no plugin may see.
    pub(crate) privacy: PrivacyLayer,
    /// Checkpoints.
    pub(crate) checkpoint: CheckpointLayer,
    /// Failures.
    pub(crate) failure: FailureLayer,
    /// What is seen from outside.
    pub(crate) observe: ObserveLayer,
    /// The file with further settings that the command line names.
    #[serde(skip)]
    pub(crate) config_file: Option<PathBuf>,
    /// Whether the command copies its source to the cluster, which the source then does not replace.
    #[serde(skip)]
    pub(crate) copies_to_cluster: bool,
}

impl Layer {
    /// Takes the values that this layer does not set from `lower`.
    fn over(self, lower: Self) -> Self {
        Self {
            processor: self.processor.over(lower.processor),
            journal: self.journal.over(lower.journal),
            git: self.git.over(lower.git),
            dataset: self.dataset.over(lower.dataset),
            kafka: self.kafka.over(lower.kafka),
            outputs: self.outputs.or(lower.outputs),
            earlier: self.earlier.over(lower.earlier),
            limits: self.limits.over(lower.limits),
            process: self.process.over(lower.process),
            privacy: self.privacy.over(lower.privacy),
            checkpoint: self.checkpoint.over(lower.checkpoint),
            failure: self.failure.over(lower.failure),
            observe: self.observe.over(lower.observe),
            config_file: self.config_file.or(lower.config_file),
            copies_to_cluster: self.copies_to_cluster || lower.copies_to_cluster,
        }
    }

    /// The settings that this layer sets.
    pub(crate) fn settings(&self) -> impl Iterator<Item = Setting> {
        let outputs = self.outputs.is_some().then_some(Setting::Outputs);
        self.processor
            .settings()
            .chain(self.journal.settings())
            .chain(self.git.settings())
            .chain(self.dataset.settings())
            .chain(self.kafka.settings())
            .chain(outputs)
            .chain(self.earlier.settings())
            .chain(self.limits.settings())
            .chain(self.process.settings())
            .chain(self.privacy.settings())
            .chain(self.checkpoint.settings())
            .chain(self.failure.settings())
            .chain(self.observe.settings())
    }

    /// The names of the plugin's options that this layer sets.
    pub(super) fn option_names(&self) -> impl Iterator<Item = &String> {
        let values = self.processor.options.iter().flatten();
        let texts = self.processor.option_texts.iter().flatten();
        values
            .map(|(name, _)| name)
            .chain(texts.map(|(name, _)| name))
    }

    /// Sets a setting to a value, which the setting's type reads.
    ///
    /// # Errors
    /// When the setting does not take the value.
    pub(crate) fn set<'de, D: Deserializer<'de>>(
        &mut self,
        setting: Setting,
        value: D,
    ) -> Result<(), D::Error> {
        if setting == Setting::Outputs {
            self.outputs = Some(outputs::read(value)?);
            return Ok(());
        }
        let value = &mut Some(value);
        self.processor.read(setting, value)?;
        self.journal.read(setting, value)?;
        self.git.read(setting, value)?;
        self.dataset.read(setting, value)?;
        self.kafka.read(setting, value)?;
        self.earlier.read(setting, value)?;
        self.limits.read(setting, value)?;
        self.process.read(setting, value)?;
        self.privacy.read(setting, value)?;
        self.checkpoint.read(setting, value)?;
        self.failure.read(setting, value)?;
        self.observe.read(setting, value)
    }

    /// The value of a setting, where this layer sets it.
    pub(crate) fn value(&self, setting: Setting) -> Option<Value> {
        if setting == Setting::Outputs {
            return serde_json::to_value(self.outputs.as_ref()?).ok();
        }
        self.processor
            .value(setting)
            .or_else(|| self.journal.value(setting))
            .or_else(|| self.git.value(setting))
            .or_else(|| self.dataset.value(setting))
            .or_else(|| self.kafka.value(setting))
            .or_else(|| self.earlier.value(setting))
            .or_else(|| self.limits.value(setting))
            .or_else(|| self.process.value(setting))
            .or_else(|| self.privacy.value(setting))
            .or_else(|| self.checkpoint.value(setting))
            .or_else(|| self.failure.value(setting))
            .or_else(|| self.observe.value(setting))
    }
}

/// Combined layers, added from the highest to the lowest, with the origin of each value.
#[derive(Debug, Default)]
pub(crate) struct Layers {
    layer: Layer,
    origins: Origins,
}

impl Layers {
    /// Adds `lower` below the present layers; `origin` returns the origin of its settings.
    ///
    /// A layer that names a source replaces the source of lower layers.
    #[must_use]
    pub(crate) fn over(self, lower: Layer, origin: impl Fn(Setting) -> Origin) -> Self {
        let origins = Origins::of_layer(&lower, origin);
        self.over_with(lower, origins)
    }

    /// The same with the origins of all values of `lower`.
    #[must_use]
    pub(crate) fn over_with(mut self, mut lower: Layer, origins: Origins) -> Self {
        self.layer.replace_in(&mut lower);
        self.origins.add_lower(origins, &lower);
        self.layer = self.layer.over(lower);
        self
    }

    /// The combined layer.
    pub(crate) fn layer(&self) -> &Layer {
        &self.layer
    }

    /// The combined layer and the origins of its values.
    pub(crate) fn into_parts(self) -> (Layer, Origins) {
        (self.layer, self.origins)
    }
}

impl Layer {
    /// Removes the values of a lower layer that contradict those of this one, and that this layer replaces by values of
    /// other settings.
    fn replace_in(&mut self, lower: &mut Self) {
        source::replace_in(self, lower);
        let kafka = &self.kafka;
        for (file, key) in [
            (&kafka.password_file, PASSWORD),
            (&kafka.key_password_file, KEY_PASSWORD),
        ] {
            if file.is_some() {
                lower.kafka.remove(key);
            }
        }
        if kafka.has(PASSWORD) {
            lower.kafka.password_file = None;
        }
        if kafka.has(KEY_PASSWORD) {
            lower.kafka.key_password_file = None;
        }
        if kafka.group_instance_id.is_some() {
            lower.kafka.remove(GROUP_INSTANCE_ID);
        }
        if kafka.has(GROUP_INSTANCE_ID) {
            lower.kafka.group_instance_id = None;
        }
        if self.journal.object_types.is_some() {
            lower.journal.offered_object_types = None;
        }
        if self.journal.offered_object_types.is_some() {
            lower.journal.object_types = None;
        }
        let processor = &mut self.processor;
        if processor.options_file.is_none() && lower.processor.options_file.is_some() {
            processor.options_over_file = processor.options.take();
        }
    }
}

impl KafkaLayer {
    /// Whether a setting of librdkafka is set.
    pub(crate) fn has(&self, key: &str) -> bool {
        let settings = self.settings.iter().flat_map(|settings| &settings.0);
        settings.into_iter().any(|(known, _)| known == key)
    }

    fn remove(&mut self, key: &str) {
        if let Some(settings) = &mut self.settings {
            settings.0.retain(|(known, _)| known != key);
        }
    }
}
