//! Two runs of a script give the same rows.

use journal_tests::{Host, paths};

use super::{LIMIT, file, host};

#[test]
fn script_reaches_nothing_and_two_runs_are_alike() {
    let script = paths::repository().join("tests/data/scripts/refusals.py");
    let run = || {
        host(&script)
            .args(["--stop-after", "1"])
            .finish(LIMIT)
            .success()
    };
    let (once, again) = (run(), run());
    assert_eq!(once.stdout, again.stdout);
    let rows = once.rows();
    let (last, tried) = rows.split_last().expect("there are rows");
    assert_eq!(tried.len(), 15);
    for row in tried {
        assert!(row["error"].is_string(), "{row}");
    }
    assert_eq!(last["now"], "2000-01-01T00:00:00Z");
}

/// Asserts that a run over a thousand revisions writes the same rows however they are divided into calls.
#[track_caller]
pub(super) fn is_alike_in_ten_divisions(run: impl Fn() -> Host) {
    let rows = |batch: u32| {
        run()
            .args([
                "--stop-after",
                "1000",
                "--batch-records",
                &batch.to_string(),
            ])
            .finish(LIMIT)
            .success()
            .stdout
    };
    let expected = rows(1000);
    assert_eq!(expected.lines().count(), 1000);
    for batch in [1, 2, 3, 7, 10, 33, 64, 100, 333, 999] {
        assert!(rows(batch) == expected, "calls of {batch} records differ");
    }
}

#[test]
fn rows_are_alike_in_ten_divisions_also_of_sets_and_random_numbers() {
    let script = file(
        "alike.py",
        "import random\n\n\n\
         def process_revision(revision, emit):\n    \
         words = set((revision[\"message\"] or b\"\").split())\n    \
         emit({\"id\": revision[\"id\"], \"words\": list(words), \"random\": random.random()})\n",
    );
    is_alike_in_ten_divisions(|| host(&script));
}
