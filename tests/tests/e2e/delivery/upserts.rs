//! Rows that replace each other by key, whatever order their records come in.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use journal_recording::{Frame, Writer};
use journal_tests::kafka::{Journal, Record};
use journal_tests::{Broker, Host, Prefix, host, paths, run};
use serde_json::{Value, json};

use super::LIMIT;
use super::sqlite;
use crate::sorted_rows::sorted;

const OBJECT_TYPE: &str = "origin";
const KEYS: u64 = 40;
const VERSIONS: u64 = 1000;
/// Times of the versions, in milliseconds: so few that many versions of a key have the same.
const TIMES: [i64; 4] = [
    1_500_000_000_000,
    1_500_000_000_250,
    1_500_000_001_000,
    946_684_799_999,
];

/// A version of a key.
#[derive(Clone, Debug)]
pub(super) struct Version {
    key: Vec<u8>,
    time_ms: i64,
    /// None for a tombstone.
    value: Option<Vec<u8>>,
}

/// A number that is neither ascending nor descending, and the same in each run.
fn mixed(number: u64) -> u64 {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32
}

fn index(number: u64, length: usize) -> usize {
    usize::try_from(number).expect("it is small") % length
}

/// Versions of a few keys, a seventh of which are tombstones.
pub(super) fn versions() -> Vec<Version> {
    let version = |number: u64| {
        let mixed = mixed(number);
        // Some values are no UTF-8, and one is empty of letters that compare.
        let values: [&[u8]; 6] = [b"a", b"b", b"ab", b"\xff", b"\xfe\xff", "\u{e9}".as_bytes()];
        Version {
            key: format!("key {}", mixed / 100 % KEYS).into_bytes(),
            time_ms: TIMES[index(mixed / 7, TIMES.len())],
            value: (!mixed.is_multiple_of(7))
                .then(|| values[index(mixed / 31, values.len())].to_owned()),
        }
    };
    (0..VERSIONS).map(version).collect()
}

/// The rows that are left of them: those of the table, and of these those of the view.
pub(super) fn expected(versions: &[Version]) -> (Vec<String>, Vec<String>) {
    let mut latest: BTreeMap<&[u8], &Version> = BTreeMap::new();
    let rank = |version: &Version| {
        let value = version.value.clone();
        let text = value
            .clone()
            .and_then(|value| String::from_utf8(value).ok());
        (version.time_ms, value.is_none(), text, value)
    };
    for version in versions {
        let kept = latest.entry(&version.key).or_insert(version);
        if rank(version) > rank(kept) {
            *kept = version;
        }
    }
    let row = |version: &Version| {
        let value = version.value.as_deref();
        json!({
            "key": hex(&version.key),
            "written": time(version.time_ms),
            "text": value.and_then(|value| std::str::from_utf8(value).ok()),
            "value": value.map(hex),
            "_removed": version.value.is_none(),
        })
    };
    let all: Vec<Value> = latest.into_values().map(row).collect();
    let shown = all.iter().filter(|row| row["_removed"] == false);
    let shown = shown.map(|row| {
        let mut row = row.clone();
        row.as_object_mut().expect("it is one").remove("_removed");
        row
    });
    (sorted(shown), sorted(all))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut digits, byte| {
        write!(digits, "{byte:02x}").expect("a string takes all");
        digits
    })
}

/// A time as rows have it.
fn time(time_ms: i64) -> String {
    let seconds = time_ms.div_euclid(1000);
    let nanoseconds = u32::try_from(time_ms.rem_euclid(1000)).expect("it is small") * 1_000_000;
    journal_rows::time_text(seconds, nanoseconds).expect("it has a year")
}

/// Orders in which they arrive, each in parts.
pub(super) fn arrivals(versions: &[Version]) -> [Vec<Vec<Version>>; 3] {
    let parts = |versions: &[Version], length| {
        let parts = versions.chunks(length);
        parts.map(<[Version]>::to_vec).collect::<Vec<_>>()
    };
    let reversed: Vec<_> = versions.iter().rev().cloned().collect();
    let mut shuffled: Vec<_> = versions.iter().cloned().enumerate().collect();
    shuffled.sort_by_key(|(number, _)| mixed(mixed(u64::try_from(*number).expect("it fits"))));
    let shuffled: Vec<_> = shuffled.into_iter().map(|(_, version)| version).collect();
    let mut again = parts(&shuffled, 300);
    // All of them come twice.
    again.extend(parts(&reversed, 600));
    [
        parts(versions, versions.len()),
        parts(&reversed, 400),
        again,
    ]
}

