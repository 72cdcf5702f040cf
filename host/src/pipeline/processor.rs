//! The processor as the worker uses it: it processes batches and can be restarted.

use std::sync::Arc;

use super::failure::bisection::deadline_of;
use super::failure::{CallRanges, WorkerError};
use crate::journal::batch::Batch;
use crate::journal::plan::Plan;
use crate::sandbox::{CallError, Limits, Plugin, Processor, Rejection};
use crate::sink::HeldRows;

/// A processor at work.
pub(crate) trait Process: Send {
    /// Processes batches. Rows of a successful call are held, those of a failed one are dropped.
    ///
    /// # Errors
    /// When the processor fails, traps or exceeds a limit; it then has to be restarted.
    fn process(&mut self, batches: &[Batch]) -> Result<Vec<Rejection>, CallError>;

    /// Lets the processor emit the rows of its state, and seals the held rows.
    ///
    /// # Errors
    /// As [`process`](Self::process).
    fn checkpoint(&mut self) -> Result<(), CallError>;

    /// The rows that are held for the next checkpoint.
    fn rows(&mut self) -> &mut HeldRows;

    /// The memory of the instance, in bytes.
    fn memory_bytes(&self) -> u64 {
        0
    }

    /// Gives further calls the deadline of a part of a call: `part` of its `records`.
    fn share_deadline(&mut self, part: usize, records: usize);

    /// Says whether further calls repeat one that failed: lines that it has logged are not logged again.
    fn set_repeating(&mut self, _is_repeating: bool) {}

    /// Starts a fresh instance, without anything that was emitted or held since the last checkpoint.
    ///
    /// # Errors
    /// When the plugin does not start as it did before.
    fn restart(&mut self) -> Result<(), WorkerError>;
}

/// Everything that is needed to start a processor.
#[derive(Clone)]
pub(crate) struct ProcessorSettings {
    /// The plugin.
    pub plugin: Arc<Plugin>,
    /// Its options, as JSON.
    pub options: Arc<str>,
    /// The plan of its first instance.
    pub plan: Arc<Plan>,
    /// Limits of an instance.
    pub limits: Limits,
}

impl ProcessorSettings {
    /// Starts an instance, which has to return the same plan.
    ///
    /// # Errors
    /// When it does not start, or returns another plan.
    pub(crate) fn start(&self) -> Result<Processor, WorkerError> {
        let started = Processor::start(&self.plugin, &self.options, self.limits);
        let (processor, plan) = started.map_err(|source| WorkerError::Call {
            call: "start",
            ranges: CallRanges::none(),
            source,
        })?;
        if plan == *self.plan {
            Ok(processor)
        } else {
            Err(WorkerError::OtherPlan)
        }
    }
}

/// A processor in the sandbox.
pub(crate) struct SandboxedProcessor {
    processor: Processor,
    settings: ProcessorSettings,
}

impl SandboxedProcessor {
    /// An instance that was started with these settings and is bound to its rows.
    #[must_use]
    pub(crate) fn new(processor: Processor, settings: ProcessorSettings) -> Self {
        Self {
            processor,
            settings,
        }
    }
}

impl Process for SandboxedProcessor {
    fn process(&mut self, batches: &[Batch]) -> Result<Vec<Rejection>, CallError> {
        self.processor.process(batches)
    }

    fn checkpoint(&mut self) -> Result<(), CallError> {
        self.processor.checkpoint()
    }

    fn rows(&mut self) -> &mut HeldRows {
        self.processor.rows()
    }

    fn memory_bytes(&self) -> u64 {
        self.processor.memory_bytes() as u64
    }

    fn share_deadline(&mut self, part: usize, records: usize) {
        let deadline = deadline_of(self.settings.limits.deadline, part, records);
        self.processor.set_deadline(deadline);
    }

    fn set_repeating(&mut self, is_repeating: bool) {
        self.processor.set_repeating(is_repeating);
    }

    fn restart(&mut self) -> Result<(), WorkerError> {
        let logged = self.processor.take_logged();
        // The old instance is dropped first, so that its memory is free for the new one.
        let mut rows = self.processor.abandon();
        rows.clear();
        self.processor = self.settings.start()?;
        self.processor.bind(rows);
        self.processor.put_logged(logged);
        Ok(())
    }
}
