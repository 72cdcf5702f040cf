//! `verify-objects` finds the planted damage, and the same damage as upstream's classes: in a recording, on Kafka with
//! two processes, and after an interruption.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use journal_tests::kafka::Journal;
use journal_tests::{Broker, Finished, Host, Prefix, oracle, paths, run};
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_mins(2);
const PARTITIONS: i32 = 4;
/// The number of copies of the journal, which makes a run long enough to interrupt it.
const REPETITIONS: usize = 8;

/// The file with the rows of both outputs.
const ROWS: &str = "rows.jsonl";

type Counts = BTreeMap<String, [u64; 4]>;

/// The result of a run: the damaged records as sorted strings, and the counts.
#[derive(Clone, Debug, Default, PartialEq)]
struct Found {
    corrupt: Vec<String>,
    checked: Counts,
}

impl Found {
    fn add(&mut self, object_type: &Value, counts: &Value) {
        let object_type = object_type.as_str().expect("a type is text");
        let sums = self.checked.entry(object_type.to_owned()).or_default();
        let kinds = ["verified", "corrupt", "anonymised", "without_identifier"];
        for (sum, kind) in sums.iter_mut().zip(kinds) {
            *sum += counts[kind].as_u64().expect("a count is a number");
        }
    }

    /// The result for a journal that has every record this many times.
    fn times(mut self, repetitions: usize) -> Self {
        let copies = (0..repetitions).flat_map(|_| self.corrupt.clone());
        self.corrupt = copies.collect();
        self.corrupt.sort_unstable();
        for count in self.checked.values_mut().flatten() {
            *count *= repetitions as u64;
        }
        self
    }
}

/// A damaged record as a string for comparison. Offsets are comparable only for recordings.
fn corrupt(row: &Value, with_offset: bool) -> String {
    let offset = if with_offset {
        &row["offset"]
    } else {
        &Value::Null
    };
    let members = ["object_type", "damage", "id", "expected_id"].map(|name| &row[name]);
    json!([offset, members]).to_string()
}

fn upstream(path: &Path, privileged: bool, with_offset: bool) -> Found {
    let flag = if privileged { "true" } else { "false" };
    let lines = oracle::script("verify_objects.py", [path.as_os_str(), flag.as_ref()]);
    let mut found = Found::default();
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).expect("the script writes JSON");
        match line["counts"].as_object() {
            None => found.corrupt.push(corrupt(&line, with_offset)),
            Some(counts) => {
                for (object_type, counts) in counts {
                    found.add(&json!(object_type), counts);
                }
            }
        }
    }
    found.corrupt.sort_unstable();
    found
}

/// A run that writes both outputs to one file in this folder, so that a checkpoint is one write.
fn host(folder: &Path) -> Host {
    Host::run(&paths::plugin("verify-objects"))
        .arg("--output")
        .arg(folder.join(ROWS))
}

fn found<'a>(folders: impl IntoIterator<Item = &'a PathBuf>, with_offset: bool) -> Found {
    let mut found = Found::default();
    for folder in folders {
        let text = std::fs::read_to_string(folder.join(ROWS)).unwrap_or_default();
        for line in text.lines() {
            let line: Value = serde_json::from_str(line).expect("a row is JSON");
            let row = &line["row"];
            match line["output"].as_str() {
                Some("corrupt") => found.corrupt.push(corrupt(row, with_offset)),
                Some("checked") => found.add(&row["object_type"], row),
                _ => panic!("a row of an unknown output: {line}"),
            }
        }
    }
    found.corrupt.sort_unstable();
    found
}

fn from_recording(path: &Path, privileged: bool) -> Found {
    let folder = run::folder("verified");
    let _: Finished = host(&folder)
        .arg("--recording")
        .arg(path)
        .args(privileged.then_some("--privileged"))
        .finish(LIMIT)
        .success();
    found([&folder], true)
}

/// A journal with planted damage, and the object type and offset of each damaged record.
fn damaged() -> (PathBuf, Vec<(String, u64)>) {
    let folder = run::folder("damage");
    let intact = oracle::test_objects(&folder);
    let path = folder.join("damaged.frames");
    let planted = oracle::script("plant_damage.py", [&intact, &path]);
    let location = |line: &str| {
        let line: Value = serde_json::from_str(line).expect("the script writes JSON");
        let object_type = line["object_type"].as_str().expect("a type is text");
        (
            object_type.to_owned(),
            line["offset"].as_u64().expect("an offset is a number"),
        )
    };
    (path, planted.lines().map(location).collect())
}

