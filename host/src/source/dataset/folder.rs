//! The files of a dataset.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::error::{Error, Reason};
use super::file::About;
use super::table::{Main, Relation};
use crate::text;

/// What is read, and how.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// The folder.
    pub(crate) folder: PathBuf,
    /// The tables that are left out.
    pub(crate) without: Vec<String>,
}

/// A dataset whose files are listed.
#[derive(Debug)]
pub(crate) struct Folder {
    pub(super) path: PathBuf,
    without: Vec<String>,
    /// The names of the files of each table that is there, sorted.
    files: BTreeMap<&'static str, Vec<String>>,
}

/// A file of a main table, with the files of its relations.
#[derive(Clone, Debug)]
pub(super) struct MainFile {
    pub(super) table: Main,
    /// Its number among the files of its table.
    pub(super) number: u32,
    pub(super) path: PathBuf,
    pub(super) rows: u64,
    /// Bytes of all its files.
    pub(super) bytes: u64,
    /// The relations that are read, with their files.
    pub(super) relations: Vec<(Relation, PathBuf)>,
}

impl Folder {
    /// Lists the files of a dataset.
    ///
    /// # Errors
    /// When the folder cannot be read, or is no dataset.
    pub(crate) fn open(options: &Options) -> Result<Self, Error> {
        let path = options.folder.clone();
        let mut files = BTreeMap::new();
        let mut is_parquet = false;
        // A folder that is not there is named, and not the tables in it.
        list(&path)?;
        let mains = Main::ALL.iter().map(|main| main.name());
        let relations = Main::ALL.iter().flat_map(|main| main.relations());
        for table in mains.chain(relations.map(|relation| relation.name())) {
            let names = match list(&path.join(table)) {
                Err(Error::Folder { source, .. }) if is_missing(&source) => continue,
                names => names?,
            };
            let is_parquet_file = |name: &String| name.ends_with(".parquet");
            is_parquet |= names.iter().any(is_parquet_file);
            let is_orc = |name: &String| is_orc(&path.join(table).join(name), name);
            let names: Vec<String> = names.into_iter().filter(is_orc).collect();
            if !names.is_empty() {
                files.insert(table, names);
            }
        }
        if files.is_empty() {
            return Err(if is_parquet {
                Error::Parquet(path)
            } else {
                Error::NoTable(path)
            });
        }
        let without = options.without.clone();
        Ok(Self {
            path,
            without,
            files,
        })
    }

    /// Whether a table is there.
    pub(super) fn has(&self, table: Main) -> bool {
        self.files.contains_key(table.name())
    }

    /// The files of a main table, with those of its relations. Warns of what is missing.
    ///
    /// # Errors
    /// When the table is out of step, or a file cannot be read.
    pub(super) fn read(&self, table: Main) -> Result<Vec<MainFile>, Error> {
        let mut relations = Vec::new();
        for &relation in table.relations() {
            if self.is_left_out(relation) {
                continue;
            }
            if let Some(files) = self.files.get(relation.name()) {
                relations.push((relation, files));
            } else {
                tracing::warn!(
                    "the dataset has no table `{}`: records of the type `{}` lack what it holds",
                    relation.name(),
                    table.name()
                );
            }
        }
        let names = self.files.get(table.name()).map_or(&[][..], Vec::as_slice);
        for &(relation, files) in &relations {
            in_step(table, names, relation, files)
                .map_err(|reason| self.out_of_step(relation.name(), reason, true))?;
        }
        let mut missing = BTreeMap::new();
        let files = (0..).zip(names).map(|(number, name)| {
            let own = relations.iter().map(|(relation, _)| *relation);
            self.file(table, number, name, own.collect(), &mut missing)
        });
        let files = files.collect::<Result<Vec<MainFile>, Error>>()?;
        for (table, columns) in missing {
            let columns = text::list(columns);
            tracing::info!("columns that files of the table `{table}` do not have: {columns}");
        }
        Ok(files)
    }

