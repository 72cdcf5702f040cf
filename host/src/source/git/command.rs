//! The command `git`, called so that nothing in a repository can make it do more than read.
//!
//! A repository is untrusted, its configuration too: it may name programs to run and servers to ask. No call here needs
//! one, and the settings of the call win over those of the repository. Variables that would lead git to another
//! repository, or change what it does, are removed.

use std::borrow::Cow;
use std::env;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use super::Error;

/// The oldest version that can be asked for all of this.
const NEEDED: [u32; 2] = [2, 39];
const NEEDED_TEXT: &str = "2.39";
/// How much of what it writes to its standard error is shown.
const MESSAGE_BYTES: usize = 2 << 10;

/// The command, for one repository.
#[derive(Clone, Debug)]
pub(super) struct Git {
    /// The folder of the repository.
    folder: PathBuf,
}

impl Git {
    /// The command for the repository of this folder.
    ///
    /// # Errors
    /// When there is no such command, or it is too old.
    pub(super) fn of(folder: &Path) -> Result<Self, Error> {
        let git = Self {
            folder: folder.to_owned(),
        };
        let output = Self::bare().arg("version").output().map_err(Error::Start)?;
        let text = String::from_utf8_lossy(&output.stdout);
        let found = text.trim().trim_start_matches("git version ");
        if version(found).is_some_and(|version| version >= NEEDED) {
            return Ok(git);
        }
        Err(Error::Version {
            found: found.chars().take(40).collect(),
            needed: NEEDED_TEXT,
        })
    }

    /// A call of it, with these arguments.
    pub(super) fn call(&self, arguments: &[&str]) -> Command {
        let mut command = Self::bare();
        command.arg("-C").arg(&self.folder).args([
            "--no-pager",
            "--no-replace-objects",
            "--no-optional-locks",
        ]);
        for setting in [
            "protocol.allow=never",
            "core.fsmonitor=false",
            "core.untrackedCache=false",
            // Objects come out faster.
            "core.deltaBaseCacheLimit=256m",
        ] {
            command.args(["-c", setting]);
        }
        // The folder itself is the repository, and no folder above it.
        if let Some(above) = self.whole_path().parent() {
            command.env("GIT_CEILING_DIRECTORIES", above);
        }
        command.args(arguments);
        command
    }

    /// The path of the folder from the root, if there is such a folder.
    fn whole_path(&self) -> Cow<'_, Path> {
        let whole = self.folder.canonicalize();
        whole.map_or(Cow::Borrowed(&self.folder), Cow::Owned)
    }

    fn bare() -> Command {
        let mut command = Command::new("git");
        for (name, _) in env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"GIT_") {
                command.env_remove(name);
            }
        }
        command
            .env("LC_ALL", "C")
            // Before version 2.45 git does not know this; then the next one keeps it from fetching what is missing. It
            // wins over the settings of a single protocol, which a repository may have.
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_ALLOW_PROTOCOL", "none")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_GRAFT_FILE", "/dev/null/none")
            // A key that interrupts the host ends git with it, and not before it.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// What a call writes to its standard output.
    ///
    /// # Errors
    /// When it fails.
    pub(super) fn ask(&self, arguments: &[&str]) -> Result<Vec<u8>, Error> {
        self.ask_with_warnings(arguments).map(|(answer, _)| answer)
    }

    /// What a call writes to its standard output, and its warnings.
    ///
    /// # Errors
    /// When it fails.
    pub(super) fn ask_with_warnings(
        &self,
        arguments: &[&str],
    ) -> Result<(Vec<u8>, Vec<String>), Error> {
        let output = self.output(arguments)?;
        if !output.status.success() {
            return Err(self.failed(arguments, &output.stderr));
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let warnings = said
            .lines()
            .filter_map(|line| line.strip_prefix("warning: "));
        Ok((output.stdout, warnings.map(str::to_owned).collect()))
    }

    /// What a call writes to its standard output without the line feed at the end, or nothing where the call fails: it says
    /// that there is no such thing.
    pub(super) fn look_up(&self, arguments: &[&str]) -> Result<Option<Vec<u8>>, Error> {
        let mut output = self.output(arguments)?;
        if output.stdout.last() == Some(&b'\n') {
            output.stdout.pop();
        }
        let is_there = output.status.success() && !output.stdout.is_empty();
        Ok(is_there.then_some(output.stdout))
    }

    fn output(&self, arguments: &[&str]) -> Result<Output, Error> {
        self.call(arguments).output().map_err(Error::Start)
    }

    /// The error of a call that failed.
    pub(super) fn failed(&self, arguments: &[&str], stderr: &[u8]) -> Error {
        let message = String::from_utf8_lossy(&stderr[..stderr.len().min(MESSAGE_BYTES)]);
        if message.contains("dubious ownership") {
            // The hint has it, and git permits only paths from the root.
            return Error::Ownership(self.whole_path().into_owned());
        }
        if message.contains("not a git repository") || message.contains("cannot change to") {
            return Error::NoRepository(self.folder.clone());
        }
        let is_visible = |c: char| !c.is_control() || c == '\n';
        let message: String = message.chars().filter(|&c| is_visible(c)).collect();
        let message = message.trim().trim_start_matches("fatal: ");
        Error::Failed {
            command: command(arguments),
            repository: self.folder.clone(),
            message: message.replace('\n', "; "),
        }
    }
}

