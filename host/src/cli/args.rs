//! The flags that all commands share which run a processor, as parts of the layer of the command line.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::names::{self, Names};
use super::notices;
use super::report::Report;
use super::values;
use crate::config::{
    self, Anonymise, ConfigError, DatasetLayer, GitLayer, KafkaSettings, Layer, LimitsLayer,
    LoadError, LogFilter, LogFormat, MissingTopics, Origins, Print, PrivacyLayer, Privileged,
    ProcessorLayer, RecordCount, Size, Span, Text, Time,
};
use crate::observe::logging;
use crate::pipeline::stop::{ExitOnSignals, Stop};
use crate::sink::jsonl;

/// The setting of librdkafka that makes it write debug lines.
const LIBRDKAFKA_DEBUG: &str = "debug";

/// Has signals end the process at once while it has one thread. The engine writes, too, when it maps a plugin's code from
/// a file in memory, and may meet a limit on the size of files.
pub(super) fn exit_on_signals() -> Result<ExitOnSignals, Report> {
    jsonl::survive_size_limits();
    Stop::exit_on_signals().map_err(no_handlers)
}

/// Installs the signal handlers, which need a thread.
///
/// After a request to stop, the command has this much time to end.
pub(super) fn install_signal_handlers(shutdown_timeout: Duration) -> Result<Stop, Report> {
    jsonl::survive_size_limits();
    Stop::on_signals(shutdown_timeout).map_err(no_handlers)
}

fn no_handlers(source: io::Error) -> Report {
    Report::failure(
        anyhow::Error::new(source).context("cannot handle signals"),
        None,
    )
}

/// Settings that cannot be read, or that contradict each other.
#[derive(Debug, thiserror::Error)]
pub(super) enum SettingsError {
    /// A variable or a file cannot be read.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// They do not go together.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

impl SettingsError {
    /// The same of a command that reads the same records several times, which a cluster does not promise.
    pub(super) fn of_repeated_reading(self) -> Self {
        match self {
            Self::Config(ConfigError::NoSource) => Self::Config(ConfigError::NothingToRepeat),
            other => other,
        }
    }
}

/// The configuration of a command with these flags, the environment and the file that is named, and the origins of its
/// values.
pub(super) fn configure<C: TryFrom<Layer, Error = ConfigError>>(
    flags: Layer,
) -> (Result<C, SettingsError>, Origins) {
    match combine(flags) {
        Ok((layer, origins)) => complete(layer, origins),
        Err(error) => (Err(error.into()), Origins::default()),
    }
}

/// The configuration of combined layers, and the origins of its values.
pub(super) fn complete<C: TryFrom<Layer, Error = ConfigError>>(
    mut layer: Layer,
    mut origins: Origins,
) -> (Result<C, SettingsError>, Origins) {
    if let Err(error) = config::read_passwords(&mut layer, &mut origins) {
        return (Err(error.into()), origins);
    }
    config::remove_unused(&mut layer, &origins);
    (layer.try_into().map_err(SettingsError::from), origins)
}

/// The layers of a command with these flags, combined, with files of passwords not read yet. What is to be said about
/// them is logged.
pub(super) fn combine(flags: Layer) -> Result<(Layer, Origins), LoadError> {
    let loaded = config::load(flags, std::env::vars_os(), names::key)?;
    configure_log(loaded.layers.layer());
    notices::log(&loaded.notices);
    let (layer, origins) = loaded.layers.into_parts();
    notices::log_unknown_types(&layer, Names(&origins));
    Ok((layer, origins))
}

/// Writes log lines as the configuration says.
fn configure_log(layer: &Layer) {
    let observe = &layer.observe;
    let filter = observe.log_level.as_ref().map(|filter| &filter.0);
    let is_json = observe.log_format == Some(LogFormat::Json);
    logging::configure(filter, is_json, layer.kafka.has(LIBRDKAFKA_DEBUG));
}

/// The plugin and its options.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct PluginArguments {
    /// Plugin file (`.wasm`), also one that `journal-host build` made of a script, or a script: a file in Python (`.py`) or JavaScript (`.js`), a folder with a
    /// `__main__.py` or an `index.js`, or an archive (`.pyz`).
    plugin: Option<PathBuf>,

