//! Aggregates: one row per key and checkpoint, and partial sums that add up.

use journal_tests::{Host, paths};

use super::live::{Live, stop};
use super::{LIMIT, host, large, shipped, total};

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
    let live = Live::new("merges");
    let merges = || live.host("guest-counter").args(["--option", "merges=true"]);
    let mut running = [(); 2].map(|()| merges().spawn());
    for process in &mut running {
        // There are several checkpoints.
        process.until("several rows of a key", LIMIT, |process| {
            let rows = process.rows();
            (rows.len() > journal_tests::host::sum(&rows).len()).then_some(())
        });
    }
    let [first, second] = running.map(stop);
    let (rest, written) = live.rest();
    assert_eq!(total([&first, &second, &rest]), written);
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
