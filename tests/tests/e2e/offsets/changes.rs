//! What `restore` and `reset` change, and what they show of it.

use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use journal_tests::{Broker, run, until};
use serde_json::{Value, json};

use super::{Input, LIMIT, RECORDS, journal};

#[test]
fn group_reads_on_where_it_was_reset_to() {
    let input = Input::new("reset");
    let _ = input.read_all();
    let ends = input.ends();
    assert_eq!(input.read_all().counts().len(), 0, "everything is read");

    let reset = input.offsets("reset").args(["--to", "earliest"]);
    let finished = reset.finish(LIMIT).success();
    for ((topic, number), end) in &ends {
        let line = finished
            .stdout
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>());
        let (number, end) = (number.to_string(), end.to_string());
        assert!(
            line.into_iter()
                .any(|line| line == [topic, &number, &end, "0"]),
            "{}",
            finished.stdout
        );
    }
    assert!(finished.stdout.contains("changed 4 offsets of the group"));
    assert_eq!(
        input.read_all().counts()["origin"].objects,
        u64::from(RECORDS)
    );

    let reset = input
        .offsets("reset")
        .args(["--to", "earliest", "--object-type", "release"]);
    let _ = reset.finish(LIMIT).success();
    let counts = input.read_all().counts();
    assert_eq!(counts.len(), 1);
    assert_eq!(counts["release"].objects, u64::from(RECORDS));

    let reset = input
        .offsets("reset")
        .args(["--to", "earliest"])
        .finish(LIMIT);
    let _ = reset.success();
    let reset = input
        .offsets("reset")
        .args(["--to", "latest"])
        .finish(LIMIT);
    let _ = reset.success();
    assert_eq!(input.committed(), ends);
    let again = input
        .offsets("reset")
        .args(["--to", "latest"])
        .finish(LIMIT);
    let again = again.success().stdout;
    assert!(
        again.starts_with("changed no offsets of the group"),
        "{again}"
    );
    assert!(again.contains("4 offsets stay as they are"), "{again}");
}

#[test]
fn group_reads_the_records_since_a_time() {
    let input = Input::new("since");
    let _ = input.read_all();
    let before = input.committed();
    let milliseconds = || {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        now.expect("the clock is right").as_millis()
    };
    // The records that follow are newer than this second, and those that came before are older.
    let second = milliseconds() / 1000 + 1;
    until("the next second", Duration::from_secs(5), || {
        (milliseconds() > second * 1000).then_some(())
    });
    Broker::shared().append(&input.prefix, &journal(), 1);
    let _ = input.read_all();
    let reset = input.offsets("reset").args(["--to", "1970-01-01"]);
    let _ = reset.finish(LIMIT).success();
    assert!(input.committed().values().all(|&offset| offset == 0));
    let time = rfc3339(second);
    let reset = input.offsets("reset").args(["--to", &time]);
    let _ = reset.finish(LIMIT).success();
    assert_eq!(input.committed(), before, "{time}");
}

/// A time in UTC, by the system's own tool.
fn rfc3339(second: u128) -> String {
    let mut date = std::process::Command::new("date");
    let date = date.args(["-u", "+%Y-%m-%dT%H:%M:%SZ", "-d", &format!("@{second}")]);
    run::succeed(date).trim().to_owned()
}

