//! Takes rights from this process that no run needs, so that whoever gets control of it cannot do much.
//!
//! Landlock limits the files that it opens, and seccomp the system calls that it makes. Both hold for the thread that
//! calls [`confine`] and for all that it starts, so this has to come before the first further thread. Nothing takes them
//! back. A kernel that lacks one of them is no reason to fail: [`Confined`] says what is missing.

#[cfg(target_os = "linux")]
mod files;
#[cfg(target_os = "linux")]
mod system_calls;

use std::fmt;
use std::path::PathBuf;

/// The files that a process needs once it is confined. What the system's libraries read is added to them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Paths {
    /// Files, or folders with all that is below them, that are read.
    pub(crate) read: Vec<PathBuf>,
    /// Files that are written, and created again where they were moved. They need not exist.
    pub(crate) write: Vec<PathBuf>,
}

/// What holds now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Confined {
    /// Whether files are limited.
    files: Level,
    /// Whether system calls are limited.
    system_calls: Level,
}

/// How far a part of the confinement goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Whole,
    /// The kernel knows some of the rights only.
    Partial,
    Missing,
}

impl Confined {
    /// Whether everything is in force.
    pub(crate) fn is_whole(self) -> bool {
        self.files == Level::Whole && self.system_calls == Level::Whole
    }
}

impl fmt::Display for Confined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files = match self.files {
            Level::Whole => None,
            Level::Partial => Some("some rights on files stay, which this kernel's Landlock lacks"),
            Level::Missing => Some("files are not limited, because this kernel has no Landlock"),
        };
        let calls = match self.system_calls {
            Level::Whole => None,
            Level::Partial | Level::Missing => {
                Some("system calls are not limited, because seccomp refuses a filter")
            }
        };
        let missing: Vec<&str> = files.into_iter().chain(calls).collect();
        if missing.is_empty() {
            return f.write_str("files and system calls are limited");
        }
        f.write_str(&missing.join("; "))
    }
}

/// Confines the calling thread and all that it will start.
#[cfg(target_os = "linux")]
pub(crate) fn confine(paths: &Paths) -> Confined {
    // Landlock comes first: the filter of system calls allows no more rules.
    let files = files::limit(paths);
    let system_calls = system_calls::limit();
    Confined {
        files,
        system_calls,
    }
}

/// Other systems have neither.
#[cfg(not(target_os = "linux"))]
pub(crate) fn confine(_paths: &Paths) -> Confined {
    Confined {
        files: Level::Missing,
        system_calls: Level::Missing,
    }
}

/// Confines a thread that opens no file at all.
pub(crate) fn confine_wholly() {
    #[cfg(target_os = "linux")]
    {
        let _level = files::limit_to(&[], &[]);
        let _level = system_calls::limit();
    }
}
