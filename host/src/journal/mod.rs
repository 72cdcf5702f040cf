//! The types that every stage shares: topics and records, their keys, positions in partitions, and the plan of a
//! processor.

pub mod batch;
pub(crate) mod failure_kind;
pub mod group_offsets;
pub(crate) mod holders;
pub(crate) mod key;
pub mod offset_file;
pub mod offsets;
pub mod plan;
pub mod stages;
pub mod start;
pub mod topic_note;
pub mod topics;
