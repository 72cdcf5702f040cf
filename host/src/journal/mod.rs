//! The words that every stage shares: topics, records, their keys, and batches.

pub mod batch;
pub(crate) mod key;
pub mod topics;
