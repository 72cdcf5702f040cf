//! A sink that answers as the script says.

use std::io;

use super::store::FakeStore;
use super::{SinkFailure, State, World, offsets_text};
use crate::journal::offsets::{OffsetStore, Position};
use crate::sink::dead_letters::{DeadLetter, LetterSink};
use crate::sink::{Checkpoint, Committed, Sink, SinkError, Stream};

pub(super) struct FakeSink {
    pub(super) world: World,
    pub(super) store: FakeStore,
}

/// Notes the offsets of dead letters.
pub(super) struct FakeLetters(pub(super) World);

impl LetterSink for FakeLetters {
    fn write(&mut self, letters: &[DeadLetter]) -> Result<(), SinkError> {
        let letters = letters.iter().map(|letter| {
            let name = char::from(b'a' + u8::try_from(letter.partition).unwrap());
            format!(" {name}={} {}", letter.offset, letter.kind)
        });
        let letters: String = letters.collect();
        self.0.note(format!("letters{letters}"));
        Ok(())
    }

    fn reopen(&mut self) -> Result<(), SinkError> {
        Ok(())
    }
}

/// Advances the positions if the sink owns them, and if they are those that the worker goes on from.
fn advance(state: &mut State, checkpoint: &Checkpoint<'_>) -> Committed {
    if !state.given.sink_owns_offsets {
        return Committed::Done;
    }
    for (partition, &next) in checkpoint.to {
        let first = checkpoint.from.get(partition).copied().unwrap_or(next);
        let known = state.committed.get(partition).map(|position| position.next);
        if first != next && known.is_some_and(|known| known != first) {
            return Committed::Stale;
        }
        if first != next {
            let position = Position::at(next);
            state.committed.insert(partition.clone(), position);
        }
    }
    Committed::Done
}

impl Sink for FakeSink {
    fn offsets(&mut self) -> Option<&mut dyn OffsetStore> {
        let owns = self.world.state().given.sink_owns_offsets;
        owns.then_some(&mut self.store)
    }

    fn reopen(&mut self) -> Result<(), SinkError> {
        let mut state = self.world.state();
        state.log.push("reopen".to_owned());
        match state.given.sink_failure {
            Some(SinkFailure::Reopen) => Err(SinkError::Write {
                destination: "the fake".to_owned(),
                source: io::Error::other("the test makes it fail"),
            }),
            _ => Ok(()),
        }
    }

    fn give_up(&mut self) {
        self.world.note("give up".to_owned());
    }

    fn commit(&mut self, checkpoint: &Checkpoint<'_>) -> Result<Committed, SinkError> {
        let mut state = self.world.state();
        match state.given.sink_failure {
            Some(SinkFailure::ReaderGone) => return Err(SinkError::ReaderGone),
            Some(SinkFailure::Write) => {
                return Err(SinkError::Write {
                    destination: "the fake".to_owned(),
                    source: io::Error::other("the test makes it fail"),
                });
            }
            Some(SinkFailure::Reopen) | None => {}
        }
        let answer = state.given.sink_answers.pop();
        let answer = answer.unwrap_or_else(|| advance(&mut state, checkpoint));
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
        if answer == Committed::Done && state.given.sink_owns_offsets {
            let at = format!("sink at{}", offsets_text(checkpoint.to));
            state.log.push(at);
        }
        Ok(answer)
    }
}
