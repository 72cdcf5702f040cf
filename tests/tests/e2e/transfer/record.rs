//! `journal-host record`.

use std::fs;
use std::path::{Path, PathBuf};

use journal_recording::Reader;
use journal_tests::kafka::Journal;
use journal_tests::{Broker, Finished, Host, Prefix, oracle, paths, run};
use rustix::process::Signal;
use serde_json::Value;

use super::{LIMIT, held, made, of_recording, of_topics, produce, record, recording, refusal};

fn shipped() -> Journal {
    Journal::read(&paths::repository().join("recordings/ripgrep.journal.zst"))
}

/// The topics of the records of [`made`], with this many partitions.
fn topics(name: &str, records: u32, partitions: &str) -> Prefix {
    let prefix = Prefix::new(name);
    let _done = produce(&recording(&made(records)), &prefix)
        .args(["--partitions", partitions])
        .finish(LIMIT)
        .success();
    prefix
}

fn records(path: &Path) -> u64 {
    let mut reader = Reader::open(path).unwrap_or_else(|error| panic!("{error}"));
    while reader
        .next_frame()
        .unwrap_or_else(|error| panic!("{error}"))
        .is_some()
    {}
    reader.records()
}

/// Nothing but the recording is in its folder.
fn is_alone(path: &Path) -> bool {
    let folder = path.parent().expect("it is in a folder");
    let entries = fs::read_dir(folder).expect("the folder is ours");
    entries.count() == 1
}

#[test]
fn recording_gives_a_processor_the_partitions_offsets_and_timestamps_of_the_topics() {
    let prefix = Prefix::new("recorded");
    let journal = shipped();
    Broker::shared().load(&prefix, &journal, 4, 1);
    let (host, path) = record(&prefix);
    let finished = host.finish(LIMIT).success();
    let seen = journal.seen_by(false).count() as u64;
    assert!(
        finished.stderr.contains(&format!("{seen} records, ")),
        "{}",
        finished.stderr
    );
    assert_eq!(records(&path), seen);
    assert!(is_alone(&path));
    assert_eq!(of_recording(&path, &prefix), of_topics(&prefix));
}

#[test]
fn recording_joins_no_group_and_commits_nothing() {
    let prefix = topics("groupless", 20, "1");
    let (host, _path) = record(&prefix);
    let _done = host.finish(LIMIT).success();
    let broker = Broker::shared();
    assert_eq!(broker.group("journal-host"), (0, "Dead".to_owned()));
    assert!(broker.committed("journal-host", &prefix).is_empty());
}

#[test]
fn privileged_topics_are_recorded_on_request_only() {
    let prefix = Prefix::new("recorded-privileged");
    let objects = oracle::test_objects(&run::folder("recorded-privileged"));
    Broker::shared().load(&prefix, &Journal::read(&objects), 2, 1);
    let (host, path) = record(&prefix);
    let host = host.args(["--privileged", "--object-type", "release"]);
    let _done = host.finish(LIMIT).success();
    let reader = Reader::open(&path).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(
        reader.topics(),
        Some([prefix.privileged_topic("release")].as_slice())
    );
    assert_eq!(records(&path), 3);
}

#[test]
fn number_of_records_is_limited_in_all_or_by_topic() {
    let prefix = topics("limited", 300, "3");
    let (host, path) = record(&prefix);
    let _done = host.args(["--max-records", "17"]).finish(LIMIT).success();
    assert_eq!(records(&path), 17);
    let (host, path) = record(&prefix);
    let host = host.args(["--max-records-per-topic", "11"]);
    let _done = host.finish(LIMIT).success();
    let counts = Reader::open(&path).and_then(Reader::count);
    let counts = counts.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(counts.into_values().collect::<Vec<_>>(), [11, 11]);
}

fn positions(rows: &[Value]) -> Vec<(u64, u64)> {
    let number = |row: &Value, name: &str| row[name].as_u64().expect("it is a number");
    rows.iter()
        .map(|row| (number(row, "partition"), number(row, "offset")))
        .collect()
}

