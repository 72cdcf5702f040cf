//! An empty parent, which some old revisions have: each plugin keeps its rule, as their READMEs say.

use std::time::Duration;

use journal_tests::{Finished, Host, paths};
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_mins(1);

fn rows(plugin: &str) -> Vec<Value> {
    let recording = paths::repository().join("tests/data/records/empty-parent.frames");
    let finished: Finished = Host::run(&paths::plugin(plugin))
        .arg("--recording")
        .arg(recording)
        .args(["--object-type", "revision"])
        .finish(LIMIT)
        .success();
    let lines = finished.stdout.lines();
    lines
        .map(|line| serde_json::from_str(line).expect("a row is JSON"))
        .collect()
}

#[test]
fn list_revisions_drops_it_and_print_objects_shows_it() {
    assert_eq!(rows("list-revisions")[0]["parents"], json!([]));
    assert_eq!(rows("print-objects")[0]["object"]["parents"], json!([""]));
}
