//! Tests of the test support itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use journal_tests::kafka::{Journal, Record, Sums};
use journal_tests::{Broker, Prefix, oracle, run, until};

const LIMIT: Duration = Duration::from_mins(1);

/// Records of two object types, one with privileged copies and one with tombstones.
fn sample(records: u32) -> Journal {
    let mut journal = Journal::default();
    for number in 0..records {
        let mut key = vec![0xc4, 20];
        key.extend_from_slice(&[7; 16]);
        key.extend_from_slice(&(number << 8).to_be_bytes());
        for privileged in [false, true] {
            let value = Some(vec![0xc0; if privileged { 3 } else { 2 }]);
            journal.records.push(Record {
                object_type: "release".into(),
                privileged,
                key: key.clone(),
                value,
            });
        }
        let value = (number % 2 == 0).then(|| vec![0xc0; 5]);
        journal.records.push(Record {
            object_type: "origin".into(),
            privileged: false,
            key: vec![0x81, 1, 2],
            value,
        });
    }
    journal
}

#[test]
fn broker_has_the_records_that_were_loaded() {
    let broker = Broker::shared();
    let prefix = Prefix::new("loaded");
    let sent = broker.load(&prefix, &sample(10), 4, 3);
    assert_eq!(sent, 90);
    assert_eq!(broker.topics(&prefix).len(), 3);
    assert_eq!(broker.end_offsets(&prefix).len(), 12);
    assert_eq!(broker.committed(&prefix.group("none"), &prefix).len(), 0);
    assert_eq!(broker.group(&prefix.group("none")).0, 0);
}

#[test]
fn counts_of_a_privileged_reader_come_from_the_privileged_topic() {
    let journal = sample(10);
    let release = |bytes| Sums {
        objects: 30,
        bytes,
        tombstones: 0,
    };
    assert_eq!(journal.counts(false, 3)["release"], release(60));
    assert_eq!(journal.counts(true, 3)["release"], release(90));
    assert_eq!(
        journal.counts(true, 3)["origin"],
        Sums {
            objects: 15,
            bytes: 75,
            tombstones: 15
        }
    );
}

#[test]
fn restarted_broker_has_its_records_and_its_port() {
    let mut broker = Broker::start();
    let prefix = Prefix::new("restarted");
    broker.load(&prefix, &sample(10), 2, 1);
    let (address, ends) = (broker.address(), broker.end_offsets(&prefix));
    broker.stop();
    broker.restart();
    assert_eq!(broker.address(), address);
    // It answers before all of its partitions have a leader again.
    let until_they_are_there = |broker: &Broker| {
        until("it has its records", LIMIT, || {
            (broker.end_offsets(&prefix) == ends).then_some(())
        });
    };
    until_they_are_there(&broker);
    broker.kill();
    broker.restart();
    until_they_are_there(&broker);
}

#[test]
fn killed_test_process_leaves_no_process_and_no_folder() {
    let report = run::folder("report").join("report");
    let limit = Duration::from_secs(20);
    let mut other = Command::new(env!("CARGO_BIN_EXE_never-ends"))
        .arg(&report)
        .spawn()
        .expect("cargo has built it");
    let (pid, folder) = until("the other process has started", limit, || {
        let text = fs::read_to_string(&report).ok()?;
        let (pid, folder) = text.split_once(' ')?;
        Some((pid.to_owned(), PathBuf::from(folder)))
    });
    let process = Path::new("/proc").join(pid);
    assert!(process.exists() && folder.is_dir());
    other.kill().expect("a child can be killed");
    other.wait().expect("a child can be waited for");
    until("the process is gone", limit, || {
        (!process.exists()).then_some(())
    });
    until("the folder is gone", limit, || {
        (!folder.exists()).then_some(())
    });
}

#[test]
fn upstreams_client_reads_all_records_of_upstreams_writer() {
    let broker = Broker::shared();
    let prefix = Prefix::new("oracle");
    let journal = Journal::read(&oracle::test_objects(&run::folder("oracle")));
    broker.load(&prefix, &journal, 4, 1);
    let group = prefix.group("upstream");
    let printed = oracle::script(
        "print_objects.py",
        [
            &broker.address(),
            prefix.as_str(),
            &group,
            "true",
            "revision",
            "release",
        ],
    );
    let lines = printed.lines().count() as u64;
    let counts = journal.counts(true, 1);
    assert_eq!(
        lines,
        counts["revision"].objects + counts["release"].objects
    );
    assert!(lines > 0);
}
