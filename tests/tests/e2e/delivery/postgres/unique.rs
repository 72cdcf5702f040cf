//! Rows of which one is kept for each key, from a journal that repeats objects.

use std::collections::BTreeSet;

use journal_tests::postgres::Postgres;
use journal_tests::{Broker, Host, paths};

use super::super::{LIMIT, large};
use super::{over_recording, recording, with_password};

/// A script that emits the root directory of each revision, many of which share one.
fn directories(output: &str) -> Host {
    let script = paths::repository().join("tests/data/scripts/unique-directories.js");
    with_password(Host::run(&script))
        .arg("--runtime")
        .arg(paths::javascript_runtime())
        .args(["--output", output])
}

const ROWS: &str = "SELECT count(*) FROM directories";

/// The number of root directories in the shipped recording.
fn expected() -> u64 {
    let revisions = over_recording("list-revisions", "-")
        .finish(LIMIT)
        .success();
    let directories: BTreeSet<_> = revisions
        .rows()
        .iter()
        .map(|row| row["directory"].to_string())
        .collect();
    u64::try_from(directories.len()).expect("it fits")
}

#[test]
fn repeated_recording_adds_no_row() {
    let database = Postgres::shared().database("unique-recording");
    for _ in 0..2 {
        let _ = directories(&database.url(""))
            .arg("--recording")
            .arg(recording())
            .args(["--append", "--batch-records", "500"])
            .finish(LIMIT)
            .success();
    }
    assert_eq!(database.number(ROWS), expected());
}

#[test]
fn repeated_records_add_no_row_although_two_processes_write_and_one_is_killed() {
    let large = large();
    assert!(large.repetitions > 1);
    let database = Postgres::shared().database("unique-journal");
    let group = large.prefix.group("unique");
    let host = || {
        directories(&database.url(""))
            .arg("--brokers")
            .arg(Broker::shared().address())
            .args(["--prefix", large.prefix.as_str(), "--group-id", &group])
            .args(["--on-eof", "stop", "--workers", "2"])
            .args(["--checkpoint-interval", "50ms"])
            .args(["--kafka", "heartbeat.interval.ms=200"])
            .args(["--kafka", "session.timeout.ms=6000"])
    };
    let mut killed = host().spawn();
    killed.until("rows are written", LIMIT, |_| {
        (database.number(ROWS) > 0).then_some(())
    });
    let other = host().spawn();
    let _ = killed.kill();
    let _ = host().finish(LIMIT).success();
    let _ = other.finish(LIMIT).success();
    assert_eq!(database.number(ROWS), expected());
    // All copies were read.
    let positions = "SELECT sum(next_offset) FROM journal_offsets";
    assert_eq!(database.number(positions), large.counts["revision"].objects);
}