    #[command(flatten)]
    options: OptionArguments,
}

/// The options of the plugin.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct OptionArguments {
    /// Set an option of the plugin; repeat it for a list.
    #[arg(long = "option", value_name = "KEY=VALUE", value_parser = values::plugin_option)]
    options: Vec<(String, String)>,

    /// Read the plugin's options from a file with a JSON object; `--option` overrides it.
    #[arg(long = "options", value_name = "FILE")]
    options_file: Option<PathBuf>,

    #[command(flatten)]
    script: ScriptArguments,

    /// Where text goes that a script prints [default: `log` if the script emits rows, or else `stdout`].
    #[arg(long, value_enum, value_name = "WHERE")]
    print: Option<Print>,

    #[command(flatten)]
    config: ConfigArguments,
}

/// What a script needs besides its file.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ScriptArguments {
    /// Runtime of a script: a file, or the folder that has `journal-host-python.wasm` or `journal-host-javascript.wasm`
    /// [default: the folder of this executable].
    #[arg(long, value_name = "PATH")]
    runtime: Option<PathBuf>,

    /// Let a script import this module (`.py`, `.js`), folder or pure-Python wheel (`.whl`); may be repeated.
    #[arg(long, value_name = "PATH")]
    with: Vec<PathBuf>,
}

/// The file with further settings, and the log, which all commands write.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ConfigArguments {
    /// Read settings from a YAML file; environment variables and flags override it [default: the file in
    /// `SWH_CONFIG_FILENAME`].
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Which log lines are shown: `off`, `error`, `warn`, `info`, `debug` or `trace`, or levels by the writer of the
    /// lines, such as `librdkafka=debug,info` [default: info].
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<LogFilter>,

    /// How log lines are written [default: text].
    #[arg(long, value_enum, value_name = "FORMAT")]
    log_format: Option<LogFormat>,
}

/// Which objects are read.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ObjectArguments {
    /// Read only this object type of those in the plugin's plan; may be repeated.
    #[arg(long = "object-type", value_name = "TYPE")]
    object_types: Vec<String>,

    /// Read the privileged topics of revisions and releases, which are not anonymised; fail where there is none, or
    /// with `if-available`, read the anonymised topic instead [default: no].
    #[arg(
        long,
        value_enum,
        value_name = "WHEN",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "required"
    )]
    privileged: Option<Privileged>,

    /// What to do about an object type that has no topic [default: error].
    #[arg(long, value_enum, value_name = "WHAT")]
    missing_topics: Option<MissingTopics>,

    /// Prefix of the topic names, before the object type [default: swh.journal.objects].
    #[arg(long)]
    prefix: Option<String>,
}

/// What no plugin may see.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct PrivacyArguments {
    /// Drop the records of the objects that a file lists as SWHIDs, one a line, plain or compressed with zstd.
    #[arg(long, value_name = "FILE")]
    masked: Option<PathBuf>,

    /// Remove the names of persons from revisions and releases [default: no].
    #[arg(
        long,
        value_enum,
        value_name = "HOW",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "persons"
    )]
    anonymise: Option<Anonymise>,
}

/// The connection to a cluster.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ConnectionArguments {
    /// Bootstrap brokers, separated by commas.
    #[arg(long, value_name = "HOST:PORT,...")]
    brokers: Option<Text>,

    /// Set a setting of librdkafka; may be repeated.
    #[arg(long, value_name = "KEY=VALUE", value_parser = values::SecretPair)]
    kafka: Vec<(String, String)>,

    /// Read the account's password, `sasl.password`, from a file.
    #[arg(long, value_name = "FILE")]
    kafka_password_file: Option<PathBuf>,

    /// Read the password of the client's key, `ssl.key.password`, from a file.
    #[arg(long, value_name = "FILE")]
    kafka_key_password_file: Option<PathBuf>,

    /// End the command when no broker has answered for this time [default: 10m]. If the brokers refuse
    /// authentication, it ends after a minute at the latest.
    #[arg(long, value_name = "TIME")]
    broker_timeout: Option<Span>,
}

