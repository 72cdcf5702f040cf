//! `commit-activity`, `file-extensions` and `months-and-extensions` give the counts of a script that uses upstream's
//! classes.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::OnceLock;

use journal_tests::{Broker, Host, Prefix, host, oracle, paths};
use serde_json::Value;

use crate::delivery::{LIMIT, host as on_kafka, large};

/// The plugins, each with the object types that it reads and its outputs.
const PLUGINS: [(&str, &[&str], &[&str]); 3] = [
    (
        "commit-activity",
        &["revision"],
        &["months", "zones", "hours"],
    ),
    ("file-extensions", &["directory"], &["files"]),
    (
        "months-and-extensions",
        &["revision", "directory"],
        &["months", "extensions"],
    ),
];

/// The sum for each key over all rows of an output.
type Sums = BTreeMap<String, u64>;

/// The script's counts for the shipped recording.
fn expected(output: &str) -> Sums {
    static SCRIPT: OnceLock<Value> = OnceLock::new();
    let counted = SCRIPT.get_or_init(|| {
        let printed = oracle::script("statistics.py", [recording()]);
        serde_json::from_str(&printed).expect("the script prints JSON")
    });
    sums(
        counted[output]
            .as_array()
            .expect("the script counts every output"),
    )
}

fn recording() -> PathBuf {
    paths::repository().join("recordings/ripgrep.journal.zst")
}

fn sums(rows: &[Value]) -> Sums {
    let mut sums = Sums::new();
    for row in rows {
        let mut key = row.as_object().expect("rows are objects").clone();
        let count = ["revisions", "files"]
            .iter()
            .find_map(|name| key.remove(*name));
        let count = count
            .and_then(|count| count.as_u64())
            .expect("rows have counts");
        *sums.entry(Value::Object(key).to_string()).or_default() += count;
    }
    sums
}

fn with_outputs(mut host: Host, outputs: &[&str]) -> (Host, Vec<PathBuf>) {
    let files: Vec<_> = outputs
        .iter()
        .map(|output| host.folder().join(format!("{output}.jsonl")))
        .collect();
    for (output, file) in outputs.iter().zip(&files) {
        host = host
            .arg("--output")
            .arg(format!("{output}={}", file.display()));
    }
    (host, files)
}

fn add(sums_of_outputs: &mut [Sums], files: &[PathBuf]) {
    for (all, file) in sums_of_outputs.iter_mut().zip(files) {
        for (key, count) in sums(&host::rows(file)) {
            *all.entry(key).or_default() += count;
        }
    }
}

fn assert_repeated(outputs: &[&str], sums_of_outputs: &[Sums]) {
    for (output, sums) in outputs.iter().zip(sums_of_outputs) {
        let mut expected = expected(output);
        for count in expected.values_mut() {
            *count *= u64::from(large().repetitions);
        }
        assert_eq!(*sums, expected, "{output}");
    }
}

#[test]
fn recording_gives_one_row_per_key_with_the_scripts_counts() {
    for (plugin, _, outputs) in PLUGINS {
        let host = Host::run(&paths::plugin(plugin))
            .arg("--recording")
            .arg(recording());
        let (host, files) = with_outputs(host, outputs);
        drop(host.finish(LIMIT).success());
        for (output, file) in outputs.iter().zip(&files) {
            let rows = host::rows(file);
            assert_eq!(sums(&rows), expected(output), "{output}");
            assert_eq!(
                rows.len(),
                expected(output).len(),
                "{output}: a key has one row"
            );
        }
    }
}

#[test]
fn partial_sums_of_two_processes_add_up_to_the_scripts_counts() {
    let large = large();
    for (plugin, _, outputs) in PLUGINS {
        let group = large.prefix.group(&format!("two-{plugin}"));
        let started = [(); 2].map(|()| {
            let (host, files) = with_outputs(
                with_many_checkpoints(plugin, &large.prefix, &group),
                outputs,
            );
            (host.spawn(), files)
        });
        let mut total = vec![Sums::new(); outputs.len()];
        for (process, files) in started {
            drop(process.finish(LIMIT).success());
            add(&mut total, &files);
        }
        assert_repeated(outputs, &total);
    }
}

#[test]
fn interrupted_and_resumed_run_adds_up_to_the_scripts_counts() {
    let large = large();
    for (plugin, _, outputs) in PLUGINS {
        let group = large.prefix.group(&format!("resumed-{plugin}"));
        let mut total = vec![Sums::new(); outputs.len()];

        let some = with_many_checkpoints(plugin, &large.prefix, &group);
        let (host, files) = with_outputs(some.args(["--stop-after", "50000"]), outputs);
        drop(host.finish(LIMIT).success());
        let committed = Broker::shared().committed_records(&group, &large.prefix);
        assert_eq!(committed, 50_000);
        add(&mut total, &files);

        let (host, files) = with_outputs(
            with_many_checkpoints(plugin, &large.prefix, &group),
            outputs,
        );
        drop(host.finish(LIMIT).success());
        add(&mut total, &files);
        assert_repeated(outputs, &total);
    }
}

/// A run with many checkpoints, so that there are partial sums.
fn with_many_checkpoints(plugin: &str, prefix: &Prefix, group: &str) -> Host {
    on_kafka(plugin, prefix, group).args(["--checkpoint-interval", "50ms"])
}
