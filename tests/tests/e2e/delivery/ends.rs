//! Runs that stop cleanly: at the end of the journal, after a signal, or after a number of records.

use journal_tests::kafka::Journal;
use journal_tests::{Broker, Host, Prefix, oracle, paths, run};
use rustix::process::Signal;

use super::live::{Live, until_it_handles_more};
use super::{LIMIT, PARTITIONS, host, large, objects, shipped, total, until_committed};

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
    for (signal, name) in [(Signal::INT, "int"), (Signal::TERM, "term")] {
        let live = Live::new(name);
        let mut first = live.host("guest-counter").spawn();
        until_it_handles_more(&mut first);
        first.signal(signal);
        let first = first.finish(LIMIT).success();
        assert_eq!(
            objects(&first.counts()),
            live.committed(),
            "the records of all rows are committed at the end"
        );
        let (second, written) = live.rest();
        assert_eq!(total([&first, &second]), written);
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
    let live = Live::new("inflow");
    let stops = live.host("guest-counter").args(["--on-eof", "stop"]);
    let finished = stops.finish(LIMIT).success();
    assert!(objects(&finished.counts()) > 0);
    let (rest, written) = live.rest();
    assert_eq!(total([&finished, &rest]), written);
}
