//! One layer of a configuration: the settings of the command line, the environment or a file. All layers have the same
//! members.

use std::path::PathBuf;

use serde_json::{Map, Value};

use super::origin::{Origin, Origins};
use super::setting::Setting;
use super::values::{
    KafkaSettings, OnBadRecord, OnEof, RecordCount, Size, Span, Text, WorkerCount,
};

/// Combines a value with that of a lower layer, which it replaces by default.
trait Merge: Sized {
    fn over(self, _lower: Self) -> Self {
        self
    }
}

impl Merge for PathBuf {}
impl Merge for String {}
impl Merge for Vec<String> {}
impl Merge for Vec<(String, String)> {}
impl Merge for bool {}
impl Merge for u64 {}
impl Merge for Size {}
impl Merge for Span {}
impl Merge for RecordCount {}
impl Merge for WorkerCount {}
impl Merge for Text {}
impl Merge for OnEof {}
impl Merge for OnBadRecord {}

impl Merge for KafkaSettings {
    /// Merges by key; this layer takes precedence.
    fn over(self, mut lower: Self) -> Self {
        lower.0.extend(self.0);
        lower
    }
}

impl Merge for Map<String, Value> {
    /// Merges by option; this layer takes precedence.
    fn over(self, mut lower: Self) -> Self {
        lower.extend(self);
        lower
    }
}

/// Defines a section of a layer: optional members, each with its setting.
macro_rules! section {
    (
        $(#[$about:meta])*
        $section:ident { $($(#[$about_member:meta])* $member:ident: $value:ty = $setting:ident,)* }
    ) => {
        $(#[$about])*
        #[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub(crate) struct $section {
            $($(#[$about_member])* pub(crate) $member: Option<$value>,)*
        }

        impl $section {
            fn over(self, lower: Self) -> Self {
                Self {
                    $($member: match (self.$member, lower.$member) {
                        (Some(value), Some(lower)) => Some(value.over(lower)),
                        (value, lower) => value.or(lower),
                    },)*
                }
            }

            fn settings(&self) -> impl Iterator<Item = Setting> {
                [$(self.$member.is_some().then_some(Setting::$setting)),*].into_iter().flatten()
            }
        }
    };
}

section! {
    /// The plugin and its options.
    ProcessorLayer {
        /// Its file.
        plugin: PathBuf = Plugin,
        /// Options with their values.
        options: Map<String, Value> = Options,
        /// Options as texts; the plugin's schema has their types.
        #[serde(skip)]
        option_texts: Vec<(String, String)> = Options,
        /// A file with a JSON object of options.
        options_file: PathBuf = OptionsFile,
    }
}

section! {
    /// The selection of records of a journal.
    JournalLayer {
        /// The prefix of its topic names.
        prefix: String = Prefix,
        /// The object types to read, out of those of the plugin.
        object_types: Vec<String> = ObjectTypes,
        /// Whether privileged topics are read where they exist.
        privileged: bool = Privileged,
        /// A recording to read instead of a cluster.
        recording: PathBuf = Recording,
        /// What to do when all existing records are processed.
        on_eof: OnEof = OnEof,
        /// The number of objects after which the run ends.
        stop_after: u64 = StopAfter,
    }
}

section! {
    /// The cluster.
    KafkaLayer {
        /// The bootstrap brokers, separated by commas.
        brokers: Text = Brokers,
        /// The consumer group.
        group_id: Text = GroupId,
        /// Settings of librdkafka.
        settings: KafkaSettings = Kafka,
        /// How long a run waits for brokers that do not answer.
        broker_timeout: Span = BrokerTimeout,
    }
}

section! {
    /// The limits of one call and of one instance.
    LimitsLayer {
        /// Records of one call.
        batch_records: RecordCount = BatchRecords,
        /// Bytes of keys and values of one call.
        batch_bytes: Size = BatchBytes,
        /// The time of one call.
        deadline: Span = Deadline,
        /// The memory of one instance.
        memory: Size = MemoryLimit,
    }
}

section! {
    /// The process as a whole.
    ProcessLayer {
        /// Its memory.
        memory: Size = ProcessMemory,
        /// Its number of workers.
        workers: WorkerCount = Workers,
        /// How long it may take to end after a request to stop.
        shutdown_timeout: Span = ShutdownTimeout,
    }
}

section! {
    /// Settings of checkpoints.
    CheckpointLayer {
        /// The longest time between two checkpoints.
        interval: Span = CheckpointInterval,
    }
}

section! {
    /// Settings for failures.
    FailureLayer {
        /// What to do with a record that the processor rejects.
        on_bad_record: OnBadRecord = OnBadRecord,
    }
}

/// The settings of one layer.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Layer {
    /// The plugin and its options.
    pub(crate) processor: ProcessorLayer,
    /// The selection of records.
    pub(crate) journal: JournalLayer,
    /// The cluster.
    pub(crate) kafka: KafkaLayer,
    /// Where outputs are written to, as `[NAME=]FILE`.
    pub(crate) outputs: Option<Vec<String>>,
    /// The limits of a call.
    pub(crate) limits: LimitsLayer,
    /// The process.
    pub(crate) process: ProcessLayer,
    /// Checkpoints.
    pub(crate) checkpoint: CheckpointLayer,
    /// Failures.
    pub(crate) failure: FailureLayer,
}

impl Layer {
    /// Takes the values that this layer does not set from `lower`.
    fn over(self, lower: Self) -> Self {
        Self {
            processor: self.processor.over(lower.processor),
            journal: self.journal.over(lower.journal),
            kafka: self.kafka.over(lower.kafka),
            outputs: self.outputs.or(lower.outputs),
            limits: self.limits.over(lower.limits),
            process: self.process.over(lower.process),
            checkpoint: self.checkpoint.over(lower.checkpoint),
            failure: self.failure.over(lower.failure),
        }
    }

    /// The settings that this layer sets.
    pub(crate) fn settings(&self) -> impl Iterator<Item = Setting> {
        let outputs = self.outputs.is_some().then_some(Setting::Outputs);
        self.processor
            .settings()
            .chain(self.journal.settings())
            .chain(self.kafka.settings())
            .chain(outputs)
            .chain(self.limits.settings())
            .chain(self.process.settings())
            .chain(self.checkpoint.settings())
            .chain(self.failure.settings())
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
    pub(crate) fn over(mut self, mut lower: Layer, origin: impl Fn(Setting) -> Origin) -> Self {
        if self.layer.journal.recording.is_some() {
            lower.kafka = KafkaLayer::default();
        }
        if self.layer.kafka.brokers.is_some() {
            lower.journal.recording = None;
        }
        for setting in lower.settings() {
            self.origins.add(setting, origin(setting));
        }
        for (key, _) in lower.kafka.settings.iter().flat_map(|settings| &settings.0) {
            self.origins.add_kafka(key, origin(Setting::Kafka));
        }
        self.layer = self.layer.over(lower);
        self
    }

    /// The combined layer and the origins of its values.
    pub(crate) fn into_parts(self) -> (Layer, Origins) {
        (self.layer, self.origins)
    }
}
