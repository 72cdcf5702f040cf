//! One layer of a configuration: the settings of the command line, the environment or a file. All layers have the same
//! members.

use std::path::PathBuf;

use serde::de::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::origin::{Origin, Origins};
use super::outputs;
use super::setting::Setting;
use super::source;
use super::values::{
    Anonymise, KafkaSettings, LogFilter, LogFormat, MaxFailures, MetricsAddress, MissingTopics,
    OnEof, OnFailure, OnSchemaChange, Phases, Print, Privileged, RecordCount, Share, Size, Span,
    StartFrom, Text, Time, TopicPartition, WorkerCount,
};

/// The setting of librdkafka whose value a file of [`Setting::PasswordFile`] holds.
pub(crate) const PASSWORD: &str = "sasl.password";
/// The same for [`Setting::KeyPasswordFile`].
pub(crate) const KEY_PASSWORD: &str = "ssl.key.password";
/// The setting of librdkafka that [`Setting::GroupInstanceId`] sets.
pub(crate) const GROUP_INSTANCE_ID: &str = "group.instance.id";

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
impl Merge for Vec<PathBuf> {}
impl Merge for Vec<TopicPartition> {}
impl Merge for bool {}
impl Merge for u64 {}
impl Merge for Size {}
impl Merge for Span {}
impl Merge for RecordCount {}
impl Merge for WorkerCount {}
impl Merge for Text {}
impl Merge for OnEof {}
impl Merge for Print {}
impl Merge for Privileged {}
impl Merge for Anonymise {}
impl Merge for MissingTopics {}
impl Merge for Phases {}
impl Merge for StartFrom {}
impl Merge for Time {}
impl Merge for OnSchemaChange {}
impl Merge for MetricsAddress {}
impl Merge for LogFilter {}
impl Merge for LogFormat {}
impl Merge for OnFailure {}
impl Merge for MaxFailures {}
impl Merge for u32 {}
impl Merge for Share {}

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

            pub(super) fn settings(&self) -> impl Iterator<Item = Setting> {
                [$(self.$member.is_some().then_some(Setting::$setting)),*].into_iter().flatten()
            }

            /// Takes and reads the value, if the setting is one of this section.
            fn read<'de, D: Deserializer<'de>>(
                &mut self,
                setting: Setting,
                value: &mut Option<D>,
            ) -> Result<(), D::Error> {
                $(
                    if setting == Setting::$setting
                        && let Some(value) = value.take()
                    {
                        self.$member = Some(<$value>::deserialize(value)?);
                    }
                )*
                Ok(())
            }

            /// The value of a setting of this section.
            fn value(&self, setting: Setting) -> Option<Value> {
                $(
                    if setting == Setting::$setting
                        && let Some(value) = &self.$member
                    {
                        return serde_json::to_value(value).ok();
                    }
                )*
                None
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
        /// The runtime of a script, or the folder that has it.
        runtime: PathBuf = Runtime,
        /// Modules, folders and wheels that a script may import.
        with: Vec<PathBuf> = With,
        /// Where text goes that a script prints.
        print: Print = Print,
        /// Options of a layer above the one that names the file.
        #[serde(skip)]
        options_over_file: Map<String, Value> = Options,
    }
}

section! {
    /// The selection of records of a journal.
    JournalLayer {
        /// The prefix of its topic names.
        prefix: String = Prefix,
        /// The object types to read, out of those of the plugin.
        object_types: Vec<String> = ObjectTypes,
        /// Object types of which those are read that the plugin reads.
        #[serde(skip)]
        offered_object_types: Vec<String> = ObjectTypes,
        /// Whether privileged topics are read.
        privileged: Privileged = Privileged,
        /// What to do about an object type that has no topic.
        missing_topics: MissingTopics = MissingTopics,
        /// Recordings to read instead of a cluster, one after another.
        recordings: Vec<PathBuf> = Recording,
        /// What to do when all existing records are processed.
        on_eof: OnEof = OnEof,
        /// The stages of a replay.
        phases: Phases = Phases,
        /// The part of the source that the process reads.
        share: Share = Share,
        /// The number of objects after which the run ends.
        stop_after: u64 = StopAfter,
        /// Whether topics that are missing are created.
        create_topics: bool = CreateTopics,
    }
}

