//! The command line: one file for each command.

mod args;
mod bench;
mod build;
mod check;
mod compile;
mod config;
mod confined;
mod describe;
mod environment;
mod hints;
mod names;
mod new;
mod notices;
mod offsets;
mod produce;
mod record;
mod redrive;
mod report;
mod run;
mod show;
mod test;
mod values;

use std::env;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
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
    Describe(Box<describe::Arguments>),
    New(new::Arguments),
    Build(Box<build::Arguments>),
    Test(Box<test::Arguments>),
    Config(Box<config::Arguments>),
    Check(Box<check::Arguments>),
    Offsets(Box<offsets::Arguments>),
    Produce(Box<produce::Arguments>),
    Record(Box<record::Arguments>),
    Redrive(Box<redrive::Arguments>),
    Show(Box<show::Arguments>),
    #[command(name = crate::sandbox::compile::COMMAND, hide = true)]
    Compile(compile::Arguments),
}

/// Executes the command line of the process, and reports an error on standard error.
#[must_use]
pub fn main(environment: &Environment) -> ExitCode {
    let arguments = parse();
    if let Command::Compile(arguments) = &arguments.command {
        return compile::execute(arguments);
    }
    let done = logging::init()
        .map_err(Report::from)
        .and_then(|()| arguments.execute(environment));
    report::code(done).into()
}

/// Parses the command line of the process, or ends it with what is wrong.
fn parse() -> Arguments {
    Arguments::try_parse().unwrap_or_else(|mut error| {
        let command = env::args().nth(1).unwrap_or_default();
        let takes_options =
            ["run", "bench", "check", "redrive", "test"].contains(&command.as_str());
        if takes_options
            && error.kind() == ErrorKind::UnknownArgument
            && let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg)
            && let Some(name) = flag.strip_prefix("--")
        {
            let tip = format!("an option of the plugin is passed as '--option {name}=VALUE'");
            let _usual = error.insert(
                ContextKind::Suggested,
                ContextValue::StyledStrs(vec![tip.into()]),
            );
        }
        error.exit()
    })
}

impl Arguments {
    fn execute(self, environment: &Environment) -> Result<(), Report> {
        match self.command {
            Command::Run(arguments) => run::execute(*arguments, environment),
            Command::Bench(arguments) => bench::execute(&arguments),
            Command::Describe(arguments) => describe::execute(*arguments),
            Command::New(arguments) => new::execute(&arguments),
            Command::Build(arguments) => build::execute(*arguments),
            Command::Test(arguments) => test::execute(*arguments),
            Command::Config(arguments) => config::execute(*arguments),
            Command::Check(arguments) => check::execute(*arguments),
            Command::Offsets(arguments) => offsets::execute(*arguments),
            Command::Produce(arguments) => produce::execute(*arguments),
            Command::Show(arguments) => show::execute(*arguments),
            Command::Record(arguments) => record::execute(*arguments),
            Command::Redrive(arguments) => redrive::execute(*arguments, environment),
            // It ends before anything else of a command is set up.
            Command::Compile(_) => Ok(()),
        }
    }
}
