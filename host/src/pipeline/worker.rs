//! One worker's loop: take, process, checkpoint, commit.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::failure::{CallPlace, RecordPlace, WorkerError};
use super::stop::Stop;
use crate::journal::batch::Batches;
use crate::observe::progress::{Progress, WorkerProgress};
use crate::sandbox::{Limits, Plan, Plugin, Processor, Rejection};
use crate::sink::SinkError;
use crate::source::{Event, Source, Wait};

/// How long one `take` waits for records: also how late a signal is noticed by an idle worker.
const TAKE_WAIT: Duration = Duration::from_millis(100);
/// How many skipped records are told one by one.
const TOLD_REJECTIONS: u64 = 100;

/// What becomes of a record that the processor rejects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnBadRecord {
    /// The run ends, and nothing since the last checkpoint counts.
    Stop,
    /// It is told, counted and passed over.
    Skip,
    /// It is counted and passed over, and nothing is said.
    Count,
}

/// What all workers of a run have in common.
#[derive(Clone)]
pub struct WorkerSettings {
    /// The plugin, for a fresh instance after a lost assignment.
    pub plugin: Arc<Plugin>,
    /// Its options, as JSON.
    pub options: Arc<str>,
    /// What it answered to `start`.
    pub plan: Arc<Plan>,
    /// What bounds an instance.
    pub limits: Limits,
    /// Held rows from here on make a checkpoint due, in bytes.
    pub held_bytes: usize,
    /// Memory that batches may keep from one call to the next, in bytes: any where it is absent.
    pub kept_batches_bytes: Option<usize>,
    /// The longest time between two checkpoints; without it, only the end and the bound of held
    /// rows make one.
    pub checkpoint_interval: Option<Duration>,
    /// What becomes of rejected records.
    pub on_bad_record: OnBadRecord,
    /// The request to end.
    pub stop: Stop,
    /// The counters of the run.
    pub progress: Arc<Progress>,
}

/// How a worker ended, from the most ordinary way on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ended {
    /// There was nothing left to read.
    EndOfData,
    /// It was asked to.
    Stopped,
    /// The reader of its output went away.
    ReaderGone,
}

/// One consumer and one processor instance.
pub struct Worker<S> {
    source: S,
    processor: Processor,
    settings: WorkerSettings,
    counters: Arc<WorkerProgress>,
    batches: Batches,
    /// Whether a `process` call returned since the last checkpoint.
    processed: bool,
    checkpointed: Instant,
}

impl<S: Source> Worker<S> {
    /// A worker whose processor is started and bound to its sink.
    #[must_use]
    pub fn new(
        source: S,
        processor: Processor,
        settings: WorkerSettings,
        counters: Arc<WorkerProgress>,
    ) -> Self {
        let batches = Batches::new(settings.plan.columns);
        Self {
            source,
            processor,
            settings,
            counters,
            batches,
            processed: false,
            checkpointed: Instant::now(),
        }
    }

    /// Works until the data or the run ends, and leaves the source in any case.
    ///
    /// # Errors
    /// What ends the run. Nothing since the last checkpoint is written or committed then.
    pub fn run(mut self) -> Result<Ended, WorkerError> {
        let result = self.consume();
        if !matches!(result, Ok(Ended::EndOfData)) {
            // Before leaving, which waits for the workers that leave together with this one.
            self.settings.stop.request();
        }
        self.source.close();
        match result {
            Err(WorkerError::Sink(SinkError::ReaderGone)) => Ok(Ended::ReaderGone),
            result => result,
        }
    }

    fn consume(&mut self) -> Result<Ended, WorkerError> {
        loop {
            if self.settings.stop.requested() {
                self.checkpoint(Wait::Confirmed)?;
                return Ok(Ended::Stopped);
            }
            self.batches.clear();
            if let Some(kept) = self.settings.kept_batches_bytes {
                self.batches.keep_at_most(kept);
            }
            match self.source.take(&mut self.batches, TAKE_WAIT)? {
                Event::Records => self.process()?,
                Event::Drained => {
                    self.checkpoint(Wait::No)?;
                }
                Event::Revoking => {
                    self.checkpoint(Wait::Confirmed)?;
                    self.source.release()?;
                }
                Event::Lost => self.lose()?,
                Event::End if self.checkpoint(Wait::Confirmed)? => return Ok(Ended::EndOfData),
                // What was lost at the last moment is not done: the group has it again.
                Event::End | Event::Idle => {}
            }
            if self.checkpoint_is_due() {
                self.checkpoint(Wait::No)?;
            }
        }
    }

    fn process(&mut self) -> Result<(), WorkerError> {
        let batches = self.batches.as_slice();
        let rejections = self
            .processor
            .process(batches)
            .map_err(|source| WorkerError::Call {
                call: "process",
                place: CallPlace::of(batches),
                source,
            })?;
        self.processed = true;
        self.counters.count(&self.batches);
        for rejection in rejections {
            self.reject(&rejection)?;
        }
        Ok(())
    }

    fn reject(&self, rejection: &Rejection) -> Result<(), WorkerError> {
        let place = RecordPlace::of(self.batches.as_slice(), rejection);
        if self.settings.on_bad_record == OnBadRecord::Stop {
            let reason = rejection.reason.clone();
            return Err(WorkerError::Rejected { place, reason });
        }
        let before = self.settings.progress.count_rejection();
        if self.settings.on_bad_record == OnBadRecord::Count {
            return Ok(());
        }
        if before < TOLD_REJECTIONS {
            tracing::warn!("skipped {place}: {}", rejection.reason);
        } else if before == TOLD_REJECTIONS {
            tracing::warn!("more records were skipped: they are counted and no longer told");
        }
        Ok(())
    }

    fn checkpoint_is_due(&mut self) -> bool {
        let interval = self.settings.checkpoint_interval;
        interval.is_some_and(|interval| self.checkpointed.elapsed() >= interval)
            || self.processor.sink().held_bytes() >= self.settings.held_bytes
    }

    /// Outputs first, offsets after them: what is committed is durable. False when the records since
    /// the last checkpoint were lost instead.
    fn checkpoint(&mut self, wait: Wait) -> Result<bool, WorkerError> {
        if self.processed {
            if !self.source.keep_alive()? {
                self.lose()?;
                return Ok(false);
            }
            self.processor
                .checkpoint()
                .map_err(|source| WorkerError::Call {
                    call: "checkpoint",
                    place: CallPlace::none(),
                    source,
                })?;
            if !self.source.keep_alive()? {
                self.lose()?;
                return Ok(false);
            }
            self.processor.sink().flush()?;
            self.processed = false;
        }
        self.checkpointed = Instant::now();
        self.source.commit(wait)?;
        Ok(true)
    }

    /// Another worker has the records since the last checkpoint now.
    fn lose(&mut self) -> Result<(), WorkerError> {
        self.start_over()?;
        Ok(self.source.release()?)
    }

    /// Drops the instance with all that it held and emitted.
    fn start_over(&mut self) -> Result<(), WorkerError> {
        let settings = &self.settings;
        // Before another instance takes as much again.
        let mut sink = self.processor.into_sink();
        sink.discard();
        let started = Processor::start(&settings.plugin, &settings.options, settings.limits);
        let (fresh, plan) = started.map_err(|source| WorkerError::Call {
            call: "start",
            place: CallPlace::none(),
            source,
        })?;
        if plan != *settings.plan {
            return Err(WorkerError::OtherPlan);
        }
        self.processor = fresh;
        self.processor.bind(sink);
        self.processed = false;
        Ok(())
    }
}
