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
use crate::journal::topics::{ObjectTypes, Subscription};
use crate::observe::meter::{Meter, Reading, thread_nanoseconds};
use crate::observe::progress::{Progress, WorkerProgress};
use crate::pipeline::quota::RecordQuota;
use crate::pipeline::stop::Stop;
use crate::pipeline::{Ended, OnBadRecord, Worker, WorkerError, WorkerSettings, run_workers};
use crate::sandbox::{Limits, Plan, Plugin, Processor};
use crate::sink::{Sink, aggregate, jsonl};
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
        let progress = Arc::new(Progress::new(1).titled(title));
        let source = self.source(conditions, &progress)?;
        let sink = self.sink(conditions.limits)?;
        let settings = self.settings(conditions.limits, stop, &progress);
        let counters = progress.worker(0);
        let path = conditions.recording.clone();
        let (tell, told) = mpsc::channel();
        let work = move || {
            let (ended, mut seen) = metered(source, processor, sink, settings, counters)?;
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

    fn source(&self, conditions: &Conditions, progress: &Progress) -> Result<Recording, Error> {
        let options = recording::Options {
            path: conditions.recording.clone(),
            subscription: Subscription {
                prefix: conditions.prefix.clone(),
                object_types: self.object_types.clone(),
                privileged: conditions.privileged,
            },
            tombstones: self.plan.tombstones,
            limits: conditions.batch_limits,
        };
        let (quota, share) = (
            Arc::new(RecordQuota::new(None)),
            Arc::clone(&progress.share),
        );
        Ok(Recording::open(options, quota, share).map_err(SourceError::from)?)
    }

    /// The sink of a run, which encodes all rows, bound to a place that drops them.
    fn sink(&self, limits: Limits) -> Result<Box<dyn Sink>, Error> {
        let outputs = &self.plan.outputs;
        let places = jsonl::Destinations::open(&[NOWHERE.to_owned()], outputs, limits.emit_bytes)?;
        Ok(aggregate::before(places.sink(), outputs, limits.emit_bytes))
    }

    fn settings(&self, limits: Limits, stop: &Stop, progress: &Arc<Progress>) -> WorkerSettings {
        WorkerSettings {
            plugin: Arc::clone(&self.plugin),
            options: Arc::clone(&self.options),
            plan: Arc::clone(&self.plan),
            limits,
            held_bytes: USUAL_HELD,
            kept_batches_bytes: None,
            checkpoint_interval: None,
            on_bad_record: OnBadRecord::Count,
            stop: stop.clone(),
            progress: Arc::clone(progress),
        }
    }
}

/// Runs a worker on this thread with a meter on.
fn metered(
    source: Recording,
    mut processor: Processor,
    sink: Box<dyn Sink>,
    settings: WorkerSettings,
    counters: Arc<WorkerProgress>,
) -> Result<(Ended, Seen), WorkerError> {
    let start = Instant::now();
    let meter = Meter::new();
    processor.measure(&meter);
    processor.bind(Box::new(MeteredSink {
        sink,
        meter: meter.clone(),
    }));
    let source = MeteredSource {
        source,
        meter: meter.clone(),
    };
    let ended = Worker::new(source, processor, settings, counters).run()?;
    let seen = Seen {
        meter: meter.read(),
        wall_ns: nanoseconds_since(start),
        reading_ns: 0,
    };
    Ok((ended, seen))
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