#[test]
fn range_of_one_partition_is_recorded_exactly() {
    let prefix = topics("range", 300, "2");
    let (host, path) = record(&prefix);
    let partition = format!("{}:1", prefix.topic("extid"));
    let _done = host
        .args(["--partition", &partition, "--from", "5", "--until", "8"])
        .finish(LIMIT)
        .success();
    let rows = of_recording(&path, &prefix);
    assert_eq!(positions(&rows), [(1, 5), (1, 6), (1, 7)]);
    // Whoever copies it elsewhere gets this topic and no other one.
    let copy = Prefix::new("range-copy");
    let produced = Host::new()
        .arg("produce")
        .arg(&path)
        .args(["--brokers", &Broker::shared().address()])
        .args(["--prefix", copy.as_str()]);
    let _ = produced.finish(LIMIT).success();
    let topics = Broker::shared().topics(&copy);
    assert_eq!(topics.len(), 1, "{topics:?}");
}

#[test]
fn range_of_time_is_recorded_exactly() {
    let prefix = topics("time", 60, "2");
    // The timestamps are 1,420,000,000,000 ms and the following milliseconds.
    let (host, path) = record(&prefix);
    let _done = host
        .args(["--from", "2014-12-31T04:26:40.010Z"])
        .args(["--until", "2014-12-31T04:26:40.020Z"])
        .finish(LIMIT)
        .success();
    let mut times: Vec<i64> = of_recording(&path, &prefix)
        .iter()
        .map(|row| row["timestamp_ms"].as_i64().expect("it has a timestamp"))
        .collect();
    times.sort_unstable();
    let expected: Vec<i64> = (10..20).map(|n| 1_420_000_000_000 + n).collect();
    assert_eq!(times, expected);
}

#[test]
fn partitions_with_removed_records_are_recorded_from_their_beginning() {
    let prefix = topics("removed", 30, "1");
    Broker::shared().delete_records(&prefix.topic("origin"), 0, 4);
    let (host, path) = record(&prefix);
    let host = host.args(["--object-type", "origin"]);
    let _done = host.finish(LIMIT).success();
    let rows = of_recording(&path, &prefix);
    let expected: Vec<_> = (4..10).map(|offset| (0, offset)).collect();
    assert_eq!(positions(&rows), expected);
}

/// The marker of a transaction has an offset and is no record.
#[test]
fn partition_that_ends_in_a_marker_is_recorded_to_its_end() {
    let prefix = Prefix::new("marker");
    let topic = prefix.topic("origin");
    Broker::shared().create_topics(&[&topic], 1);
    Broker::shared().write_in_a_transaction(&topic, 5);
    assert_eq!(held(&prefix), 6);
    let (host, path) = record(&prefix);
    let _done = host.finish(LIMIT).success();
    assert_eq!(records(&path), 5);
}

#[test]
fn topics_without_records_give_a_valid_recording() {
    let prefix = Prefix::new("empty-recorded");
    Broker::shared().create_topics(&[prefix.topic("origin")], 2);
    let (host, path) = record(&prefix);
    let finished = host.finish(LIMIT).success();
    assert!(
        finished.stderr.contains("there is no record in this part"),
        "{}",
        finished.stderr
    );
    assert_eq!(records(&path), 0);
    assert!(of_recording(&path, &prefix).is_empty());
}

#[test]
fn signal_leaves_a_valid_recording_of_what_was_read() {
    let prefix = Prefix::new("interrupted");
    Broker::shared().load(&prefix, &shipped(), 4, 5);
    let (host, path) = record(&prefix);
    let folder = path.parent().expect("it is in a folder").to_owned();
    let mut running = host.spawn();
    running.until("a part is written", LIMIT, |_| {
        let entry = fs::read_dir(&folder).ok()?.next()?.ok()?;
        (entry.metadata().ok()?.len() > 0).then_some(())
    });
    running.signal(Signal::TERM);
    let finished = running.finish(LIMIT).code(1);
    let said = refusal(&finished);
    let held = format!("`{}` holds the {} records", path.display(), records(&path));
    assert!(said.starts_with("error: a signal ended it: "), "{said}");
    assert!(said.contains(&held), "{said} and not {held}");
    assert!(is_alone(&path));
}

#[test]
fn existing_file_is_left_alone() {
    let prefix = topics("taken", 3, "1");
    let (host, path) = record(&prefix);
    fs::write(&path, "precious").expect("the folder is ours");
    let finished = host.finish(LIMIT).code(1);
    assert_eq!(
        refusal(&finished),
        format!(
            "error: the file `{}` exists already\nhint: name another file with `--output`, or remove it",
            path.display()
        )
    );
    assert_eq!(fs::read(&path).expect("it exists"), b"precious");
    assert!(is_alone(&path));
}

