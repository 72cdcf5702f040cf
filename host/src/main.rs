//! The command `journal-host`.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use journal_host::cli::{Arguments, Report};
use journal_host::observe::logging;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = logging::init()
        .map_err(Report::from)
        .and_then(|()| arguments.execute());
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(report) => {
            // Nobody can be told where standard error cannot be written.
            let _written = writeln!(std::io::stderr(), "{report}");
            report.exit_code()
        }
    }
}
