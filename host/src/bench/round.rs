//! One round: all records of the recording through a new instance of a processor.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Instant;

use journal_recording::Reader;
use serde::Serialize;

use super::metered::{MeteredSink, MeteredSource};
use super::{Error, Parts};
use crate::config::memory::USUAL_HELD;
use crate::journal::offsets::{NoStore, Start};
use crate::journal::plan::Plan;
use crate::journal::topics::{ObjectTypes, Subscription};
use crate::observe::meter::{Meter, Reading, thread_nanoseconds};
use crate::observe::progress::{Progress, WorkerProgress};
use crate::pipeline::quota::RecordQuota;
use crate::pipeline::stop::Stop;
use crate::pipeline::{
    Deadlines, Ended, OnBadRecord, OutputBindings, ProcessorSettings, SandboxedProcessor, Worker,
    WorkerError, WorkerParts, WorkerSettings, run_workers,
};
use crate::sandbox::{Limits, Plugin, Processor};
use crate::sink::{RowLimits, Sink, jsonl};
use crate::source::recording::{self, Recording};
use crate::source::{BatchLimits, SourceError};

/// Where the sink's lines go.
const NOWHERE: &str = "/dev/null";

/// What is measured.
pub struct Subject {
    /// The plugin.
    pub plugin: Arc<Plugin>,
    /// Its options, as JSON.
    pub options: Arc<str>,
    /// What it answered to `start`.
    pub plan: Arc<Plan>,
    /// The object types that it gets.
    pub object_types: ObjectTypes,
}

/// What is the same in all rounds.
pub struct Conditions {
    /// The recording; it is read twice a round.
    pub recording: PathBuf,
    /// What the names of its topics begin with.
    pub prefix: String,
    /// Whether a privileged topic is preferred to the public one.
    pub privileged: bool,
    /// What bounds an instance.
    pub limits: Limits,
    /// What one call may be made of.
    pub batch_limits: BatchLimits,
}

/// What one round took.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Round {
    /// Objects that were processed.
    pub objects: u64,
    /// Bytes of their keys and values.
    pub bytes: u64,
    /// Records among them that the processor rejected.
    pub rejected: u64,
    /// From the first read to the end of the last checkpoint, by the clock on the wall.
    pub wall_ns: u64,
    /// CPU time of the worker in that time: the sum of the parts.
    pub cpu_ns: u64,
    /// Where it went.
    pub parts_ns: Parts<u64>,
    /// Making the instance and calling `start`, which comes before, by the clock on the wall.
    pub start_ns: u64,
    /// The most linear memory that the guest had.
    pub guest_memory_bytes: u64,
    /// How often the meter read the clock.
    pub clock_reads: u64,
}

/// What the worker's thread saw.
struct Seen {
    wall_ns: u64,
    meter: Reading,
    /// CPU time of reading the recording alone, which is done after the run.
    reading_ns: u64,
}

impl Seen {
    fn round(&self, progress: &Progress, start_ns: u64) -> Result<Round, Error> {
        let objects = progress.objects();
        if objects == 0 {
            return Err(Error::NoRecords);
        }
        let parts_ns = Parts::of(&self.meter, self.reading_ns);
        Ok(Round {
            objects,
            bytes: progress.bytes(),
            rejected: progress.rejections(),
            wall_ns: self.wall_ns,
            cpu_ns: parts_ns.total(),
            parts_ns,
            start_ns,
            guest_memory_bytes: self.meter.guest_memory_bytes as u64,
            clock_reads: self.meter.clock_reads,
        })
    }
}

impl Subject {
    /// Processes the whole recording once; `title` is what its progress is shown under.
    ///
    /// # Errors
    /// As a run does. A rejected record is no error.
    pub fn round(
        &self,
        conditions: &Conditions,
        stop: &Stop,
        title: String,
    ) -> Result<Round, Error> {
        let started = Instant::now();
        let (processor, plan) = Processor::start(&self.plugin, &self.options, conditions.limits)?;
        let start_ns = nanoseconds_since(started);
        if plan != *self.plan {
            return Err(WorkerError::OtherPlan.into());
        }
        let progress = Arc::new(Progress::new(1, &self.plan.outputs).titled(title));
        let source = self.source(conditions)?;
        let outputs = self.outputs()?;
        let settings = settings(conditions, &self.plan, stop, &progress);
        let metered = Metered {
            source,
            processor,
            processor_settings: self.processor_settings(conditions.limits),
            outputs,
            settings,
            counters: progress.worker(0),
        };
        let path = conditions.recording.clone();
        let (tell, told) = mpsc::channel();
        let work = move || {
            let (ended, mut seen) = metered.run()?;
            seen.reading_ns = read_through(&path)?;
            // The other end is there until this thread has ended.
            let _told = tell.send(seen);
            Ok(ended)
        };
        let ended = run_workers(vec![Box::new(work)], stop, &progress)?;
        match told.recv() {
            Ok(seen) if ended == Ended::EndOfData => seen.round(&progress, start_ns),
            _ => Err(Error::Interrupted),
        }
    }

