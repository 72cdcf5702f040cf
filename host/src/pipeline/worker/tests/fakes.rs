//! A world around one worker that follows a script and keeps a log.

mod processor;
mod sink;
mod source;
mod store;

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use self::processor::FakeProcessor;
use self::sink::{FakeLetters, FakeSink};
use self::store::FakeStore;
use crate::config::MaxFailures;
use crate::journal::batch::{Batches, Columns, RecordRef, Topic};
use crate::journal::offsets::{Offsets, Partition, Position, Start};
use crate::journal::start::StartTime;
use crate::journal::topic_note;
use crate::observe::progress::Progress;
use crate::pipeline::quota::RecordQuota;
use crate::pipeline::reopen::Reopen;
use crate::pipeline::stop::Stop;
use crate::pipeline::worker::{
    Deadlines, Ended, FailurePolicy, OnFailure, StartRules, Worker, WorkerError, WorkerParts,
    WorkerSettings,
};
use crate::sink::Committed;
use crate::sink::dead_letters::RunIdentity;
use crate::source::{BatchLimits, Damage, Event, TopicIdentity};

/// The partition that a test calls by a letter.
pub(super) fn partition(name: &str) -> Partition {
    let number = name.bytes().next().unwrap() - b'a';
    Partition {
        topic: "topic".into(),
        number: number.into(),
    }
}

fn letter(partition: &Partition) -> char {
    char::from(b'a' + u8::try_from(partition.number).unwrap())
}

fn letters(partitions: &[Partition]) -> String {
    let letters = partitions.iter().flat_map(|one| [' ', letter(one)]);
    letters.collect()
}

fn offsets_text<'a>(offsets: impl IntoIterator<Item = (&'a Partition, &'a u64)>) -> String {
    let one = |(partition, next)| format!(" {}={next}", letter(partition));
    offsets.into_iter().map(one).collect()
}

/// What the next poll brings.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Assigned(Vec<Partition>),
    Revoking(Vec<Partition>),
    Lost(Vec<Partition>),
    Records(Partition, u64),
    /// The source passes records over that nobody wants.
    PassOver(Partition, u64),
    Idle,
    End,
    /// The run is asked to stop.
    Stop,
    /// SIGHUP.
    Reopen,
    Fail,
    /// The brokers are away for too long.
    CutOff,
    /// From now on the store confirms like this.
    Confirming(Answer),
    /// The same of the group, where a sink has the positions that count.
    GroupConfirming(Answer),
    /// The group takes partitions away, which is seen after this many more signs of life.
    LoseAfterKeepAlives(usize),
    CommittedByOthers(Partition, u64),
    /// Another topic has the name, or none.
    Topic(TopicIdentity),
    /// Nothing more comes; the worker has to find the end itself.
    WaitForTheEnd,
}

