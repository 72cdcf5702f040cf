//! `journal-host` as its users run it: a process with arguments, two output streams and an exit status.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::kafka::{Counts, Sums};
use crate::{faults, paths, run, until};

/// Builds a command line of the host.
#[derive(Debug)]
pub struct Host {
    command: Command,
    folder: PathBuf,
    stdout: Option<Stdio>,
}

/// A running host. It is killed when this is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    folder: PathBuf,
}

/// The exit status and output of a host that has ended.
#[derive(Clone, Debug)]
pub struct Finished {
    /// The exit status.
    pub status: ExitStatus,
    /// Standard output: the data.
    pub stdout: String,
    /// Standard error: the log and errors.
    pub stderr: String,
}

impl Default for Host {
    fn default() -> Self {
        Self::new()
    }
}

impl Host {
    /// The host without arguments, in an empty working folder.
    ///
    /// # Panics
    /// When the host was not built.
    #[must_use]
    pub fn new() -> Self {
        Self::with(Command::new(paths::host()))
    }

    /// The host without arguments, in a shell that runs `setting` first, such as `ulimit -f 8`.
    ///
    /// # Panics
    /// When the host was not built.
    #[must_use]
    pub fn after(setting: &str) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("{setting}; exec \"$0\" \"$@\"")]);
        shell.arg(paths::host());
        Self::with(shell)
    }

    /// The host without arguments, whose standard streams are a terminal with 150 columns. What it writes there is in
    /// [`Running::stdout`].
    ///
    /// # Panics
    /// When the host was not built.
    #[must_use]
    pub fn on_a_terminal() -> Self {
        // The terminal's shell is given one text.
        const ON_A_TERMINAL: &str = r#"words=$(printf '%q ' "$0" "$@")
            SHELL=/bin/bash exec script --quiet --return --flush --command                 "stty cols 150 rows 40; exec $words" /dev/null"#;
        let mut shell = Command::new("bash");
        shell.args(["-c", ON_A_TERMINAL]).arg(paths::host());
        // A machine that calls its terminal dumb gets no bars.
        Self::with(shell).env("TERM", "xterm")
    }

    fn with(mut command: Command) -> Self {
        let folder = run::folder("host");
        command
            .current_dir(&folder)
            .env("NO_COLOR", "1")
            // Only the tests configure it.
            .env_remove("SWH_CONFIG_FILENAME")
            .env_remove("KAFKA_GROUP_INSTANCE_ID")
            // All tests share one cache, so that a plugin is compiled once.
            .env("XDG_CACHE_HOME", paths::target().join("test-cache/xdg"))
            .stdin(Stdio::null());
        Self {
            command,
            folder,
            stdout: None,
        }
    }

    /// `journal-host run PLUGIN`.
    ///
    /// # Panics
    /// When the host was not built.
    #[must_use]
    pub fn run(plugin: &Path) -> Self {
        Self::new().arg("run").arg(plugin)
    }

    /// `journal-host config` with the arguments, environment and working folder of a run.
    ///
    /// # Panics
    /// When the host was not built, or is not given the arguments of a run.
    #[must_use]
    pub fn config_of(run: Self) -> Self {
        let mut arguments = run.command.get_args();
        assert_eq!(arguments.next(), Some(OsStr::new("run")));
        let mut command = Command::new(run.command.get_program());
        command.arg("config").args(arguments).stdin(Stdio::null());
        for (name, value) in run.command.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.current_dir(&run.folder);
        Self { command, ..run }
    }

    /// Runs `journal-host-under-test` with this [fault](faults::Fault) instead of the host.
    ///
    /// # Panics
    /// When it was not built.
    #[must_use]
    pub fn fault(self, fault: &str) -> Self {
        self.under_test().env(faults::FAULT, fault)
    }

    /// Runs `journal-host-under-test` without a fault. It writes the names of its durable steps to `file`.
    ///
    /// # Panics
    /// When it was not built.
    #[must_use]
    pub fn list_steps(self, file: &Path) -> Self {
        self.under_test().env(faults::STEPS, file)
    }

    fn under_test(mut self) -> Self {
        let mut command = Command::new(paths::host_under_test());
        command.args(self.command.get_args()).stdin(Stdio::null());
        for (name, value) in self.command.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        if let Some(folder) = self.command.get_current_dir() {
            command.current_dir(folder);
        }
        self.command = command;
        self
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Sets a variable of the environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.command.env(name, value.into());
        self
    }

    /// Redirects standard output. [`Finished::stdout`] is empty then.
    #[must_use]
    pub fn stdout(mut self, target: impl Into<Stdio>) -> Self {
        self.stdout = Some(target.into());
        self
    }

    /// The working folder, which no other host uses.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Starts it.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn spawn(mut self) -> Running {
        let file = create(&self.folder.join(STDOUT));
        let stdout = self.stdout.unwrap_or_else(|| file.into());
        let stderr = create(&self.folder.join(STDERR));
        let child = run::spawn(self.command.stdout(stdout).stderr(stderr));
        Running {
            child,
            folder: self.folder,
        }
    }

    /// Starts it and waits for its end.
    ///
    /// # Panics
    /// When it does not end within `limit`.
    #[must_use]
    pub fn finish(self, limit: Duration) -> Finished {
        self.spawn().finish(limit)
    }
}

