//! The rows of one output, handled in the same way as by the host.

use std::sync::Arc;

use journal_aggregate::{Row, Table};
use serde_json::Value;

use super::error::Error;
use super::json;
use crate::out::OutputPlan;

/// The rows of one output.
#[derive(Debug)]
pub(super) struct OutputRows {
    pub(super) name: String,
    /// Each row in msgpack and in JSON.
    pub(super) rows: Vec<(Vec<u8>, Value)>,
    /// The rows of an aggregate output that are merged until the checkpoint.
    merging: Option<(Table, Row)>,
}

impl OutputRows {
    pub(super) fn new(output: OutputPlan) -> Self {
        let merging = output.shape.map(|shape| {
            let shape = Arc::new(shape);
            (Table::new(Arc::clone(&shape)), Row::new(shape))
        });
        Self {
            name: output.name,
            rows: Vec::new(),
            merging,
        }
    }

    /// Adds rows in the form in which they cross to the host.
    pub(super) fn take(&mut self, rows: &[u8], ends: &[u32]) -> Result<(), Error> {
        let mut start = 0;
        for &end in ends {
            let end = end as usize;
            self.take_row(&rows[start..end])?;
            start = end;
        }
        Ok(())
    }

    fn take_row(&mut self, row: &[u8]) -> Result<(), Error> {
        let value = json::row(row).map_err(|reason| self.bad_row(reason))?;
        match &mut self.merging {
            None => self.rows.push((row.to_owned(), value)),
            Some((table, next)) => {
                let merged = next.read(row).and_then(|()| table.merge(next));
                merged.map_err(|fault| self.bad_row(fault.to_string()))?;
            }
        }
        Ok(())
    }

    /// Turns the merged rows into rows of the result, at a checkpoint.
    pub(super) fn end_interval(&mut self) -> Result<(), Error> {
        let Some((mut table, next)) = self.merging.take() else {
            return Ok(());
        };
        let mut row = Vec::new();
        table.write(&mut row, |row| {
            let value = json::row(row).map_err(|reason| self.bad_row(reason))?;
            self.rows.push((std::mem::take(row), value));
            Ok(())
        })?;
        table.clear();
        self.merging = Some((table, next));
        Ok(())
    }

    fn bad_row(&self, reason: String) -> Error {
        Error::Row {
            output: self.name.clone(),
            reason,
        }
    }
}
