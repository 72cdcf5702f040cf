//! `journal-host describe`.

use std::fs;
use std::process::Command;
use std::time::Duration;

use journal_tests::{Host, paths};
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_mins(1);

fn describe(plugin: &str) -> Host {
    Host::new().arg("describe").arg(paths::plugin(plugin))
}

fn described(host: Host) -> Value {
    let finished = host.arg("--json").finish(LIMIT).success();
    serde_json::from_str(&finished.stdout).expect("it is JSON")
}

#[test]
fn operator_reads_what_a_plugin_is_reads_and_emits() {
    let text = describe("commit-activity").finish(LIMIT).success().stdout;
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "commit-activity 0.1.0");
    for expected in [
        "interface   swh:journal/processor@0.1.0",
        "reads       revision",
        "columns     values",
        "tombstones  passed over",
        "Outputs:",
    ] {
        assert!(lines.contains(&expected), "no `{expected}` in:\n{text}");
    }
    assert!(text.contains("rows merged by `"), "{text}");
    let column = "        revisions  uint, sum     The number of revisions.";
    assert!(lines.contains(&column), "{text}");
    let text = describe("list-revisions").finish(LIMIT).success().stdout;
    let column = "        date            timestamp or null  When the change was written.\n";
    assert!(text.contains(column), "{text}");
}

#[test]
fn json_has_the_file_the_interfaces_the_options_and_the_plan() {
    let json = described(describe("commit-activity"));
    let file = fs::read(paths::plugin("commit-activity")).expect("it is built");
    let mut sum = Command::new("sha256sum");
    let sum = sum.arg(paths::plugin("commit-activity")).output();
    let sum = sum.expect("it is part of every system").stdout;
    let digest = String::from_utf8_lossy(&sum[..64]).into_owned();
    assert_eq!(json["name"], "commit-activity");
    assert_eq!(json["sha256"], json!(digest));
    assert_eq!(json["bytes"], json!(file.len()));
    assert_eq!(json["interface"], "swh:journal/processor@0.1.0");
    let imports = json["imports"].as_array().expect("it is a list");
    assert!(imports.contains(&json!("swh:journal/log@0.1.0")), "{json}");
    assert_eq!(json["plan"]["object_types"], json!(["revision"]));
    assert_eq!(json["plan"]["holds_state"], json!(false));
    assert_eq!(json["plan"]["outputs"][0]["kind"], "aggregate");
}

#[test]
fn any_object_type_is_said_and_options_change_the_plan() {
    let text = describe("count-objects").finish(LIMIT).success().stdout;
    assert!(text.contains("reads       any object type\n"), "{text}");
    let print = || describe("print-objects");
    let json = described(print());
    assert_eq!(json["plan"]["object_types"], json!(["release", "revision"]));
    let option = &json["options"][0];
    assert_eq!(option["name"], "object_types");
    assert_eq!(
        (&option["type"], &option["repeated"]),
        (&json!("string"), &json!(true))
    );
    assert_eq!(option["default"], json!(["revision", "release"]));
    let json = described(print().args(["--option", "object_types=any"]));
    assert_eq!(json["plan"]["object_types"], "any");
}

#[test]
fn plugin_that_does_not_start_is_described_and_the_command_fails() {
    let failing = |how: &str| describe("guest-hostile").args(["--option", how]);
    let refused = failing("start=fatal").finish(LIMIT);
    assert_eq!(refused.status.code(), Some(2), "{}", refused.stderr);
    let finished = failing("start=panic").finish(LIMIT);
    assert_eq!(finished.status.code(), Some(1), "{}", finished.stderr);
    assert!(finished.stdout.starts_with("guest-hostile 0.1.0\n"));
    assert!(finished.stdout.contains("reads       not known: "));
    assert!(
        finished.stdout.contains("  number  integer\n"),
        "{}",
        finished.stdout
    );
    assert!(
        finished.stderr.starts_with("error: "),
        "{}",
        finished.stderr
    );
    let unknown = describe("print-objects").args(["--option", "x=1"]);
    let finished = unknown.finish(LIMIT);
    assert_eq!(finished.status.code(), Some(2), "{}", finished.stderr);
}

#[test]
fn file_that_is_no_plugin_is_refused_as_by_a_run() {
    let readme = paths::repository().join("README.md");
    let finished = Host::new().arg("describe").arg(readme).finish(LIMIT);
    assert_eq!(finished.status.code(), Some(1));
    assert!(finished.stdout.is_empty());
    assert!(
        finished.stderr.contains("WebAssembly"),
        "{}",
        finished.stderr
    );
}
