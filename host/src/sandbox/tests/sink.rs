//! A sink that remembers what was done to it.

use std::sync::{Arc, Mutex};

use crate::sink::{RowError, Sink, SinkError};

/// What happened to a sink, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Emitted(usize, Vec<u8>, Vec<u32>),
    Kept,
    TakenBack,
}

/// Refuses rows that begin with 0xc1, which msgpack does not use.
#[derive(Clone, Default)]
pub(super) struct Recorder(Arc<Mutex<Vec<Step>>>);

impl Recorder {
    pub(super) fn steps(&self) -> Vec<Step> {
        self.0.lock().unwrap().clone()
    }

    fn note(&self, step: Step) {
        self.0.lock().unwrap().push(step);
    }
}

impl Sink for Recorder {
    fn emit(&mut self, output: usize, rows: &[u8], row_ends: &[u32]) -> Result<(), RowError> {
        if rows.first() == Some(&0xc1) {
            return Err(RowError::BadRow {
                output: "rows".to_owned(),
                row: 0,
                reason: "is not msgpack".to_owned(),
            });
        }
        self.note(Step::Emitted(output, rows.to_vec(), row_ends.to_vec()));
        Ok(())
    }

    fn check(&mut self, _: usize, _: usize, _: &[u8]) -> Result<(), RowError> {
        Ok(())
    }

    fn emit_merged(&mut self, output: usize, rows: &[u8], ends: &[u32]) -> Result<(), RowError> {
        self.emit(output, rows, ends)
    }

    fn keep(&mut self) {
        self.note(Step::Kept);
    }

    fn rollback_call(&mut self) {
        self.note(Step::TakenBack);
    }

    fn discard(&mut self) {}

    fn held_bytes(&self) -> usize {
        0
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        Ok(())
    }
}

/// A sink that takes everything and keeps nothing.
pub(super) struct Forgetful;

impl Sink for Forgetful {
    fn emit(&mut self, _: usize, rows: &[u8], _: &[u32]) -> Result<(), RowError> {
        assert_eq!(rows.len(), 4);
        Ok(())
    }
    fn check(&mut self, _: usize, _: usize, _: &[u8]) -> Result<(), RowError> {
        Ok(())
    }

    fn emit_merged(&mut self, output: usize, rows: &[u8], ends: &[u32]) -> Result<(), RowError> {
        self.emit(output, rows, ends)
    }
    fn keep(&mut self) {}
    fn rollback_call(&mut self) {}
    fn discard(&mut self) {}
    fn held_bytes(&self) -> usize {
        0
    }
    fn flush(&mut self) -> Result<(), SinkError> {
        Ok(())
    }
}
