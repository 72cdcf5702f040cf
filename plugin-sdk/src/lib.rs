//! Write processors for the Software Heritage journal.
//!
//! A processor gets batches of the journal's records, computes, and emits rows. `journal-host` does
//! all that touches the world: it reads Kafka or a recording, writes the rows and commits the offsets.
//!
//! The smallest plugin is a struct that implements [`Processor`] and one line with [`export!`]; the
//! folder `plugins/template` is such a crate, to be copied. `build-plugin` makes a `.wasm` of it.
//!
//! - **Reading**: [`Batches::each`] goes through the records; [`Record::decode`] makes any `serde` type of a
//!   value, borrowed from the batch. `?` inside refuses that record alone.
//! - **Writing**: [`Out::emit`] takes any row that serializes to a map.
//! - **Values**: [`Id`] and [`Bytes`] are bytes in rows, [`Timestamp`] is a time; [`Date`] and [`Person`] are what
//!   revisions and releases hold, [`Swhid`] and its like identify objects in text.
//! - **Aggregates**: [`Out::merge`] merges rows by their key, as the plan's [`Aggregate`] says: sums, smallest and
//!   largest values, of which the host writes one row a key.
//! - **Options**: a struct of the author's own, see [`Options`].
//! - **Log**: [`error!`], [`warn!`], [`info!`] and [`debug!`] write to the operator's log.
//! - **Tests**: the module `testing` runs a processor natively, without WebAssembly and without the host.

mod aggregate;
mod batch;
mod bytes;
mod calendar;
mod date;
mod export;
mod failure;
#[cfg(target_family = "wasm")]
pub mod guest;
pub mod hash;
mod instance;
pub mod log;
mod model;
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
pub use date::Date;
#[doc(hidden)]
pub use export::assert_is_processor;
pub use failure::{Failure, RecordError};
pub use model::{
    AuthorityType, Branch, Branches, Content, ContentStatus, Directory, Entries, Entry, EntryType,
    ExtId, ExtraHeaders, FieldError, HashCollidingContent, Metadata, MetadataAuthority,
    MetadataFetcher, Object, Origin, OriginVisit, OriginVisitStatus, Parents, Raw,
    RawExtrinsicMetadata, Release, Revision, RevisionType, SkippedContent, Snapshot, Target,
    Verification, VisitStatus, owned,
};
pub use out::Out;
pub use person::Person;
pub use plan::{ANY, Column, Plan};
#[doc(hidden)]
pub use processor::About;
pub use processor::{NoOptions, Options, Processor};
pub use swhid::{
    ExtendedObjectKind, ExtendedSwhid, Fragment, FragmentRange, ObjectKind, QualifiedSwhid, Swhid,
    SwhidError, SwhidProblem,
};
pub use timestamp::Timestamp;
