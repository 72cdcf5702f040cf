//! Runs that stop cleanly: at the end of the journal, after a signal, or after a number of records.

use journal_tests::kafka::Journal;
use journal_tests::{Broker, Host, Prefix, oracle, paths, run};
use rustix::process::Signal;

use super::{
    LIMIT, PARTITIONS, assert_in_the_middle, host, large, objects, shipped, slow, total,
    until_committed,
};

#[test]
fn counts_from_the_shipped_recording_equal_an_independent_count() {
    let recording = paths::repository().join("recordings/ripgrep.journal.zst");
    let finished = Host::run(&paths::plugin("count-objects"))
        .arg("--recording")
        .arg(&recording)
        .finish(LIMIT)
        .success();
    assert_eq!(finished.counts(), shipped().counts(false, 1));
    // One checkpoint: one row per type.
    assert_eq!(finished.rows().len(), finished.counts().len());
}

#[test]
fn counts_from_kafka_equal_an_independent_count_public_and_privileged() {
    let path = oracle::test_objects(&run::folder("counts"));
    let journal = Journal::read(&path);
    let prefix = Prefix::new("counts");
    Broker::shared().load(&prefix, &journal, PARTITIONS, 20);
    for privileged in [false, true] {
        let group = prefix.group(if privileged { "all" } else { "public" });
        let mut from_kafka = host("count-objects", &prefix, &group);
        let mut recorded = Host::run(&paths::plugin("count-objects"))
            .arg("--recording")
            .arg(&path);
        if privileged {
            from_kafka = from_kafka.arg("--privileged");
            recorded = recorded.arg("--privileged");
        }
        let from_kafka = from_kafka.finish(LIMIT).success();
        assert_eq!(from_kafka.counts(), journal.counts(privileged, 20));
        assert_eq!(
            recorded.finish(LIMIT).success().counts(),
            journal.counts(privileged, 1)
        );
    }
}

#[test]
fn run_interrupted_by_a_signal_and_started_again_counts_everything_once() {
    let large = large();
    for (signal, name) in [(Signal::INT, "int"), (Signal::TERM, "term")] {
        let group = large.prefix.group(name);
        let mut first = slow(&large.prefix, &group).spawn();
        until_committed(&mut first, &large.prefix, &group, 1);
        first.signal(signal);
        let first = first.finish(LIMIT).success();
        let committed = assert_in_the_middle(&large.prefix, &group, large.records);
        assert_eq!(
            objects(&first.counts()),
            committed,
            "the records of all rows are committed at the end"
        );
        let second = host("count-objects", &large.prefix, &group)
            .finish(LIMIT)
            .success();
        assert!(objects(&second.counts()) > 0);
        assert_eq!(total([&first, &second]), large.counts);
    }
}

#[test]
fn stop_after_commits_exactly_after_the_last_claimed_record() {
    let large = large();
    for (workers, records) in [("1", 123_456), ("3", 234_567)] {
        let group = large.prefix.group(&format!("stop-{workers}"));
        let stopped = host("count-objects", &large.prefix, &group)
            .args(["--workers", workers, "--stop-after", &records.to_string()])
            .finish(LIMIT)
            .success();
        assert_eq!(objects(&stopped.counts()), records);
        let committed = Broker::shared().committed_records(&group, &large.prefix);
        assert_eq!(committed, records);
        let rest = host("count-objects", &large.prefix, &group)
            .finish(LIMIT)
            .success();
        assert_eq!(total([&stopped, &rest]), large.counts);
    }
}

#[test]
fn run_that_waits_at_the_end_reads_new_records() {
    let prefix = Prefix::new("later");
    let journal = shipped();
    Broker::shared().load(&prefix, &journal, PARTITIONS, 1);
    let group = prefix.group("later");
    let mut running = Host::run(&paths::plugin("count-objects"))
        .arg("--brokers")
        .arg(Broker::shared().address())
        .args(["--prefix", prefix.as_str(), "--group-id", &group])
        .args(["--checkpoint-interval", "100ms"])
        .spawn();
    let records = journal.records.len() as u64;
    until_committed(&mut running, &prefix, &group, records);
    Broker::shared().append(&prefix, &journal, 2);
    until_committed(&mut running, &prefix, &group, 3 * records);
    running.signal(Signal::TERM);
    assert_eq!(
        running.finish(LIMIT).success().counts(),
        journal.counts(false, 3)
    );
}

#[test]
fn run_stops_at_the_end_it_saw_although_new_records_arrive() {
    let prefix = Prefix::new("inflow");
    let journal = shipped();
    let broker = Broker::shared();
    broker.load(&prefix, &journal, PARTITIONS, 4);
    let group = prefix.group("inflow");
    let running = slow(&prefix, &group).spawn();
    let ended = std::sync::atomic::AtomicBool::new(false);
    let finished = std::thread::scope(|threads| {
        threads.spawn(|| {
            while !ended.load(std::sync::atomic::Ordering::Relaxed) {
                broker.append(&prefix, &journal, 1);
            }
        });
        let finished = running.finish(LIMIT);
        ended.store(true, std::sync::atomic::Ordering::Relaxed);
        finished
    });
    let counted = objects(&finished.success().counts());
    assert!(counted >= 4 * journal.records.len() as u64, "{counted}");
}
