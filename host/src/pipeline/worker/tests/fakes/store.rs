//! A store that confirms as the script says.

use std::collections::BTreeMap;
use std::task::Poll;

use super::{Answer, Sent, State, World, letters, offsets_text};
use crate::journal::offsets::{
    Confirmation, OffsetStore, Offsets, Partition, Position, Positions, StoreError,
};

/// A store with the name that its lines begin with.
pub(super) struct FakeStore(pub(super) World, pub(super) &'static str);

impl FakeStore {
    /// Whether it is the group's, and a sink has the positions that count.
    fn is_courtesy(&self, state: &State) -> bool {
        self.1.is_empty() && state.given.sink_owns_offsets
    }

    fn sent<'a>(&self, state: &'a mut State) -> &'a mut Sent {
        if self.is_courtesy(state) {
            &mut state.sent_to_group
        } else {
            &mut state.sent
        }
    }

    fn known(&self, of: &[Partition]) -> Positions {
        let state = self.0.state();
        let committed = if self.is_courtesy(&state) {
            state.in_group.clone()
        } else {
            state.committed.clone()
        };
        drop(state);
        let position = |one: &Partition| committed.get(one).cloned();
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
        self.0
            .note(format!("{}send{}", self.1, offsets_text(&offsets)));
        let mut state = self.0.state();
        state
            .notes
            .extend(to.values().map(|position| position.note.clone()));
        let sent = Some((to.clone(), 0));
        *self.sent(&mut state) = sent;
        Ok(())
    }

    fn check(&mut self) -> Result<Confirmation, StoreError> {
        let mut state = self.0.state();
        let is_courtesy = self.is_courtesy(&state);
        let confirms = if is_courtesy {
            state.given.group_confirms
        } else {
            state.given.confirms
        };
        let sent = self.sent(&mut state);
        let Some((_, looks)) = sent else {
            return Ok(Confirmation::Idle);
        };
        *looks += 1;
        match confirms {
            Answer::Refused(reason) => return Ok(Confirmation::Refused(reason.to_owned())),
            Answer::Never => return Ok(Confirmation::Pending),
            Answer::After(times) if *looks < times => return Ok(Confirmation::Pending),
            Answer::After(_) | Answer::AtOnce => {}
        }
        let positions = sent.take().map(|(positions, _)| positions);
        if is_courtesy {
            state.in_group.extend(positions.into_iter().flatten());
            state.log.push("group confirmed".to_owned());
        } else {
            state.committed.extend(positions.into_iter().flatten());
            state.log.push("confirmed".to_owned());
        }
        Ok(Confirmation::Confirmed)
    }

    fn retain(&mut self, assigned: &[Partition]) {
        self.0.note(format!("retain{}", letters(assigned)));
        let mut state = self.0.state();
        let sent = self.sent(&mut state);
        if let Some((positions, _)) = sent {
            positions.retain(|one, _| assigned.contains(one));
            if positions.is_empty() {
                *sent = None;
            }
        }
    }
}
