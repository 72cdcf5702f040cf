//! Each event is one line without control characters on standard error, and no run fails because of logging.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use journal_tests::{Host, paths, run};

use super::plugins::embed_contract;
use super::{HOSTILE, LIMIT, fails, failure, hostile, is_wrong_use, origins, record};

const LOG: &str = "JOURNAL_HOST_LOG";
/// A plugin that rejects the first record of a call. Its reason contains a line feed and terminal control sequences.
const REJECT_FIRST: &str = include_str!("../../../data/hostile/reject-first.wat");
/// Options of a run whose workers write to the log.
const SKIPPING: [&str; 4] = ["--option", "process=reject-even", "--on-failure", "skip"];

/// A run of the hostile guest whose standard error is redirected with this shell command.
fn with_stderr(redirection: &str) -> Host {
    let host = Host::after(redirection)
        .arg("run")
        .arg(paths::plugin(HOSTILE));
    record(&host.folder().join("origins.journal"), &origins(10, 1));
    host.args(["--recording", "origins.journal"])
}

/// A pipe whose reader has ended.
fn closed_pipe() -> Stdio {
    let mut reader = run::spawn(Command::new("true").stdin(Stdio::piped()));
    let pipe = reader.stdin.take().expect("it is piped");
    reader.wait().expect("a child can be waited for");
    pipe.into()
}

#[test]
fn standard_error_that_cannot_be_written_changes_neither_rows_nor_exit_code() {
    for redirection in ["exec 2>/dev/full", "exec 2>&-"] {
        let finished = with_stderr(redirection)
            .args(SKIPPING)
            .finish(LIMIT)
            .success();
        assert_eq!(finished.rows().len(), 5, "{redirection}");
        let verbose = with_stderr(redirection).args(SKIPPING).env(LOG, "trace");
        assert_eq!(verbose.finish(LIMIT).success().rows().len(), 5);
        let failing = with_stderr(redirection).args(["--option", "process=panic"]);
        let _ = failing.finish(LIMIT).code(1);
        let wrong = with_stderr(redirection).args(["--output", "a="]);
        let _ = wrong.finish(LIMIT).code(2);
        let _ = with_stderr(redirection)
            .arg("--nonsense")
            .finish(LIMIT)
            .code(2);
        let _ = with_stderr(redirection)
            .env(LOG, "debgu")
            .finish(LIMIT)
            .code(2);
    }
}

/// `journal-host run ... --output rows.jsonl 2>&1 | head -n 0`
#[test]
fn reader_that_closes_the_pipe_of_the_log_changes_neither_rows_nor_exit_code() {
    let host = || {
        with_stderr("exec 2>&1")
            .stdout(closed_pipe())
            .args(["--output", "rows.jsonl"])
    };
    let run = host().args(SKIPPING);
    let rows = run.folder().join("rows.jsonl");
    let _ = run.finish(LIMIT).success();
    let rows = fs::read_to_string(rows).expect("it was written");
    assert_eq!(rows.lines().count(), 5);
    let failing = host().args(["--option", "process=panic"]);
    let _ = failing.finish(LIMIT).code(1);
}

#[test]
fn invalid_log_filter_is_wrong_use() {
    is_wrong_use(hostile(1).env(LOG, "debgu"))
        .says(
            "the variable `JOURNAL_HOST_LOG` is `debgu`: `debgu` is not a level; the levels are `off`, `error`, \
             `warn`, `info`, `debug`, `trace`",
        )
        .hints("`librdkafka=debug,info`");
    is_wrong_use(hostile(1).env(LOG, "librdkafak=debug,info"))
        .names("`librdkafak` writes no log lines")
        .hints("`librdkafka=debug,info`");
    let quiet = hostile(1).env(LOG, "off").finish(LIMIT).success();
    assert_eq!(quiet.stderr, "");
}

/// A recording without a header.
fn frames(folder: &Path, frames: &[(&str, &[u8])]) -> PathBuf {
    let path = folder.join("frames");
    let mut bytes = Vec::new();
    for (topic, key) in frames {
        let frame = rmpv::Value::Array(vec![
            (*topic).into(),
            rmpv::Value::Binary(key.to_vec()),
            rmpv::Value::Binary(vec![0x80]),
        ]);
        rmpv::encode::write_value(&mut bytes, &frame).expect("a vector takes everything");
    }
    fs::write(&path, bytes).expect("the folder is ours");
    path
}

/// A run of [`REJECT_FIRST`] over a recording.
fn rejecting(recording: &[(&str, &[u8])]) -> Host {
    let host = Host::new().args(["run", "plugin.wasm"]);
    let mut plugin = wat::parse_str(REJECT_FIRST).unwrap_or_else(|error| panic!("{error}"));
    embed_contract(&mut plugin, "0.1.0");
    fs::write(host.folder().join("plugin.wasm"), plugin).expect("the folder is ours");
    let path = frames(host.folder(), recording);
    let host = host.arg("--recording").arg(path);
    host.args(["--on-failure", "skip"])
}

#[track_caller]
fn assert_clean(text: &str) {
    let harmful = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{85}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!text.contains(harmful), "{text:?}");
}

#[test]
fn key_and_reason_from_outside_stay_in_one_log_line() {
    let key: &[u8] = b"\xbak\n2026-01-01 ERROR forged\x1b";
    let skipped = rejecting(&[("swh.journal.objects.origin", key)])
        .finish(LIMIT)
        .success();
    let log = &skipped.stderr;
    assert_clean(log);
    let lines: Vec<_> = log.lines().filter(|line| line.contains("forged")).collect();
    assert_eq!(lines.len(), 1, "{log}");
    assert!(lines[0].contains("WARN skipped the record at"), "{log}");
    assert!(
        lines[0].contains(r"with the key `k\n2026-01-01 ERROR forged\u{1b}`: r\n"),
        "{log}"
    );
}

#[test]
fn topic_name_that_would_forge_a_line_is_refused() {
    let topic =
        "swh.journal.objects.origin\u{1b}]0;x\u{7}\n2026-01-01 ERROR forged\u{202e}\u{9b}2J";
    let finished = rejecting(&[(topic, b"k")]).finish(LIMIT).code(1);
    assert_clean(&finished.stderr);
    failure(&finished)
        .names(r"has a topic with the name `swh.journal.objects.origin\x1b]0;x\x07\n2026-01-01 ERROR forged\xe2")
        .hints("copy or make the recording again");
}

#[test]
fn recording_with_only_privileged_topics_gets_the_same_message_from_every_plugin() {
    let topic = "swh.journal.objects_privileged.revision";
    for plugin in ["count-objects", "list-revisions"] {
        let host = Host::run(&paths::plugin(plugin));
        let path = frames(host.folder(), &[(topic, b"\xc4\x01k")]);
        let path = path.display();
        fails(host.args(["--recording", &path.to_string()]))
            .says(&format!(
                "the recording `{path}` has only privileged topics with the prefix `swh.journal.objects` for: \
                 `revision`"
            ))
            .hints("`--privileged` reads them");
    }
}
