//! The records that a run may still process, shared by all workers of the process.

use std::sync::Mutex;
use std::sync::PoisonError;

/// How many records may still be claimed, and how many claims are not settled yet.
///
/// A claim is settled once the outputs of its record are durable. While claims of another worker
/// are open they may still come back, so a worker without records waits for them.
#[derive(Debug)]
pub struct Budget {
    state: Option<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    unclaimed: u64,
    unsettled: u64,
}

impl Budget {
    /// A budget of `records`; without a number it never ends.
    #[must_use]
    pub fn new(records: Option<u64>) -> Self {
        Self {
            state: records.map(|unclaimed| {
                Mutex::new(State {
                    unclaimed,
                    unsettled: 0,
                })
            }),
        }
    }

    /// Claims up to `records` and says how many were granted.
    #[must_use]
    pub fn claim(&self, records: usize) -> usize {
        self.with(records, |state| {
            let granted = state.unclaimed.min(records as u64);
            state.unclaimed -= granted;
            state.unsettled += granted;
            usize::try_from(granted).unwrap_or(records)
        })
    }

    /// Gives claims back whose records were not processed, or whose outputs were dropped.
    pub fn give_back(&self, records: usize) {
        self.with((), |state| {
            state.unclaimed += records as u64;
            state.unsettled -= records as u64;
        });
    }

    /// The outputs of the claimed records are durable.
    pub fn settle(&self, records: usize) {
        self.with((), |state| state.unsettled -= records as u64);
    }

    /// Whether nothing is left to claim, though claims may still come back.
    #[must_use]
    pub fn is_exhausted(&self) -> bool {
        self.with(false, |state| state.unclaimed == 0)
    }

    /// Whether nothing is left to claim and nothing can come back.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.with(false, |state| state.unclaimed == 0 && state.unsettled == 0)
    }

    fn with<T>(&self, unlimited: T, limited: impl FnOnce(&mut State) -> T) -> T {
        match &self.state {
            None => unlimited,
            Some(state) => limited(&mut state.lock().unwrap_or_else(PoisonError::into_inner)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_granted_up_to_the_budget() {
        let budget = Budget::new(Some(5));
        assert_eq!(budget.claim(3), 3);
        assert_eq!(budget.claim(3), 2);
        assert!(budget.is_exhausted());
        assert!(!budget.is_settled());
    }

    #[test]
    fn a_claim_given_back_can_be_claimed_by_another_worker() {
        let budget = Budget::new(Some(5));
        assert_eq!(budget.claim(5), 5);
        budget.give_back(2);
        assert!(!budget.is_exhausted());
        assert_eq!(budget.claim(9), 2);
        budget.settle(5);
        assert!(budget.is_settled());
    }

    #[test]
    fn no_budget_never_ends() {
        let budget = Budget::new(None);
        assert_eq!(budget.claim(7), 7);
        budget.settle(7);
        assert!(!budget.is_exhausted());
        assert!(!budget.is_settled());
    }
}
