//! What the commands about offsets refuse, and that they change nothing then.

use std::fs;
use std::path::PathBuf;

use journal_host::journal::offsets::{Partition, Position};
use journal_host::kafka::{GroupAdmin, GroupError, Settings};
use journal_tests::{Broker, Finished, Host, run};

use super::{Input, LIMIT, offsets};

/// Runs a command that fails, and returns its messages.
#[track_caller]
fn fails(host: Host) -> String {
    let Finished { stdout, stderr, .. } = host.finish(LIMIT).code(1);
    assert_eq!(stdout, "", "{stderr}");
    stderr
}

/// Runs a command with wrong arguments, and returns its messages.
#[track_caller]
fn is_wrong_use(host: Host) -> String {
    host.finish(LIMIT).code(2).stderr
}

#[track_caller]
fn has(text: &str, part: &str) {
    assert!(text.contains(part), "no `{part}` in: {text}");
}

fn file(text: &str) -> PathBuf {
    let file = run::folder("file").join("offsets.tsv");
    fs::write(&file, text).expect("the folder can be written");
    file
}

#[test]
fn offsets_of_a_group_with_members_are_not_changed() {
    let input = Input::new("members");
    let topic = input.prefix.topic("origin");
    for protocol in ["classic", "consumer"] {
        let group = input.prefix.group(protocol);
        Broker::shared().commit(&group, &topic, 0, 4);
        let member = Broker::shared().join(&group, &topic, protocol);
        let text = fails(offsets("reset", &group).args(["--to", "earliest"]));
        has(&text, &format!("the group `{group}` has a member"));
        has(&text, "client `a-member`, host `/127.0.0.1`");
        let file = file(&format!("{topic}\t0\t5\n"));
        let text = fails(offsets("restore", &group).arg(&file));
        has(&text, "hint: stop them first");
        let committed = super::committed(&group, &input.prefix);
        assert_eq!(committed[&(topic.clone(), 0)], 4, "{protocol}");

        let dry_run = offsets("restore", &group).arg(&file).arg("--dry-run");
        let finished = dry_run.finish(LIMIT).success();
        has(&finished.stderr, "the group has members now");
        has(&finished.stdout, "would change 1 offset");
        drop(member);
    }
}

/// The coordinator itself refuses, so nothing is lost where a member joins after the question for members.
#[test]
fn commit_is_refused_if_a_member_joins_meanwhile() {
    let input = Input::new("meanwhile");
    let topic = input.prefix.topic("origin");
    for protocol in ["classic", "consumer"] {
        let group = input.prefix.group(protocol);
        let admin = GroupAdmin::connect(&Settings {
            brokers: Broker::shared().address(),
            group_id: group.clone(),
            kafka: Vec::new(),
            broker_timeout: LIMIT,
            fetch: None,
            statistics: false,
        });
        let admin = admin.expect("the broker answers");
        let member = Broker::shared().join(&group, &topic, protocol);
        let partition = Partition {
            topic: topic.as_str().into(),
            number: 0,
        };
        let position = Position {
            next: 5,
            note: String::new(),
        };
        let refused = admin.commit(&[(partition, position)].into());
        assert!(
            matches!(refused, Err(GroupError::InUse { .. })),
            "{refused:?}"
        );
        assert!(super::committed(&group, &input.prefix).is_empty());
        drop(member);
    }
}

#[test]
fn offsets_out_of_range_are_refused_with_the_range() {
    let input = Input::new("range");
    let topic = input.prefix.topic("origin");
    let end = input.ends()[&(topic.clone(), 0)];
    Broker::shared().delete_records(&topic, 0, 2);
    for offset in [1, end + 1] {
        let file = file(&format!("{topic}\t1\t0\n{topic}\t0\t{offset}\n"));
        let text = fails(input.offsets("restore").arg(&file));
        has(
            &text,
            &format!(
                "offset {offset} of `{topic}` partition 0 is out of range: the partition begins at 2 and ends at {end}"
            ),
        );
        has(
            &text,
            &format!("`journal-host offsets reset --topic {topic}:0 --to earliest`"),
        );
        assert!(input.committed().is_empty(), "no other line was committed");
    }
    let first = file(&format!("{topic}\t0\t2\n"));
    let _ = input.offsets("restore").arg(&first).finish(LIMIT).success();
    Broker::shared().delete_records(&topic, 0, 3);
    let shown = input.offsets("show").finish(LIMIT).success().stdout;
    has(&shown, "out of range");
    let way_out = input
        .offsets("reset")
        .args(["--topic", &format!("{topic}:0")]);
    let _ = way_out.args(["--to", "earliest"]).finish(LIMIT).success();
    assert_eq!(input.committed(), [((topic, 0), 3)].into());
}

