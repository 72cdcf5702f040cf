//! The configuration: from the operator's settings to checked values.
//!
//! Each source of settings is a [`Layer`] with the same members, all of which may be absent. [`Layers`] combines them
//! and keeps the [`Origin`] of every value. Settings that no layer sets have a default, and everything is checked once,
//! when it becomes a [`Config`].

mod copy;
mod layer;
pub(crate) mod memory;
pub(crate) mod options;
mod origin;
mod setting;
mod values;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value};

pub(crate) use self::copy::CopyConfig;
pub(crate) use self::layer::{Layer, Layers, LimitsLayer, ProcessorLayer};
pub(crate) use self::origin::{Origin, Origins};
pub(crate) use self::setting::Setting;
pub(crate) use self::values::{
    KafkaSettings, OnBadRecord, OnEof, RecordCount, Size, Span, Text, WorkerCount,
};

/// The default prefix of the names of the journal's topics.
pub(crate) const DEFAULT_PREFIX: &str = "swh.journal.objects";
/// The default number of records of one call.
pub(crate) const DEFAULT_BATCH_RECORDS: usize = 1000;
/// The default time limit for one call.
pub(crate) const DEFAULT_DEADLINE: Duration = Duration::from_secs(30);
/// The default of the longest time between two checkpoints.
pub(crate) const DEFAULT_CHECKPOINT_INTERVAL: Duration = Duration::from_secs(5);

/// All settings of a command, with defaults where no layer sets one.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// The plugin's file.
    pub(crate) plugin: PathBuf,
    /// The plugin's options.
    pub(crate) options: PluginOptions,
    /// Which objects are read.
    pub(crate) objects: Objects,
    /// Where they are read from.
    pub(crate) source: Source,
    /// The number of objects after which the run ends.
    pub(crate) stop_after: Option<u64>,
    /// Where outputs are written to, as `[NAME=]FILE`.
    pub(crate) outputs: Vec<String>,
    /// The limits of a call and of an instance.
    pub(crate) limits: Limits,
    /// The memory of the process, in bytes.
    pub(crate) process_memory: Option<usize>,
    /// The number of workers of the process.
    pub(crate) workers: usize,
    /// The longest time between two checkpoints.
    pub(crate) checkpoint_interval: Duration,
    /// What to do with a record that the processor rejects.
    pub(crate) on_bad_record: OnBadRecord,
}

/// Options of the plugin, which are not checked yet: texts take precedence over the file, and the file over values.
#[derive(Clone, Debug, Default)]
pub(crate) struct PluginOptions {
    /// Options as texts.
    pub(crate) texts: Vec<(String, String)>,
    /// A file with a JSON object of options.
    pub(crate) file: Option<PathBuf>,
    /// Options with their values.
    pub(crate) values: Map<String, Value>,
}

/// Which objects are read.
#[derive(Clone, Debug)]
pub(crate) struct Objects {
    /// The prefix of topic names.
    pub(crate) prefix: String,
    /// Their types; if empty, all that the plugin reads.
    pub(crate) types: Vec<String>,
    /// Whether privileged topics are read where they exist.
    pub(crate) privileged: bool,
}

/// Where records are read from.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// A file.
    Recording(PathBuf),
    /// A cluster.
    Kafka(Kafka),
}

/// A cluster, and how it is read.
#[derive(Clone, Debug)]
pub(crate) struct Kafka {
    /// The bootstrap brokers, separated by commas.
    pub(crate) brokers: String,
    /// The consumer group.
    pub(crate) group_id: String,
    /// Settings of librdkafka.
    pub(crate) settings: Vec<(String, String)>,
    /// What to do when all existing records are processed.
    pub(crate) on_eof: OnEof,
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
}

