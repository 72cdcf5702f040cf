//! Measures `count-objects` in the host beside a bare rdkafka loop that counts the same.
//!
//! `target/release/measure-count [ROUNDS]`, after `./test` or `./try` and `cargo build --release
//! --workspace`, writes the shipped recording, repeated
//! to two million records, to a broker of its own and to a file, lets the three count it in turn, and
//! prints a table in Markdown. CPU time is that of the counting process, user and system.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use journal_recording::{Frame, Writer};
use journal_tests::kafka::{Counts, Journal, Sums};
use journal_tests::measure::Spread;
use journal_tests::measure::children_cpu_seconds;
use journal_tests::{Broker, Finished, Host, Prefix, paths, run};
use rdkafka::ClientConfig;
use rdkafka::config::FromClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::message::Message;

const REPETITIONS: u32 = 92;
const PARTITIONS: i32 = 8;
const LIMIT: Duration = Duration::from_mins(5);

/// One subject's share of one round.
struct Measured {
    cpu_seconds: f64,
    wall_seconds: f64,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["poll", brokers, prefix, group, records] => poll(brokers, prefix, group, records),
        [] => compare(5),
        [rounds] => compare(rounds.parse().expect("ROUNDS is a number")),
        _ => panic!("usage: measure-count [ROUNDS]"),
    }
}

fn compare(rounds: usize) {
    let journal = Journal::read(&paths::repository().join("recordings/ripgrep.journal.zst"));
    let counts = journal.counts(false, u64::from(REPETITIONS));
    let records = journal.records.len() as u64 * u64::from(REPETITIONS);
    let broker = Broker::start();
    let prefix = Prefix::new("measure");
    broker.load(&prefix, &journal, PARTITIONS, REPETITIONS);
    let recording = run::folder("measure").join("large.journal.zst");
    write(&journal, &recording);

    let plugin = paths::plugin("count-objects");
    let poll = |round: usize| {
        let group = prefix.group(&format!("poll-{round}"));
        let own = std::env::current_exe().expect("a process has an executable");
        let output = Command::new(own)
            .args([
                "poll",
                &broker.address(),
                prefix.as_str(),
                &group,
                &records.to_string(),
            ])
            .output()
            .expect("it can be started again");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let rows = String::from_utf8(output.stdout).expect("it writes JSON");
        assert_eq!(sum(&rows), counts, "the bare loop counts the same");
    };
    let kafka = |round: usize| {
        let group = prefix.group(&format!("host-{round}"));
        let host = Host::run(&plugin).arg("--brokers").arg(broker.address());
        let host = host.args([
            "--prefix",
            prefix.as_str(),
            "--group-id",
            &group,
            "--on-eof",
            "stop",
        ]);
        assert_counts(&host.finish(LIMIT), &counts);
    };
    let recorded = |_: usize| {
        let host = Host::run(&plugin).arg("--recording").arg(&recording);
        assert_counts(&host.finish(LIMIT), &counts);
    };

    let mut all: [Vec<Measured>; 3] = Default::default();
    for round in 0..=rounds {
        let measured = [
            measure(|| poll(round)),
            measure(|| kafka(round)),
            measure(|| recorded(round)),
        ];
        // The first round warms the caches.
        if round > 0 {
            for (subject, measured) in all.iter_mut().zip(measured) {
                subject.push(measured);
            }
        }
    }
    print(records, rounds, all);
}

fn measure(subject: impl FnOnce()) -> Measured {
    let (cpu, wall) = (children_cpu_seconds(), Instant::now());
    subject();
    Measured {
        cpu_seconds: children_cpu_seconds() - cpu,
        wall_seconds: wall.elapsed().as_secs_f64(),
    }
}

fn assert_counts(finished: &Finished, counts: &Counts) {
    assert_eq!(finished.clone().success().counts(), *counts);
}

