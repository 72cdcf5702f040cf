//! Records between a cluster and a recording, with `produce` and `record`, and between upstream's programs and the host.

mod interchange;
mod produce;
mod record;

use std::path::{Path, PathBuf};
use std::time::Duration;

use journal_recording::{Frame, Writer};
use journal_tests::{Broker, Finished, Host, Prefix, oracle, paths, run};
use serde_json::Value;

/// Time limit for one command.
const LIMIT: Duration = Duration::from_mins(1);

/// A record of a recording that a test makes.
#[derive(Clone, Debug)]
struct Made {
    object_type: &'static str,
    key: Vec<u8>,
    value: Option<Vec<u8>>,
    position: Option<(u32, u64)>,
    timestamp_ms: Option<i64>,
}

/// Records of two object types with timestamps: one has a tombstone, a value without bytes and a record without a key.
fn made(count: u32) -> Vec<Made> {
    (0..count)
        .map(|number| Made {
            object_type: if number % 3 == 0 { "origin" } else { "extid" },
            key: match number {
                4 => Vec::new(),
                _ => [&[0xc4, 4], number.to_be_bytes().as_slice()].concat(),
            },
            value: match number {
                5 => None,
                7 => Some(Vec::new()),
                _ => Some([&[0x81, 0xa1, b'n', 0xce], number.to_be_bytes().as_slice()].concat()),
            },
            position: None,
            timestamp_ms: Some(1_420_000_000_000 + i64::from(number)),
        })
        .collect()
}

/// Writes a recording, whose topics have the usual prefix.
fn write(path: &Path, records: &[Made]) -> PathBuf {
    const PREFIX: &str = "swh.journal.objects";
    let topics = ["origin", "extid"].map(|object_type| format!("{PREFIX}.{object_type}"));
    let topics = topics.each_ref().map(String::as_str);
    let mut writer = Writer::create(path, &topics).unwrap_or_else(|error| panic!("{error}"));
    for record in records {
        let frame = Frame {
            topic: &format!("{PREFIX}.{}", record.object_type),
            key: &record.key,
            value: record.value.as_deref(),
            partition: record.position.map(|(partition, _)| partition),
            offset: record.position.map(|(_, offset)| offset),
            timestamp_ms: record.timestamp_ms,
        };
        writer
            .write(&frame)
            .unwrap_or_else(|error| panic!("{error}"));
    }
    writer.finish().unwrap_or_else(|error| panic!("{error}"));
    path.to_owned()
}

/// A recording of `records` that no other test uses.
fn recording(records: &[Made]) -> PathBuf {
    write(&run::folder("recording").join("made.journal.zst"), records)
}

/// `journal-host produce` of a recording to the shared broker.
fn produce(path: &Path, prefix: &Prefix) -> Host {
    Host::new()
        .arg("produce")
        .arg(path)
        .args(["--brokers", &Broker::shared().address()])
        .args(["--prefix", prefix.as_str()])
}

/// `journal-host record` from the shared broker to a new file.
fn record(prefix: &Prefix) -> (Host, PathBuf) {
    let path = run::folder("record").join("new.journal.zst");
    let host = Host::new()
        .args(["record", "--brokers", &Broker::shared().address()])
        .args(["--prefix", prefix.as_str(), "--output"])
        .arg(&path);
    (host, path)
}

/// The records on the shared broker as an independent client of Kafka reads them, in the order of their positions.
fn on_the_broker(prefix: &Prefix) -> Vec<Value> {
    let printed = oracle::script(
        "raw_records.py",
        [&*Broker::shared().address(), prefix.as_str()],
    );
    sorted(journal_tests::host::parse(&printed))
}

/// Everything that a processor gets of the records of topics or of a recording, in the order of their positions.
fn processed(source: impl FnOnce(Host) -> Host) -> Vec<Value> {
    let host = source(Host::run(&paths::plugin("guest-columns")));
    let mut rows = host.finish(LIMIT).success().rows();
    for row in &mut rows {
        // Records of a broker do not say it.
        let row = row.as_object_mut().expect("rows are objects");
        assert!(row.remove("privileged").is_some());
    }
    sorted(rows)
}

fn of_recording(path: &Path, prefix: &Prefix) -> Vec<Value> {
    processed(|host| {
        host.arg("--recording")
            .arg(path)
            .args(["--prefix", prefix.as_str()])
    })
}

fn of_topics(prefix: &Prefix) -> Vec<Value> {
    processed(|host| {
        host.args(["--brokers", &Broker::shared().address()])
            .args(["--prefix", prefix.as_str(), "--on-eof", "stop"])
            .args(["--group-id", &prefix.group("columns")])
    })
}

fn sorted(mut rows: Vec<Value>) -> Vec<Value> {
    rows.sort_by_key(|row| {
        (
            row["object_type"].as_str().map(str::to_owned),
            row["partition"].as_u64(),
            row["offset"].as_u64(),
        )
    });
    rows
}

/// Rows with these members only, sorted, without regard to positions.
fn only(rows: &[Value], members: &[&str]) -> Vec<String> {
    let row = |row: &Value| {
        let parts: Vec<String> = members
            .iter()
            .map(|&name| format!("{name}={}", row[name]))
            .collect();
        parts.join(" ")
    };
    let mut rows: Vec<String> = rows.iter().map(row).collect();
    rows.sort_unstable();
    rows
}

/// What does not depend on the partition.
const CONTENT: [&str; 4] = ["object_type", "timestamp_ms", "key", "value"];

/// The number of records on the shared broker.
fn held(prefix: &Prefix) -> i64 {
    let ends = Broker::shared().end_offsets(prefix);
    ends.values().sum()
}

/// The error and the hint of a command that failed and wrote no data.
fn refusal(finished: &Finished) -> String {
    assert_eq!(finished.stdout, "");
    let start = finished.stderr.find("error: ");
    let start = start.unwrap_or_else(|| panic!("no error in:\n{}", finished.stderr));
    finished.stderr[start..].trim_end().to_owned()
}
