//! A dataset that cannot be read.

use super::Explain;
#[cfg(feature = "dataset")]
use super::recording::{record_too_large, topics};
use crate::cli::names::Names;
#[cfg(feature = "dataset")]
use crate::config::Setting;
use crate::source::dataset::Error;

#[cfg(feature = "dataset")]
impl Explain for Error {
    fn hint(&self, names: Names<'_>) -> Option<String> {
        let takes = || {
            format!(
                "{} takes a folder that has a folder such as `revision` for each table, with files of ORC in it",
                names.of(Setting::Dataset)
            )
        };
        Some(match self {
            Self::Folder { .. } | Self::NoTable(_) => takes(),
            Self::Parquet(_) => {
                "exports since 2020 have ORC files as well, of which the URL has `orc` in the place of `parquet`".to_owned()
            }
            Self::NoSpace { table, .. } => format!(
                "name a folder on another disk with {}, or leave the table out with {}",
                names.with(Setting::Temp, "DIR"),
                names.with(Setting::Without, table)
            ),
            Self::Temporary { .. } => format!(
                "the folder needs room for the table's rows, and you need the right to write to it: {} names another one",
                names.with(Setting::Temp, "DIR")
            ),
            Self::Incomplete { relation, .. } => format!(
                "copy the file as well, or leave the table out with {}",
                names.with(Setting::Without, relation)
            ),
            Self::Kept(_) | Self::KeptOfOthers(_) | Self::KeptByOthers(_) => {
                "remove this file, and the next run sorts the table again".to_owned()
            }
            Self::TooManyRows { relation, .. } => format!(
                "a sort takes half of {}, and 512 MiB at most: raise it, or leave a table out with {}",
                names.of(Setting::ProcessMemory),
                names.with(Setting::Without, relation)
            ),
            Self::RepeatedIds { relation, .. } => format!(
                "a table has each object once, or a few times where files were merged: remove files that are copies of others, \
                 or leave a table out with {}",
                names.with(Setting::Without, relation)
            ),
            Self::Unmatched { .. } => {
                "compare the size of the file with that of the original; if it is whole, rename it: a table whose files are \
                 not named as they were exported is sorted first"
                    .to_owned()
            }
            Self::File { .. } | Self::Cell { .. } => {
                "copy the file again, and compare its size with that of the original".to_owned()
            }
            Self::NoColumn { .. } | Self::ColumnType { .. } => {
                "docs/dataset.md lists the columns of each table".to_owned()
            }
            Self::Topics { error, .. } => topics(error, names),
            Self::NothingToRead { .. } => format!(
                "copy one of them, or read others with {}",
                names.of(Setting::ObjectTypes)
            ),
            Self::RecordTooLarge { bytes, .. } => record_too_large(*bytes, names),
            Self::Open { .. } => return None,
        })
    }

    fn is_wrong_use(&self) -> bool {
        matches!(
            self,
            Self::Folder { .. }
                | Self::NoTable(_)
                | Self::Parquet(_)
                | Self::Incomplete { .. }
                | Self::NoSpace { .. }
                | Self::Topics { .. }
                | Self::NothingToRead { .. }
        )
    }
}

#[cfg(not(feature = "dataset"))]
impl Explain for Error {
    fn hint(&self, _names: Names<'_>) -> Option<String> {
        Some("build it with `--features journal-host/dataset`".to_owned())
    }

    fn is_wrong_use(&self) -> bool {
        true
    }
}

#[cfg(all(test, feature = "dataset"))]
mod tests {
    use super::*;
    use crate::config::Origins;

    #[test]
    fn table_that_cannot_be_sorted_can_be_left_out() {
        let (table, relation) = ("directory", "directory_entry");
        for error in [
            Error::TooManyRows { table, relation },
            Error::RepeatedIds { table, relation },
            Error::NoSpace {
                folder: "t".into(),
                table: relation,
                needed: 2,
                free: 1,
            },
        ] {
            let hint = error.hint(Names(&Origins::default())).unwrap();
            assert!(
                hint.ends_with(" with `--without directory_entry`"),
                "{hint}"
            );
        }
    }
}
