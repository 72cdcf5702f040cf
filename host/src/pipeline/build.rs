//! Builds workers that are ready to run from the configuration.

mod assembly;
mod error;
mod input;
mod limits;
mod notices;
mod objects;
mod observation;
mod plugin;
mod program;
mod resuming;
mod stages;
mod start;
mod workers;

pub(crate) use self::error::BuildError;
pub(crate) use self::input::{cluster_settings, local, local_to_check};
pub(crate) use self::limits::{
    batch_limits, check, check_thoroughly, limits, limits_without_source, usual_memory,
};
pub(crate) use self::objects::{
    given_partitions, ignores_missing, object_types, read_types, run_subscription, subscription,
};
pub(crate) use self::plugin::{CompiledPlugin, compiler, plugin_options};
pub(crate) use self::program::Program;
pub(crate) use self::start::{AskedStart, start_at};
pub(crate) use self::workers::{owner, privileged};

use std::sync::Arc;

use sha2::{Digest, Sha256};

use self::input::Input;
use self::observation::{Observation, about, run_info};
use self::workers::{Builder, Then};
use super::quota::RecordQuota;
use super::reopen::Reopen;
use super::stop::Stop;
use super::{
    Deadlines, Ended, FailurePolicy, OnFailure, ProcessorSettings, StartRules, Work, WorkerError,
    WorkerSettings, run_workers,
};
use crate::config::memory::MemoryPlan;
use crate::config::{self, Config};
use crate::journal::batch::Columns;
use crate::observe::progress::Progress;
use crate::privacy::{MaskError, Privacy};
use crate::sandbox::{Plugin, Processor};
use crate::sink::dead_letters::{RunIdentity, ScriptIdentity};
use crate::sink::files::Files;
use crate::sink::preview::Preview;
use crate::source::local::Local;

/// Workers with their sources, processors and sinks, before they run.
pub(crate) struct Pipeline {
    work: Vec<Work>,
    /// What comes after `work`.
    then: Then,
    stop: Stop,
    progress: Arc<Progress>,
    observation: Observation,
}

/// What comes before the process is confined, and starts no thread.
pub(crate) struct Prepared {
    memory: MemoryPlan,
    plugin: CompiledPlugin,
    /// The source, unless it is a cluster.
    local: Option<Local>,
    reopen: Reopen,
    /// The configuration as the page shows it.
    shown: String,
    privacy: Option<Arc<Privacy>>,
    /// Where rows go instead of the outputs of the configuration.
    preview: Option<Preview>,
}

impl Prepared {
    /// The same, of a run whose page shows this configuration, and whose rows go to a preview if there is one.
    #[must_use]
    pub(crate) fn showing(self, configuration: String, preview: Option<Preview>) -> Self {
        Self {
            shown: configuration,
            preview,
            ..self
        }
    }
}

/// Checks the settings, compiles the plugin, and starts the programs that the source needs.
///
/// # Errors
/// When settings are wrong whatever the plugin is, the file is no plugin for this host, or the source is not there.
pub(crate) fn prepare(config: &Config) -> Result<Prepared, BuildError> {
    let reopen = Reopen::on_signal();
    let privacy = privacy(&config.privacy)?;
    let held = privacy.as_ref().map_or(0, |privacy| privacy.bytes());
    let memory = check(config, held)?;
    let plugin = CompiledPlugin::of(config)?;
    let local = match &config.source {
        config::Source::Local(source) => Some(local(source)?),
        config::Source::Kafka(_) => None,
    };
    Ok(Prepared {
        privacy,
        memory,
        plugin,
        local,
        reopen,
        shown: String::new(),
        preview: None,
    })
}

