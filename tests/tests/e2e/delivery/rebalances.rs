//! Members that join and leave in the middle of a run.

use std::time::{Duration, Instant};

use super::live::{Live, stop, until_it_handles_more};
use super::{LIMIT, difference, total};

/// How often a second member joins and leaves. Each join and each leave is at least one rebalance.
const VISITS: usize = 10;

#[test]
fn twenty_rebalances_in_the_middle_lose_and_repeat_nothing() {
    let live = Live::new("twenty");
    let member = || live.host("guest-counter").spawn();
    let mut first = member();
    until_it_handles_more(&mut first);
    let mut finished = Vec::new();
    for _ in 0..VISITS {
        let mut visitor = member();
        until_it_handles_more(&mut visitor);
        finished.push(stop(visitor));
    }
    until_it_handles_more(&mut first);
    finished.push(stop(first));
    let (rest, written) = live.rest();
    finished.push(rest);
    assert_eq!(total(&finished), written);
}

#[test]
fn member_killed_and_started_again_does_not_stall_the_other() {
    let live = Live::new("killed");
    // Long enough to detect a stall, and short enough for a test.
    let session = ["--kafka", "session.timeout.ms=12000"];
    let member = || live.host("guest-counter").args(session).spawn();
    let mut steady = member();
    until_it_handles_more(&mut steady);
    let mut victim = member();
    until_it_handles_more(&mut victim);
    let victim = victim.kill();
    let before = steady.rows().len();
    let mut again = member();
    let started = Instant::now();
    steady.until("the other goes on", LIMIT, |steady| {
        (steady.rows().len() > before).then_some(())
    });
    // The rebalance waits until the session of the dead member times out. The other member must not wait for it.
    assert!(
        started.elapsed() < Duration::from_secs(6),
        "it stalled for {:?}",
        started.elapsed()
    );
    until_it_handles_more(&mut again);
    let (steady, again) = (stop(steady), stop(again));
    let (rest, written) = live.rest();
    let all = total([&victim, &steady, &again, &rest]);
    // At most the records whose rows the dead member had written without a confirmed commit are repeated.
    let of_victim = victim.counts();
    for (object_type, sums) in difference(&all, &written) {
        assert!(
            sums.objects <= of_victim[&object_type].objects,
            "{object_type}: {sums:?}"
        );
    }
}
