//! The binding of an output to its destination: `[NAME=][KIND:]DESTINATION`.

use std::path::PathBuf;

use journal_recording::is_topic_name;

use super::jsonl::{Compression, OpenError};
use super::open::same_file;
use super::parquet::{self, Location};
use super::postgres::{self, Url};

/// One output with its destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Binding {
    /// The output; if absent, all outputs without a binding of their own.
    pub(super) output: Option<String>,
    /// Where its rows go.
    pub(super) target: Target,
}

/// A destination as the operator names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// JSON lines.
    Lines {
        /// The file; `-` is standard output.
        file: String,
        /// The format that its name promises.
        compression: Option<Compression>,
    },
    /// A table of a SQLite database.
    Sqlite {
        /// The database.
        file: String,
        /// The table; if absent, the one with the output's name.
        table: Option<String>,
    },
    /// A topic of the cluster that is read.
    Topic(String),
    /// A table of a PostgreSQL database.
    Postgres(Box<Url>),
    /// A table of a folder of Parquet files.
    Parquet(Location),
}

/// Endings of files that are SQLite databases.
const SQLITE: [&str; 3] = [".sqlite", ".sqlite3", ".db"];
/// The ending of folders of Parquet files, which many readers take for one.
const PARQUET: &str = ".parquet";
/// The ending of files in a format that is not written.
const XZ: &str = ".xz";

impl Binding {
    /// The text before the first `=` is the output's name if it is a valid name, so that `./a=b` is a file. A word
    /// before the first `:` is the kind of the destination, so that `./a:b` is a file. Small and large letters are one in
    /// kinds and in the endings of names.
    pub(super) fn parse(text: &str) -> Result<Self, OpenError> {
        let (output, target) = split_output(text);
        Ok(Self {
            output: output.map(str::to_owned),
            target: Target::parse(text, target)?,
        })
    }
}

impl Target {
    /// A file of lines that are not compressed, whatever its name is.
    pub(super) fn plain_lines(file: &str) -> Self {
        Self::Lines {
            file: file.to_owned(),
            compression: None,
        }
    }

    /// The name of its table or topic, if that is not its output's.
    pub(super) fn table(&self) -> Option<&str> {
        match self {
            Self::Lines { .. } => None,
            Self::Sqlite { table, .. } => table.as_deref(),
            Self::Topic(topic) => Some(topic),
            Self::Postgres(url) => url.table.as_deref(),
            Self::Parquet(location) => location.table.as_deref(),
        }
    }

    /// Whether both are one file or database, or one topic.
    pub(super) fn is_same_destination(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Lines { file, .. }, Self::Lines { file: other, .. })
            | (Self::Sqlite { file, .. }, Self::Sqlite { file: other, .. }) => {
                same_file(file, other)
            }
            (Self::Postgres(url), Self::Postgres(other)) => url.is_same_database(other),
            (Self::Topic(topic), Self::Topic(other)) => topic == other,
            (Self::Parquet(one), Self::Parquet(other)) => same_file(&one.folder, &other.folder),
            _ => false,
        }
    }

    /// Whether it is a table of the SQLite database in this file.
    pub(super) fn is_in_file(&self, database: &str) -> bool {
        matches!(self, Self::Sqlite { file, .. } if same_file(file, database))
    }

    /// Whether it is a table of this database of a server.
    pub(super) fn is_in_server(&self, database: &Url) -> bool {
        matches!(self, Self::Postgres(url) if url.is_same_database(database))
    }

    /// Whether it is a table of this folder of Parquet files.
    pub(super) fn is_in_folder(&self, folder: &Location) -> bool {
        matches!(self, Self::Parquet(other) if same_file(&other.folder, &folder.folder))
    }

    /// Reads what a binding names after its output. `binding` is the whole text, for the error.
    fn parse(binding: &str, text: &str) -> Result<Self, OpenError> {
        let unknown = |kind: &str| OpenError::UnknownKind {
            text: binding.to_owned(),
            kind: kind.to_owned(),
        };
        let (kind, file) = split_kind(text);
        if file.is_empty() {
            return Err(OpenError::NoFile {
                text: binding.to_owned(),
            });
        }
        match kind.map(str::to_ascii_lowercase).as_deref() {
            Some("jsonl") => Self::lines(file),
            Some("sqlite") => Self::sqlite(binding, file),
            Some("kafka") if is_topic_name(file) => Ok(Self::Topic(file.to_owned())),
            Some("kafka") => Err(OpenError::TopicName {
                topic: file.to_owned(),
            }),
            Some("postgres" | "postgresql") => Ok(Self::Postgres(Box::new(postgres::url(file)?))),
            Some("parquet") => parquet::location(binding, file).map(Self::Parquet),
            Some(kind) => Err(unknown(kind)),
            None => {
                let path = file.split_once('?').map_or(file, |(path, _)| path);
                let is_database = |path: &str| SQLITE.iter().any(|ending| ends_with(path, ending));
                if is_database(path) {
                    return Self::sqlite(binding, file);
                }
                // With a slash, it is meant as a folder even more.
                if ends_with(path.trim_end_matches('/'), PARQUET) {
                    return parquet::location(binding, file).map(Self::Parquet);
                }
                match Compression::split_name(file) {
                    Some((stem, _)) if is_database(stem) || ends_with(stem, PARQUET) => {
                        Err(OpenError::Compressed {
                            file: file.to_owned(),
                        })
                    }
                    _ => Self::lines(file),
                }
            }
        }
    }

    fn lines(file: &str) -> Result<Self, OpenError> {
        if ends_with(file, XZ) {
            return Err(OpenError::Compressed {
                file: file.to_owned(),
            });
        }
        Ok(Self::Lines {
            file: file.to_owned(),
            compression: Compression::of_name(file),
        })
    }

    fn sqlite(binding: &str, text: &str) -> Result<Self, OpenError> {
        let (file, table) = file_and_table(binding, text)?;
        Ok(Self::Sqlite {
            file: file.to_owned(),
            table: table.map(str::to_owned),
        })
    }

    /// The file or folder that is written, if it is one.
    pub(super) fn file(&self) -> Option<&str> {
        match self {
            Self::Lines { file, .. } | Self::Sqlite { file, .. } => Some(file),
            Self::Parquet(location) => Some(&location.folder),
            Self::Topic(_) | Self::Postgres(_) => None,
        }
    }
}

