//! How the workers of a process leave their group.
//!
//! A member that leaves while it waits for a join cannot notify the coordinator, which then keeps its membership until
//! the session times out and blocks the group meanwhile. Therefore the workers of a process leave together, and while
//! no join is in progress.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// The time limit for a join to end: a member learns of one with its next heartbeat.
const JOIN_LIMIT: Duration = Duration::from_secs(5);
/// The time limit for the other workers to arrive, after a call and a last commit.
const OTHERS_LIMIT: Duration = Duration::from_mins(2);
/// The interval between requests for the state of the group.
const ASK_EVERY: Duration = Duration::from_millis(50);

/// Counts the workers of a process that are not ready to leave.
#[derive(Debug)]
pub(crate) struct LeaveBarrier {
    staying: AtomicUsize,
}

impl LeaveBarrier {
    pub(super) fn new() -> Self {
        Self {
            staying: AtomicUsize::new(0),
        }
    }

    pub(super) fn all_are_ready(&self) -> bool {
        self.staying.load(Ordering::Acquire) == 0
    }
}

/// One worker's part of the barrier: dropping it makes the worker count as ready, however it ended.
#[derive(Debug)]
pub(crate) struct BarrierGuard(Arc<LeaveBarrier>);

impl BarrierGuard {
    pub(super) fn new(leave_barrier: &Arc<LeaveBarrier>) -> Self {
        leave_barrier.staying.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(leave_barrier))
    }
}

impl Drop for BarrierGuard {
    fn drop(&mut self) {
        self.0.staying.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Waits for the others, then for the end of a join, both until `others_end` if there is such a time; `poll` keeps the
/// member alive meanwhile.
pub(super) fn wait(
    leave_barrier: &LeaveBarrier,
    others_end: Option<Instant>,
    mut poll: impl FnMut(),
    mut group_is_stable: impl FnMut() -> bool,
) {
    let has_time = || others_end.is_none_or(|end| Instant::now() < end);
    let started = Instant::now();
    while !leave_barrier.all_are_ready() && started.elapsed() < OTHERS_LIMIT && has_time() {
        poll();
    }
    let started = Instant::now();
    while started.elapsed() < JOIN_LIMIT && has_time() && !group_is_stable() {
        let asked = Instant::now();
        while asked.elapsed() < ASK_EVERY {
            poll();
        }
    }
}
