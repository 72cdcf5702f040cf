//! Tables whose rows are in another order than those of their main table, as subdatasets have them.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use journal_tests::{Finished, Host, oracle, run};
use rustix::process::Signal;

use super::{
    Dataset, LIMIT, Record, SHIPPED, assert_same_objects, assert_says, copy, files_of, records,
    shipped,
};
use crate::sorted_rows::sorted_lines;

/// The export of the shipped recording, with the rows of its tables shuffled, in other files.
pub(super) static SHUFFLED: LazyLock<Dataset> = LazyLock::new(|| shuffled(&SHIPPED));

fn shuffled(of: &Dataset) -> Dataset {
    let dataset = Dataset::in_folder(&run::folder("shuffled"));
    let arguments = [
        OsStr::new("--expected"),
        of.expected.as_os_str(),
        dataset.expected.as_os_str(),
        of.folder.as_os_str(),
        dataset.folder.as_os_str(),
    ];
    let _done = oracle::script("shuffle_orc.py", arguments);
    dataset
}

/// The records that the host makes of a dataset, which it sorts in a folder.
fn records_of(dataset: &Dataset, folder: &Path) -> Vec<Record> {
    let path = run::folder("recorded-sorted").join("r.journal.zst");
    let _done = Host::new()
        .args(["record", "--dataset"])
        .arg(&dataset.folder)
        .arg("--temp")
        .arg(folder)
        .arg("--output")
        .arg(&path)
        .finish(LIMIT)
        .success();
    records(&path)
}

/// A run that counts revisions and directories, and sorts in a folder.
fn count(dataset: &Dataset, folder: &Path) -> Host {
    dataset
        .run("count-objects")
        .args(["--object-type", "revision", "--object-type", "directory"])
        .arg("--temp")
        .arg(folder)
}

/// The files in a folder, with their contents.
pub(super) fn files_in(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let files = fs::read_dir(folder).expect("it is a folder");
    let mut files: Vec<_> = files
        .map(|file| file.expect("it can be read").path())
        .map(|path| (path.clone(), fs::read(path).expect("it can be read")))
        .collect();
    files.sort();
    files
}

/// The lines of the log that say that a table is sorted, and that one is read which is kept.
fn sorted_and_kept(finished: &Finished) -> (usize, usize) {
    let count = |part: &str| finished.stderr.matches(part).count();
    (
        count("rows are sorted once"),
        count("its sorted rows are read from"),
    )
}

#[test]
fn objects_of_shuffled_tables_are_those_of_the_journal() {
    let test_objects = oracle::test_objects(&run::folder("of-tests-shuffled"));
    let of_tests = shuffled(&Dataset::exported(&test_objects, &[]));
    for (dataset, has_order_of_git) in [(&*SHUFFLED, true), (&of_tests, false)] {
        let folder = run::folder("sorted");
        let [expected, found] = [records(&dataset.expected), records_of(dataset, &folder)];
        // Entries come in the order of git, which those of one directory of upstream's tests do not have.
        let [expected, found] = [expected, found].map(|mut records| {
            records.retain(|record| has_order_of_git || record.object_type != "directory");
            records
        });
        assert_same_objects(&expected, &found);
        let names: Vec<PathBuf> = files_in(&folder).into_iter().map(|file| file.0).collect();
        assert_eq!(names.len(), 3, "{names:?}");
        assert!(
            names
                .iter()
                .all(|name| name.extension() == Some(OsStr::new("rows")))
        );
    }
}

#[test]
fn workers_and_small_memory_change_nothing() {
    let folder = run::folder("sorted-for-workers");
    let run = |arguments: &[&str]| {
        let host = SHUFFLED.run("list-revisions").args(arguments);
        host.arg("--temp").arg(&folder).finish(LIMIT).success()
    };
    let alone = run(&[]);
    let alone = sorted_lines(&alone);
    assert_eq!(alone.len(), 4391);
    assert!(alone == sorted_lines(&run(&["--workers", "2"])));
    fs::remove_dir_all(&folder).expect("the folder is ours");
    let small = ["--workers", "2", "--process-memory", "256MiB"];
    assert!(alone == sorted_lines(&run(&small)));
    // It is in step but for the order of its records.
    let in_step = SHIPPED.run("list-revisions").finish(LIMIT).success();
    assert!(alone == sorted_lines(&in_step));
}

