//! Rows in topics: equal to those of JSON lines, and each exactly once.

use std::collections::BTreeSet;

use journal_tests::{Broker, Host, Prefix, Running, paths, until};
use rustix::process::Signal;
use serde_json::Value;

use super::live::Live;
use super::{Disturbance, LIMIT, host, kills, objects, shipped};
use crate::sorted_rows::sorted;

/// A topic for rows, which no run reads as objects.
fn topic(name: &str) -> String {
    let topic = format!("rows-of-{}", Prefix::new(name).as_str());
    Broker::shared().create_topics(&[&topic], 3);
    topic
}

#[test]
fn topic_has_the_rows_of_json_lines() {
    let broker = Broker::shared();
    let prefix = Prefix::new("rows");
    broker.load(&prefix, &shipped(), 2, 1);
    let topic = topic("rows");
    let run = |group: &str| {
        host("list-revisions", &prefix, &prefix.group(group)).args(["--workers", "2"])
    };
    let lines = run("lines").finish(LIMIT).success();
    let output = format!("revisions=kafka:{topic}");
    let written = run("topic").args(["--output", &output]).finish(LIMIT);
    assert!(written.success().stdout.is_empty());
    let rows = broker.rows(&topic);
    assert!(rows.len() > 1000);
    assert_eq!(sorted(rows), sorted(lines.rows()));
}

#[test]
fn several_outputs_share_a_topic_and_name_themselves() {
    let broker = Broker::shared();
    let prefix = Prefix::new("shared-rows");
    broker.load(&prefix, &shipped(), 2, 1);
    let topic = topic("shared-rows");
    let run = |group: &str| host("commit-activity", &prefix, &prefix.group(group));
    let lines = run("lines").finish(LIMIT).success();
    let output = format!("kafka:{topic}");
    let _ = run("topic")
        .args(["--output", &output])
        .finish(LIMIT)
        .success();
    assert_eq!(sorted(broker.rows(&topic)), sorted(lines.rows()));
}

/// A run with two workers that writes to this topic.
fn writing(live: &Live<'_>, plugin: &str, topic: &str) -> Host {
    live.host(plugin)
        .args(["--workers", "2", "--kafka", "session.timeout.ms=6000"])
        .args(["--output", &format!("kafka:{topic}")])
}

/// Waits until the group is further than before.
fn until_it_commits(live: &Live<'_>, running: &mut Running) {
    let before = live.committed();
    running.until("rows are committed", LIMIT, |_| {
        (live.committed() > before).then_some(())
    });
}

fn killed_again_and_again(live: &Live<'_>, host: impl Fn() -> Host) -> Running {
    for disturbance in kills() {
        let mut running = host().spawn();
        until_it_commits(live, &mut running);
        if disturbance == Disturbance::Pause {
            running.signal(Signal::STOP);
            live.until_nobody_is_left();
            running.signal(Signal::CONT);
            until_it_commits(live, &mut running);
        }
        let _ = running.kill();
    }
    host().spawn()
}

#[test]
fn each_row_is_there_once_although_the_host_is_killed() {
    let live = Live::new("topic-rows");
    let topic = topic("topic-rows");
    let running = killed_again_and_again(&live, || writing(&live, "guest-positions", &topic));
    let (_, written) = live.end(running);
    let rows = Broker::shared().rows(&topic);
    let positions: BTreeSet<_> = rows.iter().map(ToString::to_string).collect();
    assert_eq!(rows.len() as u64, objects(&written));
    assert_eq!(positions.len(), rows.len());
}

#[test]
fn sums_of_parts_are_exact_although_the_host_is_killed() {
    let live = Live::new("topic-sums");
    let topic = topic("topic-sums");
    let running = killed_again_and_again(&live, || writing(&live, "count-objects", &topic));
    let (_, written) = live.end(running);
    let sum = |rows: Vec<Value>| -> u64 {
        let of = |row: &Value| row["objects"].as_u64().expect("it is a number");
        rows.iter().map(of).sum()
    };
    assert_eq!(sum(Broker::shared().rows(&topic)), objects(&written));
}

