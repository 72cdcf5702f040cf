//! The committer against a producer that follows a script.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::MessageEncoder;
use super::committer::{CommitError, Committer, Producer};
use crate::journal::offsets::{Offsets, Partition};
use crate::kafka::{Step, TransactionError};
use crate::sink::moves::{self, Compared};
use crate::sink::{Checkpoint, Committed, EncodeError, Encoder as _, Stream, Topics, jsonl};

/// A time that no test takes.
const LONG: Duration = Duration::from_mins(10);

/// What a producer was asked, and what it answers where that is not success.
#[derive(Clone, Debug, Default)]
struct Fake(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    log: Vec<String>,
    /// The group's position.
    group: u64,
    /// The request that is never done.
    stuck: Option<&'static str>,
    /// Answers to the requests of this name, in order; success after them.
    answers: BTreeMap<&'static str, VecDeque<Result<Step, TransactionError>>>,
}

impl Fake {
    fn answering(
        answers: impl IntoIterator<Item = (&'static str, Result<Step, TransactionError>)>,
    ) -> Self {
        let fake = Self::default();
        for (request, answer) in answers {
            let mut state = fake.0.lock().unwrap();
            state.answers.entry(request).or_default().push_back(answer);
        }
        fake
    }

    fn ask(&self, request: &'static str, text: &str) -> Result<Step, TransactionError> {
        let mut state = self.0.lock().unwrap();
        if state.stuck == Some(request) {
            return Ok(Step::NotYet);
        }
        state.log.push(format!("{request}{text}"));
        let answers = state.answers.get_mut(request);
        answers
            .and_then(VecDeque::pop_front)
            .unwrap_or(Ok(Step::Done))
    }

    fn log(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().log)
    }
}

impl Producer for Fake {
    fn renew(&mut self) -> Result<(), TransactionError> {
        self.ask("renew", "").map(drop)
    }

    fn init(&mut self) -> Result<Step, TransactionError> {
        self.ask("init", "")
    }

    fn begin(&mut self) -> Result<(), TransactionError> {
        self.ask("begin", "").map(drop)
    }

    fn send(&mut self, topic: usize, row: &[u8]) -> Result<Step, TransactionError> {
        let row = String::from_utf8_lossy(row);
        self.ask("send", &format!(" {topic} {row}"))
    }

    fn flush(&mut self) -> Result<Step, TransactionError> {
        self.ask("flush", "")
    }

    fn send_positions(&mut self, checkpoint: &Checkpoint<'_>) -> Result<Step, TransactionError> {
        let next = checkpoint.changed_positions()[&partition()].next;
        self.ask("positions", &format!(" {next}"))
    }

    fn commit(&mut self) -> Result<Step, TransactionError> {
        self.ask("commit", "")
    }

    fn abort(&mut self) -> Result<Step, TransactionError> {
        self.ask("abort", "")
    }

    fn compare(&mut self, checkpoint: &Checkpoint<'_>) -> Result<Compared, String> {
        let mut state = self.0.lock().unwrap();
        state.log.push("compare".to_owned());
        let group = moves::integer(state.group);
        let moves = moves::of(checkpoint);
        Ok(moves::compare(&moves, |_| Some((group, String::new()))))
    }
}

fn partition() -> Partition {
    Partition {
        topic: "t".into(),
        number: 0,
    }
}

/// Commits checkpoint `number` of two topics until it is done.
fn commit(committer: &mut Committer<Fake>, number: u64) -> Result<Committed, CommitError> {
    let (from, to) = (
        Offsets::from([(partition(), 0)]),
        Offsets::from([(partition(), 3)]),
    );
    let rows = [Stream::of(b"a\nb\n"), Stream::of(b"c\n")];
    committer.commit(&Checkpoint {
        worker: 0,
        number,
        from: &from,
        to: &to,
        topics: &Topics::new(),
        notes: &BTreeMap::new(),
        rows: &rows,
        membership: None,
    })
}

const WHOLE: [&str; 7] = [
    "begin",
    "send 0 a",
    "send 0 b",
    "send 1 c",
    "flush",
    "positions 3",
    "commit",
];

#[test]
fn checkpoint_is_one_transaction() {
    let fake = Fake::default();
    let mut committer = Committer::new(fake.clone(), Some(LONG));
    assert_eq!(commit(&mut committer, 1), Ok(Committed::Done));
    assert_eq!(fake.log(), [&["renew", "init"][..], &WHOLE].concat());
    assert_eq!(commit(&mut committer, 2), Ok(Committed::Done));
    assert_eq!(fake.log(), WHOLE);
}

