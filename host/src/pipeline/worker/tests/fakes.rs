//! A world around one worker that follows a script and keeps a log.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Poll;
use std::time::Duration;

use crate::journal::batch::{Batch, Batches, Columns, RecordRef, Topic};
use crate::journal::offsets::{
    Confirmation, OffsetStore, Offsets, Partition, Position, Positions, Remaining, Start,
    StoreError,
};
use crate::observe::progress::Progress;
use crate::pipeline::Process;
use crate::pipeline::quota::RecordQuota;
use crate::pipeline::stop::Stop;
use crate::pipeline::worker::{
    Deadlines, Ended, OnBadRecord, Worker, WorkerError, WorkerParts, WorkerSettings,
};
use crate::sandbox::{CallError, Rejection};
use crate::sink::testing::{Memory, outputs};
use crate::sink::{
    BoundOutput, Checkpoint, Committed, HeldRows, RowLimits, Sink, SinkError, SinkFactory, Stream,
};
use crate::source::{BatchLimits, Event, Source, SourceError, recording};

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
    Fail,
    /// From now on the store confirms like this.
    Confirming(Answer),
    /// The group takes partitions away, which is seen after this many more signs of life.
    LoseAfterKeepAlives(usize),
    CommittedByOthers(Partition, u64),
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

