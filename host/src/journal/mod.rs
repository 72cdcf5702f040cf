//! The words that every stage shares: topics and records, their keys, positions in partitions, and what a processor
//! reads and emits.

pub mod batch;
pub(crate) mod key;
pub mod offsets;
pub mod plan;
pub mod topics;
