//! What an account lacks is found before a run.

use std::sync::OnceLock;

use journal_tests::kafka::Account;
use journal_tests::{Broker, Finished, Host, Prefix, oracle, paths};

use super::{LIMIT, check, has, origins, results};

const BOB: Account = Account {
    name: "bob",
    password: "builder",
};

/// A cluster with topics that bob may read, and a topic of origins that he may only see. He may use the groups that begin
/// with `bob-`, and see those that begin with `shown-`.
struct Cluster {
    broker: Broker,
    open: Prefix,
    shown: Prefix,
}

fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        let broker = Broker::start_secured(BOB);
        let (open, shown) = (Prefix::new("readable"), Prefix::new("visible"));
        broker.load(&open, &origins(10), 2, 1);
        broker.load(&shown, &origins(10), 2, 1);
        broker.grant(BOB, open.as_str(), "bob-");
        for (resource, prefix) in [("TOPIC", &*shown.topic("origin")), ("GROUP", "shown-")] {
            let address = broker.address();
            let rights = [&*address, BOB.name, resource, prefix, "DESCRIBE"];
            let _nothing = oracle::script("allow.py", rights);
        }
        Cluster {
            broker,
            open,
            shown,
        }
    })
}

fn bob(command: Host, prefix: &Prefix, group: &str) -> Finished {
    let broker = &cluster().broker;
    command
        .args(["--brokers", &broker.secured_address()])
        .args(["--prefix", prefix.as_str(), "--group-id", group])
        .args(["--kafka", "security.protocol=SASL_SSL"])
        .args(["--kafka", "sasl.mechanisms=SCRAM-SHA-512"])
        .args([
            "--kafka",
            "sasl.username=bob",
            "--kafka",
            "sasl.password=builder",
        ])
        .arg("--kafka")
        .arg(format!(
            "ssl.ca.location={}",
            broker.certificate().display()
        ))
        .finish(LIMIT)
}

fn bob_checks(prefix: &Prefix, group: &str) -> Finished {
    bob(check(&paths::plugin("count-objects")), prefix, group)
}

#[test]
fn account_with_all_rights_is_fine() {
    let finished = bob_checks(&cluster().open, "bob-all").success();
    let all = results(&finished);
    assert!(all.iter().all(|result| result.ends_with(" ok")), "{all:?}");
}

#[test]
fn topic_that_may_be_seen_and_not_read_is_found() {
    let finished = bob_checks(&cluster().shown, "bob-topic").code(1);
    assert!(results(&finished).contains(&"topics failed".to_owned()));
    let topic = cluster().shown.topic("origin");
    has(
        &finished.stdout,
        &format!("2 of 2 partitions of `{topic}` cannot be read"),
    );
    has(&finished.stdout, "Topic authorization failed");
    has(&finished.stdout, "ask for the right");
}

#[test]
fn topic_for_rows_that_may_not_be_written_to_is_found() {
    let cluster = cluster();
    let (open, closed) = ("open-rows", "closed-rows");
    cluster.broker.create_topics(&[open, closed], 3);
    cluster.broker.grant_writing(BOB, open);
    cluster.broker.grant_description(BOB, closed);
    let checked = |topic: &str| {
        let host = check(&paths::plugin("count-objects"));
        let host = host.args(["--output", &format!("kafka:{topic}")]);
        bob(host, &cluster.open, "bob-rows")
    };
    has(
        &checked(open).success().stdout,
        "outputs: the topic `open-rows` has 3 partitions, and the account may write to it",
    );
    let refused = checked(closed).code(1).stdout;
    has(
        &refused,
        "failed   outputs: the account may not write to the topic `closed-rows`",
    );
    has(&refused, "hint: ask for the right to write to it");
}

#[test]
fn topic_that_may_not_be_seen_is_told_from_one_that_does_not_exist() {
    let releases = |prefix: &Prefix| {
        let plugin = check(&paths::plugin("count-objects"));
        let releases = plugin.args(["--object-type", "release"]);
        bob(releases, prefix, "bob-seen").code(1).stdout
    };
    let cluster = cluster();
    let absent = releases(&cluster.open);
    has(&absent, "has no topic for the object type `release`");
    let hidden = releases(&cluster.shown);
    let topic = cluster.shown.topic("release");
    let sentence = format!("the account may not see the topic `{topic}`, or it does not exist");
    has(&hidden, &sentence);
    let nothing = releases(&Prefix::new("secret"));
    has(&nothing, "the account may not see the topic `secret-");
}

#[test]
fn group_that_may_not_be_used_is_found() {
    let finished = bob_checks(&cluster().open, "alice-group").code(1);
    has(&finished.stdout, "Group authorization failed");
    has(
        &finished.stdout,
        "hint: the account may not use this `--group-id`",
    );
    let topics = results(&finished);
    assert!(topics.contains(&"topics ok".to_owned()), "{topics:?}");
    let finished = bob_checks(&cluster().open, "shown-group").code(1);
    has(
        &finished.stdout,
        "the account may not use the group `shown-group`",
    );
    let topics = results(&finished);
    assert!(topics.contains(&"topics ok".to_owned()), "{topics:?}");
}

#[test]
fn offsets_of_a_group_that_may_not_be_used_are_refused() {
    let host = Host::new().args(["offsets", "show"]);
    let finished = bob(host, &cluster().open, "alice-group").code(1);
    has(&finished.stderr, "Group authorization failed");
    has(
        &finished.stderr,
        "hint: the account may not use this `--group-id`",
    );
    let topic = cluster().shown.topic("origin");
    let host = Host::new().args(["offsets", "reset", "--to", "earliest", "--topic", &topic]);
    let finished = bob(host, &cluster().shown, "bob-reset").code(1);
    has(&finished.stderr, "Topic authorization failed");
}
