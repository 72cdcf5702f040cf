//! Records of 100 MiB pass all shipped plugins within the default limits, from a recording and from Kafka.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use journal_plugin_sdk::owned;
use journal_plugin_sdk::{
    Date, EntryType, ExtendedObjectKind, ExtendedSwhid, Id, ObjectKind, Person, Target, hash,
};
use journal_recording::{Frame, Writer};
use journal_tests::kafka::{Journal, Record};
use journal_tests::{Broker, Finished, Host, Prefix, Running, paths, run};
use serde_json::Value;

const LIMIT: Duration = Duration::from_mins(5);

/// The size of a record: what a broker of 100 MiB takes, with its head.
const BYTES: usize = (100 << 20) - (64 << 10);

/// The sizes of one item of each list, in bytes.
const ENTRY: usize = 67;
const BRANCH: usize = 72;
const PARENT: usize = 22;

/// A number as a name that sorts as the numbers do.
fn name(number: usize) -> Vec<u8> {
    format!("{number:07}.{:x}", number % 16).into_bytes()
}

fn id(number: usize) -> Id {
    hash::sha1(&number.to_be_bytes())
}

/// The record of an object with its right identifier.
fn record<T: owned::Object>(object: &T) -> Record {
    let value = object.encode();
    assert!(
        value.len() <= BYTES && value.len() > BYTES - BYTES / 16,
        "{}",
        value.len()
    );
    Record {
        object_type: T::OBJECT_TYPE.to_owned(),
        // The persons are those of a privileged topic.
        privileged: ["revision", "release"].contains(&T::OBJECT_TYPE),
        key: object.key(),
        value: Some(value),
    }
}

fn directory() -> Record {
    let entries = (0..BYTES / ENTRY).map(|number| owned::Entry {
        name: name(number),
        entry_type: EntryType::File,
        target: id(number),
        perms: 0o100_644,
    });
    record(&owned::Directory {
        entries: entries.collect(),
        ..owned::Directory::new()
    })
}

fn snapshot() -> Record {
    let branches = (0..BYTES / BRANCH).map(|number| owned::Branch {
        name: [b"refs/heads/", &name(number)[..7]].concat(),
        target: Some(owned::Target::from(Target::Object(
            ObjectKind::Revision,
            id(number),
        ))),
    });
    record(&owned::Snapshot {
        branches: branches.collect(),
        ..owned::Snapshot::new()
    })
}

fn revision() -> owned::Revision {
    let (person, date) = (
        Person::from_fullname("Ada <ada@example.org>"),
        Date::new(1_700_000_000, 0, &b"+0000"[..]),
    );
    owned::Revision::new()
        .author(person.clone())
        .date(date.clone())
        .committer(person)
        .committer_date(date)
}

/// A revision with a list of parents, one whose first line is long and no text, and one with large metadata.
fn revisions() -> [Record; 3] {
    let parents = (0..BYTES / PARENT - 100).map(id);
    let metadata: BTreeMap<String, String> = (0..BYTES / 1000 - 1)
        .map(|number| (number.to_string(), "x".repeat(990)))
        .collect();
    [
        record(&owned::Revision {
            parents: parents.collect(),
            ..revision()
        }),
        record(&revision().message([0xff, 0x01].repeat(BYTES / 2 - 1000))),
        record(&revision().metadata(&metadata).expect("it is a map")),
    ]
}

fn metadata() -> Record {
    let target = ExtendedSwhid::new(ExtendedObjectKind::Directory, id(0));
    record(
        &owned::RawExtrinsicMetadata::new()
            .target(target)
            .format("json")
            .metadata("é\n\u{1}".repeat((BYTES - 1000) / 4)),
    )
}

fn records() -> Vec<Record> {
    let mut records = vec![directory(), snapshot(), metadata()];
    records.extend(revisions());
    records
}

/// A recording of all of them.
fn recording() -> &'static Path {
    static RECORDING: OnceLock<PathBuf> = OnceLock::new();
    RECORDING.get_or_init(|| {
        let path = run::folder("large-records").join("large.journal.zst");
        let records = records();
        let topics: Vec<String> = records.iter().map(topic).collect();
        let mut names: Vec<&str> = topics.iter().map(String::as_str).collect();
        names.dedup();
        let mut writer = Writer::create(&path, &names).expect("a folder of ours");
        for (record, topic) in records.iter().zip(&topics) {
            let frame = Frame {
                topic,
                key: &record.key,
                value: record.value.as_deref(),
                partition: None,
                offset: None,
                timestamp_ms: None,
            };
            writer.write(&frame).expect("there is room");
        }
        writer.finish().expect("there is room");
        path
    })
}

fn topic(record: &Record) -> String {
    let prefix = if record.privileged {
        "swh.journal.objects_privileged"
    } else {
        "swh.journal.objects"
    };
    format!("{prefix}.{}", record.object_type)
}

/// A run over the recording, within the default limits.
fn run_over(plugin: &str, arguments: &[&str]) -> Finished {
    Host::run(&paths::plugin(plugin))
        .arg("--recording")
        .arg(recording())
        .args(["--privileged=if-available", "--missing-topics", "ignore"])
        .args(arguments)
        .finish(LIMIT)
        .success()
}

