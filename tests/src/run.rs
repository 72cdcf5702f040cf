//! One run of a test executable: its temporary folder and the group of the processes that it starts.
//!
//! A guardian, a small shell outside of that group, waits for the end of its standard input. The kernel closes the
//! other end when the test process has ended, whether it succeeded, panicked or was killed. The guardian then kills the
//! whole group and removes the folder. (The parent-death signal of Linux does not work here: it is sent when the
//! *thread* that started a child ends, and each test runs in its own thread.)

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::paths;

/// `$1` is the process group, `$2` the folder. A killed process may complete a pending write, so a second attempt
/// removes the folder if the first one met a new file.
const GUARDIAN: &str =
    r#"cat >/dev/null; kill -KILL "-$1"; rm -rf -- "$2" || { sleep 1; rm -rf -- "$2"; }"#;

struct Run {
    folder: PathBuf,
    group: i32,
    /// Leads the group, so that its number is not reused. It ends with this process, like the guardian.
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
        let anchor = start_until_exit(&mut Command::new("cat"));
        let group = i32::try_from(anchor.id()).expect("a process id fits");
        let guardian = start_until_exit(
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

/// Starts a process in a new group. Its standard input is closed when this process ends.
fn start_until_exit(command: &mut Command) -> Child {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"))
}

/// Keeps [`output`] from starting a process while a program is written, and the other way round.
static STARTS: Mutex<()> = Mutex::new(());

/// Calls `write`, which makes a program. A process that starts meanwhile would have it open for writing, and nothing
/// could run it then.
pub fn make_program<T>(write: impl FnOnce() -> T) -> T {
    let _alone = STARTS.lock().unwrap_or_else(PoisonError::into_inner);
    write()
}

/// Runs a program to its end, in a test whose threads also call [`make_program`].
///
/// # Panics
/// When it cannot be started.
pub fn output(command: &mut Command) -> Output {
    let command = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let started = make_program(|| command.spawn());
    let started = started.unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
    started.wait_with_output().expect("it is a child")
}

/// Creates an empty folder that is removed after the run. `name` is part of its name.
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

/// Runs a program to its end and returns its standard output.
///
/// # Panics
/// When it cannot be started, or when it fails, with its standard error.
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

/// The last lines of a log, for the message of a failure.
#[must_use]
pub fn end_of(log: &Path) -> String {
    const LINES: usize = 40;
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}
