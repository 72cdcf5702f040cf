//! Members that join and leave in the middle of a run.

use std::time::{Duration, Instant};

use journal_tests::kafka::Counts;
use journal_tests::{Finished, Host, Running};
use rustix::process::Signal;

use super::{
    LIMIT, SPIN, assert_in_the_middle, difference, host, large, objects, spin, total,
    until_committed,
};

/// How often a second member joins and leaves. Each join and each leave is at least one rebalance.
const VISITS: usize = 10;
/// The factor by which records take longer here, so that the run does not end before the test.
const SLOWER: u64 = 10;

fn member(group: &str) -> Host {
    host("guest-counter", &large().prefix, group)
        .arg("--option")
        .arg(spin(SPIN * SLOWER))
        .args(["--checkpoint-interval", "300ms"])
}

fn until_it_handles_records(running: &mut Running) {
    running.until("the member handles records", LIMIT, |running| {
        (!running.rows().is_empty()).then_some(())
    });
}

/// Stops the running processes, processes the rest with a fast run, and adds up all counts.
fn end_and_add_up(group: &str, running: Vec<Running>, mut finished: Vec<Finished>) -> Counts {
    assert_in_the_middle(&large().prefix, group, large().records);
    for running in running {
        running.signal(Signal::TERM);
        finished.push(running.finish(LIMIT).success());
    }
    for process in &finished {
        assert!(
            objects(&process.counts()) > 0,
            "each process handled records"
        );
    }
    finished.push(
        host("count-objects", &large().prefix, group)
            .finish(LIMIT)
            .success(),
    );
    total(&finished)
}

#[test]
fn twenty_rebalances_in_the_middle_lose_and_repeat_nothing() {
    let group = large().prefix.group("twenty");
    let mut first = member(&group).spawn();
    until_committed(&mut first, &large().prefix, &group, 1);
    let mut visitors = Vec::new();
    for _ in 0..VISITS {
        let mut visitor = member(&group).spawn();
        until_it_handles_records(&mut visitor);
        visitor.signal(Signal::TERM);
        visitors.push(visitor.finish(LIMIT).success());
    }
    assert!(!first.has_ended(), "{}", first.stderr());
    assert_eq!(
        end_and_add_up(&group, vec![first], visitors),
        large().counts
    );
}

#[test]
fn member_killed_and_started_again_does_not_stall_the_other() {
    let group = large().prefix.group("killed");
    // Long enough to detect a stall, and short enough for a test.
    let member = || member(&group).args(["--kafka", "session.timeout.ms=12000"]);
    let mut steady = member().spawn();
    until_committed(&mut steady, &large().prefix, &group, 1);
    let mut victim = member().spawn();
    until_it_handles_records(&mut victim);
    let victim = victim.kill();
    let before = steady.rows().len();
    let mut again = member().spawn();
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
    until_it_handles_records(&mut again);
    let all = end_and_add_up(&group, vec![steady, again], vec![victim.clone()]);
    // At most the records whose rows the dead member had written without a confirmed commit are repeated.
    let written = victim.counts();
    for (object_type, sums) in difference(&all, &large().counts) {
        assert!(
            sums.objects <= written[&object_type].objects,
            "{object_type}: {sums:?}"
        );
    }
}
