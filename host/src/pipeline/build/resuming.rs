//! Runs without a group that go on where an earlier one has ended, if a destination commits positions with its rows.
//!
//! A run is the same if the same plugin with the same options reads the same data with as many workers into the same tables.
//! Its positions are kept until all workers have come to the end of the data.

use sha2::{Digest as _, Sha256};

use super::workers::{Builder, owner};
use super::{BuildError, observation};
use crate::config::EarlierRows;
use crate::journal::group_offsets::Committed;
use crate::journal::offsets::Position;
use crate::pipeline::{Ended, OutputBindings};
use crate::sink::tables::RunName;
use crate::sink::{self, SinkError};
use crate::source::local::LocalSource;
use crate::text::plural;

/// A run without a group whose positions are kept.
pub(super) struct Resumable {
    pub(super) name: RunName,
    /// The name of what is read.
    source: String,
    /// Where each worker begins.
    starts: Committed,
}

/// What is left to do once a run has ended.
pub(super) struct Ending {
    outputs: OutputBindings,
}

impl Ending {
    pub(super) fn new(outputs: OutputBindings) -> Self {
        Self { outputs }
    }

    /// After the end of the data, the next run over it is a new one. All rows are there even if this fails: then the next
    /// run goes on at the end.
    pub(super) fn end(self, ended: Ended) {
        match ended {
            Ended::EndOfData => {
                if let Err(error) = self.outputs.end_run() {
                    tracing::warn!("the positions of the run stay: {error}");
                }
            }
            Ended::Stopped => tracing::info!("the same command goes on from here"),
            Ended::ReaderGone => {}
        }
    }
}

impl Builder<'_> {
    /// The run that workers with these sources make up, if its positions are kept. Where a part of the data is read, or
    /// rows go elsewhere, too, each run is one of its own.
    pub(super) fn resumable(&self, sources: &[LocalSource]) -> Option<Resumable> {
        let config = self.config;
        if self.preview.is_some()
            || config.stop_after.is_some()
            || config.earlier_rows == EarlierRows::Redrive
            || !sink::keep_positions(&config.outputs, &self.processor.plan.outputs)
        {
            return None;
        }
        let first = sources.first()?;
        let data = first.data_digest()?;
        let plugin = &self.processor.plugin;
        let mut digest = Sha256::new();
        let mut add = |part: &[u8]| {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        };
        // Positions are kept by the name of the source.
        add(first.name().as_bytes());
        add(&data);
        add(plugin.digest().as_bytes());
        add(observation::digest(&self.processor.options).as_bytes());
        for topic in first.topics() {
            add(topic.name.as_bytes());
        }
        add(b"");
        // How the workers share the data.
        for (partition, start) in sources.iter().flat_map(LocalSource::starts) {
            add(partition.topic.as_bytes());
            add(&partition.number.to_be_bytes());
            add(&start.to_be_bytes());
        }
        add(&sources.len().to_be_bytes());
        add(b"");
        let mut bindings = config.outputs.clone();
        bindings.sort_unstable();
        for binding in bindings {
            add(binding.as_bytes());
        }
        let digest = digest.finalize();
        let (digest, _) = digest.split_first_chunk()?;
        let start = |(partition, next)| {
            let note = String::new();
            (partition, Position { next, note })
        };
        Some(Resumable {
            name: RunName::new(&owner(config, &plugin.description().name), digest),
            source: first.name().to_owned(),
            starts: sources
                .iter()
                .flat_map(LocalSource::starts)
                .map(start)
                .collect(),
        })
    }

    /// Goes on with an earlier run, or begins a new one. A run that would write the same rows again is refused, unless the
    /// operator has asked for it.
    pub(super) fn settle_earlier_rows(
        &self,
        outputs: &OutputBindings,
        run: Option<&Resumable>,
    ) -> Result<(), BuildError> {
        let asked = self.config.earlier_rows;
        if asked == EarlierRows::Overwrite {
            // Before the rows go: positions without their rows would leave records out.
            outputs.forget_runs()?;
            outputs.remove_earlier_rows()?;
        } else {
            let earlier = outputs.earlier_rows_of_own()?;
            // Rows that are gone come again.
            let earlier_run = run.filter(|_| !earlier.is_empty());
            if let Some(run) = earlier_run
                && let Some(records) = run.unfinished(outputs)?
            {
                tracing::info!(
                    "an earlier run over `{}` did not come to its end: this one goes on after {}",
                    run.source,
                    plural(records, "record")
                );
                return Ok(());
            }
            if asked == EarlierRows::Refuse {
                if !earlier.is_empty() {
                    let destination = earlier.join(" and ");
                    return Err(SinkError::HasRows { destination }.into());
                }
                outputs.forget_runs()?;
            }
        }
        if let Some(run) = run {
            outputs.begin_run(&run.starts)?;
        }
        Ok(())
    }
}

impl Resumable {
    /// The records before the positions of the same run that did not come to its end, if there is one. Positions of some
    /// workers alone say nothing about the others.
    fn unfinished(&self, outputs: &OutputBindings) -> Result<Option<u64>, SinkError> {
        let unfinished = outputs.unfinished()?;
        let records = self.starts.iter().map(|(partition, start)| {
            let reached = unfinished.get(partition)?;
            Some(reached.next.saturating_sub(start.next))
        });
        Ok(records.sum())
    }
}
