//! `journal-host` with the faults of [`journal_tests::faults`], for the end-to-end tests.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use journal_host::cli::{Arguments, Environment};
use journal_host::observe::logging;
use journal_tests::faults::FaultyFiles;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    logging::init();
    let environment = Environment {
        files: Arc::new(FaultyFiles::from_environment()),
    };
    arguments
        .execute_with(&environment)
        .map_or_else(|report| say(&report), |()| ExitCode::SUCCESS)
}

fn say(report: &journal_host::cli::Report) -> ExitCode {
    eprintln!("{report}");
    report.exit_code()
}