#[test]
fn dry_run_shows_the_changes_and_makes_none() {
    let input = Input::new("dry");
    let _ = input.read_all();
    let before = input.committed();
    let topic = input.prefix.topic("origin");
    let reset = input.offsets("reset").args([
        "--to",
        "earliest",
        "--topic",
        &format!("{topic}:1"),
        "--dry-run",
    ]);
    let finished = reset.arg("--json").finish(LIMIT).success();
    let shown: Value = serde_json::from_str(&finished.stdout).expect("it prints JSON");
    assert_eq!(
        shown,
        json!({
            "group_id": input.group,
            "offsets_in": null,
            "dry_run": true,
            "changes": [{
                "topic": topic, "partition": 1, "before": before[&(topic.clone(), 1)], "after": 0, "removed_note": null,
                "note": null
            }],
            "unchanged": 0,
        })
    );
    assert_eq!(input.committed(), before);
    let file = run::folder("dry").join("offsets.tsv");
    fs::write(&file, format!("{topic}\t0\t1\n")).expect("the folder can be written");
    let restore = input.offsets("restore").arg(&file).arg("--dry-run");
    let finished = restore.finish(LIMIT).success();
    assert!(
        finished
            .stdout
            .contains("would change 1 offset of the group"),
        "{}",
        finished.stdout
    );
    assert_eq!(input.committed(), before);
}

/// The time at which a group started is in the notes of its commits.
#[test]
fn restore_and_a_reset_of_some_topics_keep_the_start_of_the_group() {
    const START: &str = "start=2026-01-31T12:00:00.000Z";
    let input = Input::new("notes");
    let topic = input.prefix.topic("origin");
    for number in [0, 1] {
        Broker::shared().commit_with_note(&input.group, &topic, number, 4, START);
    }
    let notes = || {
        let shown = input.shown();
        let partitions = shown["partitions"]
            .as_array()
            .expect("it is a list")
            .clone();
        partitions
            .iter()
            .map(|partition| (partition["offset"].clone(), partition["note"].clone()))
            .collect::<Vec<_>>()
    };
    let file = run::folder("notes").join("offsets.tsv");
    fs::write(&file, format!("{topic}\t0\t4\n{topic}\t1\t5\n")).expect("the folder can be written");
    let restored = input.offsets("restore").arg(&file).finish(LIMIT).success();
    let said = "changed 1 offset of the group";
    assert!(restored.stdout.contains(said), "{}", restored.stdout);
    assert_eq!(
        notes(),
        [(json!(4), json!(START)), (json!(5), json!(START))]
    );
    let one = ["--to", "earliest", "--topic", &format!("{topic}:1")];
    let _ = input.offsets("reset").args(one).finish(LIMIT).success();
    assert_eq!(
        notes(),
        [(json!(4), json!(START)), (json!(0), json!(START))]
    );
    let reset = input.offsets("reset").args(["--to", "earliest"]);
    let reset = reset.finish(LIMIT).success().stdout;
    assert!(reset.contains(&format!("`{START}` removed")), "{reset}");
    assert_eq!(notes(), [(json!(0), Value::Null), (json!(0), Value::Null)]);
}

/// Whatever the group reads later starts where a reset of all that it has read says.
#[test]
fn object_type_that_is_read_after_a_reset_starts_where_the_group_does() {
    let input = Input::new("later");
    let reset = |to: &str| {
        let reset = input.offsets("reset").args(["--to", to]);
        let reset = reset.args(["--object-type", "origin"]);
        let _ = reset.finish(LIMIT).success();
    };
    reset("latest");
    let finished = input.read_all();
    assert!(finished.counts().is_empty(), "{}", finished.stdout);
    // It has committed the other type, too, so that a reset of one type is no start of the group.
    reset("earliest");
    let finished = input.read_all();
    assert_eq!(finished.counts().len(), 1, "{}", finished.stdout);
    let all = input.offsets("reset").args(["--to", "earliest"]);
    let _ = all.finish(LIMIT).success();
    assert_eq!(input.read_all().counts().len(), 2);
}

/// A copy of a group, or one that begins at a file.
#[test]
fn group_that_does_not_exist_gets_offsets_if_topics_are_named() {
    let input = Input::new("new");
    let reset = input
        .offsets("reset")
        .args(["--to", "latest", "--object-type", "origin"]);
    let _ = reset.finish(LIMIT).success();
    let topic = input.prefix.topic("origin");
    let ends = input.ends();
    let expected = ends.into_iter().filter(|((name, _), _)| *name == topic);
    assert_eq!(input.committed(), expected.collect());
}
