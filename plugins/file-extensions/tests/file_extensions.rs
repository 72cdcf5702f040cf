//! Counts over directories of every kind.

use file_extensions::{FileExtensions, Options};
use journal_plugin_sdk::testing::{Harness, Rows};
use journal_plugin_sdk::{EntryType, Id, owned};
use serde_json::{Value, json};

const FILE: u32 = 0o100_644;

fn row(extension: impl Into<Value>, mode: &str, files: u64) -> Value {
    json!({"extension": extension.into(), "mode": mode, "files": files})
}

fn directory(names: &[&str]) -> owned::Directory {
    let files = names.iter();
    files.fold(owned::Directory::new(), |directory, name| {
        directory.entry(name, EntryType::File, Id([1; 20]), FILE)
    })
}

fn harness() -> Harness<FileExtensions, Options> {
    Harness::new()
}

#[test]
fn files_are_counted_by_extension_and_mode_for_any_split() {
    let mut harness = harness();
    for number in 0..50 {
        let mut directory = directory(&["main.rs", &format!("lib{number}.rs"), "README"]);
        if number % 5 == 0 {
            directory = directory.entry("run.sh", EntryType::File, Id([2; 20]), 0o100_755);
        }
        harness =
            harness.object(&directory.entry("src.rs", EntryType::Directory, Id([3; 20]), 0o40_000));
    }
    let run = harness.same_for_any_split(50, Rows::InAnyOrder).unwrap();
    let mut rows = run.rows("files");
    rows.sort_by_key(Value::to_string);
    let expected = [
        row("rs", "100644", 100),
        row("sh", "100755", 10),
        row(Value::Null, "100644", 50),
    ];
    assert_eq!(rows, expected);
}

#[test]
fn names_without_an_extension_have_none() {
    let names = [
        ".gitignore",
        "Makefile",
        "end.",
        "A sentence. And one more behind it",
        "",
    ];
    let run = harness().object(&directory(&names)).run().unwrap();
    assert_eq!(run.rows("files"), [row(Value::Null, "100644", 5)]);
}

#[test]
fn dotfile_with_an_extension_has_one() {
    let run = harness()
        .object(&directory(&[".config.json", "a.tar.gz"]))
        .run()
        .unwrap();
    assert_eq!(
        run.rows("files"),
        [row("json", "100644", 1), row("gz", "100644", 1)]
    );
}

#[test]
fn case_and_length_are_options() {
    let directory = directory(&["a.PNG", "b.png", "c.extension"]);
    let run = harness().object(&directory).run().unwrap();
    assert_eq!(
        run.rows("files"),
        [row("png", "100644", 2), row("extension", "100644", 1)]
    );
    let run = harness()
        .options(json!({"keep_case": true, "longest": 3}))
        .object(&directory)
        .run()
        .unwrap();
    let expected = [
        row("PNG", "100644", 1),
        row("png", "100644", 1),
        row(Value::Null, "100644", 1),
    ];
    assert_eq!(run.rows("files"), expected);
}

#[test]
fn extension_that_is_not_utf_8_has_replacement_characters() {
    let directory = owned::Directory::new().entry(b"a.\xff", EntryType::File, Id([1; 20]), 0o777);
    let run = harness().object(&directory).run().unwrap();
    assert_eq!(run.rows("files"), [row("\u{fffd}", "777", 1)]);
}

#[test]
fn broken_entry_rejects_the_whole_directory() {
    // {"entries": [{"name": b"a.rs", "type": "file", "target": b"", "perms": 33188}]}
    let broken = b"\x81\xa7entries\x91\x84\xa4name\xc4\x04a.rs\xa4type\xa4file\xa6target\xc4\x00\xa5perms\xcd\x81\xa4";
    let run = harness()
        .object(&directory(&["a.rs"]))
        .raw_record("directory", "key", *broken)
        .run()
        .unwrap();
    assert_eq!(run.rows("files"), [row("rs", "100644", 1)]);
    let rejections = run.rejections();
    assert_eq!(rejections.len(), 1);
    assert!(
        rejections[0]
            .reason
            .starts_with("`entries[0].target` of the directory has 0 bytes")
    );
}
