//! The processes that are started for each save.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, Read as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};

/// The flag that this process has, and those that it starts have not.
const WATCH: &str = "--watch";
/// The flag that they have instead.
const WATCHED: &str = "--watched";

/// A process of this program, with those that it starts.
pub(super) struct Job {
    child: Child,
    /// What ends it.
    signal: Signal,
}

impl Job {
    /// Builds the crate in a folder. Its standard output is for [`printed`](Self::printed).
    pub(super) fn build(folder: &Path) -> io::Result<Self> {
        let mut command = Command::new(this_program()?);
        command
            .args([OsStr::new("build"), folder.as_os_str()])
            .stdout(Stdio::piped());
        // Cargo removes what it has begun.
        Self::start(command, Signal::TERM)
    }

    /// Runs the plugin with the arguments of this process.
    pub(super) fn run(plugin: &Path) -> io::Result<Self> {
        let mut command = Command::new(this_program()?);
        command.args(arguments_of_run(env::args_os().skip(1), plugin));
        // It writes nothing that a kill could leave unfinished.
        Self::start(command, Signal::KILL)
    }

    fn start(mut command: Command, signal: Signal) -> io::Result<Self> {
        // Processes that it starts are in its group, and end with it.
        let command = command.process_group(0).stdin(Stdio::null());
        let child = command.spawn()?;
        Ok(Self { child, signal })
    }

    /// Its exit status, once it has ended.
    pub(super) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Ends it.
    pub(super) fn end(mut self) -> io::Result<()> {
        // It may have ended already.
        let _gone = kill_process_group(Pid::from_child(&self.child), self.signal);
        self.child.wait().map(drop)
    }

    /// The path that a build has printed.
    pub(super) fn printed(mut self) -> io::Result<PathBuf> {
        let mut text = String::new();
        if let Some(mut stdout) = self.child.stdout.take() {
            stdout.read_to_string(&mut text)?;
        }
        Ok(PathBuf::from(text.trim_end_matches('\n')))
    }
}

/// The file of this process, also if another version of it was built meanwhile.
fn this_program() -> io::Result<PathBuf> {
    if cfg!(target_os = "linux") {
        Ok(PathBuf::from("/proc/self/exe"))
    } else {
        env::current_exe()
    }
}

/// The arguments of the process that runs a plugin once, made of those of this one: a command and its flags.
fn arguments_of_run(own: impl Iterator<Item = OsString>, plugin: &Path) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = own.filter(|argument| argument != WATCH).collect();
    // What follows `--` would be no flag.
    let after_command = arguments.len().min(1);
    let watched = [WATCHED.into(), plugin.as_os_str().to_owned()];
    arguments.splice(after_command..after_command, watched);
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn process_of_a_run_has_the_same_arguments_and_the_plugin_that_was_built() {
        let own = ["run", "--watch", "crate", "--git", ".", "--", "x"];
        let arguments = arguments_of_run(own.into_iter().map(OsString::from), Path::new("p.wasm"));
        let expected = [
            "run",
            "--watched",
            "p.wasm",
            "crate",
            "--git",
            ".",
            "--",
            "x",
        ];
        assert_eq!(arguments, expected);
    }
}
