//! Scripts for the host, one for each workload and language.

use std::path::PathBuf;

use journal_tests::{Host, paths};

use crate::journal::Work;

/// The language of a script.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Language {
    Python,
    JavaScript,
}

impl Language {
    /// The host with the script for this workload.
    pub(crate) fn run(self, work: Work) -> Host {
        self.with_runtime(Host::run(&self.script(work)))
    }

    /// The host that starts the runtime with the script, and does nothing else.
    pub(crate) fn describe(self, work: Work) -> Host {
        self.with_runtime(Host::new().arg("describe").arg(self.script(work)))
    }

    fn with_runtime(self, host: Host) -> Host {
        host.arg("--runtime").arg(match self {
            Self::Python => paths::runtime(),
            Self::JavaScript => paths::javascript_runtime(),
        })
    }

    fn script(self, work: Work) -> PathBuf {
        let name = match (self, work) {
            (Self::Python, Work::Counts) => "count.py",
            (Self::Python, Work::Fields) => "fields.py",
            (Self::Python, Work::Months) => "months_and_extensions.py",
            (Self::JavaScript, Work::Counts) => "count.js",
            (Self::JavaScript, Work::Fields) => "fields.js",
            (Self::JavaScript, Work::Months) => "months-and-extensions.js",
            (_, Work::Rows) => unreachable!("no script writes rows"),
        };
        paths::repository().join("tests/data/scripts").join(name)
    }
}
