//! Brokers that do not answer any more in the middle of a run, or that refuse what they allowed before.

use std::sync::OnceLock;
use std::time::Duration;

use journal_tests::kafka::Account;
use journal_tests::{Broker, Finished, Host, Prefix, Running, paths};

use super::{LIMIT, objects, shipped, total};
use crate::observing::{address, get, sample};

/// How long runs wait for a broker that does not come back.
const BROKER_TIMEOUT: &str = "5s";
const ALICE: Account = Account {
    name: "alice",
    password: "wonderland",
};

/// A run that goes on at the end of the data, and waits for so long for a broker.
fn following(brokers: &str, prefix: &Prefix, group: &str, broker_timeout: &str) -> Host {
    Host::run(&paths::plugin("count-objects"))
        .args(["--brokers", brokers])
        .args(["--prefix", prefix.as_str(), "--group-id", group])
        .args(["--checkpoint-interval", "100ms"])
        .args(["--broker-timeout", broker_timeout])
        // A member that leaves without a broker has nobody to notify.
        .args(["--shutdown-timeout", "3s"])
}

/// A run that is as the account on the secured listener.
fn as_alice(host: Host, broker: &Broker) -> Host {
    host.args(["--kafka", "security.protocol=SASL_SSL"])
        .args(["--kafka", "sasl.mechanisms=SCRAM-SHA-512"])
        .args(["--kafka", "sasl.username=alice"])
        .args(["--kafka", &format!("sasl.password={}", ALICE.password)])
        .arg("--kafka")
        .arg(format!(
            "ssl.ca.location={}",
            broker.certificate().display()
        ))
}

fn until_all_is_committed(running: &mut Running, broker: &Broker, prefix: &Prefix, group: &str) {
    let all = broker.end_offsets(prefix).values().sum::<i64>();
    running.until("all is committed", LIMIT, |_| {
        let committed = broker.committed_records(group, prefix);
        (committed == all.unsigned_abs()).then_some(())
    });
}

/// The error of a run, and its hint.
#[track_caller]
fn error(finished: &Finished) -> (&str, &str) {
    let text = &finished.stderr;
    let line = |start: &str| text.lines().find_map(|line| line.strip_prefix(start));
    let (Some(error), Some(hint)) = (line("error: "), line("hint: ")) else {
        panic!("no error with a hint: {text}");
    };
    (error, hint)
}

#[test]
fn brokers_that_do_not_come_back_end_the_run_and_nothing_is_lost() {
    let mut broker = Broker::start();
    let prefix = Prefix::new("never-back");
    let journal = shipped();
    broker.load(&prefix, &journal, 4, 1);
    let group = prefix.group("group");
    let following = || following(&broker.address(), &prefix, &group, BROKER_TIMEOUT);
    let (first_run, next_run) = (following(), following().args(["--on-eof", "stop"]));
    let mut first = first_run.spawn();
    until_all_is_committed(&mut first, &broker, &prefix, &group);
    broker.kill();
    let first = first.finish(LIMIT).code(1);
    let (message, hint) = error(&first);
    let expected = format!("no broker of `{}` has answered for ", broker.address());
    assert!(message.starts_with(&expected), "{message}");
    assert!(
        message.ends_with(": 0 records will come again"),
        "{message}"
    );
    assert!(hint.contains("`--broker-timeout`"), "{hint}");
    broker.restart();
    broker.append(&prefix, &journal, 1);
    let next = next_run.finish(LIMIT).success();
    assert_eq!(total([&first, &next]), journal.counts(false, 2));
}

