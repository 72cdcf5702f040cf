//! What stands for Parquet in a build without it: nothing names a folder.

use std::sync::Arc;
use std::time::Duration;

use super::files::Files;
use super::jsonl::{OpenError, State};
use super::tables::Owner;
use super::{PositionKeeper, SinkFactory};
use crate::journal::plan::Output;

/// The memory that a worker takes, in bytes.
pub(super) const MEMORY: usize = 0;
/// Held rows that make a checkpoint due, in bytes.
pub(super) const HELD: usize = 0;
/// The longest time between two checkpoints.
pub(super) const INTERVAL: Duration = Duration::ZERO;

/// A table of a folder: there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sink) struct Location {
    /// The folder.
    pub(in crate::sink) folder: String,
    /// The table.
    pub(in crate::sink) table: Option<String>,
    never: Never,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Never {}

/// The error that says what is missing.
pub(super) fn location(_binding: &str, _text: &str) -> Result<Location, OpenError> {
    Err(OpenError::NotBuilt {
        kind: "parquet",
        feature: "parquet",
    })
}

impl std::fmt::Display for Location {
    fn fmt(&self, _f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.never {}
    }
}

/// Why a folder takes no rows: there is none.
#[derive(Debug, thiserror::Error)]
pub enum ParquetError {}

impl From<ParquetError> for super::SinkError {
    fn from(error: ParquetError) -> Self {
        match error {}
    }
}

/// Opens a folder.
pub(super) fn open(
    _files: &Arc<dyn Files>,
    location: &Location,
    _outputs: &[(&Output, Option<&str>)],
    _owner: Owner,
) -> Result<Box<dyn SinkFactory>, ParquetError> {
    match location.never {}
}

/// What a run would do with a folder.
pub(super) fn state(location: &Location) -> Result<State, OpenError> {
    match location.never {}
}

/// Whether a folder has files of rows.
pub(super) fn has_rows(location: &Location) -> bool {
    match location.never {}
}

/// Whether the tables of a folder take rows.
pub(super) fn check_tables(
    location: &Location,
    _outputs: &[(&Output, Option<&str>)],
    _owner: &Owner,
) -> Result<(), ParquetError> {
    match location.never {}
}

/// The positions of a group in a folder.
pub(super) fn keeper(location: &Location, _group: &str) -> Box<dyn PositionKeeper> {
    match location.never {}
}
