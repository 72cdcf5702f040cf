//! Processors that loop, exhaust memory, panic or emit invalid rows: the run ends, its error names the records of the
//! call, and nothing is written or committed.

use std::fs;

use journal_tests::{Finished, Host, paths};

use super::{Failure, HOSTILE, KafkaInput, LIMIT, fails, failure, hostile, is_wrong_use, origins};

/// A memory limit that a hostile guest soon reaches.
const LIMITS: [&str; 2] = ["--memory-limit", "16MiB"];
/// The ways in which a guest misbehaves, each with part of the error, and of the hint if there is one.
const MISCHIEF: [(&str, &str, Option<&str>); 15] = [
    ("loop", TOO_LONG, Some("`--deadline`")),
    (
        "eat",
        "the processor needs more memory than 16 MiB",
        Some("`--memory-limit`"),
    ),
    (
        "flood",
        "the processor emitted more than 16 MiB in one call",
        Some("`--memory-limit`"),
    ),
    ("recurse", "the processor", None),
    (
        "panic",
        "the processor panicked at `tests/guests/hostile/src/lib.rs:",
        None,
    ),
    ("panic-loudly", r"`\u{1b}[2Jloud\nerror: !!!", None),
    (
        "trap",
        "the processor trapped: wasm `unreachable` instruction executed",
        None,
    ),
    (
        "retry",
        "the processor failed: `the test wants another try`",
        None,
    ),
    (
        "fatal",
        "the processor failed: `the test wants a failure`",
        None,
    ),
    (
        "nan",
        "row 0 of those emitted to `rows` has the number NaN, which JSON lacks, in the field `n`",
        Some(AUTHOR),
    ),
    (
        "no-map",
        "row 0 of those emitted to `rows` is not a map",
        Some(AUTHOR),
    ),
    (
        "no-msgpack",
        "row 0 of those emitted to `rows` is not valid msgpack",
        Some(AUTHOR),
    ),
    (
        "bad-ends",
        "the ends of the rows emitted to `rows` do not fit the rows",
        Some(AUTHOR),
    ),
    (
        "no-output",
        "it emitted to output 64, but its plan has 1",
        Some(AUTHOR),
    ),
    ("lose-rows", LOST_ROW, None),
];
const LOST_ROW: &str = "the processor failed: `the plan does not declare the output `typo`: it declares `rows` (at \
                        tests/guests/hostile/src/lib.rs:";
const AUTHOR: &str = "tell its author";
const TOO_LONG: &str = "the processor ran longer than 300 ms";
/// On a busy machine, an endless loop may reach the limit by the clock before it has got that much CPU time.
const TOO_LONG_BY_THE_CLOCK: &str =
    "the processor did not return within 1200 ms, in which it got too little CPU time";

/// Only a guest that never returns gets a short deadline: others may be slow on a busy machine.
fn deadline(mischief: &str) -> &'static str {
    if mischief == "loop" {
        "--deadline=300ms"
    } else {
        "--deadline=30s"
    }
}

#[track_caller]
fn check(failure: Failure, what: &str, hint: Option<&str>) {
    let by_the_clock = what == TOO_LONG && failure.error.contains(TOO_LONG_BY_THE_CLOCK);
    let failure = failure.names(if by_the_clock {
        TOO_LONG_BY_THE_CLOCK
    } else {
        what
    });
    if let Some(hint) = hint {
        let _ = failure.hints(hint);
    }
}

/// A run over 300 records in three calls, of which the third misbehaves.
fn third_call(mischief: &str) -> Host {
    hostile(300)
        .args(LIMITS)
        .arg(deadline(mischief))
        .args([
            "--batch-records",
            "100",
            "--output",
            "rows.jsonl",
            "--retries",
            "0",
        ])
        .args(["--option", "at_call=3", "--option"])
        .arg(format!("process={mischief}"))
}

#[test]
fn failed_call_names_its_records_and_writes_nothing_from_a_recording() {
    for (mischief, what, hint) in MISCHIEF {
        let host = third_call(mischief);
        let rows = host.folder().join("rows.jsonl");
        let failure = fails(host).names(
            "`process` failed on `swh.journal.objects.origin` partition 0 offsets 200 to 299: ",
        );
        check(failure, what, hint);
        let written = fs::read_to_string(&rows).expect("the output was opened");
        assert_eq!(
            written, "",
            "the rows of the first two calls are dropped too"
        );
    }
}

#[test]
fn panic_is_reported_with_its_message() {
    fails(third_call("panic")).names(": `the test wants a panic`");
}

