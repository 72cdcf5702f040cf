//! The checked-in corpus equals what upstream's packages generate, and the SDK reads the same objects as upstream.

use std::collections::BTreeSet;
use std::fs;

use journal_tests::cases::{self, Case, Report};
use journal_tests::kafka::Journal;
use journal_tests::{oracle, paths, run, seed};

/// Asserts that the SDK decodes, encodes, identifies and verifies the objects as upstream does.
#[track_caller]
fn assert_as_upstream(cases: &[Case]) -> Report {
    assert!(!cases.is_empty());
    let report = cases::check(cases);
    assert_eq!(report.mismatched, 0, "{report}");
    report
}

#[test]
fn corpus_of_old_messages_is_current() {
    let generated = oracle::old_messages(&run::folder("old-messages"));
    let [generated, checked_in] =
        [&generated, &paths::old_messages()].map(|path| fs::read(path).expect("is there"));
    assert!(
        generated == checked_in,
        "run tests/oracle/old_messages.py for {} again, and look at what changed",
        paths::old_messages().display()
    );
}

#[test]
fn every_old_message_has_a_unique_name() {
    let cases = cases::read(&paths::old_messages());
    let names: BTreeSet<_> = cases.iter().map(|case| &case.name).collect();
    assert!(names.len() == cases.len() && !names.contains(&String::new()));
    assert!(cases.iter().any(|case| case.normal.is_none()));
}

#[test]
fn same_seed_draws_the_same_objects() {
    let folder = run::folder("drawn");
    let [once, again, other] = [1, 1, 2].map(|seed| {
        let cases = oracle::drawn_objects(&folder, seed, 5).into_iter();
        cases.map(|case| (case.key, case.value)).collect::<Vec<_>>()
    });
    assert!(once == again && once != other);
}

#[test]
fn old_messages_are_read_as_upstream_reads_them() {
    assert_as_upstream(&cases::read(&paths::old_messages()));
}

#[test]
fn upstreams_test_objects_are_read_as_upstream_reads_them() {
    let frames = oracle::test_objects(&run::folder("test-objects"));
    let report = assert_as_upstream(&oracle::cases_of(&frames));
    assert_eq!(report.checked.len(), 13, "{report}");
    assert!(
        report.anonymised.len() == 2 && report.identified.len() > 6,
        "{report}"
    );
}

#[test]
fn drawn_objects_are_read_as_upstream_reads_them() {
    let seed = seed::fresh("drawn objects");
    let cases = oracle::drawn_objects(&run::folder("drawn"), seed, 1000);
    let report = cases::check(&cases);
    assert_eq!(report.mismatched, 0, "seed {seed}: {report}");
    assert_eq!(report.checked.len(), 14, "{report}");
    assert!(
        report.checked.values().all(|&checked| checked >= 1000),
        "{report}"
    );
}

#[test]
fn shipped_recording_is_encoded_to_the_same_bytes_and_verified_unless_anonymised() {
    let journal = Journal::read(&paths::repository().join("recordings/ripgrep.journal.zst"));
    let cases: Vec<Case> = journal.records.iter().map(cases::of_record).collect();
    let report = assert_as_upstream(&cases);
    for object_type in ["revision", "release"] {
        assert_eq!(
            report.anonymised[object_type], report.checked[object_type],
            "{report}"
        );
    }
    for object_type in ["directory", "snapshot", "origin"] {
        assert_eq!(
            report.identified[object_type], report.checked[object_type],
            "{report}"
        );
    }
}
