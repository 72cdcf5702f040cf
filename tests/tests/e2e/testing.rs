//! `journal-host test`.

use std::fs;
use std::time::Duration;

use journal_tests::{Host, paths, run};

const LIMIT: Duration = Duration::from_mins(2);

fn test(plugin: &str) -> Host {
    Host::new()
        .arg("test")
        .arg(paths::plugin(plugin))
        .arg("--recording")
        .arg(paths::repository().join("recordings/ripgrep.journal.zst"))
}

#[test]
fn rows_are_written_once_and_compared_then() {
    let golden = run::folder("golden").join("golden.jsonl");
    let tested = |update: &[&str]| {
        test("commit-activity")
            .arg("--expect")
            .arg(&golden)
            .args(update)
            .finish(LIMIT)
    };
    let missing = tested(&[]);
    assert_eq!(missing.status.code(), Some(2), "{}", missing.stderr);
    assert!(missing.stderr.contains("`--update`"), "{}", missing.stderr);
    let written = tested(&["--update"]).success();
    assert!(written.stdout.contains("written to"), "{}", written.stdout);
    let rows = fs::read_to_string(&golden).expect("it was written");
    assert!(rows.contains(r#"{"output":"hours","row":{"#), "{rows}");
    let same = tested(&[]).success();
    assert!(
        same.stdout
            .contains("the same with 3 other splits (seed 1)"),
        "{}",
        same.stdout
    );
    let (first, rest) = rows.split_once('\n').expect("there are lines");
    let other = r#"{"output":"hours","row":{"weekday":"Monday","hour":1,"revisions":99999}}"#;
    fs::write(&golden, format!("{other}\n{rest}")).expect("a folder of ours");
    let differs = tested(&[]);
    assert_eq!(differs.status.code(), Some(1), "{}", differs.stderr);
    assert!(differs.stdout.contains("- {"), "{}", differs.stdout);
    assert!(differs.stdout.contains("99999"), "{}", differs.stdout);
    assert!(
        differs.stdout.contains("+ {"),
        "{first}: {}",
        differs.stdout
    );
    assert!(!differs.stdout.contains("ok:"), "{}", differs.stdout);
}

#[test]
fn rows_of_an_append_output_are_compared_in_their_order_on_request() {
    let golden = run::folder("ordered").join("golden.jsonl");
    let tested = |more: &[&str]| {
        test("list-revisions")
            .args(["--stop-after", "50", "--splits", "1", "--expect"])
            .arg(&golden)
            .args(more)
            .finish(LIMIT)
    };
    let _written = tested(&["--rows", "in-order", "--update"]).success();
    let text = fs::read_to_string(&golden).expect("it was written");
    let mut lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 50);
    lines.swap(0, 1);
    fs::write(&golden, lines.join("\n")).expect("a folder of ours");
    let _any = tested(&[]).success();
    let ordered = tested(&["--rows", "in-order"]);
    assert_eq!(ordered.status.code(), Some(1), "{}", ordered.stderr);
}

#[test]
fn plugin_that_depends_on_the_split_fails_with_the_seed_that_repeats_it() {
    let claims = ["--option", "claims_stateless=true", "--seed", "5"];
    let failed = test("guest-counter").args(claims).finish(LIMIT);
    assert_eq!(
        failed.status.code(),
        Some(1),
        "{}{}",
        failed.stdout,
        failed.stderr
    );
    assert!(failed.stderr.contains("(seed 5)"), "{}", failed.stderr);
    assert!(failed.stderr.contains("--seed 5"), "{}", failed.stderr);
}

#[test]
fn plugin_that_holds_state_is_run_once_and_a_line_says_so() {
    let tested = test("guest-counter").finish(LIMIT).success();
    assert!(
        tested.stdout.contains("no other split was tried"),
        "{}",
        tested.stdout
    );
}

#[test]
fn cluster_is_refused_because_it_promises_no_order() {
    let cluster = Host::new()
        .arg("test")
        .arg(paths::plugin("commit-activity"))
        .args(["--brokers", "localhost:1"])
        .finish(LIMIT);
    assert_eq!(cluster.status.code(), Some(2), "{}", cluster.stderr);
    assert!(
        cluster.stderr.contains("journal-host record"),
        "{}",
        cluster.stderr
    );
}
