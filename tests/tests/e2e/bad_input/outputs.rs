//! Outputs that cannot be written: nothing half-written, and no offset committed behind it.

use std::fs;
use std::io::Read as _;
use std::process::{Command, Stdio};

use journal_tests::{Host, host, paths, run};
use rustix::process::Signal;

use super::{HOSTILE, LIMIT, Place, fails, hostile, origins};

#[test]
fn full_device_is_named_and_nothing_is_committed() {
    let place = Place::with("full", &origins(300, 1));
    let run = place.read_by(Host::run(&paths::plugin(HOSTILE)));
    fails(run.args(["--output", "/dev/full"]))
        .says("cannot write to `/dev/full`: No space left on device (os error 28)")
        .hints("make room and run again");
    assert_eq!(place.committed(), 0);
    let full = fs::OpenOptions::new().write(true).open("/dev/full");
    let run = place.read_by(Host::run(&paths::plugin(HOSTILE)));
    fails(run.stdout(full.expect("Linux has it")))
        .says("cannot write to standard output: No space left on device (os error 28)")
        .hints("make room and run again");
    assert_eq!(place.committed(), 0);
}

/// A limit on the size of files stands in for a full disk: both refuse a write in its middle.
#[test]
fn file_that_cannot_grow_stays_as_it_was_and_nothing_is_committed() {
    /// Blocks have 512 bytes in one shell and 1024 in another: room for some rows, not for all.
    const LIMITED: &str = "ulimit -f 512";
    const RECORDS: u32 = 20_000;
    let place = Place::with("limit", &origins(RECORDS, 1));
    let file = run::folder("limit").join("rows.jsonl");
    let write_by = |host: Host| {
        let host = host.arg("run").arg(paths::plugin(HOSTILE));
        let host = host.args(["--checkpoint-interval", "1h"]);
        place.read_by(host).arg("--output").arg(&file)
    };
    let first = write_by(Host::new()).args(["--stop-after", "100"]);
    let _ = first.finish(LIMIT).success();
    let before = fs::read(&file).expect("it was written");
    assert_eq!((host::rows(&file).len(), place.committed()), (100, 100));
    fails(write_by(Host::after(LIMITED)))
        .says(&format!(
            "cannot write to `{}`: File too large (os error 27)",
            file.display()
        ))
        .hints("make room and run again");
    let after = fs::read(&file).expect("it is there");
    assert!(after == before, "it has {} bytes", after.len());
    assert_eq!(place.committed(), 100);
    let _ = write_by(Host::new()).finish(LIMIT).success();
    let offsets = host::rows(&file);
    let offsets = offsets.iter().map(|row| row["offset"].as_u64());
    assert!(
        offsets.eq((0..u64::from(RECORDS)).map(Some)),
        "each row once"
    );
    assert_eq!(place.committed(), u64::from(RECORDS));
}

#[test]
fn limit_on_files_that_is_too_small_for_the_engine_is_told() {
    let run = Host::after("ulimit -f 1").arg("run");
    let run = run.arg(paths::plugin(HOSTILE)).arg("--recording");
    let told = fails(run.arg(super::shipped()));
    let _ = told.names("File too large");
}

#[test]
fn file_that_another_process_writes_is_named() {
    let place = Place::with("locked", &origins(10, 1));
    let file = run::folder("locked").join("rows.jsonl");
    let mut first = place
        .followed_by(Host::run(&paths::plugin(HOSTILE)))
        .args(["--checkpoint-interval", "50ms"])
        .arg("--output")
        .arg(&file)
        .spawn();
    first.until("it commits", LIMIT, |_| {
        (place.committed() == 10).then_some(())
    });
    fails(hostile(10).arg("--output").arg(&file))
        .says(&format!(
            "another process is writing to `{}`",
            file.display()
        ))
        .hints("give each process a file of its own");
    first.signal(Signal::TERM);
    let _ = first.finish(LIMIT).success();
    assert_eq!(host::rows(&file).len(), 10);
}

#[test]
fn place_that_cannot_be_opened_is_named() {
    fails(hostile(1).args(["--output", "nowhere/rows.jsonl"]))
        .says("cannot open `nowhere/rows.jsonl` for appending: No such file or directory (os error 2)")
        .hints("`--output` takes the path of a file that can be written");
    fails(hostile(1).args(["--output", "."]))
        .says("`.` is a directory, not a file")
        .hints("`--output` takes the path of a file that can be written");
}

#[test]
fn file_of_another_kind_is_named_and_left_alone() {
    let run = hostile(1).args(["--output", "letter.txt"]);
    let letter = run.folder().join("letter.txt");
    fs::write(&letter, "Dear reader,\nyours").expect("the folder is ours");
    fails(run)
        .says("`letter.txt` does not end with a line of JSON, so nothing can be appended to it")
        .hints("choose another file");
    assert_eq!(
        fs::read_to_string(&letter).expect("it is there"),
        "Dear reader,\nyours"
    );
}

/// Only errors count for quietness: where the repository lies may make the host warn that it keeps no
/// compiled code.
const LOG: &str = "JOURNAL_HOST_LOG";
const ERRORS: &str = "error";

/// `journal-host run ... | head -n 1`
#[test]
fn reader_that_goes_away_ends_the_run_quietly_and_nothing_more_is_committed() {
    let place = Place::with("head", &origins(5000, 1));
    let mut head = run::spawn(
        Command::new("head")
            .args(["-n", "1"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped()),
    );
    let pipe = head.stdin.take().expect("it is piped");
    let run = place
        .followed_by(Host::run(&paths::plugin(HOSTILE)))
        .args(["--batch-records", "10", "--checkpoint-interval", "1ms"])
        .env(LOG, ERRORS)
        .stdout(pipe);
    let finished = run.finish(LIMIT).success();
    assert_eq!(finished.stderr, "");
    let mut line = String::new();
    let mut output = head.stdout.take().expect("it is piped");
    output.read_to_string(&mut line).expect("head writes");
    head.wait().expect("a child can be waited for");
    assert!(
        line.starts_with("{\"object_type\":\"origin\",\"offset\":0}\n"),
        "{line}"
    );
    let committed = place.committed();
    assert!(
        committed < 5000,
        "{committed} of 5000 records are committed"
    );
    // What was not committed is read by the next run, to the last record.
    let rest = place.read_by(Host::run(&paths::plugin(HOSTILE)));
    let rest = rest.finish(LIMIT).success();
    assert_eq!(rest.rows()[0]["offset"], committed);
    assert_eq!(rest.rows().len() as u64, 5000 - committed);
}

#[test]
fn reader_that_goes_away_from_a_recording_ends_the_run_quietly() {
    let mut gone = run::spawn(Command::new("true").stdin(Stdio::piped()));
    let pipe = gone.stdin.take().expect("it is piped");
    gone.wait().expect("a child can be waited for");
    let run = hostile(5000).env(LOG, ERRORS).stdout(pipe);
    let finished = run.finish(LIMIT).success();
    assert_eq!(finished.stderr, "");
}
