//! `journal-host bench`: how fast a processor is, and where its time goes.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::args::{
    self, LimitArguments, ObjectArguments, PluginArguments, SettingsError, SourceArguments,
};
use super::confined;
use super::hints::Explain;
use super::names::Names;
use super::report::{self, Report};
use super::values;
use crate::bench::{self, Benchmark, Conditions, Identity, Measured, Round, Subject, Table};
use crate::config::{Config, ConfigError, Layer, PluginOptions, Setting};
use crate::pipeline::build::{self, Program};
use crate::pipeline::stop::Stop;
use crate::sandbox::{Engine, LoadTimes, Prepared};

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
/// Each round reads the recording again, with a new instance and the same parts as in `run`; rows are
/// encoded as JSON lines and dropped. A rejected record is counted and passed over.
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = ROWS)]
pub(super) struct Arguments {
    #[command(flatten)]
    plugin: PluginArguments,

    #[command(flatten)]
    source: SourceArguments,

    /// Also measure this plugin; the two alternate. It gets the same options unless it is given its own.
    #[arg(long, value_name = "OTHER.wasm")]
    compare: Option<PathBuf>,

    /// Set an option of the plugin of `--compare`, which then gets none of the other plugin's; may be repeated.
    #[arg(long = "compare-option", value_name = "KEY=VALUE", requires = "compare", value_parser = values::plugin_option)]
    compare_options: Vec<(String, String)>,

    /// Read the options of the plugin of `--compare` from a file with a JSON object; `--compare-option` overrides it.
    #[arg(long = "compare-options", value_name = "FILE", requires = "compare")]
    compare_options_file: Option<PathBuf>,

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
    objects: ObjectArguments,

    #[command(flatten)]
    limits: LimitArguments,
}

/// Loads, measures round by round, and writes the result.
pub(super) fn execute(arguments: &Arguments) -> Result<(), Report> {
    let (config, origins) = args::configure::<Config>(arguments.layer());
    let names = Names(&origins);
    let config = config.map_err(|error| match error.of_repeated_reading() {
        // A consumer group or the brokers are missing, and would not help.
        SettingsError::Config(ConfigError::Incomplete {
            missing: Setting::GroupId | Setting::Brokers,
            ..
        }) => Report::of(&bench::Error::Cluster, names),
        error => Report::of(&error, names),
    })?;
    let conditions = Conditions::new(&config).map_err(|error| Report::of(&error, names))?;
    let bench = Bench {
        arguments,
        config,
        conditions,
        names,
    };
    let early = args::exit_on_signals()?;
    let engine = Engine::new(build::compiler(&bench.config.limits))
        .map_err(|error| Report::of(&error, names))?;
    let prepared = bench.prepare(&engine)?;
    confined::confine_bench(
        &bench.config,
        bench.arguments.compare_options_file.as_deref(),
    );
    let stop = args::install_signal_handlers(bench.config.shutdown_timeout)?;
    drop(early);
    let entrants = bench.entrants(&engine, prepared)?;
    let entrants = bench.measure(entrants, &stop)?;
    let benchmark = bench.sum_up(entrants);
    let written = bench.write(&benchmark);
    report::unless_reader_is_gone(written).map_err(Report::of_standard_output)
}

/// A benchmark whose configuration is checked.
struct Bench<'a> {
    arguments: &'a Arguments,
    config: Config,
    conditions: Conditions,
    names: Names<'a>,
}

/// A compiled plugin with its path, and how long compiling took.
type Compiled<'a> = (&'a PathBuf, (Prepared, LoadTimes));

/// A plugin with its rounds so far.
struct Entrant {
    path: PathBuf,
    subject: Subject,
    load: LoadTimes,
    rounds: Vec<Round>,
}

impl Arguments {
    /// The layer of the configuration that the command line sets.
    fn layer(&self) -> Layer {
        let mut layer = Layer::default();
        self.plugin.clone().add_to(&mut layer);
        self.objects.clone().add_to(&mut layer);
        self.limits.clone().add_to(&mut layer);
        self.source.clone().add_to(&mut layer);
        layer
    }

