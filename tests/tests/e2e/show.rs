//! `journal-host show`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use journal_tests::kafka::{Journal, Record};
use journal_tests::{Broker, Finished, Host, Prefix, paths};
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_mins(1);

fn shipped() -> PathBuf {
    paths::repository().join("recordings/ripgrep.journal.zst")
}

fn show() -> Host {
    Host::new()
        .args(["show", "--json", "--recording"])
        .arg(shipped())
}

fn lines(finished: &Finished) -> Vec<Value> {
    let lines = finished.stdout.lines();
    lines
        .map(|line| serde_json::from_str(line).expect("it is JSON"))
        .collect()
}

#[test]
fn first_objects_of_each_type_are_shown() {
    let shown = lines(&show().finish(LIMIT).success());
    let mut counts = BTreeMap::new();
    for record in &shown {
        *counts.entry(record["object_type"].as_str()).or_insert(0) += 1;
    }
    assert_eq!(counts[&Some("revision")], 3, "{counts:?}");
    assert!(counts.values().all(|&count| count <= 3), "{counts:?}");
    let one = show().args(["-n", "1", "--object-type", "release"]);
    assert_eq!(lines(&one.finish(LIMIT).success()).len(), 1);
}

#[test]
fn object_is_shown_as_print_objects_prints_it() {
    let printed = Host::run(&paths::plugin("print-objects"))
        .arg("--recording")
        .arg(shipped())
        .args(["--option", "object_types=any"])
        .finish(LIMIT)
        .success();
    let printed = lines(&printed);
    let shown = lines(&show().args(["-n", "100"]).finish(LIMIT).success());
    assert!(shown.len() > 400);
    let mut printed = printed.iter();
    for record in &shown {
        let is_it = |row: &&Value| {
            row["object_type"] == record["object_type"] && row["object"] == record["object"]
        };
        assert!(printed.any(|row| is_it(&row)), "{record}");
    }
}

#[test]
fn object_is_found_by_its_identifier_and_its_key() {
    let all = lines(&show().args(["-n", "50"]).finish(LIMIT).success());
    let last = |object_type: &str| {
        let of_type = |record: &&Value| record["object_type"] == object_type;
        all.iter().rfind(of_type).expect("there are some")
    };
    for (object_type, code, field) in [
        ("revision", "rev", "id"),
        ("release", "rel", "id"),
        ("directory", "dir", "id"),
        ("content", "cnt", "sha1_git"),
    ] {
        let expected: &serde_json::Value = last(object_type);
        let hash = expected["object"][field].as_str().expect("it is text");
        let by_id = show().args(["--id", &format!("swh:1:{code}:{hash}")]);
        assert_eq!(
            lines(&by_id.finish(LIMIT).success()),
            *std::slice::from_ref(expected)
        );
        let key = expected["key"].as_str().expect("it has a key");
        let by_key = show().args(["--object-type", object_type, "--key", key]);
        assert_eq!(
            lines(&by_key.finish(LIMIT).success()),
            *std::slice::from_ref(expected)
        );
    }
}

#[test]
fn object_that_is_not_there_is_an_error_with_a_hint() {
    let id = format!("swh:1:rev:{}", "0".repeat(40));
    let finished = show().args(["--id", &id]).finish(LIMIT);
    assert_eq!(finished.status.code(), Some(1));
    assert!(finished.stderr.contains(&id), "{}", finished.stderr);
    assert!(finished.stderr.contains("hint: "), "{}", finished.stderr);
    let wrong = show().args(["--id", "swh:1:rev:0"]).finish(LIMIT);
    assert_eq!(wrong.status.code(), Some(2));
    let none = Host::new().arg("show").finish(LIMIT);
    assert_eq!(none.status.code(), Some(2));
    for source in ["--recording", "--brokers"] {
        assert!(none.stderr.contains(source), "{}", none.stderr);
    }
}

#[test]
fn record_of_a_cluster_is_shown_by_its_position_and_no_group_is_joined() {
    let prefix = Prefix::new("shown");
    let mut journal = Journal::default();
    for number in 0..5_u8 {
        journal.records.push(Record {
            object_type: "origin".into(),
            privileged: false,
            key: vec![number],
            value: (number != 3).then(|| vec![0x81, 0xa3, b'u', b'r', b'l', 0xa1, b'a' + number]),
        });
    }
    let broker = Broker::shared();
    broker.load(&prefix, &journal, 1, 1);
    let show = || {
        let show = Host::new().args(["show", "--json", "--brokers", &broker.address()]);
        show.args(["--prefix", prefix.as_str()])
    };
    let at = |offset: &str| {
        let show = show().args(["--partition", "0", "--offset", offset]);
        lines(&show.finish(LIMIT).success())
    };
    let record = &at("2")[0];
    assert_eq!(record["object"], json!({"url": "c"}));
    assert_eq!(
        (&record["key"], &record["offset"]),
        (&json!("02"), &json!(2))
    );
    assert_eq!(at("3")[0]["object"], Value::Null, "a tombstone");
    let first = lines(&show().finish(LIMIT).success());
    let urls: Vec<_> = first
        .iter()
        .map(|record| &record["object"]["url"])
        .collect();
    assert_eq!(urls, ["a", "b", "c"]);
    let by_key = show().args(["--key", "04"]).finish(LIMIT).success();
    assert_eq!(lines(&by_key)[0]["object"], json!({"url": "e"}));
    let missing = show().args(["--partition", "0", "--offset", "9"]);
    assert_eq!(missing.finish(LIMIT).status.code(), Some(1));
    assert_eq!(broker.group("journal-host"), (0, "Dead".to_owned()));
}
