//! `--watch`, as an author uses it: files are saved, and rows come.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use journal_tests::{Host, Running, paths, run};
use rustix::process::Signal;

/// The first run may compile a runtime, and wait for others.
const LIMIT: Duration = Duration::from_mins(10);

fn recording() -> PathBuf {
    paths::repository().join("recordings/ripgrep.journal.zst")
}

/// A script that emits this once for each release.
fn script(row: &str) -> String {
    format!("export function processRelease(release, emit) {{ emit({row}); }}\n")
}

/// A run over the shipped recording that is repeated when its script or plugin is saved.
fn watched(program: &Path) -> Host {
    Host::run(program)
        .arg("--watch")
        .arg("--runtime")
        .arg(paths::javascript_runtime())
        .arg("--recording")
        .arg(recording())
}

/// Waits until standard output has this line, and the host waits for a save.
#[track_caller]
fn shows(host: &mut Running, line: &str) {
    host.until(line, LIMIT, |host| {
        host.stdout()
            .lines()
            .any(|shown| shown == line)
            .then_some(())
    });
}

#[track_caller]
fn says(host: &mut Running, text: &str) {
    host.until(text, LIMIT, |host| {
        host.stderr().contains(text).then_some(())
    });
}

/// Ends the host as Ctrl-C does.
#[track_caller]
fn interrupt(host: Running) -> String {
    host.signal(Signal::INT);
    host.finish(LIMIT).success().stderr
}

#[test]
fn saved_script_runs_again_and_an_error_in_it_ends_nothing() {
    let path = run::folder("watched").join("analysis.js");
    fs::write(&path, script("{ step: 1 }")).expect("a folder of ours");
    let mut host = watched(&path).spawn();
    shows(&mut host, "rows: 272 rows, the first 10");
    shows(&mut host, "{\"step\":1}");
    says(&mut host, "waiting for the next save");
    assert_eq!(host.stdout().lines().count(), 11, "{}", host.stdout());
    fs::write(&path, "export function processRelease(").expect("a folder of ours");
    says(&mut host, "`analysis.js:1: SyntaxError: ");
    fs::write(&path, script("{ step: 2 }")).expect("a folder of ours");
    shows(&mut host, "{\"step\":2}");
    let name = format!("`{}` has changed", path.display());
    says(&mut host, &name);
    interrupt(host);
}

#[test]
fn save_ends_a_run_at_work() {
    let path = run::folder("watched").join("endless.js");
    let endless = "export function processRelease(release, emit) { for (;;) {} }\n";
    fs::write(&path, endless).expect("a folder of ours");
    let mut host = watched(&path).args(["--deadline", "5m"]).spawn();
    says(&mut host, "topics: ");
    fs::write(&path, script("{ step: 2 }")).expect("a folder of ours");
    shows(&mut host, "{\"step\":2}");
    let said = interrupt(host);
    assert!(!said.contains("deadline"), "{said}");
}

#[test]
fn plugin_file_that_is_replaced_runs_again() {
    let path = run::folder("watched").join("plugin.wasm");
    fs::copy(paths::plugin("commit-activity"), &path).expect("a folder of ours");
    let mut host = watched(&path).spawn();
    host.until("both outputs are shown", LIMIT, |host| {
        let shown = host.stdout();
        let has = |output: &str| shown.lines().any(|line| line.starts_with(output));
        (has("hours: ") && has("zones: ")).then_some(())
    });
    let next = path.with_extension("next");
    fs::copy(paths::plugin("list-revisions"), &next).expect("a folder of ours");
    fs::rename(&next, &path).expect("a folder of ours");
    host.until("the other plugin has run", LIMIT, |host| {
        let shown = host.stdout();
        let mut lines = shown.lines();
        lines
            .any(|line| line.starts_with("revisions: "))
            .then_some(())
    });
    interrupt(host);
}

#[test]
fn test_is_repeated_when_the_expected_rows_are_saved() {
    let golden = run::folder("watched").join("golden.jsonl");
    let test = |more: &[&str]| {
        Host::new()
            .arg("test")
            .arg(paths::plugin("list-revisions"))
            .arg("--recording")
            .arg(recording())
            .args(["--stop-after", "20", "--splits", "1", "--expect"])
            .arg(&golden)
            .args(more)
    };
    let _written = test(&["--update"]).finish(LIMIT).success();
    let rows = fs::read_to_string(&golden).expect("it was written");
    let (_, rest) = rows.split_once('\n').expect("there are rows");
    fs::write(&golden, rest).expect("a folder of ours");
    let mut host = test(&["--watch"]).spawn();
    says(&mut host, "are not those in");
    fs::write(&golden, &rows).expect("a folder of ours");
    host.until("the test passes", LIMIT, |host| {
        host.stdout().contains("ok: 20 rows").then_some(())
    });
    interrupt(host);
}

#[test]
fn what_cannot_be_repeated_or_would_write_is_refused() {
    let plugin = paths::plugin("list-revisions");
    let (plugin, nothing) = (plugin.as_path(), Path::new("nowhere.py"));
    let folder = run::folder("watched");
    let refused = |plugin: &Path, arguments: &[&str], expected: &str| {
        let host = Host::run(plugin).arg("--watch").args(arguments);
        let finished = host.finish(LIMIT).code(2);
        assert!(finished.stderr.contains(expected), "{}", finished.stderr);
        assert!(finished.stderr.contains("hint: "), "{}", finished.stderr);
    };
    let recording = recording();
    let recording = recording.to_str().expect("it is text");
    let cluster = "which a cluster does not promise";
    refused(plugin, &["--brokers", "localhost:1"], cluster);
    let group = ["--brokers", "localhost:1", "--group-id", "g"];
    refused(plugin, &group, cluster);
    refused(
        plugin,
        &["--recording", recording, "--output", "rows.jsonl"],
        "`--output` does not go with `--watch`",
    );
    let letters = ["--on-failure", "dead-letter", "--dead-letters", "l.jsonl"];
    refused(
        plugin,
        &[&["--recording", recording], &letters[..]].concat(),
        "`--dead-letters` does not go with `--watch`",
    );
    let missing = "`nowhere.py` cannot be read";
    refused(nothing, &["--recording", recording], missing);
    refused(
        &folder,
        &["--recording", recording],
        "is neither a crate nor a script",
    );
}
