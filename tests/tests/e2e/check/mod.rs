//! `journal-host check`, which says before a deployment whether a run could start.

mod rights;
mod starts;
mod tables;

use std::fs;
use std::path::Path;
use std::time::Duration;

use journal_tests::kafka::{Journal, Record};
use journal_tests::{Broker, Finished, Host, Prefix, paths, run};
use serde_json::Value;

/// Time limit for one check.
const LIMIT: Duration = Duration::from_mins(1);

/// `journal-host check` of a plugin.
fn check(plugin: &Path) -> Host {
    Host::new().arg("check").arg(plugin)
}

fn count_objects() -> Host {
    check(&paths::plugin("count-objects"))
}

/// Records of one object type.
fn origins(records: u32) -> Journal {
    let record = |number: u32| Record {
        object_type: "origin".to_owned(),
        privileged: false,
        key: [&[0xc4, 20], [7; 16].as_slice(), &number.to_be_bytes()].concat(),
        value: Some(vec![0xc0]),
    };
    Journal {
        records: (0..records).map(record).collect(),
    }
}

/// The results of all checks, in order, as `subject result`.
fn results(finished: &Finished) -> Vec<String> {
    let lines = finished
        .stdout
        .lines()
        .filter(|line| !line.starts_with(' '));
    lines
        .map(|line| {
            let (result, rest) = line.split_once(' ').expect("a line has two words");
            let subject = rest.trim_start().split(':').next().unwrap_or_default();
            format!("{subject} {result}")
        })
        .collect()
}

#[track_caller]
fn has(text: &str, part: &str) {
    assert!(text.contains(part), "no `{part}` in: {text}");
}

/// A run over these topics of the shared broker.
fn over(host: Host, prefix: &Prefix, group: &str) -> Host {
    host.args(["--brokers", &Broker::shared().address()]).args([
        "--prefix",
        prefix.as_str(),
        "--group-id",
        group,
    ])
}

#[test]
fn run_that_could_start_is_fine_and_nothing_is_written() {
    let broker = Broker::shared();
    let prefix = Prefix::new("check");
    broker.load(&prefix, &origins(10), 2, 1);
    let group = prefix.group("group");
    let host = over(count_objects(), &prefix, &group).args(["--output", "rows.jsonl"]);
    let folder = host.folder().to_owned();
    let finished = host.finish(LIMIT).success();
    let subjects = [
        "settings", "plugin", "plan", "brokers", "topics", "group", "lag", "outputs",
    ];
    assert_eq!(
        results(&finished),
        subjects.map(|subject| format!("{subject} ok"))
    );
    let topic = prefix.topic("origin");
    has(
        &finished.stdout,
        &format!("`{topic}`: 2 partitions can be read"),
    );
    has(
        &finished.stdout,
        &format!("`{group}` may be used, and is new"),
    );
    has(
        &finished.stdout,
        "10 records in 2 partitions; without an offset, and so read from the first record: 2 partitions",
    );
    assert!(!folder.join("rows.jsonl").exists());
    assert_eq!(broker.group(&group).0, 0, "it joined no group");
    assert!(broker.committed(&group, &prefix).is_empty());
    assert_eq!(broker.topics(&prefix).len(), 1, "it created no topic");

    let latest =
        over(count_objects(), &prefix, &group).args(["--kafka", "auto.offset.reset=latest"]);
    has(
        &latest.finish(LIMIT).success().stdout,
        "0 records in 2 partitions; without an offset, and so read from the end",
    );
    let refusing =
        over(count_objects(), &prefix, &group).args(["--kafka", "auto.offset.reset=error"]);
    has(
        &refusing.finish(LIMIT).code(1).stdout,
        "without a committed offset: 2 partitions",
    );

    broker.commit(&group, &topic, 0, 1);
    broker.commit(&group, &topic, 1, 2);
    let finished = over(count_objects(), &prefix, &group)
        .arg("--json")
        .finish(LIMIT)
        .success();
    let shown: Value = serde_json::from_str(&finished.stdout).expect("it prints JSON");
    assert_eq!(shown["ok"], true);
    let checks = shown["checks"].as_array().expect("it is a list");
    let lag = checks
        .iter()
        .find(|check| check["check"] == "lag")
        .expect("it was checked");
    assert_eq!(
        (&lag["result"], &lag["message"]),
        (&"ok".into(), &"7 records in 2 partitions".into())
    );
}

#[test]
fn all_checks_run_even_if_some_fail() {
    let prefix = Prefix::new("failing");
    Broker::shared().load(&prefix, &origins(1), 1, 1);
    let host = over(
        check(Path::new("missing.wasm")),
        &prefix,
        &prefix.group("group"),
    );
    let host = host.args([
        "--object-type",
        "snapshot",
        "--output",
        "missing/rows.jsonl",
    ]);
    let finished = host.finish(LIMIT).code(1);
    assert_eq!(
        results(&finished),
        [
            "settings ok",
            "plugin failed",
            "plan skipped",
            "brokers ok",
            "topics failed",
            "group ok",
            "lag skipped",
            "outputs failed"
        ]
    );
    has(
        &finished.stdout,
        "has no topic for the object type `snapshot`",
    );
    has(&finished.stdout, "cannot open `missing/rows.jsonl`");
    has(&finished.stdout, "hint: ");
    has(&finished.stderr, "error: 3 of 8 checks failed");
}

