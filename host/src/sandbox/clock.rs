//! How long a call has been at work, and how long it may go on.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::{CallError, Limits};
use crate::observe::meter::thread_nanoseconds;

/// How long a call goes on before its clocks are looked at again, so that a request to stop is noticed in time.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The time from which on no call goes on, which is set at most once.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<OnceLock<Instant>>);

impl Interrupt {
    /// Interrupts calls that are at work at this time, or that begin after it.
    pub fn at(&self, time: Instant) {
        // The first time stays.
        let _first = self.0.set(time);
    }

    fn is_due(&self, now: Instant) -> bool {
        self.0.get().is_some_and(|&time| now >= time)
    }
}

/// The clocks at the beginning of a call.
///
/// The deadline counts the CPU time of the thread, so that a plugin that works well does not fail on a machine that is
/// busy with something else. The wall limit ends a call that gets no CPU time.
#[derive(Clone, Copy, Debug)]
pub(super) struct CallClock {
    began: Instant,
    /// CPU time of the thread, in nanoseconds.
    cpu_ns: u64,
}

impl CallClock {
    /// The clocks of a call that begins now on this thread.
    pub(super) fn start() -> Self {
        Self {
            began: Instant::now(),
            cpu_ns: thread_nanoseconds(),
        }
    }

    /// How long the call may go on before the clocks are looked at again, or why it has to end.
    pub(super) fn remaining(
        &self,
        limits: &Limits,
        interrupt: &Interrupt,
    ) -> Result<Duration, CallError> {
        let now = Instant::now();
        if interrupt.is_due(now) {
            return Err(CallError::Interrupted);
        }
        let wall = now.saturating_duration_since(self.began);
        let cpu = Duration::from_nanos(thread_nanoseconds().saturating_sub(self.cpu_ns));
        remaining(limits, cpu, wall)
    }
}

/// CPU time passes no faster than wall time, so what is left of both limits is also left by the clock on the wall.
fn remaining(limits: &Limits, cpu: Duration, wall: Duration) -> Result<Duration, CallError> {
    let limit = limits.deadline;
    let of_cpu = limit.saturating_sub(cpu);
    if of_cpu.is_zero() {
        return Err(CallError::Deadline { limit });
    }
    let limit = limits.wall;
    let of_wall = limit.saturating_sub(wall);
    if of_wall.is_zero() {
        return Err(CallError::Wall { limit });
    }
    Ok(of_cpu.min(of_wall).min(LOOK_EVERY))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        deadline: Duration::from_secs(10),
        wall: Duration::from_secs(40),
        memory_bytes: 1,
        emit_bytes: 1,
    };

    fn after(cpu_ms: u64, wall_ms: u64) -> Result<Duration, CallError> {
        let [cpu, wall] = [cpu_ms, wall_ms].map(Duration::from_millis);
        remaining(&LIMITS, cpu, wall)
    }

    #[test]
    fn call_that_waits_for_the_cpu_may_pass_its_deadline_by_the_clock_on_the_wall() {
        assert_eq!(after(2_000, 39_000).unwrap(), LOOK_EVERY);
        assert_eq!(after(9_990, 9_990).unwrap(), Duration::from_millis(10));
    }

    #[test]
    fn call_ends_at_its_deadline_of_cpu_time() {
        let error = after(10_000, 20_000).unwrap_err();
        assert!(matches!(error, CallError::Deadline { limit } if limit == LIMITS.deadline));
    }

    #[test]
    fn call_that_gets_no_cpu_time_ends_at_the_wall_limit() {
        assert_eq!(after(2_000, 39_950).unwrap(), Duration::from_millis(50));
        let error = after(2_000, 40_000).unwrap_err();
        assert!(matches!(error, CallError::Wall { limit } if limit == LIMITS.wall));
    }

    #[test]
    fn interrupt_is_due_from_its_time_on_and_keeps_the_first_time() {
        let interrupt = Interrupt::default();
        let now = Instant::now();
        assert!(!interrupt.is_due(now));
        let time = now + Duration::from_secs(1);
        interrupt.at(time);
        interrupt.at(now);
        assert!(!interrupt.is_due(now));
        assert!(interrupt.is_due(time));
    }
}
