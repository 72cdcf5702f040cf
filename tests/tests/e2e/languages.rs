//! Plugins in C and Go, which `examples/build` makes, against the plugin in Rust that does the same.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
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

/// Builds the example in Go without the line that registers its plugin.
fn unregistered_in_go() -> PathBuf {
    let folder = run::folder("languages").join("unregistered");
    fs::create_dir_all(folder.join("journal")).expect("it can be made");
    let example = paths::repository().join("examples/go");
    for name in [
        "go.mod",
        "main.go",
        "msgpack.go",
        "journal/exports.go",
        "journal/journal.go",
    ] {
        let text = fs::read_to_string(example.join(name)).expect("it is in the repository");
        let text = text.replace("func init() { journal.Register(&months{}) }\n", "");
        fs::write(folder.join(name), text).expect("it can be written");
    }
    let build = paths::repository().join("examples/build");
    let printed = run::succeed(Command::new(build).arg("go").arg(&folder));
    PathBuf::from(printed.trim_end())
}

#[test]
fn plugin_in_go_that_registers_nothing_says_so() {
    let finished = Host::run(&unregistered_in_go())
        .arg("--recording")
        .arg(paths::repository().join("recordings/ripgrep.journal.zst"))
        .finish(LIMIT);
    assert_eq!(finished.status.code(), Some(1), "{}", finished.stderr);
    let said =
        "panicked: `panic: no plugin is registered: call journal.Register in an init function";
    assert!(finished.stderr.contains(said), "{}", finished.stderr);
}
