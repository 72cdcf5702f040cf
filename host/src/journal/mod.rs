//! The words that every stage shares: topics and records, positions in partitions, what a processor reads and emits.

pub mod batch;
pub mod offsets;
pub mod plan;
