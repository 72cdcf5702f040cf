//! Builds workers that are ready to run from the configuration.

mod assembly;
mod notices;
mod observation;
mod program;
mod resuming;
mod stages;
mod start;
mod workers;

pub(crate) use self::program::Program;
pub(crate) use self::start::{AskedStart, start_at};
pub(crate) use self::workers::{owner, privileged};

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

use self::observation::{Observation, about, run_info};
use self::workers::{Builder, Then};
use super::quota::RecordQuota;
use super::reopen::Reopen;
use super::stop::Stop;
use super::{
    Deadlines, Ended, FailurePolicy, OnFailure, ProcessorSettings, StartRules, Work, WorkerError,
    WorkerSettings, run_workers,
};
use crate::config::memory::{GUEST_PER_BATCH, MemoryPlan, MemoryRequest, TooLittle};
use crate::config::options::{self, OptionsError};
use crate::config::{self, Config, OnEof, Phases};
use crate::journal::batch::Columns;
use crate::journal::offset_file::OffsetFileError;
use crate::journal::offsets::Partition;
use crate::journal::plan::{Persons, Plan};
use crate::journal::topics::{ObjectTypes, Subscription};
use crate::kafka::{self, Clients};
use crate::observe::http::ServeError;
use crate::observe::progress::Progress;
use crate::privacy::{MaskError, Privacy};
use crate::sandbox::{
    self, CallError, CompileLimits, Compiler, Engine, Interrupt, Limits, LoadError, Plugin,
    Processor,
};
use crate::sink::dead_letters::{RunIdentity, ScriptIdentity};
use crate::sink::files::Files;
use crate::sink::letter_topic::LetterTopicError;
use crate::sink::preview::Preview;
use crate::sink::{self, BindError, SinkError, jsonl};
use crate::source::local::Local;
use crate::source::{BatchLimits, SourceError, dataset, git};
use crate::text;

