//! `journal-host run`: a processor over the journal.

use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;
use clap::builder::NonEmptyStringValueParser;

use super::args::{self, BoundArguments, ObjectArguments, OptionArguments};
use super::environment::Environment;
use super::report::Report;
use super::values;
use crate::config::memory::{MemoryPlan, Wanted};
use crate::kafka::{self, Clients, Cluster, FetchLimits, KafkaSource, Member, Subscription};
use crate::observe::progress::Progress;
use crate::pipeline::quota::RecordQuota;
use crate::pipeline::{Ended, OnBadRecord, Worker, WorkerError, WorkerSettings, run_workers};
use crate::sandbox::{Engine, ObjectTypes, Plugin, Processor};
use crate::sink::{Sink, aggregate, jsonl};
use crate::source::SourceError;
use crate::source::recording::{self, Recording};

/// Runs a processor over the journal, or over a recording of it.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The plugin: a `.wasm` file.
    plugin: PathBuf,

    #[command(flatten)]
    options: OptionArguments,

    #[command(flatten)]
    source: SourceArguments,

    #[command(flatten)]
    objects: ObjectArguments,

    /// Stops when this number of objects was processed.
    #[arg(long, value_name = "N")]
    stop_after: Option<u64>,

    /// Writes an output as JSON lines to a file instead of standard output (`-`); with a name, only
    /// the output of that name. May be repeated.
    #[arg(long = "output", value_name = "[NAME=]FILE")]
    outputs: Vec<String>,

    /// What becomes of a record that the processor rejects.
    #[arg(long, value_enum, default_value_t = BadRecord::Stop)]
    on_bad_record: BadRecord,

    #[command(flatten)]
    bounds: BoundArguments,

    /// The most memory that the process may take: the limits of its parts follow from it and from `--workers`,
    /// where they are not given.
    #[arg(long, value_name = "SIZE", value_parser = values::size)]
    process_memory: Option<usize>,

    /// The longest time between two checkpoints, at which rows are written and offsets committed.
    /// A recording has one at its end, and at each 16 MiB of rows.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = values::span)]
    checkpoint_interval: Duration,
}

#[derive(Debug, clap::Args)]
struct SourceArguments {
    /// Reads a recording instead of a Kafka cluster.
    #[arg(long, value_name = "FILE", required_unless_present = "brokers", conflicts_with_all = ["brokers", "group_id", "kafka"])]
    recording: Option<PathBuf>,

    /// The Kafka brokers to begin with, separated by commas.
    #[arg(long, value_name = "HOST:PORT,...", requires = "group_id", value_parser = NonEmptyStringValueParser::new())]
    brokers: Option<String>,

    /// The consumer group: processes with the same one share the work.
    #[arg(long, value_name = "ID", requires = "brokers", value_parser = NonEmptyStringValueParser::new())]
    group_id: Option<String>,

    /// Sets a setting of librdkafka; may be repeated.
    #[arg(long, value_name = "KEY=VALUE", value_parser = values::pair)]
    kafka: Vec<(String, String)>,

    /// What to do when all existing records are processed. A recording always stops.
    #[arg(long, value_enum, default_value_t = OnEof::Continue)]
    on_eof: OnEof,

