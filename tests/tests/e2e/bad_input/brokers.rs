//! Brokers that do not answer, and clusters without the requested topics.

use std::net::{Ipv4Addr, TcpListener};

use journal_tests::kafka::Journal;
use journal_tests::{Broker, Host, Prefix, paths};

use super::{Failure, HOSTILE, KafkaInput, LIMIT, fails, failure, is_wrong_use, origins};

fn host(brokers: &str) -> Host {
    Host::run(&paths::plugin(HOSTILE))
        .args(["--brokers", brokers, "--group-id", "group"])
        .args(["--on-eof", "stop"])
}

/// A port on loopback that only this test uses.
fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a port");
    let address = listener.local_addr().expect("it is bound").to_string();
    (listener, address)
}

#[test]
fn closed_port_is_reported_as_no_answer() {
    let (listener, address) = listener();
    drop(listener);
    fails(host(&address))
        .names(&format!("no broker of `{address}` answered within "))
        .names("Connection refused")
        .hints("check `--brokers`");
}

#[test]
fn port_that_does_not_exist_is_refused_at_once() {
    let broker = "127.0.0.1:99999";
    is_wrong_use(host(broker))
        .names(&format!(
            "the broker `{broker}` in `--brokers` has no port from 1 to 65535"
        ))
        .hints("written as `HOST:PORT`");
}

#[test]
fn port_that_accepts_and_stays_silent_is_reported_as_no_answer() {
    let (_listener, address) = listener();
    fails(host(&address))
        .names(&format!("no broker of `{address}` answered within "))
        .hints("check `--brokers`");
}

#[test]
fn prefix_without_topics_lists_the_existing_prefixes() {
    let broker = Broker::shared();
    let prefix = Prefix::new("there");
    broker.load(&prefix, &origins(1, 1), 1, 1);
    let address = broker.address();
    // Of many prefixes, the most similar ones are listed.
    let other = format!("{prefix}x");
    fails(host(&address).args(["--prefix", &other]))
        .names(&format!(
            "`{address}` has no topic with the prefix `{other}`; the prefixes there are: `"
        ))
        .names(&format!("`{prefix}`"))
        .hints("name one of them with `--prefix`");
}

#[test]
fn object_type_without_a_topic_lists_the_existing_object_types() {
    let input = KafkaInput::with("types", &origins(1, 1));
    let sentence = format!(
        "`{}` has no topic for the object type `revision` with the prefix `{}`; the object types there are: \
         `origin`",
        Broker::shared().address(),
        input.prefix
    );
    for (flag, value) in [
        ("--object-type", "revision"),
        ("--option", "object_types=revision"),
    ] {
        let host = input.read_by(Host::run(&paths::plugin(HOSTILE)));
        fails(host.args([flag, value]))
            .says(&sentence)
            .hints("narrow the object types with `--object-type`");
    }
}

#[test]
fn settings_that_break_a_guarantee_are_refused_by_name() {
    let setting =
        |setting: &str| -> Failure { is_wrong_use(host("127.0.0.1:1").args(["--kafka", setting])) };
    for (key, reason) in [
        ("enable.auto.commit", "only after outputs are durable"),
        ("auto.commit.interval.ms", "only after outputs are durable"),
        ("enable.auto.offset.store", "only after outputs are durable"),
        (
            "partition.assignment.strategy",
            "only cooperative rebalances",
        ),
        ("enable.partition.eof", "to know the end of the data"),
        ("group.id", "`--group-id` sets it"),
        ("bootstrap.servers", "`--brokers` sets it"),
    ] {
        setting(&format!("{key}=true"))
            .names(&format!("`--kafka {key}` cannot be set: "))
            .names(reason)
            .hints("leave the setting out");
    }
    setting("session.timeout.ms=soon")
        .names("`--kafka session.timeout.ms` cannot be `soon`: Invalid value")
        .hints("CONFIGURATION.md");
    setting("auto.offset.reset=middle")
        .says(
            "`--kafka auto.offset.reset` cannot be `middle`: it is `earliest`, `latest` or `error`",
        )
        .hints("CONFIGURATION.md");
    setting("max.poll.interval.ms=10000")
        .names("is more than half of `max.poll.interval.ms`, which is 10000")
        .hints("`--deadline`");
}