#[test]
fn row_that_finds_no_room_is_sent_again_alone() {
    let fake = Fake::answering([("send", Ok(Step::Done)), ("send", Ok(Step::NotYet))]);
    let mut committer = Committer::new(fake.clone(), Some(LONG));
    assert_eq!(commit(&mut committer, 1), Ok(Committed::Done));
    let sent: Vec<_> = fake
        .log()
        .into_iter()
        .filter(|line| line.starts_with("send"))
        .collect();
    assert_eq!(sent, ["send 0 a", "send 0 b", "send 0 b", "send 1 c"]);
}

#[test]
fn aborted_transaction_sends_every_row_again() {
    let abort = || Err(TransactionError::Abort("a rebalance".to_owned()));
    for request in ["send", "flush", "positions", "commit"] {
        let fake = Fake::answering([(request, abort())]);
        let mut committer = Committer::new(fake.clone(), Some(LONG));
        assert_eq!(commit(&mut committer, 1), Ok(Committed::Done));
        let log = fake.log();
        let aborted = log.iter().position(|line| line == "abort").unwrap();
        assert_eq!(log[aborted + 1..], WHOLE, "{request}");
    }
}

#[test]
fn producer_that_is_lost_is_replaced_before_anything_is_sent_again() {
    for request in ["send", "flush", "positions", "abort"] {
        let lost = Err(TransactionError::Lost("its epoch is old".to_owned()));
        let abort = Err(TransactionError::Abort("a rebalance".to_owned()));
        let answers = match request {
            "abort" => vec![("flush", abort), ("abort", lost)],
            _ => vec![(request, lost)],
        };
        let fake = Fake::answering(answers);
        let mut committer = Committer::new(fake.clone(), Some(LONG));
        assert_eq!(commit(&mut committer, 1), Ok(Committed::Done));
        let log = fake.log();
        let renewed = log.iter().rposition(|line| line == "renew").unwrap();
        assert!(renewed > 0);
        assert_eq!(
            log[renewed..],
            [&["renew", "init"][..], &WHOLE].concat(),
            "{request}"
        );
    }
}

#[test]
fn checkpoint_that_was_dropped_is_aborted_before_the_next_one() {
    let fake = Fake::default();
    fake.0.lock().unwrap().stuck = Some("flush");
    let mut committer = Committer::new(fake.clone(), Some(LONG));
    assert!(matches!(commit(&mut committer, 1), Ok(Committed::Again(_))));
    fake.0.lock().unwrap().stuck = None;
    let _before = fake.log();
    assert_eq!(commit(&mut committer, 2), Ok(Committed::Done));
    assert_eq!(fake.log(), [&["abort"][..], &WHOLE].concat());
}

#[test]
fn transaction_of_a_checkpoint_that_is_dropped_is_aborted_at_once() {
    for request in ["send", "flush", "positions"] {
        let fake = Fake::default();
        fake.0.lock().unwrap().stuck = Some(request);
        let mut committer = Committer::new(fake.clone(), Some(LONG));
        assert!(matches!(commit(&mut committer, 1), Ok(Committed::Again(_))));
        let _before = fake.log();
        assert_eq!(committer.abandon(Instant::now() + LONG), Ok(()));
        assert_eq!(fake.log(), ["abort"], "{request}");
        fake.0.lock().unwrap().stuck = None;
        assert_eq!(commit(&mut committer, 2), Ok(Committed::Done));
        assert_eq!(fake.log(), WHOLE, "{request}");
    }
}

#[test]
fn producer_that_cannot_abort_is_replaced_when_its_checkpoint_is_dropped() {
    let lost = Err(TransactionError::Lost("its epoch is old".to_owned()));
    let fake = Fake::answering([("abort", lost)]);
    fake.0.lock().unwrap().stuck = Some("flush");
    let mut committer = Committer::new(fake.clone(), Some(LONG));
    assert!(matches!(commit(&mut committer, 1), Ok(Committed::Again(_))));
    let _before = fake.log();
    assert_eq!(committer.abandon(Instant::now() + LONG), Ok(()));
    // The new one ends what the one before left open.
    assert_eq!(fake.log(), ["abort", "renew", "init"]);
}

#[test]
fn abort_that_brokers_do_not_answer_is_left_to_the_next_checkpoint() {
    let fake = Fake::default();
    fake.0.lock().unwrap().stuck = Some("flush");
    let mut committer = Committer::new(fake.clone(), Some(LONG));
    assert!(matches!(commit(&mut committer, 1), Ok(Committed::Again(_))));
    let _before = fake.log();
    fake.0.lock().unwrap().stuck = Some("abort");
    let end = Instant::now() + Duration::from_millis(50);
    assert_eq!(committer.abandon(end), Ok(()));
    assert!(Instant::now() >= end);
    assert!(fake.log().is_empty());
    fake.0.lock().unwrap().stuck = None;
    assert_eq!(commit(&mut committer, 2), Ok(Committed::Done));
    assert_eq!(fake.log(), [&["abort"][..], &WHOLE].concat());
}

