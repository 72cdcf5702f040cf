//! From the configuration to workers that are ready to run.

use std::path::Path;
use std::sync::Arc;

use super::quota::RecordQuota;
use super::stop::Stop;
use super::{Ended, OnBadRecord, Worker, WorkerError, WorkerSettings, run_workers};
use crate::config::memory::{GUEST_PER_BATCH, MemoryPlan, MemoryRequest, TooLittle};
use crate::config::options::{self, OptionsError};
use crate::config::{self, Config, OnEof};
use crate::journal::topics::{ObjectTypes, Subscription};
use crate::kafka::{self, Clients, Cluster, KafkaSource, Member};
use crate::observe::progress::Progress;
use crate::sandbox::{CallError, Engine, Limits, LoadError, Plan, Plugin, Processor};
use crate::sink::{Sink, aggregate, jsonl};
use crate::source::recording::{self, Recording};
use crate::source::{BatchLimits, SourceError};

/// Why a configuration cannot be carried out.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The memory of the process is too little for its parts.
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
    /// The processor answered `start` in two ways.
    #[error("the plugin answers `start` with another plan each time")]
    OtherPlan,
    /// An object type is named that the plugin does not read.
    #[error("the object type `{object_type}` is not one that the plugin reads")]
    ObjectType {
        /// What was named.
        object_type: String,
        /// What it reads.
        offered: Vec<String>,
    },
    /// The recording or the cluster cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The outputs cannot be written to.
    #[error(transparent)]
    Outputs(#[from] jsonl::OpenError),
}

type Work = Box<dyn FnOnce() -> Result<Ended, WorkerError> + Send>;

/// Workers with their sources, processors and sinks, before they run.
pub(crate) struct Pipeline {
    work: Vec<Work>,
    stop: Stop,
    progress: Arc<Progress>,
}

impl Pipeline {
    /// Loads the plugin, connects, and opens the outputs.
    ///
    /// # Errors
    /// When the settings do not fit the plugin, the journal or the machine.
    pub(crate) fn build(config: &Config, stop: &Stop) -> Result<Self, BuildError> {
        let memory = check(config)?;
        let limits = limits(config, &memory);
        // They connect while the plugin is loaded.
        let input = Input::begin(config, &memory)?;
        let engine = Engine::new()?;
        let plugin = Arc::new(Plugin::load(&engine, &config.plugin, limits)?);
        let options = plugin_options(config, &plugin)?;
        let (first, plan) = Processor::start(&plugin, &options, limits)?;
        let progress = Arc::new(Progress::new(config.workers));
        let builder = Builder {
            config,
            object_types: object_types(config, &plan)?,
            settings: WorkerSettings {
                plugin,
                options: options.into(),
                plan: Arc::new(plan),
                limits,
                held_bytes: memory.held,
                kept_batches_bytes: memory.bounded.map(|bounds| bounds.kept_batches),
                checkpoint_interval: None,
                on_bad_record: match config.on_bad_record {
                    config::OnBadRecord::Stop => OnBadRecord::Stop,
                    config::OnBadRecord::Skip => OnBadRecord::Skip,
                },
                stop: stop.clone(),
                progress: Arc::clone(&progress),
            },
            quota: Arc::new(RecordQuota::new(config.stop_after)),
            memory,
        };
        let work = match input {
            Input::Recording(path) => vec![builder.over_recording(path, first)?],
            Input::Kafka {
                clients,
                stop_at_end,
            } => builder.over_kafka(*clients, stop_at_end, first)?,
        };
        Ok(Self {
            work,
            stop: stop.clone(),
            progress,
        })
    }

    /// Runs all workers until they have ended.
    ///
    /// # Errors
    /// The first failure of a worker.
    pub(crate) fn run(self) -> Result<Ended, WorkerError> {
        let ended = run_workers(self.work, &self.stop, &self.progress)?;
        if ended != Ended::ReaderGone {
            tracing::info!("{}", self.progress);
        }
        Ok(ended)
    }
}