/// Settings that are missing or contradict each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ConfigError {
    /// There is no plugin.
    #[error("no plugin is named")]
    NoPlugin,
    /// There is neither a recording nor a cluster.
    #[error("neither a recording nor the brokers of a cluster are named")]
    NoSource,
    /// A command that copies records without a cluster.
    #[error("the brokers of a cluster are not named")]
    NoBrokers,
    /// A cluster without brokers or without a group.
    #[error("a cluster needs brokers and a consumer group")]
    Incomplete {
        /// The setting that is missing.
        missing: Setting,
        /// The setting that is present.
        given: Setting,
    },
    /// A recording and a setting of the cluster.
    #[error("a recording and a setting of a cluster are both given")]
    TwoSources {
        /// The cluster's setting.
        kafka: Setting,
    },
    /// Several workers for one recording.
    #[error("a recording is read by one worker")]
    SeveralWorkers,
}

impl TryFrom<Layer> for Config {
    type Error = ConfigError;

    fn try_from(layer: Layer) -> Result<Self, ConfigError> {
        let plugin = layer.processor.plugin.clone();
        let plugin = plugin.ok_or(ConfigError::NoPlugin)?;
        let source = source(&layer)?;
        let Layer {
            processor,
            journal,
            outputs,
            limits,
            process,
            checkpoint,
            failure,
            ..
        } = layer;
        let workers = process.workers.map_or(1, |workers| workers.0.get());
        if matches!(source, Source::Recording(_)) && workers > 1 {
            return Err(ConfigError::SeveralWorkers);
        }
        let deadline = limits.deadline.map_or(DEFAULT_DEADLINE, |span| span.0);
        let interval = checkpoint.interval.map(|span| span.0);
        Ok(Self {
            plugin,
            options: PluginOptions {
                texts: processor.option_texts.unwrap_or_default(),
                file: processor.options_file,
                values: processor.options.unwrap_or_default(),
            },
            objects: Objects {
                prefix: journal.prefix.unwrap_or_else(|| DEFAULT_PREFIX.to_owned()),
                types: journal.object_types.unwrap_or_default(),
                privileged: journal.privileged.unwrap_or_default(),
            },
            source,
            stop_after: journal.stop_after,
            outputs: outputs.unwrap_or_default(),
            limits: Limits {
                batch_records: limits.batch_records.map_or(DEFAULT_BATCH_RECORDS, |count| {
                    usize::try_from(count.0.get()).unwrap_or(usize::MAX)
                }),
                batch_bytes: limits.batch_bytes.map(|size| size.0),
                deadline,
                memory: limits.memory.map(|size| size.0),
            },
            process_memory: process.memory.map(|size| size.0),
            workers,
            checkpoint_interval: interval.unwrap_or(DEFAULT_CHECKPOINT_INTERVAL),
            on_bad_record: failure.on_bad_record.unwrap_or(OnBadRecord::Stop),
        })
    }
}

/// The one source that the layer names.
fn source(layer: &Layer) -> Result<Source, ConfigError> {
    let kafka = &layer.kafka;
    if let Some(path) = &layer.journal.recording {
        let given = [
            (kafka.brokers.is_some(), Setting::Brokers),
            (kafka.group_id.is_some(), Setting::GroupId),
            (kafka.settings.is_some(), Setting::Kafka),
        ];
        return match given.into_iter().find(|(is_given, _)| *is_given) {
            Some((_, kafka)) => Err(ConfigError::TwoSources { kafka }),
            None => Ok(Source::Recording(path.clone())),
        };
    }
    let incomplete = |missing, given| ConfigError::Incomplete { missing, given };
    match (&kafka.brokers, &kafka.group_id) {
        (Some(brokers), Some(group_id)) => Ok(Source::Kafka(Kafka {
            brokers: brokers.0.clone(),
            group_id: group_id.0.clone(),
            settings: kafka.settings.clone().unwrap_or_default().0,
            on_eof: layer.journal.on_eof.unwrap_or(OnEof::Continue),
        })),
        (Some(_), None) => Err(incomplete(Setting::GroupId, Setting::Brokers)),
        (None, Some(_)) => Err(incomplete(Setting::Brokers, Setting::GroupId)),
        (None, None) => Err(ConfigError::NoSource),
    }
}
