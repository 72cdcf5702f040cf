//! The transaction of one worker's checkpoint, in steps that return soon.
//!
//! A checkpoint that is dropped on the way is aborted, at the latest before the next one begins. Where nobody knows whether
//! one was committed, the group's positions say it: they are in the transaction.

use std::time::{Duration, Instant};

use crate::kafka::{Step, TransactionError};
use crate::sink::moves::Compared;
use crate::sink::{Checkpoint, Committed};

/// How long one call works on. The worker serves its source between two calls.
const SLICE: Duration = Duration::from_millis(100);

/// What a committer needs of a producer and of the group.
pub(super) trait Producer: Send {
    /// Replaces the producer by one that connects to the brokers.
    fn renew(&mut self) -> Result<(), TransactionError>;
    fn init(&mut self) -> Result<Step, TransactionError>;
    fn begin(&mut self) -> Result<(), TransactionError>;
    fn send(&mut self, topic: usize, row: &[u8]) -> Result<Step, TransactionError>;
    fn flush(&mut self) -> Result<Step, TransactionError>;
    /// Adds the positions of the group, if there is one.
    fn send_positions(&mut self, checkpoint: &Checkpoint<'_>) -> Result<Step, TransactionError>;
    fn commit(&mut self) -> Result<Step, TransactionError>;
    fn abort(&mut self) -> Result<Step, TransactionError>;
    /// Where the group is, compared with the checkpoint; an error if it does not say it now.
    fn compare(&mut self, checkpoint: &Checkpoint<'_>) -> Result<Compared, String>;
}

/// What the producer is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It has not connected, or has to again.
    Lost,
    /// It ends what an earlier one left open.
    Starting,
    /// No transaction is open.
    Ready,
    /// Rows of a checkpoint are sent: those of the streams before `stream`, and `bytes` of this one.
    Sending { stream: usize, bytes: usize },
    /// All rows are sent.
    Flushing,
    /// All rows are confirmed.
    Positions,
    /// The commit was asked for.
    Committing,
    /// The transaction is taken back.
    Aborting,
}

/// Commits the checkpoints of one worker.
#[derive(Debug)]
pub(super) struct Committer<P> {
    producer: P,
    state: State,
    /// The number of the checkpoint that is open.
    number: u64,
    /// How long a transaction may last, where the operator named those of the worker, so that another process may have the
    /// same name.
    named: Option<Duration>,
    /// When the last transaction began.
    begun: Option<Instant>,
    /// Whether a transaction may have been committed of which this worker does not know.
    is_uncertain: bool,
}

/// Why a checkpoint cannot be committed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum CommitError {
    /// Another process has the transactional identifier.
    Fenced,
    /// The brokers refuse it for this reason.
    Refused(String),
}

impl<P: Producer> Committer<P> {
    pub(super) fn new(producer: P, named: Option<Duration>) -> Self {
        Self {
            producer,
            state: State::Lost,
            number: 0,
            named,
            begun: None,
            is_uncertain: false,
        }
    }

    /// Ends what an earlier producer left open, up to `end`. False if there was no time for it.
    pub(super) fn start(&mut self, end: Instant) -> Result<bool, CommitError> {
        while self.state != State::Ready {
            if Instant::now() >= end {
                return Ok(false);
            }
            self.advance_to_ready()?;
        }
        Ok(true)
    }

    /// Works on a checkpoint for a while.
    pub(super) fn commit(&mut self, checkpoint: &Checkpoint<'_>) -> Result<Committed, CommitError> {
        let end = Instant::now() + SLICE;
        loop {
            if let Some(committed) = self.advance(checkpoint)? {
                return Ok(committed);
            }
            if Instant::now() >= end {
                return Ok(Committed::Again(Duration::ZERO));
            }
        }
    }

    /// Takes back what is open of a checkpoint that is dropped, up to `end`. The next checkpoint goes on with what there was
    /// no time for, and awaits a commit that was asked for.
    pub(super) fn abandon(&mut self, end: Instant) -> Result<(), CommitError> {
        self.abort_what_is_open();
        while !matches!(self.state, State::Ready | State::Committing) && Instant::now() < end {
            self.advance_to_ready()?;
        }
        Ok(())
    }

    fn abort_what_is_open(&mut self) {
        if let State::Sending { .. } | State::Flushing | State::Positions = self.state {
            self.state = State::Aborting;
        }
    }

