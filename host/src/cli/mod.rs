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
mod unfinished;
mod values;
mod watch;

use std::env;
use std::ffi::{OsStr, OsString};
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Parser, Subcommand, ValueEnum};

pub use environment::Environment;

use crate::config::{Anonymise, Privileged};
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
    Run(Box<run::Command>),
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

/// The arguments, where the optional value that follows its flag is joined to it. clap takes such values after an equals
/// sign alone, so that the next argument is never lost to them.
fn with_equals(arguments: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut joined: Vec<OsString> = Vec::new();
    for argument in arguments {
        match joined.last_mut() {
            Some(flag) if is_value_of(flag, &argument) => {
                flag.push("=");
                flag.push(argument);
            }
            _ => joined.push(argument),
        }
    }
    joined
}

/// Whether this is one of the values of a flag whose value is optional.
fn is_value_of(flag: &OsStr, argument: &OsStr) -> bool {
    let Some(text) = argument.to_str() else {
        return false;
    };
    match flag.to_str() {
        Some("--privileged") => Privileged::from_str(text, false).is_ok(),
        Some("--anonymise") => Anonymise::from_str(text, false).is_ok(),
        _ => false,
    }
}

/// Parses the command line of the process, or ends it with what is wrong.
fn parse() -> Arguments {
    Arguments::try_parse_from(with_equals(env::args_os())).unwrap_or_else(|mut error| {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn optional_value_may_follow_its_flag_and_the_next_argument_is_not_lost() {
        let joined = |text: &str| {
            let arguments = with_equals(text.split(' ').map(OsString::from));
            let texts = arguments.into_iter().map(|one| one.into_string().unwrap());
            texts.collect::<Vec<_>>().join(" ")
        };
        for (given, expected) in [
            ("run --anonymise strict p", "run --anonymise=strict p"),
            (
                "run --privileged if-available p",
                "run --privileged=if-available p",
            ),
            ("run --anonymise p.wasm", "run --anonymise p.wasm"),
            (
                "run --privileged --anonymise no",
                "run --privileged --anonymise=no",
            ),
            ("run --masked strict", "run --masked strict"),
        ] {
            assert_eq!(joined(given), expected);
        }
    }
}
