//! `journal-host redrive`: a processor over dead letters.

use std::num::NonZero;
use std::path::PathBuf;

use super::args::{self, LimitArguments, ObjectArguments, OptionArguments, PrivacyArguments};
use super::environment::Environment;
use super::names::Names;
use super::report::Report;
use super::run;
use crate::config::{
    EarlierRows, Layer, MaxFailures, OnFailure, OnSchemaChange, Origins, Percent, Size, Span, Text,
    WorkerCount,
};
use crate::pipeline::Ended;
use crate::sink::letter_file::Redrive;

/// Processes the records of dead letters again, and leaves those that still fail.
///
/// The file is replaced once all of its records were processed and their rows are durable. If the command ends before,
/// the file is as it was.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Arguments {
    /// File that `run --dead-letters` wrote.
    #[arg(value_name = "DEAD-LETTERS")]
    letters: PathBuf,

    /// Plugin file (`.wasm`).
    #[arg(long, value_name = "FILE")]
    plugin: Option<PathBuf>,

    #[command(flatten)]
    options: OptionArguments,

    #[command(flatten)]
    objects: ObjectArguments,

    #[command(flatten)]
    privacy: PrivacyArguments,

    /// Append rows as JSON lines to FILE, or write them to standard output (`-`, the default); add them to the tables of
    /// a database with `sqlite:FILE[?table=TABLE]`, or a FILE that ends in `.sqlite` or `.db`. With NAME, only the rows of
    /// that output. May be repeated.
    #[arg(long = "output", value_name = "[NAME=]FILE")]
    outputs: Vec<String>,

    /// What to do where a table does not fit the plan of the plugin [default: refuse].
    #[arg(long, value_enum)]
    on_schema_change: Option<OnSchemaChange>,

    #[command(flatten)]
    limits: LimitArguments,

    /// Memory limit for the whole process [default: none].
    #[arg(long, value_name = "SIZE")]
    process_memory: Option<Size>,

    /// How often to repeat a call that fails and asks to be repeated [default: 5].
    #[arg(long, value_name = "N")]
    retries: Option<u32>,

    /// End the command, and leave the file as it was, if more records fail than this number or share [default: 100%].
    #[arg(long, value_name = "N|PERCENT%")]
    max_failures: Option<MaxFailures>,

    /// Time in which the command ends after SIGTERM or SIGINT [default: 25s].
    #[arg(long, value_name = "TIME")]
    shutdown_timeout: Option<Span>,

    /// Keep rights of the process that the command does not need.
    #[arg(long)]
    no_confine: bool,
}

/// Runs, and replaces the file.
pub(super) fn execute(arguments: Arguments, environment: &Environment) -> Result<(), Report> {
    let origins = Origins::default();
    let report = |error| Report::of(&error, Names(&origins));
    let redrive = Redrive::begin(&environment.files, &arguments.letters).map_err(report)?;
    let name = arguments.letters.display().to_string();
    if redrive.is_empty() {
        tracing::info!("`{name}` holds no dead letters");
        return Ok(());
    }
    let layer = arguments.into_layer(&redrive);
    let ended = run::run(layer, environment, Some(EarlierRows::Redrive), None)?;
    if ended != Ended::EndOfData {
        tracing::warn!("not all records were processed: `{name}` is as it was");
        return Ok(());
    }
    let left = redrive.finish().map_err(report)?;
    tracing::info!("`{name}` holds {left} dead letters now");
    Ok(())
}

impl Arguments {
    fn into_layer(self, redrive: &Redrive) -> Layer {
        let mut layer = Layer {
            outputs: args::given(self.outputs),
            ..Layer::default()
        };
        self.options.add_to(&mut layer);
        self.objects.add_to(&mut layer);
        self.privacy.add_to(&mut layer);
        self.limits.add_to(&mut layer);
        layer.processor.plugin = self.plugin;
        layer.journal.recordings = Some(vec![redrive.letters().to_owned()]);
        layer.earlier.on_schema_change = self.on_schema_change;
        layer.process.memory = self.process_memory;
        layer.process.workers = Some(WorkerCount(NonZero::<usize>::MIN));
        layer.process.shutdown_timeout = self.shutdown_timeout;
        layer.process.no_confine = self.no_confine.then_some(true);
        layer.failure.on_failure = Some(OnFailure::DeadLetter);
        let remaining = redrive.remaining().to_string_lossy();
        layer.failure.dead_letters = Some(Text(remaining.into_owned()));
        let all = MaxFailures::Percent(Percent::ALL);
        layer.failure.max_failures = Some(self.max_failures.unwrap_or(all));
        layer.failure.retries = self.retries;
        layer
    }
}
