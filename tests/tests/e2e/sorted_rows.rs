//! The rows of a run, to be compared with those of another one.

use std::time::Duration;

use journal_tests::{Host, host};

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
    let sorted = |output: &&str| {
        let rows = host::rows(&folder.join(file(output)));
        let mut rows: Vec<String> = rows.iter().map(ToString::to_string).collect();
        rows.sort_unstable();
        assert!(rows.len() > 1, "{output}");
        rows
    };
    outputs.iter().map(sorted).collect()
}
