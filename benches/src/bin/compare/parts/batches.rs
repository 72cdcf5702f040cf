//! CPU time of a record over the size of the batches that cross into the sandbox.

use crate::Arguments;
use crate::journal::{Loaded, Which, Work};
use crate::results::{Report, Table};
use crate::subject::{How, Measured, Subject};
use crate::turns::{Rounds, Turn};

/// Records of a call at the most; bytes are limited to 4 MiB here.
const RECORDS: [u32; 8] = [1, 10, 30, 100, 300, 1000, 3000, 10_000];

pub(super) fn measure(loaded: &Loaded, arguments: &Arguments, report: &mut Report) {
    let turns = RECORDS.map(|records| Turn {
        subject: subject(records),
        rounds: arguments.few_rounds.get(),
    });
    let rounds = Rounds::take(loaded, turns.into());
    let mut table = Table::new(
        "months from Kafka, records a call at the most",
        "CPU us/record",
        2,
    );
    for records in RECORDS {
        let name = records.to_string();
        table
            .row(&name, &rounds.of(&name, Measured::cpu_us))
            .rate(&rounds.of(&name, Measured::rate));
    }
    report.add(table);
}

fn subject(records: u32) -> Subject {
    Subject {
        name: records.to_string(),
        work: Work::Months,
        which: Which::Large,
        how: How::Host {
            processes: 1,
            workers: 1,
            arguments: vec![
                format!("--batch-records={records}"),
                "--batch-bytes=4MiB".to_owned(),
            ],
        },
    }
}