#[test]
fn topics_and_partitions_that_do_not_exist_are_refused() {
    let input = Input::new("unknown");
    let topic = input.prefix.topic("origin");
    let text = fails(
        input
            .offsets("restore")
            .arg(file(&format!("{topic}s\t0\t1\n"))),
    );
    has(
        &text,
        &format!("has no topic `{topic}s` that the account may see"),
    );
    has(&text, &format!("`{topic}`"));
    let text = fails(
        input
            .offsets("restore")
            .arg(file(&format!("{topic}\t0\t1\n{topic}\t2\t1\n"))),
    );
    has(
        &text,
        &format!("has no `{topic}` partition 2: the topic has 2 partitions"),
    );
    let reset = input.offsets("reset").args(["--to", "earliest"]);
    let text = fails(reset.args(["--object-type", "snapshot"]));
    has(&text, "has no topic for the object type `snapshot`");
    assert!(input.committed().is_empty());
}

#[test]
fn group_that_does_not_exist_is_named() {
    let input = Input::new("missing");
    let address = Broker::shared().address();
    for host in [
        input.offsets("show"),
        input.offsets("save"),
        input.offsets("reset").args(["--to", "earliest"]),
    ] {
        let text = fails(host);
        has(
            &text,
            &format!("error: `{address}` has no group `{}`", input.group),
        );
        has(&text, "hint: check `--group-id`");
        assert!(!text.contains("is new"), "{text}");
    }
}

#[test]
fn file_that_is_wrong_is_named_with_its_line() {
    let input = Input::new("wrong");
    let topic = input.prefix.topic("origin");
    for (text, problem) in [
        (String::new(), "has no offsets"),
        (
            format!("{topic}\t0\n"),
            "has 2 fields instead of 3 in line 1",
        ),
        (
            format!("# c\n{topic}\t0\t-1\n"),
            "has the offset `-1` in line 2",
        ),
        (
            format!("{topic}\t0\t1\n{topic}\t0\t2\n"),
            "in line 1 and again in line 2",
        ),
    ] {
        let path = file(&text);
        let text = is_wrong_use(input.offsets("restore").arg(&path));
        has(
            &text,
            &format!("error: the offset file `{}` ", path.display()),
        );
        has(&text, problem);
    }
    let text = is_wrong_use(input.offsets("reset").args(["--to", "2026-13-01"]));
    has(&text, "cannot read the offset file `2026-13-01`");
    has(&text, "a time is written as");
    let text = is_wrong_use(input.offsets("restore").arg("missing.tsv"));
    has(&text, "cannot read the offset file `missing.tsv`");
    has(&text, "hint: name a file that `journal-host offsets save`");
    let narrowed = input
        .offsets("restore")
        .arg(file(&format!("{topic}\t0\t1\n")));
    let text = fails(narrowed.args(["--object-type", "release"]));
    has(&text, "has no offsets of these topics");
    assert!(input.committed().is_empty());
}

#[test]
fn file_that_is_wrong_is_found_without_a_broker() {
    let file = file("t 0 one");
    for command in [&["restore"][..], &["reset", "--to"]] {
        let host = Host::new().arg("offsets").args(command).arg(&file);
        let text = is_wrong_use(host.args(["--brokers", "127.0.0.1:1", "--group-id", "g"]));
        has(&text, "has the offset `one` in line 1");
    }
}

#[test]
fn offsets_that_cannot_be_saved_are_an_error() {
    let input = Input::new("unsaved");
    Broker::shared().commit(&input.group, &input.prefix.topic("origin"), 0, 1);
    for output in ["missing/offsets.tsv", "/dev/full"] {
        let text = fails(input.offsets("save").args(["--output", output]));
        has(&text, &format!("error: cannot write `{output}`"));
    }
    let full = fs::File::options().write(true).open("/dev/full");
    let saved = input.offsets("save").stdout(full.expect("Linux has it"));
    has(
        &saved.finish(LIMIT).code(1).stderr,
        "cannot write to standard output",
    );
}

#[test]
fn command_line_without_a_group_is_wrong() {
    for (host, missing) in [
        (
            Host::new().args(["offsets", "show"]),
            "`--brokers` is required",
        ),
        (
            Host::new().args(["offsets", "show", "--brokers", "127.0.0.1:1"]),
            "`--group-id` is required",
        ),
    ] {
        has(&host.finish(LIMIT).code(2).stderr, missing);
    }
    let topic = offsets("show", "g").args(["--topic", "a:b"]);
    has(
        &topic.finish(LIMIT).code(2).stderr,
        "neither a topic nor TOPIC:NUMBER",
    );
}
