//! A running processor, for the WASM glue and for the native harness.

use crate::batch::RawBatch;
use crate::out::{Host, Rejection};
use crate::processor::{self, Options};
use crate::{Batches, Failure, Out, Plan, Processor};

/// A processor with its outputs.
pub(crate) struct Instance<P> {
    processor: P,
    out: Out,
}

impl<P> Instance<P> {
    /// Starts the processor with options in JSON.
    pub(crate) fn start<O: Options>(
        options: &str,
        host: Box<dyn Host>,
    ) -> Result<(Self, Plan), Failure>
    where
        P: Processor<O>,
    {
        let options = processor::read_options(options)?;
        let processor = P::start(options)?;
        let plan = processor.plan();
        let out = Out::new(plan.outputs(), host);
        Ok((Self { processor, out }, plan))
    }

    pub(crate) fn process<O: Options>(
        &mut self,
        batches: &[RawBatch],
    ) -> Result<Vec<Rejection>, Failure>
    where
        P: Processor<O>,
    {
        self.out.clear();
        let answer = self
            .processor
            .process(&Batches::new(batches), &mut self.out);
        self.out.end_call(answer)?;
        Ok(self.out.take_rejections())
    }

    pub(crate) fn checkpoint<O: Options>(&mut self) -> Result<(), Failure>
    where
        P: Processor<O>,
    {
        self.out.clear();
        let answer = self.processor.checkpoint(&mut self.out);
        self.out.end_call(answer)
    }
}
