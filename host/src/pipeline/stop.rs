//! Stops a run before the end of its data, in bounded time.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::{flag, low_level};

use crate::config::DEFAULT_SHUTDOWN_TIMEOUT;
use crate::sandbox::Interrupt;

/// The exit code where SIGINT or SIGTERM ends the process at once: 128 + SIGINT.
const EXIT_AT_ONCE: i32 = 130;
/// The exit code of SIGQUIT: 128 + SIGQUIT.
const EXIT_QUIT: i32 = 131;
/// The exit code of a process whose last report is blocked, such as by a standard error that nobody reads.
const EXIT_BLOCKED: i32 = 1;
/// Signals within this time count as one: supervisors send SIGTERM to a process and to its group.
const ONE_SIGNAL: Duration = Duration::from_secs(1);
/// The interval between looks for a further signal.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long the process may take for its last report after the time to end is up.
const REPORT_LIMIT: Duration = Duration::from_secs(1);

/// A request to end, which all workers of the process check between batches.
///
/// The time that a run may take to end begins with the first request. It has parts, so that whatever takes too long
/// still leaves time for what comes after it: calls into the processor, then the last commit, then leaving the group.
#[derive(Clone, Debug)]
pub(crate) struct Stop(Arc<State>);

#[derive(Debug)]
struct State {
    limit: Duration,
    requested: OnceLock<Instant>,
    /// Whether workers are at work, which have something to finish.
    has_begun: AtomicBool,
    /// Whether threads were left at work when the time was up.
    has_abandoned: AtomicBool,
    interrupt: Interrupt,
}

impl Default for Stop {
    fn default() -> Self {
        Self::new(DEFAULT_SHUTDOWN_TIMEOUT)
    }
}

impl Stop {
    /// A request that nobody has made. After it, the run has this much time to end.
    #[must_use]
    pub(crate) fn new(limit: Duration) -> Self {
        Self(Arc::new(State {
            limit,
            requested: OnceLock::new(),
            has_begun: AtomicBool::new(false),
            has_abandoned: AtomicBool::new(false),
            interrupt: Interrupt::default(),
        }))
    }

    /// A request that SIGINT and SIGTERM make once workers run. Before that, a signal ends the process at once, as
    /// a second one does, and as SIGQUIT always does.
    ///
    /// # Errors
    /// When the system refuses the handlers or their thread.
    pub(crate) fn on_signals(limit: Duration) -> io::Result<Self> {
        let stop = Self::new(limit);
        let signals = Signals::new([SIGINT, SIGTERM, SIGQUIT])?;
        let obeying = stop.clone();
        thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || obey(signals, &obeying))?;
        Ok(stop)
    }

    /// Has signals end the process at once while it has no other thread, until [`on_signals`](Self::on_signals) does it.
    /// Without a handler, they would do nothing in the first process of a container.
    ///
    /// # Errors
    /// When the system refuses the handlers.
    pub(crate) fn exit_on_signals() -> io::Result<ExitOnSignals> {
        let armed = Arc::new(AtomicBool::new(true));
        for (signal, code) in [
            (SIGINT, EXIT_AT_ONCE),
            (SIGTERM, EXIT_AT_ONCE),
            (SIGQUIT, EXIT_QUIT),
        ] {
            flag::register_conditional_shutdown(signal, code, Arc::clone(&armed))?;
        }
        Ok(ExitOnSignals(armed))
    }

    /// The workers begin: from now on a first signal lets them finish what they do.
    pub(crate) fn begin(&self) {
        self.0.has_begun.store(true, Ordering::Release);
    }

    /// Asks every worker to end after its current batch.
    pub(crate) fn request(&self) {
        let now = Instant::now();
        if self.0.requested.set(now).is_ok() {
            self.0.interrupt.at(now + self.0.limit * 8 / 10);
        }
    }

    /// Whether an end was requested.
    #[must_use]
    pub(crate) fn requested(&self) -> bool {
        self.0.requested.get().is_some()
    }

    /// How long a run may take to end.
    #[must_use]
    pub(crate) fn limit(&self) -> Duration {
        self.0.limit
    }

    /// What interrupts calls that take too long after a request.
    #[must_use]
    pub(crate) fn interrupt(&self) -> Interrupt {
        self.0.interrupt.clone()
    }

    /// Until when the last commit is waited for, once an end was requested.
    #[must_use]
    pub(crate) fn commits_end(&self) -> Option<Instant> {
        self.after_request(self.0.limit * 9 / 10)
    }

    /// Until when a worker waits for the others before it leaves the group, once an end was requested.
    #[must_use]
    pub(crate) fn others_end(&self) -> Option<Instant> {
        self.after_request(self.0.limit * 95 / 100)
    }

    /// Until when everything has to end, once an end was requested. The rest is for the last report.
    #[must_use]
    pub(crate) fn end(&self) -> Option<Instant> {
        self.after_request(self.0.limit * 98 / 100)
    }

    fn after_request(&self, time: Duration) -> Option<Instant> {
        self.0.requested.get().map(|&requested| requested + time)
    }

    /// The process is to end although threads are still at work.
    pub(super) fn abandon(&self) {
        self.0.has_abandoned.store(true, Ordering::Release);
    }

    /// Whether threads are still at work. The process must not run exit handlers then: those of libraries would free
    /// what the threads use.
    #[must_use]
    pub(crate) fn has_abandoned(&self) -> bool {
        self.0.has_abandoned.load(Ordering::Acquire)
    }
}

