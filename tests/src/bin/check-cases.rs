//! Checks the SDK's objects against files of cases from upstream: `check-cases FILE...`; see `tests/oracle`.

use std::path::PathBuf;
use std::process::ExitCode;

use journal_tests::cases;

#[expect(
    clippy::print_stdout,
    reason = "the report is the data of this program"
)]
fn main() -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for path in std::env::args_os().skip(1).map(PathBuf::from) {
        let report = cases::check(&cases::read(&path));
        println!("{}: {report}", path.display());
        if report.mismatched > 0 {
            code = ExitCode::FAILURE;
        }
    }
    code
}
