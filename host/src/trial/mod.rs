//! Runs a plugin over a source several times, and compares the rows: with those that are expected, and with those of
//! other splits of the records into calls and checkpoints.

mod collect;
mod compare;
mod golden;
mod split;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub(crate) use self::collect::Unmerged;
use self::collect::{Collected, Collector};
use self::compare::difference;
pub(crate) use self::compare::{Difference, Order};
use self::split::{Numbers, split};
use crate::config::memory::USUAL_HELD;
use crate::config::{self, Config, OnFailure, Source};
use crate::journal::offsets::NoStore;
use crate::observe::progress::Progress;
use crate::pipeline::build::{self, BuildError, CompiledPlugin};
use crate::pipeline::quota::RecordQuota;
use crate::pipeline::reopen::Reopen;
use crate::pipeline::stop::Stop;
use crate::pipeline::{
    self, Deadlines, Ended, FailurePolicy, OutputBindings, ProcessorSettings, SandboxedProcessor,
    StartRules, Worker, WorkerError, WorkerParts, WorkerSettings, run_workers,
};
use crate::sandbox::{CallError, Explained, Limits};
use crate::sink::RowLimits;
use crate::source::local::{self, Local};
use crate::source::{self, BatchLimits, SourceError};

/// Why a plugin did not pass.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The source is a cluster.
    #[error("a test reads the same records in each run, which a cluster does not promise")]
    Cluster,
    /// The plugin or its source cannot be built from the configuration.
    #[error(transparent)]
    Build(Box<BuildError>),
    /// The processor did not start.
    #[error("`start` failed")]
    Start(#[from] CallError),
    /// The source cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A run failed.
    #[error(transparent)]
    Worker(Box<WorkerError>),
    /// Merged rows cannot be written.
    #[error(transparent)]
    Unmerged(#[from] Unmerged),
    /// A signal ended it.
    #[error("the test was interrupted")]
    Interrupted,
    /// The file with the expected rows does not exist.
    #[error("the file `{}` with the expected rows does not exist", .0.display())]
    NoGolden(PathBuf),
    /// The file cannot be read or written.
    #[error("cannot use `{}`", path.display())]
    Golden {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// A line of the file is no row.
    #[error("line {line} of `{}` is no row", path.display())]
    BadGolden {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// The rows are not those that are expected.
    #[error("the rows of `{}` are not those in `{}`", difference.output, path.display())]
    NotExpected {
        /// The file.
        path: PathBuf,
        /// What differs.
        difference: Difference,
    },
    /// The rows depend on the split.
    #[error(
        "the rows of `{}` depend on how the records are split into calls and checkpoints (seed {seed})",
        difference.output
    )]
    DependsOnSplit {
        /// The seed of the split that made other rows.
        seed: u64,
        /// What differs.
        difference: Difference,
    },
}

impl From<BuildError> for Error {
    fn from(error: BuildError) -> Self {
        Self::Build(Box::new(error))
    }
}

impl From<WorkerError> for Error {
    fn from(error: WorkerError) -> Self {
        match error {
            WorkerError::NotEnded { .. } => Self::Interrupted,
            error => Self::Worker(Box::new(error)),
        }
    }
}

/// What is tested.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// The file with the expected rows.
    pub(crate) expected: Option<PathBuf>,
    /// Whether the file is written instead of read.
    pub(crate) update: bool,
    /// How rows are compared.
    pub(crate) order: Order,
    /// The number of runs with other splits.
    pub(crate) splits: u64,
    /// The seed of the first of them; the others have the following ones.
    pub(crate) seed: u64,
}

/// What a test that passed has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Passed {
    /// Objects of one run.
    pub(crate) objects: u64,
    /// Rows of one run.
    pub(crate) rows: usize,
    /// Runs with other splits, all of which made the same rows.
    pub(crate) splits: u64,
    /// Whether the plugin may keep something from one call to the next, so that splits are not compared.
    pub(crate) holds_state: bool,
}

/// A plugin with its source, ready to run.
pub(crate) struct Trial<'a> {
    config: &'a Config,
    local: local::Options,
    limits: Limits,
    batch_limits: BatchLimits,
    processor: ProcessorSettings,
    holds_state: bool,
    stop: &'a Stop,
}

/// The source of a configuration, if it can be read several times.
///
/// # Errors
/// When it is a cluster.
pub(crate) fn source(config: &Config) -> Result<&config::Local, Error> {
    match &config.source {
        Source::Local(local) => Ok(local),
        Source::Kafka(_) => Err(Error::Cluster),
    }
}

/// Looks whether the file with the expected rows can be written once they are known.
///
/// # Errors
/// When its folder does not exist.
pub(crate) fn check_folder(file: &Path) -> Result<(), Error> {
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => return Ok(()),
    };
    let found = folder.metadata();
    found.map(drop).map_err(|source| Error::Golden {
        path: file.to_owned(),
        source,
    })
}

