//! Compares the lazy model with rmp-serde's structs, natively and in the sandbox, and with upstream's Python.
//!
//! `target/release/measure-model [--json] [ROUNDS]`, after `cargo build --release --workspace` and
//! `./build-plugin tests/guests/reader`, reads the shipped recording into batches of the host's default size. In
//! each round, every subject reads these batches. All figures are CPU time of the measured thread. The program prints a
//! Markdown table, or a line of JSON for each row.

#[path = "measure-model/native.rs"]
mod native;
#[path = "measure-model/report.rs"]
mod report;
#[path = "measure-model/sandboxed.rs"]
mod sandboxed;

use std::path::Path;
use std::sync::Arc;

use guest_reader::Work;
use journal_host::journal::batch::{Batches, Columns, RecordRef, Topic};
use journal_plugin_sdk::Bytes;
use journal_tests::kafka::Journal;
use journal_tests::{oracle, paths, run};
use report::{Python, Round};
use sandboxed::Sandboxed;

/// The host's defaults of `--batch-records` and `--batch-bytes`.
const BATCH_RECORDS: usize = 1000;
const BATCH_BYTES: usize = 1 << 20;
/// The number of passes over the recording per measurement, so that the clock and the scheduler do not matter.
const PASSES: usize = 8;

/// Records of a recording as `process` calls.
pub(crate) struct Calls {
    pub(crate) calls: Vec<Batches>,
    pub(crate) records: usize,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (json, rounds) = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => (false, "11"),
        ["--json"] => (true, "11"),
        ["--json", rounds] | [rounds, "--json"] => (true, rounds),
        [rounds] => (false, rounds),
        _ => panic!("usage: measure-model [--json] [ROUNDS]"),
    };
    let rounds: usize = rounds.parse().expect("ROUNDS is a number");
    let measured = measure(rounds);
    if json {
        report::print_json(&measured);
    } else {
        report::print_table(&measured);
    }
}

const NATIVE: [Work; 5] = [
    Work::Copy,
    Work::FieldsAsStructs,
    Work::FieldsLazily,
    Work::MonthsAsStructs,
    Work::MonthsLazily,
];
const SANDBOXED: [Work; 6] = [
    Work::Copy,
    Work::Count,
    Work::FieldsAsStructs,
    Work::FieldsLazily,
    Work::MonthsAsStructs,
    Work::MonthsLazily,
];

fn measure(rounds: usize) -> Vec<Round> {
    let journal = Journal::read(&paths::repository().join("recordings/ripgrep.journal.zst"));
    let all = Calls::of(&journal, |_| true);
    let dated = Calls::of(&journal, |name| matches!(name, "revision" | "directory"));
    let calls = |work| match work {
        Work::MonthsLazily | Work::MonthsAsStructs => &dated,
        _ => &all,
    };
    let values = run::folder("measure").join("values.msgpack");
    write(&journal, &values);

    let mut sandboxed = SANDBOXED.map(Sandboxed::start);
    let mut measured = Vec::new();
    // The first round warms the caches.
    for round in 0..=rounds {
        eprintln!("round {round} of {rounds}");
        let native = NATIVE.map(|work| native::measure(work, calls(work), PASSES));
        let sandboxed = sandboxed
            .each_mut()
            .map(|subject| subject.measure(calls(subject.work()), PASSES));
        check(&native, &sandboxed);
        let python = oracle::script("read_values.py", [&values]);
        if round > 0 {
            let records = |work| calls(work).records * PASSES;
            let native = native
                .iter()
                .map(|one| (one.work, one.per_record(records(one.work))));
            let sandbox = sandboxed
                .iter()
                .map(|one| (one.work, one.per_record(records(one.work))));
            measured.push(Round {
                native: native.collect(),
                sandbox: sandbox.collect(),
                python: Python::parse(&python),
            });
        }
    }
    measured
}

/// Asserts that all subjects that read the same fields have read the same values.
fn check(native: &[native::Measured], sandboxed: &[sandboxed::Measured]) {
    let native_sums = native.iter().map(|one| (one.work, one.sum));
    let sums: Vec<_> = native_sums
        .chain(sandboxed.iter().map(|one| (one.work, one.sum)))
        .collect();
    for same in [
        [Work::FieldsLazily, Work::FieldsAsStructs],
        [Work::MonthsLazily, Work::MonthsAsStructs],
    ] {
        let mut same = sums.iter().filter(|(work, _)| same.contains(work));
        let (_, first) = same.next().expect("every work is measured");
        for (work, sum) in same {
            assert_eq!(sum, first, "{work:?} reads what the others read");
        }
    }
}

impl Calls {
    fn of(journal: &Journal, wanted: impl Fn(&str) -> bool) -> Self {
        let columns = Columns {
            values: true,
            value_ends: true,
            keys: false,
            partitions: false,
            offsets: false,
            timestamps: false,
        };
        let mut calls = vec![Batches::new(columns)];
        let mut topics: Vec<Arc<Topic>> = Vec::new();
        let mut records = 0;
        for record in journal
            .seen_by(false)
            .filter(|record| wanted(&record.object_type))
        {
            let known = topics
                .iter()
                .find(|topic| topic.object_type == record.object_type);
            let topic = known.cloned().unwrap_or_else(|| {
                let topic = Arc::new(Topic {
                    name: format!("swh.journal.objects.{}", record.object_type),
                    object_type: record.object_type.clone(),
                    privileged: false,
                });
                topics.push(Arc::clone(&topic));
                topic
            });
            let value = record.value.as_deref().unwrap_or_default();
            let last = calls.last().expect("there is always one");
            let bytes = last.bytes() + record.key.len() + value.len();
            if last.records() == BATCH_RECORDS || bytes > BATCH_BYTES {
                calls.push(Batches::new(columns));
            }
            let record = RecordRef {
                partition: 0,
                offset: records as u64,
                timestamp_ms: -1,
                key: &record.key,
                value,
            };
            let last = calls.last_mut().expect("there is always one");
            last.push(&topic, record).expect("a batch is small");
            records += 1;
        }
        Self { calls, records }
    }
}

/// Writes the type and value of each record for the Python script.
fn write(journal: &Journal, path: &Path) {
    let pairs: Vec<(&str, &[u8])> = journal
        .seen_by(false)
        .filter_map(|record| Some((record.object_type.as_str(), record.value.as_deref()?)))
        .collect();
    let values = pairs
        .iter()
        .map(|(object_type, value)| (object_type, Bytes::from(*value)));
    let encoded = rmp_serde::to_vec(&values.collect::<Vec<_>>()).expect("bytes can be written");
    std::fs::write(path, encoded).expect("a folder of ours");
}