/// What is special about a world.
#[derive(Clone)]
pub(super) struct Given {
    pub(super) confirms: Answer,
    pub(super) held_bytes: usize,
    pub(super) quota: Option<u64>,
    pub(super) start: Option<Start>,
    pub(super) committed: Vec<(&'static str, u64)>,
    pub(super) ends: Vec<(&'static str, u64)>,
    /// Looks at committed positions before they are known.
    pub(super) loads_after: usize,
    pub(super) fails_at_call: Option<usize>,
    pub(super) sink_fails: bool,
    pub(super) reader_gone: bool,
    /// Answers of the sink, the last one first; then it is always done.
    pub(super) sink_answers: Vec<Committed>,
    pub(super) sink_owns_offsets: bool,
    pub(super) note: &'static str,
    pub(super) leaves_a_group: bool,
}

impl Default for Given {
    fn default() -> Self {
        Self {
            confirms: Answer::AtOnce,
            held_bytes: usize::MAX,
            quota: None,
            start: Some(Start::Earliest),
            committed: Vec::new(),
            ends: Vec::new(),
            loads_after: 0,
            fails_at_call: None,
            sink_fails: false,
            reader_gone: false,
            sink_answers: Vec::new(),
            sink_owns_offsets: false,
            note: "",
            leaves_a_group: false,
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
    pub(super) quota: Arc<RecordQuota>,
}

struct State {
    given: Given,
    steps: VecDeque<Step>,
    log: Vec<String>,
    position: Offsets,
    committed: Offsets,
    /// What was sent and is not confirmed, and the looks at it.
    sent: Option<(BTreeMap<Partition, Position>, usize)>,
    notes: Vec<String>,
    loads: usize,
    calls: usize,
    /// Signs of life until a loss is seen.
    lose_after: Option<usize>,
    claimable: usize,
    polls: usize,
}

impl World {
    pub(super) fn new(given: Given) -> Self {
        let committed = given.committed.iter();
        Self {
            stop: Stop::default(),
            quota: Arc::new(RecordQuota::new(given.quota)),
            state: Arc::new(Mutex::new(State {
                committed: committed
                    .map(|&(name, next)| (partition(name), next))
                    .collect(),
                given,
                steps: VecDeque::new(),
                log: Vec::new(),
                position: Offsets::new(),
                sent: None,
                notes: Vec::new(),
                loads: 0,
                calls: 0,
                lose_after: None,
                claimable: usize::MAX,
                polls: 0,
            })),
        }
    }

    pub(super) fn run(&self, steps: Vec<Step>) -> Result<Ended, WorkerError> {
        self.state().steps = steps.into();
        let given = self.state().given.clone();
        let ends = given.ends.iter();
        let ends: Offsets = ends.map(|&(name, end)| (partition(name), end)).collect();
        let progress = Arc::new(Progress::new(1, &[]));
        let parts = WorkerParts {
            source: Box::new(self.clone()),
            store: Box::new(FakeStore(self.clone(), "")),
            processor: Box::new(FakeProcessor::new(self.clone())),
            sinks: vec![Box::new(FakeSink {
                world: self.clone(),
                store: FakeStore(self.clone(), "sink "),
            })],
            membership: None,
            ends: (!ends.is_empty()).then_some(ends),
            counters: progress.worker(0),
            number: 0,
        };
        let settings = WorkerSettings {
            columns: Columns::ALL,
            batch_limits: BatchLimits {
                records: 1000,
                bytes: 1 << 20,
                memory_limit_bytes: 1 << 30,
            },
            held_bytes: given.held_bytes,
            kept_batches_bytes: None,
            checkpoint_interval: None,
            on_bad_record: OnBadRecord::Stop,
            start: given.start,
            note: given.note.to_owned(),
            deadlines: Deadlines {
                revoke: Duration::from_millis(30),
                finish: Duration::from_millis(30),
            },
            leaves_a_group: given.leaves_a_group,
            quota: Arc::clone(&self.quota),
            stop: self.stop.clone(),
            progress,
        };
        Worker::new(parts, settings).run()
    }

    pub(super) fn log(&self) -> Vec<String> {
        self.state().log.clone()
    }

    pub(super) fn notes(&self) -> Vec<String> {
        self.state().notes.clone()
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

    fn hand_out(&self, partition: &Partition, count: u64, into: &mut Batches) {
        let topic = Arc::new(Topic {
            name: "topic".to_owned(),
            object_type: "revision".to_owned(),
            privileged: false,
        });
        let mut state = self.state();
        let next = state.position.entry(partition.clone()).or_insert(0);
        for _ in 0..count {
            let record = RecordRef {
                partition: partition.number,
                offset: *next,
                timestamp_ms: -1,
                key: b"k",
                value: b"v",
            };
            into.push(&topic, record).unwrap();
            *next += 1;
        }
    }
}

impl Source for World {
    fn poll(
        &mut self,
        into: &mut Batches,
        limits: BatchLimits,
        _until: Option<&Offsets>,
        wait: Duration,
    ) -> Result<Event, SourceError> {
        if !wait.is_zero() {
            let claimable = self.quota.claim(1000);
            self.quota.give_back(claimable);
            let mut state = self.state();
            state.claimable = state.claimable.min(claimable);
        }
        let step = {
            let mut state = self.state();
            state.polls += 1;
            assert!(
                state.polls < 10_000,
                "the worker polls for ever: {:?}",
                state.log
            );
            state.steps.pop_front()
        };
        match step {
            Some(Step::Records(partition, count)) if limits.records == 0 => {
                let mut state = self.state();
                if state.log.last().is_none_or(|line| line != "only events") {
                    state.log.push("only events".to_owned());
                }
                // Where a worker never reads again, what comes after the records has to reach it.
                let never = matches!(state.given.confirms, Answer::Never);
                if !never {
                    state.steps.push_front(Step::Records(partition, count));
                }
                Ok(Event::Idle)
            }
            Some(Step::Records(partition, count)) => {
                let most = count.min(limits.records as u64);
                if most < count {
                    let rest = Step::Records(partition.clone(), count - most);
                    self.state().steps.push_front(rest);
                }
                self.hand_out(&partition, most, into);
                Ok(Event::Records)
            }
            Some(Step::PassOver(partition, next)) => {
                self.state().position.insert(partition, next);
                Ok(Event::Idle)
            }
            Some(Step::Assigned(partitions)) => Ok(Event::Assigned(partitions)),
            Some(Step::Revoking(partitions)) => {
                self.state()
                    .steps
                    .push_front(Step::Revoking(partitions.clone()));
                Ok(Event::Revoking(partitions))
            }
            Some(Step::Lost(partitions)) => {
                self.state()
                    .steps
                    .push_front(Step::Lost(partitions.clone()));
                Ok(Event::Lost(partitions))
            }
            Some(Step::Idle) => Ok(Event::Idle),
            Some(Step::Stop) => {
                self.stop.request();
                Ok(Event::Idle)
            }
            Some(Step::Fail) => {
                Err(recording::Error::Batch(crate::journal::batch::TooLarge).into())
            }
            Some(Step::Confirming(answer)) => {
                self.state().given.confirms = answer;
                Ok(Event::Idle)
            }
            Some(Step::LoseAfterKeepAlives(times)) => {
                self.state().lose_after = Some(times);
                Ok(Event::Idle)
            }
            Some(Step::CommittedByOthers(partition, next)) => {
                self.state().committed.insert(partition, next);
                Ok(Event::Idle)
            }
            Some(Step::WaitForTheEnd) => {
                std::thread::sleep(Duration::from_millis(1));
                self.state().steps.push_front(Step::WaitForTheEnd);
                Ok(Event::Idle)
            }
            Some(Step::End) | None => Ok(Event::End),
        }
    }

    fn position(&self) -> Offsets {
        self.state().position.clone()
    }

    fn resolve(&mut self, of: &[Partition], start: Start) -> Result<Poll<Offsets>, SourceError> {
        assert_eq!(start, Start::Earliest);
        if !self.state().committed.is_empty() {
            self.note(format!("resolve{}", letters(of)));
        }
        Ok(Poll::Ready(of.iter().map(|one| (one.clone(), 0)).collect()))
    }

    fn assign(&mut self, start: &Offsets) -> Result<(), SourceError> {
        self.note(format!("assign{}", offsets_text(start)));
        self.state().position.extend(start.clone());
        Ok(())
    }

    fn rewind(&mut self, to: &Offsets) -> Result<(), SourceError> {
        self.note(format!("rewind{}", offsets_text(to)));
        self.state().position.extend(to.clone());
        Ok(())
    }

    fn release(&mut self) -> Result<(), SourceError> {
        let going = match self.state().steps.pop_front() {
            Some(Step::Revoking(going) | Step::Lost(going)) => going,
            other => panic!("nothing is to be released: {other:?}"),
        };
        self.note(format!("release{}", letters(&going)));
        let mut state = self.state();
        state.position.retain(|own, _| !going.contains(own));
        state.lose_after = None;
        Ok(())
    }

    fn keep_alive(&mut self) -> Result<bool, SourceError> {
        let mut state = self.state();
        // A step that changes how a store confirms also takes effect while the worker waits for it.
        if let Some(Step::Confirming(answer)) = state.steps.front() {
            state.given.confirms = *answer;
        }
        Ok(match &mut state.lose_after {
            None => true,
            Some(0) => false,
            Some(times) => {
                *times -= 1;
                true
            }
        })
    }

    fn remaining(&mut self) -> Remaining {
        Remaining::Unknown
    }

    fn close(self: Box<Self>) {
        self.note("close".to_owned());
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

/// A store with the name that its lines begin with.
struct FakeStore(World, &'static str);

impl FakeStore {
    fn known(&self, of: &[Partition]) -> Positions {
        let committed = self.0.state().committed.clone();
        let position = |one: &Partition| committed.get(one).map(|&next| Position::at(next));
        of.iter().map(|one| (one.clone(), position(one))).collect()
    }
}

impl OffsetStore for FakeStore {
    fn load(&mut self, of: &[Partition]) -> Result<Poll<Positions>, StoreError> {
        let mut state = self.0.state();
        state.loads += 1;
        if state.loads <= state.given.loads_after {
            return Ok(Poll::Pending);
        }
        state.loads = 0;
        state.log.push(format!("{}load{}", self.1, letters(of)));
        drop(state);
        Ok(Poll::Ready(self.known(of)))
    }

    fn committed(&mut self, of: &[Partition]) -> Result<Poll<Positions>, StoreError> {
        Ok(Poll::Ready(self.known(of)))
    }

    fn send(&mut self, to: &BTreeMap<Partition, Position>) -> Result<(), StoreError> {
        let offsets: Offsets = to.iter().map(|(one, at)| (one.clone(), at.next)).collect();
        self.0.note(format!("send{}", offsets_text(&offsets)));
        let mut state = self.0.state();
        state
            .notes
            .extend(to.values().map(|position| position.note.clone()));
        state.sent = Some((to.clone(), 0));
        Ok(())
    }

    fn check(&mut self) -> Result<Confirmation, StoreError> {
        let mut state = self.0.state();
        let confirms = state.given.confirms;
        let Some((_, looks)) = &mut state.sent else {
            return Ok(Confirmation::Idle);
        };
        *looks += 1;
        match confirms {
            Answer::Refused(reason) => return Ok(Confirmation::Refused(reason.to_owned())),
            Answer::Never => return Ok(Confirmation::Pending),
            Answer::After(times) if *looks < times => return Ok(Confirmation::Pending),
            Answer::After(_) | Answer::AtOnce => {}
        }
        if let Some((sent, _)) = state.sent.take() {
            let sent = sent.into_iter().map(|(one, at)| (one, at.next));
            state.committed.extend(sent);
        }
        state.log.push("confirmed".to_owned());
        Ok(Confirmation::Confirmed)
    }

    fn retain(&mut self, assigned: &[Partition]) {
        self.0.note(format!("retain{}", letters(assigned)));
        let mut state = self.0.state();
        if let Some((sent, _)) = &mut state.sent {
            sent.retain(|one, _| assigned.contains(one));
            if sent.is_empty() {
                state.sent = None;
            }
        }
    }
}

/// Emits a row for each record.
struct FakeProcessor {
    world: World,
    rows: HeldRows,
}

impl FakeProcessor {
    fn new(world: World) -> Self {
        let memory = Memory::default();
        let outputs = outputs(&["rows"]);
        let bound = outputs.iter().map(|output| BoundOutput {
            output,
            sink: 0,
            stream: 0,
            encoder: memory.encoder(output),
        });
        let limits = RowLimits {
            call_bytes: usize::MAX,
            most_bytes: None,
        };
        Self {
            world,
            rows: HeldRows::new(bound.collect(), limits),
        }
    }
}

impl Process for FakeProcessor {
    fn process(&mut self, batches: &[Batch]) -> Result<Vec<Rejection>, CallError> {
        {
            let mut state = self.world.state();
            state.calls += 1;
            if Some(state.calls) == state.given.fails_at_call {
                return Err(CallError::Misbehaved {
                    what: "failed".to_owned(),
                });
            }
        }
        let records: usize = batches.iter().map(Batch::records).sum();
        for _ in 0..records {
            self.rows.emit(0, b"\x80", &[1]).unwrap();
        }
        self.rows.end_call();
        self.world.note(format!("process {records}"));
        Ok(Vec::new())
    }

    fn checkpoint(&mut self) -> Result<(), CallError> {
        self.world.note("checkpoint".to_owned());
        self.rows.seal().map_err(CallError::MergedRow)
    }

    fn rows(&mut self) -> &mut HeldRows {
        &mut self.rows
    }

    fn restart(&mut self) -> Result<(), WorkerError> {
        self.world.note("restart".to_owned());
        self.rows.clear();
        Ok(())
    }
}

struct FakeSink {
    world: World,
    store: FakeStore,
}

impl Sink for FakeSink {
    fn offsets(&mut self) -> Option<&mut dyn OffsetStore> {
        let owns = self.world.state().given.sink_owns_offsets;
        owns.then_some(&mut self.store)
    }

    fn commit(&mut self, checkpoint: &Checkpoint<'_>) -> Result<Committed, SinkError> {
        let mut state = self.world.state();
        if state.given.reader_gone {
            return Err(SinkError::ReaderGone);
        }
        if state.given.sink_fails {
            return Err(SinkError::Write {
                destination: "the fake".to_owned(),
                source: std::io::Error::other("it is told to fail"),
            });
        }
        let answer = state.given.sink_answers.pop();
        let answer = answer.unwrap_or(Committed::Done);
        let rows: usize = checkpoint
            .rows
            .iter()
            .map(|stream| Stream::bytes(stream).len())
            .sum();
        state.log.push(match answer {
            Committed::Done => format!("rows {rows}"),
            Committed::Stale => "stale".to_owned(),
            Committed::Again(_) => format!("again {}", checkpoint.number),
        });
        Ok(answer)
    }
}
