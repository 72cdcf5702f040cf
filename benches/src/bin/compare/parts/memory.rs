//! The memory of one more worker, and the size of the program.

use std::fs;
use std::path::Path;
use std::process::Command;

use journal_tests::{paths, run};

use crate::Arguments;
use crate::journal::{Loaded, Which, Work};
use crate::results::{Report, Table, Target};
use crate::rounds::{Participant, Rounds};
use crate::subject::Subject;

const ONE: &str = "`count-objects`, 1 worker";
const TWO: &str = "`count-objects`, 2 workers";
/// The maximum that each worker prefetches: the host's default of `queued.max.messages.kbytes`.
const QUEUE_MB: f64 = 16_384.0 * 1024.0 / 1e6;

pub(super) fn measure(loaded: &Loaded, arguments: &Arguments, report: &mut Report) {
    let participant = |workers, name| Participant {
        subject: Subject::host(Work::Counts, Which::Large, 1, workers, name),
        rounds: arguments.few_rounds.get(),
    };
    let rounds = Rounds::run(loaded, vec![participant(1, ONE), participant(2, TWO)]);
    #[expect(clippy::cast_precision_loss, reason = "no process is that large")]
    let peak = |name: &str| rounds.of(name, |measured| measured.peak_bytes as f64 / 1e6);
    let (one, two) = (peak(ONE), peak(TWO));
    let pairs = one.iter().zip(&two);
    let more: Vec<f64> = pairs.map(|(one, two)| two - one - QUEUE_MB).collect();
    let mut table = Table::new("peak resident memory, and sizes", "MB", 1);
    table.row(ONE, &one);
    table.row(TWO, &two).ratio(
        "more than 1, less the queue's limit",
        &more,
        Some(Target::AtMost(20.0)),
    );
    let size = stripped(&paths::host());
    table
        .row("`journal-host`, stripped", &[size])
        .ratio("MB", &[size], Some(Target::AtMost(40.0)));
    for work in [Work::Counts, Work::Months, Work::Rows] {
        let name = work.plugin();
        table.row(
            &format!("`{name}`, .wasm"),
            &[megabytes(&paths::plugin(name))],
        );
    }
    report.add(table);
}

fn stripped(program: &Path) -> f64 {
    let copy = run::folder("stripped").join("journal-host");
    let status = Command::new("strip")
        .arg("-o")
        .arg(&copy)
        .arg(program)
        .status();
    assert!(status.expect("binutils are there").success());
    megabytes(&copy)
}

#[expect(clippy::cast_precision_loss, reason = "no file is that large")]
fn megabytes(path: &Path) -> f64 {
    let metadata = fs::metadata(path).expect("it was built");
    metadata.len() as f64 / 1e6
}
