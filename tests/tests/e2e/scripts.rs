//! Python scripts in the runtime that `build-runtime python` makes.

mod absent;
mod alike;
mod clients;
mod endless;
mod files;
mod javascript;
mod memory;
mod mistakes;
mod options;
mod printed;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use journal_tests::{Finished, Host, oracle, paths, run};
use serde_json::Value;

/// The first run compiles the runtime, which may wait for others.
const LIMIT: Duration = Duration::from_mins(10);

/// A file in a new folder.
fn file(name: &str, text: &str) -> PathBuf {
    let path = run::folder("script").join(name);
    fs::write(&path, text).expect("it can be written");
    path
}

/// A run of a script over a recording.
fn over(recording: &Path, script: &Path) -> Host {
    Host::run(script)
        .arg("--runtime")
        .arg(paths::runtime())
        .arg("--recording")
        .arg(recording)
}

/// A run of a script over the revisions of the shipped recording.
fn host(script: &Path) -> Host {
    let recording = paths::repository().join("recordings/ripgrep.journal.zst");
    over(&recording, script).args(["--object-type", "revision"])
}

fn failed(host: Host) -> Finished {
    let finished = host.finish(LIMIT);
    assert_eq!(finished.status.code(), Some(1), "{}", finished.stderr);
    finished
}

#[track_caller]
fn says(finished: &Finished, text: &str) {
    assert!(
        finished.stderr.contains(text),
        "{text}\n{}",
        finished.stderr
    );
}

/// Runs a script to its end, and reads the dead letters of the records that it failed on.
#[track_caller]
fn with_letters(host: Host) -> (Finished, Vec<Value>) {
    let file = run::folder("script").join("letters.jsonl");
    let finished = host
        .args(["--on-failure", "dead-letter", "--dead-letters"])
        .arg(&file)
        .finish(LIMIT)
        .success();
    let text = fs::read_to_string(file).expect("it is there");
    let letter = |line| serde_json::from_str(line).expect("it is JSON");
    (finished, text.lines().map(letter).collect())
}

/// `python/tests/test_mapping.py` compares all operations; this is what a reader of the guide tries.
#[test]
fn object_is_a_dict_with_attributes() {
    let script = file(
        "objects.py",
        "import json\n\n\n\
         def process_revision(revision, emit):\n    \
             assert isinstance(revision, dict) and type(revision['date']) is dict\n    \
             text = json.dumps(revision, default=bytes.hex)\n    \
             emit({'swhid': revision.swhid(), 'date': revision.date.to_datetime(), 'seconds': revision.date.timestamp.seconds,\n        \
                 'name': revision.author.fullname, 'whole': {**revision} == revision == dict(revision),\n        \
                 'parents': json.loads(text)['parents'] == list(map(str, revision.parents)), 'fields': len(revision)})\n",
    );
    let finished = host(&script).finish(LIMIT).success();
    let rows = finished.rows();
    assert_eq!(rows.len(), 4391);
    for row in rows {
        let swhid = row["swhid"].as_str().expect("it is a text");
        assert!(swhid.starts_with("swh:1:rev:"), "{row}");
        assert!(row["date"].is_string() && row["seconds"].is_u64(), "{row}");
        assert!(row["whole"] == true && row["parents"] == true, "{row}");
        assert!(row["fields"].as_u64() > Some(10), "{row}");
    }
}

/// The fields that runtimes know are those that upstream's packages write.
#[test]
fn fields_of_all_objects_are_known() {
    let script = file(
        "fields.py",
        "def process(all_objects, emit):\n    for kind, objects in all_objects.items():\n        \
         for one in objects:\n            emit({'type': kind, 'fields': sorted(one)})\n",
    );
    let frames = oracle::test_objects(&run::folder("script"));
    let finished = over(&frames, &script)
        .arg("--privileged=if-available")
        .finish(LIMIT)
        .success();
    let known = paths::repository().join("runtimes/fields.json");
    let known = fs::read_to_string(known).expect("it is there");
    let known: BTreeMap<String, Vec<String>> = serde_json::from_str(&known).expect("it is JSON");
    let mut types = 0;
    for (kind, fields) in &known {
        let rows = finished.rows().into_iter();
        let rows: Vec<Value> = rows.filter(|row| row["type"] == **kind).collect();
        types += usize::from(!rows.is_empty());
        for field in rows
            .iter()
            .flat_map(|row| row["fields"].as_array().expect("it is a list"))
        {
            assert!(fields.iter().any(|name| field == name), "{kind}: {field}");
        }
    }
    assert!(types > 8, "{types}");
}

#[test]
fn rows_of_declared_columns_are_checked() {
    let script = |id: &str| {
        file(
            "typed.py",
            &format!(
                "OUTPUTS = [{{'name': 'ids', 'row': [{{'name': 'id', 'type': 'id'}}]}}]\n\n\n\
                 def process_revision(revision, emit):\n    emit({{'id': {id}}})\n"
            ),
        )
    };
    let finished = host(&script("revision['id']")).finish(LIMIT).success();
    assert_eq!(finished.rows().len(), 4391);
    let finished = failed(host(&script("5")));
    says(
        &finished,
        "row 0 of those emitted to `ids` has the integer 5 instead of an id in the field `id`",
    );
}

#[test]
fn script_is_measured() {
    let script = file("count.py", "def process(all_objects):\n    pass\n");
    let finished = Host::new()
        .arg("bench")
        .arg(&script)
        .arg("--runtime")
        .arg(paths::runtime())
        .arg("--recording")
        .arg(paths::repository().join("recordings/ripgrep.journal.zst"))
        .args(["--rounds", "1", "--warm-up", "0", "--compile-timeout", "5m"])
        .finish(LIMIT)
        .success();
    assert!(
        finished.stdout.contains("guest memory"),
        "{}",
        finished.stdout
    );
}
