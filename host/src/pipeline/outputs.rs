//! The outputs of a run and the sinks that they are bound to.

use crate::journal::group_offsets::Committed;
use crate::journal::plan::{Output, Plan};
use crate::sink::dead_letters::{LetterSink, Letters};
use crate::sink::{BoundOutput, HeldRows, Opened, RowLimits, Sink, SinkError, SinkFactory};

/// The destinations of a run, and the destination of each output.
pub(crate) struct OutputBindings {
    destinations: Vec<Box<dyn SinkFactory>>,
    /// For each output of the plan, the index of its destination.
    outputs: Vec<(Output, usize)>,
    dead_letters: Option<Letters>,
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
        let opened = Opened {
            destinations: vec![destination],
            indexes: vec![0; plan.outputs.len()],
        };
        Self::to(opened, plan)
    }

    /// Binds the outputs of a plan to their destinations, and prepares these.
    ///
    /// # Errors
    /// When a destination does not fit the plan, or is in use, or two of them would decide.
    pub(crate) fn to(opened: Opened, plan: &Plan) -> Result<Self, SinkError> {
        let Opened {
            destinations,
            indexes,
        } = opened;
        let mut deciding = destinations.iter().filter_map(|one| one.deciding());
        if let (Some(first), Some(second)) = (deciding.next(), deciding.next()) {
            return Err(SinkError::TwoDecide { first, second });
        }
        for destination in &destinations {
            destination.prepare(plan)?;
        }
        let outputs = plan.outputs.iter().cloned().zip(indexes);
        Ok(Self {
            outputs: outputs.collect(),
            dead_letters: None,
            destinations,
        })
    }

    /// The name of the destination that decides where the group is, if one does.
    #[must_use]
    pub(crate) fn deciding(&self) -> Option<String> {
        self.destinations.iter().find_map(|one| one.deciding())
    }

    /// The names of the destinations of this process that hold rows of earlier runs.
    ///
    /// # Errors
    /// When a destination cannot be read.
    pub(crate) fn earlier_rows_of_own(&self) -> Result<Vec<String>, SinkError> {
        let mut names = Vec::new();
        for destination in &self.destinations {
            names.extend(destination.earlier_rows_of_own()?);
        }
        Ok(names)
    }

    /// The positions that an earlier run without a group left which was the same as this one, and has not ended.
    ///
    /// # Errors
    /// When a destination cannot be read.
    pub(crate) fn unfinished(&self) -> Result<Committed, SinkError> {
        let mut positions = Committed::new();
        for destination in &self.destinations {
            positions.extend(destination.unfinished()?);
        }
        Ok(positions)
    }

    /// Forgets the positions that the plugin's earlier runs without a group left.
    ///
    /// # Errors
    /// When a destination cannot be written to.
    pub(crate) fn forget_runs(&self) -> Result<(), SinkError> {
        let mut destinations = self.destinations.iter();
        destinations.try_for_each(|destination| destination.forget_runs())
    }

    /// Keeps the positions from which a run without a group begins.
    ///
    /// # Errors
    /// When a destination cannot be written to.
    pub(crate) fn begin_run(&self, starts: &Committed) -> Result<(), SinkError> {
        let mut destinations = self.destinations.iter();
        destinations.try_for_each(|destination| destination.begin_run(starts))
    }

    /// Forgets the positions of a run without a group, which has ended.
    ///
    /// # Errors
    /// When a destination cannot be written to.
    pub(crate) fn end_run(&self) -> Result<(), SinkError> {
        let mut destinations = self.destinations.iter();
        destinations.try_for_each(|destination| destination.end_run())
    }

    /// Removes the rows of earlier runs.
    ///
    /// # Errors
    /// When they cannot be removed.
    pub(crate) fn remove_earlier_rows(&self) -> Result<(), SinkError> {
        let mut destinations = self.destinations.iter();
        destinations.try_for_each(|destination| destination.remove_earlier_rows())
    }

    /// Writes dead letters there.
    #[must_use]
    pub(crate) fn with_dead_letters(self, letters: Letters) -> Self {
        Self {
            dead_letters: Some(letters),
            ..self
        }
    }

    /// Where a worker writes dead letters to.
    #[must_use]
    pub(crate) fn dead_letters(&self) -> Option<Box<dyn LetterSink>> {
        self.dead_letters.as_ref().map(Letters::sink)
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
    ///
    /// # Errors
    /// When a destination cannot be read.
    pub(crate) fn earlier_rows(&self) -> Result<Vec<String>, SinkError> {
        let mut names = Vec::new();
        for destination in &self.destinations {
            names.extend(destination.earlier_rows()?);
        }
        Ok(names)
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
