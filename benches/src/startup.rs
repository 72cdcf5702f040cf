//! Measures the time from the start of a process to its first record.
//!
//! A round has three subjects: the host with a recording, the host with Kafka, and a bare loop of rdkafka that reads
//! the same topics. Each subject is a process. Its time is measured from outside, from just before its start to its
//! first line on standard output.

use std::io::{BufRead, BufReader, PipeReader};
use std::iter;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use journal_host::kafka::Settings;
use rdkafka::config::FromClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::metadata::MetadataTopic;

use journal_tests::{Broker, Host, Prefix, paths, run};

/// Time limit for a subject to end.
const LIMIT: Duration = Duration::from_mins(1);

/// The milliseconds from the start of each subject to its first record, with one element per round.
#[derive(Clone, Debug, Default)]
pub struct FirstRecords {
    /// The host, which reads the shipped recording.
    pub recording: Vec<f64>,
    /// The host, which reads Kafka as the first member of a new group.
    pub kafka: Vec<f64>,
    /// The bare loop, which reads Kafka as the first member of another new group.
    pub bare: Vec<f64>,
}

impl FirstRecords {
    /// How many milliseconds later than the bare loop of the same round the host was.
    #[must_use]
    pub fn later_than_bare(&self) -> Vec<f64> {
        let pairs = self.kafka.iter().zip(&self.bare);
        pairs.map(|(kafka, bare)| kafka - bare).collect()
    }
}

/// Measures the three subjects in each of `rounds` rounds, with a plugin that writes a row at its first checkpoint.
///
/// All partitions of the topics on `broker` with this prefix must have records: librdkafka may fetch from empty ones
/// first and wait for records there, nearly always in the bare loop and in a third of the host's runs. `bare` returns
/// the command of a process that calls [`bare_first_record`] for the given group; the measuring program can start
/// itself again. An unmeasured round before the others warms the host's cache of compiled code, the file cache of the
/// system and the broker's just-in-time compiler.
///
/// # Panics
/// When a subject fails or does not end within a minute.
#[must_use]
pub fn measure(
    broker: &Broker,
    prefix: &Prefix,
    plugin: &Path,
    rounds: usize,
    bare: impl Fn(&str) -> Command,
) -> FirstRecords {
    let mut all = FirstRecords::default();
    for round in 0..=rounds {
        let recording = from_recording(plugin);
        // The first subject warms caches for the second, so the order alternates.
        let of_bare = || from_bare_loop(bare(&prefix.group(&format!("bare-{round}"))));
        let of_kafka = || {
            from_kafka(
                broker,
                prefix,
                plugin,
                &prefix.group(&format!("host-{round}")),
            )
        };
        let (kafka, bare) = if round % 2 == 0 {
            let bare = of_bare();
            (of_kafka(), bare)
        } else {
            (of_kafka(), of_bare())
        };
        if round > 0 {
            all.recording.push(recording);
            all.kafka.push(kafka);
            all.bare.push(bare);
        }
    }
    all
}

/// The milliseconds from the start of the host to the first row over the shipped recording.
///
/// # Panics
/// When the host fails or does not end within a minute.
#[must_use]
pub fn from_recording(plugin: &Path) -> f64 {
    let recording = paths::repository().join("recordings/ripgrep.journal.zst");
    first_row(Host::run(plugin).arg("--recording").arg(recording))
}

/// The milliseconds from the start of the host to the first row from Kafka, as the only member of `group`.
///
/// # Panics
/// When the host fails or does not end within a minute.
#[must_use]
pub fn from_kafka(broker: &Broker, prefix: &Prefix, plugin: &Path, group: &str) -> f64 {
    let host = Host::run(plugin).args(["--brokers", &broker.address(), "--group-id", group]);
    first_row(host.args(["--prefix", prefix.as_str()]))
}

/// The milliseconds from the start of `command` to the first line, which [`bare_first_record`] prints.
///
/// # Panics
/// When it fails.
#[must_use]
pub fn from_bare_loop(mut command: Command) -> f64 {
    let (lines, writer) = std::io::pipe().expect("the system has pipes");
    command.stdin(Stdio::null()).stdout(writer);
    let started = Instant::now();
    let mut child = run::spawn(&mut command);
    // `command` holds the other end of the pipe.
    drop(command);
    let (took, _rest) = first_line(started, lines);
    let status = child.wait().expect("a child can be waited for");
    assert!(status.success(), "the bare loop fails: {status}");
    took
}

fn first_row(host: Host) -> f64 {
    let (lines, writer) = std::io::pipe().expect("the system has pipes");
    let host = host.args(["--stop-after", "1"]).stdout(writer);
    let started = Instant::now();
    let host = host.spawn();
    let (took, _rest) = first_line(started, lines);
    let _finished = host.finish(LIMIT).success();
    took
}

/// The milliseconds from `started` to the first line, and the reader for the other lines, which must stay open.
fn first_line(started: Instant, lines: PipeReader) -> (f64, BufReader<PipeReader>) {
    let mut lines = BufReader::new(lines);
    let mut line = String::new();
    lines.read_line(&mut line).expect("a pipe can be read");
    let took = started.elapsed().as_secs_f64() * 1e3;
    assert!(line.ends_with('\n'), "it ends without a first record");
    (took, lines)
}

/// The bare loop, which runs in a separate process: requests the topics under `prefix`, joins `group` with the host's
/// settings of librdkafka, prints the topic of the first record, and ends the process without leaving the group.
///
/// # Panics
/// When the broker does not answer or has no record for it.
#[expect(clippy::print_stdout, reason = "the first record is the data")]
pub fn bare_first_record(brokers: &str, prefix: &str, group: &str) -> ! {
    let host = Settings {
        brokers: brokers.to_owned(),
        group_id: group.to_owned(),
        kafka: Vec::new(),
        broker_timeout: Duration::from_mins(1),
        fetch: None,
        statistics: false,
    };
    // The host finds the start and the ends itself.
    let mut config = host.for_worker(0, 1);
    config
        .set("enable.partition.eof", "false")
        .set("auto.offset.reset", "earliest");
    let consumer = BaseConsumer::from_config(&config).expect("the settings are right");
    let metadata = consumer
        .fetch_metadata(None, LIMIT)
        .expect("the broker answers");
    let names = metadata.topics().iter().map(MetadataTopic::name);
    let public = format!("{prefix}.");
    let names: Vec<&str> = names.filter(|name| name.starts_with(&public)).collect();
    consumer.subscribe(&names).expect("librdkafka takes it");
    // A poll also returns without a record after it has handled a rebalance.
    let message = iter::repeat_with(|| consumer.poll(LIMIT)).flatten().next();
    let message = message
        .expect("there is no end")
        .expect("the broker answers");
    println!("{}", message.topic());
    std::process::exit(0)
}
