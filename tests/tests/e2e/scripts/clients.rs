//! Clients of upstream's shape give what they give natively.

use std::collections::BTreeMap;
use std::ffi::OsStr;

use journal_tests::{oracle, paths, run};
use serde_json::Value;

use super::{LIMIT, host, over};

/// Paragraphs and how often each is there: one per object.
fn paragraphs(text: &str) -> BTreeMap<&str, usize> {
    let mut found = BTreeMap::new();
    for paragraph in text.split_terminator("\n\n") {
        *found.entry(paragraph).or_default() += 1;
    }
    found
}

#[test]
fn client_of_upstreams_shape_prints_what_it_prints_natively() {
    let script = paths::repository().join("tests/data/scripts/print_all.py");
    let frames = oracle::test_objects(&run::folder("script"));
    let native = oracle::script(
        "run_script.py",
        [
            script.as_os_str(),
            "print_objects".as_ref(),
            frames.as_ref(),
        ],
    );
    let finished = over(&frames, &script)
        .arg("--privileged=if-available")
        .finish(LIMIT)
        .success();
    let (native, here) = (paragraphs(&native), paragraphs(&finished.stdout));
    assert!(native.len() > 20, "{native:?}");
    for (paragraph, count) in &native {
        assert_eq!(here.get(paragraph), Some(count), "{paragraph}");
    }
    assert_eq!(here.len(), native.len());
}

#[test]
fn example_of_upstreams_documentation_prints_the_same_text() {
    let script = oracle::example_client();
    let recording = paths::repository().join("recordings/ripgrep.journal.zst");
    let (function, types) = (
        "process_objects".as_ref(),
        ["revision", "release"].map(OsStr::new),
    );
    let arguments = [script.as_os_str(), function, recording.as_os_str()];
    let native = oracle::script("run_script.py", [&arguments[..], &types].concat());
    let finished = host(&script)
        .args(["--object-type", "release"])
        .finish(LIMIT)
        .success();
    assert_eq!(native.matches("\nNew release object:\n").count(), 272);
    assert!(finished.stdout == native, "the texts differ");
}

/// Clients of many kinds, whose functions run natively as they are: a filter of file names, counts, statistics of dates and
/// a list of edges. Those that print are tested above.
#[test]
fn clients_give_the_rows_that_they_give_natively() {
    let recording = paths::repository().join("recordings/ripgrep.journal.zst");
    let rows_of = |text: &str| {
        let row = |line| serde_json::from_str::<Value>(line).expect("it is JSON");
        let mut rows: Vec<String> = text.lines().map(|line| row(line).to_string()).collect();
        rows.sort_unstable();
        rows
    };
    for (name, least) in [
        ("count.py", 8),
        ("file_names.py", 5_000),
        ("months.py", 100),
        ("months_and_extensions.py", 150),
        ("edges.py", 150_000),
        ("fields.py", 8),
    ] {
        let script = paths::repository().join("tests/data/scripts").join(name);
        let arguments = [
            script.as_os_str(),
            "process".as_ref(),
            recording.as_os_str(),
        ];
        let native = rows_of(&oracle::script("run_script.py", arguments));
        let finished = over(&recording, &script).finish(LIMIT).success();
        assert!(native.len() >= least, "{name}: {}", native.len());
        assert!(
            rows_of(&finished.stdout) == native,
            "{name}: the rows differ"
        );
    }
}

/// Months by the dates that upstream's deserializer gives, independent of any script.
#[test]
fn rows_equal_what_upstreams_packages_compute() {
    let script = paths::repository().join("tests/data/scripts/months.py");
    let recording = paths::repository().join("recordings/ripgrep.journal.zst");
    let native = oracle::script("statistics.py", [recording.as_os_str(), "months".as_ref()]);
    let native: Value = serde_json::from_str(&native).expect("it is JSON");
    let mut native = native["months"].as_array().expect("it is a list").clone();
    let mut rows = host(&script).finish(LIMIT).success().rows();
    let text = |row: &Value| row.to_string();
    native.sort_by_key(text);
    rows.sort_by_key(text);
    assert!(native.len() > 50, "{native:?}");
    assert_eq!(rows, native);
}