/// The kind that a binding names, in small letters.
#[must_use]
pub fn kind(binding: &str) -> Option<String> {
    let (_, target) = split_output(binding);
    split_kind(target).0.map(str::to_ascii_lowercase)
}

/// Splits `NAME=DESTINATION`, where the name may be left out.
fn split_output(binding: &str) -> (Option<&str>, &str) {
    match binding.split_once('=') {
        Some((name, target)) if is_name(name) => (Some(name), target),
        _ => (None, binding),
    }
}

/// Splits `KIND:REST`, where the kind may be left out.
fn split_kind(target: &str) -> (Option<&str>, &str) {
    match target.split_once(':') {
        Some((kind, rest)) if is_kind(kind) => (Some(kind), rest),
        _ => (None, target),
    }
}

/// Splits `FILE?table=TABLE`, where the table may be left out. `binding` is the whole text, for the error.
pub(super) fn file_and_table<'a>(
    binding: &str,
    text: &'a str,
) -> Result<(&'a str, Option<&'a str>), OpenError> {
    let (file, table) = match text.split_once("?table=") {
        Some((file, table)) => (file, Some(table)),
        None if text.contains('?') => {
            return Err(OpenError::Query {
                text: text.to_owned(),
            });
        }
        None => (text, None),
    };
    if file.is_empty() {
        return Err(OpenError::NoFile {
            text: binding.to_owned(),
        });
    }
    if let Some(table) = table.filter(|table| !is_table(table)) {
        return Err(OpenError::TableName {
            table: table.to_owned(),
        });
    }
    Ok((file, table))
}

/// The files and folders that are written to by bindings, for whoever limits what a process may open. What is no binding names no
/// file.
pub fn files(bindings: &[String]) -> impl Iterator<Item = String> {
    targets(bindings).filter_map(|target| target.file().map(str::to_owned))
}

/// The files that are read for bindings: passwords and certificates.
pub fn read_files(bindings: &[String]) -> impl Iterator<Item = PathBuf> {
    targets(bindings).flat_map(|target| match target {
        Target::Postgres(url) => postgres::files(&url).collect(),
        Target::Lines { .. } | Target::Sqlite { .. } | Target::Topic(_) | Target::Parquet(_) => {
            Vec::new()
        }
    })
}

