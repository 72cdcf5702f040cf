//! CPU time per record from Kafka, compared with plain Rust and Python.

use crate::Arguments;
use crate::journal::{Loaded, Which, Work};
use crate::native::Program;
use crate::results::{Report, Table, Target};
use crate::rounds::{Participant, Rounds};
use crate::subject::{Measured, Subject};

const POLL_COUNTS: &str = "counts, plain Rust, `poll`";
const BATCH_COUNTS: &str = "counts, plain Rust, batch call";
const HOST_COUNTS: &str = "counts, **journal-host**";
const PYTHON_COUNTS: &str = "counts, Python";

const STRUCTS: &str = "months, plain Rust, `poll` and rmp-serde structs";
const FLOOR: &str = "months, plain Rust, batch call and lazy model: the floor";
const HOST_MONTHS: &str = "months, **journal-host**";
const TWO_WORKERS: &str = "months, **journal-host**, 2 workers";
const FOUR_WORKERS: &str = "months, **journal-host**, 4 workers";
const TWO_PROCESSES: &str = "months, **journal-host**, 2 processes";
const PYTHON_DICTS: &str = "months, Python, on dicts";
const PYTHON_OBJECTS: &str = "months, Python, on model objects";

const STRUCTS_MANY: &str = "months, 64 partitions, plain Rust, `poll` and rmp-serde structs";
const FLOOR_MANY: &str = "months, 64 partitions, plain Rust, the floor";
const HOST_MANY: &str = "months, 64 partitions, **journal-host**";

const PLAIN_ROWS: &str = "rows, plain Rust, `poll`, rmp-serde and serde_json";
const HOST_ROWS: &str = "rows, **journal-host**";

/// The target for the CPU time per record of several workers, relative to one worker.
const MORE_WORKERS: Target = Target::AtMost(1.05);

pub(super) fn measure(loaded: &Loaded, arguments: &Arguments, report: &mut Report) {
    let rounds = Rounds::run(loaded, participants(arguments));
    let cpu = Measured::cpu_us;
    let mut table = Table::new("work from Kafka", "CPU us/record", 2);
    let mut row = |name: &str, ratios: &[(&str, &str, Option<Target>)]| {
        let row = table.row(name, &rounds.of(name, cpu));
        row.rate(&rounds.of(name, Measured::rate));
        for (other, to, target) in ratios {
            row.ratio(to, &rounds.ratio(name, other, cpu), *target);
        }
    };
    let at_most = |most| Some(Target::AtMost(most));
    row(POLL_COUNTS, &[]);
    row(BATCH_COUNTS, &[(POLL_COUNTS, "to `poll`", None)]);
    row(HOST_COUNTS, &[(POLL_COUNTS, "to `poll`", at_most(0.9))]);
    row(STRUCTS, &[]);
    row(FLOOR, &[(STRUCTS, "to structs", None)]);
    row(
        HOST_MONTHS,
        &[
            (STRUCTS, "to structs", at_most(0.9)),
            (FLOOR, "to the floor", at_most(1.3)),
        ],
    );
    for name in [TWO_WORKERS, FOUR_WORKERS, TWO_PROCESSES] {
        row(name, &[(HOST_MONTHS, "to 1 worker", Some(MORE_WORKERS))]);
    }
    row(STRUCTS_MANY, &[]);
    row(FLOOR_MANY, &[(STRUCTS_MANY, "to structs", None)]);
    row(
        HOST_MANY,
        &[
            (STRUCTS_MANY, "to structs", at_most(0.9)),
            (FLOOR_MANY, "to the floor", at_most(1.3)),
        ],
    );
    row(PLAIN_ROWS, &[]);
    row(HOST_ROWS, &[(PLAIN_ROWS, "to plain Rust", at_most(1.0))]);
    for (python, host, least) in [
        (PYTHON_COUNTS, HOST_COUNTS, 8.0),
        (PYTHON_DICTS, HOST_MONTHS, 7.0),
        (PYTHON_OBJECTS, HOST_MONTHS, 27.0),
    ] {
        row(
            python,
            &[(host, "to journal-host", Some(Target::AtLeast(least)))],
        );
    }
    report.add(table);
}

fn participants(arguments: &Arguments) -> Vec<Participant> {
    use Which::{Large, ManyPartitions};
    use Work::{Counts, Months, Rows};
    let all = arguments.rounds.get();
    let few = arguments.few_rounds.get().min(all);
    let native = |program, work, which, name| (all, Subject::native(program, work, which, name));
    let host = |work, which, processes, workers, name| {
        (all, Subject::host(work, which, processes, workers, name))
    };
    let python = |work, objects, name| (few, Subject::python(work, objects, name));
    let subjects = [
        native(Program::PollCounts, Counts, Large, POLL_COUNTS),
        host(Counts, Large, 1, 1, HOST_COUNTS),
        native(Program::BatchCounts, Counts, Large, BATCH_COUNTS),
        native(Program::PollStructs, Months, Large, STRUCTS),
        host(Months, Large, 1, 1, HOST_MONTHS),
        native(Program::BatchLazy, Months, Large, FLOOR),
        host(Months, Large, 1, 2, TWO_WORKERS),
        host(Months, Large, 1, 4, FOUR_WORKERS),
        host(Months, Large, 2, 1, TWO_PROCESSES),
        native(Program::PollStructs, Months, ManyPartitions, STRUCTS_MANY),
        host(Months, ManyPartitions, 1, 1, HOST_MANY),
        native(Program::BatchLazy, Months, ManyPartitions, FLOOR_MANY),
        native(Program::PollRows, Rows, Large, PLAIN_ROWS),
        host(Rows, Large, 1, 1, HOST_ROWS),
        python(Counts, false, PYTHON_COUNTS),
        python(Months, false, PYTHON_DICTS),
        python(Months, true, PYTHON_OBJECTS),
    ];
    subjects
        .into_iter()
        .map(|(rounds, subject)| Participant { subject, rounds })
        .collect()
}