/// Why no pipeline can be built from a configuration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BuildError {
    /// The list of masked objects cannot be used.
    #[error(transparent)]
    Mask(#[from] MaskError),
    /// The memory of the process is too small for its parts.
    #[error(transparent)]
    Memory(#[from] TooLittle),
    /// The batches are too large for the instances.
    #[error("one call may hold more than a quarter of the memory of an instance")]
    BatchTooLarge,
    /// The plugin cannot be loaded.
    #[error(transparent)]
    Plugin(#[from] LoadError),
    /// The plugin's options are wrong.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// The processor did not start.
    #[error("`start` failed")]
    Start(#[from] CallError),
    /// The configuration names an object type that the plugin does not read.
    #[error("the object type `{object_type}` is not one that the plugin reads")]
    ObjectType {
        /// The object type that was named.
        object_type: String,
        /// The object types that the plugin reads.
        offered: Vec<String>,
    },
    /// The plugin needs names of persons, and does not get them.
    #[error("the plugin needs names of persons, and this run {}", no_names(*.anonymised))]
    NeedsNames {
        /// Whether the host removes them; otherwise the topics may be anonymised.
        anonymised: bool,
    },
    /// The configuration names an object type in a stage that the plugin does not read.
    #[error("the object type `{object_type}` is in a stage, and the plugin does not read it")]
    StagedType {
        /// The object type that was named.
        object_type: String,
        /// The object types that the plugin reads.
        offered: Vec<String>,
    },
    /// The offset file cannot be used.
    #[error(transparent)]
    OffsetFile(#[from] OffsetFileError),
    /// The offset file has a partition that the cluster lacks.
    #[error("the offset file names {0}, which does not exist")]
    ListedPartition(Partition),
    /// A position of the offset file is out of the range of its partition.
    #[error("a position of the offset file cannot be read")]
    ListedOffset(#[source] kafka::Error),
    /// The offset file is of other topics.
    #[error("the offset file names no topic that the run reads")]
    NothingListed,
    /// The recording or the cluster cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The outputs cannot be written to.
    #[error(transparent)]
    Outputs(#[from] jsonl::OpenError),
    /// The topic for dead letters cannot be used.
    #[error(transparent)]
    Letters(#[from] LetterTopicError),
    /// A sink does not fit the plan, or cannot be reached.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// Metrics cannot be served.
    #[error(transparent)]
    Metrics(#[from] ServeError),
    /// A further processor did not start as the first one did.
    #[error(transparent)]
    Worker(#[from] WorkerError),
}

/// Workers with their sources, processors and sinks, before they run.
pub(crate) struct Pipeline {
    work: Vec<Work>,
    /// What comes after `work`.
    then: Then,
    stop: Stop,
    progress: Arc<Progress>,
    observation: Observation,
}

/// What comes before the process is confined, and starts no thread.
pub(crate) struct Prepared {
    memory: MemoryPlan,
    plugin: CompiledPlugin,
    /// The source, unless it is a cluster.
    local: Option<Local>,
    reopen: Reopen,
    /// The configuration as the page shows it.
    shown: String,
    privacy: Option<Arc<Privacy>>,
    /// Where rows go instead of the outputs of the configuration.
    preview: Option<Preview>,
}

impl Prepared {
    /// The same, of a run whose page shows this configuration, and whose rows go to a preview if there is one.
    #[must_use]
    pub(crate) fn showing(self, configuration: String, preview: Option<Preview>) -> Self {
        Self {
            shown: configuration,
            preview,
            ..self
        }
    }
}

/// A compiled plugin with the engine that it is made for.
pub(crate) struct CompiledPlugin {
    engine: Engine,
    plugin: sandbox::Prepared,
}

impl CompiledPlugin {
    /// Compiles the plugin of a configuration. This starts no thread.
    ///
    /// # Errors
    /// When the file is no plugin for this host.
    pub(crate) fn of(config: &Config) -> Result<Self, LoadError> {
        Self::at(&config.plugin, &config.script, &config.limits)
    }

    /// Compiles the plugin in this file, or the runtime of this script, as [`of`](Self::of) does.
    ///
    /// # Errors
    /// When the file is no plugin for this host.
    pub(crate) fn at(
        path: &Path,
        script: &config::ScriptSettings,
        limits: &config::Limits,
    ) -> Result<Self, LoadError> {
        let engine = Engine::new(compiler(limits))?;
        let plugin = Program::of(path, script)?.prepare(&engine)?;
        Ok(Self { engine, plugin })
    }

    /// Loads it.
    ///
    /// # Errors
    /// When its interface is another one, or its description breaks a rule.
    pub(crate) fn load(self, limits: Limits) -> Result<Plugin, LoadError> {
        Plugin::of(&self.engine, self.plugin, limits)
    }

    /// Has calls of the plugin end when this interrupt is due.
    fn interrupted_by(self, interrupt: Interrupt) -> Self {
        Self {
            engine: self.engine.interrupted_by(interrupt),
            ..self
        }
    }
}

/// Checks the settings, compiles the plugin, and starts the programs that the source needs.
///
/// # Errors
/// When settings are wrong whatever the plugin is, the file is no plugin for this host, or the source is not there.
pub(crate) fn prepare(config: &Config) -> Result<Prepared, BuildError> {
    let reopen = Reopen::on_signal();
    let privacy = privacy(&config.privacy)?;
    let held = privacy.as_ref().map_or(0, |privacy| privacy.bytes());
    let memory = check(config, held)?;
    let plugin = CompiledPlugin::of(config)?;
    let local = match &config.source {
        config::Source::Local(source) => Some(local(source)?),
        config::Source::Kafka(_) => None,
    };
    Ok(Prepared {
        privacy,
        memory,
        plugin,
        local,
        reopen,
        shown: String::new(),
        preview: None,
    })
}

impl From<BindError> for BuildError {
    fn from(error: BindError) -> Self {
        match error {
            BindError::Open(error) => error.into(),
            BindError::Sink(error) => error.into(),
        }
    }
}

impl Pipeline {
    /// Loads the plugin, connects, and opens the outputs. Sinks perform the durable operations on their files with
    /// `files`.
    ///
    /// # Errors
    /// When the settings do not fit the plugin, the journal or the machine.
    pub(crate) fn build(
        config: &Config,
        files: &Arc<dyn Files>,
        stop: &Stop,
        prepared: Prepared,
    ) -> Result<Self, BuildError> {
        let Prepared {
            memory,
            plugin,
            local,
            reopen,
            shown,
            privacy,
            preview,
        } = prepared;
        let limits = limits(config, &memory);
        // The clients connect while the plugin is loaded.
        let input = Input::begin(config, &memory, local)?;
        let plugin = plugin.interrupted_by(stop.interrupt());
        let plugin = Arc::new(plugin.load(limits)?);
        let options = plugin_options(&config.options, &plugin)?;
        let (first, plan) = Processor::start(&plugin, &options, limits)?;
        let counts = privacy.as_ref().map(|privacy| Arc::clone(privacy.counts()));
        let progress = Progress::new(config.workers, &plan.outputs).holding_back(counts);
        let progress = Arc::new(progress);
        if let Some(privacy) = &privacy {
            privacy.watch();
        }
        let info = run_info(config, &plugin, &options);
        let about = about(&plugin, &options, shown);
        let observation = Observation::begin(config.metrics, info, about, &progress, limits.wall)?;
        let builder = Builder {
            object_types: read_types(config, &plan)?,
            settings: WorkerSettings {
                columns: gathered(config, plan.columns),
                batch_limits: batch_limits(config, &memory),
                held_bytes: memory.held,
                kept_batches_bytes: memory.bounded.map(|bounds| bounds.kept_batches),
                checkpoint_interval: None,
                failure: failure_policy(&config.failure, &plugin, &options),
                start: StartRules::beginning(),
                reads_again: false,
                deadlines: Deadlines::NONE,
                leaves_a_group: false,
                static_session: None,
                quota: Arc::new(RecordQuota::new(config.stop_after)),
                stop: stop.clone(),
                reopen,
                progress: Arc::clone(&progress),
            },
            processor: ProcessorSettings {
                plugin,
                options: options.into(),
                plan: Arc::new(plan),
                limits,
            },
            most_rows_bytes: memory.bounded.map(|bounds| bounds.lines),
            files,
            config,
            privacy,
            preview,
        };
        let (work, then) = match input {
            Input::Local(local) => builder.over_local(local, first)?,
            Input::Kafka {
                clients,
                start,
                on_eof,
            } => builder.over_kafka(*clients, start, on_eof, first)?,
        };
        Ok(Self {
            work,
            then,
            stop: stop.clone(),
            progress,
            observation,
        })
    }

    /// Runs all workers until they have ended.
    ///
    /// # Errors
    /// The first failure of a worker.
    pub(crate) fn run(self) -> Result<Ended, WorkerError> {
        let Self {
            work,
            then,
            stop,
            progress,
            mut observation,
        } = self;
        let mut look = || observation.look(&stop);
        let result = run_stages(work, then, &stop, &progress, &mut look);
        match &result {
            Ok(_) => progress.happenings().show_ended(),
            Err(error) => progress.happenings().show_failure(&error.with_causes()),
        }
        // Who watches the run sees how it ended.
        drop(observation);
        result
    }
}

fn run_stages(
    work: Vec<Work>,
    then: Then,
    stop: &Stop,
    progress: &Progress,
    mut look: impl FnMut(),
) -> Result<Ended, WorkerError> {
    let mut ended = run_workers(work, stop, progress, &mut look)?;
    match then {
        Then::Stages(mut stages) => {
            while ended == Ended::EndOfData
                && let Some(work) = stages.next()?
            {
                ended = run_workers(work, stop, progress, &mut look)?;
            }
        }
        Then::End(ending) => ending.end(ended),
        Then::Nothing => {}
    }
    if ended != Ended::ReaderGone {
        tracing::info!("{progress}");
        if progress.is_without_output() {
            tracing::warn!(
                "the run has no output: nothing was printed, and no function of the script takes `emit`"
            );
        }
    }
    Ok(ended)
}

/// Refuses settings that are wrong whatever the plugin, brokers and files are, and returns the limits of the parts. A list
/// of masked objects takes `held_back` bytes.
///
/// # Errors
/// The first setting that is wrong.
pub(crate) fn check(config: &Config, held_back: usize) -> Result<MemoryPlan, BuildError> {
    let settings = match &config.source {
        config::Source::Kafka(kafka) => Some(cluster_settings(&kafka.connection)),
        config::Source::Local(_) => None,
    };
    if let Some(settings) = &settings {
        settings
            .check(config.limits.deadline)
            .map_err(SourceError::from)?;
    }
    let Some(process) = config.process_memory else {
        return usual_memory(config);
    };
    let plugin = Program::size(config);
    let memory = MemoryPlan::within(&MemoryRequest {
        process,
        held_back,
        workers: config.workers,
        plugin: usize::try_from(plugin).unwrap_or(usize::MAX),
        destinations: sink::memory(&config.outputs, config.workers),
        held: held(config),
        records: config.limits.batch_records,
        guest: config.limits.memory,
        batch: config.limits.batch_bytes,
        fetch: settings
            .as_ref()
            .map(kafka::Settings::fetch_request)
            .unwrap_or_default(),
    })?;
    fits(memory)
}

/// The same, with all that needs neither the plugin nor brokers: librdkafka finds some wrong settings only when it makes
/// a client. A list of masked objects takes `held_back` bytes.
///
/// # Errors
/// The first setting that is wrong.
pub(crate) fn check_thoroughly(
    config: &Config,
    held_back: usize,
) -> Result<MemoryPlan, BuildError> {
    let memory = check(config, held_back)?;
    if let config::Source::Kafka(kafka) = &config.source {
        let mut settings = cluster_settings(&kafka.connection);
        settings.fetch = memory.bounded.map(|bounds| bounds.fetch);
        settings
            .try_clients(config.workers)
            .map_err(SourceError::from)?;
    }
    Ok(memory)
}

/// The limits of the parts where the process has no memory limit.
///
/// # Errors
/// When a batch is too large for an instance.
pub(crate) fn usual_memory(config: &Config) -> Result<MemoryPlan, BuildError> {
    let memory = usual(&config.limits);
    fits(MemoryPlan {
        held: held(config).unwrap_or(memory.held),
        ..memory
    })
}

/// The size of held rows that makes a checkpoint due, if it is not the usual one.
fn held(config: &Config) -> Option<usize> {
    let of_outputs = || sink::checkpoint_defaults(&config.outputs).held;
    config.checkpoint_size.or_else(of_outputs)
}

/// The longest time between two checkpoints.
fn checkpoint_interval(config: &Config) -> Duration {
    let of_outputs = || sink::checkpoint_defaults(&config.outputs).interval;
    let interval = config.checkpoint_interval.or_else(of_outputs);
    interval.unwrap_or(config::DEFAULT_CHECKPOINT_INTERVAL)
}

fn usual(limits: &config::Limits) -> MemoryPlan {
    MemoryPlan::usual(limits.memory, limits.batch_bytes)
}

fn fits(memory: MemoryPlan) -> Result<MemoryPlan, BuildError> {
    if memory.batch > memory.guest / GUEST_PER_BATCH {
        return Err(BuildError::BatchTooLarge);
    }
    Ok(memory)
}

/// The limits of an instance.
pub(crate) fn limits(config: &Config, memory: &MemoryPlan) -> Limits {
    limits_within(config.limits.deadline, poll_interval(config), memory)
}

/// The limits of an instance that reads no records.
pub(crate) fn limits_without_source(limits: &config::Limits) -> Limits {
    limits_within(limits.deadline, None, &usual(limits))
}

fn limits_within(
    deadline: Duration,
    poll_interval: Option<Duration>,
    memory: &MemoryPlan,
) -> Limits {
    Limits {
        deadline,
        wall: wall_limit(deadline, poll_interval),
        memory_bytes: memory.guest,
        emit_bytes: memory.call,
    }
}

/// What no plugin may see, with the list of masked objects loaded.
///
/// # Errors
/// When the list cannot be used.
pub(crate) fn privacy(config: &config::PrivacyConfig) -> Result<Option<Arc<Privacy>>, MaskError> {
    Privacy::load(config.masked.as_deref(), config.anonymise)
}

/// How plugins are compiled.
pub(crate) fn compiler(limits: &config::Limits) -> Compiler {
    Compiler::Child(CompileLimits {
        memory_bytes: limits.compile_memory,
        cpu: limits.compile_timeout,
    })
}

/// How long a worker may be silent before its group gives its partitions away.
fn poll_interval(config: &Config) -> Option<Duration> {
    match &config.source {
        config::Source::Kafka(kafka) => {
            Some(cluster_settings(&kafka.connection).max_poll_interval())
        }
        config::Source::Local(_) => None,
    }
}

/// The time of a call by the clock on the wall, for which the deadline in CPU time does not account. A member of a group
/// needs time for its checkpoint, too.
fn wall_limit(deadline: Duration, poll_interval: Option<Duration>) -> Duration {
    let usual = deadline.saturating_mul(4);
    match poll_interval {
        None => usual,
        Some(interval) => usual.min((interval / 3).max(deadline)),
    }
}

/// The columns that are gathered: those of the plan, and what dead letters hold.
fn gathered(config: &Config, planned: Columns) -> Columns {
    if config.failure.on_failure != config::OnFailure::DeadLetter {
        return planned;
    }
    Columns {
        values: true,
        value_ends: true,
        timestamps: true,
        ..planned
    }
}

fn failure_policy(
    failure: &config::FailureHandling,
    plugin: &Plugin,
    options: &str,
) -> FailurePolicy {
    let description = plugin.description();
    FailurePolicy {
        on_failure: match failure.on_failure {
            config::OnFailure::Stop => OnFailure::Stop,
            config::OnFailure::Skip => OnFailure::Skip,
            config::OnFailure::DeadLetter => OnFailure::DeadLetter,
        },
        retries: failure.retries,
        max_failures: failure.max_failures,
        run: Some(Arc::new(RunIdentity {
            plugin: description.name.clone(),
            plugin_version: description.version.clone(),
            plugin_digest: plugin.digest().to_owned(),
            script: plugin.script_digests().map(|digests| ScriptIdentity {
                runtime_digest: digests.runtime.clone(),
                script_digest: digests.script.clone(),
            }),
            options_digest: format!("{:x}", Sha256::digest(options)),
        })),
    }
}

/// The limits of the batches of one call.
pub(crate) fn batch_limits(config: &Config, memory: &MemoryPlan) -> BatchLimits {
    BatchLimits {
        records: config.limits.batch_records,
        bytes: memory.batch,
        memory_limit_bytes: memory.guest,
    }
}

/// The plugin's options as JSON that its schema accepts.
///
/// # Errors
/// When they break a rule of the schema, or their file cannot be read.
pub(crate) fn plugin_options(
    given: &config::PluginOptions,
    plugin: &Plugin,
) -> Result<String, OptionsError> {
    let mut values = given.values.clone();
    if let Some(path) = &given.file {
        values.extend(options::read_file(path)?);
    }
    values.extend(given.over_file.clone());
    let options = options::parse(&plugin.description().options, &given.texts, Some(values))?;
    Ok(options.to_string())
}

/// The object types that a run reads.
///
/// # Errors
/// When the configuration names one that the plugin does not read, or the plugin needs names that it would not get.
pub(crate) fn read_types(config: &Config, plan: &Plan) -> Result<ObjectTypes, BuildError> {
    let read = in_stages(config, object_types(config, plan)?)?;
    check_names(config, plan, &read)?;
    Ok(read)
}

/// The object types of the plan, narrowed by those of the configuration.
///
/// # Errors
/// When the configuration names one that the plugin does not read.
pub(crate) fn object_types(config: &Config, plan: &Plan) -> Result<ObjectTypes, BuildError> {
    let wanted = &config.objects.types;
    if wanted.is_empty() {
        return Ok(plan.object_types.clone());
    }
    let mut named = wanted.clone();
    if let ObjectTypes::Named(offered) = &plan.object_types {
        let (read, other): (Vec<_>, Vec<_>) = named
            .into_iter()
            .partition(|wanted| offered.contains(wanted));
        let is_enough = config.objects.types_are_offered && !read.is_empty();
        if let Some(object_type) = other.first().filter(|_| !is_enough) {
            return Err(BuildError::ObjectType {
                object_type: object_type.clone(),
                offered: offered.clone(),
            });
        }
        if !other.is_empty() {
            let other = text::list(&other);
            tracing::info!("the plugin does not read these of the given object types: {other}");
        }
        named = read;
    }
    named.sort_unstable();
    named.dedup();
    Ok(ObjectTypes::Named(named))
}

/// Refuses a run that would have no names of persons, if the plugin needs some.
///
/// # Errors
/// When names are removed, or public topics are read, which are anonymised.
fn check_names(config: &Config, plan: &Plan, read: &ObjectTypes) -> Result<(), BuildError> {
    if plan.persons != Persons::Required || !read.may_have_persons() {
        return Ok(());
    }
    if config.privacy.anonymise.is_some() {
        return Err(BuildError::NeedsNames { anonymised: true });
    }
    if config.objects.privileged != config::Privileged::Required {
        return Err(BuildError::NeedsNames { anonymised: false });
    }
    Ok(())
}

fn no_names(anonymised: bool) -> &'static str {
    if anonymised {
        "removes them"
    } else {
        "may read anonymised topics"
    }
}

/// The object types that are read where the configuration lists stages: those of all stages.
///
/// # Errors
/// When a stage has one that the run does not read.
fn in_stages(config: &Config, read: ObjectTypes) -> Result<ObjectTypes, BuildError> {
    let Some(Phases::Given(stages)) = &config.phases else {
        return Ok(read);
    };
    let mut listed: Vec<String> = stages.iter().flatten().cloned().collect();
    if let ObjectTypes::Named(offered) = &read {
        if let Some(other) = listed.iter().find(|one| !offered.contains(one)) {
            return Err(BuildError::StagedType {
                object_type: other.clone(),
                offered: offered.clone(),
            });
        }
        let left_out: Vec<_> = offered.iter().filter(|one| !listed.contains(one)).collect();
        if !left_out.is_empty() {
            let names = text::list(&left_out);
            tracing::warn!("object types that are in no stage are not read: {names}");
        }
    }
    listed.sort_unstable();
    Ok(ObjectTypes::Named(listed))
}

/// The topics that a run reads for these object types.
pub(crate) fn subscription(objects: &config::Objects, object_types: ObjectTypes) -> Subscription {
    Subscription {
        prefix: objects.prefix.clone(),
        object_types,
        privileged: privileged(objects.privileged),
        ignores_missing: objects.missing_topics == config::MissingTopics::Ignore,
        partitions: Vec::new(),
    }
}

/// The partitions that are read without a group.
pub(crate) fn given_partitions(kafka: &config::Kafka) -> Vec<Partition> {
    let partition = |given: &config::TopicPartition| Partition {
        topic: given.topic.as_str().into(),
        number: given.number,
    };
    kafka.partitions.iter().map(partition).collect()
}

/// A source that is no cluster. This may start programs, and starts no thread.
///
/// # Errors
/// When there is none.
pub(crate) fn local(source: &config::Local) -> Result<Local, SourceError> {
    Ok(match source {
        config::Local::Recordings(files) => Local::Recordings(files.clone()),
        config::Local::Git(source) => {
            let options = git::Options {
                repository: source.repository.clone(),
                origin: source.origin.clone(),
                visit_date: source.visit_date.map(git::VisitDate::from),
                all_objects: source.all_objects,
                max_content_size: source.max_content_size,
            };
            Local::Git(Arc::new(git::Repository::open(&options)?))
        }
        config::Local::Dataset(source) => Local::Dataset(open_dataset(source, false)?),
    })
}

/// The same for a check, which makes nothing that lasts.
///
/// # Errors
/// When there is none.
pub(crate) fn local_to_check(source: &config::Local) -> Result<Local, SourceError> {
    match source {
        config::Local::Dataset(source) => Ok(Local::Dataset(open_dataset(source, true)?)),
        other => local(other),
    }
}

fn open_dataset(
    source: &config::Dataset,
    is_dry_run: bool,
) -> Result<Arc<dataset::Folder>, SourceError> {
    let options = dataset::Options {
        folder: source.folder.clone(),
        without: source.without.clone(),
        sort: dataset::SortOptions {
            folder: source.temp.clone(),
            memory: source.sort_memory,
            is_dry_run,
        },
    };
    Ok(Arc::new(dataset::Folder::open(&options)?))
}

/// The settings of a cluster's clients, of all commands alike.
pub(crate) fn cluster_settings(connection: &config::Connection) -> kafka::Settings {
    kafka::Settings {
        brokers: connection.brokers.clone(),
        group_id: connection.group_id.clone(),
        kafka: connection.settings.clone(),
        broker_timeout: connection.broker_timeout,
        fetch: None,
        statistics: false,
    }
}

/// The source of records, before it is known which records are read.
enum Input {
    Local(Local),
    Kafka {
        /// The clients, one for each worker among them, which are connecting to the brokers.
        clients: Box<Clients>,
        start: AskedStart,
        on_eof: OnEof,
    },
}

impl Input {
    /// `local` is the source, unless it is a cluster.
    fn begin(
        config: &Config,
        memory: &MemoryPlan,
        local: Option<Local>,
    ) -> Result<Self, BuildError> {
        if let Some(local) = local {
            return Ok(Self::Local(local));
        }
        match &config.source {
            config::Source::Local(source) => Ok(Self::Local(self::local(source)?)),
            config::Source::Kafka(kafka) => {
                let start = AskedStart::of(kafka, SystemTime::now())?;
                let mut settings = cluster_settings(&kafka.connection);
                settings.fetch = memory.bounded.map(|bounds| bounds.fetch);
                settings.statistics = config.metrics.is_some();
                Ok(Self::Kafka {
                    clients: Box::new(
                        Clients::start(settings, config.workers).map_err(SourceError::from)?,
                    ),
                    start,
                    on_eof: kafka.on_eof,
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn call_has_four_times_its_deadline_on_the_wall_and_a_third_of_the_poll_interval_at_most() {
        let limit = |deadline, interval: Option<u64>| {
            let interval = interval.map(Duration::from_secs);
            wall_limit(Duration::from_secs(deadline), interval).as_secs()
        };
        assert_eq!(limit(30, None), 120);
        assert_eq!(limit(20, Some(300)), 80);
        assert_eq!(limit(30, Some(300)), 100);
        // The operator allows calls that are longer.
        assert_eq!(limit(140, Some(300)), 140);
    }
}
