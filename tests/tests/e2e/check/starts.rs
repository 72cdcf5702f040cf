//! What is checked of a run that begins elsewhere than at the first records of existing topics.

use std::fs;

use journal_tests::{Broker, Finished, Host, Prefix, run};

use super::{LIMIT, count_objects, has, origins, over, results};

/// Topics with ten origins in two partitions, and their group.
fn two_partitions(name: &str) -> (Prefix, String) {
    let prefix = Prefix::new(name);
    Broker::shared().load(&prefix, &origins(10), 2, 1);
    let group = prefix.group("group");
    (prefix, group)
}

/// The result of one check.
fn result_of(finished: &Finished, subject: &str) -> String {
    let results = results(finished);
    let mut of_subject = results
        .iter()
        .filter_map(|result| result.strip_prefix(&format!("{subject} ")));
    of_subject.next().unwrap_or_default().to_owned()
}

#[test]
fn partitions_without_a_group_need_no_group() {
    let (prefix, _) = two_partitions("given");
    let broker = Broker::shared();
    let topic = prefix.topic("origin");
    let host = |partition: &str| {
        count_objects()
            .args(["--brokers", &broker.address()])
            .args(["--prefix", prefix.as_str()])
            .args(["--partition", &format!("{topic}:{partition}")])
    };
    let finished = host("1").finish(LIMIT).success();
    assert_eq!(
        results(&finished)[4..],
        ["topics ok", "group skipped", "lag skipped", "outputs ok"]
    );
    has(
        &finished.stdout,
        &format!("`{topic}`: 1 partition can be read"),
    );
    has(
        &finished.stdout,
        "lag: single partitions are read without a consumer group",
    );
    let missing = host("2").finish(LIMIT).code(1);
    assert_eq!(result_of(&missing, "topics"), "failed");
    has(
        &missing.stdout,
        &format!("has no `{topic}` partition 2: the topic has 2 partitions"),
    );
}

#[test]
fn topic_that_a_run_creates_is_a_warning_and_is_not_created() {
    let (prefix, group) = two_partitions("created");
    let host = || {
        over(count_objects(), &prefix, &group).args([
            "--object-type",
            "origin",
            "--object-type",
            "snapshot",
        ])
    };
    let finished = host().arg("--create-topics").finish(LIMIT).success();
    let topics: Vec<_> = results(&finished)
        .into_iter()
        .filter(|result| result.starts_with("topics"))
        .collect();
    assert_eq!(topics, ["topics warning", "topics ok"]);
    let missing = prefix.topic("snapshot");
    has(
        &finished.stdout,
        &format!("`{missing}` does not exist: a run creates it"),
    );
    has(&finished.stdout, "10 records in 2 partitions");
    assert_eq!(Broker::shared().topics(&prefix).len(), 1);
    let without = host().finish(LIMIT).code(1);
    assert_eq!(result_of(&without, "topics"), "failed");
}

#[test]
fn lag_of_partitions_without_an_offset_follows_the_start() {
    let (prefix, group) = two_partitions("from");
    let lag = |from: &str, expected: &str| {
        let host = over(count_objects(), &prefix, &group).args(["--from", from]);
        let finished = host.finish(LIMIT).success();
        has(&finished.stdout, expected);
    };
    lag(
        "earliest",
        "10 records in 2 partitions; without an offset, and so read from the first record: 2 partitions",
    );
    lag(
        "latest",
        "0 records in 2 partitions; without an offset, and so read from the end: 2 partitions",
    );
    lag(
        "1970-01-02",
        "10 records in 2 partitions; without an offset, and so read from 1970-01-02T00:00:00.000Z: 2 partitions",
    );
    // A group that has committed an offset has started: its other partitions begin where it did.
    let topic = prefix.topic("origin");
    Broker::shared().commit(&group, &topic, 0, 0);
    lag("latest", "10 records in 2 partitions");
}

#[test]
fn offset_file_is_checked_and_followed() {
    let (prefix, group) = two_partitions("listed");
    let broker = Broker::shared();
    let topic = prefix.topic("origin");
    let ends = broker.end_offsets(&prefix);
    let file = run::folder("check-listed").join("offsets.tsv");
    let with = |content: &str| -> Host {
        fs::write(&file, content).expect("the folder can be written");
        over(count_objects(), &prefix, &group)
            .arg("--from")
            .arg(&file)
    };
    let end = ends[&(topic.clone(), 0)];
    let finished = with(&format!("{topic}\t0\t{end}\n"))
        .finish(LIMIT)
        .success();
    assert_eq!(result_of(&finished, "start"), "ok");
    has(&finished.stdout, "the offset file has 1 position");
    let left = ends[&(topic.clone(), 1)];
    has(
        &finished.stdout,
        &format!(
            "{left} records in 2 partitions; without an offset, and so read from the offset file: 1 partition, and \
             from the first record: 1 partition"
        ),
    );
    for (content, problem) in [
        (
            format!("{topic}\t0\n"),
            "has 2 fields instead of 3 in line 1",
        ),
        (
            format!("{topic}\t7\t0\n"),
            "names `TOPIC` partition 7, which does not exist",
        ),
        (
            format!("{topic}\t0\t99\n"),
            "offset 99 of `TOPIC` partition 0 is out of range",
        ),
        (
            "other.origin\t0\t0\n".to_owned(),
            "names no topic that the run reads",
        ),
    ] {
        let wrong = with(&content).finish(LIMIT).code(1);
        assert_eq!(result_of(&wrong, "start"), "failed", "{content}");
        assert_eq!(result_of(&wrong, "lag"), "skipped", "{content}");
        has(&wrong.stdout, &problem.replace("TOPIC", &topic));
    }
    let missing = over(count_objects(), &prefix, &group).args(["--from", "missing.tsv"]);
    let missing = missing.finish(LIMIT).code(1);
    has(
        &missing.stdout,
        "failed   start: cannot read the offset file `missing.tsv`",
    );
}