/// What a host took, with the processes that it started.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// The CPU time of all of them.
    pub cpu: Duration,
    /// The peak of the resident memory of the one that had most, in bytes.
    pub peak_bytes: u64,
}

impl Host {
    /// Starts it, waits for its end, and returns what it took.
    ///
    /// # Panics
    /// When it cannot be started, or does not end within `limit`.
    #[must_use]
    #[track_caller]
    pub fn finish_measured(mut self, limit: Duration) -> (Finished, Usage) {
        const REPORT: &str = "usage";
        let mut command = Command::new(paths::measured());
        command.arg(REPORT).arg(self.command.get_program());
        command.args(self.command.get_args()).stdin(Stdio::null());
        for (name, value) in self.command.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.current_dir(&self.folder);
        self.command = command;
        let report = self.folder.join(REPORT);
        let finished = self.finish(limit);
        let report = fs::read_to_string(report).expect("it writes a report");
        let numbers = report.split_once(' ').expect("it has two figures");
        let number = |text: &str| text.parse::<u64>().expect("it is a number");
        let usage = Usage {
            cpu: Duration::from_micros(number(numbers.0)),
            peak_bytes: number(numbers.1),
        };
        (finished, usage)
    }
}

const STDOUT: &str = "stdout";
const STDERR: &str = "stderr";

fn create(path: &Path) -> File {
    File::create(path).unwrap_or_else(|error| panic!("cannot make {}: {error}", path.display()))
}

impl Running {
    /// Its standard output so far.
    #[must_use]
    pub fn stdout(&self) -> String {
        read(&self.folder.join(STDOUT))
    }

