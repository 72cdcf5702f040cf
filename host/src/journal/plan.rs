//! What a processor wants to read and what it emits, as its checked answer to `start` says.

use std::sync::Arc;

use journal_aggregate::Shape;
use journal_rows::{RowType, RowTypes, UpsertTypes};

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
    /// Whether names of persons are needed.
    pub persons: Persons,
    /// The outputs, in the order of the indexes that `emit` takes.
    pub outputs: Vec<Output>,
}

/// What a processor does with names of persons.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Persons {
    /// It is of no use without them.
    Required,
    /// It uses them where there are some, or does not say.
    #[default]
    Useful,
    /// It does not use them.
    None,
}

impl Persons {
    /// The word for it in a plan.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Useful => "useful",
            Self::None => "none",
        }
    }
}

/// An output as the plan declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// The name that the processor emits to and that the operator binds to a sink.
    pub name: String,
    /// How its rows are combined.
    pub kind: Kind,
    /// The types of its columns, if the plugin declares them.
    pub row: Option<Arc<RowType>>,
    /// What one row stands for; empty if the plugin does not say so.
    pub summary: String,
}

impl Output {
    /// An append output whose rows may be anything.
    #[must_use]
    pub fn untyped(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            kind: Kind::Append,
            row: None,
            summary: String::new(),
        }
    }

    /// The types of its rows, if the plugin declares them.
    #[must_use]
    pub fn row_types(&self) -> Option<RowTypes> {
        match &self.kind {
            Kind::Upsert(upsert) => Some(RowTypes::Upsert(Arc::clone(&upsert.types))),
            _ => self.row.clone().map(RowTypes::One),
        }
    }
}

/// How rows replace each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upsert {
    /// The columns of the key.
    pub key: Vec<String>,
    /// The column by which the latest of the rows with the same key is found.
    pub order: String,
    /// The types of rows and of removals.
    pub types: Arc<UpsertTypes>,
}

/// How the rows of an output are combined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Every row is written.
    Append,
    /// The text of every row is written as it is.
    Text,
    /// Rows with the same key are merged until the checkpoint.
    Aggregate(Arc<Shape>),
    /// Of the rows with the same values in these columns, one is kept.
    Unique(Arc<[String]>),
    /// Of the rows with the same key, the one with the greatest order is kept.
    Upsert(Arc<Upsert>),
}
