//! Writes that fail, in child processes whose files are limited in size.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::process::{Command, Stdio};

use super::{emit, open, read, text};
use crate::sink::SinkError;

/// The environment variable that marks the child process for the test below.
const CHILD: &str = "JOURNAL_HOST_TEST_FILE";

/// Not a test by itself: the part of the tests below that runs in a process with a limit.
#[test]
fn child_that_writes_until_it_fails() {
    let Ok(file) = std::env::var(CHILD) else {
        return;
    };
    let mut sink = open(&["rows"], &[file]).unwrap();
    let error = loop {
        for _ in 0..100 {
            emit(&mut sink, 0, 1);
        }
        sink.rows.end_call();
        if let Err(error) = sink.flush() {
            break error;
        }
    };
    let SinkError::Write {
        destination,
        source,
    } = error
    else {
        panic!("{error}")
    };
    writeln!(io::stderr(), "said: {destination}: {source}").unwrap();
    // The output of the test harness goes to the full file, too.
    std::process::exit(7);
}

/// Runs the child with files limited to 4 KiB, and returns its output.
fn limited_child(file: &str, stdout: Stdio) -> String {
    let (_, module) = module_path!().split_once("::").unwrap();
    let child = Command::new("sh")
        .args(["-c", "ulimit -f 8; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args([
            "--exact",
            &format!("{module}::child_that_writes_until_it_fails"),
            "--nocapture",
        ])
        .env(CHILD, file)
        .stdout(stdout)
        .stderr(Stdio::piped())
        .spawn();
    let child = child.unwrap().wait_with_output().unwrap();
    let stderr = String::from_utf8(child.stderr).unwrap();
    assert_eq!(child.status.code(), Some(7), "{stderr}");
    stderr
}

fn checkpoints(bytes: usize) -> String {
    "{\"n\":1}\n".repeat(100).repeat((4096 - bytes) / 800)
}

#[test]
fn failed_write_cuts_the_file_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.jsonl");
    fs::write(&path, "{}\n").unwrap();
    let said = limited_child(&text(&path), Stdio::null());
    assert!(
        said.contains(&format!("said: `{}`: File too large", path.display())),
        "{said}"
    );
    assert_eq!(read(&path), format!("{{}}\n{}", checkpoints(3)));
}

#[test]
fn failed_write_to_standard_output_cuts_back_only_what_is_ours() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stdout");
    for append in [true, false] {
        fs::write(&path, "{}\n").unwrap();
        let stdout = OpenOptions::new()
            .append(append)
            .write(true)
            .truncate(!append)
            .open(&path);
        let said = limited_child("-", Stdio::from(stdout.unwrap()));
        assert!(
            said.contains("said: standard output: File too large"),
            "{said}"
        );
        let content = read(&path);
        assert_eq!(content.starts_with("{}\n"), append);
        // The output begins with that of the child's test harness.
        let rows = content.find("{\"n\"").unwrap();
        assert_eq!(content[rows..], checkpoints(rows), "{content}");
    }
}
