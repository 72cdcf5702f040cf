//! `list-revisions` writes the rows that a script makes with upstream's own classes.

use journal_tests::{Host, oracle, paths};

use crate::delivery::LIMIT;

#[test]
fn lines_over_a_recording_are_the_scripts() {
    let recording = paths::repository().join("recordings/ripgrep.journal.zst");
    let ours = Host::run(&paths::plugin("list-revisions"))
        .arg("--recording")
        .arg(&recording)
        .finish(LIMIT)
        .success()
        .stdout;
    let expected = oracle::script("list_revisions.py", [&recording]);
    // As text, so that the fields' order counts; one by one, so that a failure shows the first that differs.
    for (line, expected) in ours.lines().zip(expected.lines()) {
        assert_eq!(line, expected);
    }
    assert_eq!(ours.lines().count(), expected.lines().count());
    assert!(!ours.is_empty());
}
