//! A git repository that cannot be read.

use super::Explain;
use super::recording::{record_too_large, topics};
use crate::cli::names::Names;
use crate::config::Setting;
use crate::source::git::Error;

impl Explain for Error {
    fn hint(&self, names: Names<'_>) -> Option<String> {
        let hint = match self {
            Self::Start(_) => "install git 2.39 or newer, where programs are found",
            Self::Version { .. } => "install a newer one",
            Self::NoRepository(_) => {
                return Some(format!(
                    "{} takes the folder of a repository, with or without a worktree",
                    names.of(Setting::Git)
                ));
            }
            Self::Ownership(folder) => {
                return Some(format!(
                    "if you trust who owns it, allow it: `git config --global --add safe.directory '{}'`",
                    folder.display()
                ));
            }
            Self::Failed { .. } => "`git fsck` says whether the repository is damaged",
            Self::Damaged(_) => "`git fsck` says what else is; another clone may be whole",
            Self::Gone(_) => "run it again when nothing changes the repository",
            Self::Topics { error, .. } => return Some(topics(error, names)),
            Self::RecordTooLarge { bytes, .. } => return Some(record_too_large(*bytes, names)),
            Self::Sha256(_) | Self::Pipe(_) | Self::Answer(_) => return None,
        };
        Some(hint.to_owned())
    }

    fn is_wrong_use(&self) -> bool {
        matches!(
            self,
            Self::NoRepository(_) | Self::Sha256(_) | Self::Ownership(_) | Self::Topics { .. }
        )
    }
}