#[test]
fn brokers_that_come_back_in_time_do_not_end_the_run() {
    let mut broker = Broker::start();
    let prefix = Prefix::new("back");
    let journal = shipped();
    broker.load(&prefix, &journal, 4, 1);
    let group = prefix.group("group");
    let mut running = following(&broker.address(), &prefix, &group, "10m")
        .args(["--metrics", "0"])
        .spawn();
    until_all_is_committed(&mut running, &broker, &prefix, &group);
    let metrics = address(&mut running);
    // How long no broker has been connected, and whether the run is ready.
    let seen = || {
        let (_, text) = get(&metrics, "/metrics", &metrics);
        let without = sample(&text, "journal_host_without_brokers_seconds ");
        (without, get(&metrics, "/readyz", &metrics))
    };
    broker.kill();
    running.until("its metrics and its readiness say it", LIMIT, |_| {
        let (without, (status, reason)) = seen();
        (without? > 0.0 && status == 503 && reason.contains("no broker")).then_some(())
    });
    assert_eq!(get(&metrics, "/healthz", &metrics).0, 200);
    let (_, state) = get(&metrics, "/state.json", &metrics);
    assert!(state.contains("The run waits: no broker"), "{state}");
    running.until("it waits", LIMIT, |running| {
        running
            .stderr()
            .contains("waiting for the brokers")
            .then_some(())
    });
    broker.restart();
    // No record arrives, by which it would notice it.
    running.until("it notices that they answer", LIMIT, |running| {
        running
            .stderr()
            .contains("the brokers answer again")
            .then_some(())
    });
    running.until("it is ready again", LIMIT, |_| {
        let (without, (status, _)) = seen();
        (without == Some(0.0) && status == 200).then_some(())
    });
    broker.append(&prefix, &journal, 1);
    until_all_is_committed(&mut running, &broker, &prefix, &group);
    running.signal(rustix::process::Signal::TERM);
    let finished = running.finish(LIMIT).success();
    assert_eq!(
        objects(&finished.counts()),
        2 * journal.records.len() as u64
    );
}

#[test]
fn account_that_is_removed_ends_the_run_with_the_brokers_reason() {
    // Clients have to authenticate again and again.
    let properties = "listener.name.sasl_ssl.connections.max.reauth.ms=3000";
    let broker = Broker::start_secured_with(ALICE, properties);
    let prefix = Prefix::new("removed");
    broker.load(&prefix, &shipped(), 4, 1);
    broker.grant(ALICE, prefix.as_str(), prefix.as_str());
    let group = prefix.group("group");
    let host = following(&broker.secured_address(), &prefix, &group, BROKER_TIMEOUT);
    let mut running = as_alice(host, &broker).spawn();
    until_all_is_committed(&mut running, &broker, &prefix, &group);
    broker.remove_account(ALICE);
    let finished = running.finish(LIMIT).code(1);
    let (message, hint) = error(&finished);
    let expected = format!(
        "the brokers of `{}` have refused authentication for ",
        broker.secured_address()
    );
    assert!(message.starts_with(&expected), "{message}");
    assert!(message.contains("uthentication failed"), "{message}");
    assert!(hint.contains("`sasl.*`"), "{hint}");
    assert!(!finished.stderr.contains(ALICE.password));
}

/// A run of alice's that has read everything, and its end once a right is revoked.
fn after_revoking(name: &str, revoke: impl FnOnce(&Broker, &Prefix)) -> Finished {
    static BROKER: OnceLock<Broker> = OnceLock::new();
    let broker = BROKER.get_or_init(|| Broker::start_secured(ALICE));
    let prefix = Prefix::new(name);
    broker.load(&prefix, &shipped(), 4, 1);
    broker.grant(ALICE, prefix.as_str(), prefix.as_str());
    let group = prefix.group("group");
    let host = following(&broker.secured_address(), &prefix, &group, "10m");
    let mut running = as_alice(host, broker).spawn();
    until_all_is_committed(&mut running, broker, &prefix, &group);
    revoke(broker, &prefix);
    running.finish(Duration::from_mins(1)).code(1)
}

#[test]
fn right_on_the_group_that_is_revoked_is_named() {
    let finished = after_revoking("group-right", |broker, prefix| {
        broker.revoke_group(ALICE, prefix.as_str());
    });
    let (message, hint) = error(&finished);
    assert!(message.contains("roup authorization failed"), "{message}");
    assert!(hint.contains("`--group-id`"), "{hint}");
    assert!(hint.contains("revoked"), "{hint}");
}

#[test]
fn right_on_the_topics_that_is_revoked_is_named() {
    let finished = after_revoking("topic-right", |broker, prefix| {
        broker.revoke_topics(ALICE, prefix.as_str());
    });
    let (message, hint) = error(&finished);
    assert!(message.contains("opic authorization failed"), "{message}");
    assert!(hint.contains("`--object-type`"), "{hint}");
}