/// The rows in the last line of the log: ``rows: 1 in `nodes` ``.
#[track_caller]
fn assert_rows(finished: &Finished, expected: &[(usize, &str)]) {
    let log = finished.stderr.replace(',', "");
    for (count, output) in expected {
        let rows = format!("{count} in `{output}`");
        assert!(log.contains(&rows), "{rows}: {log}");
    }
    assert!(log.contains(" 0 rejected"), "{log}");
}

#[test]
fn graph_edges_emits_the_edges_of_large_records_in_pieces() {
    let finished = run_over("graph-edges", &["--output", "/dev/null"]);
    let [entries, branches, parents] = [BYTES / ENTRY, BYTES / BRANCH, BYTES / PARENT - 100];
    // Each of the three revisions has a directory.
    assert_rows(
        &finished,
        &[(5, "nodes"), (entries + branches + parents + 3, "edges")],
    );
}

#[test]
fn replay_writes_the_lists_of_large_records_to_a_database() {
    let folder = run::folder("large-replay");
    let file = folder.join("rows.sqlite");
    let finished = run_over("replay", &["--output", &file.display().to_string()]);
    assert_rows(
        &finished,
        &[
            (BYTES / ENTRY, "directory_entry"),
            (BYTES / BRANCH, "snapshot_branch"),
            (BYTES / PARENT - 100, "revision_parent"),
            (3, "revision"),
            (1, "raw_extrinsic_metadata"),
        ],
    );
    // It has a gigabyte.
    fs::remove_dir_all(folder).expect("it is ours");
}

#[test]
fn list_revisions_writes_large_revisions() {
    let finished = run_over("list-revisions", &[]);
    let lines: Vec<&str> = finished.stdout.lines().collect();
    assert_eq!(lines.len(), 3);
    let row =
        |index: usize| -> Value { serde_json::from_str(lines[index]).expect("a row is JSON") };
    let parents = row(0)["parents"].as_array().map(Vec::len);
    assert_eq!(parents, Some(BYTES / PARENT - 100));
    let row = row(1);
    let subject = row["subject"].as_str().expect("a subject is text");
    assert_eq!(subject.chars().count(), 1 << 20);
}

#[test]
fn verify_objects_verifies_large_records() {
    let finished = run_over("verify-objects", &[]);
    assert_rows(&finished, &[(0, "corrupt"), (4, "checked")]);
    let verified = |line: &str| -> u64 {
        let row: Value = serde_json::from_str(line).expect("a row is JSON");
        row["row"]["verified"]
            .as_u64()
            .expect("a count is a number")
    };
    assert_eq!(finished.stdout.lines().map(verified).sum::<u64>(), 6);
}

#[test]
fn print_objects_prints_large_records() {
    let arguments = ["--option", "object_types=any", "--output", "/dev/null"];
    assert_rows(&run_over("print-objects", &arguments), &[(6, "rows")]);
}

#[test]
fn statistics_take_large_records() {
    for (plugin, expected) in [
        ("count-objects", &[(4, "counts")][..]),
        ("commit-activity", &[(1, "months"), (1, "hours")]),
        ("file-extensions", &[(16, "files")]),
        (
            "months-and-extensions",
            &[(1, "months"), (16, "extensions")],
        ),
    ] {
        assert_rows(&run_over(plugin, &["--output", "/dev/null"]), expected);
    }
}

/// The memory limit of the processes below.
const PROCESS_MEMORY: u64 = 1 << 30;

#[track_caller]
fn assert_bounded(host: Host, expected: &[(usize, &str)]) {
    let mut running: Running = host
        .args(["--process-memory", &PROCESS_MEMORY.to_string()])
        .args(["--output", "/dev/null"])
        .spawn();
    let mut peak = 0;
    running.until("its end", LIMIT, |running| {
        peak = running.peak_bytes().unwrap_or(peak);
        running.peak_bytes().is_none().then_some(())
    });
    let finished: Finished = running.finish(LIMIT).success();
    assert_rows(&finished, expected);
    assert!(peak < PROCESS_MEMORY, "{peak} bytes");
}

#[test]
fn large_record_of_a_recording_keeps_the_memory_of_the_process() {
    let host = Host::run(&paths::plugin("verify-objects"))
        .arg("--recording")
        .arg(recording())
        .args(["--object-type", "directory"]);
    assert_bounded(host, &[(0, "corrupt"), (1, "checked")]);
}

#[test]
fn large_records_of_kafka_keep_the_memory_of_the_process() {
    let prefix = Prefix::new("large-records");
    let journal = Journal {
        records: vec![directory(), snapshot()],
    };
    Broker::shared().load(&prefix, &journal, 1, 1);
    let host = Host::run(&paths::plugin("verify-objects"))
        .args(["--brokers", &Broker::shared().address()])
        .args(["--prefix", prefix.as_str(), "--on-eof", "stop"])
        .args(["--group-id", &prefix.group("bounded")]);
    assert_bounded(host, &[(0, "corrupt"), (2, "checked")]);
}
