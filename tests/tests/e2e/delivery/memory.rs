//! Memory does not grow with the length of a run, and stays below its limit.

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

/// The minimum number of calls of a run.
const CALLS: u64 = 100_000;
/// The number of records per call.
const RECORDS: usize = 100;
/// The call after which memory may not grow.
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

/// Watches the host until it ends. Returns its highest resident memory between [`SETTLED`] calls and half of all, and
/// its resident memory at the end.
///
/// The highest, because librdkafka's queue of fetched messages fills and empties with the load of the machine.
fn follow(mut running: Running, calls_file: &Path) -> (u64, u64) {
    // The row for a call has about 40 bytes.
    let calls = || calls_file.metadata().map_or(0, |file| file.len() / 40);
    let mut settled = running.until("the first calls", LIMIT, |running| {
        (calls() > SETTLED).then(|| running.resident_bytes())
    });
    let mut last = settled;
    while !running.has_ended() {
        // A process that has just ended has no memory figures.
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", running.pid().as_raw_nonzero()));
        if status.is_ok_and(|status| status.contains("VmRSS:")) {
            last = running.resident_bytes();
        }
        if calls() < CALLS / 2 {
            settled = settled.max(last);
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
        // The fill level of the queues depends on the load of the machine, so they are kept small.
        .args(["--kafka", "queued.max.messages.kbytes=256"])
        .args(["--kafka", "max.partition.fetch.bytes=65536"]);
    assert_flat(host);
}

/// The memory limit of the processes below.
const PROCESS_MEMORY: u64 = 256 << 20;

fn bounded(plugin: &str, group: &str) -> Host {
    host(plugin, &large().prefix, group)
        .args(["--workers", "2", "--process-memory"])
        .arg(PROCESS_MEMORY.to_string())
}

/// Watches the host until it ends, and returns its peak memory.
fn peak_memory(running: &mut Running) -> u64 {
    let mut peak = 0;
    running.until("its end", LIMIT, |running| {
        peak = running.peak_bytes().unwrap_or(peak);
        running.peak_bytes().is_none().then_some(peak)
    })
}

/// The limit on the rows of one call, as the error of a processor that emits more shows it.
fn emission_limit() -> u64 {
    let group = large().prefix.group("flood");
    let host = bounded("guest-hostile", &group).args(["--option", "process=flood"]);
    let stderr = host.finish(LIMIT).code(1).stderr;
    let limit = stderr.split_once("the processor emitted more than ");
    let mut words = limit.expect("it emits too much").1.split(' ');
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

/// Reads while `is_reading`, and pauses otherwise, until the other end is closed.
fn drain(mut pipe: PipeReader, is_reading: &AtomicBool) {
    let mut buffer = vec![0; 1 << 20];
    loop {
        if !is_reading.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(5));
            continue;
        }
        if pipe.read(&mut buffer).expect("a pipe can be read") == 0 {
            return;
        }
    }
}

/// Waits until the host's peak memory has not changed for a while: its queues are full then.
fn until_full(running: &mut Running) {
    const SAMPLES: u32 = 300;
    let (mut peak, mut same) = (0, 0);
    running.until("its queues are full", LIMIT, |running| {
        let now = running.peak_bytes()?;
        same = if now == peak { same + 1 } else { 0 };
        peak = now;
        (same > SAMPLES).then_some(())
    });
}

#[test]
fn hostile_processors_and_full_queues_stay_below_the_process_memory_limit() {
    let emitted = emission_limit() * 97 / 100;
    let group = large().prefix.group("hoard");
    let (reader, writer) = std::io::pipe().expect("the system gives a pipe");
    let host = bounded("guest-hostile", &group)
        .stdout(writer)
        .env("JOURNAL_HOST_LOG", "debug")
        .args(["--option", "process=hoard", "--option", "checkpoint=hoard"])
        .args(["--option", &format!("emitted_bytes={emitted}")])
        .args(["--stop-after", "400000"]);
    let mut running = host.spawn();
    let is_reading = Arc::new(AtomicBool::new(true));
    let drained = std::thread::spawn({
        let is_reading = Arc::clone(&is_reading);
        move || drain(reader, &is_reading)
    });
    running.until("both workers have partitions", LIMIT, |running| {
        // The first worker may have had all partitions before the other one joined.
        let is_assignment =
            |line: &&str| line.ends_with(" come") && !line.contains(" 0 partitions");
        (running.stderr().lines().filter(is_assignment).count() >= 2).then_some(())
    });
    // The workers now hold the maximum of rows and wait for the reader, while librdkafka goes on fetching.
    is_reading.store(false, Ordering::Relaxed);
    until_full(&mut running);
    let stalled = running.peak_bytes().expect("it waits for the reader");
    is_reading.store(true, Ordering::Relaxed);
    let peak = peak_memory(&mut running);
    let _ = running.finish(LIMIT).success();
    drained.join().expect("the pipe was closed");
    assert!(
        peak < PROCESS_MEMORY,
        "{stalled} bytes stalled, {peak} at most"
    );
    // Otherwise the queues were not full, and the test shows nothing.
    assert!(stalled > PROCESS_MEMORY / 3, "{stalled} bytes stalled");
}

#[test]
fn well_behaved_processor_counts_everything_in_half_of_the_process_memory() {
    let group = large().prefix.group("within");
    let mut running = bounded("count-objects", &group).spawn();
    let peak = peak_memory(&mut running);
    let finished = running.finish(LIMIT).success();
    assert_eq!(finished.counts(), large().counts);
    assert!(peak < PROCESS_MEMORY / 2, "{peak} bytes");
}
