//! No random input breaks the SDK or the host, or takes too much of the machine.

use std::process::Command;
use std::time::{Duration, Instant};

use journal_tests::{fuzz, fuzzing, seed};

const TIME: Duration = Duration::from_secs(10);

#[test]
fn mutated_values_are_objects_or_errors() {
    let start = Instant::now();
    let seed = seed::fresh("fuzzer");
    let mut fuzzer = fuzz::Fuzzer::new(seed, fuzz::initial_inputs());
    let first = fuzzer.corpus().len();
    while start.elapsed() < TIME {
        (0..1000).for_each(|_| fuzzer.step());
    }
    assert!(
        fuzzer.corpus().len() > first,
        "seed {seed} finds no new outcome"
    );
}

/// All targets together take 20 seconds, and the time for the regressions.
#[test]
fn random_input_breaks_no_target() {
    let seed = seed::fresh("fuzz");
    let finished = Command::new(env!("CARGO_BIN_EXE_fuzz"))
        .args(["--seconds", "4"])
        .env("JOURNAL_TESTS_SEED", seed.to_string())
        .output()
        .expect("the fuzzer can be started");
    let log = String::from_utf8_lossy(&finished.stderr);
    assert!(finished.status.success(), "seed {seed}: {log}");
    let reports = String::from_utf8_lossy(&finished.stdout);
    for target in fuzzing::TARGETS {
        let report = reports.lines().find_map(|line| line.strip_prefix(target));
        assert!(
            report.is_some_and(|report| report.contains(" inputs, ")),
            "{target} does not report: {reports}"
        );
    }
}