    /// One step; the outcome if it was the last one.
    fn advance(&mut self, checkpoint: &Checkpoint<'_>) -> Result<Option<Committed>, CommitError> {
        if self.number != checkpoint.number {
            self.abort_what_is_open();
            // The outcome of a commit is awaited first, and concerns the positions that this checkpoint goes on from.
            if self.state == State::Committing {
                self.is_uncertain = true;
            } else {
                self.number = checkpoint.number;
            }
        }
        let done = match self.state {
            State::Lost | State::Starting | State::Aborting => {
                self.advance_to_ready()?;
                return Ok(None);
            }
            State::Ready if self.is_uncertain => return Ok(self.find_out(checkpoint)),
            State::Ready => self.producer.begin().map(|()| {
                self.begun = Some(Instant::now());
                self.state = State::Sending {
                    stream: 0,
                    bytes: 0,
                };
                Step::Done
            }),
            State::Sending { stream, bytes } => self.send(checkpoint, stream, bytes),
            State::Flushing => self.then(State::Positions, P::flush),
            State::Positions => self.then(State::Committing, |producer| {
                producer.send_positions(checkpoint)
            }),
            State::Committing => {
                let step = self.then(State::Ready, P::commit);
                if step == Ok(Step::Done) && self.number == checkpoint.number {
                    self.is_uncertain = false;
                    return Ok(Some(Committed::Done));
                }
                step
            }
        };
        match done {
            Ok(_) => Ok(None),
            Err(error) => self.failed(error).map(|()| None),
        }
    }

    /// What comes before a transaction can begin.
    fn advance_to_ready(&mut self) -> Result<(), CommitError> {
        let done = match self.state {
            State::Lost => self.producer.renew().map(|()| {
                self.state = State::Starting;
                Step::Done
            }),
            State::Starting => self.then(State::Ready, P::init),
            _ => self.then(State::Ready, P::abort),
        };
        match done {
            Ok(_) => Ok(()),
            Err(error) => self.failed(error),
        }
    }

    fn then(
        &mut self,
        next: State,
        step: impl Fn(&mut P) -> Result<Step, TransactionError>,
    ) -> Result<Step, TransactionError> {
        let step = step(&mut self.producer)?;
        if step == Step::Done {
            self.state = next;
        }
        Ok(step)
    }

    /// Sends the rows that are left, as long as there is room.
    fn send(
        &mut self,
        checkpoint: &Checkpoint<'_>,
        mut stream: usize,
        mut bytes: usize,
    ) -> Result<Step, TransactionError> {
        while let Some(rows) = checkpoint.rows.get(stream) {
            let left = rows.bytes().get(bytes..).unwrap_or_default();
            let Some(end) = left.iter().position(|&byte| byte == b'\n') else {
                (stream, bytes) = (stream + 1, 0);
                continue;
            };
            let sent = self.producer.send(stream, &left[..end]);
            if !matches!(sent, Ok(Step::Done)) {
                self.state = State::Sending { stream, bytes };
                return sent;
            }
            bytes += end + 1;
        }
        self.state = State::Flushing;
        Ok(Step::Done)
    }

    fn failed(&mut self, error: TransactionError) -> Result<(), CommitError> {
        match error {
            TransactionError::Fenced if self.is_another() => return Err(CommitError::Fenced),
            // The coordinator ended a transaction that took too long.
            TransactionError::Fenced => {
                return self.failed(TransactionError::Lost(
                    "its transaction timed out".to_owned(),
                ));
            }
            TransactionError::Refused(reason) => return Err(CommitError::Refused(reason)),
            TransactionError::Abort(reason) if self.state != State::Aborting => {
                tracing::debug!("the transaction is aborted: {reason}");
                self.state = match self.state {
                    State::Ready | State::Starting | State::Lost => State::Lost,
                    _ => State::Aborting,
                };
            }
            TransactionError::Abort(reason) | TransactionError::Lost(reason) => {
                tracing::debug!("the producer is replaced: {reason}");
                self.is_uncertain |= self.state == State::Committing;
                self.state = State::Lost;
            }
        }
        Ok(())
    }

    /// Whether another process has taken the transactional identifier, and not the coordinator, which ends a transaction
    /// that takes too long. Nobody else has a random identifier.
    fn is_another(&self) -> bool {
        let is_over = |timeout| self.begun.is_some_and(|begun| begun.elapsed() >= timeout);
        self.named.is_some_and(|timeout| !is_over(timeout))
    }

    /// Asks the group whether the transaction in doubt was committed.
    fn find_out(&mut self, checkpoint: &Checkpoint<'_>) -> Option<Committed> {
        let found = match self.producer.compare(checkpoint) {
            Ok(found) => found,
            Err(reason) => {
                tracing::debug!("the group does not say where it is: {reason}");
                return Some(Committed::Again(SLICE));
            }
        };
        // Until the worker goes on from where the group is, each of its checkpoints is compared.
        self.is_uncertain = found == Compared::Other;
        match found {
            Compared::First => None,
            Compared::Next => Some(Committed::Done),
            Compared::Other => Some(Committed::Stale),
        }
    }
}
