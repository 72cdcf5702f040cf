//! The lines that a plugin writes to the operator's log, and their limits.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::bindings::swh::journal::log::Level;

/// Log lines that one call may write.
pub(super) const CALL_LINES: u32 = 1000;
/// Log lines that the whole plugin may write at once after a silence.
const BURST_LINES: u32 = 1000;
/// Log lines of a failed call and its repetitions that are noted.
const NOTED_LINES: usize = 4 * CALL_LINES as usize;
/// The average time between further lines.
const LINE_EVERY: Duration = Duration::from_millis(10);
/// The shortest time between two reports of dropped lines.
const REPORT_EVERY: Duration = Duration::from_secs(1);

/// The log of one plugin, which all its processors share for the time of a run, so that neither more
/// workers nor new instances after failures may write more.
pub(super) struct PluginLog {
    name: String,
    bucket: Mutex<TokenBucket>,
    has_plan: AtomicBool,
    is_silent: AtomicBool,
}

impl PluginLog {
    /// The log of the plugin called `name`, which must not hold control characters.
    pub(super) fn new(name: String) -> Self {
        Self {
            name,
            bucket: Mutex::default(),
            has_plan: AtomicBool::new(false),
            is_silent: AtomicBool::new(false),
        }
    }

    /// Writes nothing from now on.
    pub(super) fn silence(&self) {
        self.is_silent.store(true, Ordering::Relaxed);
    }

    fn is_silent(&self) -> bool {
        self.is_silent.load(Ordering::Relaxed)
    }

    /// Whether no instance had a plan before, so that warnings about it are new.
    pub(super) fn is_first_plan(&self) -> bool {
        !self.has_plan.swap(true, Ordering::Relaxed)
    }

    /// Counts a line, which is number `line` of its call (from 1), and returns whether it may be written.
    pub(super) fn may_write(&self, line: u32) -> bool {
        self.with_bucket(|bucket| bucket.admit(line, Instant::now()))
    }

    /// Writes a line, which must not hold control characters. The name comes first, so that nothing that the guest
    /// writes can pass for it.
    pub(super) fn write(&self, level: Level, line: &str) {
        if self.is_silent() {
            return;
        }
        let name = &self.name;
        match level {
            Level::Error => tracing::error!(target: "plugin", "`{name}`: {line}"),
            Level::Warn => tracing::warn!(target: "plugin", "`{name}`: {line}"),
            Level::Info => tracing::info!(target: "plugin", "`{name}`: {line}"),
            Level::Debug => tracing::debug!(target: "plugin", "`{name}`: {line}"),
        }
    }

    /// Reports how many lines were dropped, unless it did so a moment ago.
    pub(super) fn report_dropped(&self) {
        self.warn_dropped(self.with_bucket(|bucket| bucket.take_dropped(Instant::now())));
    }

    fn warn_dropped(&self, dropped: u64) {
        if dropped > 0 && !self.is_silent() {
            tracing::warn!(
                target: "plugin",
                "`{}`: dropped {dropped} log lines: one call may write {CALL_LINES}, and all calls \
                 {} a second",
                self.name,
                Duration::from_secs(1).as_millis() / LINE_EVERY.as_millis(),
            );
        }
    }

