//! One run of a test executable: its temporary folder and the group of processes it starts.
//!
//! A guardian, a small shell outside of that group, waits for the end of its standard input. It
//! comes when the test process is gone, whether it ended well, panicked or was killed, because the
//! kernel then closes the other end. The guardian kills the whole group and removes the folder. (The
//! parent-death signal of Linux would not do: it is sent when the *thread* that started a
//! child ends, and each test has a thread of its own.)

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::paths;

/// `$1` is the process group, `$2` the folder. A killed process may finish a write that
/// it was in, so the folder is removed a second time when the first try found a new file.
const GUARDIAN: &str =
    r#"cat >/dev/null; kill -KILL "-$1"; rm -rf -- "$2" || { sleep 1; rm -rf -- "$2"; }"#;

struct Run {
    folder: PathBuf,
    group: i32,
    /// Leads the group and so keeps its number from being used again; ends with us, like the guardian.
    _anchor: Child,
    _guardian: Child,
}

fn run() -> &'static Run {
    static RUN: OnceLock<Run> = OnceLock::new();
    RUN.get_or_init(|| {
        let parent = paths::target().join("test-runs");
        let folder = fs::create_dir_all(&parent)
            .and_then(|()| tempfile::Builder::new().prefix("run-").tempdir_in(&parent))
            .unwrap_or_else(|error| panic!("cannot make a folder in {}: {error}", parent.display()))
            .keep();
        let anchor = until_our_end(&mut Command::new("cat"));
        let group = i32::try_from(anchor.id()).expect("a process id fits");
        let guardian = until_our_end(
            Command::new("sh")
                .args(["-c", GUARDIAN, "guardian"])
                .arg(group.to_string())
                .arg(&folder),
        );
        Run {
            folder,
            group,
            _anchor: anchor,
            _guardian: guardian,
        }
    })
}

/// Starts a process in a group of its own whose standard input ends when this process does.
fn until_our_end(command: &mut Command) -> Child {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"))
}

/// A new empty folder that is gone when the run is; `name` is a part of its name.
///
/// # Panics
/// When it cannot be made.
#[must_use]
pub fn folder(name: &str) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let folder = run()
        .folder
        .join(format!("{name}-{}", NEXT.fetch_add(1, Ordering::Relaxed)));
    fs::create_dir(&folder)
        .unwrap_or_else(|error| panic!("cannot make {}: {error}", folder.display()));
    folder
}

/// Starts `command` as a member of the run's group, so that it cannot outlive the run.
///
/// # Panics
/// When it cannot be started.
pub fn spawn(command: &mut Command) -> Child {
    command
        .process_group(run().group)
        .spawn()
        .unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"))
}

/// Runs a program to its end and answers with what it printed.
///
/// # Panics
/// When it cannot be started or fails; what it said is in the message.
pub fn succeed(command: &mut Command) -> String {
    let output = command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("it writes UTF-8")
}

/// The end of a log, for a message that says why something failed.
#[must_use]
pub fn end_of(log: &Path) -> String {
    const LINES: usize = 40;
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}
