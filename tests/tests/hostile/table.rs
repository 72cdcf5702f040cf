//! The table of cases, and how each is run and checked.

use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use journal_tests::host::Usage;
use journal_tests::{Finished, Host, run};

/// The messages of a call that takes too long: by its CPU time or, on a busy machine, by the clock.
pub(crate) const TOO_LONG: &str =
    "the processor ran longer than 500 ms|the processor did not return within 2 s";

/// The limits that every case has to keep.
const MOST_CPU: Duration = Duration::from_secs(2);
const MOST_BYTES: u64 = 256 << 20;

/// The limit by the clock, which only ends a case that hangs: the machine may be busy.
const HANGS: Duration = Duration::from_mins(5);

/// A plugin and a recording, and how a run of the two has to end.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    plugin: Vec<u8>,
    recording: Vec<u8>,
    arguments: Vec<String>,
    code: i32,
    /// Part of standard error; alternatives are separated by `|`.
    message: &'static str,
}

/// A case whose run fails with this message.
pub(crate) fn fails(name: &'static str, plugin: Vec<u8>, message: &'static str) -> Case {
    Case {
        name,
        plugin,
        recording: super::recordings::one_origin(),
        arguments: Vec::new(),
        code: 1,
        message,
    }
}

/// A case whose run succeeds, with this in its log.
pub(crate) fn succeeds(name: &'static str, plugin: Vec<u8>, message: &'static str) -> Case {
    fails(name, plugin, message).with_code(0)
}

impl Case {
    pub(crate) fn over(mut self, recording: Vec<u8>) -> Self {
        self.recording = recording;
        self
    }

    pub(crate) fn with(mut self, arguments: &[&str]) -> Self {
        self.arguments
            .extend(arguments.iter().map(ToString::to_string));
        self
    }

    pub(crate) fn with_code(mut self, code: i32) -> Self {
        self.code = code;
        self
    }

    /// Runs the case, and returns what is wrong, one line each.
    fn check(&self) -> Vec<String> {
        let folder = run::folder("hostile");
        let [plugin, recording] = ["plugin.wasm", "recording"].map(|name| folder.join(name));
        fs::write(&plugin, &self.plugin).expect("the folder can be written");
        fs::write(&recording, &self.recording).expect("the folder can be written");
        let [plugin, recording] = [&plugin, &recording].map(|path| path.display().to_string());
        let mut arguments = vec!["run", &plugin, "--recording", &recording];
        arguments.extend(["--process-memory", "256MiB", "--deadline", "500ms"]);
        arguments.extend(["--output", "/dev/null"]);
        arguments.extend(self.arguments.iter().map(String::as_str));
        // The cache would make one run of a case cheaper than another.
        let host = Host::new().env("XDG_CACHE_HOME", folder.join("cache"));
        let (finished, usage) = host.args(arguments).finish_measured(HANGS);
        self.wrong(&finished, usage)
    }

    fn wrong(&self, finished: &Finished, usage: Usage) -> Vec<String> {
        let mut wrong = Vec::new();
        let Finished { status, stderr, .. } = finished;
        if status.code() != Some(self.code) {
            wrong.push(format!("{status} instead of {}", self.code));
        }
        if !self
            .message
            .split('|')
            .any(|message| stderr.contains(message))
        {
            wrong.push(format!("the message is not `{}`", self.message));
        }
        let controls = |character: char| character.is_control() && character != '\n';
        if stderr.contains(controls) {
            wrong.push("the log has control characters".to_owned());
        }
        if stderr.len() > 1_000_000 {
            wrong.push(format!("the log has {} bytes", stderr.len()));
        }
        if usage.cpu > MOST_CPU || usage.peak_bytes > MOST_BYTES {
            wrong.push(format!("it takes {usage:?}"));
        }
        if !wrong.is_empty() {
            let log: String = stderr.chars().take(1500).collect();
            wrong.push(format!("{usage:?}\n{log}"));
        }
        wrong
    }
}

/// Checks all cases, and panics with all that is wrong.
#[track_caller]
pub(crate) fn check(cases: &[Case]) {
    let mut report = String::new();
    for case in cases {
        for wrong in case.check() {
            let _ = writeln!(report, "{}: {wrong}", case.name);
        }
    }
    assert!(report.is_empty(), "{report}");
}
