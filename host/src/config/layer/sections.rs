//! The sections of a layer, which divide the settings by what they are about.

use std::path::PathBuf;

use serde::de::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::merge::Merge;
use crate::config::setting::Setting;
use crate::config::values::{
    Anonymise, KafkaSettings, LogFilter, LogFormat, MaxFailures, MetricsAddress, MissingTopics,
    OnEof, OnFailure, OnSchemaChange, Phases, Print, Privileged, RecordCount, Share, Size, Span,
    StartFrom, Text, Time, TopicPartition, WorkerCount,
};

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
            pub(in crate::config) fn over(self, lower: Self) -> Self {
                Self {
                    $($member: match (self.$member, lower.$member) {
                        (Some(value), Some(lower)) => Some(value.over(lower)),
                        (value, lower) => value.or(lower),
                    },)*
                }
            }

            pub(in crate::config) fn settings(&self) -> impl Iterator<Item = Setting> {
                [$(self.$member.is_some().then_some(Setting::$setting)),*].into_iter().flatten()
            }

            /// Takes and reads the value, if the setting is one of this section.
            pub(in crate::config) fn read<'de, D: Deserializer<'de>>(
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
            pub(in crate::config) fn value(&self, setting: Setting) -> Option<Value> {
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
