//! `list-revisions` writes the rows that a script computes with upstream's classes.

use journal_plugin_sdk::owned;
use journal_recording::{Frame, Writer};
use journal_tests::{Host, host, oracle, paths, run};

use crate::delivery::LIMIT;

#[test]
fn rows_of_a_recording_equal_the_scripts() {
    let recording = paths::repository().join("recordings/ripgrep.journal.zst");
    let ours = Host::run(&paths::plugin("list-revisions"))
        .arg("--recording")
        .arg(&recording)
        .finish(LIMIT)
        .success()
        .stdout;
    let expected = oracle::script("list_revisions.py", [&recording]);
    // As text, to compare the order of the fields; one by one, so that a failure shows the first difference.
    for (line, expected) in ours.lines().zip(expected.lines()) {
        assert_eq!(line, expected);
    }
    assert_eq!(ours.lines().count(), expected.lines().count());
    assert!(!ours.is_empty());
}

/// The characters at which Python's `str.splitlines` ends a line.
const LINE_ENDS: [char; 10] = [
    '\n', '\r', '\x0b', '\x0c', '\x1c', '\x1d', '\x1e', '\u{85}', '\u{2028}', '\u{2029}',
];

#[test]
fn subject_with_unicode_line_ends_is_one_line() {
    let subject = "\u{2028}x\u{85}\u{2029}\u{202e}\u{9b}2J\u{7f}\u{feff}";
    let revision = owned::Revision::new().message(subject);
    let path = run::folder("line-ends").join("one.journal");
    let topic = "swh.journal.objects.revision";
    let mut writer = Writer::create(&path, &[topic]).expect("a recording can be made");
    let frame = Frame {
        topic,
        key: &revision.key(),
        value: Some(&revision.encode()),
        partition: None,
        offset: None,
        timestamp_ms: None,
    };
    writer.write(&frame).expect("a frame can be written");
    writer.finish().expect("a recording can be ended");
    let lines = Host::run(&paths::plugin("list-revisions"))
        .arg("--recording")
        .arg(&path)
        .finish(LIMIT)
        .success()
        .stdout;
    let line = lines.strip_suffix('\n').expect("a line ends");
    assert!(!line.contains(LINE_ENDS), "{line:?}");
    assert!(
        line.contains("\\u2028x\\u0085\\u2029\\u202e\\u009b2J\\u007f"),
        "{line}"
    );
    let [row] = &host::parse(&lines)[..] else {
        panic!("one row: {lines:?}");
    };
    assert_eq!(row["subject"], subject);
}
