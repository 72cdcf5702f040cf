//! What one writes in plain Rust instead of a plugin: a consumer group member and some work, in a process of
//! its own. It knows how many records there are, and so needs no events at the ends of partitions.

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

/// How often offsets are committed: the host's default.
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
    /// The records to read.
    #[arg(long)]
    pub(crate) records: u64,
    /// Where rows go.
    #[arg(long)]
    pub(crate) rows: PathBuf,
    /// The topics to read.
    pub(crate) topics: Vec<String>,
}

/// How records are read, and what is done with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Program {
    /// `BaseConsumer::poll`, and count by type.
    PollCounts,
    /// The batch call of librdkafka, and count by type.
    BatchCounts,
    /// `BaseConsumer::poll`, and months and extensions from rmp-serde structs.
    PollStructs,
    /// The batch call, and months and extensions with the lazy model of the SDK: the floor.
    BatchLazy,
    /// `BaseConsumer::poll`, and a row for each revision from rmp-serde structs, with `serde_json`.
    PollRows,
}

/// What is done with records.
trait Work {
    /// What it knows of a topic.
    type Topic: Copy;

    /// Meets a topic, before its first record.
    fn topic(&mut self, object_type: &str) -> Self::Topic;

    /// Takes one record in.
    fn record(&mut self, topic: Self::Topic, value: Option<&[u8]>);

    /// Makes what was written durable: the offsets are committed behind it.
    fn make_durable(&mut self) {}

    /// What all records gave.
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

/// The host's settings of librdkafka, but for what the two do differently: here librdkafka finds the start and keeps
/// the positions itself.
fn settings(arguments: &Arguments) -> ClientConfig {
    let host = Settings {
        brokers: arguments.brokers.clone(),
        group_id: arguments.group.clone(),
        kafka: Vec::new(),
        fetch: None,
    };
    let mut config = host.for_worker(0, 1);
    config
        .set("enable.auto.offset.store", "true")
        .set("enable.partition.eof", "false")
        .set("auto.offset.reset", "earliest");
    config
}

/// Commits at the host's interval and as the host does, behind durable rows and without waiting; but sums are kept in
/// memory, and rows are not made durable at each 16 MiB as well.
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

/// What follows the last dot of a topic's name.
fn object_type(topic: &str) -> &str {
    topic.rsplit('.').next().unwrap_or_default()
}

/// What is known of topics, by librdkafka's handle of each: names are read once, and not with every record.
struct Topics<T> {
    /// Messages come in runs of one topic.
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

    /// What is known of this topic, or else what `meet` says.
    #[inline]
    fn of(&mut self, handle: *mut rd_kafka_topic_t, meet: impl FnOnce() -> T) -> T {
        match self.last {
            Some((last, topic)) if last == handle => topic,
            _ => self.search(handle, meet),
        }
    }

    #[cold]
    fn search(&mut self, handle: *mut rd_kafka_topic_t, meet: impl FnOnce() -> T) -> T {
        let place = self.known.iter().position(|(known, _)| *known == handle);
        let place = place.unwrap_or_else(|| {
            self.known.push((handle, meet()));
            self.known.len() - 1
        });
        self.last = Some(self.known[place]);
        self.known[place].1
    }
}