#[test]
fn setting_that_librdkafka_does_not_know_is_named_without_its_value() {
    let unknown = |setting: &str| {
        let run = host("127.0.0.1:1").args(["--kafka", setting]);
        let finished = run.finish(LIMIT).code(2);
        let text = finished.stderr.clone();
        assert!(!text.contains("wonderland"), "{text}");
        failure(&finished)
    };
    unknown("nonsense=wonderland")
        .says("`--kafka nonsense` is not a setting of librdkafka")
        .hints("CONFIGURATION.md");
    unknown("sasl.pasword=wonderland")
        .says("`--kafka sasl.pasword` is not a setting of librdkafka")
        .hints("did you mean `sasl.password`?");
}

#[test]
fn settings_that_the_protocol_consumer_excludes_are_refused_by_name() {
    for (key, reason) in [
        (
            "session.timeout.ms",
            "the brokers set it, as `group.consumer.session.timeout.ms`",
        ),
        (
            "heartbeat.interval.ms",
            "the brokers set it, as `group.consumer.heartbeat.interval.ms`",
        ),
        ("group.protocol.type", "has no types"),
        (
            "partition.assignment.strategy",
            "only cooperative rebalances",
        ),
        (
            "group.remote.assignor",
            "the assignor that the brokers choose",
        ),
        (
            "group.instance.id",
            "static membership needs `group.protocol=classic`",
        ),
    ] {
        let host = host("127.0.0.1:1").args(["--kafka", "group.protocol=consumer"]);
        is_wrong_use(host.args(["--kafka", &format!("{key}=7000")]))
            .names(&format!("`--kafka {key}` cannot be set: "))
            .names(reason)
            .hints("leave the setting out");
    }
}

#[test]
fn brokers_without_the_protocol_consumer_are_reported() {
    let broker = Broker::start_with("group.coordinator.rebalance.protocols=classic");
    let prefix = Prefix::new("protocol");
    broker.load(&prefix, &origins(1, 1), 1, 1);
    let host = host(&broker.address()).args(["--prefix", prefix.as_str()]);
    let finished = host
        .args(["--kafka", "group.protocol=consumer"])
        .finish(LIMIT)
        .code(1);
    // A line of librdkafka names the request that failed.
    for part in [
        "error: the Kafka consumer cannot go on: ",
        "leave `--kafka group.protocol` out",
    ] {
        assert!(finished.stderr.contains(part), "{}", finished.stderr);
    }
}

/// The worker's consumer uses these settings, and the query client does not.
#[test]
fn settings_of_the_group_that_librdkafka_refuses_are_named() {
    is_wrong_use(host("127.0.0.1:1").args(["--kafka", "group.protocol=none"]))
        .names("`--kafka group.protocol` cannot be `none`: ")
        .hints("CONFIGURATION.md");
}

#[test]
fn cluster_without_records_is_read_to_its_end_at_once() {
    let prefix = Prefix::new("empty");
    Broker::shared().create_topics(&[prefix.topic("origin")], 3);
    let input = KafkaInput {
        group: prefix.group("group"),
        prefix,
    };
    let host = input.read_by(Host::run(&paths::plugin("count-objects")));
    let finished = host.finish(LIMIT).success();
    assert_eq!(finished.stdout, "");
    assert_eq!(Journal::default().counts(false, 1), finished.counts());
}

