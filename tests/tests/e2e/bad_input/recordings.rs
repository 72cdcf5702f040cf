//! Recordings that cannot be read, or that do not have the requested topics.

use std::fs;
use std::process::Command;

use journal_tests::{Host, paths, run};

use super::{Failure, HOSTILE, LIMIT, fails, hostile, origins, record, shipped};

/// Runs `count-objects` over a file `input` with these bytes, which is invalid.
#[track_caller]
fn recording(bytes: impl AsRef<[u8]>) -> Failure {
    let host = Host::run(&paths::plugin("count-objects")).args(["--recording", "input"]);
    fs::write(host.folder().join("input"), bytes).expect("the folder is ours");
    let folder = host.folder().to_owned();
    let failure = fails(host.args(["--output", "rows.jsonl"]));
    // All rows or none: not even those of the records before the damage.
    assert_eq!(
        fs::read_to_string(folder.join("rows.jsonl")).unwrap_or_default(),
        ""
    );
    failure
}

/// A header of this version.
fn header(version: u64) -> Vec<u8> {
    let topics = vec![rmpv::Value::from("swh.journal.objects.origin")];
    let header = rmpv::Value::Map(vec![
        ("journal-recording".into(), version.into()),
        ("topics".into(), topics.into()),
    ]);
    let mut bytes = Vec::new();
    rmpv::encode::write_value(&mut bytes, &header).expect("a vector takes everything");
    bytes
}

#[test]
fn missing_recording_is_named() {
    let run = || Host::run(&paths::plugin("count-objects"));
    fails(run().args(["--recording", "nowhere.journal"]))
        .says("cannot open the recording `nowhere.journal`: No such file or directory (os error 2)")
        .hints("`--recording` takes the path of a file that can be read");
    fails(run().args(["--recording", "."]))
        .says("cannot read the recording `.`: Is a directory (os error 21)")
        .hints("`--recording` takes the path of a file that can be read");
}

#[test]
fn recording_without_the_privileged_topics_that_are_required_is_refused() {
    let run = |flag: &str| {
        let run = Host::run(&paths::plugin("count-objects")).arg("--recording");
        run.arg(shipped()).arg(flag)
    };
    fails(run("--privileged"))
        .names("has no topic `swh.journal.objects_privileged.release`, `swh.journal.objects_privileged.revision`")
        .hints("`--privileged=if-available`");
    let preferred = run("--privileged=if-available").finish(LIMIT).success();
    let warning = "topics anonymised, because";
    assert!(preferred.stderr.contains(warning), "{}", preferred.stderr);
}

#[test]
fn empty_recording_is_named() {
    recording("")
        .says("the recording `input` is empty")
        .hints("docs/recording-format.md");
}

#[test]
fn file_that_is_not_a_recording_is_named() {
    let plugin = fs::read(paths::plugin("count-objects")).expect("it was built");
    let [json, line] = [b"{\"url\": 1}".as_slice(), b"{\"url\": 1}\n{}\n"];
    for bytes in [json, line, b"\x91\x01", b"\x80", &plugin] {
        recording(bytes)
            .names("the recording `input` is not a recording: it ")
            .hints("docs/recording-format.md");
    }
}

#[test]
fn recording_of_an_unknown_version_names_it() {
    recording(header(9))
        .says("the recording `input` has version 9 of the format, and only version 1 is known here")
        .hints("a newer journal-host may read it");
}

#[test]
fn recording_that_is_cut_short_says_after_how_many_records() {
    let compressed = fs::read(shipped()).expect("it ships");
    recording(&compressed[..compressed.len() / 2])
        .names("the recording `input` is cut short after ")
        .hints("copy or make the recording again");
    let path = run::folder("cut").join("whole");
    record(&path, &origins(10, 100));
    let plain = fs::read(&path).expect("it was written");
    recording(&plain[..plain.len() - 1])
        .names("the recording `input` is cut short after 9 records (")
        .hints("copy or make the recording again");
}

#[test]
fn damage_says_after_how_many_records() {
    let mut compressed = fs::read(shipped()).expect("it ships");
    let middle = compressed.len() / 2;
    compressed[middle..middle + 100].fill(0);
    recording(&compressed)
        .names("the recording `input` cannot be decompressed after ")
        .hints("copy or make the recording again");
    let mut plain = header(1);
    plain.extend_from_slice(b"\xa4text");
    recording(&plain)
        .names("the recording `input` is damaged after 0 records (")
        .hints("copy or make the recording again");
}

#[test]
fn record_of_a_topic_that_the_header_lacks_is_named() {
    let mut bytes = header(1);
    bytes.extend_from_slice(b"\x93\xb8swh.journal.objects.type\xc4\x00\xc0");
    recording(&bytes)
        .says(
            "the recording `input` holds a record of the topic `swh.journal.objects.type`, which its \
             header does not list",
        )
        .hints("recordings cannot be joined by concatenation");
}

#[test]
fn prefix_without_topics_lists_the_existing_prefixes() {
    fails(hostile(1).args(["--prefix", "swh.journal"]))
        .says(
            "the recording `origins.journal` has no topic with the prefix `swh.journal`; the prefixes \
             there are: `swh.journal.objects`",
        )
        .hints("name one of them with `--prefix`");
}

#[test]
fn object_type_without_a_topic_lists_the_existing_object_types() {
    let sentence = "the recording `origins.journal` has no topic for the object type `revision` with the \
                    prefix `swh.journal.objects`; the object types there are: `origin`";
    fails(hostile(1).args(["--object-type", "revision"]))
        .says(sentence)
        .hints("narrow the object types with `--object-type`");
    fails(hostile(1).args(["--option", "object_types=revision"]))
        .says(sentence)
        .hints("narrow the object types with `--object-type`");
}

#[test]
fn pipe_without_a_header_is_refused_and_one_with_a_header_is_read() {
    let path = run::folder("pipe").join("whole");
    record(&path, &origins(10, 100));
    let with_header = fs::read(&path).expect("it was written");
    let without = &with_header[header(1).len()..];
    let piped = |bytes: &[u8]| {
        let host = Host::run(&paths::plugin(HOSTILE)).args(["--recording", "pipe"]);
        let file = host.folder().join("bytes");
        fs::write(&file, bytes).expect("the folder is ours");
        let writer = run::spawn(
            Command::new("sh")
                .args(["-c", "mkfifo pipe && touch ready && exec cat bytes > pipe"])
                .current_dir(host.folder()),
        );
        let ready = host.folder().join("ready");
        journal_tests::until("a pipe", super::LIMIT, || ready.exists().then_some(()));
        let finished = host.finish(super::LIMIT);
        drop(writer);
        finished
    };
    assert_eq!(piped(&with_header).success().rows().len(), 10);
    super::failure(&piped(without).code(1))
        .says("the recording `pipe` has no header, and is no file that could be read twice")
        .hints("save it to a file first");
}

#[test]
fn record_too_large_for_the_guest_names_its_size_and_the_flag() {
    let host = Host::run(&paths::plugin(HOSTILE)).args(["--recording", "large.journal"]);
    let journal = origins(1, 5 << 20);
    record(&host.folder().join("large.journal"), &journal);
    fails(host.args(["--memory-limit", "8MiB"]))
        .names("the recording `large.journal` holds a record of 5242")
        .names(" bytes or more in `swh.journal.objects.origin` after 0 records, and the limit is 4194304")
        .hints("`--memory-limit`");
}
