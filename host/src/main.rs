//! The command `journal-host`.

use std::process::ExitCode;

use journal_host::cli::{self, Environment};

fn main() -> ExitCode {
    cli::main(&Environment::default())
}
