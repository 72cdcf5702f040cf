//! The progress of a run: a line on a terminal while it runs, and a summary at its end.

mod phase;
mod privacy;
mod terminal;
mod worker;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanCount};

use self::phase::Happenings;
pub(crate) use self::phase::{FailedRecord, Phase};
pub(crate) use self::privacy::PrivacyCounts;
use self::terminal::Line;
pub(super) use self::terminal::without_the_line;
use self::worker::UNKNOWN;
pub(crate) use self::worker::{CALL_SECONDS, Calls, WorkerProgress};
use crate::journal::failure_kind::FailureKind;
use crate::journal::offsets::{Partition, ReadAhead};
use crate::journal::plan::{Kind, Output};
use crate::observe::history::History;
use crate::text::{self, plural};

/// The interval between checks for the end of the workers.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// The interval at which the line is drawn.
const DRAW_EVERY: Duration = Duration::from_millis(200);
/// The interval between two lines of the log that say how far the run is, where there is no terminal.
const LOG_EVERY: Duration = Duration::from_mins(1);

/// The counters of a run.
#[derive(Debug)]
pub(crate) struct Progress {
    /// The beginning of the line.
    title: String,
    started: Instant,
    workers: Vec<Arc<WorkerProgress>>,
    /// Failed records by their kind, once that is durable.
    failures: [AtomicU64; FailureKind::ALL.len()],
    dead_letters: AtomicU64,
    /// Failed records that the log named.
    named: AtomicU64,
    happenings: Happenings,
    /// What is held back from plugins, if anything is.
    privacy: Option<Arc<PrivacyCounts>>,
    /// The outputs with the rows that were made durable.
    outputs: Vec<OutputProgress>,
}

/// An output, with its rows that were made durable and their encoded bytes.
#[derive(Debug)]
struct OutputProgress {
    name: String,
    is_text: bool,
    rows: AtomicU64,
    bytes: AtomicU64,
}

impl Progress {
    /// Counters for a number of workers and for the rows of these outputs; starts the clock.
    #[must_use]
    pub(crate) fn new(workers: usize, outputs: &[Output]) -> Self {
        Self {
            title: String::new(),
            started: Instant::now(),
            workers: (0..workers).map(|_| Arc::default()).collect(),
            failures: Default::default(),
            dead_letters: 0.into(),
            named: 0.into(),
            happenings: Happenings::default(),
            privacy: None,
            outputs: outputs
                .iter()
                .map(|output| OutputProgress {
                    name: output.name.clone(),
                    is_text: output.kind == Kind::Text,
                    rows: 0.into(),
                    bytes: 0.into(),
                })
                .collect(),
        }
    }

    /// The same, for a run that is one of several: its line begins with `title`.
    #[must_use]
    pub(crate) fn titled(self, title: String) -> Self {
        Self { title, ..self }
    }

    /// The same, for a run that holds something back.
    #[must_use]
    pub(crate) fn holding_back(self, privacy: Option<Arc<PrivacyCounts>>) -> Self {
        Self { privacy, ..self }
    }

    /// What is held back from plugins, if anything is.
    pub(crate) fn privacy(&self) -> Option<&PrivacyCounts> {
        self.privacy.as_deref()
    }

    fn privacy_text(&self) -> String {
        self.privacy().map_or_else(String::new, PrivacyCounts::text)
    }

    /// The counters of one worker.
    #[must_use]
    pub(crate) fn worker(&self, number: usize) -> Arc<WorkerProgress> {
        Arc::clone(&self.workers[number])
    }

    /// Counts failed records of one kind.
    pub(crate) fn count_failures(&self, kind: FailureKind, records: u64) {
        self.failures[kind as usize].fetch_add(records, Ordering::Relaxed);
    }

    /// Counts dead letters that were made durable.
    pub(crate) fn count_dead_letters(&self, letters: u64) {
        self.dead_letters.fetch_add(letters, Ordering::Relaxed);
    }

    /// Counts a failed record that the log may name, and returns the number of those before.
    pub(crate) fn count_named(&self) -> u64 {
        self.named.fetch_add(1, Ordering::Relaxed)
    }