/// Signals end the process at once until this is dropped.
#[derive(Debug)]
pub(crate) struct ExitOnSignals(Arc<AtomicBool>);

impl Drop for ExitOnSignals {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// Ends the process without exit handlers.
pub(crate) fn exit_at_once(code: u8) -> ! {
    low_level::exit(code.into())
}

/// Does what signals ask for. It never logs, because standard error may be blocked.
fn obey(mut signals: Signals, stop: &Stop) {
    let mut first: Option<Instant> = None;
    loop {
        let came: Vec<i32> = if first.is_none() {
            signals.wait().collect()
        } else {
            thread::sleep(LOOK_EVERY);
            signals.pending().collect()
        };
        for signal in came {
            let has_begun = stop.0.has_begun.load(Ordering::Acquire);
            match Reaction::to(signal, first.map(|first| first.elapsed()), has_begun) {
                Reaction::Exit(code) => low_level::exit(code),
                Reaction::Stop => {
                    first = Some(Instant::now());
                    stop.request();
                }
                Reaction::Nothing => {}
            }
        }
        if first.is_some_and(|first| first.elapsed() >= stop.0.limit + REPORT_LIMIT) {
            low_level::exit(EXIT_BLOCKED);
        }
    }
}

/// What a signal leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reaction {
    /// The process ends at once.
    Exit(i32),
    /// The run ends.
    Stop,
    Nothing,
}

impl Reaction {
    /// `since_first` is the time since the signal that stopped the run.
    fn to(signal: i32, since_first: Option<Duration>, has_begun: bool) -> Self {
        match since_first {
            _ if signal == SIGQUIT => Self::Exit(EXIT_QUIT),
            _ if !has_begun => Self::Exit(EXIT_AT_ONCE),
            None => Self::Stop,
            Some(time) if time < ONE_SIGNAL => Self::Nothing,
            Some(_) => Self::Exit(EXIT_AT_ONCE),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Option<Duration> = Some(Duration::from_millis(999));
    const LATER: Option<Duration> = Some(ONE_SIGNAL);

    #[test]
    fn first_signal_stops_a_run_that_has_begun_and_ends_one_that_has_not() {
        for signal in [SIGINT, SIGTERM] {
            assert_eq!(Reaction::to(signal, None, true), Reaction::Stop);
            let at_once = Reaction::Exit(EXIT_AT_ONCE);
            assert_eq!(Reaction::to(signal, None, false), at_once);
        }
    }

    #[test]
    fn signals_within_a_second_are_one_and_a_later_one_ends_the_process() {
        for signal in [SIGINT, SIGTERM] {
            assert_eq!(Reaction::to(signal, SOON, true), Reaction::Nothing);
            let at_once = Reaction::Exit(EXIT_AT_ONCE);
            assert_eq!(Reaction::to(signal, LATER, true), at_once);
        }
    }

    #[test]
    fn quit_ends_the_process_in_any_case() {
        for since_first in [None, SOON, LATER] {
            for has_begun in [true, false] {
                let reaction = Reaction::to(SIGQUIT, since_first, has_begun);
                assert_eq!(reaction, Reaction::Exit(EXIT_QUIT));
            }
        }
    }

    #[test]
    fn time_to_end_begins_with_the_first_request_and_leaves_time_for_each_part() {
        let stop = Stop::new(Duration::from_secs(10));
        assert_eq!(stop.end(), None);
        stop.request();
        let ends = [stop.commits_end(), stop.others_end(), stop.end()];
        assert!(ends.is_sorted_by(|one, other| one < other), "{ends:?}");
        stop.request();
        assert_eq!(stop.end(), ends[2]);
    }
}