#[test]
fn shipped_recording_is_intact_as_upstream_finds_it() {
    let path = paths::repository().join("recordings/ripgrep.journal.zst");
    let found = from_recording(&path, false);
    assert_eq!(found, upstream(&path, false, true));
    assert!(found.corrupt.is_empty());
    assert_eq!(found.checked["directory"], [10_268, 0, 0, 0]);
}

#[test]
fn all_planted_damage_is_found_as_upstream_finds_it() {
    let (path, mut planted) = damaged();
    assert!(planted.len() >= 40, "{}", planted.len());
    let found = from_recording(&path, true);
    assert_eq!(found, upstream(&path, true, true));
    let location = |row: &String| {
        let row: Value = serde_json::from_str(row).expect("it was written as JSON");
        let object_type = row[1][0].as_str().expect("a type is text");
        (
            object_type.to_owned(),
            row[0].as_u64().expect("an offset is a number"),
        )
    };
    let mut locations: Vec<_> = found.corrupt.iter().map(location).collect();
    locations.sort_unstable();
    planted.sort_unstable();
    assert_eq!(locations, planted);
}

/// Loads copies of the shipped recording with planted damage, and returns what upstream finds in them.
fn on_kafka(name: &str) -> (Prefix, Found) {
    let (damaged, _) = damaged();
    let shipped = paths::repository().join("recordings/ripgrep.journal.zst");
    let mut journal = Journal::read(&damaged);
    let mut expected = upstream(&damaged, true, false);
    journal.records.retain(|record| {
        // A privileged reader reads the privileged topic of a type, and the shipped recording has only public topics.
        record.privileged || !["revision", "release"].contains(&&*record.object_type)
    });
    let history = Journal::read(&shipped).records.into_iter();
    journal
        .records
        .extend(history.filter(|record| !["revision", "release"].contains(&&*record.object_type)));
    for (object_type, counts) in upstream(&shipped, false, false).checked {
        if !["revision", "release"].contains(&&*object_type) {
            let sums = expected.checked.entry(object_type).or_default();
            sums.iter_mut()
                .zip(counts)
                .for_each(|(sum, count)| *sum += count);
        }
    }
    let prefix = Prefix::new(name);
    // The repetitions of `load` would change the keys, which counts as damage here.
    let copies = std::iter::repeat_n(journal.records, REPETITIONS);
    journal.records = copies.flatten().collect();
    Broker::shared().load(&prefix, &journal, PARTITIONS, 1);
    (prefix, expected.times(REPETITIONS))
}

fn on_broker(folder: &Path, prefix: &Prefix, group: &str) -> Host {
    host(folder)
        .args(["--brokers", &Broker::shared().address(), "--privileged"])
        .args([
            "--prefix",
            prefix.as_str(),
            "--group-id",
            group,
            "--on-eof",
            "stop",
        ])
        .args([
            "--kafka",
            "heartbeat.interval.ms=200",
            "--kafka",
            "session.timeout.ms=6000",
        ])
        // A checkpoint after each call, unless the one before is not confirmed.
        .args(["--checkpoint-interval", "1us", "--batch-records", "200"])
}

#[test]
fn two_processes_together_find_what_upstream_finds() {
    let (prefix, expected) = on_kafka("verified");
    let folders = [(); 2].map(|()| run::folder("process"));
    let group = prefix.group("two");
    let running = folders
        .each_ref()
        .map(|folder| on_broker(folder, &prefix, &group).spawn());
    let _: [Finished; 2] = running.map(|process| process.finish(LIMIT).success());
    assert_eq!(found(&folders, false), expected);
}

#[test]
fn run_killed_before_its_rows_are_written_and_resumed_finds_everything_once() {
    let (prefix, expected) = on_kafka("resumed");
    let folders = [(); 2].map(|()| run::folder("process"));
    let group = prefix.group("resumed");
    let killed = on_broker(&folders[0], &prefix, &group)
        .fault("kill-before:write:2")
        .finish(LIMIT);
    assert!(!killed.status.success(), "{}", killed.stderr);
    let before = found(&folders[..1], false);
    assert!(!before.checked.is_empty() && before != expected);
    let _: Finished = on_broker(&folders[1], &prefix, &group)
        .finish(LIMIT)
        .success();
    assert_eq!(found(&folders, false), expected);
}
