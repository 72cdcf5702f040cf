//! What a meter is told of calls.

use std::sync::{Arc, Mutex};

use super::guest::{Guest, LIMITS, batches};
use crate::observe::meter::{Meter, Stage};
use crate::sink::{RowError, Sink, SinkError};

/// Emits one empty row, and then works for a while on two more pages.
const EMITS_AND_GROWS: &str = "(local $i i32)
  (i32.store8 (i32.const 4096) (i32.const 0x80))
  (i32.store (i32.const 4100) (i32.const 1))
  (call $emit (i32.const 0) (i32.const 4096) (i32.const 1) (i32.const 4100) (i32.const 1))
  (drop (memory.grow (i32.const 2)))
  (loop $again
    (local.set $i (i32.add (local.get $i) (i32.const 1)))
    (br_if $again (i32.lt_u (local.get $i) (i32.const 1000000))))";

/// A sink that notes at which stage it is called.
struct Probe {
    meter: Meter,
    stages: Arc<Mutex<Vec<Stage>>>,
}

impl Probe {
    fn note(&self) {
        let stage = self.meter.pass_to(Stage::Rest);
        self.meter.pass_to(stage);
        self.stages.lock().unwrap().push(stage);
    }
}

impl Sink for Probe {
    fn emit(&mut self, _: usize, _: &[u8], _: &[u32]) -> Result<(), RowError> {
        self.note();
        Ok(())
    }

    fn check(&mut self, _: usize, _: usize, _: &[u8]) -> Result<(), RowError> {
        Ok(())
    }

    fn emit_merged(&mut self, _: usize, _: &[u8], _: &[u32]) -> Result<(), RowError> {
        Ok(())
    }

    fn keep(&mut self) {
        self.note();
    }

    fn rollback_call(&mut self) {}

    fn discard(&mut self) {}

    fn held_bytes(&self) -> usize {
        0
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        Ok(())
    }
}

#[test]
fn meter_tells_the_guest_from_the_boundary_and_both_from_the_rest() {
    let guest = Guest {
        process: EMITS_AND_GROWS,
        ..Guest::default()
    };
    let (mut processor, _) = guest.started(LIMITS);
    let (meter, stages) = (Meter::new(), Arc::default());
    processor.measure(&meter);
    processor.bind(Box::new(Probe {
        meter: meter.clone(),
        stages: Arc::clone(&stages),
    }));
    let before = processor.memory_bytes();
    processor.process(batches(&[b"v"]).as_slice()).unwrap();
    assert_eq!(*stages.lock().unwrap(), [Stage::Boundary, Stage::Rest]);
    let reading = meter.read();
    assert!(reading.of(Stage::Guest) > 0 && reading.of(Stage::Boundary) > 0);
    assert_eq!(reading.of(Stage::Take) + reading.of(Stage::Emit), 0);
    assert!(processor.memory_bytes() > before);
    assert_eq!(reading.guest_memory_bytes, processor.memory_bytes());
}

#[test]
fn failed_call_leaves_the_meter_at_the_rest() {
    let guest = Guest {
        process: "unreachable",
        ..Guest::default()
    };
    let (mut processor, _) = guest.started(LIMITS);
    let meter = Meter::new();
    processor.measure(&meter);
    processor.process(&[]).unwrap_err();
    assert_eq!(meter.pass_to(Stage::Take), Stage::Rest);
}
