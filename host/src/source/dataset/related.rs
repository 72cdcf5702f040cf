//! The rows of relations, which belong to those of their main table.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::Error;
use super::file::Rows;
use super::row::Row;
use super::sort::{Kept, Reader};
use super::table::{Column, Main, Relation};

/// Where the rows of a relation are that belong to a file of the main table.
#[derive(Clone, Debug)]
pub(super) enum RelatedFile {
    /// In a file of which the rows follow those of the main table's file.
    InStep(Relation, PathBuf),
    /// In a file with those of all files of the main table.
    Sorted {
        kept: Arc<Kept>,
        /// The number of the first row of the main table's file, among the rows of all.
        first_row: u64,
    },
}

/// A file of a relation that is read.
pub(super) enum Related {
    InStep {
        relation: Relation,
        rows: Box<Rows>,
    },
    Sorted {
        relation: Relation,
        reader: Box<Reader>,
        /// The row of the main table, among the rows of all its files.
        row: u64,
    },
}

/// What belongs to a row of the main table.
pub(super) trait RelatedRows {
    /// Goes over the rows that belong to the one with this identifier. False where the relation is not read.
    fn each(
        &mut self,
        relation: Relation,
        id: &str,
        take: impl FnMut(&dyn Row) -> Result<(), Error>,
    ) -> Result<bool, Error>;

    /// Whether the rows of a relation come in an order that is not that of the export.
    fn is_reordered(&self, relation: Relation) -> bool;
}

impl RelatedRows for [Related] {
    fn each(
        &mut self,
        relation: Relation,
        id: &str,
        mut take: impl FnMut(&dyn Row) -> Result<(), Error>,
    ) -> Result<bool, Error> {
        let mut all = self.iter_mut();
        match all.find(|one| one.relation() == relation) {
            None => return Ok(false),
            Some(Related::InStep { relation, rows }) => {
                while belongs_to(rows, *relation, id)? {
                    take(&**rows)?;
                    rows.advance();
                }
            }
            Some(Related::Sorted { reader, row, .. }) => {
                while let Some(found) = reader.next_of(*row)? {
                    if !found.belongs_to(id) {
                        return Err(found.of_others());
                    }
                    take(&found)?;
                }
            }
        }
        Ok(true)
    }

    fn is_reordered(&self, relation: Relation) -> bool {
        let mut all = self.iter();
        all.any(
            |one| matches!(one, Related::Sorted { relation: sorted, .. } if *sorted == relation),
        )
    }
}

impl RelatedFile {
    /// Opens it: `main_row` is the row of the main table's file, and `row` that of the relation's file if it is in step.
    pub(super) fn open(&self, main_row: u64, row: u64) -> Result<Related, Error> {
        match self {
            Self::InStep(relation, path) => {
                Related::in_step(*relation, path, relation.columns(), row)
            }
            Self::Sorted { kept, first_row } => Ok(Related::Sorted {
                relation: kept.relation(),
                reader: Box::new(Reader::open(kept, first_row + main_row)?),
                row: first_row + main_row,
            }),
        }
    }

    /// The same for passing over rows: nothing but what they belong to is read. None for one whose rows have numbers.
    pub(super) fn open_ids(&self, row: u64) -> Result<Option<Related>, Error> {
        match self {
            Self::InStep(relation, path) => {
                Related::in_step(*relation, path, &relation.columns()[..1], row).map(Some)
            }
            Self::Sorted { .. } => Ok(None),
        }
    }

    /// Whether its rows are those of a file that is in step.
    pub(super) fn is_in_step(&self) -> bool {
        matches!(self, Self::InStep(..))
    }
}

impl Related {
    fn in_step(
        relation: Relation,
        path: &Path,
        columns: &'static [Column],
        row: u64,
    ) -> Result<Self, Error> {
        let rows = Box::new(Rows::open(path, columns, row)?);
        Ok(Self::InStep { relation, rows })
    }

    fn relation(&self) -> Relation {
        match self {
            Self::InStep { relation, .. } | Self::Sorted { relation, .. } => *relation,
        }
    }

    /// The number of the next row in a file that is in step.
    pub(super) fn row(&self) -> u64 {
        match self {
            Self::InStep { rows, .. } => rows.row(),
            Self::Sorted { .. } => 0,
        }
    }

    /// The main table goes on to its next row, after the rows that belong to the current one were read.
    pub(super) fn advance(&mut self) {
        if let Self::Sorted { row, .. } = self {
            *row += 1;
        }
    }

    /// Passes over the rows that belong to the one with this identifier.
    pub(super) fn pass(&mut self, id: &str) -> Result<(), Error> {
        if let Self::InStep { relation, rows } = self {
            while belongs_to(rows, *relation, id)? {
                rows.advance();
            }
        }
        Ok(())
    }

    /// Refuses a file with rows that belong to no row of the main table, which has none left.
    pub(super) fn check_end(&mut self, main: Main) -> Result<(), Error> {
        if let Self::InStep { rows, .. } = self
            && rows.has_row()?
        {
            return Err(Error::Unmatched {
                file: rows.path().to_owned(),
                main: main.name(),
                row: rows.row(),
            });
        }
        Ok(())
    }
}

fn belongs_to(rows: &mut Rows, relation: Relation, id: &str) -> Result<bool, Error> {
    if !rows.has_row()? {
        return Ok(false);
    }
    let column = relation.columns()[0].name;
    Ok(rows.text(column) == Some(Some(id)))
}
