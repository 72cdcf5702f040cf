//! What one writes in plain Rust instead of a plugin: a consumer group member and some work, in a process of
//! its own. It knows how many records there are, and so needs no events at the ends of partitions.

mod counts;
mod lazily;
mod months;
mod poll;
mod queue;
mod rows;
mod structs;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use journal_host::source::kafka::Settings;
use rdkafka::ClientConfig;
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
    /// Takes one record in.
    fn record(&mut self, object_type: &str, value: Option<&[u8]>);

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
    };
    let mut config = host.for_worker(0, 1);
    config
        .set("enable.auto.offset.store", "true")
        .set("enable.partition.eof", "false")
        .set("auto.offset.reset", "earliest");
    config
}

/// Commits as the host does: behind durable rows, at the interval, without waiting.
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
