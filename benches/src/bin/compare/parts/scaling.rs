//! Two workers with much work per record, where a second CPU helps.

use journal_tests::{Host, paths};

use crate::Arguments;
use crate::journal::{Loaded, Which};
use crate::results::{Report, Table, Target};
use crate::subject::{Measured, measure_hosts};

/// Iterations of an empty loop per record, and the number of records for a run of about ten seconds. The loop takes
/// about 15 or 60 microseconds, so that the broker and fetching matter less.
const WORK: [(u32, u64); 2] = [(45_000, 600_000), (180_000, 150_000)];

pub(super) fn measure(loaded: &Loaded, arguments: &Arguments, report: &mut Report) {
    let mut table = Table::new("a plugin with much work per record", "seconds", 2);
    for (iterations, records) in WORK {
        measure_one(loaded, arguments, iterations, records, &mut table);
    }
    report.add(table);
}

fn measure_one(
    loaded: &Loaded,
    arguments: &Arguments,
    iterations: u32,
    records: u64,
    table: &mut Table,
) {
    let mut wall = [Vec::new(), Vec::new()];
    let mut cpu = [Vec::new(), Vec::new()];
    for round in 0..=arguments.few_rounds.get() {
        for (index, workers) in ["1", "2"].into_iter().enumerate() {
            let group = format!("scaling-{iterations}-{workers}-{round}");
            let measured = run(loaded, workers, &group, iterations, records);
            if round > 0 {
                wall[index].push(measured.wall_seconds);
                cpu[index].push(measured.cpu_us());
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

fn run(loaded: &Loaded, workers: &str, group: &str, iterations: u32, records: u64) -> Measured {
    let topics = loaded.topics(Which::Large);
    let host = Host::run(&paths::plugin("guest-counter"))
        .args(["--brokers", &loaded.broker.address(), "--on-eof", "stop"])
        .args(["--prefix", topics.prefix.as_str(), "--workers", workers])
        .args(["--group-id", &topics.prefix.group(group)])
        .args(["--option", &format!("spin={iterations}")])
        .args(["--stop-after", &records.to_string()]);
    let mut measured = measure_hosts([host].into_iter());
    measured.records = records;
    measured
}
