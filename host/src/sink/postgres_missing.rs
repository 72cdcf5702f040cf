//! What stands for PostgreSQL in a build without it: nothing names a database.

use std::path::PathBuf;

use super::jsonl::OpenError;
use super::tables::Owner;
use super::{PositionKeeper, SinkFactory};
use crate::journal::plan::Output;

/// The memory that the connection of a worker takes, in bytes.
pub(super) const MEMORY: usize = 0;

/// A database: there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sink) struct Url {
    /// The table.
    pub(in crate::sink) table: Option<String>,
    never: Never,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Never {}

/// The error that says what is missing.
pub(super) fn url(_text: &str) -> Result<Url, OpenError> {
    Err(OpenError::NotBuilt {
        kind: "postgres",
        feature: "postgres",
    })
}

impl Url {
    pub(in crate::sink) fn is_same_database(&self, _other: &Self) -> bool {
        match self.never {}
    }
}

impl std::fmt::Display for Url {
    fn fmt(&self, _f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.never {}
    }
}

/// Why a PostgreSQL database takes no rows: there is none.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {}

/// Connects to a database.
pub(super) fn open(
    url: &Url,
    _outputs: &[(&Output, Option<&str>)],
    _owner: Owner,
) -> Result<Box<dyn SinkFactory>, PostgresError> {
    match url.never {}
}

/// Whether a database can be reached.
pub(super) fn check(url: &Url) -> Result<(), PostgresError> {
    match url.never {}
}

/// Whether the tables of a database take rows.
pub(super) fn check_tables(
    url: &Url,
    _outputs: &[(&Output, Option<&str>)],
    _owner: &Owner,
) -> Result<(), PostgresError> {
    match url.never {}
}

/// The positions of a group in a database.
pub(super) fn keeper(url: &Url, _group: &str) -> Result<Box<dyn PositionKeeper>, PostgresError> {
    match url.never {}
}

/// The files that are read to connect to a database.
pub(super) fn files(_url: &Url) -> impl Iterator<Item = PathBuf> {
    std::iter::empty()
}
