//! A processor that emits a row for each record.

use super::World;
use crate::journal::batch::Batch;
use crate::pipeline::Process;
use crate::pipeline::worker::WorkerError;
use crate::sandbox::{CallError, Rejection};
use crate::sink::testing::{Memory, outputs};
use crate::sink::{BoundOutput, HeldRows, RowLimits, SinkFactory};

/// Emits a row for each record.
pub(super) struct FakeProcessor {
    world: World,
    rows: HeldRows,
}

impl FakeProcessor {
    pub(super) fn new(world: World) -> Self {
        let memory = Memory::default();
        let outputs = outputs(&["rows"]);
        let bound = outputs.iter().map(|output| BoundOutput {
            output,
            sink: 0,
            stream: 0,
            encoder: memory.encoder(output),
        });
        let limits = RowLimits {
            call_bytes: usize::MAX,
            most_bytes: None,
        };
        Self {
            world,
            rows: HeldRows::new(bound.collect(), limits),
        }
    }
}

impl Process for FakeProcessor {
    fn process(&mut self, batches: &[Batch]) -> Result<Vec<Rejection>, CallError> {
        {
            let mut state = self.world.state();
            state.calls += 1;
            if Some(state.calls) == state.given.fails_at_call {
                if state.given.is_interrupted {
                    self.world.stop.request();
                    return Err(CallError::Interrupted);
                }
                return Err(CallError::Misbehaved {
                    what: "failed".to_owned(),
                });
            }
        }
        let records: usize = batches.iter().map(Batch::records).sum();
        for _ in 0..records {
            self.rows.emit(0, b"\x80", &[1]).unwrap();
        }
        self.rows.end_call();
        self.world.note(format!("process {records}"));
        Ok(Vec::new())
    }

    fn checkpoint(&mut self) -> Result<(), CallError> {
        self.world.note("checkpoint".to_owned());
        self.rows.seal().map_err(CallError::MergedRow)
    }

    fn rows(&mut self) -> &mut HeldRows {
        &mut self.rows
    }

    fn restart(&mut self) -> Result<(), WorkerError> {
        self.world.note("restart".to_owned());
        self.rows.clear();
        Ok(())
    }
}