#[test]
fn failed_call_names_its_records_and_commits_nothing_on_kafka() {
    let input = KafkaInput::with("mischief", &origins(300, 1));
    let topic = input.topic();
    // Sequentially, because they share a group: each starts at the offsets that the one before it left.
    for (mischief, what, hint) in MISCHIEF {
        let host = input.read_by(Host::run(&paths::plugin(HOSTILE)));
        let host = host
            .args(LIMITS)
            .arg(deadline(mischief))
            .args(["--output", "rows.jsonl", "--retries", "0", "--option"])
            .arg(format!("process={mischief}"));
        let rows = host.folder().join("rows.jsonl");
        let failure = fails(host).names(&format!(
            "`process` failed on the record at `{topic}` partition 0 offset 0 with the key `"
        ));
        check(failure, what, hint);
        assert_eq!(fs::read_to_string(&rows).expect("it was opened"), "");
        assert_eq!(input.committed(), 0, "{mischief}");
    }
}

#[test]
fn failed_call_leaves_what_was_committed_before_it() {
    let input = KafkaInput::with("before", &origins(300, 1));
    let host = || input.read_by(Host::run(&paths::plugin(HOSTILE)));
    let first = host().args(["--stop-after", "100"]).finish(LIMIT).success();
    assert_eq!((first.rows().len(), input.committed()), (100, 100));
    for call in ["process", "checkpoint"] {
        let host = host().args(["--option", &format!("{call}=panic")]);
        fails(host).names(&format!("`{call}` failed"));
        assert_eq!(input.committed(), 100);
    }
    let last: Finished = host().finish(LIMIT).success();
    assert_eq!((last.rows().len(), input.committed()), (200, 300));
    assert_eq!(last.rows()[0]["offset"], 100);
}

#[test]
fn failure_in_start_is_reported_before_any_output_is_opened() {
    for (mischief, what, hint) in [
        ("loop", TOO_LONG, Some("`--deadline`")),
        (
            "eat",
            "the processor needs more memory than 16 MiB",
            Some("`--memory-limit`"),
        ),
        (
            "panic",
            "the processor panicked at `tests/guests/hostile/src/lib.rs:",
            None,
        ),
        (
            "retry",
            "the processor failed: `the test wants another try`",
            None,
        ),
        (
            "fatal",
            "the processor failed: `the test wants a failure`",
            Some("`journal-host describe` lists the options"),
        ),
        ("nan", "the processor emitted rows in `start`", Some(AUTHOR)),
    ] {
        let host = hostile(1).args(LIMITS).arg(deadline(mischief));
        let host = host.args(["--output", "rows.jsonl"]);
        let rows = host.folder().join("rows.jsonl");
        let host = host.arg("--option").arg(format!("start={mischief}"));
        // A plugin that returns a failure refuses its options.
        let failure = if mischief == "fatal" {
            is_wrong_use(host)
        } else {
            fails(host)
        };
        check(failure.names("`start` failed: "), what, hint);
        assert!(!rows.exists());
    }
}

#[test]
fn failure_in_checkpoint_writes_nothing() {
    for (mischief, what, hint) in MISCHIEF {
        let host = hostile(10).args(LIMITS).arg(deadline(mischief));
        let host = host.args(["--output", "rows.jsonl", "--retries", "0"]);
        let rows = host.folder().join("rows.jsonl");
        let failure = fails(host.arg("--option").arg(format!("checkpoint={mischief}")));
        check(failure.names("`checkpoint` failed"), what, hint);
        assert_eq!(fs::read_to_string(&rows).expect("it was opened"), "");
    }
}

#[test]
fn guest_that_logs_too_much_is_cut_off_and_continues() {
    let finished = hostile(1)
        .args(["--option", "process=chatter"])
        .finish(LIMIT)
        .success();
    assert_eq!(finished.rows().len(), 1);
    let lines = finished.stderr.matches("line ").count();
    assert_eq!(lines, 1000, "{}", &finished.stderr[..500]);
    assert!(
        finished
            .stderr
            .contains("dropped 9000 log lines: one call may write 1000"),
        "the number of dropped lines is logged"
    );
}

#[test]
fn other_workers_of_a_run_that_fails_stop_cleanly() {
    let input = KafkaInput::with("workers", &origins(300, 1));
    let host = input.read_by(Host::run(&paths::plugin(HOSTILE)));
    let finished = host
        .args(["--workers", "3", "--option", "process=fatal"])
        .finish(LIMIT)
        .code(1);
    let _ = failure(&finished).names("the test wants a failure");
    assert_eq!(input.committed(), 0);
}
