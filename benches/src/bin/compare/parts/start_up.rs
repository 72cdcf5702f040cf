//! The time from the start of a process to its first record.

use std::process::Command;

use journal_benches::startup;
use journal_tests::paths;

use crate::Arguments;
use crate::journal::{Loaded, Which, Work};
use crate::results::{Report, Table, Target};

/// The factor for the number of rounds: a round takes only a second, and single rounds differ much.
const ROUND_FACTOR: usize = 4;

pub(super) fn measure(loaded: &Loaded, arguments: &Arguments, report: &mut Report) {
    // Every partition of this journal has records.
    let prefix = &loaded.topics(Which::Large).prefix;
    let broker = loaded.broker.address();
    let bare = |group: &str| {
        let own = std::env::current_exe().expect("a process has an executable");
        let mut command = Command::new(own);
        command.args(["first-record", &broker, prefix.as_str(), group]);
        command
    };
    let measured = startup::measure(
        &loaded.broker,
        prefix,
        &paths::plugin(Work::Counts.plugin()),
        arguments.rounds.get() * ROUND_FACTOR,
        bare,
    );
    let mut table = Table::new("start of the process to the first record", "ms", 0);
    table
        .row("`count-objects` over a recording", &measured.recording)
        .ratio("ms", &measured.recording, Some(Target::AtMost(30.0)));
    table.row("plain Rust, `poll`, from Kafka", &measured.bare);
    table
        .row("`count-objects` from Kafka", &measured.kafka)
        .ratio(
            "ms later than plain Rust",
            &measured.later_than_bare(),
            Some(Target::AtMost(20.0)),
        );
    report.add(table);
}