#[test]
fn sorted_rows_are_used_again_until_a_file_changes() {
    let dataset = copy(&SHUFFLED);
    let folder = run::folder("sorted-again");
    let first = count(&dataset, &folder).finish(LIMIT).success();
    assert_eq!(sorted_and_kept(&first), (2, 0), "{}", first.stderr);
    let kept = files_in(&folder);
    let name = kept[0].0.display().to_string();
    assert_says(&first, &[&name, "directory_entry", "disk space"]);
    let second = count(&dataset, &folder).finish(LIMIT).success();
    assert_eq!(sorted_and_kept(&second), (0, 2), "{}", second.stderr);
    assert_says(&second, &[&name]);
    assert!(files_in(&folder) == kept);
    assert_eq!(first.counts(), second.counts());
    let file = &files_of(&dataset, "revision_history")[0];
    fs::rename(file, file.with_file_name("renamed.orc")).expect("the folder is ours");
    let third = count(&dataset, &folder).finish(LIMIT).success();
    assert_eq!(sorted_and_kept(&third), (1, 1), "{}", third.stderr);
    assert_eq!(first.counts(), third.counts());
}

/// An administrator may set it for all commands of a machine.
#[test]
fn folder_of_the_environment_is_used_for_datasets_and_ignored_elsewhere() {
    let folder = run::folder("sorted-for-all");
    let finished = SHUFFLED
        .run("count-objects")
        .args(["--object-type", "revision"])
        .env("JOURNAL_HOST_TEMP", &folder)
        .finish(LIMIT)
        .success();
    assert_eq!(sorted_and_kept(&finished), (1, 0), "{}", finished.stderr);
    assert_eq!(files_in(&folder).len(), 1);
    let show = || Host::new().args(["show", "--count", "1"]);
    let of_recording = show()
        .env("JOURNAL_HOST_RECORDING", shipped())
        .env("JOURNAL_HOST_TEMP", &folder);
    let _done = of_recording.finish(LIMIT).success();
    // What only this command names is a mistake.
    let of_recording = show().arg("--recording").arg(shipped());
    let refused = of_recording.args(["--temp", "t"]).finish(LIMIT).code(2);
    assert_says(&refused, &["--dataset", "--temp"]);
}

#[test]
fn table_that_is_left_out_is_not_sorted() {
    let folder = run::folder("sorted-in-part");
    let finished = count(&SHUFFLED, &folder)
        .args(["--without", "directory_entry"])
        .finish(LIMIT)
        .success();
    assert_eq!(sorted_and_kept(&finished), (1, 0), "{}", finished.stderr);
    assert!(
        files_in(&folder)[0]
            .0
            .to_string_lossy()
            .contains("revision_history")
    );
}

#[test]
fn file_that_says_it_was_renamed_is_sorted() {
    let dataset = copy(&SHIPPED);
    // Both get the same other UUID, so that the names alone are in step.
    for table in ["directory", "directory_entry"] {
        let file = files_of(&dataset, table).remove(0);
        let name = format!("{table}-01234567-89ab-cdef-0123-456789abcdef.orc");
        fs::rename(&file, file.with_file_name(name)).expect("the folder is ours");
    }
    // What is confined cannot make it.
    let folder = run::folder("sorted-renamed").join("made/when/needed");
    let finished = count(&dataset, &folder).finish(LIMIT).success();
    assert_eq!(sorted_and_kept(&finished), (1, 0), "{}", finished.stderr);
    let found = records_of(&dataset, &folder);
    assert_same_objects(&records(&dataset.expected), &found);
}

/// A file promises an order that its rows do not have. The error says what to do, and that does it.
#[test]
fn file_in_another_order_is_read_after_it_is_renamed() {
    let dataset = copy(&SHIPPED);
    let folder = run::folder("sorted-disordered");
    let file = files_of(&dataset, "directory_entry").remove(0);
    let arguments = [OsStr::new("--in-place"), file.as_os_str()];
    let _done = oracle::script("shuffle_orc.py", arguments);
    // Most of its directories lack entries.
    let refused = count(&dataset, &folder).finish(LIMIT).code(1);
    assert_says(&refused, &["is damaged"]);
    let skip = ["--on-failure", "skip", "--max-failures", "100%"];
    let skipping = count(&dataset, &folder).args(skip);
    assert_says(
        &skipping.finish(LIMIT).code(1),
        &["out of step", "rename it"],
    );
    fs::rename(&file, file.with_file_name("renamed.orc")).expect("the folder is ours");
    let found = records_of(&dataset, &folder);
    assert_same_objects(&records(&dataset.expected), &found);
    assert_eq!(files_in(&folder).len(), 1);
}

#[test]
fn damaged_sorted_rows_are_named_with_the_way_out() {
    let folder = run::folder("sorted-damaged");
    let _done = count(&SHUFFLED, &folder).finish(LIMIT).success();
    for (path, whole) in files_in(&folder) {
        let name = path.display().to_string();
        let mut flipped = whole.clone();
        flipped[50] ^= 1;
        for damaged in [&flipped[..], &whole[..whole.len() - 1], b""] {
            fs::write(&path, damaged).expect("the folder is ours");
            let finished = count(&SHUFFLED, &folder).finish(LIMIT).code(1);
            assert_says(&finished, &["damaged", &name, "hint: remove this file"]);
        }
        fs::write(&path, whole).expect("the folder is ours");
    }
    let _done = count(&SHUFFLED, &folder).finish(LIMIT).success();
}

