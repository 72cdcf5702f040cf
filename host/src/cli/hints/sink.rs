//! Outputs that cannot be opened or written.

use std::io::ErrorKind::{BrokenPipe, FileTooLarge, QuotaExceeded, StorageFull};

use super::{Explain, chain};
use crate::cli::names::Names;
use crate::config::Setting;
use crate::sink::SinkError;
use crate::sink::jsonl::OpenError;
use crate::sink::letter_file::RedriveError;

impl Explain for SinkError {
    fn hint(&self, names: Names<'_>) -> Option<String> {
        let source = match self {
            Self::Write { source, .. } => source,
            Self::Changed { source, .. } => return source.hint(names),
            Self::ReaderGone => return None,
        };
        let hint = match source.kind() {
            StorageFull | QuotaExceeded | FileTooLarge => {
                "make room and run again: nothing of this checkpoint was written or committed"
            }
            BrokenPipe => {
                "its reader ended: start the reader and run again; nothing of this checkpoint was committed"
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

impl Explain for OpenError {
    fn sentence(&self, names: Names<'_>) -> String {
        match self {
            Self::NoFile { text } => {
                format!("{} names no file", names.with(Setting::Outputs, text))
            }
            Self::BoundTwice { what } => {
                format!("{} is given twice for {what}", names.of(Setting::Outputs))
            }
            _ => chain(self),
        }
    }

    fn hint(&self, names: Names<'_>) -> Option<String> {
        let output = || names.of(Setting::Outputs);
        Some(match self {
            Self::NoFile { .. } | Self::UnknownOutput { .. } | Self::BoundTwice { .. } => {
                format!("{} takes `[NAME=]FILE`, once for each output", output())
            }
            Self::NoName { .. } => format!(
                "use {} with the path of a file: it is created again if it is removed",
                output()
            ),
            Self::Open { .. } | Self::Directory { .. } | Self::NotRegular { .. } => format!(
                "{} takes the path of a file that can be written, or `-` for standard output",
                output()
            ),
            Self::Held { .. } => format!(
                "give each process a file of its own, or use {} in one process",
                names.of(Setting::Workers)
            ),
            Self::Lock { .. } => "choose a file on a file system that has locks".to_owned(),
            Self::NotJsonLines { .. } => "choose another file, or end its last line".to_owned(),
            Self::Repair { .. } => return None,
        })
    }

    fn is_wrong_use(&self) -> bool {
        matches!(
            self,
            Self::NoFile { .. } | Self::UnknownOutput { .. } | Self::BoundTwice { .. }
        )
    }
}

impl Explain for RedriveError {
    fn sentence(&self, names: Names<'_>) -> String {
        match self {
            Self::Lock(source) => source.sentence(names),
            Self::Open { .. } | Self::NotAFile { .. } | Self::Replace { .. } => chain(self),
        }
    }

    fn hint(&self, _names: Names<'_>) -> Option<String> {
        let hint = match self {
            Self::Open { .. } | Self::NotAFile { .. } => {
                "name a file that `run --dead-letters FILE` wrote"
            }
            Self::Lock(OpenError::Held { .. }) => {
                "a run adds dead letters to it: stop the run, or move the file away first"
            }
            Self::Replace { .. } => {
                "the file is as it was, and rows are written: see that its folder can be written to, and expect \
                 these rows twice after the next attempt"
            }
            Self::Lock(_) => return None,
        };
        Some(hint.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Origins;

    #[test]
    fn full_disks_ask_for_room() {
        let full = SinkError::Write {
            destination: "`rows`".to_owned(),
            source: StorageFull.into(),
        };
        let hint = full.hint(Names(&Origins::default())).unwrap();
        assert!(hint.contains("make room"), "{hint}");
        let gone = SinkError::ReaderGone;
        assert_eq!(gone.hint(Names(&Origins::default())), None);
    }
}
