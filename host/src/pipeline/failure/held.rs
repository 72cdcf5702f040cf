//! Records that failed since the last checkpoint.

use crate::journal::failure_kind::FailureKind;
use crate::sandbox::CallError;
use crate::sink::dead_letters::DeadLetter;

/// The failures of a worker that take effect with its next checkpoint.
#[derive(Debug, Default)]
pub(crate) struct HeldFailures {
    kinds: [u64; FailureKind::ALL.len()],
    letters: Vec<DeadLetter>,
    letter_bytes: usize,
}

impl HeldFailures {
    /// Adds a failed record, with its dead letter where one is written.
    pub(crate) fn add(&mut self, kind: FailureKind, letter: Option<DeadLetter>) {
        self.kinds[kind as usize] += 1;
        if let Some(letter) = letter {
            self.letter_bytes += letter.bytes();
            self.letters.push(letter);
        }
    }

    /// The number of failed records.
    #[must_use]
    pub(crate) fn records(&self) -> u64 {
        self.kinds.iter().sum()
    }

    /// The failed records of each kind.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = (FailureKind, u64)> {
        FailureKind::ALL.into_iter().zip(self.kinds)
    }

    /// The dead letters.
    #[must_use]
    pub(crate) fn letters(&self) -> &[DeadLetter] {
        &self.letters
    }

    /// Memory of the dead letters, in bytes.
    #[must_use]
    pub(crate) fn bytes(&self) -> usize {
        self.letter_bytes
    }

    /// They took effect, or their records are processed again.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// The kind of a failed call.
#[must_use]
pub(crate) fn kind_of(error: &CallError) -> FailureKind {
    match error.reason() {
        CallError::Deadline { .. } | CallError::Wall { .. } => FailureKind::Deadline,
        CallError::Memory { .. } => FailureKind::Memory,
        CallError::Stack { .. } => FailureKind::Stack,
        CallError::Panicked { .. } => FailureKind::Panicked,
        CallError::Trapped { .. } | CallError::Exited { .. } => FailureKind::Trapped,
        CallError::TooMuchEmitted { .. }
        | CallError::TooMuchAtOnce { .. }
        | CallError::Row(_)
        | CallError::MergedRow(_) => FailureKind::Emission,
        CallError::Failure { .. } | CallError::Retry { .. } => FailureKind::Failed,
        _ => FailureKind::Contract,
    }
}
