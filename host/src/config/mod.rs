//! From what the operator says to what the pipeline works with.

pub mod memory;
pub mod options;