#[test]
fn record_too_large_for_the_guest_names_its_size_and_the_flag() {
    let journal = origins(1, 5 << 20);
    let input = KafkaInput::with("large-record", &journal);
    let bytes = journal.records[0].key.len() + (5 << 20);
    let host = input.read_by(Host::run(&paths::plugin(HOSTILE)));
    fails(host.args(["--memory-limit", "8MiB"]))
        .says(&format!(
            "the record at `{topic}` partition 0 offset 0 has {bytes} bytes, more than half of the memory \
             limit of 8388608 bytes",
            topic = input.topic()
        ))
        .hints("`--memory-limit`");
    assert_eq!(input.committed(), 0);
}

/// A journal with a public and a privileged topic, or with only the privileged one.
fn releases(publicly: bool) -> KafkaInput {
    let mut journal = Journal::default();
    for privileged in [false, true] {
        let mut record = origins(1, 1).records.remove(0);
        record.object_type = "release".into();
        record.privileged = privileged;
        if publicly || privileged {
            journal.records.push(record);
        }
    }
    KafkaInput::with("releases", &journal)
}

#[test]
fn privileged_topics_are_read_only_when_requested() {
    let input = releases(false);
    let host = || input.read_by(Host::run(&paths::plugin("count-objects")));
    fails(host())
        .names("has only privileged topics with the prefix")
        .hints("`--privileged`");
    fails(host().args(["--object-type", "release"]))
        .names("has only privileged topics with the prefix")
        .hints("`--privileged`");
    let read = host().arg("--privileged").finish(LIMIT).success();
    assert_eq!(read.counts()["release"].objects, 1);
}

/// Anonymised rows never pass for others: an operator who wants them where nothing else exists has to say so.
#[test]
fn privileged_topic_that_is_absent_ends_the_run_unless_it_is_only_preferred() {
    let mut journal = origins(2, 1);
    journal.records[0].object_type = "release".into();
    let input = KafkaInput::with("absent", &journal);
    let host = || input.read_by(Host::run(&paths::plugin("count-objects")));
    fails(host().arg("--privileged"))
        .says(&format!(
            "`{}` has no topic `{}`, and the public topics of these object types are anonymised",
            Broker::shared().address(),
            input.prefix.privileged_topic("release")
        ))
        .hints("`--privileged=if-available` reads anonymised topics");
    assert_eq!(input.committed(), 0);
    let preferred = host().arg("--privileged=if-available").finish(LIMIT);
    let preferred = preferred.success();
    assert_eq!(preferred.counts(), journal.counts(false, 1));
    let warning = "1 of 2 topics anonymised";
    assert!(preferred.stderr.contains(warning), "{}", preferred.stderr);
}

#[test]
fn object_types_without_a_topic_are_left_out_on_request_and_named() {
    let journal = origins(3, 1);
    let input = KafkaInput::with("young", &journal);
    let host = || {
        let host = input.read_by(Host::run(&paths::plugin("count-objects")));
        host.args(["--object-type", "origin", "--object-type", "snapshot"])
    };
    fails(host())
        .names("has no topic for the object type `snapshot`")
        .hints("`--missing-topics ignore`");
    let read = host().args(["--missing-topics", "ignore"]).finish(LIMIT);
    let read = read.success();
    assert_eq!(read.counts(), journal.counts(false, 1));
    let warning = "object types that have no topic are left out: `snapshot`";
    assert!(read.stderr.contains(warning), "{}", read.stderr);
    let none = input.read_by(Host::run(&paths::plugin("count-objects")));
    let none = none.args(["--object-type", "snapshot", "--missing-topics", "ignore"]);
    fails(none).names("has no topic for the object type `snapshot`");
}

/// The name of the privileged prefix does not bypass the flag.
#[test]
fn privileged_prefix_is_refused() {
    let input = releases(true);
    let prefix = format!("{}_privileged", input.prefix);
    let host = Host::run(&paths::plugin("count-objects"))
        .arg("--brokers")
        .arg(Broker::shared().address())
        .args(["--prefix", &prefix, "--group-id", &input.group])
        .args(["--on-eof", "stop"]);
    fails(host)
        .names(&format!("has no topic with the prefix `{prefix}`"))
        .hints("`--prefix`");
}
