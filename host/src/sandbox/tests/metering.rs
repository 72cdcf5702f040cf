//! What a meter measures of calls.

use super::guest::{Guest, LIMITS, batches};
use super::rows;
use crate::observe::meter::{Meter, Stage};

/// Emits one empty row, and then works for a while on two more pages.
const EMITS_AND_GROWS: &str = "(local $i i32)
  (i32.store8 (i32.const 4096) (i32.const 0x80))
  (i32.store (i32.const 4100) (i32.const 1))
  (call $emit (i32.const 0) (i32.const 4096) (i32.const 1) (i32.const 4100) (i32.const 1))
  (drop (memory.grow (i32.const 2)))
  (loop $again
    (local.set $i (i32.add (local.get $i) (i32.const 1)))
    (br_if $again (i32.lt_u (local.get $i) (i32.const 1000000))))";

#[test]
fn meter_separates_the_guest_the_boundary_emitting_and_the_rest() {
    let guest = Guest {
        process: EMITS_AND_GROWS,
        ..Guest::default()
    };
    let mut processor = rows::recorded(&guest);
    let meter = Meter::new();
    processor.measure(&meter);
    let before = processor.memory_bytes();
    processor.process(batches(&[b"v"]).as_slice()).unwrap();
    assert_eq!(meter.pass_to(Stage::Rest), Stage::Rest);
    let reading = meter.read();
    for stage in [Stage::Guest, Stage::Boundary, Stage::Emit, Stage::Sink] {
        assert!(reading.of(stage) > 0, "{stage:?}");
    }
    assert_eq!(reading.of(Stage::Take), 0);
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
