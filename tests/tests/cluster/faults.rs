//! One fault at a time.

use std::time::{Duration, Instant};

use journal_tests::kafka::Cluster;
use journal_tests::{Running, until};

use super::members::{LIMIT, Members, SESSION_MS, until_it_confirms};

/// Waits until a checkpoint of a process stays unconfirmed for several intervals.
fn until_it_waits(running: &mut Running) {
    let begun = |running: &Running| {
        let log = running.stderr();
        log.matches(" begins: ").count() - log.matches(" is confirmed: ").count()
    };
    let mut since: Option<Instant> = None;
    running.until("a commit waits for the join", LIMIT, |running| {
        if begun(running) == 0 {
            since = None;
            return None;
        }
        let since = *since.get_or_insert_with(Instant::now);
        (since.elapsed() > Duration::from_millis(SESSION_MS / 3)).then_some(())
    });
}

#[test]
fn crash_while_a_join_waits_for_a_dead_member_repeats_one_checkpoint_of_each_worker() {
    let mut cluster = Cluster::shared();
    let cluster = cluster.as_mut().expect("it was started");
    let mut members = Members::new(cluster, "join");
    let mut survivor = members.start("survivor");
    until_it_confirms(&mut survivor);
    let mut dead = members.start("dead");
    until_it_confirms(&mut dead);
    until_it_confirms(&mut survivor);
    members.kill(dead);
    // The group waits for the dead member until its session ends, and keeps the commits of the survivor waiting.
    let mut joining = members.start("joining");
    until_it_waits(&mut survivor);
    members.kill(survivor);
    until_it_confirms(&mut joining);
    let figures = members.account(cluster, vec![joining]);
    assert!(figures.unconfirmed >= 1, "the survivor waited: {figures}");
}

#[test]
fn brokers_that_restart_one_after_another_repeat_nothing() {
    let mut cluster = Cluster::shared();
    let cluster = cluster.as_mut().expect("it was started");
    let mut members = Members::new(cluster, "restarts");
    let mut running = vec![members.start("a"), members.start("b")];
    running.iter_mut().for_each(until_it_confirms);
    for index in 0..cluster.len() {
        cluster.broker(index).stop();
        running.iter_mut().for_each(until_it_confirms);
        cluster.mend();
        running.iter_mut().for_each(until_it_confirms);
    }
    let codes: Vec<_> = running
        .into_iter()
        .map(|running| members.stop(running))
        .collect();
    assert_eq!(codes, [Some(0), Some(0)]);
    let figures = members.account(cluster, Vec::new());
    assert_eq!(figures.duplicates, 0, "{figures}");
}

#[test]
fn crash_while_the_coordinator_moves_repeats_one_checkpoint_of_each_worker() {
    let mut cluster = Cluster::shared();
    let cluster = cluster.as_mut().expect("it was started");
    let mut members = Members::new(cluster, "moves");
    let mut survivor = members.start("survivor");
    let mut dead = members.start("dead");
    until_it_confirms(&mut survivor);
    until_it_confirms(&mut dead);
    let coordinator = cluster.coordinator(&members.group);
    cluster.broker(coordinator).kill();
    until_it_waits(&mut dead);
    members.kill(dead);
    until("another coordinator", LIMIT, || {
        (cluster.coordinator(&members.group) != coordinator).then_some(())
    });
    until_it_confirms(&mut survivor);
    cluster.mend();
    let code = members.stop(survivor);
    assert_eq!(
        code,
        Some(0),
        "only the one that was killed repeats anything"
    );
    let figures = members.account(cluster, Vec::new());
    assert!(figures.unconfirmed >= 1, "one was waiting: {figures}");
}
