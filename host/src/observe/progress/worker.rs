//! One worker's counters, which other threads read.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::journal::batch::Batches;
use crate::journal::offsets::{Partition, ReadAhead, Remaining};

/// The value of an unknown number.
pub(super) const UNKNOWN: u64 = u64::MAX;
/// The upper bounds of the times of calls that are counted apart, in seconds.
pub(crate) const CALL_SECONDS: [f64; 9] = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0];

/// The counters of one worker.
#[derive(Debug)]
pub(crate) struct WorkerProgress {
    /// The beginning of its times.
    created: Instant,
    pub(super) objects: AtomicU64,
    pub(super) bytes: AtomicU64,
    pub(super) lag: AtomicU64,
    lag_by_partition: Mutex<BTreeMap<Partition, Option<u64>>>,
    /// Bytes of a recording that were read.
    pub(super) read_bytes: AtomicU64,
    /// Bytes of the recording; 0 where unknown.
    pub(super) total_bytes: AtomicU64,
    /// Records that were read and whose commit is not confirmed; unknown where there is no group.
    pub(super) unconfirmed: AtomicU64,
    /// Whether it is writing rows.
    pub(super) writing: AtomicBool,
    /// When its loop turned last, in milliseconds; unknown before and after its work.
    turned: AtomicU64,
    /// When a checkpoint was confirmed last, in milliseconds.
    confirmed: AtomicU64,
    /// The partitions that it has; unknown before its source gave it any, or said that there are none for it.
    assigned: AtomicU64,
    /// How often partitions came or went.
    pub(super) rebalances: AtomicU64,
    /// How often a partition was read from its beginning again.
    pub(super) restarts: AtomicU64,
    /// The memory of its instance, in bytes.
    pub(super) guest_memory: AtomicU64,
    /// Records, and their bytes, that its source has read ahead; unknown where the source does not say it.
    pub(super) ahead_records: AtomicU64,
    pub(super) ahead_bytes: AtomicU64,
    /// When it lost its last broker, in milliseconds; unknown while one is connected.
    without_brokers: AtomicU64,
    calls: Mutex<Calls>,
    /// The time that it waited for records and took them from the source, in nanoseconds.
    polled: AtomicU64,
    /// The time that it wrote rows, in nanoseconds.
    wrote: AtomicU64,
}

/// The calls into the processor and how long they took by the clock.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Calls {
    /// Their number.
    pub(crate) count: u64,
    /// The time of all of them.
    pub(crate) time: Duration,
    /// How many took no longer than each of [`CALL_SECONDS`] and longer than the one before it.
    pub(crate) within: [u64; CALL_SECONDS.len()],
}

impl Calls {
    fn add(&mut self, time: Duration) {
        self.count += 1;
        self.time += time;
        let seconds = time.as_secs_f64();
        if let Some(index) = CALL_SECONDS.iter().position(|&bound| seconds <= bound) {
            self.within[index] += 1;
        }
    }

    /// Adds the calls of another worker.
    pub(crate) fn add_all(&mut self, other: &Self) {
        self.count += other.count;
        self.time += other.time;
        for (count, more) in self.within.iter_mut().zip(other.within) {
            *count += more;
        }
    }
}

impl Default for WorkerProgress {
    fn default() -> Self {
        Self {
            created: Instant::now(),
            objects: 0.into(),
            bytes: 0.into(),
            lag: UNKNOWN.into(),
            lag_by_partition: Mutex::default(),
            read_bytes: 0.into(),
            total_bytes: 0.into(),
            unconfirmed: UNKNOWN.into(),
            writing: false.into(),
            turned: UNKNOWN.into(),
            confirmed: UNKNOWN.into(),
            assigned: UNKNOWN.into(),
            rebalances: 0.into(),
            restarts: 0.into(),
            guest_memory: 0.into(),
            without_brokers: UNKNOWN.into(),
            ahead_records: UNKNOWN.into(),
            ahead_bytes: UNKNOWN.into(),
            calls: Mutex::default(),
            polled: 0.into(),
            wrote: 0.into(),
        }
    }
}

impl WorkerProgress {
    /// Counts batches that were processed by a call of this time.
    pub(crate) fn count(&self, batches: &Batches, call: Duration) {
        self.add(batches.records() as u64, batches.bytes() as u64);
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.add(call);
    }

    /// Counts time that it waited for records and took them from the source.
    pub(crate) fn add_polled(&self, time: Duration) {
        add_time(&self.polled, time);
    }

    /// Counts time that it wrote rows.
    pub(crate) fn add_wrote(&self, time: Duration) {
        add_time(&self.wrote, time);
    }

