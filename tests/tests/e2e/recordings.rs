//! Runs over several recordings, and over standard input.

use std::path::{Path, PathBuf};
use std::time::Duration;

use journal_recording::{Reader, Writer};
use journal_tests::{Finished, Host, paths, run};

use crate::sorted_rows::sorted_lines;

const LIMIT: Duration = Duration::from_mins(5);
/// The option of `print-objects` for all object types.
const ANY: [&str; 2] = ["--option", "object_types=any"];

fn shipped() -> PathBuf {
    paths::repository().join("recordings/ripgrep.journal.zst")
}

/// The shipped recording in as many files, the first of which have this number of records.
fn in_parts(parts: usize, records: usize) -> Vec<PathBuf> {
    let folder = run::folder("parts");
    let open = Reader::open(&shipped());
    let mut reader = open.unwrap_or_else(|error| panic!("{error}"));
    let topics = reader.topics().expect("it has a header").to_vec();
    let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
    let mut paths = Vec::new();
    for number in 1..=parts {
        let path = folder.join(format!("{number}.journal.zst"));
        let created = Writer::create(&path, &topics);
        let mut writer = created.unwrap_or_else(|error| panic!("{error}"));
        let records = if number == parts { usize::MAX } else { records };
        for _ in 0..records {
            let next = reader.next_frame();
            let Some(frame) = next.unwrap_or_else(|error| panic!("{error}")) else {
                break;
            };
            let written = writer.write(&frame);
            written.unwrap_or_else(|error| panic!("{error}"));
        }
        writer.finish().unwrap_or_else(|error| panic!("{error}"));
        paths.push(path);
    }
    paths
}

/// A run of `print-objects` over all objects of these recordings.
fn objects(recordings: &[PathBuf]) -> Host {
    over(&paths::plugin("print-objects"), recordings).args(ANY)
}

fn over(plugin: &Path, recordings: &[PathBuf]) -> Host {
    let host = Host::run(plugin);
    recordings
        .iter()
        .fold(host, |host, file| host.arg("--recording").arg(file))
}

/// A command of the host whose standard input is a file.
fn reading(file: &Path) -> Host {
    Host::after(&format!("exec <'{}'", file.display()))
}

fn refused(host: Host, code: i32, expected: &str) -> Finished {
    let finished = host.finish(LIMIT).code(code);
    assert!(finished.stderr.contains(expected), "{}", finished.stderr);
    assert!(finished.stderr.contains("hint: "), "{}", finished.stderr);
    finished
}

#[test]
fn several_recordings_give_the_rows_of_one_and_in_its_order() {
    let whole = objects(&[shipped()]).finish(LIMIT).success();
    let parts = in_parts(3, 5000);
    let finished = objects(&parts).finish(LIMIT).success();
    assert!(whole.stdout.lines().count() > 15_000);
    assert!(whole.stdout == finished.stdout, "the rows differ");
    let joined = run::folder("parts").join("joined.journal.zst");
    let host = Host::new().arg("record").arg("--output").arg(&joined);
    let host = parts
        .iter()
        .fold(host, |host, file| host.arg("--recording").arg(file));
    let _done = host.finish(LIMIT).success();
    let finished = objects(&[joined]).finish(LIMIT).success();
    assert!(whole.stdout == finished.stdout, "the rows differ");
}

#[test]
fn configuration_file_lists_recordings() {
    let parts = in_parts(2, 9000);
    let file = run::folder("parts").join("c.yaml");
    let [one, two] = &parts[..] else {
        panic!("there are two");
    };
    let text = format!("recording:\n- {}\n- {}\n", one.display(), two.display());
    std::fs::write(&file, text).expect("a folder of ours");
    let host = Host::run(&paths::plugin("count-objects"));
    let finished = host.arg("--config").arg(&file).finish(LIMIT).success();
    let whole = over(&paths::plugin("count-objects"), &[shipped()]);
    assert_eq!(finished.counts(), whole.finish(LIMIT).success().counts());
}

#[test]
fn recording_that_is_named_twice_is_refused() {
    let twice = objects(&[shipped(), shipped()]);
    refused(twice, 2, "is named twice");
}

