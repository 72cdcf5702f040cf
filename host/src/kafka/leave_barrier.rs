//! How the workers of a process leave their group.
//!
//! A member that leaves while it waits for a join cannot tell the coordinator, which then holds its
//! place until the session times out; the group can do nothing new meanwhile. So the workers of a
//! process leave together, and while no join is under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How long leaving waits for a join to end: a member learns of one by its next heartbeat.
const JOIN_LIMIT: Duration = Duration::from_secs(5);
/// How long leaving waits for the other workers: a call and a last commit.
const OTHERS_LIMIT: Duration = Duration::from_mins(2);
/// How often the state of the group is asked for.
const ASK_EVERY: Duration = Duration::from_millis(50);

/// The workers of a process that have not come to leave.
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

/// One worker's part: its drop counts as having come, whatever made the worker end.
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

/// Waits for the others, then for the end of a join; `poll` keeps the member alive meanwhile.
pub(super) fn wait(
    leave_barrier: &LeaveBarrier,
    mut poll: impl FnMut(),
    mut group_is_stable: impl FnMut() -> bool,
) {
    let started = Instant::now();
    while !leave_barrier.all_are_ready() && started.elapsed() < OTHERS_LIMIT {
        poll();
    }
    let started = Instant::now();
    while started.elapsed() < JOIN_LIMIT && !group_is_stable() {
        let asked = Instant::now();
        while asked.elapsed() < ASK_EVERY {
            poll();
        }
    }
}