    /// Counts records and their bytes.
    pub(crate) fn add(&self, records: u64, bytes: u64) {
        self.objects.fetch_add(records, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts partitions that are read from their beginning again.
    pub(crate) fn count_restarts(&self, partitions: u64) {
        self.restarts.fetch_add(partitions, Ordering::Relaxed);
    }

    /// Records how many records come again if the process ends now.
    pub(crate) fn show_unconfirmed(&self, records: u64) {
        self.unconfirmed.store(records, Ordering::Relaxed);
    }

    /// Records whether the worker is writing rows.
    pub(crate) fn show_writing(&self, writing: bool) {
        self.writing.store(writing, Ordering::Relaxed);
    }

    /// Records that the worker's loop turns.
    pub(crate) fn show_turn(&self) {
        self.turned.store(self.now(), Ordering::Relaxed);
    }

    /// Records that the worker has ended, so that it turns no more.
    pub(crate) fn show_ended(&self) {
        self.turned.store(UNKNOWN, Ordering::Relaxed);
    }

    /// Records that a checkpoint is confirmed.
    pub(crate) fn show_confirmed(&self) {
        self.confirmed.store(self.now(), Ordering::Relaxed);
    }

    /// Records how many partitions the worker has now.
    pub(crate) fn show_assigned(&self, partitions: usize) {
        self.assigned.store(partitions as u64, Ordering::Relaxed);
    }

    /// Records the memory of its instance, in bytes.
    pub(crate) fn show_guest_memory(&self, bytes: u64) {
        self.guest_memory.store(bytes, Ordering::Relaxed);
    }

    /// Records what its source has read ahead, if that is known.
    pub(crate) fn show_read_ahead(&self, ahead: Option<ReadAhead>) {
        if let Some(ReadAhead { records, bytes }) = ahead {
            self.ahead_records.store(records, Ordering::Relaxed);
            self.ahead_bytes.store(bytes, Ordering::Relaxed);
        }
    }

    /// Records since when no broker has been connected to it, if none is.
    pub(crate) fn show_without_brokers(&self, since: Option<Instant>) {
        let since = since.map(|since| milliseconds(since.duration_since(self.created)));
        self.without_brokers
            .store(since.unwrap_or(UNKNOWN), Ordering::Relaxed);
    }

    /// Counts a change of the worker's partitions.
    pub(crate) fn count_rebalance(&self) {
        self.rebalances.fetch_add(1, Ordering::Relaxed);
    }

    /// Records what is left to read.
    pub(crate) fn show_remaining(&self, remaining: Remaining) {
        match remaining {
            Remaining::Unknown => {}
            Remaining::Records(records) => self.lag.store(records, Ordering::Relaxed),
            Remaining::ByPartition(partitions) => {
                // A source that knows its topics is a member of its group, which may have nothing for it.
                let _known = self.assigned.compare_exchange(
                    UNKNOWN,
                    0,
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                );
                let sum = partitions.values().flatten().sum();
                self.lag.store(sum, Ordering::Relaxed);
                let lag = self.lag_by_partition.lock();
                *lag.unwrap_or_else(PoisonError::into_inner) = partitions;
            }
            Remaining::Bytes { read, total } => {
                self.read_bytes.store(read, Ordering::Relaxed);
                self.total_bytes.store(total, Ordering::Relaxed);
            }
        }
    }

    /// The time of each stage so far: polling, calls and writing.
    pub(super) fn stages(&self) -> [Duration; 3] {
        let time = |time: &AtomicU64| Duration::from_nanos(time.load(Ordering::Relaxed));
        [time(&self.polled), self.calls().time, time(&self.wrote)]
    }

    /// How long its loop has not turned; none before and after its work.
    pub(super) fn still_for(&self) -> Option<Duration> {
        self.since(&self.turned)
    }

    /// The time since the last checkpoint that was confirmed.
    pub(super) fn confirmed_for(&self) -> Option<Duration> {
        self.since(&self.confirmed)
    }

    /// The time for which no broker has been connected to it; none while one is.
    pub(super) fn without_brokers_for(&self) -> Option<Duration> {
        self.since(&self.without_brokers)
    }

    /// The number of its partitions, once it is known.
    pub(crate) fn assigned(&self) -> Option<u64> {
        known(&self.assigned)
    }

    /// The lag of each of its partitions, where their ends are known.
    pub(crate) fn lag_by_partition(&self) -> BTreeMap<Partition, Option<u64>> {
        let lag = self.lag_by_partition.lock();
        lag.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Its calls so far.
    pub(super) fn calls(&self) -> Calls {
        *self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u64 {
        milliseconds(self.created.elapsed())
    }

    fn since(&self, time: &AtomicU64) -> Option<Duration> {
        let time = known(time)?;
        Some(Duration::from_millis(self.now().saturating_sub(time)))
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(UNKNOWN)
}

fn add_time(sum: &AtomicU64, time: Duration) {
    let time = u64::try_from(time.as_nanos()).unwrap_or_default();
    sum.fetch_add(time, Ordering::Relaxed);
}

fn known(number: &AtomicU64) -> Option<u64> {
    let number = number.load(Ordering::Relaxed);
    (number != UNKNOWN).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_in_the_narrowest_bound() {
        let mut calls = Calls::default();
        for ms in [1, 2, 3, 20_000] {
            calls.add(Duration::from_millis(ms));
        }
        assert_eq!(calls.count, 4);
        assert_eq!(calls.time, Duration::from_millis(20_006));
        assert_eq!(calls.within, [1, 2, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn nothing_is_known_of_a_worker_that_has_not_begun_or_has_ended() {
        let worker = WorkerProgress::default();
        assert_eq!(worker.still_for(), None);
        assert_eq!(worker.confirmed_for(), None);
        assert_eq!(worker.assigned(), None);
        worker.show_turn();
        worker.show_assigned(0);
        assert!(worker.still_for().is_some());
        assert_eq!(worker.assigned(), Some(0));
        worker.show_ended();
        assert_eq!(worker.still_for(), None);
    }
}