    /// The names of the kinds of failures, and the records that failed so.
    pub(crate) fn failures_by_kind(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let kinds = FailureKind::ALL.into_iter().zip(&self.failures);
        kinds.map(|(kind, count)| (kind.name(), count.load(Ordering::Relaxed)))
    }

    /// Dead letters that were made durable.
    pub(crate) fn dead_letters(&self) -> u64 {
        self.dead_letters.load(Ordering::Relaxed)
    }

    /// Failed records that do not come again.
    #[must_use]
    pub(crate) fn failures(&self) -> u64 {
        let counts = self.failures.iter();
        counts.map(|count| count.load(Ordering::Relaxed)).sum()
    }

    /// What has happened to the run besides its progress.
    pub(crate) fn happenings(&self) -> &Happenings {
        &self.happenings
    }

    /// The workers.
    pub(crate) fn workers(&self) -> impl Iterator<Item = &WorkerProgress> {
        self.workers.iter().map(|worker| &**worker)
    }

    /// The time of all workers by the stage that it went to.
    pub(crate) fn stages(&self) -> [(&'static str, Duration); 3] {
        let mut stages = [
            ("poll", Duration::ZERO),
            ("call", Duration::ZERO),
            ("write", Duration::ZERO),
        ];
        for worker in &self.workers {
            for ((_, sum), time) in stages.iter_mut().zip(worker.stages()) {
                *sum += time;
            }
        }
        stages
    }

    /// The bytes that were read, and all bytes, of a recording whose size is known.
    pub(crate) fn file_bytes(&self) -> Option<(u64, u64)> {
        let total = self.sum(|worker| &worker.total_bytes);
        (total > 0).then(|| (self.sum(|worker| &worker.read_bytes), total))
    }

    /// Counts rows that were made durable, and their encoded bytes, by output in the order of the plan.
    pub(crate) fn count_rows(&self, rows_and_bytes: impl Iterator<Item = (u64, u64)>) {
        for (output, (rows, bytes)) in self.outputs.iter().zip(rows_and_bytes) {
            output.rows.fetch_add(rows, Ordering::Relaxed);
            output.bytes.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    /// Shows a line on a terminal until `done`; in a pipe it logs a line each minute. `look` is called a few times per
    /// second.
    pub(crate) fn show_until(&self, mut done: impl FnMut() -> bool, mut look: impl FnMut()) {
        let line = Line::on_terminal();
        let mut history = History::default();
        // One of several runs may be too short to be drawn in the loop.
        if let Some(line) = line.as_ref().filter(|_| !self.title.is_empty()) {
            line.draw(self, &history);
        }
        let mut drawn = Instant::now();
        let mut logged = drawn;
        look();
        while !done() {
            thread::sleep(LOOK_EVERY);
            if drawn.elapsed() < DRAW_EVERY {
                continue;
            }
            drawn = Instant::now();
            look();
            history.look(self);
            match &line {
                Some(line) => line.draw(self, &history),
                None if logged.elapsed() >= LOG_EVERY => {
                    logged = drawn;
                    tracing::info!("{}", self.status_with(history.time_left()));
                }
                None => {}
            }
        }
        // It ends soon after it was asked to.
        look();
        if let Some(line) = line {
            line.clear();
        }
    }

    /// The part that is done and the whole, in bytes of a file or in records, as far as they are known.
    pub(crate) fn part_done(&self) -> Option<(u64, u64)> {
        let of_lag = || {
            let objects = self.objects();
            self.lag().map(|lag| (objects, objects + lag))
        };
        self.file_bytes().or_else(of_lag)
    }

    fn line(&self, left: Option<Duration>) -> String {
        let done = self.part_done().map_or_else(String::new, |(part, whole)| {
            format!(", {} % done", part.saturating_mul(100) / whole.max(1))
        });
        let (counts, left) = (self.counts_text(self.rate()), left_text(left));
        format!("{}{counts}{done}{left}", self.title)
    }

    /// The objects, with this rate a second, and the lag.
    fn counts_text(&self, rate: u64) -> String {
        let objects = self.objects();
        let unit = if objects == 1 { "object" } else { "objects" };
        let lag = self.lag();
        let lag = lag.map_or_else(String::new, |lag| format!(", lag {}", HumanCount(lag)));
        let (objects, rate) = (HumanCount(objects), HumanCount(rate));
        format!("{objects} {unit}, {rate}/s{lag}")
    }

    /// How far the run is, in one line without control characters.
    pub(crate) fn status(&self) -> String {
        self.status_with(None)
    }

    /// The same with the time until nothing is left, where that is known.
    fn status_with(&self, left: Option<Duration>) -> String {
        let mut status = self.line(left);
        let rejections = self.rejections();
        if rejections > 0 {
            let rejected = format!(", {} rejected", HumanCount(rejections));
            status.push_str(&rejected);
        }
        status.push_str(&self.privacy_text());
        status.push_str(&self.rows_text());
        if let Some(age) = self.confirmed_for() {
            let confirmed = format!("; last checkpoint confirmed {} s ago", age.as_secs());
            status.push_str(&confirmed);
        }
        status
    }

    fn rows_text(&self) -> String {
        let outputs = self.outputs.iter().enumerate();
        let texts = outputs.map(|(index, output)| {
            let before = if index == 0 { "; rows:" } else { "," };
            let rows = HumanCount(output.rows.load(Ordering::Relaxed));
            format!("{before} {rows} in `{}`", output.name)
        });
        texts.collect()
    }

    /// The number of records left in the workers' partitions, as far as it is known.
    pub(crate) fn lag(&self) -> Option<u64> {
        self.known_sum(|worker| &worker.lag)
    }

    /// The sum of a number of all workers.
    fn sum(&self, of: fn(&WorkerProgress) -> &AtomicU64) -> u64 {
        let numbers = self.workers.iter();
        numbers
            .map(|worker| of(worker).load(Ordering::Relaxed))
            .sum()
    }

    /// The sum of a number of all workers that know it.
    fn known_sum(&self, of: fn(&WorkerProgress) -> &AtomicU64) -> Option<u64> {
        let numbers = self.workers.iter();
        numbers
            .map(|worker| of(worker).load(Ordering::Relaxed))
            .filter(|&number| number != UNKNOWN)
            .reduce(|one, other| one + other)
    }

    /// Records that come again if the process ends now, where there is a group.
    #[must_use]
    pub(crate) fn unconfirmed(&self) -> Option<u64> {
        self.known_sum(|worker| &worker.unconfirmed)
    }

    /// Whether a worker is writing rows.
    #[must_use]
    pub(crate) fn is_writing(&self) -> bool {
        self.workers
            .iter()
            .any(|worker| worker.writing.load(Ordering::Relaxed))
    }

    /// Objects that were processed.
    #[must_use]
    pub(crate) fn objects(&self) -> u64 {
        self.sum(|worker| &worker.objects)
    }

    /// Bytes of their keys and values.
    #[must_use]
    pub(crate) fn bytes(&self) -> u64 {
        self.sum(|worker| &worker.bytes)
    }

    /// Records that were rejected and skipped.
    #[must_use]
    pub(crate) fn rejections(&self) -> u64 {
        self.failures[FailureKind::Rejected as usize].load(Ordering::Relaxed)
    }

    /// The rows of each output that were made durable.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (&str, u64)> {
        let outputs = self.outputs.iter();
        outputs.map(|output| (output.name.as_str(), output.rows.load(Ordering::Relaxed)))
    }

    /// Whether objects were processed, and nothing was printed, which is the only output.
    pub(crate) fn is_without_output(&self) -> bool {
        let [output] = &self.outputs[..] else {
            return false;
        };
        output.is_text && output.rows.load(Ordering::Relaxed) == 0 && self.objects() > 0
    }

    /// The encoded bytes of these rows.
    pub(crate) fn row_bytes(&self) -> impl Iterator<Item = (&str, u64)> {
        let outputs = self.outputs.iter();
        outputs.map(|output| (output.name.as_str(), output.bytes.load(Ordering::Relaxed)))
    }

    /// What the sources of all workers have read ahead, where they say it.
    pub(crate) fn read_ahead(&self) -> Option<ReadAhead> {
        Some(ReadAhead {
            records: self.known_sum(|worker| &worker.ahead_records)?,
            bytes: self.known_sum(|worker| &worker.ahead_bytes)?,
        })
    }

    /// The lag of all workers by topic.
    pub(crate) fn lag_by_topic(&self) -> BTreeMap<Arc<str>, u64> {
        let mut lag = BTreeMap::new();
        for (partition, records) in self.lag_by_partition() {
            *lag.entry(partition.topic).or_default() += records.unwrap_or_default();
        }
        lag
    }

    /// The lag of the partitions of all workers, where their ends are known.
    pub(crate) fn lag_by_partition(&self) -> impl Iterator<Item = (Partition, Option<u64>)> {
        let workers = self.workers.iter();
        workers.flat_map(|worker| worker.lag_by_partition())
    }

    /// The calls of all workers.
    pub(crate) fn calls(&self) -> Calls {
        let mut calls = Calls::default();
        for worker in &self.workers {
            calls.add_all(&worker.calls());
        }
        calls
    }

    /// How often partitions of the workers came or went.
    pub(crate) fn rebalances(&self) -> u64 {
        self.sum(|worker| &worker.rebalances)
    }

    /// How often a partition was read from its beginning again.
    pub(crate) fn partition_restarts(&self) -> u64 {
        self.sum(|worker| &worker.restarts)
    }

    /// The memory of all instances, in bytes, as it was a second ago at most.
    pub(crate) fn guest_memory_bytes(&self) -> u64 {
        self.sum(|worker| &worker.guest_memory)
    }

    /// The partitions of each worker, once they are known.
    pub(crate) fn assigned(&self) -> impl Iterator<Item = Option<u64>> {
        self.workers.iter().map(|worker| worker.assigned())
    }

    /// The time since the last confirmed checkpoint of the worker that has waited longest for one.
    pub(crate) fn confirmed_for(&self) -> Option<Duration> {
        let workers = self.workers.iter();
        workers.filter_map(|worker| worker.confirmed_for()).max()
    }

    /// The longest time for which the loop of a worker has not turned.
    pub(crate) fn still_for(&self) -> Duration {
        let workers = self.workers.iter();
        let longest = workers.filter_map(|worker| worker.still_for()).max();
        longest.unwrap_or_default()
    }

    /// The time for which no broker has been connected to the worker that waits longest; none while all have one.
    pub(crate) fn without_brokers_for(&self) -> Option<Duration> {
        let workers = self.workers.iter();
        workers
            .filter_map(|worker| worker.without_brokers_for())
            .max()
    }

    /// The time since the run started.
    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    fn rate(&self) -> u64 {
        let milliseconds = self.started.elapsed().as_millis().max(1);
        u64::try_from(u128::from(self.objects()) * 1000 / milliseconds).unwrap_or(u64::MAX)
    }
}

/// The time until nothing is left, after other figures.
fn left_text(left: Option<Duration>) -> String {
    left.map_or_else(String::new, |left| {
        format!(", {} left", text::rough_time(left))
    })
}

/// The summary of a run that ended: objects, bytes, seconds, rate, rejections, and the rows of each output.
impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}, {} in {:.1} s: {}/s, {} rejected",
            plural(self.objects(), "object"),
            HumanBytes(self.bytes()),
            self.started.elapsed().as_secs_f64(),
            plural(self.rate(), "object"),
            self.rejections(),
        )?;
        for (kind, records) in self.failures_by_kind().skip(1) {
            if records > 0 {
                write!(f, ", {records} {kind}")?;
            }
        }
        let letters = self.dead_letters();
        if letters > 0 {
            write!(f, "; {letters} dead letters")?;
        }
        f.write_str(&self.privacy_text())?;
        f.write_str(&self.rows_text())
    }
}
