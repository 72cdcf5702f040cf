//! Groups of the protocol `consumer` (KIP-848), whose members may also speak the classic one.

use std::collections::BTreeSet;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use journal_tests::kafka::Counts;
use journal_tests::{Broker, Host, Prefix, Running, paths};
use rustix::process::Signal;
use serde_json::Value;

use super::live::{Live, stop, until_it_handles_more};
use super::{LIMIT, PARTITIONS, difference, shipped, total};

/// Sessions and heartbeats of the protocol are settings of the brokers: shorter ones than the defaults, for a test.
const SHORT: &str = "\
group.consumer.min.heartbeat.interval.ms=100
group.consumer.heartbeat.interval.ms=300
group.consumer.min.session.timeout.ms=1000
group.consumer.session.timeout.ms=3000
";
const CONSUMER: [&str; 2] = ["--kafka", "group.protocol=consumer"];
const CLASSIC: [&str; 2] = ["--kafka", "session.timeout.ms=3000"];
/// The copies of the shipped recording.
const COPIES: u32 = 10;

/// One broker for all tests here.
fn broker() -> &'static Broker {
    static BROKER: OnceLock<Broker> = OnceLock::new();
    BROKER.get_or_init(|| Broker::start_with(SHORT))
}

/// A member that waits for more records at the end.
fn member(live: &Live<'_>, protocol: [&str; 2]) -> Host {
    live.plain("guest-counter")
        .args(["--checkpoint-interval", "100ms"])
        .args(protocol)
}

/// The rows of the last checkpoint: a checkpoint has at most one row per type.
fn last_checkpoint(rows: &[Value]) -> Counts {
    let mut seen = BTreeSet::new();
    let of_last = |row: &&Value| seen.insert(row["object_type"].to_string());
    let last: Vec<_> = rows.iter().rev().take_while(of_last).cloned().collect();
    journal_tests::host::sum(&last)
}

#[test]
fn consumer_members_alone_count_everything_once() {
    let prefix = Prefix::new("alone");
    let journal = shipped();
    let records = broker().load(&prefix, &journal, PARTITIONS, COPIES);
    let group = prefix.group("alone");
    let finished = Host::run(&paths::plugin("count-objects"))
        .args(["--brokers", &broker().address()])
        .args(["--prefix", prefix.as_str(), "--group-id", &group])
        .args(["--on-eof", "stop", "--workers", "3"])
        .args(CONSUMER)
        .finish(LIMIT)
        .success();
    assert_eq!(finished.counts(), journal.counts(false, COPIES.into()));
    assert_eq!(broker().committed_records(&group, &prefix), records);
}

/// The group is upgraded when the second member joins, and downgraded when the last one of the new protocol leaves.
#[test]
fn members_of_both_protocols_hand_over_without_loss_or_repetition() {
    let live = Live::on(broker(), "handover");
    let mut finished = Vec::new();
    let mut classic = member(&live, CLASSIC).spawn();
    until_it_handles_more(&mut classic);
    let mut consumer = member(&live, CONSUMER).spawn();
    until_it_handles_more(&mut consumer);
    until_it_handles_more(&mut classic);
    finished.push(stop(classic));
    until_it_handles_more(&mut consumer);
    let mut classic = member(&live, CLASSIC).spawn();
    until_it_handles_more(&mut classic);
    finished.push(stop(consumer));
    until_it_handles_more(&mut classic);
    finished.push(stop(classic));
    let (rest, written) = live.rest();
    finished.push(rest);
    for finished in &finished {
        // Another warning says that records come again if offsets are gone, which they are not here.
        for promise in ["may come again", "will come again"] {
            assert!(!finished.stderr.contains(promise), "{}", finished.stderr);
        }
    }
    assert_eq!(total(&finished), written);
}

#[test]
fn killed_member_repeats_at_most_its_last_checkpoint_whatever_the_protocols() {
    for (name, killed, stays) in [
        ("consumer", CONSUMER, CLASSIC),
        ("classic", CLASSIC, CONSUMER),
        ("both", CONSUMER, CONSUMER),
    ] {
        let live = Live::on(broker(), &format!("killed-{name}"));
        let mut steady = member(&live, stays).spawn();
        until_it_handles_more(&mut steady);
        let mut victim = member(&live, killed).spawn();
        until_it_handles_more(&mut victim);
        until_it_handles_more(&mut victim);
        let victim = victim.kill();
        until_it_handles_more(&mut steady);
        let steady = stop(steady);
        let (rest, written) = live.rest();
        let repeated = difference(&total([&victim, &steady, &rest]), &written);
        let most = last_checkpoint(&victim.rows());
        for (object_type, sums) in &repeated {
            let most = most.get(object_type).copied().unwrap_or_default();
            assert!(
                sums.objects <= most.objects,
                "{name}: {object_type}: {sums:?} of {most:?}"
            );
        }
    }
}

/// How many times partitions came to a member, as its debug log says.
fn arrivals(running: &Running) -> usize {
    let stderr = running.stderr();
    let comes = |line: &&str| line.ends_with(" partitions come");
    stderr.lines().filter(comes).count()
}

/// The seconds from now until partitions come to a member.
fn until_partitions_come(running: &mut Running, before: usize) -> f64 {
    let start = Instant::now();
    running.until("partitions come", LIMIT, |running| {
        (arrivals(running) > before).then_some(())
    });
    start.elapsed().as_secs_f64()
}

/// Times of rebalances with the settings that both sides have by default, for docs/operating.md.
#[test]
#[ignore = "it measures, and takes minutes"]
#[expect(clippy::print_stderr, reason = "the figures are its result")]
fn rebalance_times_by_protocol() {
    let broker = Broker::start();
    let prefix = Prefix::new("times");
    broker.load(&prefix, &shipped(), PARTITIONS, COPIES);
    for (name, protocol) in [
        ("classic", "group.protocol=classic"),
        ("consumer", "group.protocol=consumer"),
    ] {
        let (mut joins, mut leaves) = (Vec::new(), Vec::new());
        let group = prefix.group(name);
        let member = || {
            Host::run(&paths::plugin("guest-counter"))
                .env("JOURNAL_HOST_LOG", "debug,librdkafka=off")
                .arg("--brokers")
                .arg(broker.address())
                .args(["--prefix", prefix.as_str(), "--group-id", &group])
                .args([
                    "--option",
                    "spin=20000000",
                    "--checkpoint-interval",
                    "200ms",
                ])
                .args(["--batch-records", "10", "--kafka", protocol])
                .spawn()
        };
        let mut first = member();
        until_partitions_come(&mut first, 0);
        for round in 0..5 {
            let mut second = member();
            joins.push(until_partitions_come(&mut second, 0));
            std::thread::sleep(Duration::from_secs(1));
            let before = arrivals(&first);
            second.signal(if round < 4 {
                Signal::TERM
            } else {
                Signal::KILL
            });
            leaves.push(until_partitions_come(&mut first, before));
        }
        eprintln!("{name}: join {joins:.2?} s; leave four times, killed once {leaves:.2?} s");
    }
}
