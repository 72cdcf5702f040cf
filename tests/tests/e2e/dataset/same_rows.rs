//! A plugin gives the same rows over a recording and over the export that was made of it.

use std::fs;
use std::path::Path;

use journal_tests::{Host, paths, run};

use super::{LIMIT, SHIPPED, copy, shipped};
use crate::sorted_rows::rows;

/// The plugins, each with its outputs.
const PLUGINS: [(&str, &[&str]); 4] = [
    ("commit-activity", &["months", "zones", "hours"]),
    ("file-extensions", &["files"]),
    ("months-and-extensions", &["months", "extensions"]),
    ("list-revisions", &["revisions"]),
];

#[test]
fn recording_and_dataset_give_the_same_rows() {
    for (plugin, outputs) in PLUGINS {
        let of_recording = Host::run(&paths::plugin(plugin))
            .arg("--recording")
            .arg(shipped());
        let of_recording = rows(of_recording, outputs);
        assert!(
            of_recording == rows(SHIPPED.run(plugin), outputs),
            "{plugin}"
        );
    }
}

#[test]
fn workers_share_the_files() {
    let run = || SHIPPED.run("list-revisions");
    let alone = rows(run(), &["revisions"]);
    assert!(alone == rows(run().args(["--workers", "3"]), &["revisions"]));
}

#[test]
fn shares_of_several_processes_are_the_whole() {
    let run = || SHIPPED.run("list-revisions");
    let mut shared = Vec::new();
    for share in ["1/2", "2/2"] {
        let part = rows(
            run().args(["--share", share, "--workers", "2"]),
            &["revisions"],
        );
        shared.extend(part.into_iter().flatten());
    }
    shared.sort_unstable();
    assert!(rows(run(), &["revisions"]) == [shared]);
}

#[test]
fn plugin_that_does_without_a_relation_gives_the_same_rows() {
    let whole = rows(SHIPPED.run("commit-activity"), &["months"]);
    let lacking = copy(&SHIPPED);
    fs::remove_dir_all(lacking.folder.join("revision_history")).expect("the folder is ours");
    let run = || lacking.run("commit-activity");
    assert!(whole == rows(run(), &["months"]));
    let warned = |host: Host| {
        let finished = host.args(["--output", "months=months.jsonl"]).finish(LIMIT);
        finished.success().stderr.contains("revision_history")
    };
    assert!(warned(run()));
    assert!(!warned(run().args(["--without", "revision_history"])));
}

#[test]
fn other_commands_read_a_dataset() {
    let plugin = paths::plugin("commit-activity");
    let over = |command: &str, plugin: &[&Path], source: &str, path: &Path| {
        let host = Host::new().arg(command).args(plugin);
        host.arg(source).arg(path)
    };
    let golden = run::folder("golden").join("golden.jsonl");
    let _written = over("test", &[&plugin], "--recording", &shipped())
        .arg("--update")
        .arg("--expect")
        .arg(&golden)
        .finish(LIMIT)
        .success();
    let dataset = &SHIPPED.folder;
    let same = over("test", &[&plugin], "--dataset", dataset)
        .arg("--expect")
        .arg(&golden)
        .finish(LIMIT)
        .success();
    let splits = "the same with 3 other splits";
    assert!(same.stdout.contains(splits), "{}", same.stdout);

    let shown = over("show", &[], "--dataset", dataset)
        .args(["--json", "-n", "1", "--object-type", "revision"])
        .finish(LIMIT)
        .success();
    let id = &shown.rows()[0]["object"]["id"];
    let swhid = format!("swh:1:rev:{}", id.as_str().expect("it is text"));
    let found = over("show", &[], "--dataset", dataset)
        .args(["--json", "--id", &swhid])
        .finish(LIMIT)
        .success();
    assert_eq!(found.rows(), shown.rows());

    let bench = over("bench", &[&plugin], "--dataset", dataset)
        .args(["--rounds", "1", "--warm-up", "0", "--json"])
        .finish(LIMIT)
        .success();
    assert!(bench.stdout.starts_with('{'), "{}", bench.stdout);
}
