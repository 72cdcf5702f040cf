//! Fuzzes everything that takes input that is not trusted: see [`journal_tests::fuzzing`].

use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Duration;

use clap::Parser;
use journal_host::sandbox::{CompileLimits, compile};
use journal_tests::{fuzzing, paths, seed};

/// Set in the process that fuzzes.
const FUZZES: &str = "JOURNAL_TESTS_FUZZES";

/// Fuzzes plugin files, answers of plugins, emissions, recordings and values.
#[derive(Parser)]
struct Arguments {
    /// The targets to fuzz, each in turn: all by default.
    #[arg(value_parser = clap::builder::PossibleValuesParser::new(fuzzing::TARGETS))]
    targets: Vec<String>,

    /// Seconds for each target.
    #[arg(long, default_value_t = 600)]
    seconds: u64,

    /// Takes only the input in this file.
    #[arg(long, value_name = "FILE")]
    replay: Option<PathBuf>,
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "its output")]
fn main() -> ExitCode {
    // The host compiles plugins in a process of its own executable.
    let mut given = std::env::args().skip(1);
    if given.next().as_deref() == Some(compile::COMMAND) {
        let mut number = || given.next().and_then(|number| number.parse::<u64>().ok());
        let (Some(memory_bytes), Some(seconds)) = (number(), number()) else {
            return ExitCode::FAILURE;
        };
        return compile::serve(CompileLimits {
            memory_bytes: usize::try_from(memory_bytes).unwrap_or(usize::MAX),
            cpu: Duration::from_secs(seconds),
        });
    }
    let arguments = Arguments::parse();
    let targets: Vec<&str> = if arguments.targets.is_empty() {
        fuzzing::TARGETS.into()
    } else {
        arguments.targets.iter().map(String::as_str).collect()
    };
    if let Some(name) = std::env::var_os(FUZZES).and_then(|name| name.into_string().ok()) {
        if let Some(input) = &arguments.replay {
            println!("{name}: {}", fuzzing::replay(&name, input));
        } else {
            let time = Duration::from_secs(arguments.seconds);
            let report = fuzzing::run(&name, seed::fresh(&name), time);
            println!(
                "{name}: {} inputs, {} kinds of outcomes",
                report.inputs, report.outcomes
            );
        }
        return ExitCode::SUCCESS;
    }
    // Each target has a process, so that a crash is noticed and the other targets go on.
    let mut code = ExitCode::SUCCESS;
    for target in targets {
        // Entries of the cache would let the host pass over its checks.
        let cache = paths::target().join("fuzz").join(target);
        let executable = std::env::current_exe().expect("a process has an executable");
        let status = Command::new(executable)
            .args(std::env::args_os().skip(1))
            .env(FUZZES, target)
            .env("XDG_CACHE_HOME", &cache)
            .status();
        let _ = std::fs::remove_dir_all(&cache);
        if !status.is_ok_and(|status| status.success()) {
            let input = match &arguments.replay {
                Some(input) => input.clone(),
                None => fuzzing::keep_failure(target),
            };
            let (input, kept) = (input.display(), fuzzing::regressions(target));
            eprintln!("{target} fails for the input in {input}");
            eprintln!("again: fuzz {target} --replay {input}");
            eprintln!("mended: move it to {}", kept.display());
            code = ExitCode::FAILURE;
        }
    }
    code
}
