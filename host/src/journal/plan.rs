//! What a processor wants to read and what it emits, as its checked answer to `start` says.

use std::sync::Arc;

use journal_aggregate::Shape;

use super::batch::Columns;
use super::topics::ObjectTypes;

/// The plan of one processor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The object types to read.
    pub object_types: ObjectTypes,
    /// The columns that cross into the guest.
    pub columns: Columns,
    /// Whether tombstones are wanted.
    pub tombstones: bool,
    /// The outputs, in the order of the indexes that `emit` takes.
    pub outputs: Vec<Output>,
}

/// An output as the plan declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// The name that the processor emits to and that the operator binds to a sink.
    pub name: String,
    /// How its rows are combined.
    pub kind: Kind,
}

/// How the rows of an output are combined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Every row is written.
    Append,
    /// Rows with the same key are merged until the checkpoint.
    Aggregate(Arc<Shape>),
}
