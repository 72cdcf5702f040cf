//! Memory stays what it is, however long a run is.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use journal_recording::{Frame, Writer};
use journal_tests::kafka::{Journal, Record};
use journal_tests::{Broker, Host, Prefix, Running, paths, run};
use serde_json::Value;

use super::LIMIT;

/// Calls that a run makes at least.
const CALLS: u64 = 100_000;
/// Records of one call.
const RECORDS: usize = 100;
/// The call from which on nothing may grow.
const SETTLED: u64 = 10_000;

fn value(number: u32) -> [u8; 24] {
    let mut value = [0xc4; 24];
    value[1] = 22;
    value[20..].copy_from_slice(&number.to_be_bytes());
    value
}

fn calls(path: &Path) -> Vec<Value> {
    let lines = BufReader::new(File::open(path).expect("the host wrote it")).lines();
    let parse = |line: std::io::Result<String>| {
        serde_json::from_str(&line.expect("it is text")).expect("a row is JSON")
    };
    lines.map(parse).collect()
}

/// Follows the host to its end: its resident memory once the calls are settled, and at the last.
fn follow(mut running: Running, calls_file: &Path) -> (u64, u64) {
    let settled = running.until("the first calls", LIMIT, |running| {
        let bytes = calls_file.metadata().ok()?.len();
        // A row of a call has some 40 bytes.
        (bytes > SETTLED * 40).then(|| running.resident_bytes())
    });
    let mut last = settled;
    while !running.has_ended() {
        // Nothing is left to read of a process between its end and this look.
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", running.pid().as_raw_nonzero()));
        if status.is_ok_and(|status| status.contains("VmRSS:")) {
            last = running.resident_bytes();
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let finished = running.finish(LIMIT).success();
    assert!(finished.stderr.contains("objects/s"), "{}", finished.stderr);
    (settled, last)
}

fn assert_flat(host: Host) {
    let file = host.folder().join("calls.jsonl");
    let output = format!("calls={}", file.display());
    let running = host
        .args(["--output", "records=/dev/null", "--output", &output])
        .args(["--batch-records", &RECORDS.to_string()])
        .spawn();
    let (settled, last) = follow(running, &file);
    assert!(
        last * 100 < settled * 105,
        "resident memory went from {settled} to {last} bytes"
    );
    let calls = calls(&file);
    let full = calls
        .iter()
        .filter(|call| call["records"] == RECORDS)
        .count() as u64;
    assert!(full >= CALLS, "{full} of {} calls were full", calls.len());
    let pages = |call: &Value| call["pages"].as_u64().expect("a row has pages");
    let settled = pages(&calls[usize::try_from(SETTLED).expect("small")]);
    let last = pages(calls.last().expect("there were calls"));
    assert_eq!(settled, last, "the guest's memory in pages");
}

#[test]
fn memory_is_flat_over_100_000_calls_from_a_recording() {
    let path = run::folder("flat").join("flat.journal.zst");
    let topic = "swh.journal.objects.content";
    let mut writer = Writer::create(&path, &[topic]).expect("a folder of ours");
    for number in 0..u32::try_from(CALLS).expect("small") * 101 {
        let value = value(number);
        let frame = Frame {
            topic,
            key: &value,
            value: Some(&value),
            partition: None,
            offset: None,
            timestamp_ms: None,
        };
        writer.write(&frame).expect("there is room");
    }
    writer.finish().expect("there is room");
    assert_flat(
        Host::run(&paths::plugin("guest-pages"))
            .arg("--recording")
            .arg(&path),
    );
}

#[test]
fn memory_is_flat_over_100_000_calls_from_kafka() {
    let prefix = Prefix::new("flat");
    let record = |number: u32| Record {
        object_type: "content".into(),
        privileged: false,
        key: value(number).to_vec(),
        value: Some(value(number).to_vec()),
    };
    let journal = Journal {
        records: (0..100_000).map(record).collect(),
    };
    Broker::shared().load(&prefix, &journal, 4, 104);
    let host = Host::run(&paths::plugin("guest-pages"))
        .arg("--brokers")
        .arg(Broker::shared().address())
        .args([
            "--prefix",
            prefix.as_str(),
            "--group-id",
            &prefix.group("flat"),
        ])
        .args(["--on-eof", "stop", "--checkpoint-interval", "100ms"])
        // How full queues and held rows are depends on what else the machine does; so they are kept small.
        .args(["--kafka", "queued.max.messages.kbytes=256"])
        .args(["--kafka", "max.partition.fetch.bytes=65536"]);
    assert_flat(host);
}
