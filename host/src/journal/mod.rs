//! The words that every stage shares: topics, records and batches.

pub mod batch;
pub mod topics;
