//! Outputs that cannot be opened or written.

use std::io::ErrorKind::{BrokenPipe, FileTooLarge, NotFound, QuotaExceeded, StorageFull};

use super::{Explain, OF_THE_JOURNAL};
use crate::cli::names::Names;
use crate::config::Setting;
use crate::sink::jsonl::OpenError;
use crate::sink::kafka::TopicError;
use crate::sink::letter_file::RedriveError;
use crate::sink::sqlite::{Code, SqliteError};
use crate::sink::tables::TableError;
use crate::sink::{SinkError, binding_kind};
use crate::text::with_causes;

impl Explain for SinkError {
    fn sentence(&self, names: Names<'_>) -> String {
        match self {
            Self::Topic(TopicError::Kafka(error)) => error.sentence(names),
            _ => with_causes(self),
        }
    }

    fn hint(&self, names: Names<'_>) -> Option<String> {
        let source = match self {
            Self::Write { source, .. } => source,
            Self::Changed { source, .. } => return source.hint(names),
            Self::ReaderGone => return None,
            Self::Sqlite(error) => return error.hint(names),
            Self::Topic(error) => return error.hint(names),
            Self::Table(error) => return error.hint(names),
            Self::Postgres(error) => return error.hint(names),
            Self::Parquet(error) => return error.hint(names),
            Self::HasRows { .. } => {
                return Some(format!(
                    "{} adds the rows all the same, {} removes the earlier ones; or choose another destination",
                    names.of(Setting::Append),
                    names.of(Setting::Overwrite)
                ));
            }
            Self::SameRun { .. } => {
                return Some(
                    "wait until that process has ended, or stop it: the same command then goes on where it was".to_owned(),
                );
            }
            Self::NoLetters { .. } => {
                return Some(
                    "nothing of this checkpoint was committed: its records and dead letters come again".to_owned(),
                );
            }
            Self::TwoDecide { .. } => {
                return Some(
                    "bind all outputs to one of them: a group has its positions in one".to_owned(),
                );
            }
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

    fn is_wrong_use(&self) -> bool {
        match self {
            Self::Sqlite(SqliteError::Table(error)) | Self::Table(error) => error.is_wrong_use(),
            Self::Topic(error) => error.is_wrong_use(),
            Self::Postgres(error) => error.is_wrong_use(),
            Self::Parquet(error) => error.is_wrong_use(),
            Self::TwoDecide { .. } => true,
            Self::ReaderGone
            | Self::Write { .. }
            | Self::Sqlite(_)
            | Self::HasRows { .. }
            | Self::SameRun { .. }
            | Self::NoLetters { .. }
            | Self::Changed { .. } => false,
        }
    }
}

impl Explain for TopicError {
    fn hint(&self, names: Names<'_>) -> Option<String> {
        Some(match self {
            Self::Kafka(error) => return error.hint(names),
            Self::NoCluster(_) => format!(
                "write a file, for example with {}",
                names.with(Setting::Outputs, "rows.jsonl")
            ),
            Self::Text(_) => "write it to a file or to standard output".to_owned(),
            Self::OfTheJournal(_) => {
                OF_THE_JOURNAL.to_owned()
            }
            Self::Missing(_) => "create it, or ask for the right to see it".to_owned(),
            Self::NoRight(_) => "ask for the right to write to it".to_owned(),
            Self::Fenced(_) => format!(
                "end the other process, or give each one a name of its own with {}",
                names.with(Setting::Kafka, "transactional.id=NAME")
            ),
            Self::Refused { .. } => {
                "nothing of this checkpoint was written or committed; the account needs the right to write to the \
                 topic and to transactional identifiers that begin with the group's name"
                    .to_owned()
            }
        })
    }

    fn is_wrong_use(&self) -> bool {
        match self {
            Self::Kafka(error) => error.is_wrong_use(),
            Self::NoCluster(_) | Self::Text(_) | Self::OfTheJournal(_) => true,
            Self::Missing(_) | Self::NoRight(_) | Self::Fenced(_) | Self::Refused { .. } => false,
        }
    }
}

/// What a destination looks like that begins as this binding.
fn form(binding: &str) -> &'static str {
    match binding_kind(binding).as_deref() {
        Some("kafka") => "`[NAME=]kafka:TOPIC`",
        Some("parquet") => "`[NAME=]parquet:FOLDER`",
        Some("sqlite") => "`[NAME=]sqlite:FILE`",
        Some("jsonl") => "`[NAME=]jsonl:FILE`",
        Some("postgres" | "postgresql") => "`[NAME=]postgres://USER@HOST/DATABASE`",
        _ => "`[NAME=]FILE`, once for each output",
    }
}

/// Which names a table may have.
const TABLE_NAMES: &str = "a table's name is a letter or `_` and up to 62 of `A-Za-z0-9_-`, and begins neither with `sqlite_` \
     nor with `journal_`, and in a folder of Parquet files not with `_`; `table=NAME` after a `?` in the destination names another one";

impl Explain for SqliteError {
    fn hint(&self, names: Names<'_>) -> Option<String> {
        Some(match self {
            Self::Sqlite { source, .. } => match source.code()? {
                Code::NotADatabase => format!(
                    "the file is not a SQLite database: {} takes `jsonl:FILE` for JSON lines",
                    names.of(Setting::Outputs)
                ),
                Code::DatabaseCorrupt => {
                    "the database is damaged: restore it from a backup, or save what can be read with `.recover` of \
                     `sqlite3`, and begin another file"
                        .to_owned()
                }
                Code::CannotOpen | Code::ReadOnly | Code::PermissionDenied => {
                    "the file and its folder must be writable: SQLite has its journal beside the database"
                        .to_owned()
                }
                Code::DatabaseBusy | Code::DatabaseLocked => {
                    "end the transaction of the other program that writes to the database".to_owned()
                }
                _ => return None,
            },
            Self::Lock { source, .. } if source.kind() == NotFound => {
                "create the folder of the database first".to_owned()
            }
            Self::Lock { .. } => {
                "choose a file on a file system that has locks, in a folder that can be written".to_owned()
            }
            Self::Held { .. } => format!(
                "one process writes to a database: use {} in one process",
                names.of(Setting::Workers)
            ),
            Self::Folder { .. } => "name a file in it".to_owned(),
            Self::HardLinks { .. } => "copy the file, or remove the other name".to_owned(),
            Self::Table(error) => return error.hint(names),
        })
    }
}

impl Explain for TableError {
    fn hint(&self, names: Names<'_>) -> Option<String> {
        Some(match self {
            Self::Untyped { .. } => format!(
                "a script declares them as `OUTPUTS = [{{\"name\": \"rows\", \"row\": [{{\"name\": \"id\", \"type\": \"id\"}}]}}]`, a \
                 plugin in Rust derives `Columns` for the row and names it in the plan; or write JSON lines: {} takes \
                 `jsonl:FILE`",
                names.of(Setting::Outputs)
            ),
            Self::SameTable { .. } => {
                "`table=NAME` after a `?` in the destination gives an output another table".to_owned()
            }
            Self::TableName { .. } => TABLE_NAMES.to_owned(),
            Self::NotOwn { .. } | Self::OtherOwner { .. } => {
                "choose another database, or another table with `table=NAME` after a `?` in the destination".to_owned()
            }
            // Only columns can be added without the operator.
            Self::OtherSchema { fixed, statements, .. }
                if fixed.is_empty()
                    && statements.iter().any(|sql| sql.contains(" DROP COLUMN ")) =>
            {
                "run the statements with `sqlite3` or `psql`".to_owned()
            }
            Self::OtherSchema { fixed, .. } if fixed.is_empty() => format!(
                "run the statements with `sqlite3` or `psql`, or add columns with {}",
                names.with(Setting::OnSchemaChange, "add-columns")
            ),
            Self::OtherSchema { .. } => {
                "rename the table or choose another one with `table=NAME` after a `?` in the destination; a new table has \
                 the rows of a group from where it is"
                    .to_owned()
            }
            Self::SumOutOfRange { .. } => {
                "nothing of this checkpoint was committed: the plugin has to add up smaller numbers, or to use \
                 another key"
                    .to_owned()
            }
        })
    }

