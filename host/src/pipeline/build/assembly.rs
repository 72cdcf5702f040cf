//! Workers from parts that all workers of a run share.

use std::sync::Arc;

use super::workers::KafkaWorker;
use crate::journal::offsets::NoStore;
use crate::kafka::{Cluster, Member};
use crate::pipeline::{
    OutputBindings, Process, ProcessorSettings, SandboxedProcessor, Work, Worker, WorkerError,
    WorkerParts, WorkerSettings,
};
use crate::privacy::Privacy;
use crate::sandbox::Processor;
use crate::sink::RowLimits;
use crate::source::local::LocalSource;

/// What all workers of a run are assembled from, once the outputs are open.
pub(super) struct Assembly {
    pub(super) outputs: OutputBindings,
    pub(super) settings: WorkerSettings,
    pub(super) processor: ProcessorSettings,
    pub(super) most_rows_bytes: Option<usize>,
    /// What no plugin may see.
    pub(super) privacy: Option<Arc<Privacy>>,
    /// How many read, at most.
    pub(super) workers: usize,
}

impl Assembly {
    /// A new instance of the plugin.
    pub(super) fn start(&self) -> Result<Processor, WorkerError> {
        self.processor.start()
    }

    /// The workers that read the parts of a source that is no cluster. The first one gets `first`, if it is given.
    pub(super) fn local_workers(
        &self,
        sources: Vec<LocalSource>,
        mut first: Option<Processor>,
    ) -> Result<Vec<Work>, WorkerError> {
        let mut work: Vec<Work> = Vec::new();
        for (number, source) in sources.into_iter().enumerate() {
            let processor = first.take().map_or_else(|| self.start(), Ok)?;
            let parts = WorkerParts {
                source: Box::new(source),
                store: Box::new(NoStore::default()),
                processor: self.bound(processor),
                sinks: self.outputs.sinks(number)?,
                letters: self.outputs.dead_letters(),
                membership: None,
                ends: None,
                counters: self.settings.progress.worker(number),
                number,
            };
            let worker = Worker::new(parts, self.settings.clone());
            work.push(Box::new(move || worker.run()));
        }
        Ok(work)
    }

    /// The workers of these members. The first one gets `first`, if it is given.
    pub(super) fn group_workers(
        &self,
        cluster: &Arc<Cluster>,
        members: Vec<Member>,
        mut first: Option<Processor>,
    ) -> Result<Vec<Work>, WorkerError> {
        let mut work: Vec<Work> = Vec::new();
        for (number, member) in members.into_iter().enumerate() {
            let processor = first.take().map_or_else(|| self.start(), Ok)?;
            let worker = KafkaWorker {
                cluster: Arc::clone(cluster),
                member,
                processor: self.bound(processor),
                sinks: self.outputs.sinks(number)?,
                letters: self.outputs.dead_letters(),
                tombstones: self.processor.plan.tombstones,
                privacy: self.privacy.clone(),
                settings: self.settings.clone(),
                number,
            };
            work.push(Box::new(move || worker.run()));
        }
        Ok(work)
    }

    /// A started processor with a buffer for its rows.
    fn bound(&self, mut processor: Processor) -> Box<dyn Process> {
        processor.bind(self.outputs.rows(RowLimits {
            call_bytes: self.processor.limits.emit_bytes,
            most_bytes: self.most_rows_bytes,
        }));
        Box::new(SandboxedProcessor::new(processor, self.processor.clone()))
    }
}
