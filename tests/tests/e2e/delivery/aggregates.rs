//! Aggregates: one row a key and checkpoint, and partial sums that add up.

use journal_tests::{Host, paths};

use super::{LIMIT, host, large, objects, shipped, slow, total};

#[test]
fn recording_has_one_row_a_key_however_small_its_calls() {
    let recording = paths::repository().join("recordings/ripgrep.journal.zst");
    let finished = Host::run(&paths::plugin("count-objects"))
        .arg("--recording")
        .arg(&recording)
        .args(["--batch-records", "7"])
        .finish(LIMIT)
        .success();
    assert_eq!(finished.counts(), shipped().counts(false, 1));
    assert_eq!(finished.rows().len(), finished.counts().len());
}

#[test]
fn partial_sums_of_two_processes_add_up() {
    let large = large();
    let group = large.prefix.group("merges");
    let running = [(); 2].map(|()| {
        slow(&large.prefix, &group)
            .args(["--option", "merges=true"])
            .spawn()
    });
    let finished = running.map(|process| process.finish(LIMIT).success());
    for process in &finished {
        assert!(objects(&process.counts()) > 0);
        // At several checkpoints.
        assert!(process.rows().len() > process.counts().len());
    }
    assert_eq!(total(&finished), large.counts);
}

#[test]
fn workers_of_one_process_write_rows_of_their_own() {
    let large = large();
    let group = large.prefix.group("merging-workers");
    let finished = host("count-objects", &large.prefix, &group)
        .args(["--workers", "2", "--checkpoint-interval", "1h"])
        .finish(LIMIT)
        .success();
    assert_eq!(finished.counts(), large.counts);
    // A worker has one row a type, but for the checkpoints of its rebalances.
    assert!(finished.rows().len() > finished.counts().len());
}