    /// Its standard error so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        read(&self.folder.join(STDERR))
    }

    /// The rows on standard output so far. An incomplete last line is ignored.
    ///
    /// # Panics
    /// When a line is not JSON.
    #[must_use]
    pub fn rows(&self) -> Vec<Value> {
        let text = self.stdout();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        parse(whole)
    }

    /// The process id.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Sends a signal.
    ///
    /// # Panics
    /// When it cannot be sent.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("a child can be signalled");
    }

    /// Whether it has a handler for a signal.
    ///
    /// # Panics
    /// When it has ended.
    #[must_use]
    pub fn handles(&self, signal: Signal) -> bool {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))
            .expect("the host is running");
        let line = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let handled = line.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        handled.expect("the kernel writes a mask") & (1 << (signal.as_raw() - 1)) != 0
    }

    /// The CPU time that it has taken.
    ///
    /// # Panics
    /// When it has ended.
    #[must_use]
    pub fn cpu_time(&self) -> Duration {
        self.cpu_time_so_far().expect("the host is running")
    }

    /// The CPU time that it has taken; none once it was seen to have ended.
    ///
    /// # Panics
    /// When the system writes something else than expected.
    #[must_use]
    pub fn cpu_time_so_far(&self) -> Option<Duration> {
        /// The resolution of Linux's figures.
        const TICK: Duration = Duration::from_millis(10);
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).ok()?;
        // The name of the program may hold spaces.
        let (_, numbers) = stat.rsplit_once(')').expect("the kernel writes the name");
        let times = numbers.split_whitespace().skip(11).take(2);
        let ticks: u32 = times.filter_map(|ticks| ticks.parse::<u32>().ok()).sum();
        Some(TICK * ticks)
    }

    /// Whether it has ended.
    ///
    /// # Panics
    /// When the system does not return its state.
    #[must_use]
    pub fn has_ended(&mut self) -> bool {
        self.child
            .try_wait()
            .expect("a child can be waited for")
            .is_some()
    }

    /// Waits until `condition` returns a value while the host runs.
    ///
    /// # Panics
    /// When `limit` has passed, or the host ends before.
    #[track_caller]
    pub fn until<T>(
        &mut self,
        what: &str,
        limit: Duration,
        mut condition: impl FnMut(&Self) -> Option<T>,
    ) -> T {
        let said = self.folder.join(STDERR);
        let what_and_said = fmt::from_fn(|f| write!(f, "{what}; the host said:\n{}", read(&said)));
        until(what_and_said, limit, || {
            let has_ended = self.has_ended();
            let value = condition(self);
            assert!(
                value.is_some() || !has_ended,
                "the host ended before: {what}\n{}",
                self.stderr()
            );
            value
        })
    }

    /// Its resident memory, in bytes.
    ///
    /// # Panics
    /// When it has ended.
    #[must_use]
    pub fn resident_bytes(&self) -> u64 {
        self.memory("VmRSS:").expect("the host is running")
    }

    /// The peak of its resident memory, in bytes; `None` when it has ended.
    #[must_use]
    pub fn peak_bytes(&self) -> Option<u64> {
        self.memory("VmHWM:")
    }

    fn memory(&self, name: &str) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
        Some(kibibytes * 1024)
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not end within `limit`; it is killed then.
    #[must_use]
    #[track_caller]
    pub fn finish(mut self, limit: Duration) -> Finished {
        let start = std::time::Instant::now();
        while !self.has_ended() {
            assert!(
                start.elapsed() < limit,
                "the host did not end within {limit:?}:\n{}",
                self.stderr()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
        let status = self.child.wait().expect("a child can be waited for");
        Finished {
            status,
            stdout: self.stdout(),
            stderr: self.stderr(),
        }
    }

    /// Kills it, and returns what it has written.
    ///
    /// # Panics
    /// When it has already ended.
    #[must_use]
    pub fn kill(mut self) -> Finished {
        assert!(
            !self.has_ended(),
            "the host ended before it was killed:\n{}",
            self.stderr()
        );
        self.signal(Signal::KILL);
        self.finish(Duration::from_secs(30))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Usually it has already ended; then there is nothing to kill, and `wait` returns at once.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Finished {
    /// Returns itself if the host ended with this exit code.
    ///
    /// # Panics
    /// When it ended in another way.
    #[must_use]
    #[track_caller]
    pub fn code(self, expected: i32) -> Self {
        assert_eq!(
            self.status.code(),
            Some(expected),
            "{}: standard error:\n{}",
            self.status,
            self.stderr
        );
        self
    }

    /// Returns itself if the host succeeded.
    ///
    /// # Panics
    /// When it failed.
    #[must_use]
    #[track_caller]
    pub fn success(self) -> Self {
        self.code(0)
    }

    /// The rows on standard output.
    ///
    /// # Panics
    /// When a line is not JSON.
    #[must_use]
    pub fn rows(&self) -> Vec<Value> {
        parse(&self.stdout)
    }

    /// The sums of the rows of `count-objects`.
    ///
    /// # Panics
    /// When the rows are not those of `count-objects`.
    #[must_use]
    pub fn counts(&self) -> Counts {
        sum(&self.rows())
    }
}

/// The rows in a file of JSON lines.
///
/// # Panics
/// When a line is not JSON.
#[must_use]
pub fn rows(path: &Path) -> Vec<Value> {
    parse(&read(path))
}

/// Adds up the rows of `count-objects`.
///
/// # Panics
/// When a row is not one of `count-objects`.
#[must_use]
pub fn sum(rows: &[Value]) -> Counts {
    let mut counts: BTreeMap<String, Sums> = BTreeMap::new();
    for row in rows {
        let number = |name: &str| {
            row[name]
                .as_u64()
                .unwrap_or_else(|| panic!("a row without `{name}`: {row}"))
        };
        let object_type = row["object_type"]
            .as_str()
            .unwrap_or_else(|| panic!("a row without type: {row}"));
        let sums = counts.entry(object_type.to_owned()).or_default();
        sums.objects += number("objects");
        sums.bytes += number("bytes");
        sums.tombstones += number("tombstones");
    }
    counts
}

fn read(path: &Path) -> String {
    let bytes =
        fs::read(path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
    String::from_utf8(bytes).unwrap_or_else(|_| panic!("{} is not UTF-8", path.display()))
}

/// Parses rows, one per line.
///
/// # Panics
/// When a line is not JSON.
#[must_use]
#[track_caller]
pub fn parse(lines: &str) -> Vec<Value> {
    let parse = |line| {
        serde_json::from_str(line).unwrap_or_else(|error| panic!("no JSON ({error}): {line}"))
    };
    lines.lines().map(parse).collect()
}