/// Writes versions to a recording.
pub(super) fn record(path: &Path, versions: &[Version]) {
    let topic = format!("swh.journal.objects.{OBJECT_TYPE}");
    let mut writer = Writer::create(path, &[&topic]).expect("a recording can be made");
    for version in versions {
        let frame = Frame {
            topic: &topic,
            key: &version.key,
            value: version.value.as_deref(),
            partition: None,
            offset: None,
            timestamp_ms: Some(version.time_ms),
        };
        writer.write(&frame).expect("a frame can be written");
    }
    writer.finish().expect("a recording can be ended");
}

pub(super) fn keeping_latest() -> Host {
    Host::run(&paths::plugin("guest-positions")).args(["--option", "latest=true"])
}

/// Adds parts to a table, each as a run over a recording with calls of its own.
pub(super) fn add(host: impl Fn() -> Host, parts: &[Vec<Version>]) {
    let folder = run::folder("upserts");
    for (number, part) in parts.iter().enumerate() {
        let recording = folder.join(format!("{number}.journal"));
        record(&recording, part);
        let _ = host()
            .args(["--append", "--batch-records", "37", "--recording"])
            .arg(&recording)
            .finish(LIMIT)
            .success();
    }
}

/// Writes versions to a topic, in a few partitions.
pub(super) fn write(prefix: &Prefix, versions: &[Version]) {
    let of_time = |time_ms: i64| {
        let records = versions.iter().filter(|version| version.time_ms == time_ms);
        let record = |version: &Version| Record {
            object_type: OBJECT_TYPE.to_owned(),
            privileged: false,
            key: version.key.clone(),
            value: version.value.clone(),
        };
        Journal {
            records: records.map(record).collect(),
        }
    };
    let broker = Broker::shared();
    broker.create_topics(&[prefix.topic(OBJECT_TYPE)], 4);
    for time_ms in TIMES {
        broker.append_at(prefix, &of_time(time_ms), time_ms);
    }
}

/// The rows of the view and of the table in SQLite.
fn rows(file: &Path) -> (Vec<String>, Vec<String>) {
    let row = "'key', lower(hex(key)), 'written', written, 'text', text,
        'value', CASE WHEN value IS NOT NULL THEN lower(hex(value)) END";
    let shown = format!("SELECT json_object({row}) FROM latest");
    let all = format!(
        "SELECT json_object({row}, '_removed', json(iif(_removed, 'true', 'false'))) FROM latest_all"
    );
    (
        sorted(sqlite::json(file, &shown)),
        sorted(sqlite::json(file, &all)),
    )
}

#[test]
fn table_is_the_same_whatever_comes_first() {
    let versions = versions();
    let expected = expected(&versions);
    assert!(expected.0.len() < expected.1.len(), "some keys are removed");
    let folder = run::folder("upserts-sqlite");
    for (number, parts) in arrivals(&versions).iter().enumerate() {
        let file = folder.join(format!("{number}.sqlite"));
        add(|| keeping_latest().arg("--output").arg(&file), parts);
        assert_eq!(rows(&file), expected, "{number}");
    }
}

#[test]
fn lines_have_every_row_and_removals_with_their_mark() {
    let versions = versions();
    let file = run::folder("upserts-lines").join("rows.jsonl");
    let parts = [versions.clone()];
    add(|| keeping_latest().arg("--output").arg(&file), &parts);
    let rows = host::rows(&file);
    assert_eq!(rows.len(), versions.len());
    for (row, version) in rows.iter().zip(&versions) {
        let (key, written) = (hex(&version.key), time(version.time_ms));
        let expected = match &version.value {
            Some(value) => {
                let text = std::str::from_utf8(value).ok();
                json!({"text": text, "key": key, "written": written, "value": hex(value)})
            }
            None => json!({"_removed": true, "key": key, "written": written}),
        };
        assert_eq!(*row, expected);
    }
}