section! {
    /// A git repository that is read instead of a cluster.
    GitLayer {
        /// A folder of it.
        repository: PathBuf = Git,
        /// The URL of the origin.
        origin: Text = Origin,
        /// The time of the visit.
        visit_date: Time = VisitDate,
        /// Whether objects are read that no ref leads to.
        all_objects: bool = AllObjects,
        /// Bytes from which a content is skipped.
        max_content_size: Size = MaxContentSize,
    }
}

section! {
    /// A dataset that is read instead of a cluster.
    DatasetLayer {
        /// Its folder.
        folder: PathBuf = Dataset,
        /// The tables that are left out.
        without: Vec<String> = Without,
        /// The folder in which tables are sorted.
        temp: PathBuf = Temp,
    }
}

section! {
    /// The cluster.
    KafkaLayer {
        /// The bootstrap brokers, separated by commas.
        brokers: Text = Brokers,
        /// The consumer group.
        group_id: Text = GroupId,
        /// The partitions to read without the group.
        partitions: Vec<TopicPartition> = Partitions,
        /// Settings of librdkafka.
        settings: KafkaSettings = Kafka,
        /// A file with the password of the account.
        password_file: PathBuf = PasswordFile,
        /// A file with the password of the client's key.
        key_password_file: PathBuf = KeyPasswordFile,
        /// The name of the process in the group, which makes its workers static members.
        group_instance_id: Text = GroupInstanceId,
        /// Where a group without committed offsets starts.
        from: StartFrom = From,
        /// How long a run waits for brokers that do not answer.
        broker_timeout: Span = BrokerTimeout,
    }
}

section! {
    /// What happens to rows and tables that outputs have already.
    EarlierLayer {
        /// Whether the rows of a recording are added to them.
        append: bool = Append,
        /// Whether the rows of a recording replace them.
        overwrite: bool = Overwrite,
        /// What happens where a table does not fit the plan.
        on_schema_change: OnSchemaChange = OnSchemaChange,
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
        /// The memory for compiling the plugin.
        compile_memory: Size = CompileMemory,
        /// The CPU time for compiling the plugin.
        compile_timeout: Span = CompileTimeout,
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
        /// Whether it keeps rights that it does not need.
        no_confine: bool = NoConfine,
    }
}

section! {
    /// What no plugin may see.
    PrivacyLayer {
        /// A list of masked objects.
        masked: PathBuf = Masked,
        /// Whether names of persons are removed.
        anonymise: Anonymise = Anonymise,
    }
}

section! {
    /// Settings of checkpoints.
    CheckpointLayer {
        /// The longest time between two checkpoints.
        interval: Span = CheckpointInterval,
        /// The size of held rows that makes one due.
        size: Size = CheckpointSize,
    }
}

section! {
    /// Settings for failures.
    FailureLayer {
        /// What to do with a record that the processor rejects or fails on.
        on_failure: OnFailure = OnFailure,
        /// Where dead letters are written to.
        dead_letters: Text = DeadLetters,
        /// How many records may fail.
        max_failures: MaxFailures = MaxFailures,
        /// How often a call is repeated because the processor asks for it.
        retries: u32 = Retries,
    }
}

section! {
    /// What is seen of a run from outside.
    ObserveLayer {
        /// The address of metrics and health.
        metrics: MetricsAddress = Metrics,
        /// Whether other machines may reach that address.
        metrics_public: bool = MetricsPublic,
        /// Which log lines are shown.
        log_level: LogFilter = LogLevel,
        /// How log lines are written.
        log_format: LogFormat = LogFormat,
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
