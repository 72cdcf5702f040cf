//! Two workers where each record takes much work: then the second processor helps.

use journal_tests::{Host, paths};

use crate::Arguments;
use crate::journal::{Loaded, Which};
use crate::results::{Report, Table, Target};
use crate::subject::{Measured, measure_hosts};

/// Turns of an empty loop for each record, and how many records make a run of some ten seconds: some 15 microseconds of
/// work and some 60, beside which the broker and the fetching weigh less.
const WORK: [(u32, u64); 2] = [(45_000, 600_000), (180_000, 150_000)];

pub(super) fn measure(loaded: &Loaded, arguments: &Arguments, report: &mut Report) {
    let mut table = Table::new("a plugin that works long on each record", "seconds", 2);
    for (turns, records) in WORK {
        measure_one(loaded, arguments, turns, records, &mut table);
    }
    report.add(table);
}

fn measure_one(
    loaded: &Loaded,
    arguments: &Arguments,
    turns: u32,
    records: u64,
    table: &mut Table,
) {
    let mut wall = [Vec::new(), Vec::new()];
    let mut cpu = [Vec::new(), Vec::new()];
    for round in 0..=arguments.few_rounds.get() {
        for (place, workers) in ["1", "2"].into_iter().enumerate() {
            let group = format!("scaling-{turns}-{workers}-{round}");
            let measured = run(loaded, workers, &group, turns, records);
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
    let of = |workers| format!("{records} records, {workers}");
    table
        .row(&of("1 worker"), &wall[0])
        .ratio("CPU us/record", &cpu[0], None);
    table
        .row(&of("2 workers"), &wall[1])
        .ratio(
            "of the time of 1 worker",
            &ratio(&wall),
            Some(Target::AtMost(0.55)),
        )
        .ratio("of its CPU time", &ratio(&cpu), None);
}

fn run(loaded: &Loaded, workers: &str, group: &str, turns: u32, records: u64) -> Measured {
    let topics = loaded.topics(Which::Large);
    let host = Host::run(&paths::plugin("guest-counter"))
        .args(["--brokers", &loaded.broker.address(), "--on-eof", "stop"])
        .args(["--prefix", topics.prefix.as_str(), "--workers", workers])
        .args(["--group-id", &topics.prefix.group(group)])
        .args(["--option", &format!("spin={turns}")])
        .args(["--stop-after", &records.to_string()]);
    let mut measured = measure_hosts([host].into_iter());
    measured.records = records;
    measured
}
