//! Write processors for the Software Heritage journal.
//!
//! A processor receives batches of journal records, computes, and emits rows. `journal-host` does everything else: it
//! reads Kafka or a recording, writes the rows and commits the offsets.
//!
//! A plugin is a struct that implements [`Processor`], and one line with [`export!`]. This one emits a row for every
//! revision with more than one parent:
//!
//! ```
//! use journal_plugin_sdk::{Batches, Failure, Id, Out, Processor, export};
//! use serde::Serialize;
//!
//! #[derive(Serialize)]
//! struct Row {
//!     merge: Id,
//!     parents: usize,
//! }
//!
//! #[derive(Default)]
//! pub struct Merges;
//!
//! impl Processor for Merges {
//!     const OBJECT_TYPES: &'static [&'static str] = &["revision"];
//!
//!     fn process(&mut self, batches: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
//!         batches.each_revision(out, |revision, out| {
//!             let parents = revision.parents()?.collect::<Result<Vec<_>, _>>()?.len();
//!             if parents > 1 {
//!                 out.emit(&Row { merge: revision.id()?, parents })?;
//!             }
//!             Ok(())
//!         })
//!     }
//! }
//!
//! export!(Merges);
//! ```
//!
//! # The guide
//!
//! `docs/writing-a-plugin.md` is a tutorial, and `journal-host new` makes a crate to begin with. The chapters here explain
//! each part:
//!
//! - [Processors][guide::processors]: the order of the calls, state and checkpoints
//! - [Reading][guide::reading]: batches, records, lazy objects, lifetimes
//! - [Objects][guide::objects]: a table of all object types
//! - [Identifiers][guide::identifiers]: [`Id`], [`Swhid`] and its variants, `verify`
//! - [Values][guide::values]: [`Date`], [`Timestamp`], [`Person`], [`Bytes`]
//! - [Writing][guide::writing]: rows, outputs, options
//! - [Aggregates][guide::aggregates]: sums, minima, maxima and latest values by key
//! - [Rejections and failures][guide::failures], and the log
//! - [Tests][guide::testing]: the harness and [`owned`] objects
//! - [Speed][guide::speed]: how to make a processor fast
//! - [Coming from Python][guide::python]: the names of swh.model and their equivalents here

// The derive macros name this crate as plugins do.
extern crate self as journal_plugin_sdk;

mod aggregate;
mod batch;
mod bytes;
mod calendar;
mod columns;
mod date;
mod export;
mod failure;
#[cfg(target_family = "wasm")]
pub mod guest;
#[cfg(any(doc, doctest))]
pub mod guide;
pub mod hash;
mod instance;
pub mod log;
mod model;
pub mod msgpack;
mod options;
mod out;
mod person;
mod plan;
mod processor;
mod swhid;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
mod timestamp;

pub use aggregate::Aggregate;
pub use batch::{Batch, BatchIter, Batches, DecodeError, Record, Records};
pub use bytes::{Bytes, Id, NotAnId};
pub use calendar::{CalendarTime, Weekday};
pub use columns::{ColumnType, ColumnValue, Columns, RowColumn};
pub use date::Date;
#[doc(hidden)]
pub use export::assert_is_processor;
pub use failure::{Failure, RecordError};
pub use model::{
    AuthorityType, Branch, Branches, Content, ContentStatus, Directory, Entries, Entry, EntryType,
    ExtId, ExtraHeaders, FieldError, HashCollidingContent, Metadata, MetadataAuthority,
    MetadataFetcher, Object, ObjectRow, Origin, OriginVisit, OriginVisitStatus, Parents, Raw,
    RawExtrinsicMetadata, Release, Revision, RevisionType, SkippedContent, Snapshot, Target,
    Verification, VisitStatus, WholeObject, owned,
};
pub use out::Out;
pub use person::Person;
pub use plan::{ANY, Column, Persons, Plan};
#[doc(hidden)]
pub use processor::About;
pub use processor::{NoOptions, Options, Processor};
pub use swhid::{
    ExtendedObjectKind, ExtendedSwhid, Fragment, FragmentRange, ObjectKind, QualifiedSwhid, Swhid,
    SwhidError, SwhidProblem,
};
pub use timestamp::{NotATimestamp, Timestamp};
