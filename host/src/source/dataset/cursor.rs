//! A position in the files of a main table and of its relations.

use super::error::Error;
use super::file::Rows;
use super::folder::MainFile;
use super::related::{Related, RelatedFile};
use super::row::Row as _;

/// Rows between two positions that are remembered, so that going back is fast.
const MARK_ROWS: u64 = 4096;

/// Where the rows of the relations begin that belong to a row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    row: u64,
    related: Vec<u64>,
}

/// The positions that are remembered of a file, in their order.
#[derive(Clone, Debug, Default)]
pub(super) struct Marks(Vec<Mark>);

/// The files, opened at a row.
pub(super) struct Cursor {
    pub(super) rows: Rows,
    pub(super) related: Vec<Related>,
}

impl Marks {
    /// Remembers a position, if the last one is far enough.
    fn add(&mut self, row: u64, related: impl FnOnce() -> Vec<u64>) {
        let last = self.0.last().map_or(0, |mark| mark.row);
        if row >= last + MARK_ROWS {
            let related = related();
            self.0.push(Mark { row, related });
        }
    }

    /// The last position that is not after a row.
    fn before(&self, row: u64, relations: usize) -> Mark {
        let after = self.0.partition_point(|mark| mark.row <= row);
        let mark = after.checked_sub(1).and_then(|index| self.0.get(index));
        mark.cloned().unwrap_or_else(|| Mark {
            row: 0,
            related: vec![0; relations],
        })
    }
}

impl Cursor {
    /// Opens the files at a row of the main table.
    pub(super) fn open(file: &MainFile, row: u64, marks: &mut Marks) -> Result<Self, Error> {
        let mark = marks.before(row, file.relations.len());
        // Rows that were sorted have the numbers of those that they belong to.
        let is_in_step = file.relations.iter().any(RelatedFile::is_in_step);
        let mark = if mark.row == row || !is_in_step {
            Mark { row, ..mark }
        } else {
            scan(file, &mark, row, marks)?
        };
        let related = file.relations.iter().zip(&mark.related);
        let related = related.map(|(relation, related_row)| relation.open(row, *related_row));
        Ok(Self {
            rows: Rows::open(&file.path, file.table.columns(), row)?,
            related: related.collect::<Result<_, Error>>()?,
        })
    }

    /// Goes on to the next row, after those that belong to the current one were passed over.
    pub(super) fn advance(&mut self, marks: &mut Marks) {
        self.rows.advance();
        for related in &mut self.related {
            related.advance();
        }
        if !self.related.is_empty() {
            let related = &self.related;
            marks.add(self.rows.row(), || {
                related.iter().map(Related::row).collect()
            });
        }
    }
}

/// Finds where the rows of the relations begin that belong to a row. Only identifiers are read.
fn scan(file: &MainFile, from: &Mark, row: u64, marks: &mut Marks) -> Result<Mark, Error> {
    let column = file.table.columns()[0].name;
    let mut rows = Rows::open(&file.path, &file.table.columns()[..1], from.row)?;
    let related = file.relations.iter().zip(&from.related);
    let related = related.map(|(relation, row)| relation.open_ids(*row));
    let mut related = related.collect::<Result<Vec<Option<Related>>, Error>>()?;
    let rows_of = |related: &[Option<Related>]| -> Vec<u64> {
        let row = |one: &Option<Related>| one.as_ref().map_or(0, Related::row);
        related.iter().map(row).collect()
    };
    while rows.row() < row && rows.has_row()? {
        if let Some(Some(id)) = rows.text(column) {
            for one in related.iter_mut().flatten() {
                one.pass(id)?;
            }
        }
        rows.advance();
        marks.add(rows.row(), || rows_of(&related));
    }
    Ok(Mark {
        row,
        related: rows_of(&related),
    })
}
