//! How the workers of a process leave their group.
//!
//! A member that leaves while it waits for a join cannot notify the coordinator, which then keeps its membership until
//! the session times out and blocks the group meanwhile. Therefore the workers of a process leave together, and while
//! no join is in progress.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
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
    /// Whether one of them has found the group without a join. What it starts by leaving must not keep the others: they
    /// would join again in vain, and leave in the middle of that.
    leaving: AtomicBool,
}

impl LeaveBarrier {
    pub(super) fn new() -> Self {
        Self {
            staying: AtomicUsize::new(0),
            leaving: AtomicBool::new(false),
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
        // These are other workers than those that left before.
        leave_barrier.leaving.store(false, Ordering::Release);
        Self(Arc::clone(leave_barrier))
    }
}

impl Drop for BarrierGuard {
    fn drop(&mut self) {
        self.0.staying.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Waits for the others, then for the member's first join and for the end of any join, all until `others_end` if there is
/// such a time; `poll` keeps the member alive meanwhile. `group_is_stable` returns none where the group cannot be asked:
/// such a member does not wait.
pub(super) fn wait(
    leave_barrier: &LeaveBarrier,
    others_end: Option<Instant>,
    mut poll: impl FnMut(),
    has_joined: impl Fn() -> bool,
    mut group_is_stable: impl FnMut() -> Option<bool>,
) {
    let has_time = || others_end.is_none_or(|end| Instant::now() < end);
    let started = Instant::now();
    while !leave_barrier.all_are_ready() && started.elapsed() < OTHERS_LIMIT && has_time() {
        poll();
    }
    let started = Instant::now();
    // Twice, because a member that has just given partitions up joins again at once.
    let mut was_stable = false;
    let others_leave = || leave_barrier.leaving.load(Ordering::Acquire);
    while started.elapsed() < JOIN_LIMIT && has_time() {
        if has_joined() && others_leave() {
            return;
        }
        let Some(is_stable) = group_is_stable() else {
            return;
        };
        // The coordinator does not list a member whose first join is under way, and would keep it.
        if has_joined() {
            if is_stable && was_stable {
                leave_barrier.leaving.store(true, Ordering::Release);
                return;
            }
            was_stable = is_stable;
        }
        let asked = Instant::now();
        while asked.elapsed() < ASK_EVERY && !(has_joined() && others_leave()) {
            poll();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_leave_at_once_when_one_has_found_the_group_without_a_join() {
        let barrier = Arc::new(LeaveBarrier::new());
        let guards = [(); 2].map(|()| BarrierGuard::new(&barrier));
        drop(guards);
        wait(&barrier, None, || {}, || true, || Some(true));
        // The first one leaves, which the group answers with a join.
        let mut asked = 0;
        let is_joining = || {
            asked += 1;
            Some(false)
        };
        wait(&barrier, None, || {}, || true, is_joining);
        assert_eq!(asked, 0);
        // Later workers look for themselves.
        drop(BarrierGuard::new(&barrier));
        let mut answers = [true, false, true, true].into_iter();
        let mut polls = 0;
        let stable = || answers.next();
        wait(&barrier, None, || polls += 1, || true, stable);
        assert!(polls > 0);
    }

    #[test]
    fn worker_whose_first_join_is_under_way_does_not_leave_although_others_do() {
        let barrier = Arc::new(LeaveBarrier::new());
        wait(&barrier, None, || {}, || true, || Some(true));
        let polls = std::cell::Cell::new(0);
        let poll = || polls.set(polls.get() + 1);
        wait(&barrier, None, poll, || polls.get() >= 3, || Some(false));
        assert_eq!(polls.get(), 3);
    }

    #[test]
    fn member_that_may_not_ask_about_its_group_leaves_although_it_never_joined() {
        let barrier = Arc::new(LeaveBarrier::new());
        let polls = std::cell::Cell::new(0);
        let poll = || polls.set(polls.get() + 1);
        wait(&barrier, None, poll, || false, || None);
        assert_eq!(polls.get(), 0);
    }
}