#[test]
fn brokers_that_do_not_answer_end_only_their_checks() {
    let host = count_objects().args(["--brokers", "127.0.0.1:1", "--group-id", "g"]);
    let finished = host.finish(LIMIT).code(1);
    assert_eq!(
        results(&finished)[3..],
        [
            "brokers failed",
            "topics skipped",
            "group skipped",
            "lag skipped",
            "outputs ok"
        ]
    );
    has(&finished.stdout, "no broker of `127.0.0.1:1` answered");
    let host = count_objects().args(["--brokers", "127.0.0.1:1", "--group-id", "g"]);
    let wrong = host
        .args(["--kafka", "session.timout.ms=5"])
        .finish(LIMIT)
        .code(1);
    assert_eq!(results(&wrong)[0], "settings failed");
    has(&wrong.stdout, "did you mean `session.timeout.ms`?");
}

#[test]
fn committed_offset_out_of_range_has_its_way_out() {
    let broker = Broker::shared();
    let prefix = Prefix::new("gone");
    broker.load(&prefix, &origins(10), 1, 1);
    let (group, topic) = (prefix.group("group"), prefix.topic("origin"));
    broker.commit(&group, &topic, 0, 3);
    broker.delete_records(&topic, 0, 5);
    let finished = over(count_objects(), &prefix, &group).finish(LIMIT).code(1);
    has(
        &finished.stdout,
        &format!(
            "offset 3 of `{topic}` partition 0 is out of range: the partition begins at 5 and ends at 10"
        ),
    );
    let command = format!("offsets reset --topic {topic}:0 --to earliest");
    has(&finished.stdout, &format!("`journal-host {command}`"));
    let way_out = Host::new().args(command.split(' '));
    let _ = over(way_out, &prefix, &group).finish(LIMIT).success();
    let _ = over(count_objects(), &prefix, &group)
        .finish(LIMIT)
        .success();
}

#[test]
fn members_and_files_of_another_run_are_warnings() {
    let broker = Broker::shared();
    let prefix = Prefix::new("busy");
    broker.load(&prefix, &origins(1), 1, 1);
    let group = prefix.group("group");
    let member = broker.join_cooperatively(&group, &prefix.topic("origin"));
    let file = run::folder("busy").join("rows.jsonl");
    let held = fs::File::create(&file).expect("the folder can be written");
    held.lock().expect("nobody else has it");
    let host = over(count_objects(), &prefix, &group)
        .arg("--output")
        .arg(&file);
    let finished = host.args(["--workers", "3"]).finish(LIMIT).success();
    let results = results(&finished);
    for subject in ["topics", "group", "outputs"] {
        assert!(
            results.contains(&format!("{subject} warning")),
            "{results:?}"
        );
    }
    has(
        &finished.stdout,
        &format!("the group `{group}` has 1 member"),
    );
    has(&finished.stdout, "another process is writing to");
    has(&finished.stdout, "3 workers share 1 partition");
    drop(member);
}

/// Upstream's client divides partitions in another way, and no member of both ways can be in one group.
#[test]
fn group_with_members_of_another_client_cannot_be_joined() {
    let broker = Broker::shared();
    let prefix = Prefix::new("other-client");
    broker.load(&prefix, &origins(1), 1, 1);
    let group = prefix.group("group");
    let member = broker.join(&group, &prefix.topic("origin"), "classic");
    let checked = over(count_objects(), &prefix, &group).finish(LIMIT).code(1);
    let found =
        format!("group: the group `{group}` divides its partitions by `range` among 1 member");
    has(&checked.stdout, &format!("failed   {found}"));
    let run = Host::run(&paths::plugin("count-objects"));
    let failed = over(run, &prefix, &group).finish(LIMIT).code(1);
    for output in [&checked.stdout, &failed.stderr] {
        has(output, "stop all of them first");
        has(output, "or use another `--group-id`");
    }
    has(&failed.stderr, "Inconsistent group protocol");
    drop(member);
}

/// Whoever mirrors a journal must not believe that all of it is there.
#[test]
fn object_type_that_has_only_a_privileged_topic_is_named_by_check_and_run() {
    let prefix = Prefix::new("only-privileged");
    let mut journal = origins(1);
    journal.records.push(Record {
        object_type: "revision".to_owned(),
        privileged: true,
        ..journal.records[0].clone()
    });
    Broker::shared().load(&prefix, &journal, 1, 1);
    let group = prefix.group("group");
    let checked = over(count_objects(), &prefix, &group)
        .finish(LIMIT)
        .success();
    let warning = "object types that have only a privileged topic are left out, because privileged topics are not asked for: `revision`";
    has(&checked.stdout, &format!("warning  topics: {warning}"));
    has(&checked.stdout, "hint: `--privileged` reads them");
    let run = over(Host::run(&paths::plugin("count-objects")), &prefix, &group);
    let read = run.args(["--on-eof", "stop"]).finish(LIMIT).success();
    assert_eq!(read.counts().len(), 1, "{}", read.stdout);
    assert_eq!(read.stderr.matches(warning).count(), 1, "{}", read.stderr);
}

#[test]
fn recording_is_checked_instead_of_a_cluster() {
    let recording = paths::repository().join("recordings/ripgrep.journal.zst");
    let finished = count_objects()
        .arg("--recording")
        .arg(&recording)
        .finish(LIMIT)
        .success();
    assert_eq!(results(&finished)[3], "recording ok");
    let finished = count_objects()
        .args(["--recording", "missing"])
        .finish(LIMIT)
        .code(1);
    assert_eq!(results(&finished)[3], "recording failed");
    let wrong = Host::new().args(["check", "--recording", "missing"]);
    let _ = wrong.finish(LIMIT).code(2);
}
