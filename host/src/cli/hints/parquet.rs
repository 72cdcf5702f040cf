//! Folders of Parquet files that cannot be used or written.

#[cfg(feature = "parquet")]
use std::io;

use super::Explain;
use crate::cli::names::Names;
#[cfg(feature = "parquet")]
use crate::config::Setting;
use crate::sink::parquet::ParquetError;
#[cfg(feature = "parquet")]
use crate::sink::tables::TableError;

/// What helps where a table is not the run's.
#[cfg(feature = "parquet")]
const OTHER: &str = "choose another folder, or another table with `?table=NAME` after the folder";

#[cfg(feature = "parquet")]
impl Explain for ParquetError {
    fn hint(&self, names: Names<'_>) -> Option<String> {
        Some(match self {
            Self::Create { source, .. } if source.kind() == io::ErrorKind::AlreadyExists => {
                "a file has this name: choose another folder".to_owned()
            }
            Self::Create { .. } => {
                "create the folder that it is in; both have to be writable".to_owned()
            }
            Self::Lock { .. } => {
                "choose a folder on a file system that has locks and hard links".to_owned()
            }
            Self::Held { .. } => {
                "stop the runs that write to the folder, and do this again".to_owned()
            }
            Self::Damaged { .. } => {
                "restore the file from a backup: rows and positions stand and fall with it".to_owned()
            }
            Self::Missing { .. } => {
                "restore the manifest from a backup: no manifest may be removed, because it has rows and positions"
                    .to_owned()
            }
            Self::OtherColumns { can_add: true, .. } => format!(
                "let the files have different columns with {}, or choose another folder",
                names.with(Setting::OnSchemaChange, "add-columns")
            ),
            Self::OtherColumns { .. } => OTHER.to_owned(),
            Self::Table(error) => match **error {
                TableError::NotOwn { .. } | TableError::OtherOwner { .. } => OTHER.to_owned(),
                TableError::SameTable { .. } => {
                    "`?table=NAME` after the folder gives an output another table".to_owned()
                }
                _ => return error.hint(names),
            },
            Self::Write { .. } | Self::Read { .. } | Self::Encoding { .. } => return None,
        })
    }

    fn is_wrong_use(&self) -> bool {
        matches!(self, Self::Table(error) if error.is_wrong_use())
    }
}

#[cfg(not(feature = "parquet"))]
impl Explain for ParquetError {
    fn hint(&self, _names: Names<'_>) -> Option<String> {
        match *self {}
    }
}
