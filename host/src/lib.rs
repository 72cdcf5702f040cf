//! Runs processors compiled to WebAssembly over the Software Heritage journal.
//!
//! Data flows one way: a [`source`] gives [batches](journal::batch), the [`sandbox`] holds the processor
//! that works on them, its rows go to an [`sink`], and the [`pipeline`] moves all of it from
//! checkpoint to checkpoint; [`bench`] measures that. [`cli`] puts them together from what the operator says.

pub mod bench;
pub mod cli;
pub mod config;
pub mod journal;
pub mod kafka;
pub mod observe;
pub mod pipeline;
pub mod sandbox;
pub mod sink;
pub mod source;
mod text;
