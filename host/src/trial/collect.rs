//! A sink that keeps all rows of a run in memory, as lines of JSON.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use journal_aggregate::{Row, Table};
use journal_msgpack::Cursor;
use journal_rows::{ErrorKind, append_json};

use crate::journal::plan::{Kind, Output, Plan};
use crate::sink::{Checkpoint, Committed, EncodeError, Encoder, Sink, SinkError, SinkFactory};

/// The rows of each output, by its name. The rows of an aggregate are merged across all checkpoints.
pub(super) type Collected = BTreeMap<String, Vec<String>>;

/// Collects the rows of a run.
#[derive(Clone)]
pub(super) struct Collector {
    names: Arc<[String]>,
    outputs: Arc<Mutex<Vec<Rows>>>,
}

/// The rows of an output.
enum Rows {
    /// Lines, end to end.
    Lines(String),
    Merged {
        table: Box<Table>,
        row: Box<Row>,
    },
}

/// Why rows cannot be collected.
#[derive(Debug, thiserror::Error)]
#[error("the merged rows of `{output}` cannot be written: {reason}")]
pub(crate) struct Unmerged {
    output: String,
    reason: String,
}

impl Collector {
    /// For the outputs of a plan.
    pub(super) fn new(outputs: &[Output]) -> Self {
        let rows = outputs.iter().map(|output| match &output.kind {
            Kind::Append | Kind::Text | Kind::Unique(_) | Kind::Upsert(_) => {
                Rows::Lines(String::new())
            }
            Kind::Aggregate(shape) => Rows::Merged {
                table: Box::new(Table::new(Arc::clone(shape))),
                row: Box::new(Row::new(Arc::clone(shape))),
            },
        });
        Self {
            names: outputs.iter().map(|output| output.name.clone()).collect(),
            outputs: Arc::new(Mutex::new(rows.collect())),
        }
    }

    /// All rows.
    ///
    /// # Errors
    /// When a merged row is no JSON.
    pub(super) fn rows(&self, outputs: &[Output]) -> Result<Collected, Unmerged> {
        let rows = self.outputs.lock().unwrap_or_else(PoisonError::into_inner);
        let named = outputs.iter().zip(rows.iter());
        named
            .map(|(output, rows)| {
                let lines = match rows {
                    Rows::Lines(lines) => Ok(lines.lines().map(str::to_owned).collect()),
                    Rows::Merged { table, .. } => merged_lines(table),
                };
                let lines = lines.map_err(|reason| Unmerged {
                    output: output.name.clone(),
                    reason,
                })?;
                Ok((output.name.clone(), lines))
            })
            .collect()
    }

    fn take(&self, checkpoint: &Checkpoint<'_>) -> Result<(), Unmerged> {
        let mut rows = self.outputs.lock().unwrap_or_else(PoisonError::into_inner);
        for (index, (rows, stream)) in rows.iter_mut().zip(checkpoint.rows).enumerate() {
            let taken = match rows {
                Rows::Lines(lines) => {
                    lines.push_str(&String::from_utf8_lossy(stream.bytes()));
                    Ok(())
                }
                Rows::Merged { table, row } => merge(stream.bytes(), table, row),
            };
            taken.map_err(|reason| Unmerged {
                output: self.names[index].clone(),
                reason,
            })?;
        }
        Ok(())
    }
}

/// Merges rows of msgpack, which lie end to end.
fn merge(rows: &[u8], table: &mut Table, row: &mut Row) -> Result<(), String> {
    let mut cursor = Cursor::new(rows);
    while !cursor.at_end() {
        let msgpack = cursor
            .value()
            .map_err(|_| "they are cut short".to_owned())?;
        let merged = row.read(msgpack).and_then(|()| table.merge(row));
        merged.map_err(|fault| fault.to_string())?;
    }
    Ok(())
}

fn merged_lines(table: &Table) -> Result<Vec<String>, String> {
    let (mut lines, mut row) = (Vec::new(), Vec::new());
    table.write(&mut row, |row| {
        let mut json = Vec::new();
        append_json(row, &mut json, usize::MAX).map_err(|error| error.to_string())?;
        row.clear();
        lines.push(String::from_utf8_lossy(&json).into_owned());
        Ok::<_, String>(())
    })?;
    Ok(lines)
}

impl SinkFactory for Collector {
    fn prepare(&self, _plan: &Plan) -> Result<(), SinkError> {
        Ok(())
    }

    fn encoder(&self, output: &Output) -> Box<dyn Encoder> {
        Box::new(RowEncoder {
            is_merged: matches!(output.kind, Kind::Aggregate(_)),
        })
    }

    fn stream(&self, output: &Output) -> usize {
        let mut names = self.names.iter();
        names
            .position(|name| *name == output.name)
            .unwrap_or_default()
    }

    fn sink(&self, _worker: usize) -> Result<Box<dyn Sink>, SinkError> {
        Ok(Box::new(self.clone()))
    }
}

impl Sink for Collector {
    fn commit(&mut self, checkpoint: &Checkpoint<'_>) -> Result<Committed, SinkError> {
        self.take(checkpoint).map_err(|error| SinkError::Write {
            destination: "memory".to_owned(),
            source: io::Error::other(error),
        })?;
        Ok(Committed::Done)
    }
}

/// Rows of an aggregate stay msgpack, to be merged with those of other checkpoints; the others become lines.
struct RowEncoder {
    is_merged: bool,
}

impl Encoder for RowEncoder {
    fn encode(
        &mut self,
        row: &[u8],
        encoded: &mut Vec<u8>,
        limit: usize,
    ) -> Result<(), EncodeError> {
        let start = encoded.len();
        append_json(row, encoded, limit).map_err(|error| match error.kind() {
            ErrorKind::TooLong => EncodeError::TooLong,
            _ => EncodeError::BadRow(error.to_string()),
        })?;
        if self.is_merged {
            encoded.truncate(start);
            encoded.extend_from_slice(row);
        } else {
            encoded.push(b'\n');
        }
        Ok(())
    }
}