    fn source(&self, conditions: &Conditions) -> Result<Recording, Error> {
        let options = recording::Options {
            path: conditions.recording.clone(),
            subscription: Subscription {
                prefix: conditions.prefix.clone(),
                object_types: self.object_types.clone(),
                privileged: conditions.privileged,
            },
            tombstones: self.plan.tombstones,
        };
        Ok(Recording::open(options).map_err(SourceError::from)?)
    }

    /// The sink of a run, which encodes all rows, bound to a file that drops them.
    fn outputs(&self) -> Result<OutputBindings, Error> {
        let outputs = &self.plan.outputs;
        let destinations = jsonl::Destinations::open(&[NOWHERE.to_owned()], outputs)?;
        let bound = OutputBindings::to_one(Box::new(destinations), &self.plan);
        Ok(bound.map_err(WorkerError::from)?)
    }

    fn processor_settings(&self, limits: Limits) -> ProcessorSettings {
        ProcessorSettings {
            plugin: Arc::clone(&self.plugin),
            options: Arc::clone(&self.options),
            plan: Arc::clone(&self.plan),
            limits,
        }
    }
}

fn settings(
    conditions: &Conditions,
    plan: &Plan,
    stop: &Stop,
    progress: &Arc<Progress>,
) -> WorkerSettings {
    WorkerSettings {
        columns: plan.columns,
        batch_limits: conditions.batch_limits,
        held_bytes: USUAL_HELD,
        kept_batches_bytes: None,
        checkpoint_interval: None,
        on_bad_record: OnBadRecord::Count,
        start: Some(Start::Earliest),
        note: String::new(),
        deadlines: Deadlines::NONE,
        leaves_a_group: false,
        quota: Arc::new(RecordQuota::new(None)),
        stop: stop.clone(),
        progress: Arc::clone(progress),
    }
}

/// What a worker of a round is made of.
struct Metered {
    source: Recording,
    processor: Processor,
    processor_settings: ProcessorSettings,
    outputs: OutputBindings,
    settings: WorkerSettings,
    counters: Arc<WorkerProgress>,
}

impl Metered {
    /// Runs a worker on this thread with a meter on.
    fn run(self) -> Result<(Ended, Seen), WorkerError> {
        let start = Instant::now();
        let meter = Meter::new();
        let mut processor = self.processor;
        processor.measure(&meter);
        let limits = self.processor_settings.limits;
        processor.bind(self.outputs.rows(RowLimits {
            call_bytes: limits.emit_bytes,
            most_bytes: None,
        }));
        let metered_sink = |sink| -> Box<dyn Sink> {
            Box::new(MeteredSink {
                sink,
                meter: meter.clone(),
            })
        };
        let sinks = self.outputs.sinks(0)?.into_iter().map(metered_sink);
        let parts = WorkerParts {
            source: Box::new(MeteredSource {
                source: self.source,
                meter: meter.clone(),
            }),
            store: Box::new(NoStore::default()),
            processor: Box::new(SandboxedProcessor::new(processor, self.processor_settings)),
            sinks: sinks.collect(),
            membership: None,
            ends: None,
            counters: self.counters,
            number: 0,
        };
        let ended = Worker::new(parts, self.settings).run()?;
        let seen = Seen {
            meter: meter.read(),
            wall_ns: nanoseconds_since(start),
            reading_ns: 0,
        };
        Ok((ended, seen))
    }
}

/// CPU time of reading all records of the recording and doing nothing with them.
fn read_through(path: &Path) -> Result<u64, SourceError> {
    let failed = |error| SourceError::from(recording::Error::from(error));
    let mut reader = Reader::open(path).map_err(failed)?;
    let before = thread_nanoseconds();
    while let Some(frame) = reader.next_frame().map_err(failed)? {
        std::hint::black_box(frame);
    }
    Ok(thread_nanoseconds() - before)
}

fn nanoseconds_since(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX)
}
