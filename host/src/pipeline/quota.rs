//! The records that a run may still process, shared by all workers of the process.

use std::sync::Mutex;
use std::sync::PoisonError;

/// How many records may still be claimed, and how many claims are not confirmed yet.
///
/// A claim is confirmed once the outputs of its record are durable. Unconfirmed claims of another worker may still be
/// returned, so a worker without records waits for them.
#[derive(Debug)]
pub(crate) struct RecordQuota {
    state: Option<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    unclaimed: u64,
    unconfirmed: u64,
}

impl RecordQuota {
    /// A quota of `records`; without a number there is no limit.
    #[must_use]
    pub(crate) fn new(records: Option<u64>) -> Self {
        Self {
            state: records.map(|unclaimed| {
                Mutex::new(State {
                    unclaimed,
                    unconfirmed: 0,
                })
            }),
        }
    }

    /// Claims up to `records` and returns how many were granted.
    #[must_use]
    pub(crate) fn claim(&self, records: usize) -> usize {
        self.with(records, |state| {
            let granted = state.unclaimed.min(records as u64);
            state.unclaimed -= granted;
            state.unconfirmed += granted;
            usize::try_from(granted).unwrap_or(records)
        })
    }

    /// Returns claims whose records were not processed, or whose outputs were dropped.
    pub(crate) fn give_back(&self, records: usize) {
        self.with((), |state| {
            state.unclaimed += records as u64;
            state.unconfirmed -= records as u64;
        });
    }

    /// Confirms claims: the outputs of their records are durable.
    pub(crate) fn confirm(&self, records: usize) {
        self.with((), |state| state.unconfirmed -= records as u64);
    }

    /// Whether there is a limit at all.
    #[must_use]
    pub(crate) fn is_limited(&self) -> bool {
        self.state.is_some()
    }

    /// Whether nothing is left to claim and all claims are confirmed.
    #[must_use]
    pub(crate) fn is_confirmed(&self) -> bool {
        self.with(false, |state| {
            state.unclaimed == 0 && state.unconfirmed == 0
        })
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
    fn claims_are_granted_up_to_the_quota() {
        let quota = RecordQuota::new(Some(5));
        assert_eq!(quota.claim(3), 3);
        assert_eq!(quota.claim(3), 2);
        assert_eq!(quota.claim(1), 0);
        assert!(!quota.is_confirmed());
    }

    #[test]
    fn a_claim_given_back_can_be_claimed_by_another_worker() {
        let quota = RecordQuota::new(Some(5));
        assert_eq!(quota.claim(5), 5);
        quota.give_back(2);
        assert_eq!(quota.claim(9), 2);
        quota.confirm(5);
        assert!(quota.is_confirmed());
    }

    #[test]
    fn quota_without_a_limit_never_ends() {
        let quota = RecordQuota::new(None);
        assert_eq!(quota.claim(7), 7);
        quota.confirm(7);
        assert!(!quota.is_confirmed());
    }
}
