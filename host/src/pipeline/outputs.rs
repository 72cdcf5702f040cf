//! The outputs of a run and the sinks that they are bound to.

use crate::journal::plan::{Output, Plan};
use crate::sink::dead_letters::{LetterFile, LetterSink};
use crate::sink::{BoundOutput, HeldRows, RowLimits, Sink, SinkError, SinkFactory};

/// The destinations of a run, and the destination of each output.
pub(crate) struct OutputBindings {
    destinations: Vec<Box<dyn SinkFactory>>,
    /// For each output of the plan, the index of its destination.
    outputs: Vec<(Output, usize)>,
    dead_letters: Option<LetterFile>,
}

impl OutputBindings {
    /// Binds all outputs of a plan to one destination, and prepares it.
    ///
    /// # Errors
    /// When the destination does not fit the plan, or is in use.
    pub(crate) fn to_one(
        destination: Box<dyn SinkFactory>,
        plan: &Plan,
    ) -> Result<Self, SinkError> {
        destination.prepare(plan)?;
        let outputs = plan.outputs.iter().map(|output| (output.clone(), 0));
        Ok(Self {
            destinations: vec![destination],
            outputs: outputs.collect(),
            dead_letters: None,
        })
    }

    /// Writes dead letters to this file.
    #[must_use]
    pub(crate) fn with_dead_letters(self, file: LetterFile) -> Self {
        Self {
            dead_letters: Some(file),
            ..self
        }
    }

    /// Where a worker writes dead letters to.
    #[must_use]
    pub(crate) fn dead_letters(&self) -> Option<Box<dyn LetterSink>> {
        let file = self.dead_letters.clone()?;
        Some(Box::new(file))
    }

    /// The buffer for the rows of one worker.
    #[must_use]
    pub(crate) fn rows(&self, limits: RowLimits) -> HeldRows {
        let bound = self.outputs.iter().map(|(output, index)| {
            let destination = &self.destinations[*index];
            BoundOutput {
                output,
                sink: *index,
                stream: destination.stream(output),
                encoder: destination.encoder(output),
            }
        });
        HeldRows::new(bound.collect(), limits)
    }

    /// The names of the destinations that hold rows of earlier runs.
    #[must_use]
    pub(crate) fn earlier_rows(&self) -> Vec<String> {
        let destinations = self.destinations.iter();
        destinations
            .flat_map(|destination| destination.earlier_rows())
            .collect()
    }

    /// The sinks of one worker, by the indexes of their destinations.
    ///
    /// # Errors
    /// When a destination cannot be reached.
    pub(crate) fn sinks(&self, worker: usize) -> Result<Vec<Box<dyn Sink>>, SinkError> {
        let destinations = self.destinations.iter();
        destinations
            .map(|destination| destination.sink(worker))
            .collect()
    }
}