impl Pipeline {
    /// Loads the plugin, connects, and opens the outputs. Sinks perform the durable operations on their files with
    /// `files`.
    ///
    /// # Errors
    /// When the settings do not fit the plugin, the journal or the machine.
    pub(crate) fn build(
        config: &Config,
        files: &Arc<dyn Files>,
        stop: &Stop,
        prepared: Prepared,
    ) -> Result<Self, BuildError> {
        let Prepared {
            memory,
            plugin,
            local,
            reopen,
            shown,
            privacy,
            preview,
        } = prepared;
        let limits = limits(config, &memory);
        // The clients connect while the plugin is loaded.
        let input = Input::begin(config, &memory, local)?;
        let plugin = plugin.interrupted_by(stop.interrupt());
        let plugin = Arc::new(plugin.load(limits)?);
        let options = plugin_options(&config.options, &plugin)?;
        let (first, plan) = Processor::start(&plugin, &options, limits)?;
        let counts = privacy.as_ref().map(|privacy| Arc::clone(privacy.counts()));
        let progress = Progress::new(config.workers, &plan.outputs).holding_back(counts);
        let progress = Arc::new(progress);
        if let Some(privacy) = &privacy {
            privacy.watch();
        }
        let info = run_info(config, &plugin, &options);
        let about = about(&plugin, &options, shown);
        let observation = Observation::begin(config.metrics, info, about, &progress, limits.wall)?;
        let builder = Builder {
            object_types: read_types(config, &plan)?,
            settings: WorkerSettings {
                columns: gathered(config, plan.columns),
                batch_limits: batch_limits(config, &memory),
                held_bytes: memory.held,
                kept_batches_bytes: memory.bounded.map(|bounds| bounds.kept_batches),
                checkpoint_interval: None,
                failure: failure_policy(&config.failure, &plugin, &options),
                start: StartRules::beginning(),
                reads_again: false,
                deadlines: Deadlines::NONE,
                leaves_a_group: false,
                static_session: None,
                quota: Arc::new(RecordQuota::new(config.stop_after)),
                stop: stop.clone(),
                reopen,
                progress: Arc::clone(&progress),
            },
            processor: ProcessorSettings {
                plugin,
                options: options.into(),
                plan: Arc::new(plan),
                limits,
            },
            most_rows_bytes: memory.bounded.map(|bounds| bounds.lines),
            files,
            config,
            privacy,
            preview,
        };
        let (work, then) = match input {
            Input::Local(local) => builder.over_local(local, first)?,
            Input::Kafka {
                clients,
                start,
                on_eof,
            } => builder.over_kafka(*clients, start, on_eof, first)?,
        };
        Ok(Self {
            work,
            then,
            stop: stop.clone(),
            progress,
            observation,
        })
    }

    /// Runs all workers until they have ended.
    ///
    /// # Errors
    /// The first failure of a worker.
    pub(crate) fn run(self) -> Result<Ended, WorkerError> {
        let Self {
            work,
            then,
            stop,
            progress,
            mut observation,
        } = self;
        let mut look = || observation.look(&stop);
        let result = run_stages(work, then, &stop, &progress, &mut look);
        match &result {
            Ok(_) => progress.happenings().show_ended(),
            Err(error) => progress.happenings().show_failure(&error.with_causes()),
        }
        // Who watches the run sees how it ended.
        drop(observation);
        result
    }
}

fn run_stages(
    work: Vec<Work>,
    then: Then,
    stop: &Stop,
    progress: &Progress,
    mut look: impl FnMut(),
) -> Result<Ended, WorkerError> {
    let mut ended = run_workers(work, stop, progress, &mut look)?;
    match then {
        Then::Stages(mut stages) => {
            while ended == Ended::EndOfData
                && let Some(work) = stages.next()?
            {
                ended = run_workers(work, stop, progress, &mut look)?;
            }
        }
        Then::End(ending) => ending.end(ended),
        Then::Nothing => {}
    }
    if ended != Ended::ReaderGone {
        tracing::info!("{progress}");
        if progress.is_without_output() {
            tracing::warn!(
                "the run has no output: nothing was printed, and no function of the script takes `emit`"
            );
        }
    }
    Ok(ended)
}

/// What no plugin may see, with the list of masked objects loaded.
///
/// # Errors
/// When the list cannot be used.
pub(crate) fn privacy(config: &config::PrivacyConfig) -> Result<Option<Arc<Privacy>>, MaskError> {
    Privacy::load(config.masked.as_deref(), config.anonymise)
}

/// The columns that are gathered: those of the plan, and what dead letters hold.
fn gathered(config: &Config, planned: Columns) -> Columns {
    if config.failure.on_failure != config::OnFailure::DeadLetter {
        return planned;
    }
    Columns {
        values: true,
        value_ends: true,
        timestamps: true,
        ..planned
    }
}

fn failure_policy(
    failure: &config::FailureHandling,
    plugin: &Plugin,
    options: &str,
) -> FailurePolicy {
    let description = plugin.description();
    FailurePolicy {
        on_failure: match failure.on_failure {
            config::OnFailure::Stop => OnFailure::Stop,
            config::OnFailure::Skip => OnFailure::Skip,
            config::OnFailure::DeadLetter => OnFailure::DeadLetter,
        },
        retries: failure.retries,
        max_failures: failure.max_failures,
        run: Some(Arc::new(RunIdentity {
            plugin: description.name.clone(),
            plugin_version: description.version.clone(),
            plugin_digest: plugin.digest().to_owned(),
            script: plugin.script_digests().map(|digests| ScriptIdentity {
                runtime_digest: digests.runtime.clone(),
                script_digest: digests.script.clone(),
            }),
            options_digest: format!("{:x}", Sha256::digest(options)),
        })),
    }
}
