//! In which way a record failed.

use std::fmt;

/// In which way a record failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum FailureKind {
    /// The processor rejected it.
    Rejected,
    /// The processor panicked.
    Panicked,
    /// The processor trapped without reporting a panic.
    Trapped,
    /// The call took too long.
    Deadline,
    /// The call needed more memory than its limit.
    Memory,
    /// The call overflowed its stack.
    Stack,
    /// The call emitted too much, or rows that cannot be written.
    Emission,
    /// The processor broke the contract.
    Contract,
    /// The processor returned a failure.
    Failed,
    /// Its source found it damaged, so that no processor saw it.
    Damaged,
}

impl FailureKind {
    /// All kinds, in the order of their numbers.
    pub(crate) const ALL: [Self; 10] = [
        Self::Rejected,
        Self::Panicked,
        Self::Trapped,
        Self::Deadline,
        Self::Memory,
        Self::Stack,
        Self::Emission,
        Self::Contract,
        Self::Failed,
        Self::Damaged,
    ];

    /// Its name in dead letters and in the summary of a run.
    #[must_use]
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Panicked => "panicked",
            Self::Trapped => "trapped",
            Self::Deadline => "deadline",
            Self::Memory => "memory",
            Self::Stack => "stack",
            Self::Emission => "emission",
            Self::Contract => "contract",
            Self::Failed => "failed",
            Self::Damaged => "damaged",
        }
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
