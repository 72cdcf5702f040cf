//! `journal-host test`: whether a plugin makes the rows that it should.

use std::io::{self, Write};
use std::path::PathBuf;

use super::args::{
    self, LimitArguments, ObjectArguments, PluginArguments, SettingsError, SourceArguments,
};
use super::confined;
use super::names::Names;
use super::report::{self, Report};
use super::watch::{self, WatchArguments};
use crate::config::{Config, ConfigError, Layer, OnFailure, Setting};
use crate::pipeline::build::{self, CompiledPlugin};
use crate::text::{LINE_BYTES, clean, plural};
use crate::trial::{self, Difference, Error, Options, Order, Passed, Trial};

/// How many rows of a difference are printed.
const SHOWN: usize = 5;

/// Runs a plugin and compares its rows with those in a file, and with those of runs in which the records are split into
/// other calls and checkpoints.
///
/// A plugin that may keep something from one call to the next is run once. Rows of an aggregate are merged before they
/// are compared.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    plugin: PluginArguments,

    #[command(flatten)]
    source: SourceArguments,

    #[command(flatten)]
    objects: ObjectArguments,

    /// Compare the rows with those in FILE, which are lines as `run` writes them to standard output.
    #[arg(long, value_name = "FILE")]
    expect: Option<PathBuf>,

    /// Write the rows to the file instead.
    #[arg(long, requires = "expect", conflicts_with = "watch")]
    update: bool,

    /// How rows are compared.
    #[arg(long, value_enum, value_name = "HOW", default_value = "in-any-order")]
    rows: Rows,

    /// Number of runs with other splits.
    #[arg(long, value_name = "N", default_value = "3", value_parser = clap::value_parser!(u64).range(..=1000))]
    splits: u64,

    /// Seed of the first of these runs; the others have the following seeds.
    #[arg(long, value_name = "S", default_value = "1")]
    seed: u64,

    /// Stop each run after this number of objects.
    #[arg(long, value_name = "N")]
    stop_after: Option<u64>,

    /// What to do with a record that the processor rejects [default: stop].
    #[arg(long, value_enum, value_name = "WHAT")]
    on_failure: Option<OnRejection>,

    #[command(flatten)]
    limits: LimitArguments,

    #[command(flatten)]
    watch: WatchArguments,
}

/// How rows are compared.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Rows {
    /// The same rows in the same order.
    InOrder,
    /// The same rows, each the same number of times.
    InAnyOrder,
}

/// What a rejected record leads to.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum OnRejection {
    /// The test fails.
    Stop,
    /// It is passed over.
    Skip,
}

/// Runs, compares, and prints the result.
pub(super) fn execute(arguments: Arguments) -> Result<(), Report> {
    let options = Options {
        expected: arguments.expect.clone(),
        update: arguments.update,
        order: match arguments.rows {
            Rows::InOrder => Order::InOrder,
            Rows::InAnyOrder => Order::InAnyOrder,
        },
        splits: arguments.splits,
        seed: arguments.seed,
    };
    if arguments.watch.watch {
        let expected = options.expected.into_iter().collect();
        return watch::execute(arguments.into_layer(), expected);
    }
    let (config, origins) = args::configure::<Config>(arguments.into_layer());
    let names = Names(&origins);
    let config = config.map_err(|error| match error.of_repeated_reading() {
        // A consumer group or the brokers are missing, and would not help.
        SettingsError::Config(ConfigError::Incomplete {
            missing: Setting::GroupId | Setting::Brokers,
            ..
        }) => Report::of(&Error::Cluster, names),
        error => Report::of(&error, names),
    })?;
    let report = |error| Report::of(&error, names);
    let source = trial::source(&config).map_err(report)?;
    let early = args::exit_on_signals()?;
    let compiled = CompiledPlugin::of(&config).map_err(|error| Report::of(&error, names))?;
    // Programs that read the source cannot be started later.
    let local = build::local(source).map_err(|error| Report::of(&error, names))?;
    if options.update
        && let Some(path) = &options.expected
    {
        trial::check_folder(path).map_err(report)?;
    }
    confined::confine_test(&config, options.expected.as_deref());
    let stop = args::install_signal_handlers(config.shutdown_timeout)?;
    drop(early);
    let tested = Trial::new(&config, compiled, local, &stop).and_then(|trial| trial.run(&options));
    match tested {
        Ok(passed) => {
            let text = said(&options, passed);
            report::print(&text).map_err(Report::of_standard_output)
        }
        Err(error) => {
            if let Error::NotExpected { difference, .. }
            | Error::DependsOnSplit { difference, .. } = &error
            {
                let printed = print(difference);
                report::unless_reader_is_gone(printed).map_err(Report::of_standard_output)?;
            }
            Err(report(error))
        }
    }
}

impl Arguments {
    /// The layer of the configuration that the command line sets.
    fn into_layer(self) -> Layer {
        let mut layer = Layer::default();
        self.plugin.add_to(&mut layer);
        self.source.add_to(&mut layer);
        self.objects.add_to(&mut layer);
        self.limits.add_to(&mut layer);
        if let Some(watched) = self.watch.watched {
            layer.processor.plugin = Some(watched);
        }
        layer.journal.stop_after = self.stop_after;
        layer.failure.on_failure = self.on_failure.map(|what| match what {
            OnRejection::Stop => OnFailure::Stop,
            OnRejection::Skip => OnFailure::Skip,
        });
        layer
    }
}

/// What was compared, when it was the same.
fn said(options: &Options, passed: Passed) -> String {
    let rows = plural(passed.rows, "row");
    let objects = plural(passed.objects, "object");
    let file = match &options.expected {
        Some(path) if options.update => format!(", written to `{}`", path.display()),
        Some(path) => format!(", as in `{}`", path.display()),
        None => String::new(),
    };
    let compared = match passed.splits {
        _ if passed.holds_state => {
            "\nno other split was tried: the plugin may keep something from one call to the next"
                .to_owned()
        }
        0 => String::new(),
        splits => {
            let splits = plural(splits, "other split");
            format!("; the same with {splits} (seed {})", options.seed)
        }
    };
    format!("ok: {rows} of {objects}{file}{compared}\n")
}

/// Prints the first rows that differ.
fn print(difference: &Difference) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    let Difference { missing, extra, .. } = difference;
    for (sign, what, rows) in [('-', "missing", missing), ('+', "not expected", extra)] {
        for row in rows.iter().take(SHOWN) {
            writeln!(stdout, "{sign} {}", clean(row, LINE_BYTES))?;
        }
        if rows.len() > SHOWN {
            let more = plural(rows.len() - SHOWN, "more row");
            writeln!(stdout, "{sign} and {more} {what}")?;
        }
    }
    stdout.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_says_what_was_compared() {
        let mut options = Options {
            expected: Some("g.jsonl".into()),
            update: false,
            order: Order::InOrder,
            splits: 3,
            seed: 7,
        };
        let mut passed = Passed {
            objects: 10,
            rows: 1,
            splits: 3,
            holds_state: false,
        };
        assert_eq!(
            said(&options, passed),
            "ok: 1 row of 10 objects, as in `g.jsonl`; the same with 3 other splits (seed 7)\n"
        );
        options.update = true;
        passed.holds_state = true;
        let text = said(&options, passed);
        assert!(text.starts_with(
            "ok: 1 row of 10 objects, written to `g.jsonl`\nno other split was tried"
        ));
    }
}