    fn file(
        &self,
        table: Main,
        number: u32,
        name: &str,
        relations: Vec<Relation>,
        missing: &mut BTreeMap<&'static str, Vec<&'static str>>,
    ) -> Result<MainFile, Error> {
        let path = self.path.join(table.name()).join(name);
        let mut add = |table: &'static str, about: &About| {
            let known: &mut Vec<&'static str> = missing.entry(table).or_default();
            let is_new = |column: &&&'static str| !known.contains(*column);
            let new: Vec<&'static str> = about.missing.iter().filter(is_new).copied().collect();
            known.extend(new);
            if known.is_empty() {
                missing.remove(table);
            }
        };
        let about = About::read(&path, table.columns())?;
        let needed = table.needed().iter();
        refuse_missing(&path, &about, needed.copied())?;
        add(table.name(), &about);
        let mut bytes = bytes(&path);
        let mut own = Vec::new();
        for relation in relations {
            let Some(uuid) = uuid(table.name(), name) else {
                continue;
            };
            let other = format!("{}-{uuid}.orc", relation.name());
            let related = self.path.join(relation.name()).join(&other);
            let of_relation = About::read(&related, relation.columns())?;
            for (table, name, about) in [
                (table.name(), name, &about),
                (relation.name(), &other, &of_relation),
            ] {
                if let Some(said) = about.uuid.as_ref().filter(|said| **said != uuid) {
                    let (file, uuid) = (name.to_owned(), said.clone());
                    let reason = Reason::Renamed { file, uuid };
                    let is_relation = table == relation.name();
                    return Err(self.out_of_step(table, reason, is_relation));
                }
            }
            let needed = relation.columns().iter().map(|column| column.name);
            refuse_missing(&related, &of_relation, needed)?;
            bytes += self::bytes(&related);
            own.push((relation, related));
        }
        Ok(MainFile {
            table,
            number,
            path,
            rows: about.rows,
            bytes,
            relations: own,
        })
    }

    fn is_left_out(&self, relation: Relation) -> bool {
        self.without.iter().any(|name| name == relation.name())
    }

    fn out_of_step(&self, table: &'static str, reason: Reason, is_relation: bool) -> Error {
        Error::OutOfStep {
            folder: self.path.clone(),
            table,
            reason,
            is_relation,
        }
    }
}

/// What tells files from others: the digest of their tables, names and sizes. A position in one list of files is none in
/// another.
pub(super) fn digest(files: &[MainFile]) -> String {
    let mut digest = Sha256::new();
    for file in files {
        let name = file.path.file_name().unwrap_or_default();
        let name = name.as_encoded_bytes();
        let table = file.table.name();
        digest.update(format!(
            "{table} {} {} {} ",
            file.rows,
            file.bytes,
            name.len()
        ));
        digest.update(name);
    }
    let digest = format!("{:x}", digest.finalize());
    digest[..16].to_owned()
}

/// Whether each file of the main table has one of the relation, and the other way round.
fn in_step(
    table: Main,
    names: &[String],
    relation: Relation,
    related: &[String],
) -> Result<(), Reason> {
    let mut expected = Vec::new();
    for name in names {
        let Some(uuid) = uuid(table.name(), name) else {
            return Err(Reason::Name(name.clone()));
        };
        expected.push(format!("{}-{uuid}.orc", relation.name()));
    }
    // Both are sorted, and a dataset has many files.
    expected.sort_unstable();
    let is_missing = |name: &&String| related.binary_search(name).is_err();
    if let Some(missing) = expected.iter().find(is_missing) {
        return Err(Reason::Missing(missing.clone()));
    }
    let is_extra = |name: &&String| expected.binary_search(name).is_err();
    match related.iter().find(is_extra) {
        Some(extra) => Err(Reason::Extra(extra.clone())),
        None => Ok(()),
    }
}

/// The UUID in the name of a file, if it is named as upstream does.
fn uuid<'a>(table: &str, name: &'a str) -> Option<&'a str> {
    let rest = name.strip_prefix(table)?.strip_prefix('-')?;
    let uuid = rest.strip_suffix(".orc")?;
    let is_uuid = uuid.len() == 36
        && uuid.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    is_uuid.then_some(uuid)
}

fn refuse_missing(
    path: &Path,
    about: &About,
    mut needed: impl Iterator<Item = &'static str>,
) -> Result<(), Error> {
    match needed.find(|column| about.missing.contains(column)) {
        None => Ok(()),
        Some(column) => Err(Error::NoColumn {
            file: path.to_owned(),
            column,
        }),
    }
}

/// Whether a file is one of ORC: by its name, or by its first bytes, because Athena gives its files no suffix.
fn is_orc(path: &Path, name: &str) -> bool {
    if name.starts_with(['.', '_']) {
        return false;
    }
    if path.extension().is_some_and(|suffix| suffix == "orc") {
        return true;
    }
    let mut begin = [0; 3];
    let read =
        fs::File::open(path).and_then(|mut file| io::Read::read_exact(&mut file, &mut begin));
    read.is_ok() && begin == *b"ORC"
}

/// The names of the files in a folder, sorted.
fn list(folder: &Path) -> Result<Vec<String>, Error> {
    let cannot = |source| {
        let folder = folder.to_owned();
        Error::Folder { folder, source }
    };
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(cannot)? {
        let entry = entry.map_err(cannot)?;
        if entry.path().is_file()
            && let Ok(name) = entry.file_name().into_string()
        {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// Whether a table has no folder.
fn is_missing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

fn bytes(path: &Path) -> u64 {
    path.metadata().map_or(0, |metadata| metadata.len())
}
