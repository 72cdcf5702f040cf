//! The command line: one file for each command.

mod args;
mod bench;
mod environment;
mod hints;
mod names;
mod produce;
mod record;
mod report;
mod run;
mod values;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use environment::Environment;

use crate::observe::logging;
use report::Report;

/// Runs WebAssembly plugins over the Software Heritage journal.
#[derive(Debug, Parser)]
#[command(name = "journal-host", version, about, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(Box<run::Arguments>),
    Bench(Box<bench::Arguments>),
    Produce(Box<produce::Arguments>),
    Record(Box<record::Arguments>),
}

/// Executes the command line of the process, and reports an error on standard error.
#[must_use]
pub fn main(environment: &Environment) -> ExitCode {
    let arguments = Arguments::parse();
    let done = logging::init()
        .map_err(Report::from)
        .and_then(|()| arguments.execute(environment));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(report) => {
            // Where standard error cannot be written, the error cannot be reported.
            let _written = writeln!(std::io::stderr(), "{report}");
            report.exit_code()
        }
    }
}

impl Arguments {
    fn execute(self, environment: &Environment) -> Result<(), Report> {
        match self.command {
            Command::Run(arguments) => run::execute(*arguments, environment),
            Command::Bench(arguments) => bench::execute(&arguments),
            Command::Produce(arguments) => produce::execute(*arguments),
            Command::Record(arguments) => record::execute(*arguments),
        }
    }
}
