//! A directory of which the export has a part only is a bad record.

use std::sync::LazyLock;

use journal_tests::{Host, oracle, paths, run};
use serde_json::Value;

use super::{Dataset, LIMIT, assert_same_objects, assert_says, files_of, records};

/// Upstream goes on after it has failed in the middle of an object: here in the second of four directories.
pub(super) static EXPORTED_IN_PART: LazyLock<Dataset> = LazyLock::new(|| {
    let recording = run::folder("in-part").join("r.frames");
    let _done = oracle::script("partly_exported.py", [&recording]);
    Dataset::exported(&recording, &[])
});

/// The sentence that names it.
fn said() -> String {
    let file = files_of(&EXPORTED_IN_PART, "directory").remove(0);
    format!(
        " in row 1 of `{}` is damaged: its content has another identifier",
        file.display()
    )
}

fn count() -> Host {
    EXPORTED_IN_PART
        .run("count-objects")
        .args(["--object-type", "directory"])
}

#[test]
fn damaged_directory_ends_the_run_and_is_named() {
    let finished = count().finish(LIMIT).code(1);
    let parts = ["error: the object `swh:1:dir:", &said(), "hint: "];
    assert_says(&finished, &parts);
    assert_says(
        &finished,
        &["--on-failure skip", "--on-failure dead-letter"],
    );
}

#[test]
fn damaged_directory_is_passed_over_and_counted_where_that_is_asked_for() {
    let finished = count()
        .args(["--on-failure", "skip"])
        .finish(LIMIT)
        .success();
    assert_eq!(records(&EXPORTED_IN_PART.expected).len(), 3);
    assert_eq!(finished.counts()["directory"].objects, 3);
    let counts = "identifiers of the type `directory`: 3 verified, 1 damaged";
    assert_says(&finished, &["skipped the record at", &said(), counts]);
    assert_says(&finished, &["0 rejected, 1 damaged"]);
}

#[test]
fn damaged_directory_is_a_dead_letter_that_can_be_processed() {
    let folder = run::folder("damaged-letters");
    let letters = folder.join("letters.jsonl");
    let _done = count()
        .args(["--on-failure", "dead-letter", "--dead-letters"])
        .arg(&letters)
        .finish(LIMIT)
        .success();
    let written = journal_tests::host::rows(&letters);
    let [letter] = &written[..] else {
        panic!("{written:?}");
    };
    assert_eq!(letter["kind"], "damaged");
    let reason = letter["reason"].as_str().expect("it is text");
    assert!(reason.ends_with(&said()), "{reason}");
    assert!(letter["value"].is_string(), "{letter}");
    let redriven = Host::new()
        .arg("redrive")
        .arg(&letters)
        .arg("--plugin")
        .arg(paths::plugin("count-objects"))
        .finish(LIMIT)
        .success();
    assert_eq!(redriven.counts()["directory"].objects, 1);
    assert_says(&redriven, &["holds 0 dead letters now"]);
}

#[test]
fn recording_of_a_dataset_has_no_damaged_directory_and_the_log_names_it() {
    let path = run::folder("damaged-recorded").join("r.journal.zst");
    let finished = Host::new()
        .args(["record", "--dataset"])
        .arg(&EXPORTED_IN_PART.folder)
        .arg("--output")
        .arg(&path)
        .finish(LIMIT)
        .success();
    assert_says(
        &finished,
        &["left out: ", &said(), "1 damaged record left out"],
    );
    assert_same_objects(&records(&EXPORTED_IN_PART.expected), &records(&path));
}

#[test]
fn damaged_directory_is_shown_and_marked() {
    let shown = Host::new()
        .args(["show", "--json", "-n", "10", "--dataset"])
        .arg(&EXPORTED_IN_PART.folder)
        .finish(LIMIT)
        .success();
    let rows = shown.rows();
    assert_eq!(rows.len(), 4);
    let mut marks = rows.iter().map(|row| row["damaged"].as_str());
    let is_marked = marks.by_ref().position(|mark| mark.is_some());
    assert_eq!(is_marked, Some(1));
    assert!(marks.all(|mark| mark.is_none()));
    let mark = rows[1].get("damaged").and_then(Value::as_str);
    assert!(mark.is_some_and(|mark| mark.ends_with(&said())), "{mark:?}");
}