/// Refuses what no plugin, broker or file could make right, and says what each part may take.
fn check(config: &Config) -> Result<MemoryPlan, BuildError> {
    let settings = match &config.source {
        config::Source::Recording(_) => None,
        config::Source::Kafka(kafka) => Some(cluster_settings(kafka)),
    };
    if let Some(settings) = &settings {
        settings
            .check(config.limits.deadline)
            .map_err(SourceError::from)?;
    }
    let Some(process) = config.process_memory else {
        return usual_memory(config);
    };
    // A file that is not there is reported when it is loaded.
    let plugin = config
        .plugin
        .metadata()
        .map_or(0, |metadata| metadata.len());
    let memory = MemoryPlan::within(&MemoryRequest {
        process,
        workers: config.workers,
        plugin: usize::try_from(plugin).unwrap_or(usize::MAX),
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

/// The limits of the parts where the whole process has none.
///
/// # Errors
/// When a batch is too large for an instance.
pub(crate) fn usual_memory(config: &Config) -> Result<MemoryPlan, BuildError> {
    fits(MemoryPlan::usual(
        config.limits.memory,
        config.limits.batch_bytes,
    ))
}

fn fits(memory: MemoryPlan) -> Result<MemoryPlan, BuildError> {
    if memory.batch > memory.guest / GUEST_PER_BATCH {
        return Err(BuildError::BatchTooLarge);
    }
    Ok(memory)
}

/// What bounds an instance.
pub(crate) fn limits(config: &Config, memory: &MemoryPlan) -> Limits {
    Limits {
        deadline: config.limits.deadline,
        memory_bytes: memory.guest,
        emit_bytes: memory.call,
    }
}

/// What one call may be made of.
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
/// When they do not agree with the schema, or their file cannot be read.
pub(crate) fn plugin_options(config: &Config, plugin: &Plugin) -> Result<String, OptionsError> {
    let mut values = config.options.values.clone();
    if let Some(path) = &config.options.file {
        values.extend(options::read_file(path)?);
    }
    let texts = &config.options.texts;
    let options = options::parse(&plugin.description().options, texts, Some(values))?;
    Ok(options.to_string())
}

/// The object types of the plan, narrowed by those of the configuration.
///
/// # Errors
/// When it names one that the plugin does not read.
pub(crate) fn object_types(config: &Config, plan: &Plan) -> Result<ObjectTypes, BuildError> {
    let wanted = &config.objects.types;
    if wanted.is_empty() {
        return Ok(plan.object_types.clone());
    }
    if let ObjectTypes::Named(offered) = &plan.object_types
        && let Some(other) = wanted.iter().find(|wanted| !offered.contains(wanted))
    {
        return Err(BuildError::ObjectType {
            object_type: other.clone(),
            offered: offered.clone(),
        });
    }
    let mut named = wanted.clone();
    named.sort_unstable();
    named.dedup();
    Ok(ObjectTypes::Named(named))
}

fn cluster_settings(kafka: &config::Kafka) -> kafka::Settings {
    kafka::Settings {
        brokers: kafka.brokers.clone(),
        group_id: kafka.group_id.clone(),
        kafka: kafka.settings.clone(),
        fetch: None,
    }
}

/// Where records will come from, before it is known which.
enum Input<'a> {
    Recording(&'a Path),
    Kafka {
        /// One for each worker among them, on their way to the brokers.
        clients: Box<Clients>,
        stop_at_end: bool,
    },
}

impl<'a> Input<'a> {
    fn begin(config: &'a Config, memory: &MemoryPlan) -> Result<Self, SourceError> {
        match &config.source {
            config::Source::Recording(path) => Ok(Self::Recording(path)),
            config::Source::Kafka(kafka) => {
                let mut settings = cluster_settings(kafka);
                settings.fetch = memory.bounded.map(|bounds| bounds.fetch);
                Ok(Self::Kafka {
                    clients: Box::new(Clients::start(settings, config.workers)?),
                    stop_at_end: kafka.on_eof == OnEof::Stop,
                })
            }
        }
    }
}

/// A run whose plugin is started, before its source and sinks are open.
struct Builder<'a> {
    config: &'a Config,
    object_types: ObjectTypes,
    settings: WorkerSettings,
    memory: MemoryPlan,
    quota: Arc<RecordQuota>,
}

impl Builder<'_> {
    fn subscription(&self) -> Subscription {
        Subscription {
            prefix: self.config.objects.prefix.clone(),
            object_types: self.object_types.clone(),
            privileged: self.config.objects.privileged,
        }
    }

    fn over_recording(&self, path: &Path, mut processor: Processor) -> Result<Work, BuildError> {
        let source = Recording::open(
            recording::Options {
                path: path.to_owned(),
                subscription: self.subscription(),
                tombstones: self.settings.plan.tombstones,
                limits: batch_limits(self.config, &self.memory),
            },
            Arc::clone(&self.quota),
            Arc::clone(&self.settings.progress.share),
        )
        .map_err(SourceError::from)?;
        processor.bind(self.sink(&self.sinks()?));
        let worker = self.settings.progress.worker(0);
        let worker = Worker::new(source, processor, self.settings.clone(), worker);
        Ok(Box::new(move || worker.run()))
    }

    fn over_kafka(
        &self,
        clients: Clients,
        stop_at_end: bool,
        first: Processor,
    ) -> Result<Vec<Work>, BuildError> {
        let subscription = self.subscription();
        let (cluster, members) =
            Cluster::connect(clients, &subscription, stop_at_end).map_err(SourceError::from)?;
        let sinks = self.sinks()?;
        let mut processors = vec![first];
        while processors.len() < members.len() {
            let (processor, plan) = Processor::start(
                &self.settings.plugin,
                &self.settings.options,
                self.settings.limits,
            )?;
            if plan != *self.settings.plan {
                return Err(BuildError::OtherPlan);
            }
            processors.push(processor);
        }
        let of_worker = |(number, (mut processor, member)): (usize, (Processor, Member))| {
            processor.bind(self.sink(&sinks));
            self.kafka_worker(&cluster, member, processor, number)
        };
        let workers = processors.into_iter().zip(members).enumerate();
        Ok(workers.map(of_worker).collect())
    }

    fn kafka_worker(
        &self,
        cluster: &Arc<Cluster>,
        member: Member,
        processor: Processor,
        number: usize,
    ) -> Work {
        let cluster = Arc::clone(cluster);
        let counters = self.settings.progress.worker(number);
        let options = kafka::WorkerOptions {
            limits: batch_limits(self.config, &self.memory),
            tombstones: self.settings.plan.tombstones,
            quota: Arc::clone(&self.quota),
            progress: Arc::clone(&counters),
        };
        let settings = WorkerSettings {
            checkpoint_interval: Some(self.config.checkpoint_interval),
            ..self.settings.clone()
        };
        Box::new(move || {
            let source = KafkaSource::join(cluster, member, options).map_err(SourceError::from)?;
            Worker::new(source, processor, settings, counters).run()
        })
    }

    /// The way of one worker's rows to these destinations.
    fn sink(&self, destinations: &jsonl::Destinations) -> Box<dyn Sink> {
        let WorkerSettings { plan, limits, .. } = &self.settings;
        let before = match self.memory.bounded {
            Some(_) => aggregate::tightly_before,
            None => aggregate::before,
        };
        before(destinations.sink(), &plan.outputs, limits.emit_bytes)
    }

    fn sinks(&self) -> Result<jsonl::Destinations, BuildError> {
        let destinations = jsonl::Destinations::open(
            &self.config.outputs,
            &self.settings.plan.outputs,
            self.settings.limits.emit_bytes,
        )?;
        Ok(match self.memory.bounded {
            Some(bounds) => destinations.bounded(bounds.lines),
            None => destinations,
        })
    }
}
