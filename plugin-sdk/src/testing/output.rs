//! The rows of one output, handled in the same way as by the host.

use std::sync::Arc;

use journal_aggregate::{Row, Savepoint, Table};
use journal_rows::RowTypes;
use serde::Deserialize as _;
use serde_json::Value;

use super::error::Error;
use crate::out::OutputPlan;

/// A row.
#[derive(Debug)]
pub(super) struct OutputRow {
    /// As it was emitted.
    pub(super) msgpack: Vec<u8>,
    /// As the host writes it.
    pub(super) json: String,
}

impl OutputRow {
    /// Its JSON for comparisons. Where a key comes twice, the last value counts.
    pub(super) fn value(&self) -> Value {
        let mut deserializer = serde_json::Deserializer::from_str(&self.json);
        // The crate's own limit is a level below that of rows, which is checked when they are emitted.
        deserializer.disable_recursion_limit();
        let value = Value::deserialize(&mut deserializer);
        value.unwrap_or_else(|error| panic!("{} is not JSON: {error}", self.json))
    }
}

/// The rows of one output.
#[derive(Debug)]
pub(super) struct OutputRows {
    pub(super) name: String,
    pub(super) rows: Vec<OutputRow>,
    /// The rows of an aggregate output that are merged until the checkpoint.
    merging: Option<(Table, Row)>,
    /// The types of the rows, if they have some.
    types: Option<RowTypes>,
    /// The number of rows and the merged rows at the savepoint.
    savepoint: (usize, Savepoint),
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
            types: output.types,
            savepoint: (0, Savepoint::default()),
        }
    }

    /// Remembers the rows.
    pub(super) fn savepoint(&mut self) {
        let merged = self.merging.as_mut().map(|(table, _)| table.savepoint());
        self.savepoint = (self.rows.len(), merged.unwrap_or_default());
    }

    /// Drops the rows since the savepoint.
    pub(super) fn rollback(&mut self) {
        let (rows, merged) = self.savepoint;
        self.rows.truncate(rows);
        if let Some((table, _)) = &mut self.merging {
            table.rollback_to(merged);
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
        let json = self.json(row)?;
        match &mut self.merging {
            None => self.rows.push(OutputRow {
                msgpack: row.to_owned(),
                json,
            }),
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
            let json = self.json(row)?;
            self.rows.push(OutputRow {
                msgpack: std::mem::take(row),
                json,
            });
            Ok(())
        })?;
        table.clear();
        self.merging = Some((table, next));
        Ok(())
    }

    /// What the host writes, without the end of the line.
    fn json(&self, row: &[u8]) -> Result<String, Error> {
        let mut json = Vec::new();
        let written = match &self.types {
            Some(types) => types.append_json(row, &mut json, usize::MAX),
            None => journal_rows::append_json(row, &mut json, usize::MAX),
        };
        written.map_err(|error| self.bad_row(error.to_string()))?;
        String::from_utf8(json).map_err(|error| self.bad_row(error.to_string()))
    }

    fn bad_row(&self, reason: String) -> Error {
        Error::Row {
            output: self.name.clone(),
            reason,
        }
    }
}
