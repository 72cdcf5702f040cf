//! The rows of a run, to be compared with those of another one.

use std::time::Duration;

use journal_tests::{Finished, Host, host};
use serde_json::Value;

const LIMIT: Duration = Duration::from_mins(2);

/// The rows of all outputs, sorted. There is one checkpoint, so that a key of an aggregate has one row.
pub(crate) fn rows(host: Host, outputs: &[&str]) -> Vec<Vec<String>> {
    let mut host = host.args(["--checkpoint-interval", "10m"]);
    let file = |output: &str| format!("{output}.jsonl");
    for output in outputs {
        host = host
            .arg("--output")
            .arg(format!("{output}={}", file(output)));
    }
    let folder = host.folder().to_owned();
    let _done = host.finish(LIMIT).success();
    let of = |output: &&str| {
        let rows = sorted(host::rows(&folder.join(file(output))));
        assert!(rows.len() > 1, "{output}");
        rows
    };
    outputs.iter().map(of).collect()
}

/// Rows as JSON, sorted.
pub(crate) fn sorted(rows: impl IntoIterator<Item = Value>) -> Vec<String> {
    let mut texts: Vec<_> = rows.into_iter().map(|row| row.to_string()).collect();
    texts.sort_unstable();
    texts
}

/// The lines of standard output, sorted.
pub(crate) fn sorted_lines(finished: &Finished) -> Vec<&str> {
    let mut lines: Vec<&str> = finished.stdout.lines().collect();
    lines.sort_unstable();
    lines
}
