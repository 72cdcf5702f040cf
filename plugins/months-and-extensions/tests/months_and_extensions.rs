//! Counts over revisions and directories of every kind.

use journal_plugin_sdk::testing::{Harness, Rows};
use journal_plugin_sdk::{Date, EntryType, Id, owned};
use months_and_extensions::MonthsAndExtensions;
use serde_json::{Value, json};

fn harness() -> Harness<MonthsAndExtensions> {
    Harness::new()
}

fn revision(seconds: i64, offset: &[u8]) -> owned::Revision {
    owned::Revision::new().date(Date::new(seconds, 0, offset))
}

fn directory<N: AsRef<[u8]>>(names: impl IntoIterator<Item = N>) -> owned::Directory {
    let directory = owned::Directory::new();
    names.into_iter().fold(directory, |directory, name| {
        directory.entry(name.as_ref(), EntryType::File, Id([1; 20]), 0o100_644)
    })
}

fn month(month: impl Into<Value>, revisions: u64) -> Value {
    json!({"month": month.into(), "revisions": revisions})
}

fn extension(extension: impl Into<Value>, files: u64) -> Value {
    json!({"extension": extension.into(), "files": files})
}

#[test]
fn both_object_types_are_counted_in_one_pass_for_any_split() {
    let mut harness = harness();
    for number in 0..60 {
        // One per day from 2023-11-14, 22:13 UTC.
        let seconds = 1_700_000_000 + 86_400 * number;
        harness = harness
            .object(&revision(seconds, b"+0200"))
            .object(&directory(["main.rs", "README", &format!("{number}.c")]));
    }
    let run = harness.same_for_any_split(50, Rows::InAnyOrder).unwrap();
    let months = [
        month("2023-11", 17),
        month("2023-12", 31),
        month("2024-01", 12),
    ];
    assert_eq!(run.rows("months"), months);
    let extensions = [
        extension("c", 60),
        extension("rs", 60),
        extension(Value::Null, 60),
    ];
    let mut counted = run.rows("extensions");
    counted.sort_by_key(Value::to_string);
    assert_eq!(counted, extensions);
}

#[test]
fn month_is_that_of_the_author_in_utc() {
    // 2023-11-30, 23:30 UTC; half an hour after midnight for the author, and a month later for the committer.
    let revision =
        revision(1_701_387_000, b"+0100").committer_date(Date::new(1_704_000_000, 0, b"+0000"));
    let run = harness().object(&revision).run().unwrap();
    assert_eq!(run.rows("months"), [month("2023-11", 1)]);
}

#[test]
fn first_and_last_month_of_the_calendar_have_four_digits_of_a_year() {
    let run = harness()
        .object(&revision(-62_167_219_200, b"+0000"))
        .object(&revision(253_402_300_799, b"+0000"))
        .run()
        .unwrap();
    assert_eq!(
        run.rows("months"),
        [month("0000-01", 1), month("9999-12", 1)]
    );
}

#[test]
fn date_outside_of_the_calendar_is_counted_as_such_and_a_missing_one_is_not_counted() {
    let run = harness()
        .object(&revision(i64::MAX, b"+0000"))
        .object(&owned::Revision::new())
        .run()
        .unwrap();
    assert_eq!(run.rows("months"), [month(Value::Null, 1)]);
}

#[test]
fn extension_is_the_part_after_the_last_dot_in_lower_case() {
    let names = [".config.json", "a.tar.gz", "b.GZ", "c.sixteen-letters"];
    let run = harness().object(&directory(names)).run().unwrap();
    let expected = [
        extension("json", 1),
        extension("gz", 2),
        extension("sixteen-letters", 1),
    ];
    assert_eq!(run.rows("extensions"), expected);
}

#[test]
fn names_without_an_extension_have_none() {
    let names = [
        ".gitignore",
        "Makefile",
        "end.",
        "a.seventeen-letters",
        "",
        ".",
    ];
    let run = harness().object(&directory(names)).run().unwrap();
    assert_eq!(run.rows("extensions"), [extension(Value::Null, 6)]);
}

#[test]
fn extension_that_is_not_utf_8_has_replacement_characters() {
    let run = harness().object(&directory([b"a.X\xff"])).run().unwrap();
    assert_eq!(run.rows("extensions"), [extension("x\u{fffd}", 1)]);
}

#[test]
fn entries_that_are_not_files_are_not_counted() {
    let directory = directory(["a.rs"])
        .entry("src.rs", EntryType::Directory, Id([2; 20]), 0o040_000)
        .entry("module.rs", EntryType::Revision, Id([3; 20]), 0o160_000);
    let run = harness().object(&directory).run().unwrap();
    assert_eq!(run.rows("extensions"), [extension("rs", 1)]);
}

#[test]
fn only_the_objects_that_cannot_be_read_are_rejected() {
    // {"entries": [{"name": b"a.rs", "type": "file", "target": b"", "perms": 33188}]}
    let broken = b"\x81\xa7entries\x91\x84\xa4name\xc4\x04a.rs\xa4type\xa4file\xa6target\xc4\x00\xa5perms\xcd\x81\xa4";
    let run = harness()
        .raw_record("revision", "key", b"\x81\xa4date\x91\x01")
        .object(&revision(0, b"+0000"))
        .raw_record("directory", "key", *broken)
        .object(&directory(["a.rs"]))
        .run()
        .unwrap();
    assert_eq!(run.rows("months"), [month("1970-01", 1)]);
    assert_eq!(run.rows("extensions"), [extension("rs", 1)]);
    let reasons = run.rejections().iter().map(|rejection| &rejection.reason);
    let expected = [
        "`date` of the revision is a list",
        "`entries[0].target` of the directory has 0 bytes",
    ];
    assert!(
        reasons
            .zip(expected)
            .all(|(reason, expected)| reason.starts_with(expected))
    );
    assert_eq!(run.rejections().len(), 2);
}
