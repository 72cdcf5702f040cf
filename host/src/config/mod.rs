//! The configuration: from the operator's settings to checked values.
//!
//! Each source of settings is a [`Layer`] with the same members, all of which may be absent. [`Layers`] combines them
//! and keeps the [`Origin`] of every value: [`load`] adds the environment and a file to the command line. Settings that
//! no layer sets have a default, and everything is checked once, when it becomes a [`Config`].

mod connection;
mod copy;
mod file;
mod group;
mod layer;
mod load;
mod membership;
pub(crate) mod memory;
pub(crate) mod options;
mod origin;
mod outputs;
mod plugin;
mod setting;
mod source;
mod upstream;
mod values;
mod variables;
mod yaml;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value};

pub(crate) use self::connection::Connection;
pub(crate) use self::copy::CopyConfig;
pub(crate) use self::group::GroupConfig;
#[cfg(test)]
pub(crate) use self::layer::Layers;
pub(crate) use self::layer::{
    DatasetLayer, EarlierLayer, FailureLayer, GROUP_INSTANCE_ID, GitLayer, JournalLayer,
    KEY_PASSWORD, Layer, LimitsLayer, ObserveLayer, PASSWORD, PrivacyLayer, ProcessorLayer,
};
pub(crate) use self::load::{LoadError, Notice, load, read_passwords};
pub(crate) use self::membership::complete;
pub(crate) use self::origin::{Origin, Origins};
pub(crate) use self::plugin::PluginConfig;
pub(crate) use self::setting::Setting;
pub(crate) use self::source::{
    Dataset, Kafka, Local, RELATIONS, ReadConfig, ReadSource, Source, SourceKind, is_local,
    remove_unused,
};
pub(crate) use self::upstream::Unsupported;
pub(crate) use self::values::{
    Anonymise, KafkaSettings, LogFilter, LogFormat, MaxFailures, MetricsAddress, MissingTopics,
    OnEof, OnFailure, OnSchemaChange, Percent, Phases, Print, Privileged, RecordCount, Share, Size,
    Span, StartFrom, Text, Time, TopicPartition, WorkerCount, time,
};

use crate::privacy::Level;

/// The default prefix of the names of the journal's topics.
pub(crate) const DEFAULT_PREFIX: &str = "swh.journal.objects";
/// The default number of records of one call.
pub(crate) const DEFAULT_BATCH_RECORDS: usize = 1000;
/// The default time limit for one call.
pub(crate) const DEFAULT_DEADLINE: Duration = Duration::from_secs(30);
/// The default of [`Setting::MaxContentSize`], in bytes: that of upstream's loaders.
pub(crate) const DEFAULT_MAX_CONTENT_SIZE: u64 = 100 << 20;
/// The default limit on the memory for compiling a plugin: twice that of the largest known one, a whole Python.
pub(crate) const DEFAULT_COMPILE_MEMORY: usize = 768 << 20;
/// The default limit on the CPU time for compiling a plugin; a whole Python takes 22 s.
pub(crate) const DEFAULT_COMPILE_TIMEOUT: Duration = Duration::from_mins(1);
/// The default of the longest time between two checkpoints.
pub(crate) const DEFAULT_CHECKPOINT_INTERVAL: Duration = Duration::from_secs(5);
/// The default of the share of records that may fail.
pub(crate) const DEFAULT_MAX_FAILURES: MaxFailures = MaxFailures::Percent(Percent::ONE);
/// The default number of repetitions that a processor may ask for.
pub(crate) const DEFAULT_RETRIES: u32 = 5;
/// The default time limit for ending after a request to stop. Kubernetes kills a container after 30 s.
pub(crate) const DEFAULT_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(25);
/// The default of the time after which brokers that do not answer end a run.
pub(crate) const DEFAULT_BROKER_TIMEOUT: Duration = Duration::from_mins(10);

