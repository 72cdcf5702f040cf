//! The command line: one file for each command.

mod args;
mod bench;
mod environment;
mod hints;
mod names;
mod report;
mod run;
mod values;

use clap::{Parser, Subcommand};

pub use environment::Environment;
pub use report::Report;

/// Runs WebAssembly plugins over the Software Heritage journal.
#[derive(Debug, Parser)]
#[command(name = "journal-host", version, about, max_term_width = 100)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(Box<run::Arguments>),
    Bench(Box<bench::Arguments>),
}

impl Arguments {
    /// Carries the command out.
    ///
    /// # Errors
    /// The failure, with its hint and exit code.
    pub fn execute(self) -> Result<(), Report> {
        self.execute_with(&Environment::default())
    }

    /// The same in another environment than the system's.
    ///
    /// # Errors
    /// As for [`execute`](Self::execute).
    pub fn execute_with(self, environment: &Environment) -> Result<(), Report> {
        match self.command {
            Command::Run(arguments) => run::execute(*arguments, environment),
            Command::Bench(arguments) => bench::execute(&arguments),
        }
    }
}