impl<'a> Trial<'a> {
    /// Loads and starts a compiled plugin that reads this source.
    ///
    /// # Errors
    /// When it does not load or start, or does not fit the configuration.
    pub(crate) fn new(
        config: &'a Config,
        compiled: CompiledPlugin,
        local: Local,
        stop: &'a Stop,
    ) -> Result<Self, Error> {
        let memory = build::usual_memory(config)?;
        let limits = build::limits(config, &memory);
        let plugin = compiled.load(limits).map_err(BuildError::from)?;
        let options = build::plugin_options(&config.options, &plugin).map_err(BuildError::from)?;
        let explained = Explained::of(&plugin, &options, limits)?;
        let holds_state = explained.answer["holds-state"].as_bool().unwrap_or(true);
        let object_types = build::read_types(config, &explained.plan)?;
        let batch_limits = build::batch_limits(config, &memory);
        let local = local::Options {
            local,
            subscription: build::run_subscription(config, object_types),
            tombstones: explained.plan.tombstones,
            privacy: build::privacy(&config.privacy).map_err(BuildError::from)?,
            largest_record: batch_limits.largest_record(),
        };
        let source = local.open()?;
        source.check_rereading()?;
        for warning in local.subscription.warnings(&source.topics()) {
            tracing::warn!("{warning}");
        }
        Ok(Self {
            config,
            local,
            limits,
            batch_limits,
            processor: ProcessorSettings {
                plugin: Arc::new(plugin),
                options: options.into(),
                plan: Arc::new(explained.plan),
                limits,
            },
            holds_state,
            stop,
        })
    }

    /// Runs, and compares.
    ///
    /// # Errors
    /// When a run fails, or rows differ.
    pub(crate) fn run(&self, options: &Options) -> Result<Passed, Error> {
        let outputs = &self.processor.plan.outputs;
        let path = options.expected.as_ref();
        let expected = match path.filter(|_| !options.update) {
            Some(path) => Some((path, golden::read(path, outputs)?)),
            None => None,
        };
        let (rows, objects) = self.once(None)?;
        if let Some((path, expected)) = expected
            && let Some(difference) = difference(&expected, &rows, options.order)
        {
            let path = path.clone();
            return Err(Error::NotExpected { path, difference });
        }
        let splits = if self.holds_state { 0 } else { options.splits };
        for seed in (0..splits).map(|number| options.seed.wrapping_add(number)) {
            let (split, _) = self.once(Some(seed))?;
            if let Some(difference) = difference(&rows, &split, options.order) {
                return Err(Error::DependsOnSplit { seed, difference });
            }
        }
        if let Some(path) = path.filter(|_| options.update) {
            golden::write(path, &rows, options.order)?;
        }
        Ok(Passed {
            objects,
            rows: rows.values().map(Vec::len).sum(),
            splits,
            holds_state: self.holds_state,
        })
    }

    /// The rows and the number of objects of one run; with a seed, of one that splits the records in another way.
    fn once(&self, seed: Option<u64>) -> Result<(Collected, u64), Error> {
        let plan = &self.processor.plan;
        let title = seed.map_or_else(String::new, |seed| format!("split {seed}: "));
        let progress = Arc::new(Progress::new(1, &plan.outputs).titled(title));
        let collector = Collector::new(&plan.outputs);
        let outputs = OutputBindings::to_one(Box::new(collector.clone()), plan);
        let outputs = outputs.map_err(WorkerError::from)?;
        let mut processor = self.processor.start()?;
        processor.bind(outputs.rows(RowLimits {
            call_bytes: self.limits.emit_bytes,
            most_bytes: None,
        }));
        let source = self.local.open()?;
        let source: Box<dyn source::Source> = match seed {
            None => Box::new(source),
            Some(seed) => Box::new(split(source, Numbers::of(seed))),
        };
        let parts = WorkerParts {
            source,
            store: Box::new(NoStore::default()),
            processor: Box::new(SandboxedProcessor::new(processor, self.processor.clone())),
            sinks: outputs.sinks(0).map_err(WorkerError::from)?,
            membership: None,
            ends: None,
            letters: None,
            counters: progress.worker(0),
            number: 0,
        };
        let settings = self.settings(seed.is_some(), &progress);
        let work = Box::new(move || Worker::new(parts, settings).run());
        match run_workers(vec![work], self.stop, &progress, || {})? {
            // The number of objects is limited.
            Ended::Stopped if !self.stop.requested() => {}
            Ended::EndOfData => {}
            Ended::Stopped | Ended::ReaderGone => return Err(Error::Interrupted),
        }
        Ok((collector.rows(&plan.outputs)?, progress.objects()))
    }

    fn settings(&self, is_split: bool, progress: &Arc<Progress>) -> WorkerSettings {
        WorkerSettings {
            columns: self.processor.plan.columns,
            batch_limits: self.batch_limits,
            held_bytes: USUAL_HELD,
            kept_batches_bytes: None,
            // The run without a split has one checkpoint, the others one after each call.
            checkpoint_interval: is_split.then_some(Duration::ZERO),
            failure: FailurePolicy::only(match self.config.failure.on_failure {
                OnFailure::Stop => pipeline::OnFailure::Stop,
                OnFailure::Skip | OnFailure::DeadLetter => pipeline::OnFailure::Skip,
            }),
            start: StartRules::beginning(),
            reads_again: false,
            deadlines: Deadlines::NONE,
            leaves_a_group: false,
            static_session: None,
            quota: Arc::new(RecordQuota::new(self.config.stop_after)),
            stop: self.stop.clone(),
            reopen: Reopen::default(),
            progress: Arc::clone(progress),
        }
    }
}