/// All settings of a command, with defaults where no layer sets one.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// The plugin's file.
    pub(crate) plugin: PathBuf,
    /// What a script needs besides its file.
    pub(crate) script: ScriptSettings,
    /// The plugin's options.
    pub(crate) options: PluginOptions,
    /// Which objects are read.
    pub(crate) objects: Objects,
    /// Where they are read from.
    pub(crate) source: Source,
    /// The stages of a replay, each of which is read to its end before the next one begins.
    pub(crate) phases: Option<Phases>,
    /// The part of the source that the process reads.
    pub(crate) share: Option<Share>,
    /// The number of objects after which the run ends.
    pub(crate) stop_after: Option<u64>,
    /// Where outputs are written to, as `[NAME=][KIND:]DESTINATION`.
    pub(crate) outputs: Vec<String>,
    /// What a run over a recording does with rows that an output has already.
    pub(crate) earlier_rows: EarlierRows,
    /// What to do where a table does not fit the plan.
    pub(crate) on_schema_change: OnSchemaChange,
    /// The limits of a call and of an instance.
    pub(crate) limits: Limits,
    /// The memory of the process, in bytes.
    pub(crate) process_memory: Option<usize>,
    /// The number of workers of the process.
    pub(crate) workers: usize,
    /// The longest time between two checkpoints, if it is not the usual one.
    pub(crate) checkpoint_interval: Option<Duration>,
    /// The size of held rows that makes a checkpoint due, in bytes, if it is not the usual one.
    pub(crate) checkpoint_size: Option<usize>,
    /// What to do when the processor fails.
    pub(crate) failure: FailureHandling,
    /// What no plugin may see.
    pub(crate) privacy: PrivacyConfig,
    /// How long the run may take to end after a request to stop.
    pub(crate) shutdown_timeout: Duration,
    /// The address at which metrics and health are served, if they are.
    pub(crate) metrics: Option<SocketAddr>,
    /// Whether the process gives up rights that it does not need.
    pub(crate) confine: bool,
}

/// What no plugin may see.
#[derive(Clone, Debug, Default)]
pub(crate) struct PrivacyConfig {
    /// A list of masked objects.
    pub(crate) masked: Option<PathBuf>,
    /// Whether and how names are removed.
    pub(crate) anonymise: Option<Level>,
}

impl PrivacyConfig {
    fn of(layer: PrivacyLayer) -> Self {
        Self {
            masked: layer.masked,
            anonymise: match layer.anonymise {
                None | Some(Anonymise::No) => None,
                Some(Anonymise::Persons) => Some(Level::Persons),
                Some(Anonymise::Strict) => Some(Level::Strict),
            },
        }
    }
}

/// What a script needs besides its file.
#[derive(Clone, Debug, Default)]
pub(crate) struct ScriptSettings {
    /// The runtime, or the folder that has it; by default, the one beside the executable.
    pub(crate) runtime: Option<PathBuf>,
    /// Modules, folders and wheels that the script may import.
    pub(crate) with: Vec<PathBuf>,
    /// Where printed text goes; by default, to an output if the script emits no rows, and to the log otherwise.
    pub(crate) print: Option<Print>,
}

/// Options of the plugin, which are not checked yet: texts take precedence over `over_file`, that over the file, and
/// the file over values.
#[derive(Clone, Debug, Default)]
pub(crate) struct PluginOptions {
    /// Options as texts.
    pub(crate) texts: Vec<(String, String)>,
    /// A file with a JSON object of options.
    pub(crate) file: Option<PathBuf>,
    /// Options with their values.
    pub(crate) values: Map<String, Value>,
    /// Options with their values, of a layer above the one that names the file.
    pub(crate) over_file: Map<String, Value>,
}

/// Where dead letters are written to.
#[derive(Clone, Debug)]
pub(crate) enum LettersTo {
    /// A file.
    File(String),
    /// A topic.
    Topic {
        /// Its name.
        topic: String,
        /// The cluster that records come from.
        cluster: Connection,
    },
}

impl LettersTo {
    fn of(text: String, source: &Source) -> Result<Self, ConfigError> {
        match (text.strip_prefix("kafka:"), source) {
            (None, _) => Ok(Self::File(text)),
            (Some(topic), Source::Kafka(kafka)) => Ok(Self::Topic {
                topic: topic.to_owned(),
                cluster: kafka.connection.clone(),
            }),
            (Some(_), Source::Local(_)) => Err(ConfigError::LettersWithoutCluster),
        }
    }
}

/// What to do when the processor fails.
#[derive(Clone, Debug)]
pub(crate) struct FailureHandling {
    /// With the record.
    pub(crate) on_failure: OnFailure,
    /// Where dead letters are written to, if there are any.
    pub(crate) dead_letters: Option<LettersTo>,
    /// How many records may fail; without a limit, any number.
    pub(crate) max_failures: Option<MaxFailures>,
    /// How often a call is repeated because the processor asks for it.
    pub(crate) retries: u32,
}

impl FailureHandling {
    fn of(layer: FailureLayer, source: &Source) -> Result<Self, ConfigError> {
        let on_failure = layer.on_failure.unwrap_or(OnFailure::Stop);
        let dead_letters = layer
            .dead_letters
            .map(|Text(text)| LettersTo::of(text, source))
            .transpose()?;
        match (on_failure, &dead_letters) {
            (OnFailure::DeadLetter, None) => return Err(ConfigError::NoDeadLetters),
            (OnFailure::Stop | OnFailure::Skip, Some(_)) => {
                return Err(ConfigError::UnusedDeadLetters);
            }
            _ => {}
        }
        Ok(Self {
            on_failure,
            dead_letters,
            max_failures: Some(layer.max_failures.unwrap_or(DEFAULT_MAX_FAILURES)),
            retries: layer.retries.unwrap_or(DEFAULT_RETRIES),
        })
    }
}

