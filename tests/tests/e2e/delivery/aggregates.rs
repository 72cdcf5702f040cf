//! Aggregates: one row per key and checkpoint, and partial sums that add up.

use journal_tests::{Host, paths};

use super::{LIMIT, host, large, objects, shipped, slow, total};

#[test]
fn recording_gives_one_row_per_key_even_with_small_calls() {
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
        // There were several checkpoints.
        assert!(process.rows().len() > process.counts().len());
    }
    assert_eq!(total(&finished), large.counts);
}

#[test]
fn each_worker_of_a_process_writes_its_own_rows() {
    let large = large();
    let group = large.prefix.group("merging-workers");
    let finished = host("count-objects", &large.prefix, &group)
        .args(["--workers", "2", "--checkpoint-interval", "1h"])
        .finish(LIMIT)
        .success();
    assert_eq!(finished.counts(), large.counts);
    // Each worker writes one row per type, and more at the checkpoints of rebalances.
    assert!(finished.rows().len() > finished.counts().len());
}
