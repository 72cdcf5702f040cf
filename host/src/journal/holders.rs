//! Who has the partitions of a group.

use super::offsets::Partition;

/// A member of a consumer group, as the coordinator describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    /// Its names, for a line of the log.
    pub(crate) name: String,
    /// What it has; nothing while a rebalance hides it.
    pub(crate) partitions: Vec<Partition>,
}