    /// Consumers and processor instances in this process.
    #[arg(long, value_name = "N", default_value = "1", value_parser = values::workers)]
    workers: NonZero<usize>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum BadRecord {
    /// The run ends, and nothing since the last checkpoint counts.
    Stop,
    /// The record is counted and passed over.
    Skip,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum OnEof {
    /// The run ends.
    Stop,
    /// The run waits for more.
    Continue,
}

/// Loads, connects, and works until the end.
pub(super) fn execute(arguments: Arguments, environment: &Environment) -> Result<(), Report> {
    let shares = arguments.check()?;
    let stop = args::install_signal_handlers()?;
    let limits = arguments.bounds.limits(&shares);
    // They connect while the plugin is loaded.
    let clients = arguments.source.clients(&shares)?;
    let engine = Engine::new()?;
    let plugin = Arc::new(Plugin::load(&engine, &arguments.plugin, limits)?);
    let options = arguments.options.of(&plugin)?;
    let (first, plan) = Processor::start(&plugin, &options, limits)?;
    let progress = Arc::new(Progress::new(arguments.source.workers.get()));
    let run = Run {
        object_types: arguments.objects.of(&plan)?,
        settings: WorkerSettings {
            plugin,
            options: options.into(),
            plan: Arc::new(plan),
            limits,
            held_bytes: shares.held,
            kept_batches_bytes: shares.bounded.map(|bounded| bounded.kept_batches),
            checkpoint_interval: None,
            on_bad_record: match arguments.on_bad_record {
                BadRecord::Stop => OnBadRecord::Stop,
                BadRecord::Skip => OnBadRecord::Skip,
            },
            stop: stop.clone(),
            progress: Arc::clone(&progress),
        },
        quota: Arc::new(RecordQuota::new(arguments.stop_after)),
        shares,
        arguments,
        environment: environment.clone(),
    };
    let work = match (clients, run.arguments.source.recording.clone()) {
        (Some(clients), _) => run.over_kafka(clients, first)?,
        (None, Some(path)) => run.over_recording(path, first)?,
        (None, None) => {
            return Err(Report::wrong_use(
                anyhow::anyhow!("`--brokers` or `--recording` is needed"),
                None,
            ));
        }
    };
    let ended = run_workers(work, &stop, &progress)?;
    if ended != Ended::ReaderGone {
        tracing::info!("{progress}");
    }
    Ok(())
}

impl Arguments {
    /// Refuses what no plugin, broker or file could make right, and says what each part may take.
    fn check(&self) -> Result<MemoryPlan, Report> {
        if self.source.recording.is_some() && self.source.workers.get() > 1 {
            return Err(Report::wrong_use(
                anyhow::anyhow!("`--workers` above 1 does not go with `--recording`"),
                Some("a recording is read by one worker: leave `--workers` out".to_owned()),
            ));
        }
        let settings = self.source.cluster_settings();
        if let Some(settings) = &settings {
            settings
                .check(self.bounds.deadline)
                .map_err(SourceError::from)?;
        }
        let shares = self.shares(settings.as_ref())?;
        BoundArguments::check(&shares)?;
        Ok(shares)
    }

    fn shares(&self, settings: Option<&kafka::Settings>) -> Result<MemoryPlan, Report> {
        let Some(process) = self.process_memory else {
            return Ok(self.bounds.shares());
        };
        // A file that is not there is told when it is loaded.
        let plugin = self.plugin.metadata().map_or(0, |metadata| metadata.len());
        let wanted = Wanted {
            process,
            workers: self.source.workers.get(),
            plugin: usize::try_from(plugin).unwrap_or(usize::MAX),
            records: self.bounds.records(),
            guest: self.bounds.memory_limit,
            batch: self.bounds.batch_bytes,
            queued: settings.and_then(kafka::Settings::queued_bytes),
            response: settings.and_then(kafka::Settings::response_bytes),
        };
        MemoryPlan::within(&wanted).map_err(|error| {
            let hint = error.hint();
            Report::wrong_use(error, Some(hint))
        })
    }
}

impl SourceArguments {
    fn cluster_settings(&self) -> Option<kafka::Settings> {
        Some(kafka::Settings {
            brokers: self.brokers.clone()?,
            group_id: self.group_id.clone()?,
            kafka: self.kafka.clone(),
            fetch: None,
        })
    }

    /// The clients of a run over Kafka, one for each worker among them.
    fn clients(&self, shares: &MemoryPlan) -> Result<Option<Clients>, Report> {
        let Some(mut settings) = self.cluster_settings() else {
            return Ok(None);
        };
        settings.fetch = shares.bounded.map(|bounded| FetchLimits {
            queued_bytes: bounded.queued,
            queued_records: bounded.queued_records,
            response_bytes: bounded.responses,
        });
        let clients = Clients::start(settings, self.workers.get());
        Ok(Some(clients.map_err(SourceError::from)?))
    }
}

type Work = Box<dyn FnOnce() -> Result<Ended, WorkerError> + Send>;

/// A run whose plugin is started, before its source and sinks are open.
struct Run {
    arguments: Arguments,
    object_types: ObjectTypes,
    settings: WorkerSettings,
    shares: MemoryPlan,
    quota: Arc<RecordQuota>,
    environment: Environment,
}

impl Run {
    fn over_recording(&self, path: PathBuf, mut processor: Processor) -> Result<Vec<Work>, Report> {
        let source = Recording::open(
            recording::Options {
                path,
                prefix: self.arguments.objects.prefix.clone(),
                privileged: self.arguments.objects.privileged,
                object_types: self.object_types.clone(),
                tombstones: self.settings.plan.tombstones,
                limits: self.arguments.bounds.batch_limits(&self.shares),
            },
            Arc::clone(&self.quota),
            Arc::clone(&self.settings.progress.share),
        )
        .map_err(SourceError::from)?;
        processor.bind(self.sink(&self.sinks()?));
        let worker = self.settings.progress.worker(0);
        let worker = Worker::new(source, processor, self.settings.clone(), worker);
        Ok(vec![Box::new(move || worker.run())])
    }

    fn over_kafka(&self, clients: Clients, first: Processor) -> Result<Vec<Work>, Report> {
        let subscription = Subscription {
            prefix: self.arguments.objects.prefix.clone(),
            object_types: self.object_types.clone(),
            privileged: self.arguments.objects.privileged,
        };
        let stop_at_end = self.arguments.source.on_eof == OnEof::Stop;
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
                return Err(WorkerError::OtherPlan.into());
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
            limits: self.arguments.bounds.batch_limits(&self.shares),
            tombstones: self.settings.plan.tombstones,
            quota: Arc::clone(&self.quota),
            progress: Arc::clone(&counters),
        };
        let settings = WorkerSettings {
            checkpoint_interval: Some(self.arguments.checkpoint_interval),
            ..self.settings.clone()
        };
        Box::new(move || {
            let source = KafkaSource::join(cluster, member, options).map_err(SourceError::from)?;
            Worker::new(source, processor, settings, counters).run()
        })
    }

    /// The way of one worker's rows to these places.
    fn sink(&self, places: &jsonl::Destinations) -> Box<dyn Sink> {
        let WorkerSettings { plan, limits, .. } = &self.settings;
        let before = match self.shares.bounded {
            Some(_) => aggregate::tightly_before,
            None => aggregate::before,
        };
        before(places.sink(), &plan.outputs, limits.emit_bytes)
    }

    fn sinks(&self) -> Result<jsonl::Destinations, Report> {
        let places = jsonl::Destinations::open_with(
            &self.environment.files,
            &self.arguments.outputs,
            &self.settings.plan.outputs,
            self.settings.limits.emit_bytes,
        )?;
        Ok(match self.shares.bounded {
            Some(bounded) => places.bounded(bounded.lines),
            None => places,
        })
    }
}