/// A binding as it may be shown: a password that somebody has written into a URL is left out.
#[must_use]
pub fn shown(binding: &str) -> String {
    let Some(start) = binding.find("://").map(|start| start + 3) else {
        return binding.to_owned();
    };
    let (begin, rest) = binding.split_at(start);
    let (authority, parameters) = match rest.find('?') {
        Some(end) => rest.split_at(end),
        None => (rest, ""),
    };
    // A password may have any of the characters that end it.
    let authority = match (authority.find(':'), authority.rfind('@')) {
        (Some(colon), Some(at)) if colon < at => {
            format!("{}:...{}", &authority[..colon], &authority[at..])
        }
        _ => authority.to_owned(),
    };
    let parameters = match parameters.find("password=") {
        Some(found) => {
            let (before, secret) = parameters.split_at(found);
            let after = secret.find('&').map_or("", |end| &secret[end..]);
            format!("{before}password=...{after}")
        }
        None => parameters.to_owned(),
    };
    format!("{begin}{authority}{parameters}")
}

/// The topics that bindings name.
pub fn topics(bindings: &[String]) -> impl Iterator<Item = String> {
    targets(bindings).filter_map(|target| match target {
        Target::Topic(topic) => Some(topic),
        _ => None,
    })
}

fn targets(bindings: &[String]) -> impl Iterator<Item = Target> {
    let parsed = bindings.iter().map(|text| Binding::parse(text));
    parsed.filter_map(Result::ok).map(|binding| binding.target)
}

/// Whether this is a valid name for an output of a plan: `[a-z][a-z0-9_-]{0,62}`.
fn is_name(text: &str) -> bool {
    let rest = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
    text.len() <= 63
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(rest)
}

/// Whether a text before `:` is meant as a kind: `C:` and paths are not.
fn is_kind(text: &str) -> bool {
    let rest = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'.' | b'-');
    text.len() > 1
        && text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(rest)
}

/// Whether a name ends with this, whatever the case of its letters.
pub(super) fn ends_with(name: &str, ending: &str) -> bool {
    without_ending(name, ending).is_some()
}

/// A name without an ending that it has, whatever the case of its letters.
pub(super) fn without_ending<'a>(name: &'a str, ending: &str) -> Option<&'a str> {
    let (stem, found) = name.split_at_checked(name.len().checked_sub(ending.len())?)?;
    found.eq_ignore_ascii_case(ending).then_some(stem)
}