#[test]
fn second_process_with_the_same_name_takes_the_transactions_over() {
    let live = Live::new("topic-names");
    let topic = topic("topic-names");
    let named =
        || writing(&live, "guest-positions", &topic).args(["--kafka", "transactional.id=mirror"]);
    let mut first = named().spawn();
    until_it_commits(&live, &mut first);
    let second = named().spawn();
    let first = first.finish(LIMIT);
    assert_eq!(first.status.code(), Some(1), "{}", first.stderr);
    let name = format!(
        "another process writes with the transactional identifier `{}-mirror-",
        live.group
    );
    assert!(first.stderr.contains(&name), "{}", first.stderr);
    let (_, written) = live.end(second);
    let rows = Broker::shared().rows(&topic);
    assert_eq!(rows.len() as u64, objects(&written));
}

#[test]
fn rows_of_a_checkpoint_whose_partitions_are_lost_are_taken_back() {
    let broker = Broker::shared();
    let prefix = Prefix::new("topic-loss");
    broker.load(&prefix, &shipped(), 2, 1);
    let (nodes, edges) = (topic("topic-loss-nodes"), topic("topic-loss-edges"));
    let group = prefix.group("loss");
    let run = |group: &str| {
        host("graph-edges", &prefix, group)
            .args(["--object-type", "revision"])
            .args(["--checkpoint-interval", "100ms"])
    };
    let lines = run(&prefix.group("lines")).finish(LIMIT).success();
    let rows_with = |column: &str| {
        let mut rows = lines.rows();
        rows.retain_mut(|row| {
            *row = row["row"].take();
            row.get(column).is_some()
        });
        sorted(rows)
    };
    // One broker is no quorum of two, so that the rows of one topic wait.
    broker.set_topic(&edges, "min.insync.replicas", "2");
    let mut running = run(&group)
        .args(["--kafka", "session.timeout.ms=6000"])
        // The broker must not be the one that ends the transaction.
        .args(["--kafka", "transaction.timeout.ms=600000"])
        .args(["--output", &format!("nodes=kafka:{nodes}")])
        .args(["--output", &format!("edges=kafka:{edges}")])
        .spawn();
    running.until("rows are sent", LIMIT, |_| {
        broker.has_open_transaction(&nodes).then_some(())
    });
    running.signal(Signal::STOP);
    until("the group is empty", LIMIT, || {
        (broker.group(&group).0 == 0).then_some(())
    });
    // It takes all partitions, and lets none go while it is there.
    let other = broker.join_cooperatively(&group, &prefix.topic("revision"));
    running.signal(Signal::CONT);
    running.until("the transaction is aborted", LIMIT, |_| {
        (!broker.has_open_transaction(&nodes)).then_some(())
    });
    broker.set_topic(&edges, "min.insync.replicas", "1");
    // Every revision has an edge. Whole checkpoints before that one may be there, and no half of one.
    let ids_of = |topic: &str, column: &str| -> BTreeSet<String> {
        let rows = broker.rows(topic);
        rows.iter().map(|row| row[column].to_string()).collect()
    };
    assert_eq!(ids_of(&nodes, "swhid"), ids_of(&edges, "source"));
    drop(other);
    let _ = running.finish(LIMIT).success();
    assert_eq!(sorted(broker.rows(&nodes)), rows_with("swhid"));
    assert_eq!(sorted(broker.rows(&edges)), rows_with("source"));
}

#[test]
fn topics_that_take_no_rows_are_refused_by_name() {
    let broker = Broker::shared();
    let prefix = Prefix::new("no-rows");
    broker.load(&prefix, &shipped(), 1, 1);
    let topic = topic("no-rows");
    let run = |output: &str| {
        host("list-revisions", &prefix, &prefix.group("refused"))
            .args(["--output", &format!("kafka:{output}")])
    };
    let objects = prefix.topic("revision");
    let isolation = ["--kafka", "isolation.level=read_uncommitted"];
    for (host, code, message) in [
        (
            run("no-such-topic"),
            1,
            "the topic `no-such-topic` for rows does not exist",
        ),
        (
            run(&objects),
            2,
            "has the prefix of the topics that are read",
        ),
        (
            run(&topic).args(isolation),
            2,
            "`isolation.level` cannot be `read_uncommitted`",
        ),
        (run("a/b"), 2, "no topic can have the name `a/b`"),
        (
            Host::run(&paths::plugin("list-revisions"))
                .arg("--recording")
                .arg(paths::repository().join("recordings/ripgrep.journal.zst"))
                .args(["--output", "kafka:rows"]),
            2,
            "can only be written while a cluster is read",
        ),
    ] {
        let refused = host.finish(LIMIT);
        assert_eq!(refused.status.code(), Some(code), "{}", refused.stderr);
        assert!(
            refused.stderr.contains(message),
            "{message}: {}",
            refused.stderr
        );
    }
}