/// The rows of a file are at the end of a hole that is larger than the disk.
#[test]
fn too_little_disk_space_is_refused_by_name() {
    let dataset = copy(&SHUFFLED);
    let file = files_of(&dataset, "revision_history").remove(0);
    let orc = fs::read(&file).expect("it can be read");
    let mut written = File::create(&file).expect("the folder is ours");
    written
        .seek(SeekFrom::Start(8 << 40))
        .expect("files can be as large");
    written.write_all(&orc).expect("it can be written");
    let folder = run::folder("sorted-large");
    let finished = count(&dataset, &folder).finish(LIMIT).code(2);
    let said = [
        "revision_history",
        &folder.display().to_string(),
        "disk space",
        "--temp DIR",
    ];
    assert_says(&finished, &said);
    let kept = files_in(&folder);
    assert!(
        !kept
            .iter()
            .any(|file| file.0.to_string_lossy().contains("history-")
                && file.0.extension() == Some(OsStr::new("rows")))
    );
}

#[test]
fn folder_that_cannot_be_written_is_named() {
    let folder = run::folder("no-folder").join("file");
    fs::write(&folder, "").expect("the folder is ours");
    let finished = count(&SHUFFLED, &folder).finish(LIMIT).code(1);
    assert_says(&finished, &[&folder.display().to_string(), "--temp DIR"]);
}

/// A process that is killed while it sorts leaves nothing that is read as if it were whole.
#[test]
fn killed_sort_leaves_nothing() {
    let folder = run::folder("sorted-killed");
    for signal in [Signal::KILL, Signal::TERM, Signal::INT] {
        for _ in 0..4 {
            let mut running = count(&SHUFFLED, &folder).spawn();
            running.until("it sorts", LIMIT, |running| {
                running
                    .stderr()
                    .contains("rows are sorted once")
                    .then_some(())
            });
            running.signal(signal);
            let _killed = running.finish(LIMIT);
            for (path, _) in files_in(&folder) {
                let end = path.extension().and_then(OsStr::to_str);
                assert!(matches!(end, Some("lock" | "rows")), "{}", path.display());
            }
        }
    }
    let finished = count(&SHUFFLED, &folder).finish(LIMIT).success();
    assert_eq!(finished.counts()["revision"].objects, 4391);
}

#[test]
fn two_runs_at_the_same_time_sort_once() {
    let folder = run::folder("sorted-by-two");
    let both = [(); 2].map(|()| count(&SHUFFLED, &folder).spawn());
    let both = both.map(|running| running.finish(LIMIT).success());
    let sorted: usize = both.iter().map(|one| sorted_and_kept(one).0).sum();
    assert_eq!(sorted, 2, "{} {}", both[0].stderr, both[1].stderr);
    assert_eq!(both[0].counts(), both[1].counts());
}

#[test]
fn check_says_what_a_sort_costs_and_sorts_nothing() {
    let folder = run::folder("sorted-checked");
    let host = Host::new()
        .args(["check"])
        .arg(journal_tests::paths::plugin("count-objects"))
        .args(["--output", "rows.jsonl", "--dataset"])
        .arg(&SHUFFLED.folder)
        .arg("--temp")
        .arg(&folder);
    let finished = host.finish(LIMIT).success();
    assert_says(&finished, &["rows would be sorted once", "directory_entry"]);
    assert!(files_in(&folder).is_empty());
}

fn hex(bytes: &[u8]) -> String {
    let mut digits = String::new();
    for byte in bytes {
        write!(digits, "{byte:02x}").expect("memory takes it");
    }
    digits
}

#[test]
fn object_is_shown_by_its_identifier() {
    let folder = run::folder("sorted-to-show");
    let expected = records(&SHUFFLED.expected);
    let is_directory = |record: &&Record| record.object_type == "directory";
    let directory = expected.iter().find(is_directory).expect("there is one");
    // What comes before it says that it is bytes, and how many.
    let digits = hex(&directory.key[2..]);
    let finished = Host::new()
        .args(["show", "--id", &format!("swh:1:dir:{digits}"), "--dataset"])
        .arg(&SHUFFLED.folder)
        .arg("--temp")
        .arg(&folder)
        .finish(LIMIT)
        .success();
    assert!(finished.stdout.contains(&digits) && finished.stdout.contains("entries"));
    assert_eq!(files_in(&folder).len(), 1);
}