#[test]
fn dropped_checkpoint_without_an_open_transaction_asks_for_nothing() {
    let fake = Fake::default();
    let mut committer = Committer::new(fake.clone(), Some(LONG));
    assert_eq!(commit(&mut committer, 1), Ok(Committed::Done));
    fake.0.lock().unwrap().stuck = Some("commit");
    let _before = fake.log();
    assert_eq!(committer.abandon(Instant::now() + LONG), Ok(()));
    assert!(fake.log().is_empty());
    // A commit that was asked for may be on its way.
    assert!(matches!(commit(&mut committer, 2), Ok(Committed::Again(_))));
    let _before = fake.log();
    assert_eq!(committer.abandon(Instant::now() + LONG), Ok(()));
    assert!(fake.log().is_empty());
}

#[test]
fn group_says_what_became_of_a_commit_that_was_lost() {
    for (group, wanted) in [
        (0, vec![Committed::Done]),
        (3, vec![Committed::Done]),
        // Until the worker goes on from there.
        (2, vec![Committed::Stale, Committed::Stale]),
    ] {
        let lost = Err(TransactionError::Lost("its epoch is old".to_owned()));
        let fake = Fake::answering([("commit", lost)]);
        fake.0.lock().unwrap().group = group;
        let mut committer = Committer::new(fake.clone(), Some(LONG));
        for (committed, number) in wanted.iter().zip(1..) {
            assert_eq!(commit(&mut committer, number), Ok(*committed), "{group}");
        }
        let log = fake.log();
        let commits = log.iter().filter(|line| *line == "commit").count();
        assert_eq!(commits, if group == 0 { 2 } else { 1 }, "{log:#?}");
        let compared = log.iter().position(|line| line == "compare");
        assert!(
            log.iter().rposition(|line| line == "init") < compared,
            "{log:#?}"
        );
    }
}

#[test]
fn commit_that_was_asked_for_is_awaited_when_its_checkpoint_is_dropped() {
    for (group, wanted) in [(0, Committed::Done), (2, Committed::Stale)] {
        let fake = Fake::default();
        fake.0.lock().unwrap().stuck = Some("commit");
        fake.0.lock().unwrap().group = group;
        let mut committer = Committer::new(fake.clone(), Some(LONG));
        assert!(matches!(commit(&mut committer, 1), Ok(Committed::Again(_))));
        fake.0.lock().unwrap().stuck = None;
        let _before = fake.log();
        assert_eq!(commit(&mut committer, 2), Ok(wanted));
        assert_eq!(fake.log()[..2], ["commit", "compare"]);
    }
}

#[test]
fn transaction_that_took_too_long_is_sent_again_where_nobody_else_has_its_name() {
    let fake = Fake::answering([("flush", Err(TransactionError::Fenced))]);
    let mut committer = Committer::new(fake.clone(), None);
    assert_eq!(commit(&mut committer, 1), Ok(Committed::Done));
    let log = fake.log();
    assert!(
        log.iter().filter(|line| *line == "renew").count() == 2,
        "{log:#?}"
    );
}

/// Nobody knows who fenced a worker whose transaction has a name, but one that was within its time had no reason to end.
#[test]
fn named_transaction_that_took_too_long_is_sent_again() {
    let fake = Fake::answering([("flush", Err(TransactionError::Fenced))]);
    let mut committer = Committer::new(fake.clone(), Some(Duration::ZERO));
    assert_eq!(commit(&mut committer, 1), Ok(Committed::Done));
}

#[test]
fn what_no_attempt_mends_ends_the_run() {
    for (error, wanted) in [
        (TransactionError::Fenced, CommitError::Fenced),
        (
            TransactionError::Refused("no right".to_owned()),
            CommitError::Refused("no right".to_owned()),
        ),
    ] {
        let fake = Fake::answering([("flush", Err(error))]);
        let mut committer = Committer::new(fake, Some(LONG));
        assert_eq!(commit(&mut committer, 1), Err(wanted));
    }
}

#[test]
fn row_that_no_message_holds_is_a_bad_row() {
    let mut messages = MessageEncoder {
        line: jsonl::encoder(None, None),
        most_bytes: 10,
    };
    // `{"a":"bbb"}` has 11 bytes.
    let mut json = Vec::new();
    let refused = messages.encode(b"\x81\xa1a\xa3bbb", &mut json, 1000);
    assert!(matches!(refused, Err(EncodeError::BadRow(reason)) if reason.contains("10 bytes")));
    json.clear();
    messages.encode(b"\x81\xa1a\xa1b", &mut json, 1000).unwrap();
    assert_eq!(json, b"{\"a\":\"b\"}\n");
}