fn write(journal: &Journal, path: &Path) {
    let topics: Vec<String> = journal
        .records
        .iter()
        .map(|record| format!("swh.journal.objects.{}", record.object_type))
        .collect();
    let mut names: Vec<&str> = topics.iter().map(String::as_str).collect();
    names.sort_unstable();
    names.dedup();
    let mut writer = Writer::create(path, &names).expect("a folder of ours");
    for _ in 0..REPETITIONS {
        for (record, topic) in journal.records.iter().zip(&topics) {
            let frame = Frame {
                topic,
                key: &record.key,
                value: record.value.as_deref(),
                partition: None,
                offset: None,
                timestamp_ms: None,
            };
            writer.write(&frame).expect("there is room");
        }
    }
    writer.finish().expect("there is room");
}

#[expect(clippy::print_stdout, reason = "the table is the data")]
fn print(records: u64, rounds: usize, all: [Vec<Measured>; 3]) {
    println!(
        "| {records} records, median (least to most) of {rounds} | CPU us/record | objects/s | CPU to the bare loop |"
    );
    println!("|---|---|---|---|");
    let names = [
        "bare rdkafka `poll` loop",
        "`count-objects` from Kafka",
        "`count-objects` from a recording",
    ];
    let mut bare = None;
    #[expect(clippy::cast_precision_loss, reason = "some millions")]
    let records = records as f64;
    for (name, subject) in names.into_iter().zip(all) {
        let cpu = subject
            .iter()
            .map(|round| round.cpu_seconds / records * 1e6);
        let cpu = Spread::of(cpu);
        let wall = Spread::of(subject.iter().map(|round| round.wall_seconds));
        let rate = records / wall.median / 1e6;
        let ratio = cpu.median / *bare.get_or_insert(cpu.median);
        println!("| {name} | {cpu:.2} | {rate:.2} M | {ratio:.2} |");
    }
}

fn sum(rows: &str) -> Counts {
    let parse = |line| serde_json::from_str(line).expect("a row is JSON");
    journal_tests::host::sum(&rows.lines().map(parse).collect::<Vec<_>>())
}

/// The bare loop: a process of its own, with the host's settings of librdkafka and its commits.
#[expect(clippy::print_stdout, reason = "the rows are the data")]
fn poll(brokers: &str, prefix: &str, group: &str, records: &str) {
    let expected: u64 = records.parse().expect("a number of records");
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", brokers)
        .set("group.id", group)
        .set("queued.max.messages.kbytes", "16384")
        .set("fetch.queue.backoff.ms", "20")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "true")
        .set("auto.offset.reset", "earliest")
        .set("partition.assignment.strategy", "cooperative-sticky");
    let consumer = BaseConsumer::from_config(&config).expect("the settings are right");
    let metadata = consumer
        .fetch_metadata(None, LIMIT)
        .expect("the broker answers");
    let names: Vec<&str> = metadata
        .topics()
        .iter()
        .map(rdkafka::metadata::MetadataTopic::name)
        .collect();
    let names: Vec<&str> = names
        .into_iter()
        .filter(|name| name.starts_with(prefix))
        .collect();
    consumer.subscribe(&names).expect("the broker takes it");
    let mut counts = Counts::new();
    let (mut read, mut committed) = (0, Instant::now());
    while read < expected {
        let Some(message) = consumer.poll(Duration::from_millis(100)) else {
            continue;
        };
        let message = message.expect("the broker answers");
        let object_type = message.topic().rsplit('.').next().unwrap_or_default();
        if !counts.contains_key(object_type) {
            counts.insert(object_type.to_owned(), Sums::default());
        }
        let sums = counts.get_mut(object_type).expect("it was inserted");
        match message.payload() {
            Some(value) => {
                sums.objects += 1;
                sums.bytes += value.len() as u64;
            }
            None => sums.tombstones += 1,
        }
        read += 1;
        if committed.elapsed() >= Duration::from_secs(5) {
            committed = Instant::now();
            consumer
                .commit_consumer_state(CommitMode::Async)
                .expect("the broker takes it");
        }
    }
    consumer
        .commit_consumer_state(CommitMode::Sync)
        .expect("the broker takes it");
    for (
        object_type,
        Sums {
            objects,
            bytes,
            tombstones,
        },
    ) in counts
    {
        println!(
            "{{\"object_type\":\"{object_type}\",\"objects\":{objects},\"bytes\":{bytes},\"tombstones\":{tombstones}}}"
        );
    }
}