/// Which objects are read.
#[derive(Clone, Debug)]
pub(crate) struct Objects {
    /// The prefix of topic names.
    pub(crate) prefix: String,
    /// Their types; if empty, all that the plugin reads.
    pub(crate) types: Vec<String>,
    /// Whether types that the plugin does not read are passed over; otherwise they are an error.
    pub(crate) types_are_offered: bool,
    /// Whether privileged topics are read.
    pub(crate) privileged: Privileged,
    /// What to do about an object type that has no topic, if that is set.
    pub(crate) missing_topics: Option<MissingTopics>,
}

impl Objects {
    fn of(journal: &JournalLayer) -> Self {
        let offered = journal.offered_object_types.as_ref();
        let types = journal.object_types.as_ref().or(offered);
        let prefix = journal.prefix.as_deref();
        Self {
            prefix: prefix.unwrap_or(DEFAULT_PREFIX).to_owned(),
            types: types.cloned().unwrap_or_default(),
            types_are_offered: offered.is_some(),
            privileged: journal.privileged.unwrap_or(Privileged::No),
            missing_topics: journal.missing_topics,
        }
    }
}

/// The limits of a call and of an instance; sizes that are absent are derived from the memory of the process.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// Records of one call.
    pub(crate) batch_records: usize,
    /// Bytes of keys and values of one call.
    pub(crate) batch_bytes: Option<usize>,
    /// The time of one call.
    pub(crate) deadline: Duration,
    /// The memory of one instance, in bytes.
    pub(crate) memory: Option<usize>,
    /// The memory for compiling the plugin, in bytes.
    pub(crate) compile_memory: usize,
    /// The CPU time for compiling the plugin.
    pub(crate) compile_timeout: Duration,
}

/// What a run over a recording does with rows that an output has already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EarlierRows {
    /// It ends before it writes anything.
    Refuse,
    /// It adds its rows to them.
    Append,
    /// It removes them.
    Overwrite,
    /// It adds rows of records that failed in the run, or the group, whose rows they are.
    Redrive,
}

/// Settings that are missing or contradict each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ConfigError {
    /// There is no plugin.
    #[error("no plugin is named")]
    NoPlugin,
    /// There is no source of any kind.
    #[error("no source of records is named")]
    NoSource,
    /// The same, of a command that reads without a consumer group.
    #[error("no source of records is named")]
    NothingToRead,
    /// The same, of a command that reads the same records several times.
    #[error("no source that can be read several times is named")]
    NothingToRepeat,
    /// A command about a consumer group without a cluster.
    #[error("no cluster is named")]
    NoCluster,
    /// A command that copies records without a cluster.
    #[error("the brokers of a cluster are not named")]
    NoBrokers,
    /// A table that records of a dataset are made of, and which cannot be left out of them.
    #[error("a table is left out that cannot be")]
    NotLeftOut,
    /// A cluster without brokers or without a group.
    #[error("a cluster needs brokers and a consumer group")]
    Incomplete {
        /// The setting that is missing.
        missing: Setting,
        /// The setting that is present.
        given: Setting,
    },
    /// A source, and a setting that names another one or belongs to it.
    #[error("two sources are named")]
    TwoSources {
        /// The setting that names the source.
        named: Setting,
        /// The other one.
        other: Setting,
    },
    /// A setting that contradicts a replay in stages.
    #[error("a replay in stages is for whole topics and ends after the last stage")]
    NotInPhases {
        /// The setting.
        setting: Setting,
    },
    /// Metrics at an address that other machines reach, without the setting that allows it.
    #[error("metrics at {address} can be read by other machines")]
    PublicMetrics {
        /// The address.
        address: SocketAddr,
    },
    /// Rows are to be added and to be replaced.
    #[error("rows are to be added to earlier ones and to replace them")]
    AppendAndOverwrite,
    /// A consumer group goes on where it was, so that no rows are replaced.
    #[error("rows are replaced by those of a recording alone")]
    OverwriteByGroup,
    /// Failed records are to be dead letters, and nothing says where.
    #[error("nothing says where dead letters are written to")]
    NoDeadLetters,
    /// A topic of dead letters is one of the cluster that records come from, and they come from no cluster.
    #[error(
        "dead letters go to a topic of the cluster that records come from, and these come from no cluster"
    )]
    LettersWithoutCluster,
    /// Dead letters are written somewhere, and no record becomes one.
    #[error("no record becomes a dead letter")]
    UnusedDeadLetters,
    /// A part of a source that is not divided so.
    #[error("only recordings and datasets are divided into shares")]
    NotShared {
        /// The setting that names the source.
        named: Setting,
    },
    /// Several workers for a source that one worker reads.
    #[error("this source is read by one worker")]
    SeveralWorkers {
        /// The setting that names the source.
        named: Setting,
    },
}

