//! Workers with their sources, processors and sinks.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::BuildError;
use crate::config::Config;
use crate::journal::offsets::NoStore;
use crate::journal::topics::{ObjectTypes, Subscription};
use crate::kafka::{Clients, Cluster, Member};
use crate::pipeline::{
    Deadlines, Ended, OutputBindings, Process, ProcessorSettings, SandboxedProcessor, Work, Worker,
    WorkerError, WorkerParts, WorkerSettings,
};
use crate::sandbox::Processor;
use crate::sink::files::Files;
use crate::sink::{RowLimits, Sink, jsonl};
use crate::source::SourceError;
use crate::source::kafka::KafkaSource;
use crate::source::recording::{self, Recording};

/// How long the end of a run waits for its last commit in addition to the time that the group can keep it waiting.
const COMMIT_GRACE: Duration = Duration::from_secs(15);
/// How long brokers that do not answer are waited for.
const BROKER_TIMEOUT: Duration = Duration::from_mins(10);

/// A run whose plugin is started and whose source and sinks are not open yet.
pub(super) struct Builder<'a> {
    pub(super) config: &'a Config,
    /// Performs the durable operations on the sinks' files.
    pub(super) files: &'a Arc<dyn Files>,
    pub(super) object_types: ObjectTypes,
    pub(super) settings: WorkerSettings,
    pub(super) processor: ProcessorSettings,
    /// The limit on the encoded rows that a worker holds, in bytes, where the memory of the process is limited.
    pub(super) most_rows_bytes: Option<usize>,
}

impl Builder<'_> {
    fn subscription(&self) -> Subscription {
        Subscription {
            prefix: self.config.objects.prefix.clone(),
            object_types: self.object_types.clone(),
            privileged: self.config.objects.privileged,
        }
    }

    /// The one worker that reads a recording.
    pub(super) fn over_recording(
        &self,
        path: &Path,
        processor: Processor,
    ) -> Result<Work, BuildError> {
        let source = Recording::open(recording::Options {
            path: path.to_owned(),
            subscription: self.subscription(),
            tombstones: self.processor.plan.tombstones,
        })
        .map_err(SourceError::from)?;
        let outputs = self.outputs()?;
        let parts = WorkerParts {
            source: Box::new(source),
            store: Box::new(NoStore::default()),
            processor: self.bound(processor, &outputs),
            sinks: outputs.sinks(0)?,
            membership: None,
            ends: None,
            counters: self.settings.progress.worker(0),
            number: 0,
        };
        let worker = Worker::new(parts, self.settings.clone());
        Ok(Box::new(move || worker.run()))
    }

    /// The workers that share a consumer group.
    pub(super) fn over_kafka(
        &self,
        clients: Clients,
        stop_at_end: bool,
        first: Processor,
    ) -> Result<Vec<Work>, BuildError> {
        let start = clients.start_of_partitions().map_err(SourceError::from)?;
        let (cluster, members) = Cluster::connect(clients, &self.subscription(), stop_at_end)
            .map_err(SourceError::from)?;
        let outputs = self.outputs()?;
        let settings = WorkerSettings {
            checkpoint_interval: Some(self.config.checkpoint_interval),
            start,
            deadlines: Deadlines {
                revoke: cluster.revoke_timeout(BROKER_TIMEOUT),
                finish: cluster.commit_timeout(BROKER_TIMEOUT) + COMMIT_GRACE,
            },
            leaves_a_group: true,
            ..self.settings.clone()
        };
        let mut work: Vec<Work> = Vec::new();
        let mut first = Some(first);
        for (number, member) in members.into_iter().enumerate() {
            let processor = first.take().map_or_else(|| self.processor.start(), Ok)?;
            let worker = KafkaWorker {
                cluster: Arc::clone(&cluster),
                member,
                processor: self.bound(processor, &outputs),
                sinks: outputs.sinks(number)?,
                tombstones: self.processor.plan.tombstones,
                settings: settings.clone(),
                number,
            };
            work.push(Box::new(move || worker.run()));
        }
        Ok(work)
    }

    /// A started processor with a buffer for its rows.
    fn bound(&self, mut processor: Processor, outputs: &OutputBindings) -> Box<dyn Process> {
        processor.bind(outputs.rows(RowLimits {
            call_bytes: self.processor.limits.emit_bytes,
            most_bytes: self.most_rows_bytes,
        }));
        Box::new(SandboxedProcessor::new(processor, self.processor.clone()))
    }

    fn outputs(&self) -> Result<OutputBindings, BuildError> {
        let plan = &self.processor.plan;
        let destinations =
            jsonl::Destinations::open_with(self.files, &self.config.outputs, &plan.outputs)?;
        Ok(OutputBindings::to_one(Box::new(destinations), plan)?)
    }
}

/// The parts of a worker over Kafka, before it joins its group in its own thread.
struct KafkaWorker {
    cluster: Arc<Cluster>,
    member: Member,
    processor: Box<dyn Process>,
    sinks: Vec<Box<dyn Sink>>,
    tombstones: bool,
    settings: WorkerSettings,
    number: usize,
}

impl KafkaWorker {
    fn run(self) -> Result<Ended, WorkerError> {
        let (worker, settings) = self.join().inspect_err(|error| {
            // The run ends only after all workers have left, which may take long.
            tracing::error!("{}", error.with_causes());
        })?;
        Worker::new(worker, settings).run()
    }

    fn join(self) -> Result<(WorkerParts, WorkerSettings), WorkerError> {
        let store = self.cluster.store(&self.member);
        let store = store.map_err(SourceError::from)?;
        let membership = Some(self.member.membership());
        let ends = self.cluster.ends().cloned();
        let source = KafkaSource::join(self.cluster, self.member, self.tombstones);
        let parts = WorkerParts {
            source: Box::new(source.map_err(SourceError::from)?),
            store: Box::new(store),
            processor: self.processor,
            sinks: self.sinks,
            membership,
            ends,
            counters: self.settings.progress.worker(self.number),
            number: self.number,
        };
        Ok((parts, self.settings))
    }
}
