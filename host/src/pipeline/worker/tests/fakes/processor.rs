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
        let fault = {
            let state = self.world.state();
            let given = &state.given;
            let is_poison = |&(name, offset): &(&str, u64)| {
                let number = super::partition(name).number;
                let mut records = batches
                    .iter()
                    .flat_map(|batch| batch.partitions.iter().zip(&batch.offsets));
                records.any(|record| record == (&number, &offset))
            };
            if given.retried_calls.contains(&state.calls) {
                Some(CallError::Retry {
                    text: "again".to_owned(),
                })
            } else if given.failing_calls.contains(&state.calls)
                || given.poison.iter().any(is_poison)
            {
                Some(CallError::Trapped {
                    reason: "poison".to_owned(),
                    function: None,
                })
            } else {
                None
            }
        };
        if let Some(error) = fault {
            let offsets = batches.iter().flat_map(|batch| &batch.offsets);
            let (first, last) = (offsets.clone().next().unwrap(), offsets.last().unwrap());
            self.world.note(format!("fails {first}..={last}"));
            return Err(error);
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
        {
            let mut state = self.world.state();
            state.checkpoints += 1;
            if state.given.failing_checkpoints.contains(&state.checkpoints) {
                state.log.push("checkpoint fails".to_owned());
                return Err(CallError::Misbehaved {
                    what: "failed".to_owned(),
                });
            }
        }
        self.world.note("checkpoint".to_owned());
        self.rows.seal().map_err(CallError::MergedRow)
    }

    fn rows(&mut self) -> &mut HeldRows {
        &mut self.rows
    }

    fn share_deadline(&mut self, _part: usize, _records: usize) {}

    fn restart(&mut self) -> Result<(), WorkerError> {
        self.world.note("restart".to_owned());
        self.rows.clear();
        Ok(())
    }
}