/// The source of records, the same for all commands that read them: exactly one of these flags names it. Each kind is a
/// variant of [`config::SourceKind`].
#[derive(Clone, Debug, clap::Args)]
pub(super) struct SourceArguments {
    /// Read a recording instead of Kafka; `-` is standard input. May be repeated: the files are read one after another.
    #[arg(long = "recording", value_name = "FILE")]
    recordings: Vec<PathBuf>,

    #[command(flatten)]
    git: GitArguments,

    #[command(flatten)]
    dataset: DatasetArguments,

    #[command(flatten)]
    connection: ConnectionArguments,
}

/// A git repository.
#[derive(Clone, Debug, clap::Args)]
struct GitArguments {
    /// Read a local git repository instead of Kafka, as Software Heritage would archive it.
    #[arg(long, value_name = "REPO")]
    git: Option<PathBuf>,

    /// With `--git`, the URL of the origin [default: that of the remote `origin`, or of the folder].
    #[arg(long, value_name = "URL")]
    origin: Option<Text>,

    /// With `--git`, the time of the visit: a day, or a time such as `2026-01-31T12:00:00Z` [default: that of the
    /// newest commit of a ref].
    #[arg(long, value_name = "TIME")]
    visit_date: Option<Time>,

    /// With `--git`, also read objects to which no ref leads.
    #[arg(long)]
    all_objects: bool,

    /// With `--git`, the size from which a content is a skipped content [default: 100MiB].
    #[arg(long, value_name = "SIZE")]
    max_content_size: Option<Size>,
}

/// A dataset.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct DatasetArguments {
    /// Read an export of the archive's graph: a folder with a folder of ORC files for each table.
    #[arg(long, value_name = "DIR")]
    dataset: Option<PathBuf>,

    /// With `--dataset`, leave out a table whose rows belong to those of another one, such as `directory_entry`. May be
    /// repeated.
    #[arg(long, value_name = "TABLE", value_delimiter = ',')]
    without: Vec<String>,

    /// With `--dataset`, the folder in which tables are sorted whose rows are in another order than those of the table
    /// that they belong to. The sorted rows are kept there for later runs [default: `~/.cache/journal-host/datasets`].
    #[arg(long, value_name = "DIR")]
    temp: Option<PathBuf>,
}

/// The memory of a command that runs no plugin.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct SortArguments {
    /// With `--dataset`, memory of the process while it sorts tables: a sort takes half of it, between 16MiB and 512MiB
    /// [default: 1GiB].
    #[arg(long, value_name = "SIZE")]
    process_memory: Option<Size>,
}

/// The consumer group of a command that runs no plugin.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct GroupArguments {
    #[command(flatten)]
    cluster: ClusterArguments,

    /// Consumer group.
    #[arg(long, value_name = "ID")]
    group_id: Option<Text>,
}

/// The cluster of a command that runs no plugin.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ClusterArguments {
    #[command(flatten)]
    config: ConfigArguments,

    #[command(flatten)]
    connection: ConnectionArguments,
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

    /// CPU time limit for one call into the processor [default: 30s]. By the clock, a call may take four times as long.
    #[arg(long, value_name = "TIME")]
    deadline: Option<Span>,

    /// Memory limit for one instance of the processor [default: 512MiB].
    #[arg(long, value_name = "SIZE")]
    memory_limit: Option<Size>,

    /// Memory limit for compiling the plugin, which a process of its own does where the code is not cached [default:
    /// 768MiB].
    #[arg(long, value_name = "SIZE")]
    compile_memory: Option<Size>,

    /// CPU time limit for compiling the plugin, in whole seconds [default: 1m].
    #[arg(long, value_name = "TIME")]
    compile_timeout: Option<Span>,
}

