//! Objects of the journal as people read them.
//!
//! The plugin `print-objects`, `Out::emit_object` of the plugin SDK and `journal-host show` print the same objects alike,
//! because all of them serialize a [`Readable`]. Its rules do not depend on object types; the README of `print-objects`
//! lists them.

mod integer;
mod readable;

pub use readable::Readable;