    /// The title of the progress line.
    fn title(&self, number: u32) -> String {
        if number < self.warm_up {
            format!("warming up, {} of {}: ", number + 1, self.warm_up)
        } else {
            let number = number - self.warm_up + 1;
            format!("round {number} of {}: ", self.rounds)
        }
    }
}

impl Bench<'_> {
    /// An error of one plugin, which is named where there are two.
    fn report(&self, entrant: &Path, error: &impl Explain) -> Report {
        let report = Report::of(error, self.names);
        if self.arguments.compare.is_some() {
            report.about(format!("with the plugin `{}`", entrant.display()))
        } else {
            report
        }
    }

    /// Compiles the plugins.
    fn prepare(&self, engine: &Engine) -> Result<Vec<Compiled<'_>>, Report> {
        let compared = self.arguments.compare.as_ref();
        let paths = [Some(&self.config.plugin), compared].into_iter().flatten();
        let prepared = paths.map(|path| {
            let program = Program::of(path, &self.config.script);
            let prepared = program.and_then(|program| program.prepare_timed(engine));
            let prepared = prepared.map_err(|error| self.report(path, &error))?;
            Ok((path, prepared))
        });
        prepared.collect()
    }

    /// The options of the plugin that is compared.
    fn compare_options(&self) -> PluginOptions {
        let (texts, file) = (
            &self.arguments.compare_options,
            &self.arguments.compare_options_file,
        );
        if texts.is_empty() && file.is_none() {
            return self.config.options.clone();
        }
        PluginOptions {
            texts: texts.clone(),
            file: file.clone(),
            ..PluginOptions::default()
        }
    }

    fn entrants(
        &self,
        engine: &Engine,
        prepared: Vec<Compiled<'_>>,
    ) -> Result<Vec<Entrant>, Report> {
        prepared
            .into_iter()
            .zip([self.config.options.clone(), self.compare_options()])
            .map(|((path, prepared), options)| {
                let config = Config {
                    options,
                    ..self.config.clone()
                };
                let loaded = Subject::load(engine, prepared, &config, &self.conditions);
                let (subject, load) = loaded.map_err(|error| self.report(path, &error))?;
                Ok(Entrant {
                    path: path.clone(),
                    subject,
                    load,
                    rounds: Vec::new(),
                })
            })
            .collect()
    }

    fn measure(&self, mut entrants: Vec<Entrant>, stop: &Stop) -> Result<Vec<Entrant>, Report> {
        let Arguments {
            rounds, warm_up, ..
        } = *self.arguments;
        for number in 0..warm_up + rounds {
            // The order alternates, in case going first is an advantage.
            for turn in 0..entrants.len() {
                let index = if number.is_multiple_of(2) {
                    turn
                } else {
                    entrants.len() - 1 - turn
                };
                let entrant = &mut entrants[index];
                let round = entrant
                    .subject
                    .round(&self.conditions, stop, self.arguments.title(number))
                    .map_err(|error| self.report(&entrant.path, &error))?;
                // Every round would repeat its lines.
                entrant.subject.plugin.silence();
                if number >= warm_up {
                    entrant.rounds.push(round);
                }
            }
        }
        Ok(entrants)
    }

    fn sum_up(&self, entrants: Vec<Entrant>) -> Benchmark {
        let plugins: Vec<_> = entrants.into_iter().map(Entrant::sum_up).collect();
        let ratios = match &plugins[..] {
            [first, second] => Some(second.by(first)),
            _ => None,
        };
        Benchmark {
            host_version: env!("CARGO_PKG_VERSION"),
            recording: self.conditions.name.clone(),
            warm_up: self.arguments.warm_up,
            plugins,
            ratios,
        }
    }

    fn write(&self, benchmark: &Benchmark) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        if self.arguments.json {
            serde_json::to_writer_pretty(&mut stdout, benchmark)?;
            writeln!(stdout)?;
        } else {
            let table = Table {
                benchmark,
                on_rejections: Some(
                    "`journal-host run --on-failure skip` says which records were rejected, and why.".to_owned(),
                ),
            };
            write!(stdout, "{table}")?;
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
