//! Files that fail, or that kill the process, at a chosen durable step. `journal-host-under-test` uses them.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::str::FromStr;
use std::sync::Mutex;

use journal_host::sink::files::{Files, SystemFiles};
use rustix::process::{Signal, getpid, kill_process};

/// The variable with the fault, in the text form of [`Fault`]. Without it there is no fault.
pub const FAULT: &str = "JOURNAL_TEST_FAULT";
/// The variable with the path of a file. Before each step, the step's name is appended to it as a line.
pub const STEPS: &str = "JOURNAL_TEST_STEPS";

/// The effect of a fault on its step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Kills the process before the step.
    KillBefore,
    /// Kills the process after the step.
    KillAfter,
    /// Kills the process in the middle of a write, or before any other step.
    KillWithin,
    /// Skips the step and returns the error of a failing device.
    Fail,
}

/// A fault at one step, counted from 1: `kill-after:sync:4`, or `fail:any:2` for a step of any name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The effect.
    pub effect: Effect,
    /// The name of the step: `open`, `write`, `sync`, `truncate`, `create-folder`, `rename`, `link`, `remove`,
    /// `sync-folder`, or `any`.
    pub step: String,
    /// The number of the step among those with this name.
    pub number: u64,
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("`{text}` is not a fault such as `kill-after:sync:4`");
        let mut parts = text.split(':');
        let mut next = || parts.next().ok_or_else(bad);
        let effect = match next()? {
            "kill-before" => Effect::KillBefore,
            "kill-after" => Effect::KillAfter,
            "kill-within" => Effect::KillWithin,
            "fail" => Effect::Fail,
            _ => return Err(bad()),
        };
        let step = next()?.to_owned();
        let number = next()?.parse().map_err(|_| bad())?;
        Ok(Self {
            effect,
            step,
            number,
        })
    }
}

/// Files with at most one fault.
#[derive(Debug, Default)]
pub struct FaultyFiles {
    fault: Option<Fault>,
    steps: Option<File>,
    /// The number of steps so far with the name of the fault.
    counted: Mutex<u64>,
}

impl FaultyFiles {
    /// Reads the fault from the environment.
    ///
    /// # Panics
    /// When the fault is invalid, or the file for the steps cannot be opened.
    #[must_use]
    pub fn from_environment() -> Self {
        let fault = std::env::var(FAULT).ok();
        let steps = std::env::var_os(STEPS);
        let open = |path| OpenOptions::new().append(true).create(true).open(path);
        Self {
            fault: fault.map(|text| text.parse().unwrap_or_else(|error| panic!("{error}"))),
            steps: steps.map(|path| open(path).expect("the list of steps can be opened")),
            counted: Mutex::new(0),
        }
    }

    /// Executes a step. `within` does the part of it that a crash in its middle leaves.
    fn take<T>(
        &self,
        name: &str,
        within: impl FnOnce(),
        step: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<T> {
        if let Some(mut steps) = self.steps.as_ref() {
            writeln!(steps, "{name}")?;
        }
        match self.effect(name) {
            None => step(),
            Some(Effect::Fail) => Err(io::Error::from_raw_os_error(
                rustix::io::Errno::IO.raw_os_error(),
            )),
            Some(Effect::KillBefore) => die(),
            Some(Effect::KillWithin) => {
                within();
                die()
            }
            Some(Effect::KillAfter) => {
                step()?;
                die()
            }
        }
    }

    fn effect(&self, name: &str) -> Option<Effect> {
        let fault = self.fault.as_ref()?;
        if fault.step != "any" && fault.step != name {
            return None;
        }
        let mut counted = self.counted.lock().ok()?;
        *counted += 1;
        (*counted == fault.number).then_some(fault.effect)
    }
}

/// Ends the process like a failing machine, without unwinding.
fn die() -> ! {
    kill_process(getpid(), Signal::KILL).expect("a process may kill itself");
    loop {
        std::thread::park();
    }
}

impl Files for FaultyFiles {
    fn open(&self, path: &Path, readable: bool) -> io::Result<File> {
        self.take("open", || (), || SystemFiles.open(path, readable))
    }

    fn write(&self, file: &File, bytes: &[u8]) -> io::Result<usize> {
        let half = || {
            // A write that fails leaves nothing behind after the crash either.
            let _written = SystemFiles.write(file, &bytes[..bytes.len() / 2]);
        };
        self.take("write", half, || SystemFiles.write(file, bytes))
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        self.take("sync", || (), || SystemFiles.sync(file))
    }

    fn truncate(&self, file: &File, length: u64) -> io::Result<()> {
        self.take("truncate", || (), || SystemFiles.truncate(file, length))
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        self.take("create-folder", || (), || SystemFiles.create_folder(path))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.take("rename", || (), || SystemFiles.rename(from, to))
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.take("link", || (), || SystemFiles.link(from, to))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.take("remove", || (), || SystemFiles.remove(path))
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.take("sync-folder", || (), || SystemFiles.sync_folder(path))
    }
}
