//! Records from a recording, which are decompressed, read and processed on one CPU.

use std::path::Path;

use journal_tests::{Host, paths};

use crate::Arguments;
use crate::answer;
use crate::journal::{Loaded, REPETITIONS, Work};
use crate::results::{Report, Table, Target};
use crate::subject::{Measured, run_hosts};

pub(super) fn measure(loaded: &Loaded, arguments: &Arguments, report: &mut Report) {
    let recording = loaded.write_recording();
    let mut measured = [Vec::new(), Vec::new()];
    for round in 0..=arguments.rounds.get() {
        for (index, work) in [Work::Counts, Work::Months].into_iter().enumerate() {
            let took = run(loaded, work, &recording);
            if round > 0 {
                measured[index].push(took);
            }
        }
    }
    let mut table = Table::new(
        "work from a recording, on one processor",
        "CPU us/record",
        2,
    );
    for ((name, least), measured) in [("counts", 1.5), ("months", 0.8)]
        .into_iter()
        .zip(&measured)
    {
        let numbers =
            |number: fn(&Measured) -> f64| measured.iter().map(number).collect::<Vec<_>>();
        let millions: Vec<f64> = measured.iter().map(|one| one.rate() / 1e6).collect();
        table
            .row(name, &numbers(Measured::cpu_us))
            .rate(&numbers(Measured::rate))
            .ratio("million records/s", &millions, Some(Target::AtLeast(least)));
    }
    report.add(table);
}

/// The rate counts only the records that the plugin reads, although the host also has to skip the others.
fn run(loaded: &Loaded, work: Work, recording: &Path) -> Measured {
    let host = || {
        Host::after("taskset --cpu-list --pid 0 $$ >/dev/null")
            .arg("run")
            .arg(paths::plugin(work.plugin()))
            .arg("--recording")
            .arg(recording)
    };
    let (mut measured, found) = run_hosts(work, 1, host);
    measured.records = loaded.records(work) * u64::from(REPETITIONS);
    if work == Work::Counts {
        assert_eq!(
            found,
            answer::times(&loaded.counts(), u64::from(REPETITIONS))
        );
    }
    measured
}
