//! The alternative to a plugin in plain Rust: a member of a consumer group with its workload, in its own process. It
//! knows the number of records, so it does not need events at the ends of partitions.

mod calendar;
mod counts;
mod lazily;
mod months;
mod poll;
mod queue;
mod rows;
mod structs;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use journal_host::kafka::Settings;
use rdkafka::ClientConfig;
use rdkafka::bindings::rd_kafka_topic_t;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext};

use crate::answer::Answer;

/// The time between commits: the host's default.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(5);

/// One process of plain Rust.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(value_enum)]
    pub(crate) program: Program,
    #[arg(long)]
    pub(crate) brokers: String,
    #[arg(long)]
    pub(crate) group: String,
    /// The number of records to read.
    #[arg(long)]
    pub(crate) records: u64,
    /// The file for rows.
    #[arg(long)]
    pub(crate) rows: PathBuf,
    /// The topics to read.
    pub(crate) topics: Vec<String>,
}

/// How to read records, and the workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Program {
    /// `BaseConsumer::poll`; counts by type.
    PollCounts,
    /// The batch call of librdkafka; counts by type.
    BatchCounts,
    /// `BaseConsumer::poll`; months and extensions from rmp-serde structs.
    PollStructs,
    /// The batch call; months and extensions with the SDK's lazy model: the floor.
    BatchLazy,
    /// `BaseConsumer::poll`; a row for each revision from rmp-serde structs, with `serde_json`.
    PollRows,
}

/// A workload.
trait Work {
    /// Data about a topic.
    type Topic: Copy;

    /// Returns the data about a topic. Called before its first record.
    fn topic(&mut self, object_type: &str) -> Self::Topic;

    /// Processes one record.
    fn record(&mut self, topic: Self::Topic, value: Option<&[u8]>);

    /// Makes all rows durable. Their offsets are committed afterwards.
    fn make_durable(&mut self) {}

    /// The result for all records.
    fn answer(self) -> Answer;
}

/// Consumes all records and prints the answer.
#[expect(clippy::print_stdout, reason = "the answer is the data")]
pub(crate) fn run(arguments: &Arguments) {
    let answer = match arguments.program {
        Program::PollCounts => poll::consume(arguments, counts::Counts::default()),
        Program::BatchCounts => queue::consume(arguments, counts::Counts::default()),
        Program::PollStructs => poll::consume(arguments, structs::Structs::default()),
        Program::BatchLazy => queue::consume(arguments, lazily::Lazily::default()),
        Program::PollRows => poll::consume(arguments, rows::Rows::create(&arguments.rows)),
    };
    println!(
        "{}",
        serde_json::to_string(&answer).expect("numbers are JSON")
    );
}

/// The host's settings of librdkafka, with one difference: here librdkafka finds the start and stores the positions
/// itself.
fn settings(arguments: &Arguments) -> ClientConfig {
    let host = Settings {
        brokers: arguments.brokers.clone(),
        group_id: arguments.group.clone(),
        kafka: Vec::new(),
        broker_timeout: Duration::from_mins(1),
        fetch: None,
        statistics: false,
    };
    let mut config = host.for_worker(0, 1);
    config
        .set("enable.auto.offset.store", "true")
        .set("enable.partition.eof", "false")
        .set("auto.offset.reset", "earliest");
    config
}

/// Commits like the host: at the same interval, after the rows are durable, and without waiting. Unlike the host, it
/// keeps sums in memory, and does not also make rows durable after every 16 MiB.
struct Commits {
    last: Instant,
}

impl Commits {
    fn new() -> Self {
        Self {
            last: Instant::now(),
        }
    }

    fn if_due<C: ConsumerContext>(&mut self, consumer: &BaseConsumer<C>, work: &mut impl Work) {
        if self.last.elapsed() >= CHECKPOINT_INTERVAL {
            self.last = Instant::now();
            commit(consumer, work, CommitMode::Async);
        }
    }
}

fn commit<C: ConsumerContext>(consumer: &BaseConsumer<C>, work: &mut impl Work, mode: CommitMode) {
    work.make_durable();
    consumer
        .commit_consumer_state(mode)
        .expect("the broker takes a commit");
}

/// The part of a topic's name after its last dot.
fn object_type(topic: &str) -> &str {
    topic.rsplit('.').next().unwrap_or_default()
}

/// Data about topics, by librdkafka's handle of each, so that a topic's name is not read for every record.
struct Topics<T> {
    /// The topic of the last record. Consecutive messages usually have the same topic.
    last: Option<(*mut rd_kafka_topic_t, T)>,
    known: Vec<(*mut rd_kafka_topic_t, T)>,
}

impl<T: Copy> Topics<T> {
    fn new() -> Self {
        Self {
            last: None,
            known: Vec::new(),
        }
    }

    /// The data about this topic; the result of `meet` at its first record.
    #[inline]
    fn of(&mut self, handle: *mut rd_kafka_topic_t, meet: impl FnOnce() -> T) -> T {
        match self.last {
            Some((last, topic)) if last == handle => topic,
            _ => self.search(handle, meet),
        }
    }

    #[cold]
    fn search(&mut self, handle: *mut rd_kafka_topic_t, meet: impl FnOnce() -> T) -> T {
        let index = self.known.iter().position(|(known, _)| *known == handle);
        let index = index.unwrap_or_else(|| {
            self.known.push((handle, meet()));
            self.known.len() - 1
        });
        self.last = Some(self.known[index]);
        self.known[index].1
    }
}
