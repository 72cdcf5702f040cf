//! CPU time per record by the size of the batches that are passed to the sandbox.

use crate::Arguments;
use crate::journal::{Loaded, Which, Work};
use crate::results::{Report, Table};
use crate::rounds::{Participant, Rounds};
use crate::subject::{How, Measured, Subject};

/// The maximum numbers of records per call. The limit on bytes is 4 MiB.
const RECORDS: [u32; 8] = [1, 10, 30, 100, 300, 1000, 3000, 10_000];

pub(super) fn measure(loaded: &Loaded, arguments: &Arguments, report: &mut Report) {
    let participants = RECORDS.map(|records| Participant {
        subject: subject(records),
        rounds: arguments.few_rounds.get(),
    });
    let rounds = Rounds::run(loaded, participants.into());
    let mut table = Table::new(
        "months from Kafka, maximum records per call",
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
