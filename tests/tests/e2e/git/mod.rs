//! `--git`: a repository gives the records that upstream's git loader writes.

mod loader;
mod refusals;
mod same_rows;
mod unreadable;
mod untrusted;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use journal_recording::Reader;
use journal_tests::{Host, oracle, paths, run};
use serde_json::Value;

const LIMIT: Duration = Duration::from_mins(2);

/// `git` in a repository, as nobody's.
fn git(folder: &Path) -> Command {
    let mut git = Command::new("git");
    git.current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .envs([
            ("GIT_AUTHOR_NAME", "A U Thor"),
            ("GIT_AUTHOR_EMAIL", "a@example.org"),
            ("GIT_COMMITTER_NAME", "C"),
            ("GIT_COMMITTER_EMAIL", "c@example.org"),
            ("GIT_AUTHOR_DATE", "1700000000 +0200"),
            ("GIT_COMMITTER_DATE", "1700000100 -0130"),
        ]);
    git
}

/// A repository that a shell makes. The folder in which it is belongs to the test, so that the script may make others
/// beside it.
fn repository(name: &str, script: &str) -> PathBuf {
    let folder = run::folder(name).join("repository");
    fs::create_dir(&folder).expect("the folder is ours");
    let _said = run::succeed(git(&folder).args(["init", "--quiet", "--initial-branch=main", "."]));
    let mut shell = Command::new("bash");
    for (name, value) in git(&folder).get_envs() {
        if let Some(value) = value {
            shell.env(name, value);
        }
    }
    let _said = run::succeed(shell.current_dir(&folder).args(["-eu", "-c", script]));
    folder
}

/// A record: the last part of its topic's name, which has a `!` after it where the topic is privileged, key and value.
type Record = (String, Vec<u8>, Vec<u8>);

/// The records that the host makes of a repository.
fn ours(folder: &Path, arguments: &[&str]) -> Vec<Record> {
    let path = run::folder("recorded-git").join("r.journal.zst");
    let _done = Host::new()
        .args(["record", "--git"])
        .arg(folder)
        .args(["--max-content-size", "1000", "--output"])
        .arg(&path)
        .args(arguments)
        .finish(LIMIT)
        .success();
    let mut reader = Reader::open(&path).unwrap_or_else(|error| panic!("{error}"));
    let mut records = Vec::new();
    while let Some(frame) = reader
        .next_frame()
        .unwrap_or_else(|error| panic!("{error}"))
    {
        let (prefix, name) = frame.topic.rsplit_once('.').expect("it has a prefix");
        let whole = if prefix.ends_with("_privileged") {
            "!"
        } else {
            ""
        };
        let value = frame.value.unwrap_or_default().to_vec();
        records.push((format!("{name}{whole}"), frame.key.to_vec(), value));
    }
    records
}

/// What one of upstream's loaders makes of a repository: records, or the reason for which it fails.
type Loaded = Result<Vec<Record>, String>;

/// What upstream's loader makes of each repository. With `--archives`, it is the loader that reads all objects.
fn upstream(arguments: &[&str], folders: &[&Path]) -> Vec<Loaded> {
    let arguments = arguments.iter().map(Path::new);
    let said = oracle::git_loader("load_git.py", arguments.chain(folders.iter().copied()));
    let lines = said.lines().filter(|line| line.starts_with('{'));
    let loaded: Vec<Loaded> = lines.map(loaded).collect();
    assert_eq!(loaded.len(), folders.len(), "{said}");
    loaded
}

fn loaded(line: &str) -> Loaded {
    let found: BTreeMap<String, Value> = serde_json::from_str(line).expect("it writes JSON");
    if let Some(Value::String(error)) = found.get("error") {
        return Err(error.clone());
    }
    let bytes = |digits: &str| -> Vec<u8> {
        let byte = |index| u8::from_str_radix(&digits[index..index + 2], 16);
        let bytes: Result<_, _> = (0..digits.len()).step_by(2).map(byte).collect();
        bytes.expect("it is hexadecimal")
    };
    let mut all = Vec::new();
    for (topic, records) in found {
        let records: Vec<(String, String)> =
            serde_json::from_value(records).expect("they are pairs of texts");
        let records = records.into_iter();
        all.extend(records.map(|(key, value)| (topic.clone(), bytes(&key), bytes(&value))));
    }
    Ok(all)
}

#[test]
fn objects_without_a_ref_are_read_on_request_only() {
    let folder = repository(
        "git-all",
        "git commit -q --allow-empty -m a; echo lost | git hash-object -w --stdin",
    );
    let count = |arguments: &[&str]| {
        let records = ours(&folder, arguments);
        records
            .iter()
            .filter(|record| record.0 == "content")
            .count()
    };
    assert_eq!((count(&[]), count(&["--all-objects"])), (0, 1));
}

/// The position is one of the repository, and not of the records' topics.
#[test]
fn failed_call_after_others_is_repeated_once_and_its_record_is_skipped() {
    let folder = repository(
        "git-poison",
        "for n in $(seq 45); do git commit -q --allow-empty -m $n; done",
    );
    let finished = Host::run(&paths::plugin("guest-hostile"))
        .arg("--git")
        .arg(&folder)
        .args(["--option", "object_types=revision"])
        .args(["--option", "poison_every=20", "--batch-records", "15"])
        .args(["--on-failure", "skip"])
        .finish(LIMIT)
        .success();
    let offsets = finished
        .rows()
        .into_iter()
        .map(|row| row["offset"].as_u64());
    let good = (0..45).filter(|offset| offset % 20 != 19).map(Some);
    assert!(offsets.eq(good), "{}", finished.stdout);
    let failed = finished.stderr.matches("`process` failed").count();
    assert_eq!(failed, 1, "{}", finished.stderr);
}
