//! Runs processors compiled to WebAssembly over the Software Heritage journal.
//!
//! Data flows one way: a [`source`] returns [batches](journal::batch), the [`sandbox`] runs the processor on them, its
//! rows go to a [`sink`], and the [`pipeline`] drives all of it from checkpoint to checkpoint; [`bench`] measures it.
//! [`cli`] assembles them from the operator's settings.

mod bench;
pub mod cli;
mod config;
mod confine;
pub mod journal;
pub mod kafka;
mod observe;
mod panics;
mod pipeline;
mod privacy;
pub mod sandbox;
pub mod script;
pub mod sink;
mod source;
mod text;
mod transfer;
mod trial;
