//! The workload in the sandbox of the host, which includes the cost of the calls and of the copy.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use guest_reader::{Checksum, Work};
use journal_benches::measure::thread_cpu_time;
use journal_host::journal::plan::Output;
use journal_host::sandbox::{Compiler, Engine, Limits, Plugin, Processor};
use journal_host::sink::{BoundOutput, EncodeError, Encoder, HeldRows, RowLimits};
use journal_tests::paths;
use serde::Deserialize;

use crate::Calls;
use crate::report::per_record;

const LIMITS: Limits = Limits {
    deadline: Duration::from_mins(1),
    wall: Duration::from_mins(4),
    memory_bytes: 512 << 20,
    emit_bytes: 512 << 20,
};

/// A processor of the guest `reader` with one workload.
pub(crate) struct Sandboxed {
    work: Work,
    processor: Processor,
    emitted: Arc<Mutex<Vec<u8>>>,
}

/// One measurement.
pub(crate) struct Measured {
    pub(crate) work: Work,
    /// The calls of `process`, the copy into the sandbox included.
    pub(crate) calling: Duration,
    /// The checksum of everything that was read.
    pub(crate) sum: Checksum,
}

impl Measured {
    /// The time per record.
    pub(crate) fn per_record(&self, records: usize) -> f64 {
        per_record(self.calling, records)
    }
}

#[derive(Deserialize)]
struct Row {
    checksum: u64,
    records: u64,
}

impl Sandboxed {
    pub(crate) fn start(work: Work) -> Self {
        let engine = Engine::new(Compiler::Here).expect("the system runs WebAssembly");
        let plugin = Plugin::load(&engine, &paths::plugin("guest-reader"), LIMITS)
            .expect("the guest is a plugin");
        let options = serde_json::json!({ "work": work }).to_string();
        let (mut processor, _) =
            Processor::start(&plugin, &options, LIMITS).expect("the guest starts");
        let emitted = Arc::default();
        processor.bind(LastRow(Arc::clone(&emitted)).rows());
        Self {
            work,
            processor,
            emitted,
        }
    }

    pub(crate) fn work(&self) -> Work {
        self.work
    }

    /// Does the work for all records, `passes` times.
    pub(crate) fn measure(&mut self, calls: &Calls, passes: usize) -> Measured {
        let (calling, ()) = thread_cpu_time(|| {
            for call in (0..passes).flat_map(|_| &calls.calls) {
                let rejections = self.processor.process(call.as_slice());
                let rejections = rejections.expect("the guest works");
                assert!(rejections.is_empty(), "all can be read: {rejections:?}");
            }
        });
        self.processor.checkpoint().expect("the guest works");
        let emitted = self.emitted.lock().expect("no other thread is here");
        let row: Row = rmp_serde::from_slice(&emitted).expect("the guest emits a row");
        if self.work == Work::Count {
            assert_eq!(row.records, (calls.records * passes) as u64);
        }
        Measured {
            work: self.work,
            calling,
            sum: Checksum(row.checksum),
        }
    }
}

/// Stores the last emitted row.
struct LastRow(Arc<Mutex<Vec<u8>>>);

impl LastRow {
    /// A buffer for the guest's only output.
    fn rows(self) -> HeldRows {
        let output = Output::untyped("rows");
        let bound = BoundOutput {
            output: &output,
            sink: 0,
            stream: 0,
            encoder: Box::new(self),
        };
        let limits = RowLimits {
            call_bytes: LIMITS.emit_bytes,
            most_bytes: None,
        };
        HeldRows::new(vec![bound], limits)
    }
}

impl Encoder for LastRow {
    fn encode(&mut self, row: &[u8], _: &mut Vec<u8>, _: usize) -> Result<(), EncodeError> {
        *self.0.lock().expect("no other thread is here") = row.to_vec();
        Ok(())
    }
}