impl TryFrom<Layer> for Config {
    type Error = ConfigError;

    fn try_from(layer: Layer) -> Result<Self, ConfigError> {
        let plugin = layer.processor.plugin.clone();
        let plugin = plugin.ok_or(ConfigError::NoPlugin)?;
        let source = source::source(&layer)?;
        check_phases(&layer)?;
        let Layer {
            processor,
            journal,
            outputs,
            earlier,
            limits,
            process,
            privacy,
            checkpoint,
            failure,
            observe,
            ..
        } = layer;
        let workers = process.workers.map_or(1, |workers| workers.0.get());
        if workers > 1 && matches!(source, Source::Local(Local::Git(_))) {
            let named = Setting::Git;
            return Err(ConfigError::SeveralWorkers { named });
        }
        if journal.share.is_some() {
            check_share(&source)?;
        }
        let metrics = metrics_address(&observe)?;
        let earlier_rows = earlier_rows(&earlier, &source)?;
        let on_schema_change = earlier.on_schema_change;
        let interval = checkpoint.interval.map(|span| span.0);
        let failure = FailureHandling::of(failure, &source)?;
        Ok(Self {
            plugin,
            script: ScriptSettings::of(&processor),
            options: PluginOptions::of(processor),
            objects: Objects::of(&journal),
            source,
            phases: journal.phases,
            share: journal.share,
            stop_after: journal.stop_after,
            outputs: outputs.unwrap_or_default(),
            earlier_rows,
            on_schema_change: on_schema_change.unwrap_or(OnSchemaChange::Refuse),
            limits: Limits::of(&limits),
            process_memory: process.memory.map(|size| size.0),
            workers,
            checkpoint_interval: interval,
            checkpoint_size: checkpoint.size.map(|size| size.0),
            failure,
            privacy: PrivacyConfig::of(privacy),
            shutdown_timeout: process
                .shutdown_timeout
                .map_or(DEFAULT_SHUTDOWN_TIMEOUT, |span| span.0),
            metrics,
            confine: !process.no_confine.unwrap_or_default(),
        })
    }
}

/// Refuses settings that contradict stages.
fn check_phases(layer: &Layer) -> Result<(), ConfigError> {
    let goes_on = !matches!(layer.journal.on_eof, None | Some(OnEof::Stop));
    let is_local = source::is_local(layer);
    let contradictions = [
        // Any other source always ends.
        (goes_on && !is_local, Setting::OnEof),
        (layer.kafka.partitions.is_some(), Setting::Partitions),
        // No process would wait for the others.
        (layer.journal.share.is_some(), Setting::Share),
    ];
    let contradiction = contradictions.into_iter().find(|(is_given, _)| *is_given);
    match contradiction {
        Some((_, setting)) if layer.journal.phases.is_some() => {
            Err(ConfigError::NotInPhases { setting })
        }
        _ => Ok(()),
    }
}

/// Refuses a part of a source that is not divided so.
fn check_share(source: &Source) -> Result<(), ConfigError> {
    match source {
        Source::Local(Local::Recordings(_) | Local::Dataset(_)) => Ok(()),
        Source::Local(Local::Git(_)) => Err(ConfigError::NotShared {
            named: Setting::Git,
        }),
        Source::Kafka(_) => Err(ConfigError::NotShared {
            named: Setting::Brokers,
        }),
    }
}

fn earlier_rows(earlier: &EarlierLayer, source: &Source) -> Result<EarlierRows, ConfigError> {
    let is_set = |flag: Option<bool>| flag.unwrap_or_default();
    match (is_set(earlier.append), is_set(earlier.overwrite)) {
        (true, true) => Err(ConfigError::AppendAndOverwrite),
        (false, true) if matches!(source, Source::Kafka(_)) => Err(ConfigError::OverwriteByGroup),
        (false, true) => Ok(EarlierRows::Overwrite),
        (true, false) => Ok(EarlierRows::Append),
        (false, false) => Ok(EarlierRows::Refuse),
    }
}

/// The address of metrics. Without a word of the operator, no other machine reaches it.
fn metrics_address(observe: &ObserveLayer) -> Result<Option<SocketAddr>, ConfigError> {
    let address = observe.metrics.map(|metrics| metrics.0);
    let is_public = observe.metrics_public.unwrap_or_default();
    match address {
        Some(address) if !address.ip().is_loopback() && !is_public => {
            Err(ConfigError::PublicMetrics { address })
        }
        address => Ok(address),
    }
}
