//! Plugins in C and Go, which `examples/build` makes, against the plugin in Rust that does the same.

use std::fs;
use std::path::Path;
use std::time::Duration;

use journal_tests::{Host, paths, run};

/// The first run compiles the plugin.
const LIMIT: Duration = Duration::from_mins(5);

/// The sorted rows of the output `months` over the shipped recording.
fn months(plugin: &Path, arguments: &[&str]) -> Vec<String> {
    let rows = run::folder("languages").join("months.jsonl");
    let _finished = Host::run(plugin)
        .arg("--recording")
        .arg(paths::repository().join("recordings/ripgrep.journal.zst"))
        .arg("--output")
        .arg(format!("months={}", rows.display()))
        .args(arguments)
        .finish(LIMIT)
        .success();
    let text = fs::read_to_string(rows).expect("it was written");
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort_unstable();
    lines
}

#[track_caller]
fn is_the_same_as_in_rust(example: &str) {
    let others = ["--output", "zones=/dev/null", "--output", "hours=/dev/null"];
    let expected = months(&paths::plugin("commit-activity"), &others);
    assert_eq!(expected.len(), 125);
    let plugin = paths::example(example);
    assert_eq!(months(&plugin, &[]), expected);
    // Many calls: what one leaves behind must not harm the next.
    assert_eq!(months(&plugin, &["--batch-records", "7"]), expected);
}

#[test]
fn months_in_c_are_those_in_rust() {
    is_the_same_as_in_rust("c");
}

#[test]
fn months_in_go_are_those_in_rust() {
    is_the_same_as_in_rust("go");
}