    /// Whether another binding is needed, whatever is in the database.
    fn is_wrong_use(&self) -> bool {
        matches!(
            self,
            Self::Untyped { .. } | Self::SameTable { .. } | Self::TableName { .. }
        )
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
            _ => with_causes(self),
        }
    }

    fn hint(&self, names: Names<'_>) -> Option<String> {
        let output = || names.of(Setting::Outputs);
        Some(match self {
            Self::UnknownKind { .. } => format!(
                "{} takes `jsonl:FILE`, `sqlite:FILE`, `parquet:FOLDER`, `kafka:TOPIC` and \
                 `postgres://USER@HOST/DATABASE`; write `./FILE` for a file with a colon in its name",
                output()
            ),
            Self::Compressed { .. } => format!(
                "{} compresses JSON lines in files that end in `.jsonl.gz` or `.jsonl.zst`",
                output()
            ),
            Self::TwoCompressions { .. } => {
                "bind outputs to one name of a file: its ending chooses the compression".to_owned()
            }
            Self::CompressedLetters { .. } => format!(
                "give {} a name that ends in `.jsonl`",
                names.of(Setting::DeadLetters)
            ),
            Self::NoTable { output, .. } => format!(
                "use {} `{output}=FILE.sqlite` or `{output}=postgres://USER@HOST/DATABASE`",
                names.of(Setting::Outputs)
            ),
            Self::TwoKinds { .. } => "give each kind a file of its own".to_owned(),
            Self::Query { .. } => {
                "a table is named by `?table=TABLE` after the file or folder; no other word is known there"
                    .to_owned()
            }
            Self::TableName { .. } => TABLE_NAMES.to_owned(),
            Self::TopicName { .. } => "a topic's name is 1 to 249 of `A-Za-z0-9._-`".to_owned(),
            Self::NotBuilt { feature, .. } => {
                format!("build it with `cargo build --release --features journal-host/{feature}`")
            }
            Self::Url { .. } => format!(
                "{} takes `postgres://USER@HOST/DATABASE?schema=SCHEMA&table=TABLE`; the password comes from \
                 `PGPASSWORD`, `~/.pgpass` or `password_file=FILE` after the `?`",
                output()
            ),
            Self::Postgres(error) => return error.hint(names),
            Self::NotAFolder { .. } => format!(
                "name a folder that does not exist yet, or write another kind: {} takes `jsonl:FILE`",
                output()
            ),
            Self::Folder { .. } => {
                "the folder has to be writable; it is created where the folder that it is in exists"
                    .to_owned()
            }
            Self::NotADatabase { .. } => format!(
                "{} takes `jsonl:FILE` for JSON lines, whatever the name of the file is",
                output()
            ),
            Self::NoFile { text } => format!("{} takes {}", output(), form(text)),
            Self::UnknownOutput { .. } | Self::BoundTwice { .. } => {
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
            Self::NotJsonLines { .. } => {
                "choose another file, end its last line, or remove it if nothing in it is needed".to_owned()
            }
            Self::NotMembers { .. } => {
                "choose another file, or remove it if nothing in it is needed; `gzip -t` and `zstd -t` find damage in one"
                    .to_owned()
            }
            Self::Repair { .. } => return None,
        })
    }

    fn is_wrong_use(&self) -> bool {
        matches!(
            self,
            Self::NoFile { .. }
                | Self::UnknownOutput { .. }
                | Self::BoundTwice { .. }
                | Self::UnknownKind { .. }
                | Self::Compressed { .. }
                | Self::TwoCompressions { .. }
                | Self::CompressedLetters { .. }
                | Self::TwoKinds { .. }
                | Self::NoTable { .. }
                | Self::Query { .. }
                | Self::TableName { .. }
                | Self::TopicName { .. }
                | Self::NotBuilt { .. }
                | Self::Url { .. }
        )
    }
}

impl Explain for RedriveError {
    fn sentence(&self, names: Names<'_>) -> String {
        match self {
            Self::Lock(source) => source.sentence(names),
            Self::Open { .. } | Self::NotAFile { .. } | Self::Replace { .. } => with_causes(self),
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

    #[test]
    fn bindings_that_no_database_takes_are_wrong_use() {
        let untyped = SqliteError::from(TableError::Untyped {
            output: "a".to_owned(),
        });
        assert!(SinkError::from(untyped).is_wrong_use());
        let same = TableError::SameTable {
            database: "x.sqlite".to_owned(),
            table: "t".to_owned(),
            first: "a".to_owned(),
            second: "b".to_owned(),
        };
        assert!(SinkError::from(same).is_wrong_use());
        let changed = TableError::OtherSchema {
            database: "x.sqlite".to_owned(),
            table: "t".to_owned(),
            statements: vec![
                "ALTER TABLE t ADD a".to_owned(),
                "ALTER TABLE t ADD b".to_owned(),
            ],
            fixed: Vec::new(),
        };
        let changed = SinkError::from(changed);
        assert!(!changed.is_wrong_use(), "the database may be mended");
        let sentence = changed.sentence(Names(&Origins::default()));
        let statements = ". It takes: ALTER TABLE t ADD a; ALTER TABLE t ADD b;";
        assert!(sentence.ends_with(statements), "{sentence}");
    }
}