    fn with_bucket<R>(&self, work: impl FnOnce(&mut TokenBucket) -> R) -> R {
        work(&mut self.bucket.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for PluginLog {
    fn drop(&mut self) {
        self.warn_dropped(self.with_bucket(|bucket| bucket.dropped));
    }
}

/// What a call has logged. After a failure the host repeats the call, often several times with fewer records, and the
/// lines that come again are not written again.
#[derive(Debug, Default)]
pub(crate) struct LoggedLines {
    /// Digests of the lines, of no more than some calls.
    lines: HashSet<u64>,
    is_repeating: bool,
    /// Whether the call has logged nothing new so far.
    is_silent: bool,
}

impl LoggedLines {
    /// Says whether further calls repeat the last one.
    pub(super) fn set_repeating(&mut self, is_repeating: bool) {
        self.is_repeating = is_repeating;
    }

    /// Begins a call.
    pub(super) fn begin(&mut self) {
        if !self.is_repeating {
            self.lines.clear();
        }
        self.is_silent = self.is_repeating;
    }

    /// Notes a line, and returns whether it is to be written. After the first new line of a call all others are, so that
    /// another traceback is not written with gaps.
    pub(super) fn note(&mut self, level: Level, line: &str) -> bool {
        let mut hasher = DefaultHasher::new();
        (level as u8, line).hash(&mut hasher);
        let digest = hasher.finish();
        let is_known = self.lines.contains(&digest);
        if self.lines.len() < NOTED_LINES {
            self.lines.insert(digest);
        }
        self.is_silent &= is_known;
        !self.is_silent
    }
}

/// A bucket of lines that fills up with time.
#[derive(Default)]
struct TokenBucket {
    /// When the bucket will be full again; in the past, or none, when it is.
    full_at: Option<Instant>,
    /// Lines that were dropped since the last report.
    dropped: u64,
    reported_at: Option<Instant>,
}

impl TokenBucket {
    fn admit(&mut self, line: u32, now: Instant) -> bool {
        let full_at = self.full_at.map_or(now, |full_at| full_at.max(now)) + LINE_EVERY;
        let fits = line <= CALL_LINES && full_at - now <= LINE_EVERY * BURST_LINES;
        if fits {
            self.full_at = Some(full_at);
        } else {
            self.dropped = self.dropped.saturating_add(1);
        }
        fits
    }

    /// The number of dropped lines to report now, which counts from zero again.
    fn take_dropped(&mut self, now: Instant) -> u64 {
        let is_early =
            |reported_at: Instant| now.saturating_duration_since(reported_at) < REPORT_EVERY;
        if self.dropped == 0 || self.reported_at.is_some_and(is_early) {
            return 0;
        }
        self.reported_at = Some(now);
        std::mem::take(&mut self.dropped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_lines_are_silent_until_one_is_new() {
        let mut logged = LoggedLines::default();
        let mut call = |is_repeating, lines: &[&'static str]| {
            logged.set_repeating(is_repeating);
            logged.begin();
            let lines = lines.iter();
            let written = lines.filter(|line| logged.note(Level::Info, line));
            written.copied().collect::<String>()
        };
        assert_eq!(call(false, &["a", "b", "a"]), "aba");
        assert_eq!(call(false, &["a", "b", "c"]), "abc");
        assert_eq!(call(true, &["a", "b", "c"]), "");
        assert_eq!(call(true, &["b", "c"]), "");
        assert_eq!(call(true, &["a", "d", "c"]), "dc");
        assert_eq!(call(true, &["a", "d", "c"]), "");
        assert_eq!(call(false, &["a"]), "a");
        assert!(logged.note(Level::Error, "a"));
    }

    fn admitted(bucket: &mut TokenBucket, lines: usize, now: Instant) -> usize {
        (0..lines).filter(|_| bucket.admit(1, now)).count()
    }

    #[test]
    fn many_small_calls_write_no_more_than_the_burst_and_then_the_rate() {
        let (mut bucket, start) = (TokenBucket::default(), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(admitted(&mut bucket, 5000, start), 1000);
        assert_eq!(admitted(&mut bucket, 5000, start), 0);
        assert_eq!(admitted(&mut bucket, 5000, after(1)), 100);
        assert_eq!(admitted(&mut bucket, 5000, after(3)), 200);
        assert_eq!(admitted(&mut bucket, 5000, after(1000)), 1000);
    }

    #[test]
    fn one_call_writes_no_more_than_its_share_however_long_it_takes() {
        let (mut bucket, start) = (TokenBucket::default(), Instant::now());
        let mut now = start;
        let written = (1..=2000).filter(|&line| {
            now += Duration::from_secs(1);
            bucket.admit(line, now)
        });
        assert_eq!(written.count(), CALL_LINES as usize);
    }

    #[test]
    fn dropped_lines_are_reported_at_most_once_a_second_and_none_is_forgotten() {
        let (mut bucket, start) = (TokenBucket::default(), Instant::now());
        let after = |milliseconds| start + Duration::from_millis(milliseconds);
        admitted(&mut bucket, 1000, start);
        assert_eq!(bucket.take_dropped(start), 0);
        admitted(&mut bucket, 7, start);
        assert_eq!(bucket.take_dropped(start), 7);
        admitted(&mut bucket, 5, start);
        assert_eq!(bucket.take_dropped(after(999)), 0);
        assert_eq!(bucket.take_dropped(after(1000)), 5);
        assert_eq!(bucket.take_dropped(after(5000)), 0);
    }
}