#[test]
fn full_disk_leaves_no_file() {
    let prefix = topics("full", 3000, "1");
    let (limited, path) = {
        let path = run::folder("full").join("new.journal.zst");
        let host = Host::after("ulimit -f 8")
            .args(["record", "--brokers", &Broker::shared().address()])
            .args(["--prefix", prefix.as_str(), "--output"])
            .arg(&path);
        (host, path)
    };
    let finished = limited.finish(LIMIT).code(1);
    let said = refusal(&finished);
    assert!(said.starts_with("error: cannot write `"), "{said}");
    assert!(said.contains("hint: make room"), "{said}");
    let folder = path.parent().expect("it is in a folder");
    assert_eq!(fs::read_dir(folder).expect("it is ours").count(), 0);
}

#[test]
fn partition_that_does_not_exist_is_refused() {
    let prefix = topics("no-partition", 3, "1");
    let (host, path) = record(&prefix);
    let finished: Finished = host.args(["--partition", "7"]).finish(LIMIT).code(1);
    assert!(
        refusal(&finished).starts_with(&format!(
            "error: there is no partition `7` among the topics `{prefix}.extid`, `{prefix}.origin`"
        )),
        "{}",
        finished.stderr
    );
    assert!(!path.exists());
}

/// `journal-host record` of another recording to a new file.
fn copy(from: &Path) -> (Host, PathBuf) {
    let path = run::folder("record").join("copy.journal.zst");
    let host = Host::new()
        .args(["record", "--recording"])
        .arg(from)
        .arg("--output")
        .arg(&path);
    (host, path)
}

#[test]
fn copy_of_a_recording_gives_a_processor_the_same_records() {
    let prefix = Prefix::usual();
    let from = recording(&made(20));
    let (host, path) = copy(&from);
    let finished = host.finish(LIMIT).success();
    assert!(
        finished.stderr.contains("20 records, "),
        "{}",
        finished.stderr
    );
    assert!(is_alone(&path));
    assert_eq!(of_recording(&path, &prefix), of_recording(&from, &prefix));
}

#[test]
fn part_of_a_recording_is_recorded_by_type_and_number() {
    let from = recording(&made(20));
    for (arguments, expected) in [
        (&["--object-type", "origin"][..], 7),
        (&["--max-records", "5"][..], 5),
        (&["--max-records-per-topic", "2"][..], 4),
    ] {
        let (host, path) = copy(&from);
        let _done = host.args(arguments).finish(LIMIT).success();
        assert_eq!(records(&path), expected, "{arguments:?}");
    }
}

#[test]
fn partitions_and_positions_name_a_part_of_a_cluster_only() {
    let from = recording(&made(3));
    for arguments in [["--partition", "0"], ["--from", "1"], ["--until", "2"]] {
        let (host, path) = copy(&from);
        let finished = host.args(arguments).finish(LIMIT).code(2);
        assert_eq!(
            finished.stderr,
            "error: `--partition`, `--from` and `--until` choose a part of a cluster's topics\nhint: leave them out; \
             `--object-type`, `--max-records` and `--max-records-per-topic` limit what is read of any source\n"
        );
        assert!(!path.exists());
    }
}

#[test]
fn recording_without_a_source_names_all_kinds() {
    let finished = Host::new()
        .args(["record", "--output", "new.journal.zst"])
        .finish(LIMIT)
        .code(2);
    assert_eq!(
        finished.stderr,
        "error: `--recording`, `--git`, `--dataset` or `--brokers` is required\nhint: `--recording` reads a recording, \
         `--git` a git repository, `--dataset` a dataset in ORC files, `--brokers` a Kafka cluster\n"
    );
}

#[test]
fn recording_is_not_written_to_standard_output() {
    let host = Host::new()
        .args(["record", "--output", "-", "--recording"])
        .arg(recording(&made(3)));
    let folder = host.folder().to_owned();
    let finished = host.finish(LIMIT).code(2);
    assert_eq!(
        finished.stderr,
        "error: standard output is no place for a recording\nhint: name a file with `--output`; `./-` is one with the name \
         `-`\n"
    );
    assert!(finished.stdout.is_empty() && !folder.join("-").exists());
}
