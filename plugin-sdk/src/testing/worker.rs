//! A processor that runs in the harness, and its results so far.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use super::error::Error;
use super::output::OutputRows;
use super::records::{self, TestRecord};
use super::run::{Call, Rejected, Run};
use crate::batch::RawBatch;
use crate::instance::Instance;
use crate::out::{Host, Rejection};
use crate::{Failure, Options, Plan, Processor};

/// A processor with its results so far.
pub(super) struct Worker<P, O> {
    instance: Instance<P>,
    pub(super) plan: Plan,
    emitted: Rc<RefCell<Emitted>>,
    run: Run,
    options: PhantomData<O>,
}

/// The emitted rows, and the error of the first row that cannot be written.
#[derive(Default)]
struct Emitted {
    outputs: Vec<OutputRows>,
    error: Option<Error>,
}

impl<P: Processor<O>, O: Options> Worker<P, O> {
    pub(super) fn start(options: &str) -> Result<Self, Error> {
        let emitted = Rc::new(RefCell::new(Emitted::default()));
        let (instance, plan) = start(options, &emitted)?;
        emitted.borrow_mut().outputs = plan.outputs().into_iter().map(OutputRows::new).collect();
        Ok(Self {
            instance,
            plan,
            emitted,
            run: Run::default(),
            options: PhantomData,
        })
    }

    /// Starts the processor again, as the host may do with one that holds no state.
    pub(super) fn restart(&mut self, options: &str) -> Result<(), Error> {
        (self.instance, _) = start(options, &self.emitted)?;
        Ok(())
    }

    pub(super) fn process(&mut self, records: &[&TestRecord]) -> Result<(), Error> {
        self.run.process_calls += 1;
        let call = Call::Process(self.run.process_calls);
        let (batches, rows): (Vec<RawBatch>, Vec<_>) =
            records::batches(records, &self.plan).into_iter().unzip();
        let instance = &mut self.instance;
        let rejections = guarded(call, || instance.process::<O>(&batches))?;
        self.check_rows()?;
        let rejected = |rejection: Rejection| {
            let record: &TestRecord = rows[rejection.batch as usize][rejection.index as usize];
            Rejected {
                object_type: record.object_type.clone(),
                key: record.key.clone(),
                partition: record.partition,
                offset: record.offset,
                reason: rejection.reason,
            }
        };
        self.run
            .rejections
            .extend(rejections.into_iter().map(rejected));
        Ok(())
    }

    pub(super) fn checkpoint(&mut self) -> Result<(), Error> {
        let instance = &mut self.instance;
        guarded(Call::Checkpoint, || instance.checkpoint::<O>())?;
        self.check_rows()?;
        let outputs = &mut self.emitted.borrow_mut().outputs;
        outputs.iter_mut().try_for_each(OutputRows::end_interval)
    }

    fn check_rows(&self) -> Result<(), Error> {
        self.emitted.borrow_mut().error.take().map_or(Ok(()), Err)
    }

    pub(super) fn finish(self) -> Run {
        let mut run = self.run;
        run.outputs = std::mem::take(&mut self.emitted.borrow_mut().outputs);
        run
    }
}

fn start<P: Processor<O>, O: Options>(
    options: &str,
    emitted: &Rc<RefCell<Emitted>>,
) -> Result<(Instance<P>, Plan), Error> {
    let host = Box::new(TestHost(Rc::clone(emitted)));
    guarded(Call::Start, || {
        let (instance, plan) = Instance::start(options, host)?;
        plan.to_json()?;
        Ok((instance, plan))
    })
}

/// Takes rows as the host does.
struct TestHost(Rc<RefCell<Emitted>>);

impl Host for TestHost {
    fn emit(&mut self, output: u32, rows: &[u8], row_ends: &[u32]) {
        let Emitted { outputs, error } = &mut *self.0.borrow_mut();
        if error.is_none() {
            *error = outputs[output as usize].take(rows, row_ends).err();
        }
    }

    fn savepoint(&mut self) {
        let outputs = &mut self.0.borrow_mut().outputs;
        outputs.iter_mut().for_each(OutputRows::savepoint);
    }

    fn rollback(&mut self) {
        let outputs = &mut self.0.borrow_mut().outputs;
        outputs.iter_mut().for_each(OutputRows::rollback);
    }
}

/// Turns a panic into an error that names the call.
fn guarded<T>(call: Call, work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Error> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result.map_err(|failure| Error::Failed { call, failure }),
        Err(panic) => {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
            let message = text.unwrap_or_else(|| "a panic without a message".to_owned());
            Err(Error::Panicked { call, message })
        }
    }
}
