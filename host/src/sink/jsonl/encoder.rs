//! Encodes a row as a line.

use journal_rows::{ErrorKind, append_json};

use crate::sink::{EncodeError, Encoder};

/// Encodes the rows of one output as lines of JSON.
pub(super) struct LineEncoder {
    /// The beginning of each line.
    before: Vec<u8>,
    /// The end of each line.
    after: &'static [u8],
}

impl LineEncoder {
    /// `name` is the output's name if lines have to name their output because other outputs share the destination.
    pub(super) fn new(name: Option<&String>) -> Self {
        let Some(name) = name else {
            return Self {
                before: Vec::new(),
                after: b"\n",
            };
        };
        let quoted = serde_json::Value::from(name.as_str());
        Self {
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
        append_json(row, encoded, limit).map_err(|error| match error.kind() {
            ErrorKind::TooLong => EncodeError::TooLong,
            _ => EncodeError::BadRow(error.to_string()),
        })?;
        encoded.extend_from_slice(self.after);
        Ok(())
    }
}
