//! `journal-host offsets` on a real broker.

mod changes;
mod databases;
mod kept;
mod refusals;
mod servers;
mod upstream;

use std::collections::BTreeMap;
use std::time::Duration;

use journal_tests::kafka::{Journal, Record, TopicPartition};
use journal_tests::{Broker, Finished, Host, Prefix, paths};
use serde_json::{Value, json};

/// Time limit for one command.
const LIMIT: Duration = Duration::from_mins(1);
/// Partitions of each topic.
const PARTITIONS: i32 = 2;
/// Records of each object type.
const RECORDS: u32 = 20;

/// Topics of origins and of releases on the shared broker, and a group that no other test uses.
struct Input {
    prefix: Prefix,
    group: String,
}

impl Input {
    fn new(name: &str) -> Self {
        let prefix = Prefix::new(name);
        Broker::shared().load(&prefix, &journal(), PARTITIONS, 1);
        let group = prefix.group("group");
        Self { prefix, group }
    }

    /// `journal-host offsets COMMAND` about the group.
    fn offsets(&self, command: &str) -> Host {
        offsets(command, &self.group).args(["--prefix", self.prefix.as_str()])
    }

    /// Reads everything, and commits it.
    fn read_all(&self) -> Finished {
        Host::run(&paths::plugin("count-objects"))
            .args(["--brokers", &Broker::shared().address()])
            .args(["--prefix", self.prefix.as_str(), "--group-id", &self.group])
            .args(["--on-eof", "stop"])
            .finish(LIMIT)
            .success()
    }

    fn committed(&self) -> BTreeMap<TopicPartition, i64> {
        committed(&self.group, &self.prefix)
    }

    fn ends(&self) -> BTreeMap<TopicPartition, i64> {
        Broker::shared().end_offsets(&self.prefix)
    }

    /// What `show --json` prints.
    fn shown(&self) -> Value {
        let finished = self.offsets("show").arg("--json").finish(LIMIT).success();
        serde_json::from_str(&finished.stdout).expect("it prints JSON")
    }
}

fn journal() -> Journal {
    let record = |object_type: &str, number: u32| Record {
        object_type: object_type.to_owned(),
        privileged: false,
        key: [&[0xc4, 20], [7; 16].as_slice(), &number.to_be_bytes()].concat(),
        value: Some(vec![0xc0]),
    };
    let types = ["origin", "release"].into_iter();
    Journal {
        records: types
            .flat_map(|object_type| (0..RECORDS).map(move |number| record(object_type, number)))
            .collect(),
    }
}

/// `journal-host offsets COMMAND` about a group on the shared broker.
fn offsets(command: &str, group: &str) -> Host {
    Host::new()
        .args(["offsets", command])
        .args(["--brokers", &Broker::shared().address()])
        .args(["--group-id", group])
}

fn committed(group: &str, prefix: &Prefix) -> BTreeMap<TopicPartition, i64> {
    Broker::shared().committed(group, prefix)
}

/// What `show` prints: the lag of each partition and in total, with what is not committed yet.
#[test]
fn lag_of_each_partition_and_in_total_is_shown() {
    let input = Input::new("lag");
    let topic = input.prefix.topic("origin");
    let ends = input.ends();
    Broker::shared().commit_with_note(&input.group, &topic, 1, 3, "start=17");
    let [first, second] = [0, 1].map(|number| ends[&(topic.clone(), number)]);
    let finished = input.offsets("show").finish(LIMIT).success();
    let lines: Vec<Vec<&str>> = finished
        .stdout
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    let [all, left] = [first, second - 3].map(|lag| lag.to_string());
    let [first_end, second_end] = [first, second].map(|end| end.to_string());
    assert!(lines.contains(&vec![&*topic, "0", "-", "0", &first_end, &all]));
    assert!(lines.contains(&vec![&*topic, "1", "3", "0", &second_end, &left]));
    let total = first + second - 3;
    assert!(
        finished
            .stdout
            .contains(&format!("\nlag: {total} records in 2 partitions\n")),
        "{}",
        finished.stdout
    );
    assert!(!finished.stdout.contains(&input.prefix.topic("release")));

    let shown = input.shown();
    assert_eq!(
        (&shown["state"], &shown["lag"]),
        (&json!("empty"), &json!(total))
    );
    assert_eq!(
        shown["partitions"][1],
        json!({
            "topic": topic, "partition": 1, "offset": 3, "note": "start=17", "first": 0, "end": second, "lag": second - 3
        })
    );
    let other = input
        .offsets("show")
        .args(["--object-type", "release", "--json"]);
    let other: Value =
        serde_json::from_str(&other.finish(LIMIT).success().stdout).expect("it prints JSON");
    assert_eq!(other["lag"], RECORDS);
}

/// The members of a group are shown whatever its protocol is.
#[test]
fn members_of_both_protocols_are_shown() {
    let input = Input::new("protocols");
    let topic = input.prefix.topic("origin");
    for protocol in ["classic", "consumer"] {
        let group = input.prefix.group(protocol);
        let member = Broker::shared().join(&group, &topic, protocol);
        let finished = offsets("show", &group)
            .arg("--json")
            .finish(LIMIT)
            .success();
        let shown: Value = serde_json::from_str(&finished.stdout).expect("it prints JSON");
        assert_eq!(shown["members"][0]["client_id"], "a-member", "{protocol}");
        assert_eq!(shown["members"][1], Value::Null, "{protocol}");
        drop(member);
    }
}
