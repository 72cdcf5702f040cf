//! `journal-host bench`: how fast a processor is, and where its time goes.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::args::{self, BoundArguments, ObjectArguments, OptionArguments};
use super::report::Report;
use crate::bench::{Benchmark, Conditions, Identity, Measured, Round, Subject, Table};
use crate::pipeline::stop::Stop;
use crate::sandbox::{Engine, LoadTimes, Plugin, Processor};

/// The rows of the table, for `--help`.
const ROWS: &str = "\
Rows of the table, each the median of the rounds (minimum to maximum):
  objects/s, MB/s   by wall-clock time
  CPU per object    CPU time of the worker's thread, which consists of:
    source          decompressing the recording and parsing its records
    gather          selecting records and copying them into columns
    boundary        copying columns into the guest and results out, growing memory, log lines
    guest           the plugin's own code and its allocator
    emit            checking rows and encoding them as JSON, or merging them into an aggregate
    sink            accepting the rows of each call; at checkpoints, writing them to /dev/null
    rest            the worker's loop, dropping the instance
  guest memory      the largest linear memory of an instance
  compile           loading the plugin without the cache
  load from cache   loading the plugin with the cache
  start             creating an instance and calling `start`

Kafka, disks and several workers are not measured. See docs/benchmarking.md.";

/// Measures how fast a plugin is, and where its time goes.
///
/// Each round runs a new instance of the plugin over the recording, as `run` does. Rows are encoded as JSON lines and
/// discarded; rejected records are counted and skipped.
#[derive(Debug, clap::Args)]
#[command(after_long_help = ROWS)]
pub(super) struct Arguments {
    /// Plugin file (`.wasm`).
    plugin: PathBuf,

    /// Recording to read; must be a regular file.
    #[arg(long, value_name = "FILE")]
    recording: PathBuf,

    /// Also measure this plugin, with the same options; the two alternate.
    #[arg(long, value_name = "OTHER.wasm")]
    compare: Option<PathBuf>,

    /// Number of measured rounds.
    #[arg(long, value_name = "N", default_value = "5", value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,

    /// Number of rounds before them that are not measured.
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u32).range(0..=1000))]
    warm_up: u32,

    /// Print all figures of all rounds as JSON instead of the table.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    options: OptionArguments,

    #[command(flatten)]
    objects: ObjectArguments,

    #[command(flatten)]
    bounds: BoundArguments,
}

/// Loads, measures round by round, and writes the result.
pub(super) fn execute(arguments: &Arguments) -> Result<(), Report> {
    arguments.check()?;
    let stop = args::install_signal_handlers()?;
    let engine = Engine::new()?;
    let mut entrants = arguments
        .plugins()
        .map(|path| {
            arguments
                .load(&engine, path)
                .map_err(|report| arguments.of_plugin(path, report))
        })
        .collect::<Result<Vec<_>, _>>()?;
    arguments.measure(&mut entrants, &stop)?;
    let benchmark = arguments.sum_up(entrants);
    arguments
        .write(&benchmark)
        .or_else(|error| match error.kind() {
            // The reader has seen enough, as with `run`.
            io::ErrorKind::BrokenPipe => Ok(()),
            _ => Err(Report::failure(
                anyhow::Error::new(error).context("cannot write to standard output"),
                None,
            )),
        })
}

/// A plugin with its rounds so far.
struct Entrant {
    path: PathBuf,
    subject: Subject,
    load: LoadTimes,
    rounds: Vec<Round>,
}

impl Arguments {
    fn check(&self) -> Result<(), Report> {
        let is_file = self.recording.metadata().map(|metadata| metadata.is_file());
        // What is not there is told by whoever opens it.
        if matches!(is_file, Ok(false)) {
            return Err(Report::wrong_use(
                anyhow::anyhow!("`{}` is not a file", self.recording.display()),
                Some(
                    "each round reads the recording anew: `--recording` takes a regular file"
                        .to_owned(),
                ),
            ));
        }
        BoundArguments::check(&self.bounds.shares())
    }

    fn plugins(&self) -> impl Iterator<Item = &Path> {
        [Some(&self.plugin), self.compare.as_ref()]
            .into_iter()
            .flatten()
            .map(PathBuf::as_path)
    }

    /// Where there are two plugins, an error says of which it is.
    fn of_plugin(&self, path: &Path, report: Report) -> Report {
        if self.compare.is_some() {
            report.about(format!("with the plugin `{}`", path.display()))
        } else {
            report
        }
    }

    fn load(&self, engine: &Engine, path: &Path) -> Result<Entrant, Report> {
        let limits = self.bounds.limits(&self.bounds.shares());
        let (plugin, load) = Plugin::load_timed(engine, path, limits)?;
        let options = self.options.of(&plugin)?;
        let (_, plan) = Processor::start(&plugin, &options, limits)?;
        Ok(Entrant {
            path: path.to_owned(),
            subject: Subject {
                object_types: self.objects.of(&plan)?,
                plugin: Arc::new(plugin),
                options: options.into(),
                plan: Arc::new(plan),
            },
            load,
            rounds: Vec::new(),
        })
    }

    fn measure(&self, entrants: &mut [Entrant], stop: &Stop) -> Result<(), Report> {
        let shares = self.bounds.shares();
        let conditions = Conditions {
            recording: self.recording.clone(),
            prefix: self.objects.prefix.clone(),
            privileged: self.objects.privileged,
            limits: self.bounds.limits(&shares),
            batch_limits: self.bounds.batch_limits(&shares),
        };
        for number in 0..self.warm_up + self.rounds {
            // Who comes first changes, in case that is an advantage.
            for turn in 0..entrants.len() {
                let place = if number.is_multiple_of(2) {
                    turn
                } else {
                    entrants.len() - 1 - turn
                };
                let entrant = &mut entrants[place];
                let round = entrant
                    .subject
                    .round(&conditions, stop, self.title(number))
                    .map_err(|error| self.of_plugin(&entrant.path, error.into()))?;
                if number >= self.warm_up {
                    entrant.rounds.push(round);
                }
            }
        }
        Ok(())
    }

    /// What the progress line begins with.
    fn title(&self, number: u32) -> String {
        if number < self.warm_up {
            format!("warming up, {} of {}: ", number + 1, self.warm_up)
        } else {
            let number = number - self.warm_up + 1;
            format!("round {number} of {}: ", self.rounds)
        }
    }

    fn sum_up(&self, entrants: Vec<Entrant>) -> Benchmark {
        let plugins: Vec<_> = entrants.into_iter().map(Entrant::sum_up).collect();
        let ratios = match &plugins[..] {
            [first, second] => Some(second.by(first)),
            _ => None,
        };
        Benchmark {
            host_version: env!("CARGO_PKG_VERSION"),
            recording: self.recording.display().to_string(),
            warm_up: self.warm_up,
            plugins,
            ratios,
        }
    }

    fn write(&self, benchmark: &Benchmark) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        if self.json {
            serde_json::to_writer_pretty(&mut stdout, benchmark)?;
            writeln!(stdout)?;
        } else {
            write!(stdout, "{}", Table(benchmark))?;
        }
        stdout.flush()
    }
}

impl Entrant {
    fn sum_up(self) -> Measured {
        let plugin = &self.subject.plugin;
        let identity = Identity {
            plugin: self.path.display().to_string(),
            name: plugin.description().name.clone(),
            version: plugin.description().version.clone(),
            sha256: plugin.digest().to_owned(),
        };
        Measured::new(identity, self.load, self.rounds)
    }
}
