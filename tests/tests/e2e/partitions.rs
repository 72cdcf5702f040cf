//! `--partition`: single partitions without a consumer group.

use std::time::Duration;

use journal_tests::kafka::{Journal, Record};
use journal_tests::{Broker, Finished, Host, Prefix, paths};

const LIMIT: Duration = Duration::from_mins(1);
const PARTITIONS: i32 = 3;

/// Origins in several partitions. `guest-positions` prints one row a record.
fn origins(prefix: &Prefix, records: u32) {
    let origin = |number: u32| Record {
        object_type: "origin".into(),
        privileged: false,
        key: [&[0xc4, 20], [7; 16].as_slice(), &number.to_be_bytes()].concat(),
        value: Some(vec![0xc0; 5]),
    };
    let journal = Journal {
        records: (0..records).map(origin).collect(),
    };
    Broker::shared().load(prefix, &journal, PARTITIONS, 1);
}

fn host(prefix: &Prefix, partitions: &[i32]) -> Host {
    let host = Host::run(&paths::plugin("guest-positions"))
        .args(["--brokers", &Broker::shared().address()])
        .args(["--prefix", prefix.as_str()]);
    let topic = prefix.topic("origin");
    let partition = |host: Host, number: &i32| host.arg(format!("--partition={topic}:{number}"));
    partitions.iter().fold(host, partition)
}

/// The partitions and offsets of all rows.
fn positions(finished: &Finished) -> Vec<(u64, u64)> {
    let number = |row: &serde_json::Value, name: &str| row[name].as_u64().expect("it is a number");
    let rows = finished.rows();
    let mut positions: Vec<_> = rows
        .iter()
        .map(|row| (number(row, "partition"), number(row, "offset")))
        .collect();
    positions.sort_unstable();
    positions
}

/// All positions of these partitions.
fn expected(prefix: &Prefix, partitions: &[i32]) -> Vec<(u64, u64)> {
    let ends = Broker::shared().end_offsets(prefix);
    let of = |&partition: &i32| {
        let end = ends[&(prefix.topic("origin"), partition)].unsigned_abs();
        (0..end).map(move |offset| (partition.unsigned_abs().into(), offset))
    };
    partitions.iter().flat_map(of).collect()
}

#[test]
fn given_partitions_are_read_from_the_first_record_and_nothing_is_committed() {
    let prefix = Prefix::new("partitions");
    origins(&prefix, 60);
    let group = prefix.group("production");
    let topic = prefix.topic("origin");
    Broker::shared().commit(&group, &topic, 0, 5);
    let before = Broker::shared().committed(&group, &prefix);
    for workers in ["1", "2", "4"] {
        // The name of a group that others use changes nothing.
        let run = host(&prefix, &[0, 2]).args(["--on-eof", "stop", "--workers", workers]);
        let finished = run.args(["--group-id", &group]).finish(LIMIT).success();
        assert_eq!(positions(&finished), expected(&prefix, &[0, 2]));
        let said = "read without a consumer group: 2 partitions";
        assert!(finished.stderr.contains(said), "{}", finished.stderr);
    }
    assert_eq!(Broker::shared().committed(&group, &prefix), before);
    assert_eq!(Broker::shared().group(&group).0, 0, "nobody has joined");
}

#[test]
fn partitions_need_no_group_and_follow_the_settings() {
    let prefix = Prefix::new("lone-partition");
    origins(&prefix, 60);
    let few = host(&prefix, &[1]).args(["--stop-after", "3"]);
    let few = few.finish(LIMIT).success();
    assert_eq!(positions(&few), expected(&prefix, &[1])[..3]);
    let end = host(&prefix, &[1]).args(["--on-eof", "stop"]);
    let end = end.args(["--kafka", "auto.offset.reset=latest"]);
    assert_eq!(end.finish(LIMIT).success().stdout, "");
    let all = expected(&prefix, &[1]);
    let twice = (2 * all.len()).to_string();
    let again = host(&prefix, &[1]).args(["--on-eof", "restart", "--stop-after", &twice]);
    let mut two_passes = [all.clone(), all].concat();
    two_passes.sort_unstable();
    assert_eq!(positions(&again.finish(LIMIT).success()), two_passes);
}

#[test]
fn partitions_that_cannot_be_read_are_named() {
    let prefix = Prefix::new("no-partition");
    origins(&prefix, 1);
    let fails = |host: Host, code: i32, sentence: &str, hint: &str| {
        let finished = host.finish(LIMIT).code(code);
        assert!(finished.stderr.contains(sentence), "{}", finished.stderr);
        assert!(finished.stderr.contains(hint), "{}", finished.stderr);
    };
    let address = Broker::shared().address();
    let topic = prefix.topic("origin");
    fails(
        host(&prefix, &[3]),
        1,
        &format!(
            "error: `{address}` has no `{topic}` partition 3: the topic has 3 partitions, counted from 0"
        ),
        "hint: `--partition` takes a partition of the topic",
    );
    let other = host(&prefix, &[]).arg("--partition=elsewhere.origin:0");
    fails(
        other,
        1,
        &format!("error: `{address}` has no topic `elsewhere.origin` that this run reads"),
        "hint: `--partition` takes the whole name of a topic",
    );
    fails(
        host(&prefix, &[]).arg("--partition=origin"),
        2,
        "it is not of the form TOPIC:NUMBER",
        "",
    );
}
