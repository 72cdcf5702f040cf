//! CPU time of the host to write a checkpoint of merged rows into PostgreSQL, per key. That of the server does not count.

use std::path::{Path, PathBuf};

use journal_recording::{Frame, Writer};
use journal_tests::postgres::{PASSWORD, Postgres};
use journal_tests::{Host, paths, run};

use crate::Arguments;
use crate::journal::Loaded;
use crate::results::{Report, Table, Target};
use crate::subject::{LIMIT, measure};

/// Each is a directory, which the plugin merges dates by.
const KEYS: u64 = 100_000;
/// How often the longest run reads each key.
const TIMES: u64 = 10;
const PLUGIN: &str = "first-seen";
const TYPE: &str = "revision";

/// The runs: what they have in common is the start, and two of them have the same checkpoint of all keys.
const RUNS: [(u64, u64); 3] = [(1, 1), (KEYS, 1), (KEYS, TIMES)];

pub(super) fn measure_aggregates(loaded: &Loaded, arguments: &Arguments, report: &mut Report) {
    let folder = run::folder("aggregates");
    let revision = loaded.a_value(TYPE);
    let recordings = RUNS.map(|(keys, times)| write(&folder, &revision, keys, times));
    let mut measured = RUNS.map(|_| Vec::new());
    for round in 0..=arguments.rounds.get() {
        for index in 0..RUNS.len() {
            // Each round starts with the next run.
            let index = (index + round) % RUNS.len();
            let took = run_once(
                &recordings[index],
                RUNS[index].0,
                &format!("{index}_{round}"),
            );
            if round > 0 {
                measured[index].push(took);
            }
        }
    }
    report.add(table(&measured));
}

/// Reading and merging a record costs what the longest run takes more than the one before it. A checkpoint costs what is
/// left of that one without these, and without the start.
#[expect(clippy::cast_precision_loss, reason = "some hundred thousand")]
fn table(measured: &[Vec<f64>; 3]) -> Table {
    let [start, once, often] = measured;
    let per_key = |seconds: f64| seconds / KEYS as f64 * 1e6;
    let rounds = || start.iter().zip(once).zip(often);
    let merging = |once: f64, often: f64| (often - once) / (TIMES - 1) as f64;
    let merged: Vec<f64> = rounds()
        .map(|((_, once), often)| per_key(merging(*once, *often)))
        .collect();
    let written: Vec<f64> = rounds()
        .map(|((start, once), often)| per_key(once - start - merging(*once, *often)))
        .collect();
    let mut table = Table::new(
        "a checkpoint of 100,000 merged keys into PostgreSQL",
        "CPU us/key",
        2,
    );
    table.row("reading and merging a record", &merged);
    table
        .row("writing a key", &written)
        .ratio("us", &written, Some(Target::AtMost(1.0)));
    table
}

/// The CPU time of one run in seconds, which has one checkpoint.
fn run_once(recording: &Path, keys: u64, name: &str) -> f64 {
    let database = Postgres::shared().database(&format!("keys_{name}"));
    let host = Host::run(&paths::plugin(PLUGIN))
        .arg("--recording")
        .arg(recording)
        .args(["--checkpoint-interval", "10min"])
        .env("PGPASSWORD", PASSWORD)
        .args(["--output", &database.url("")]);
    let (measured, _) = measure(|| host.finish(LIMIT).success());
    let counted = database.query("SELECT count(*) FROM directories");
    assert_eq!(counted.trim(), keys.to_string(), "each key has a row");
    measured.cpu_seconds
}

/// Writes revisions of so many directories, all of them so many times.
fn write(folder: &Path, revision: &[u8], keys: u64, times: u64) -> PathBuf {
    let path = folder.join(format!("{keys}_{times}.journal.zst"));
    let topic = format!("swh.journal.objects.{TYPE}");
    let mut writer = Writer::create(&path, &[&topic]).expect("a folder of ours");
    // A text of this name, and before the directory the head of 20 bytes.
    let head = b"\xa9directory\xc4\x14";
    let found = revision.windows(head.len()).position(|bytes| bytes == head);
    let directory = found.expect("a revision has a directory") + head.len();
    let mut value = revision.to_vec();
    for _ in 0..times {
        for key in 0..keys {
            // Any order but that of the keys, as directories come.
            let mixed = key.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
            value[directory..directory + mixed.len()].copy_from_slice(&mixed);
            let frame = Frame {
                topic: &topic,
                key: &value[directory..directory + 20],
                value: Some(&value),
                partition: None,
                offset: None,
                timestamp_ms: None,
            };
            writer.write(&frame).expect("there is room");
        }
    }
    writer.finish().expect("there is room");
    path
}
