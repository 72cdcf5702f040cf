//! `journal-host` with the faults of [`journal_tests::faults`], for the end-to-end tests.

use std::process::ExitCode;
use std::sync::Arc;

use journal_host::cli::{self, Environment};
use journal_tests::faults::FaultyFiles;
use journal_tests::probe;

fn main() -> ExitCode {
    cli::main(&Environment {
        files: Arc::new(FaultyFiles::from_environment()),
        confined: probe::from_environment,
    })
}
