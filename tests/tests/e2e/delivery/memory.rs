//! Memory stays what it is, however long a run is.

use std::fs::File;
use std::io::{BufRead, BufReader, PipeReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use journal_recording::{Frame, Writer};
use journal_tests::kafka::{Journal, Record};
use journal_tests::{Broker, Host, Prefix, Running, paths, run};
use serde_json::Value;

use super::{LIMIT, host, large};

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
        std::thread::sleep(Duration::from_millis(50));
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

/// What the processes below may take.
const PROCESS_MEMORY: u64 = 256 << 20;

fn bounded(plugin: &str, group: &str) -> Host {
    host(plugin, &large().prefix, group)
        .args(["--workers", "2", "--process-memory"])
        .arg(PROCESS_MEMORY.to_string())
}

/// Follows the host to its end: the most memory that it ever held.
fn peak_to_the_end(running: &mut Running) -> u64 {
    let mut peak = 0;
    running.until("its end", LIMIT, |running| {
        peak = running.peak_bytes().unwrap_or(peak);
        running.peak_bytes().is_none().then_some(peak)
    })
}

/// What one call may emit, as a processor is told that emits more.
fn most_emitted() -> u64 {
    let group = large().prefix.group("flood");
    let host = bounded("guest-hostile", &group).args(["--option", "process=flood"]);
    let stderr = host.finish(LIMIT).code(1).stderr;
    let told = stderr.split_once("the processor emitted more than ");
    let mut words = told.expect("it floods").1.split(' ');
    let number: u64 = words
        .next()
        .and_then(|word| word.parse().ok())
        .expect("an amount");
    match words.next() {
        Some("MiB") => number << 20,
        Some("KiB") => number << 10,
        _ => number,
    }
}

/// Reads while `flows`, and otherwise nothing, until the other end is closed.
fn drain(mut pipe: PipeReader, flows: &AtomicBool) {
    let mut buffer = vec![0; 1 << 20];
    loop {
        if !flows.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(5));
            continue;
        }
        if pipe.read(&mut buffer).expect("a pipe can be read") == 0 {
            return;
        }
    }
}

/// Waits until the host has held no more memory than before for a while: its queues are full then.
fn until_full(running: &mut Running) {
    const LOOKS: u32 = 300;
    let (mut peak, mut same) = (0, 0);
    running.until("its queues are full", LIMIT, |running| {
        let now = running.peak_bytes()?;
        same = if now == peak { same + 1 } else { 0 };
        peak = now;
        (same > LOOKS).then_some(())
    });
}

#[test]
fn hostile_processors_and_full_queues_stay_below_the_memory_of_the_process() {
    let emitted = most_emitted() * 97 / 100;
    let group = large().prefix.group("hoard");
    let (reader, writer) = std::io::pipe().expect("the system gives a pipe");
    let host = bounded("guest-hostile", &group)
        .stdout(writer)
        .env("JOURNAL_HOST_LOG", "debug")
        .args(["--option", "process=hoard", "--option", "checkpoint=hoard"])
        .args(["--option", &format!("emitted_bytes={emitted}")])
        .args(["--stop-after", "400000"]);
    let mut running = host.spawn();
    let flows = Arc::new(AtomicBool::new(true));
    let drained = std::thread::spawn({
        let flows = Arc::clone(&flows);
        move || drain(reader, &flows)
    });
    running.until("both workers have partitions", LIMIT, |running| {
        // The first may have had all of them before the other came.
        let is_assignment =
            |line: &&str| line.ends_with(" come") && !line.contains(" 0 partitions");
        (running.stderr().lines().filter(is_assignment).count() >= 2).then_some(())
    });
    // The workers now wait for the reader with all rows that they may hold, and librdkafka reads on.
    flows.store(false, Ordering::Relaxed);
    until_full(&mut running);
    let stalled = running.peak_bytes().expect("it waits for the reader");
    flows.store(true, Ordering::Relaxed);
    let peak = peak_to_the_end(&mut running);
    let _ = running.finish(LIMIT).success();
    drained.join().expect("the pipe was closed");
    assert!(
        peak < PROCESS_MEMORY,
        "{stalled} bytes stalled, {peak} at the most"
    );
    // Or it was no test.
    assert!(stalled > PROCESS_MEMORY / 3, "{stalled} bytes stalled");
}

#[test]
fn well_behaved_processor_counts_all_within_the_memory_of_the_process() {
    let group = large().prefix.group("within");
    let mut running = bounded("count-objects", &group).spawn();
    let peak = peak_to_the_end(&mut running);
    let finished = running.finish(LIMIT).success();
    assert_eq!(finished.counts(), large().counts);
    assert!(peak < PROCESS_MEMORY / 2, "{peak} bytes");
}
