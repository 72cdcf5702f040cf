//! Measures where a worker's CPU time goes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::time::{ClockId, clock_gettime};

/// What a worker's thread is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It takes records from the source into batches.
    Take,
    /// It passes from the host to the guest or back.
    Boundary,
    /// It runs the guest's code.
    Guest,
    /// It adds emitted rows to the held rows.
    Emit,
    /// The rows of a call are held or dropped, or those of a checkpoint are written.
    Sink,
    /// Anything else in the worker's loop.
    Rest,
}

const STAGES: usize = Stage::Rest as usize + 1;

/// Attributes all CPU time of one thread to stages, each nanosecond once.
///
/// It reads the thread's clock when the stage changes, which happens a few times for each call and never for each
/// record. All clones are the same meter; they must be used on one thread.
#[derive(Clone, Debug)]
pub struct Meter(Arc<Mutex<Reading>>);

/// The reading of a meter.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    nanoseconds: [u64; STAGES],
    stage: Stage,
    since: u64,
    /// The number of times that the clock was read.
    pub clock_reads: u64,
    /// The peak of the guest's linear memory, in bytes.
    pub guest_memory_bytes: usize,
}

impl Reading {
    fn at(now: u64) -> Self {
        Self {
            nanoseconds: [0; STAGES],
            stage: Stage::Rest,
            since: now,
            clock_reads: 1,
            guest_memory_bytes: 0,
        }
    }

    /// The CPU time of a stage, in nanoseconds.
    #[must_use]
    pub fn of(&self, stage: Stage) -> u64 {
        self.nanoseconds[stage as usize]
    }

    /// The CPU time of all stages, in nanoseconds.
    #[cfg(test)]
    pub(crate) fn total(&self) -> u64 {
        self.nanoseconds.iter().sum()
    }

    fn pass_to(&mut self, stage: Stage, now: u64) -> Stage {
        self.nanoseconds[self.stage as usize] += now.saturating_sub(self.since);
        self.since = now;
        self.clock_reads += 1;
        std::mem::replace(&mut self.stage, stage)
    }
}

impl Default for Meter {
    fn default() -> Self {
        Self::new()
    }
}

impl Meter {
    /// A meter of this thread, whose stage is [`Stage::Rest`].
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Reading::at(thread_nanoseconds()))))
    }

    /// Passes the thread to another stage; returns the previous one.
    pub fn pass_to(&self, stage: Stage) -> Stage {
        self.locked().pass_to(stage, thread_nanoseconds())
    }

    /// Runs `work` in this stage, and returns to the previous one.
    pub fn within<T>(&self, stage: Stage, work: impl FnOnce() -> T) -> T {
        let before = self.pass_to(stage);
        let done = work();
        self.pass_to(before);
        done
    }

    /// Records the current size of the guest's linear memory.
    pub fn note_guest_memory(&self, bytes: usize) {
        let mut reading = self.locked();
        reading.guest_memory_bytes = reading.guest_memory_bytes.max(bytes);
    }

    /// The measurements so far.
    #[must_use]
    pub fn read(&self) -> Reading {
        self.within(Stage::Rest, || *self.locked())
    }

    fn locked(&self) -> MutexGuard<'_, Reading> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The CPU time of this thread so far, in nanoseconds. The time of other processes does not count.
#[must_use]
pub(crate) fn thread_nanoseconds() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    seconds * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_nanosecond_belongs_to_one_stage() {
        let mut reading = Reading::at(100);
        assert_eq!(reading.pass_to(Stage::Take, 107), Stage::Rest);
        assert_eq!(reading.pass_to(Stage::Guest, 127), Stage::Take);
        assert_eq!(reading.pass_to(Stage::Take, 427), Stage::Guest);
        reading.pass_to(Stage::Rest, 430);
        let of = |stage| reading.of(stage);
        assert_eq!(
            (of(Stage::Rest), of(Stage::Take), of(Stage::Guest)),
            (7, 23, 300)
        );
        assert_eq!(reading.total(), 330);
        assert_eq!(reading.clock_reads, 5);
    }

    #[test]
    fn work_within_a_stage_leads_back_to_the_stage_before() {
        let meter = Meter::new();
        meter.pass_to(Stage::Guest);
        let inner = meter.within(Stage::Emit, || meter.pass_to(Stage::Emit));
        assert_eq!(inner, Stage::Emit);
        assert_eq!(meter.pass_to(Stage::Rest), Stage::Guest);
    }

    #[test]
    fn guest_memory_is_the_most_that_was_noted() {
        let meter = Meter::new();
        for bytes in [1, 3, 2] {
            meter.note_guest_memory(bytes);
        }
        assert_eq!(meter.read().guest_memory_bytes, 3);
    }

    #[test]
    fn meter_shows_all_that_the_thread_took() {
        let before = thread_nanoseconds();
        let meter = Meter::new();
        let sum = meter.within(Stage::Guest, || (0..1_000_000_u64).fold(0, |a, b| a ^ b));
        std::hint::black_box(sum);
        let reading = meter.read();
        let elapsed = thread_nanoseconds() - before;
        assert!(reading.total() <= elapsed);
        assert!(reading.of(Stage::Guest) > 0);
    }
}
