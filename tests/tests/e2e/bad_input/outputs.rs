//! Outputs that cannot be written: no row is written in part, and no offset is committed without its rows.

use std::fs;
use std::io::{self, BufRead as _, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::{Command, Stdio};

use journal_tests::{Host, host, paths, run};
use rustix::fs::OFlags;
use rustix::process::Signal;

use super::{HOSTILE, KafkaInput, LIMIT, fails, hostile, is_wrong_use, origins};

#[test]
fn full_device_is_named_and_nothing_is_committed() {
    let input = KafkaInput::with("full", &origins(300, 1));
    let run = input.read_by(Host::run(&paths::plugin(HOSTILE)));
    fails(run.args(["--output", "/dev/full"]))
        .says("cannot write to `/dev/full`: No space left on device (os error 28)")
        .hints("make room and run again");
    assert_eq!(input.committed(), 0);
    let full = fs::OpenOptions::new().write(true).open("/dev/full");
    let run = input.read_by(Host::run(&paths::plugin(HOSTILE)));
    fails(run.stdout(full.expect("Linux has it")))
        .says("cannot write to standard output: No space left on device (os error 28)")
        .hints("make room and run again");
    assert_eq!(input.committed(), 0);
}

/// A limit on the size of files simulates a full disk: both cut off a write in the middle.
#[test]
fn file_that_cannot_grow_stays_as_it_was_and_nothing_is_committed() {
    /// A block has 512 bytes in one shell and 1024 in another. Either way there is room for some rows, but not for all.
    const LIMITED: &str = "ulimit -f 512";
    const RECORDS: u32 = 20_000;
    let input = KafkaInput::with("limit", &origins(RECORDS, 1));
    let file = run::folder("limit").join("rows.jsonl");
    let write_by = |host: Host| {
        let host = host.arg("run").arg(paths::plugin(HOSTILE));
        let host = host.args(["--checkpoint-interval", "1h"]);
        input.read_by(host).arg("--output").arg(&file)
    };
    let first = write_by(Host::new()).args(["--stop-after", "100"]);
    let _ = first.finish(LIMIT).success();
    let before = fs::read(&file).expect("it was written");
    assert_eq!((host::rows(&file).len(), input.committed()), (100, 100));
    fails(write_by(Host::after(LIMITED)))
        .says(&format!(
            "cannot write to `{}`: File too large (os error 27)",
            file.display()
        ))
        .hints("make room and run again");
    let after = fs::read(&file).expect("it is there");
    assert!(after == before, "it has {} bytes", after.len());
    assert_eq!(input.committed(), 100);
    let _ = write_by(Host::new()).finish(LIMIT).success();
    let offsets = host::rows(&file);
    let offsets = offsets.iter().map(|row| row["offset"].as_u64());
    assert!(
        offsets.eq((0..u64::from(RECORDS)).map(Some)),
        "each row once"
    );
    assert_eq!(input.committed(), u64::from(RECORDS));
}

#[test]
fn file_size_limit_too_small_for_the_engine_is_reported() {
    let run = Host::after("ulimit -f 1").arg("run");
    let run = run.arg(paths::plugin(HOSTILE)).arg("--recording");
    let failure = fails(run.arg(super::shipped()));
    let _ = failure.names("File too large");
}

#[test]
fn file_that_another_process_writes_is_named() {
    let input = KafkaInput::with("locked", &origins(10, 1));
    let file = run::folder("locked").join("rows.jsonl");
    let mut first = input
        .followed_by(Host::run(&paths::plugin(HOSTILE)))
        .args(["--checkpoint-interval", "50ms"])
        .arg("--output")
        .arg(&file)
        .spawn();
    first.until("it commits", LIMIT, |_| {
        (input.committed() == 10).then_some(())
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
fn file_that_cannot_be_opened_is_named() {
    fails(hostile(1).args(["--output", "nowhere/rows.jsonl"]))
        .says("cannot open `nowhere/rows.jsonl` for appending: No such file or directory (os error 2)")
        .hints("`--output` takes the path of a file that can be written");
    fails(hostile(1).args(["--output", "."]))
        .says("`.` is a directory, not a file")
        .hints("`--output` takes the path of a file that can be written");
}

#[test]
fn file_of_another_kind_is_named_and_not_changed() {
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

#[test]
fn names_that_promise_what_is_not_written_are_refused() {
    for name in ["rows.jsonl.xz", "jsonl:rows.xz", "rows.sqlite.gz"] {
        let file = name.trim_start_matches("jsonl:");
        is_wrong_use(hostile(1).args(["--output", name]))
            .says(&format!(
                "`{file}` would be compressed by its name in a way that this version does not write"
            ))
            .hints(
                "`--output` compresses JSON lines in files that end in `.jsonl.gz` or `.jsonl.zst`",
            );
    }
    let letters = [
        "--on-failure",
        "dead-letter",
        "--dead-letters",
        "l.jsonl.gz",
    ];
    is_wrong_use(hostile(1).args(letters))
        .says("dead letters are not compressed, as `l.jsonl.gz` would be by its name")
        .hints("give `--dead-letters` a name that ends in `.jsonl`");
}

#[test]
fn compressed_file_that_is_none_is_named_and_not_changed() {
    let run = hostile(1).args(["--output", "rows.jsonl.zst"]);
    let file = run.folder().join("rows.jsonl.zst");
    fs::write(&file, "{}\n").expect("the folder is ours");
    fails(run)
        .says("`rows.jsonl.zst` does not end with a zstd frame of whole lines, so nothing can be appended to it")
        .hints("choose another file");
    assert_eq!(fs::read_to_string(&file).expect("it is there"), "{}\n");
}

/// Only errors are logged in these tests: depending on the repository's folder, the host may warn that it does not
/// cache compiled code.
const LOG: &str = "JOURNAL_HOST_LOG";
const ERRORS: &str = "error";

/// `journal-host run ... | head -n 1`
#[test]
fn reader_that_closes_the_pipe_ends_the_run_quietly_and_nothing_more_is_committed() {
    let input = KafkaInput::with("head", &origins(5000, 1));
    let mut head = run::spawn(
        Command::new("head")
            .args(["-n", "1"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped()),
    );
    let pipe = head.stdin.take().expect("it is piped");
    let run = input
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
    let committed = input.committed();
    assert!(
        committed < 5000,
        "{committed} of 5000 records are committed"
    );
    // The next run reads everything that was not committed.
    let rest = input.read_by(Host::run(&paths::plugin(HOSTILE)));
    let rest = rest.finish(LIMIT).success();
    assert_eq!(rest.rows()[0]["offset"], committed);
    assert_eq!(rest.rows().len() as u64, 5000 - committed);
}

#[test]
fn reader_that_closes_the_pipe_ends_a_run_over_a_recording_quietly() {
    let mut gone = run::spawn(Command::new("true").stdin(Stdio::piped()));
    let pipe = gone.stdin.take().expect("it is piped");
    gone.wait().expect("a child can be waited for");
    let run = hostile(5000).env(LOG, ERRORS).stdout(pipe);
    let finished = run.finish(LIMIT).success();
    assert_eq!(finished.stderr, "");
}

#[test]
fn reader_that_closes_a_named_pipe_ends_the_run_with_an_error() {
    let input = KafkaInput::with("fifo", &origins(5000, 1));
    let fifo = run::folder("fifo").join("rows");
    run::succeed(Command::new("mkfifo").arg(&fifo));
    let mut head = run::spawn(
        Command::new("head")
            .args(["-n", "1"])
            .arg(&fifo)
            .stdout(Stdio::null()),
    );
    let run = input
        .followed_by(Host::run(&paths::plugin(HOSTILE)))
        .args(["--batch-records", "10", "--checkpoint-interval", "1ms"])
        .arg("--output")
        .arg(&fifo);
    fails(run)
        .says(&format!(
            "cannot write to `{}`: Broken pipe (os error 32)",
            fifo.display()
        ))
        .hints("start the reader and run again");
    head.wait().expect("a child can be waited for");
    let committed = input.committed();
    assert!(committed < 5000, "{committed} of 5000 are committed");
}

/// Opens a terminal, prints its path, and closes it once something was written to it.
const TERMINAL: &str = "import os
master, slave = os.openpty()
print(os.ttyname(slave), flush=True)
os.read(master, 1)";

#[test]
fn terminal_that_is_closed_ends_the_run_quietly() {
    let input = KafkaInput::with("terminal", &origins(5000, 1));
    let mut terminal = run::spawn(
        Command::new("python3")
            .args(["-c", TERMINAL])
            .stdout(Stdio::piped()),
    );
    let path = terminal.stdout.take().expect("it is piped");
    let mut path = io::BufReader::new(path).lines();
    let path = path.next().expect("it prints a line").expect("it is text");
    let no_control = i32::try_from(OFlags::NOCTTY.bits()).expect("a flag is a small number");
    let terminal_file = fs::OpenOptions::new()
        .write(true)
        .custom_flags(no_control)
        .open(path)
        .expect("it is open");
    let run = input
        .followed_by(Host::run(&paths::plugin(HOSTILE)))
        .args(["--batch-records", "10", "--checkpoint-interval", "1ms"])
        .env(LOG, ERRORS)
        .stdout(terminal_file);
    let finished = run.finish(LIMIT).success();
    assert_eq!(finished.stderr, "");
    terminal.wait().expect("a child can be waited for");
    let committed = input.committed();
    assert!(committed < 5000, "{committed} of 5000 are committed");
}
