//! The SDK's objects in the sandbox.

use std::time::Duration;

use journal_tests::kafka::Journal;
use journal_tests::{Host, paths};

const LIMIT: Duration = Duration::from_mins(1);

#[test]
fn fuzzer_corpus_is_read_or_rejected_in_the_sandbox_and_never_traps() {
    let corpus = paths::repository().join("tests/data/fuzz/objects.journal.zst");
    let records = Journal::read(&corpus).records.len();
    let finished = Host::run(&paths::plugin("guest-objects"))
        .arg("--recording")
        .arg(corpus)
        .args(["--on-failure", "skip", "--max-failures", "100%"])
        .finish(LIMIT)
        .success();
    let read = finished.rows().len();
    assert!(read > 14 && read < records);
    let rejected = format!("{} rejected", records - read);
    assert!(finished.stderr.contains(&rejected), "{}", finished.stderr);
}
