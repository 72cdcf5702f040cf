//! Runs a command and writes what it took to a file: `measured REPORT COMMAND [ARGUMENT...]`.
//!
//! The report is its CPU time in microseconds and its peak resident memory in bytes. Processes that it started and
//! waited for count, too.

use std::env;
use std::fs;
use std::process::{Command, ExitCode};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

fn main() -> ExitCode {
    let mut arguments = env::args_os().skip(1);
    let report = arguments.next().expect("the first argument is the report");
    let program = arguments.next().expect("the second argument is a program");
    let status = Command::new(program)
        .args(arguments)
        .status()
        .expect("the program can be started");
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("the system counts");
    let cpu = usage.user_time() + usage.system_time();
    // Linux counts kibibytes.
    let peak = usage.max_rss() * 1024;
    fs::write(report, format!("{} {peak}", cpu.num_microseconds()))
        .expect("the report's folder is there");
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.map_or(ExitCode::FAILURE, ExitCode::from)
}