/// The command among the arguments, for a message.
fn command(arguments: &[&str]) -> &'static str {
    const KNOWN: [&str; 6] = [
        "rev-parse",
        "rev-list",
        "cat-file",
        "for-each-ref",
        "symbolic-ref",
        "config",
    ];
    let known = KNOWN.into_iter().find(|known| arguments.contains(known));
    known.unwrap_or_default()
}

fn version(text: &str) -> Option<[u32; 2]> {
    let mut numbers = text.split(['.', ' ', '-']);
    let mut next = || numbers.next()?.parse().ok();
    Some([next()?, next()?])
}

/// Starts a call.
///
/// # Errors
/// When that is not possible.
pub(super) fn spawn(command: &mut Command) -> Result<std::process::Child, Error> {
    command.spawn().map_err(Error::Start)
}

/// A pipe that a child should have.
pub(super) fn piped<T>(pipe: Option<T>) -> Result<T, Error> {
    pipe.ok_or_else(|| Error::Pipe(io::Error::from(io::ErrorKind::BrokenPipe)))
}

/// Makes reading or writing a pipe never wait.
///
/// # Errors
/// When the system refuses.
pub(super) fn never_wait(pipe: &impl AsFd) -> Result<(), Error> {
    let failed = |error: rustix::io::Errno| Error::Pipe(error.into());
    let flags = fcntl_getfl(pipe).map_err(failed)?;
    fcntl_setfl(pipe, flags | OFlags::NONBLOCK).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_is_read_whatever_follows_it() {
        for (text, expected) in [
            ("2.39.5", Some([2, 39])),
            ("2.39.5 (Apple Git-154)", Some([2, 39])),
            ("2.50.windows.1", Some([2, 50])),
            ("3.0-rc1", Some([3, 0])),
            ("", None),
            ("x.y", None),
        ] {
            assert_eq!(version(text), expected, "{text}");
        }
    }

    #[test]
    fn refusals_of_git_are_recognised() {
        let git = Git { folder: "r".into() };
        let failed = |text: &str| git.failed(&["-x", "rev-list"], text.as_bytes());
        let owner = "fatal: detected dubious ownership in repository at '/r'\nTo add an exception";
        assert!(matches!(failed(owner), Error::Ownership(_)));
        let none = "fatal: not a git repository (or any of the parent directories): .git";
        assert!(matches!(failed(none), Error::NoRepository(_)));
        let other = failed("fatal: bad object 12\n\u{1b}hint").to_string();
        assert_eq!(other, "`git rev-list` failed in `r`: bad object 12; hint");
    }
}
