//! The flags that all commands share which run a processor, as parts of the layer of the command line.

use std::path::PathBuf;

use super::report::Report;
use super::values;
use crate::config::{
    ConfigError, KafkaSettings, Layer, Layers, LimitsLayer, Origin, Origins, ProcessorLayer,
    RecordCount, Size, Span, Text,
};
use crate::pipeline::stop::Stop;
use crate::sink::jsonl;

/// Installs the signal handlers before anything is loaded: the engine writes, too, when it maps a plugin's code from a
/// file in memory.
pub(super) fn install_signal_handlers() -> Result<Stop, Report> {
    jsonl::survive_size_limits();
    Stop::on_signals().map_err(|source| {
        Report::failure(
            anyhow::Error::new(source).context("cannot handle signals"),
            None,
        )
    })
}

/// The configuration of a command with these flags, and the origins of its values.
pub(super) fn configure<C: TryFrom<Layer, Error = ConfigError>>(
    flags: Layer,
) -> (Result<C, ConfigError>, Origins) {
    let layers = Layers::default().over(flags, |_| Origin::Flag);
    let (layer, origins) = layers.into_parts();
    (layer.try_into(), origins)
}

/// The plugin and its options.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct PluginArguments {
    /// Plugin file (`.wasm`).
    plugin: Option<PathBuf>,

    /// Set an option of the plugin; repeat it for a list.
    #[arg(long = "option", value_name = "KEY=VALUE", value_parser = values::pair)]
    options: Vec<(String, String)>,

    /// Read the plugin's options from a file with a JSON object; `--option` overrides it.
    #[arg(long = "options", value_name = "FILE")]
    options_file: Option<PathBuf>,
}

/// Which objects are read.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ObjectArguments {
    /// Read only this object type of those in the plugin's plan; may be repeated.
    #[arg(long = "object-type", value_name = "TYPE")]
    object_types: Vec<String>,

    /// Read the privileged topics, which are not anonymised, where they exist.
    #[arg(long)]
    privileged: bool,

    /// Prefix of the topic names, before the object type [default: swh.journal.objects].
    #[arg(long)]
    prefix: Option<String>,
}

/// The cluster of a command that copies records.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ClusterArguments {
    /// Bootstrap brokers, separated by commas.
    #[arg(long, value_name = "HOST:PORT,...")]
    brokers: Option<Text>,

    /// Set a setting of librdkafka; may be repeated.
    #[arg(long, value_name = "KEY=VALUE", value_parser = values::SecretPair)]
    kafka: Vec<(String, String)>,
}

/// What one call and one instance may take.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct LimitArguments {
    /// Maximum number of records per call into the processor [default: 1000].
    #[arg(long, value_name = "N")]
    batch_records: Option<RecordCount>,

    /// Maximum size of the keys and values of one call; a larger record is passed alone [default: 1MiB].
    #[arg(long, value_name = "SIZE")]
    batch_bytes: Option<Size>,

    /// Time limit for one call into the processor [default: 30s].
    #[arg(long, value_name = "TIME")]
    deadline: Option<Span>,

    /// Memory limit for one instance of the processor [default: 512MiB].
    #[arg(long, value_name = "SIZE")]
    memory_limit: Option<Size>,
}

impl PluginArguments {
    pub(super) fn add_to(self, layer: &mut Layer) {
        layer.processor = ProcessorLayer {
            plugin: self.plugin,
            option_texts: given(self.options),
            options_file: self.options_file,
            options: None,
        };
    }
}

impl ObjectArguments {
    pub(super) fn add_to(self, layer: &mut Layer) {
        layer.journal.object_types = given(self.object_types);
        layer.journal.privileged = self.privileged.then_some(true);
        layer.journal.prefix = self.prefix;
    }
}

impl ClusterArguments {
    pub(super) fn add_to(self, layer: &mut Layer) {
        layer.kafka.brokers = self.brokers;
        layer.kafka.settings = given(self.kafka).map(KafkaSettings);
    }
}

impl LimitArguments {
    pub(super) fn add_to(self, layer: &mut Layer) {
        layer.limits = LimitsLayer {
            batch_records: self.batch_records,
            batch_bytes: self.batch_bytes,
            deadline: self.deadline,
            memory: self.memory_limit,
        };
    }
}

/// The values of a flag that may be repeated, if it was given.
pub(super) fn given<T>(values: Vec<T>) -> Option<Vec<T>> {
    (!values.is_empty()).then_some(values)
}