/// How a store answers what was sent.
#[derive(Clone, Copy, Debug)]
pub(super) enum Answer {
    AtOnce,
    /// After so many looks at it.
    After(usize),
    Never,
    Refused(&'static str),
}

/// Positions that a store got and did not confirm, and the looks at them.
type Sent = Option<(BTreeMap<Partition, Position>, usize)>;

/// How the sink fails.
#[derive(Clone, Copy, Debug)]
pub(super) enum SinkFailure {
    Write,
    ReaderGone,
    Reopen,
}

/// What is special about a world.
#[derive(Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a circumstance of its own"
)]
pub(super) struct Given {
    pub(super) confirms: Answer,
    /// How the group answers where a sink has the positions that count.
    pub(super) group_confirms: Answer,
    pub(super) held_bytes: usize,
    pub(super) batch_bytes: usize,
    pub(super) quota: Option<u64>,
    pub(super) start: Option<Start>,
    pub(super) committed: Vec<(&'static str, u64)>,
    /// Committed positions with the time of their notes.
    pub(super) committed_since: Vec<(&'static str, u64, StartTime)>,
    /// The positions of an offset file.
    pub(super) listed: Vec<(&'static str, u64)>,
    /// The partitions that the group may have committed positions for.
    pub(super) of_group: Vec<&'static str>,
    pub(super) ends: Vec<(&'static str, u64)>,
    pub(super) reads_again: bool,
    /// Where the partitions end whenever the worker asks.
    pub(super) latest: Vec<(&'static str, u64)>,
    /// The journal holds no record, and the run stops at its end.
    pub(super) ends_at_once: bool,
    /// Looks at committed positions before they are known.
    pub(super) loads_after: usize,
    pub(super) fails_at_call: Option<usize>,
    /// Whether the run is asked to stop in that call, and has to interrupt it.
    pub(super) is_interrupted: bool,
    /// How long the last commit is waited for.
    pub(super) finish: Duration,
    /// How long the run may take to end after a request to stop.
    pub(super) shutdown_timeout: Duration,
    pub(super) sink_failure: Option<SinkFailure>,
    /// Answers of the sink, the last one first; then it is always done.
    pub(super) sink_answers: Vec<Committed>,
    pub(super) sink_owns_offsets: bool,
    /// The topic that the committed positions are of, where they say it.
    pub(super) committed_topic: Option<u128>,
    /// What the group has committed beside a sink that owns the offsets.
    pub(super) in_group: Vec<(&'static str, u64)>,
    /// Whether the operator says where partitions start.
    pub(super) is_explicit: bool,
    pub(super) leaves_a_group: bool,
    /// Whether the source hands out what it went back over, as real ones do. Otherwise the script says what comes.
    pub(super) hands_out_again: bool,
    pub(super) on_failure: OnFailure,
    pub(super) retries: u32,
    pub(super) max_failures: Option<MaxFailures>,
    /// Records that fail whenever they are in a call, by partition and offset.
    pub(super) poison: Vec<(&'static str, u64)>,
    /// Records that the source finds damaged, by partition and offset.
    pub(super) damaged: Vec<(&'static str, u64)>,
    /// Calls that fail for any records, by their number.
    pub(super) failing_calls: Vec<usize>,
    /// Calls that ask to be repeated, by their number.
    pub(super) retried_calls: Vec<usize>,
    /// Calls of `checkpoint` that fail, by their number.
    pub(super) failing_checkpoints: Vec<usize>,
}

impl Default for Given {
    fn default() -> Self {
        Self {
            confirms: Answer::AtOnce,
            group_confirms: Answer::AtOnce,
            held_bytes: usize::MAX,
            batch_bytes: 1 << 20,
            quota: None,
            start: Some(Start::Earliest),
            committed: Vec::new(),
            committed_since: Vec::new(),
            listed: Vec::new(),
            of_group: Vec::new(),
            ends: Vec::new(),
            reads_again: false,
            latest: Vec::new(),
            ends_at_once: false,
            loads_after: 0,
            fails_at_call: None,
            is_interrupted: false,
            finish: Duration::from_millis(30),
            shutdown_timeout: Duration::from_hours(1),
            sink_failure: None,
            sink_answers: Vec::new(),
            sink_owns_offsets: false,
            committed_topic: None,
            in_group: Vec::new(),
            is_explicit: false,
            leaves_a_group: false,
            hands_out_again: false,
            on_failure: OnFailure::Stop,
            retries: 0,
            max_failures: None,
            poison: Vec::new(),
            damaged: Vec::new(),
            failing_calls: Vec::new(),
            retried_calls: Vec::new(),
            failing_checkpoints: Vec::new(),
        }
    }
}

impl Given {
    pub(super) fn run(self, steps: Vec<Step>) -> (Result<Ended, WorkerError>, Vec<String>) {
        let world = World::new(self);
        let ended = world.run(steps);
        (ended, world.log())
    }
}

#[derive(Clone)]
pub(super) struct World {
    state: Arc<Mutex<State>>,
    pub(super) stop: Stop,
    reopen: Reopen,
    pub(super) quota: Arc<RecordQuota>,
}

struct State {
    given: Given,
    steps: VecDeque<Step>,
    log: Vec<String>,
    position: Offsets,
    /// The furthest position before the source went back.
    furthest: Offsets,
    committed: BTreeMap<Partition, Position>,
    /// What the group has beside a sink that owns the offsets.
    in_group: BTreeMap<Partition, Position>,
    /// What was sent and is not confirmed, and the looks at it.
    sent: Sent,
    /// The same of the group, where a sink has the positions that count.
    sent_to_group: Sent,
    notes: Vec<String>,
    loads: usize,
    calls: usize,
    checkpoints: usize,
    /// Signs of life until a loss is seen.
    lose_after: Option<usize>,
    claimable: usize,
    polls: usize,
    /// What the worker showed last as coming again.
    unconfirmed: Option<u64>,
    topic: TopicIdentity,
}

impl World {
    pub(super) fn new(given: Given) -> Self {
        let committed = given.committed.iter();
        let topic = given.committed_topic;
        let note = topic.map_or_else(String::new, |topic| topic_note::join("", topic));
        let committed = committed.map(|&(name, next)| {
            let note = note.clone();
            (partition(name), Position { next, note })
        });
        let in_group = given.in_group.iter();
        let in_group = in_group.map(|&(name, next)| (partition(name), Position::at(next)));
        let since = given.committed_since.iter();
        let since = since.map(|&(name, next, time)| {
            let note = time.note();
            (partition(name), Position { next, note })
        });
        Self {
            stop: Stop::new(given.shutdown_timeout),
            reopen: Reopen::default(),
            quota: Arc::new(RecordQuota::new(given.quota)),
            state: Arc::new(Mutex::new(State {
                committed: committed.chain(since).collect(),
                in_group: in_group.collect(),
                given,
                steps: VecDeque::new(),
                log: Vec::new(),
                position: Offsets::new(),
                furthest: Offsets::new(),
                sent: None,
                sent_to_group: None,
                notes: Vec::new(),
                loads: 0,
                calls: 0,
                checkpoints: 0,
                lose_after: None,
                claimable: usize::MAX,
                polls: 0,
                unconfirmed: None,
                topic: TopicIdentity::Known(1),
            })),
        }
    }

    pub(super) fn run(&self, steps: Vec<Step>) -> Result<Ended, WorkerError> {
        self.state().steps = steps.into();
        let given = self.state().given.clone();
        let offsets = |pairs: &[(&'static str, u64)]| -> Offsets {
            let pairs = pairs.iter();
            pairs.map(|&(name, next)| (partition(name), next)).collect()
        };
        let ends = offsets(&given.ends);
        let progress = Arc::new(Progress::new(1, &[]));
        let parts = WorkerParts {
            source: Box::new(self.clone()),
            store: Box::new(FakeStore(self.clone(), "")),
            processor: Box::new(FakeProcessor::new(self.clone())),
            sinks: vec![Box::new(FakeSink {
                world: self.clone(),
                store: FakeStore(self.clone(), "sink "),
            })],
            letters: Some(Box::new(FakeLetters(self.clone()))),
            membership: None,
            ends: (given.ends_at_once || !ends.is_empty()).then_some(ends),
            counters: progress.worker(0),
            number: 0,
        };
        let settings = WorkerSettings {
            columns: Columns::ALL,
            batch_limits: BatchLimits {
                records: 1000,
                bytes: given.batch_bytes,
                memory_limit_bytes: 1 << 30,
            },
            held_bytes: given.held_bytes,
            kept_batches_bytes: None,
            checkpoint_interval: None,
            failure: FailurePolicy {
                retries: given.retries,
                max_failures: given.max_failures,
                run: Some(Arc::new(RunIdentity::default())),
                ..FailurePolicy::only(given.on_failure)
            },
            start: StartRules {
                of_group: given.start,
                is_explicit: given.is_explicit,
                listed: Arc::new(offsets(&given.listed)),
                partitions: given.of_group.iter().map(|name| partition(name)).collect(),
            },
            reads_again: given.reads_again,
            deadlines: Deadlines {
                revoke: Duration::from_millis(30),
                finish: given.finish,
            },
            leaves_a_group: given.leaves_a_group,
            static_session: None,
            quota: Arc::clone(&self.quota),
            stop: self.stop.clone(),
            reopen: self.reopen.clone(),
            progress: Arc::clone(&progress),
        };
        let ended = Worker::new(parts, settings).run().leave();
        self.state().unconfirmed = progress.unconfirmed();
        ended
    }

    pub(super) fn log(&self) -> Vec<String> {
        self.state().log.clone()
    }

    pub(super) fn notes(&self) -> Vec<String> {
        self.state().notes.clone()
    }

    pub(super) fn shown_as_coming_again(&self) -> Option<u64> {
        self.state().unconfirmed
    }

    pub(super) fn least_claimable_while_waiting(&self) -> usize {
        self.state().claimable
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn note(&self, line: String) {
        self.state().log.push(line);
    }

    /// Hands out so many records, or those up to a damaged one, which comes alone.
    fn hand_out(&self, partition: &Partition, count: u64, into: &mut Batches) -> Event {
        let topic = Arc::new(Topic {
            name: "topic".to_owned(),
            object_type: "revision".to_owned(),
            privileged: false,
        });
        let mut state = self.state();
        let damaged = state.given.damaged.clone();
        let is_damaged = |offset| {
            let name = letter(partition).to_string();
            damaged.contains(&(name.as_str(), offset))
        };
        let next = state.position.entry(partition.clone()).or_insert(0);
        for _ in 0..count {
            let damage = is_damaged(*next).then(|| Damage {
                swhid: "swh:1:dir:damaged".to_owned(),
                file: "file.orc".into(),
                row: *next,
            });
            if damage.is_some() && !into.is_empty() {
                break;
            }
            let record = RecordRef {
                partition: partition.number,
                offset: *next,
                timestamp_ms: -1,
                key: b"k",
                value: b"v",
            };
            into.push(&topic, record).unwrap();
            *next += 1;
            if let Some(damage) = damage {
                return Event::Damaged(damage);
            }
        }
        Event::Records
    }
}

/// Writes each line of the log into the log of the world.
impl Write for World {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        self.note(format!("logged {}", text.trim_end()));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