#[test]
fn standard_input_is_read_once() {
    let plugin = paths::plugin("count-objects");
    let run = |command: &str| {
        reading(&shipped())
            .arg(command)
            .arg(&plugin)
            .args(["--recording", "-"])
    };
    let finished = run("run").finish(LIMIT).success();
    let whole = over(&plugin, &[shipped()]).finish(LIMIT).success();
    assert_eq!(finished.counts(), whole.counts());
    let again = "the recording on standard input cannot be read again";
    refused(run("test").args(["--splits", "1"]), 1, again);
    refused(run("run").args(["--phases", "reverse"]), 1, again);
    refused(run("bench"), 2, "`-` is not a file");
    refused(
        run("run").arg("--watch"),
        2,
        "standard input can be read once",
    );
    let twice = run("run").args(["--recording", "-"]);
    refused(twice, 2, "is named twice");
}

#[test]
fn standard_input_comes_in_its_turn_among_files() {
    let parts = in_parts(3, 4000);
    let host = reading(&parts[1])
        .arg("run")
        .arg(paths::plugin("print-objects"));
    let host = host.arg("--recording").arg(&parts[0]);
    let host = host
        .args(ANY)
        .args(["--recording", "-", "--recording"])
        .arg(&parts[2]);
    let finished = host.finish(LIMIT).success();
    let whole = objects(&[shipped()]).finish(LIMIT).success();
    assert!(whole.stdout == finished.stdout, "the rows differ");
}

/// A copy of the shipped recording with an index, joined of itself so that it has several chunks.
fn indexed() -> Vec<PathBuf> {
    let folder = run::folder("indexed");
    let copy = |name: &str| {
        let path = folder.join(name);
        let record = Host::new().arg("record").arg("--recording").arg(shipped());
        let _done = record.arg("--output").arg(&path).finish(LIMIT).success();
        path
    };
    vec![copy("a.journal.zst"), copy("b.journal.zst")]
}

#[test]
fn workers_that_share_recordings_give_the_rows_of_one() {
    let recordings = indexed();
    let one = objects(&recordings).finish(LIMIT).success();
    for workers in ["2", "5"] {
        let shared = objects(&recordings).args(["--workers", workers]);
        let shared = shared.finish(LIMIT).success();
        assert!(
            sorted_lines(&shared) == sorted_lines(&one),
            "the rows differ"
        );
        assert!(!shared.stderr.contains("one worker"), "{}", shared.stderr);
    }
    let counts = |workers: &str| {
        let host = over(&paths::plugin("count-objects"), &recordings);
        let finished = host.args(["--workers", workers]).finish(LIMIT).success();
        (finished.counts(), finished.rows().len())
    };
    let ((one, _), (shared, rows)) = (counts("1"), counts("3"));
    assert_eq!(shared, one);
    // Each worker has partial sums.
    assert!(rows > one.len(), "{rows}");
}

#[test]
fn processes_that_share_recordings_read_each_record_once() {
    let recordings = indexed();
    let one = objects(&recordings).finish(LIMIT).success();
    let mut lines = Vec::new();
    for share in ["1/2", "2/2"] {
        let part = objects(&recordings).args(["--share", share]);
        let part = part.finish(LIMIT).success();
        let part: Vec<String> = part.stdout.lines().map(str::to_owned).collect();
        assert!(!part.is_empty(), "{share}");
        lines.extend(part);
    }
    lines.sort_unstable();
    assert!(lines == sorted_lines(&one), "the rows differ");
}

#[test]
fn share_of_what_cannot_be_divided_is_refused() {
    let plugin = paths::plugin("count-objects");
    let shipped = shipped().display().to_string();
    for (source, message) in [
        (
            &["--recording", &shipped][..],
            "nothing is left for share 2 of 2",
        ),
        (&["--git", "."], "`--share` does not go with `--git`"),
        (
            &["--brokers", "localhost:1", "--group-id", "g"],
            "`--share` does not go with `--brokers`",
        ),
    ] {
        let refused = Host::run(&plugin).args(source).args(["--share", "2/2"]);
        let refused = refused.finish(LIMIT).code(2);
        assert!(refused.stderr.contains(message), "{}", refused.stderr);
        assert!(refused.stderr.contains("hint: "), "{}", refused.stderr);
    }
}

#[test]
fn recording_without_an_index_is_read_by_one_worker_and_a_line_says_so() {
    let finished = objects(&[shipped()]).args(["--workers", "4"]);
    let finished = finished.finish(LIMIT).success();
    let line = "has no index; `journal-host record` makes a copy with one";
    assert!(finished.stderr.contains(line), "{}", finished.stderr);
    let one = objects(&[shipped()]).finish(LIMIT).success();
    assert!(finished.stdout == one.stdout, "the rows differ");
}
