//! Connects a [`Processor`] to the WebAssembly contract. Only [`export!`](crate::export) uses it.
#![doc(hidden)]

use std::cell::RefCell;

use bindings::exports::swh::journal::processor as contract;
use bindings::swh::journal::{log, outputs};

use crate::batch::RawBatch;
use crate::instance::Instance;
use crate::out::Host;
use crate::processor::{About, Options};
use crate::{Failure, Processor};

#[allow(
    clippy::all,
    clippy::pedantic,
    missing_docs,
    unreachable_pub,
    unsafe_code,
    reason = "generated code"
)]
pub mod bindings;

/// Holds the processor of a module between calls.
pub struct Slot<P>(RefCell<Option<Instance<P>>>);

impl<P> Slot<P> {
    #[must_use]
    #[expect(clippy::new_without_default, reason = "a default is not const")]
    pub const fn new() -> Self {
        Self(RefCell::new(None))
    }
}

/// The description. Panics if the schema of the options cannot be serialized.
pub fn describe<P: Processor<O>, O: Options>(about: About) -> String {
    install_panic_hook();
    crate::processor::describe::<O>(about)
        .unwrap_or_else(|failure| panic!("the description cannot be written: {failure}"))
}

pub fn start<P: Processor<O>, O: Options>(
    slot: &Slot<P>,
    options: &str,
) -> Result<String, contract::Failure> {
    install_panic_hook();
    let (instance, plan) = Instance::start(options, Box::new(Outputs))?;
    let plan = plan.to_json()?;
    slot.0.replace(Some(instance));
    Ok(plan)
}

pub fn process<P: Processor<O>, O: Options>(
    slot: &Slot<P>,
    batches: Vec<contract::Batch>,
) -> Result<Vec<contract::Rejection>, contract::Failure> {
    let batches: Vec<RawBatch> = batches.into_iter().map(RawBatch::from).collect();
    let mut slot = slot.0.borrow_mut();
    let instance = slot.as_mut().ok_or_else(not_started)?;
    let rejections = instance.process(&batches)?;
    let rejections = rejections.into_iter().map(|rejection| contract::Rejection {
        batch: rejection.batch,
        index: rejection.index,
        reason: rejection.reason,
    });
    Ok(rejections.collect())
}

pub fn checkpoint<P: Processor<O>, O: Options>(slot: &Slot<P>) -> Result<(), contract::Failure> {
    let mut slot = slot.0.borrow_mut();
    let instance = slot.as_mut().ok_or_else(not_started)?;
    Ok(instance.checkpoint()?)
}

/// The outputs of the host.
struct Outputs;

impl Host for Outputs {
    fn emit(&mut self, output: u32, rows: &[u8], row_ends: &[u32]) {
        outputs::emit(output, rows, row_ends);
    }

    fn savepoint(&mut self) {
        outputs::savepoint();
    }

    fn rollback(&mut self) {
        outputs::rollback();
    }
}

fn not_started() -> Failure {
    Failure::fatal("the processor was not started")
}

/// Reports panics to the host: without it, a panic on `wasm32-unknown-unknown` traps without a message.
fn install_panic_hook() {
    std::panic::set_hook(Box::new(|panic| {
        let message = panic
            .payload_as_str()
            .unwrap_or("a panic without a message");
        let location = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        log::panicked(message, &location);
    }));
}

impl From<Failure> for contract::Failure {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Retry(reason) => Self::Retry(reason),
            Failure::Fatal(reason) => Self::Fatal(reason),
        }
    }
}

/// Moves the columns without copying them.
impl From<contract::Batch> for RawBatch {
    fn from(batch: contract::Batch) -> Self {
        Self {
            object_type: batch.object_type,
            privileged: batch.privileged,
            records: batch.records,
            values: batch.values,
            value_ends: batch.value_ends,
            keys: batch.keys,
            key_ends: batch.key_ends,
            partitions: batch.partitions,
            offsets: batch.offsets,
            timestamps: batch.timestamps,
        }
    }
}
