//! The rows of relations, which follow those of their main table.

use std::path::Path;

use super::error::Error;
use super::file::Rows;
use super::table::{Main, Relation};

/// A file of a relation.
pub(super) struct Related {
    relation: Relation,
    rows: Rows,
}

/// What belongs to a row of the main table.
pub(super) trait RelatedRows {
    /// Goes over the rows that belong to the one with this identifier. False where the relation is not read.
    fn each(
        &mut self,
        relation: Relation,
        id: &str,
        take: impl FnMut(&Rows) -> Result<(), Error>,
    ) -> Result<bool, Error>;
}

impl RelatedRows for [Related] {
    fn each(
        &mut self,
        relation: Relation,
        id: &str,
        mut take: impl FnMut(&Rows) -> Result<(), Error>,
    ) -> Result<bool, Error> {
        let Some(related) = self.iter_mut().find(|one| one.relation == relation) else {
            return Ok(false);
        };
        while related.belongs_to(id)? {
            take(&related.rows)?;
            related.rows.advance();
        }
        Ok(true)
    }
}

impl Related {
    /// Opens the file at a row.
    pub(super) fn open(relation: Relation, path: &Path, row: u64) -> Result<Self, Error> {
        let rows = Rows::open(path, relation.columns(), row)?;
        Ok(Self { relation, rows })
    }

    /// The same for passing over rows: nothing but what they belong to is read.
    pub(super) fn open_ids(relation: Relation, path: &Path, row: u64) -> Result<Self, Error> {
        let rows = Rows::open(path, &relation.columns()[..1], row)?;
        Ok(Self { relation, rows })
    }

    /// The number of the next row.
    pub(super) fn row(&self) -> u64 {
        self.rows.row()
    }

    /// Passes over the rows that belong to the one with this identifier.
    pub(super) fn pass(&mut self, id: &str) -> Result<(), Error> {
        while self.belongs_to(id)? {
            self.rows.advance();
        }
        Ok(())
    }

    fn belongs_to(&mut self, id: &str) -> Result<bool, Error> {
        if !self.rows.has_row()? {
            return Ok(false);
        }
        let column = self.relation.columns()[0].name;
        Ok(self.rows.text(column) == Some(Some(id)))
    }

    /// Refuses a file with rows that belong to no row of the main table, which has none left.
    pub(super) fn check_end(&mut self, main: Main) -> Result<(), Error> {
        if !self.rows.has_row()? {
            return Ok(());
        }
        Err(Error::Unmatched {
            file: self.rows.path().to_owned(),
            main: main.name(),
            row: self.rows.row(),
        })
    }
}
