//! The files of a dataset.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::error::{Error, Reason};
use super::file::About;
use super::related::RelatedFile;
use super::sort::{Input, Known, OutOfStep, SortOptions, make_folder};
use super::table::{Column, Main, Relation};
use crate::text;

/// What is read, and how.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// The folder.
    pub(crate) folder: PathBuf,
    /// The tables that are left out.
    pub(crate) without: Vec<String>,
    /// How tables are sorted that are out of step.
    pub(crate) sort: SortOptions,
}

/// A dataset whose files are listed.
#[derive(Debug)]
pub(crate) struct Folder {
    pub(super) path: PathBuf,
    without: Vec<String>,
    sort: SortOptions,
    sorted: Known,
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
    /// Bytes of it, and of the files that are in step with it.
    pub(super) bytes: u64,
    /// The same with its part of the files that were sorted.
    pub(super) work: u64,
    /// The relations that are read.
    pub(super) relations: Vec<RelatedFile>,
}

/// A file of a table, with what it says of itself.
struct Listed {
    input: Input,
    name: String,
    /// The UUID that its metadata names.
    uuid: Option<String>,
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
        let folder = Self {
            path,
            without: options.without.clone(),
            sort: options.sort.clone(),
            sorted: Known::default(),
            files,
        };
        folder.prepare_sort();
        Ok(folder)
    }

    /// Whether a table is there.
    pub(super) fn has(&self, table: Main) -> bool {
        self.files.contains_key(table.name())
    }

    /// Makes the folder for sorts, if there may be one: a process that is confined cannot do it later, and whether tables are
    /// in step is in the files as well. A failure is found when it is used.
    fn prepare_sort(&self) {
        let may_be_sorted =
            |main: Main| self.files.contains_key(main.name()) && !self.relations(main).is_empty();
        if !self.sort.is_dry_run && Main::ALL.into_iter().any(may_be_sorted) {
            let _made = make_folder(&self.sort.folder);
        }
    }

    fn names(&self, table: &str) -> &[String] {
        self.files.get(table).map_or(&[], Vec::as_slice)
    }

    /// The relations of a table that are there and read.
    fn relations(&self, table: Main) -> Vec<Relation> {
        let relations = table.relations().iter().copied();
        let is_read = |relation: &Relation| {
            !self.is_left_out(*relation) && self.files.contains_key(relation.name())
        };
        relations.filter(is_read).collect()
    }

    /// The files of a main table, with those of its relations. Warns of what is missing, and sorts what is out of step.
    ///
    /// # Errors
    /// When a file cannot be read, or what is out of step cannot be sorted.
    pub(super) fn read(&self, table: Main) -> Result<Vec<MainFile>, Error> {
        let relations = self.relations(table);
        let is_missing =
            |relation: &&Relation| !self.is_left_out(**relation) && !relations.contains(relation);
        for relation in table.relations().iter().filter(is_missing) {
            tracing::warn!(
                "the dataset has no table `{}`: records of the type `{}` lack what it holds",
                relation.name(),
                table.name()
            );
        }
        let mains = self.listed(table.name(), table.columns(), table.needed())?;
        let number = |(number, file): (u32, &Listed)| MainFile {
            table,
            number,
            path: file.input.path.clone(),
            rows: file.input.rows,
            bytes: bytes(&file.input.path),
            work: bytes(&file.input.path),
            relations: Vec::new(),
        };
        let mut files: Vec<MainFile> = (0..).zip(&mains).map(number).collect();
        for relation in relations {
            self.relate(&mut files, &mains, relation)?;
        }
        Ok(files)
    }

    /// Adds a relation to the files of its main table.
    fn relate(
        &self,
        files: &mut [MainFile],
        mains: &[Listed],
        relation: Relation,
    ) -> Result<(), Error> {
        let Some(main) = files.first().map(|file| file.table) else {
            return Ok(());
        };
        let columns = relation.columns();
        let needed: Vec<&'static str> = columns.iter().map(|column| column.name).collect();
        let listed = self.listed(relation.name(), columns, &needed)?;
        let names = [main.name(), relation.name()].map(|table| self.names(table));
        let reason = in_step(main, names[0], relation, names[1]);
        let reason = reason.and_then(|()| same_uuids(main, mains, relation, &listed));
        if let Err(reason) = &reason {
            check_whole(main, relation, names[1], reason)?;
        }
        let Err(reason) = reason else {
            for file in files {
                // There is one, by its name.
                let name = file.path.file_name().and_then(|name| name.to_str());
                let uuid = name.and_then(|name| uuid(main.name(), name));
                let other = related_name(relation, uuid.unwrap_or_default());
                let path = self.path.join(relation.name()).join(other);
                file.bytes += bytes(&path);
                file.work += bytes(&path);
                file.relations.push(RelatedFile::InStep(relation, path));
            }
            return Ok(());
        };
        let [mains, inputs] = [mains, &listed].map(|listed| {
            let inputs = listed.iter().map(|file| file.input.clone());
            inputs.collect::<Vec<Input>>()
        });
        let out_of_step = OutOfStep {
            main,
            mains: &mains,
            relation,
            files: &inputs,
            reason,
        };
        let Some(kept) = out_of_step.sorted(&self.sort, &self.sorted)? else {
            return Ok(());
        };
        let all = mains.iter().map(|main| main.rows).sum::<u64>().max(1);
        let mut first_row = 0;
        for file in files {
            let part = u128::from(kept.bytes()) * u128::from(file.rows) / u128::from(all);
            file.work += u64::try_from(part).unwrap_or_default();
            let kept = Arc::clone(&kept);
            file.relations.push(RelatedFile::Sorted { kept, first_row });
            first_row += file.rows;
        }
        Ok(())
    }

    /// The files of a table, with what they say of themselves. Says which columns are missing.
    fn listed(
        &self,
        table: &'static str,
        columns: &'static [Column],
        needed: &[&'static str],
    ) -> Result<Vec<Listed>, Error> {
        let mut listed = Vec::new();
        let mut missing: Vec<&'static str> = Vec::new();
        for name in self.names(table) {
            let path = self.path.join(table).join(name);
            let about = About::read(&path, columns)?;
            if let Some(column) = needed.iter().find(|column| about.missing.contains(column)) {
                return Err(Error::NoColumn { file: path, column });
            }
            for column in about.missing {
                if !missing.contains(&column) {
                    missing.push(column);
                }
            }
            let (rows, uuid) = (about.rows, about.uuid);
            listed.push(Listed {
                input: Input { path, rows },
                name: name.clone(),
                uuid,
            });
        }
        if !missing.is_empty() {
            let columns = text::list(missing);
            tracing::info!("columns that files of the table `{table}` do not have: {columns}");
        }
        Ok(listed)
    }

    fn is_left_out(&self, relation: Relation) -> bool {
        self.without.iter().any(|name| name == relation.name())
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
        for related in &file.relations {
            if let RelatedFile::Sorted { kept, .. } = related {
                digest.update(kept.digest());
            }
        }
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
        expected.push(related_name(relation, uuid));
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

/// Refuses tables whose files are all named as they are exported, and of which one was not copied: nothing else would say
/// that objects lack their rows.
fn check_whole(
    table: Main,
    relation: Relation,
    related: &[String],
    reason: &Reason,
) -> Result<(), Error> {
    let uuid_of = |name: &String| uuid(relation.name(), name).map(str::to_owned);
    if related.iter().any(|name| uuid_of(name).is_none()) {
        return Ok(());
    }
    let (missing, of, missing_of) = match reason {
        Reason::Missing(file) => (file.clone(), table.name(), relation.name()),
        Reason::Extra(file) => {
            let uuid = uuid_of(file).unwrap_or_default();
            let file = format!("{}-{uuid}.orc", table.name());
            (file, relation.name(), table.name())
        }
        Reason::Name(_) | Reason::Renamed { .. } => return Ok(()),
    };
    Err(Error::Incomplete {
        file: missing,
        table: missing_of,
        other: of,
        relation: relation.name(),
    })
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

/// The name of the file of a relation that has the UUID.
fn related_name(relation: Relation, uuid: &str) -> String {
    format!("{}-{uuid}.orc", relation.name())
}

/// Whether the metadata of the files name the same UUIDs as the names.
fn same_uuids(
    main: Main,
    mains: &[Listed],
    relation: Relation,
    related: &[Listed],
) -> Result<(), Reason> {
    for (table, files) in [(main.name(), mains), (relation.name(), related)] {
        for file in files {
            let named = uuid(table, &file.name);
            let said = file.uuid.as_deref().filter(|said| Some(*said) != named);
            if let Some(said) = said {
                return Err(Reason::Renamed {
                    file: file.name.clone(),
                    uuid: said.to_owned(),
                });
            }
        }
    }
    Ok(())
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

/// Whether a file is not there, or no folder that it could be in.
pub(super) fn is_missing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

fn bytes(path: &Path) -> u64 {
    path.metadata().map_or(0, |metadata| metadata.len())
}
