//! Two workers where each record takes much work: then the second processor helps.

use journal_tests::{Host, paths};

use crate::Arguments;
use crate::journal::{Loaded, Which};
use crate::results::{Report, Table, Target};
use crate::subject::{Measured, measure_hosts};

/// Turns of an empty loop for each record: some 20 microseconds of work.
const TURNS: u32 = 40_000;

pub(super) fn measure(loaded: &Loaded, arguments: &Arguments, report: &mut Report) {
    let mut wall = [Vec::new(), Vec::new()];
    let mut cpu = [Vec::new(), Vec::new()];
    for round in 0..=arguments.few_rounds.get() {
        for (place, workers) in ["1", "2"].into_iter().enumerate() {
            let measured = run(loaded, workers, round);
            if round > 0 {
                wall[place].push(measured.wall_seconds);
                cpu[place].push(measured.cpu_us());
            }
        }
    }
    let ratio = |of: &[Vec<f64>; 2]| {
        let rounds = of[1].iter().zip(&of[0]);
        rounds.map(|(two, one)| two / one).collect::<Vec<_>>()
    };
    let mut table = Table::new("a plugin that works long on each record", "seconds", 2);
    table
        .row("1 worker", &wall[0])
        .ratio("CPU us/record", &cpu[0], None);
    table
        .row("2 workers", &wall[1])
        .ratio(
            "of the time of 1 worker",
            &ratio(&wall),
            Some(Target::AtMost(0.55)),
        )
        .ratio("of its CPU time", &ratio(&cpu), None);
    report.add(table);
}

fn run(loaded: &Loaded, workers: &str, round: usize) -> Measured {
    let topics = loaded.topics(Which::Large);
    let host = Host::run(&paths::plugin("guest-counter"))
        .args(["--brokers", &loaded.broker.address(), "--on-eof", "stop"])
        .args(["--prefix", topics.prefix.as_str(), "--workers", workers])
        .args([
            "--group-id",
            &topics.prefix.group(&format!("scaling-{workers}-{round}")),
        ])
        .args(["--option", &format!("spin={TURNS}")])
        .args(["--stop-after", &RECORDS.to_string()]);
    let mut measured = measure_hosts([host].into_iter());
    measured.records = RECORDS;
    measured
}

/// Enough for a run of some ten seconds.
const RECORDS: u64 = 600_000;
