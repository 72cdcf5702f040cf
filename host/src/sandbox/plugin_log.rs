//! What a plugin may say in the operator's log, and how often.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::bindings::swh::journal::log::Level;

/// Log lines of one call.
pub(super) const CALL_LINES: u32 = 1000;
/// Log lines of the whole plugin at once, after a silence.
const BURST_LINES: u32 = 1000;
/// How far apart further lines lie, on average.
const LINE_EVERY: Duration = Duration::from_millis(10);
/// How far apart the host's own lines on dropped lines lie.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// The log of one plugin, which all its processors share for the time of a run, so that neither more
/// workers nor new instances after failures may write more.
pub(super) struct PluginLog {
    name: String,
    flow: Mutex<TokenBucket>,
}

impl PluginLog {
    /// `name` must not hold control characters.
    pub(super) fn new(name: String) -> Self {
        Self {
            name,
            flow: Mutex::default(),
        }
    }

    /// Counts the line of that number in its call, from 1, and says whether it may be written.
    pub(super) fn may_say(&self, line: u32) -> bool {
        self.with_flow(|flow| flow.admit(line, Instant::now()))
    }

    /// Writes a line, which must not hold control characters. The name stands before it, where
    /// nothing that the guest says can pass for it.
    pub(super) fn say(&self, level: Level, line: &str) {
        let name = &self.name;
        match level {
            Level::Error => tracing::error!(target: "plugin", "`{name}`: {line}"),
            Level::Warn => tracing::warn!(target: "plugin", "`{name}`: {line}"),
            Level::Info => tracing::info!(target: "plugin", "`{name}`: {line}"),
            Level::Debug => tracing::debug!(target: "plugin", "`{name}`: {line}"),
        }
    }

    /// Says how many lines were dropped, unless that was said a moment ago.
    pub(super) fn tell_dropped(&self) {
        self.tell(self.with_flow(|flow| flow.owed(Instant::now())));
    }

    fn tell(&self, dropped: u64) {
        if dropped > 0 {
            tracing::warn!(
                target: "plugin",
                "`{}`: dropped {dropped} log lines: one call may write {CALL_LINES}, and all calls \
                 {} a second",
                self.name,
                Duration::from_secs(1).as_millis() / LINE_EVERY.as_millis(),
            );
        }
    }

    fn with_flow<R>(&self, work: impl FnOnce(&mut TokenBucket) -> R) -> R {
        work(&mut self.flow.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for PluginLog {
    fn drop(&mut self) {
        self.tell(self.with_flow(|flow| flow.dropped));
    }
}

/// A bucket of lines that fills up by time.
#[derive(Default)]
struct TokenBucket {
    /// When the bucket will be full again; in the past, or none, when it is.
    full_at: Option<Instant>,
    /// Lines dropped and not told of.
    dropped: u64,
    told_at: Option<Instant>,
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

    /// The dropped lines to tell of now.
    fn owed(&mut self, now: Instant) -> u64 {
        let is_early = |told_at: Instant| now.saturating_duration_since(told_at) < TELL_EVERY;
        if self.dropped == 0 || self.told_at.is_some_and(is_early) {
            return 0;
        }
        self.told_at = Some(now);
        std::mem::take(&mut self.dropped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(flow: &mut TokenBucket, lines: usize, now: Instant) -> usize {
        (0..lines).filter(|_| flow.admit(1, now)).count()
    }

    #[test]
    fn many_small_calls_write_no_more_than_the_burst_and_then_the_rate() {
        let (mut flow, start) = (TokenBucket::default(), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(admitted(&mut flow, 5000, start), 1000);
        assert_eq!(admitted(&mut flow, 5000, start), 0);
        assert_eq!(admitted(&mut flow, 5000, after(1)), 100);
        assert_eq!(admitted(&mut flow, 5000, after(3)), 200);
        assert_eq!(admitted(&mut flow, 5000, after(1000)), 1000);
    }

    #[test]
    fn one_call_writes_no_more_than_its_share_however_long_it_takes() {
        let (mut flow, start) = (TokenBucket::default(), Instant::now());
        let mut now = start;
        let written = (1..=2000).filter(|&line| {
            now += Duration::from_secs(1);
            flow.admit(line, now)
        });
        assert_eq!(written.count(), CALL_LINES as usize);
    }

    #[test]
    fn dropped_lines_are_told_at_most_once_a_second_and_none_is_forgotten() {
        let (mut flow, start) = (TokenBucket::default(), Instant::now());
        let after = |milliseconds| start + Duration::from_millis(milliseconds);
        admitted(&mut flow, 1000, start);
        assert_eq!(flow.owed(start), 0);
        admitted(&mut flow, 7, start);
        assert_eq!(flow.owed(start), 7);
        admitted(&mut flow, 5, start);
        assert_eq!(flow.owed(after(999)), 0);
        assert_eq!(flow.owed(after(1000)), 5);
        assert_eq!(flow.owed(after(5000)), 0);
    }
}
