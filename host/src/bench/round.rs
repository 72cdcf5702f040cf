//! One round: all records of the recording through a new instance of a processor.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use journal_recording::Reader;
use serde::Serialize;

use super::metered::{MeteredSink, metered};
use super::{Error, Parts};
use crate::config::DEFAULT_BATCH_RECORDS;
use crate::config::memory::USUAL_HELD;
use crate::journal::batch::{Batches, Columns};
use crate::journal::offsets::NoStore;
use crate::journal::plan::Plan;
use crate::journal::topics::{ObjectTypes, Privileged, Subscription};
use crate::observe::meter::{Meter, Reading, thread_nanoseconds};
use crate::observe::progress::{Progress, WorkerProgress};
use crate::pipeline::quota::RecordQuota;
use crate::pipeline::reopen::Reopen;
use crate::pipeline::stop::Stop;
use crate::pipeline::{
    Deadlines, Ended, FailurePolicy, Finished, OnFailure, OutputBindings, ProcessorSettings,
    SandboxedProcessor, StartRules, Worker, WorkerError, WorkerParts, WorkerSettings, run_workers,
};
use crate::privacy::Privacy;
use crate::sandbox::{Limits, Plugin, Processor};
use crate::sink::{RowLimits, Sink, jsonl};
use crate::source::local::{self, Local, LocalSource};
use crate::source::recording;
use crate::source::{BatchLimits, Event, Source, SourceError};

/// The file that drops the sink's lines.
const NULL_DEVICE: &str = "/dev/null";

/// The processor that is measured.
pub(crate) struct Subject {
    /// The plugin.
    pub plugin: Arc<Plugin>,
    /// Its options, as JSON.
    pub options: Arc<str>,
    /// Its plan.
    pub plan: Arc<Plan>,
    /// The object types that it reads.
    pub object_types: ObjectTypes,
}

/// The conditions that are the same in all rounds.
pub(crate) struct Conditions {
    /// The files or the folder of the source.
    pub name: String,
    /// The source, which each round reads twice.
    pub source: Local,
    /// The prefix of its topics.
    pub prefix: String,
    /// Whether privileged topics are read.
    pub privileged: Privileged,
    /// Whether an object type without a topic is left out.
    pub ignores_missing: bool,
    /// What is held back, if anything is.
    pub privacy: Option<Arc<Privacy>>,
    /// The limits of an instance.
    pub limits: Limits,
    /// The limits of the batches of one call.
    pub batch_limits: BatchLimits,
}

/// The figures of one round.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Round {
    /// Objects that were processed.
    pub objects: u64,
    /// Bytes of their keys and values.
    pub bytes: u64,
    /// Records among them that the processor rejected.
    pub rejected: u64,
    /// Wall time from the first read to the end of the last checkpoint.
    pub wall_ns: u64,
    /// CPU time of the worker in that time: the sum of the parts.
    pub cpu_ns: u64,
    /// The parts of the CPU time.
    pub parts_ns: Parts<u64>,
    /// Wall time of creating the instance and calling `start`, before the first read.
    pub start_ns: u64,
    /// The peak of the guest's linear memory.
    pub guest_memory_bytes: u64,
    /// The number of times that the meter read the clock.
    pub clock_reads: u64,
}

/// The measurements of the worker's thread.
struct Seen {
    wall_ns: u64,
    meter: Reading,
    /// CPU time of reading only the recording, which is measured after the run.
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
    /// Processes the whole recording once; `title` is the title of its progress line.
    ///
    /// # Errors
    /// As for a run, but a rejected record is no error.
    pub(crate) fn round(
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
        let again = self.options(conditions);
        let (sender, receiver) = mpsc::channel();
        let measure = move || {
            let (ended, mut seen) = metered.run()?;
            seen.reading_ns = read_through(&again)?;
            // The receiver exists until this thread has ended.
            let _sent = sender.send(seen);
            Ok(ended)
        };
        let work = Box::new(move || Finished::from(measure()));
        let ended = match run_workers(vec![work], stop, &progress, || {}) {
            Err(WorkerError::NotEnded { .. }) => return Err(Error::Interrupted),
            ended => ended?,
        };
        match receiver.try_recv() {
            Ok(seen) if ended == Ended::EndOfData => seen.round(&progress, start_ns),
            _ => Err(Error::Interrupted),
        }
    }

    fn source(&self, conditions: &Conditions) -> Result<LocalSource, Error> {
        Ok(self.options(conditions).open()?)
    }

    fn options(&self, conditions: &Conditions) -> local::Options {
        local::Options {
            local: conditions.source.clone(),
            subscription: Subscription {
                prefix: conditions.prefix.clone(),
                object_types: self.object_types.clone(),
                privileged: conditions.privileged,
                ignores_missing: conditions.ignores_missing,
                partitions: Vec::new(),
            },
            tombstones: self.plan.tombstones,
            privacy: conditions.privacy.clone(),
            largest_record: conditions.batch_limits.largest_record(),
        }
    }

    /// The sink of a run, which encodes all rows, bound to a file that drops them.
    fn outputs(&self) -> Result<OutputBindings, Error> {
        let outputs = &self.plan.outputs;
        let destinations = jsonl::Destinations::open(&[NULL_DEVICE.to_owned()], outputs)?;
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
        failure: FailurePolicy::only(OnFailure::Count),
        start: StartRules::beginning(),
        reads_again: false,
        deadlines: Deadlines::NONE,
        leaves_a_group: false,
        static_session: None,
        quota: Arc::new(RecordQuota::new(None)),
        stop: stop.clone(),
        reopen: Reopen::default(),
        progress: Arc::clone(progress),
    }
}

/// The parts of a round's worker.
struct Metered {
    source: LocalSource,
    processor: Processor,
    processor_settings: ProcessorSettings,
    outputs: OutputBindings,
    settings: WorkerSettings,
    counters: Arc<WorkerProgress>,
}

impl Metered {
    /// Runs a worker on this thread with a meter.
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
            source: Box::new(metered(self.source, meter.clone())),
            store: Box::new(NoStore::default()),
            processor: Box::new(SandboxedProcessor::new(processor, self.processor_settings)),
            sinks: sinks.collect(),
            letters: None,
            membership: None,
            ends: None,
            counters: self.counters,
            number: 0,
        };
        let ended = Worker::new(parts, self.settings).run().leave()?;
        let seen = Seen {
            meter: meter.read(),
            wall_ns: nanoseconds_since(start),
            reading_ns: 0,
        };
        Ok((ended, seen))
    }
}

/// CPU time of reading all records and ignoring them.
fn read_through(options: &local::Options) -> Result<u64, SourceError> {
    match &options.local {
        Local::Recordings(files) => {
            let times = files.iter().map(|file| read_recording(file));
            times.sum()
        }
        Local::Git(_) | Local::Dataset(_) => read_source(options),
    }
}

/// The same of a source of which only the batches are seen. Without columns they are hardly gathered.
fn read_source(options: &local::Options) -> Result<u64, SourceError> {
    let mut source = options.open()?;
    let limits = BatchLimits {
        records: DEFAULT_BATCH_RECORDS,
        bytes: usize::MAX,
        memory_limit_bytes: options.largest_record.saturating_mul(2),
    };
    let mut batches = Batches::new(Columns::NONE);
    let before = thread_nanoseconds();
    source.begin()?;
    while source.poll(&mut batches, limits, None, Duration::ZERO)? != Event::End {
        batches.clear();
    }
    Ok(thread_nanoseconds() - before)
}

fn read_recording(path: &Path) -> Result<u64, SourceError> {
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
