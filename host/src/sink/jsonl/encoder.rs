//! Encodes a row as a line.

use journal_rows::{RowTypes, append_json};

use crate::sink::{EncodeError, Encoder};

/// Encodes the rows of one output as lines of JSON.
pub(super) struct LineEncoder {
    /// The beginning of each line.
    before: Vec<u8>,
    /// The end of each line.
    after: &'static [u8],
    /// The types of the columns, if they have some.
    row: Option<RowTypes>,
}

impl LineEncoder {
    /// `name` is the output's name if lines have to name their output because other outputs share the destination.
    pub(super) fn new(name: Option<&String>, row: Option<RowTypes>) -> Self {
        let Some(name) = name else {
            return Self {
                before: Vec::new(),
                after: b"\n",
                row,
            };
        };
        let quoted = serde_json::Value::from(name.as_str());
        Self {
            row,
            before: format!("{{\"output\":{quoted},\"row\":").into_bytes(),
            after: b"}\n",
        }
    }
}

impl Encoder for LineEncoder {
    fn encode(
        &mut self,
        row: &[u8],
        encoded: &mut Vec<u8>,
        limit: usize,
    ) -> Result<(), EncodeError> {
        encoded.extend_from_slice(&self.before);
        match &self.row {
            Some(types) => types.append_json(row, encoded, limit)?,
            None => append_json(row, encoded, limit)?,
        }
        encoded.extend_from_slice(self.after);
        Ok(())
    }
}