impl PluginArguments {
    pub(super) fn add_to(self, layer: &mut Layer) {
        self.options.add_to(layer);
        layer.processor.plugin = self.plugin;
    }
}

impl OptionArguments {
    pub(super) fn add_to(self, layer: &mut Layer) {
        layer.processor = ProcessorLayer {
            option_texts: given(self.options),
            options_file: self.options_file,
            print: self.print,
            ..ProcessorLayer::default()
        };
        self.script.add_to(layer);
        self.config.add_to(layer);
    }
}

impl ScriptArguments {
    pub(super) fn add_to(self, layer: &mut Layer) {
        layer.processor.runtime = self.runtime;
        layer.processor.with = given(self.with);
    }
}

impl ConfigArguments {
    pub(super) fn add_to(self, layer: &mut Layer) {
        layer.config_file = self.config;
        layer.observe.log_level = self.log_level;
        layer.observe.log_format = self.log_format;
    }
}

impl ObjectArguments {
    pub(super) fn add_to(self, layer: &mut Layer) {
        layer.journal.object_types = given(self.object_types);
        layer.journal.privileged = self.privileged;
        layer.journal.missing_topics = self.missing_topics;
        layer.journal.prefix = self.prefix;
    }
}

impl PrivacyArguments {
    pub(super) fn add_to(self, layer: &mut Layer) {
        layer.privacy = PrivacyLayer {
            masked: self.masked,
            anonymise: self.anonymise,
        };
    }
}

impl ConnectionArguments {
    pub(super) fn add_to(self, layer: &mut Layer) {
        layer.kafka.brokers = self.brokers;
        layer.kafka.settings = given(self.kafka).map(KafkaSettings);
        layer.kafka.password_file = self.kafka_password_file;
        layer.kafka.key_password_file = self.kafka_key_password_file;
        layer.kafka.broker_timeout = self.broker_timeout;
    }
}

impl SourceArguments {
    pub(super) fn add_to(self, layer: &mut Layer) {
        layer.journal.recordings = given(self.recordings);
        self.git.add_to(layer);
        self.dataset.add_to(layer);
        self.connection.add_to(layer);
    }
}

impl GitArguments {
    fn add_to(self, layer: &mut Layer) {
        layer.git = GitLayer {
            repository: self.git,
            origin: self.origin,
            visit_date: self.visit_date,
            all_objects: self.all_objects.then_some(true),
            max_content_size: self.max_content_size,
        };
    }
}

impl DatasetArguments {
    pub(super) fn add_to(self, layer: &mut Layer) {
        layer.dataset = DatasetLayer {
            folder: self.dataset,
            without: given(self.without),
            temp: self.temp,
        };
    }
}

impl SortArguments {
    pub(super) fn add_to(self, layer: &mut Layer) {
        layer.process.memory = self.process_memory;
    }
}

impl GroupArguments {
    pub(super) fn add_to(self, layer: &mut Layer) {
        self.cluster.add_to(layer);
        layer.kafka.group_id = self.group_id;
    }
}

impl ClusterArguments {
    pub(super) fn add_to(self, layer: &mut Layer) {
        self.config.add_to(layer);
        self.connection.add_to(layer);
    }
}

impl LimitArguments {
    pub(super) fn add_to(self, layer: &mut Layer) {
        layer.limits = LimitsLayer {
            batch_records: self.batch_records,
            batch_bytes: self.batch_bytes,
            deadline: self.deadline,
            memory: self.memory_limit,
            compile_memory: self.compile_memory,
            compile_timeout: self.compile_timeout,
        };
    }
}

/// The values of a flag that may be repeated, if it was given.
pub(super) fn given<T>(values: Vec<T>) -> Option<Vec<T>> {
    (!values.is_empty()).then_some(values)
}