/// Whether a table may have this name: those that begin as these are the host's and the database's.
pub(super) fn is_table(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    journal_rows::Column::is_name(name)
        && !lower.starts_with("sqlite_")
        && !lower.starts_with("journal_")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(file: &str) -> Target {
        Target::plain_lines(file)
    }

    fn sqlite(file: &str, table: Option<&str>) -> Target {
        Target::Sqlite {
            file: file.to_owned(),
            table: table.map(str::to_owned),
        }
    }

    #[test]
    fn name_and_destination_are_separated() {
        for (text, output, target) in [
            ("a.jsonl", None, lines("a.jsonl")),
            ("-", None, lines("-")),
            ("rows=-", Some("rows"), lines("-")),
            ("rows=a=b.jsonl", Some("rows"), lines("a=b.jsonl")),
            ("./rows=a", None, lines("./rows=a")),
            ("Rows=a", None, lines("Rows=a")),
            ("=a", None, lines("=a")),
            ("jsonl:a.sqlite", None, lines("a.sqlite")),
            ("rows=jsonl:-", Some("rows"), lines("-")),
            ("./a:b", None, lines("./a:b")),
            ("a.sqlite", None, sqlite("a.sqlite", None)),
            ("rows=d/a.db", Some("rows"), sqlite("d/a.db", None)),
            ("sqlite:a", None, sqlite("a", None)),
            (
                "rows=a.sqlite?table=Old",
                Some("rows"),
                sqlite("a.sqlite", Some("Old")),
            ),
        ] {
            let binding = Binding::parse(text).expect("it is a binding");
            assert_eq!(
                (binding.output.as_deref(), binding.target),
                (output, target)
            );
        }
        for text in ["", "rows=", "sqlite:", "rows=jsonl:", "sqlite:?table=a"] {
            let refused = Binding::parse(text);
            assert!(matches!(refused, Err(OpenError::NoFile { .. })), "{text}");
        }
        for table in ["", "a b", "journal_offsets", "SQLite_x"] {
            let refused = Binding::parse(&format!("a.db?table={table}"));
            assert!(
                matches!(refused, Err(OpenError::TableName { .. })),
                "{table}"
            );
        }
    }

    #[test]
    fn passwords_are_not_shown() {
        for (text, expected) in [
            ("rows=a:b@c", "rows=a:b@c"),
            ("postgres://me@h:1/d?table=t", "postgres://me@h:1/d?table=t"),
            (
                "r=postgres://me:se/c:r@et@h/d?x",
                "r=postgres://me:...@h/d?x",
            ),
            (
                "postgres://h/d?a=b&password=x&c=d",
                "postgres://h/d?a=b&password=...&c=d",
            ),
            (
                "postgres://h/d?password_file=x",
                "postgres://h/d?password_file=x",
            ),
        ] {
            assert_eq!(shown(text), expected);
        }
    }

    #[test]
    fn unknown_kinds_are_refused() {
        let refused = Binding::parse("rows=csv:a");
        assert!(
            matches!(&refused, Err(OpenError::UnknownKind { kind, .. }) if kind == "csv"),
            "{refused:?}"
        );
        assert_eq!(
            Binding::parse("rows=kafka:a.topic").unwrap().target,
            Target::Topic("a.topic".to_owned())
        );
        let refused = Binding::parse("kafka:a/b");
        assert!(matches!(refused, Err(OpenError::TopicName { .. })));
        let database = Binding::parse("rows=postgres://u@h/d?table=a=b");
        assert!(
            !matches!(database, Err(OpenError::UnknownKind { .. })),
            "{database:?}"
        );
        let query = Binding::parse("a.db?tabel=t");
        assert!(matches!(query, Err(OpenError::Query { .. })), "{query:?}");
    }

    #[test]
    fn kinds_and_endings_are_known_in_large_letters_too() {
        let target = |text: &str| Binding::parse(text).map(|binding| binding.target);
        assert_eq!(target("SQLITE:c.x").unwrap(), sqlite("c.x", None));
        assert_eq!(target("rows=B.SQLite").unwrap(), sqlite("B.SQLite", None));
        assert_eq!(target("jsonL:A.db").unwrap(), lines("A.db"));
        let compressed = |file: &str, compression| Target::Lines {
            file: file.to_owned(),
            compression: Some(compression),
        };
        let gzip = compressed("a.JSONL.GZ", Compression::Gzip);
        assert_eq!(target("a.JSONL.GZ").unwrap(), gzip);
        let zstd = compressed("a.Zst", Compression::Zstd);
        assert_eq!(target("a.Zst").unwrap(), zstd);
        for refused in ["CSV:a", "Kafka:a/b", "a.XZ", "a.DB.gz", "a.db.GZ"] {
            assert!(target(refused).is_err(), "{refused}");
        }
        assert_eq!(target("./SQLITE:c").unwrap(), lines("./SQLITE:c"));
        assert_eq!(target("\u{e9}gz").unwrap(), lines("\u{e9}gz"));
    }

    #[test]
    fn name_chooses_the_compression_of_lines() {
        for (text, expected) in [
            ("rows=a.jsonl.zst", Some(Compression::Zstd)),
            ("a.jsonl.gz", Some(Compression::Gzip)),
            ("jsonl:a.gz", Some(Compression::Gzip)),
            ("jsonl:a.db.zst", Some(Compression::Zstd)),
            ("a.zst.jsonl", None),
            ("jsonl:-", None),
        ] {
            match Binding::parse(text).unwrap().target {
                Target::Lines { compression, .. } => assert_eq!(compression, expected, "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
        // Whoever names these expects what is not written.
        for text in ["a.jsonl.xz", "jsonl:a.xz", "rows=a.db.gz", "a.parquet.zst"] {
            let refused = Binding::parse(text);
            assert!(
                matches!(refused, Err(OpenError::Compressed { .. })),
                "{text}: {refused:?}"
            );
        }
    }

    #[cfg(feature = "parquet")]
    #[test]
    fn folder_of_parquet_files_is_chosen_by_its_kind_or_its_name() {
        for (text, folder, table) in [
            ("parquet:d", "d", None),
            ("rows=d/a.parquet", "d/a.parquet", None),
            ("a.parquet/", "a.parquet/", None),
            ("parquet:d?table=t", "d", Some("t")),
        ] {
            let Target::Parquet(location) = Binding::parse(text).unwrap().target else {
                panic!("{text}");
            };
            assert_eq!(
                (&*location.folder, location.table.as_deref()),
                (folder, table)
            );
        }
        for table in ["journal_x", "_journal", "_Journal", "_recordings"] {
            let refused = Binding::parse(&format!("parquet:d?table={table}"));
            assert!(
                matches!(refused, Err(OpenError::TableName { .. })),
                "{refused:?}"
            );
        }
    }

    #[cfg(not(feature = "parquet"))]
    #[test]
    fn build_without_parquet_says_which_feature_is_missing() {
        for text in ["parquet:d", "rows=a.parquet"] {
            let refused = Binding::parse(text);
            let feature = "parquet";
            assert!(
                matches!(&refused, Err(OpenError::NotBuilt { feature: one, .. }) if *one == feature),
                "{refused:?}"
            );
        }
    }
}
