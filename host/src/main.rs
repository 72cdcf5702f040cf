//! The command `journal-host`.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use journal_host::cli::Arguments;
use journal_host::observe::logging;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    logging::init();
    match arguments.execute() {
        Ok(()) => ExitCode::SUCCESS,
        Err(report) => {
            // Nothing is left to be told where standard error is gone.
            let _told = writeln!(std::io::stderr(), "{report}");
            report.exit_code()
        }
    }
}
