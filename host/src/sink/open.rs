//! Opens the destinations that the outputs of a run are bound to.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::binding::{Binding, Target};
use super::files::Files;
use super::jsonl::{self, Destinations, OpenError};
use super::kafka::TopicSinks;
use super::parquet::{self, Location};
use super::postgres::{self, Url};
use super::sqlite::{self, Database};
use super::tables::{Owner, Table};
use super::{SinkError, SinkFactory};
use crate::journal::plan::{Kind, Output};
use crate::kafka::Settings;
use crate::text;

pub use super::jsonl::State;

/// A folder of Parquet files in messages. Its rows never change, so that none replaces another one.
const IN_FOLDER: &str = "a folder of Parquet files";

/// The destinations of a run.
pub struct Opened {
    /// One for all files of JSON lines, one for each database, and one for each folder of Parquet files.
    pub destinations: Vec<Box<dyn SinkFactory>>,
    /// For each output, the index of its destination.
    pub indexes: Vec<usize>,
}

/// A destination, and whether it could be written to.
#[derive(Debug)]
pub struct Destination {
    /// Its name in messages.
    pub name: String,
    /// What a run would do with it.
    pub state: Result<State, OpenError>,
    /// Whether it is a file with content, which may be rows.
    pub has_content: bool,
}

/// Why destinations could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// A binding is wrong, or a file cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A database cannot be opened.
    #[error(transparent)]
    Sink(#[from] SinkError),
}

/// Opens and locks what `bindings` name, each `[NAME=][KIND:]DESTINATION`; `-` is standard output.
///
/// An output without a binding goes to the destination of the binding without a name, or to standard output if there is
/// none. Topics are of the `cluster` that is read.
///
/// # Errors
/// When the bindings do not fit the outputs, or a destination cannot be opened or locked.
pub fn open(
    files: &Arc<dyn Files>,
    bindings: &[String],
    outputs: &[Output],
    owner: &Owner,
    cluster: Option<&Settings>,
) -> Result<Opened, BindError> {
    let bindings = parse(bindings)?;
    check_bindings(outputs, &bindings)?;
    check_kinds(outputs, &bindings)?;
    let standard = Binding {
        output: None,
        target: Target::plain_lines("-"),
    };
    let targets: Vec<&Target> = outputs
        .iter()
        .map(|output| target_of(output, &bindings).unwrap_or(&standard.target))
        .collect();
    let mut destinations: Vec<Box<dyn SinkFactory>> = Vec::new();
    let mut indexes = vec![0; outputs.len()];
    let is_lines = |target: &Target| matches!(target, Target::Lines { .. });
    let lines: Vec<Binding> = bindings
        .iter()
        .filter(|binding| is_lines(&binding.target))
        .cloned()
        .collect();
    let of_lines: Vec<Output> = outputs
        .iter()
        .zip(&targets)
        .filter(|(_, target)| is_lines(target))
        .map(|(output, _)| output.clone())
        .collect();
    check_files(&lines, &bindings)?;
    if !lines.is_empty() || !of_lines.is_empty() {
        destinations.push(Box::new(Destinations::bound(files, &lines, &of_lines)?));
    }
    let mut add = |is_bound: &dyn Fn(&Target) -> bool, destination| {
        for (index, target) in indexes.iter_mut().zip(&targets) {
            if is_bound(target) {
                *index = destinations.len();
            }
        }
        destinations.push(destination);
    };
    let tables = |is_bound: &dyn Fn(&Target) -> bool| tables(outputs, &targets, is_bound);
    for database in databases(&bindings) {
        let is_bound = |target: &Target| target.is_in_file(database);
        let opened = Database::open(database, &tables(&is_bound), owner.clone());
        add(&is_bound, Box::new(opened.map_err(SinkError::from)?));
    }
    for server in servers(&bindings) {
        let is_bound = |target: &Target| target.is_in_server(server);
        let opened = postgres::open(server, &tables(&is_bound), owner.clone());
        add(&is_bound, opened.map_err(SinkError::from)?);
    }
    for folder in folders(&bindings) {
        let is_bound = |target: &Target| target.is_in_folder(folder);
        let opened = parquet::open(files, folder, &tables(&is_bound), owner.clone());
        add(&is_bound, opened.map_err(SinkError::from)?);
    }
    let is_bound = |target: &Target| matches!(target, Target::Topic(_));
    let topics = tables(&is_bound);
    if !topics.is_empty() {
        let topics = TopicSinks::find(cluster, &topics, owner.group.as_deref());
        add(&is_bound, Box::new(topics.map_err(SinkError::from)?));
    }
    Ok(Opened {
        destinations,
        indexes,
    })
}

/// The outputs whose targets these are, with the names of their tables or topics where these are not their own.
fn tables<'a>(
    outputs: impl IntoIterator<Item = &'a Output>,
    targets: &[&'a Target],
    is_bound: &dyn Fn(&Target) -> bool,
) -> Vec<(&'a Output, Option<&'a str>)> {
    let all = outputs.into_iter().zip(targets);
    all.filter(|(_, target)| is_bound(target))
        .map(|(output, target)| (output, target.table()))
        .collect()
}

/// Refuses to bind an output that needs a table to something else.
fn check_kinds(outputs: &[Output], bindings: &[Binding]) -> Result<(), OpenError> {
    for output in outputs {
        let destination = match target_of(output, bindings) {
            Some(Target::Sqlite { .. } | Target::Postgres(_)) => continue,
            Some(Target::Parquet(_)) => IN_FOLDER,
            Some(Target::Topic(_)) => "a topic",
            Some(Target::Lines { file, .. }) if file != "-" => "a file of JSON lines",
            Some(Target::Lines { .. }) | None => "standard output",
        };
        let is_in_folder = destination == IN_FOLDER;
        if matches!(output.kind, Kind::Unique(_))
            || is_in_folder && matches!(output.kind, Kind::Upsert(_))
        {
            return Err(OpenError::NoTable {
                output: output.name.clone(),
                destination,
            });
        }
    }
    Ok(())
}

/// Refuses a file that is a database, too.
fn check_files(lines: &[Binding], bindings: &[Binding]) -> Result<(), OpenError> {
    let databases = databases(bindings);
    let files = lines.iter().filter_map(|binding| binding.target.file());
    for file in files {
        if databases.iter().any(|database| same_file(file, database)) {
            return Err(OpenError::TwoKinds {
                file: file.to_owned(),
            });
        }
    }
    Ok(())
}

/// Checks the destinations that `bindings` name, each once, and whether they fit the outputs where these are known, without
/// creating or changing anything. Standard output is not among them, and servers are left to [`check_tables`] where the
/// outputs are known.
///
/// # Errors
/// When the bindings do not fit the outputs.
pub fn check(
    bindings: &[String],
    outputs: Option<&[Output]>,
) -> Result<Vec<Destination>, BindError> {
    let bindings = parse(bindings)?;
    if let Some(outputs) = outputs {
        check_bindings(outputs, &bindings)?;
        check_kinds(outputs, &bindings)?;
        for output in outputs {
            if let Some(
                target @ (Target::Sqlite { .. } | Target::Postgres(_) | Target::Parquet(_)),
            ) = target_of(output, &bindings)
            {
                Table::of(output, target.table()).map_err(SinkError::from)?;
            }
        }
    }
    let mut named: Vec<&Target> = Vec::new();
    for Binding { target, .. } in &bindings {
        let is_known = named.iter().any(|known| known.is_same_destination(target));
        if !is_known && target.file() != Some("-") {
            named.push(target);
        }
    }
    let found = named.into_iter();
    Ok(found
        .filter_map(|target| destination(target, outputs.is_some()))
        .collect())
}

/// The databases and folders among the destinations that would not take the rows of these outputs, by the names that [`check`] gives
/// them, with the reasons. The bindings fit the outputs, and nothing is changed.
///
/// # Errors
/// When a binding is wrong.
pub fn check_tables(
    bindings: &[String],
    outputs: &[Output],
    owner: &Owner,
) -> Result<Vec<(String, SinkError)>, BindError> {
    let bindings = parse(bindings)?;
    let bound = outputs
        .iter()
        .filter_map(|output| Some((output, target_of(output, &bindings)?)));
    let (outputs, targets): (Vec<_>, Vec<_>) = bound.unzip();
    let mut refused = Vec::new();
    for database in databases(&bindings) {
        let tables = tables(outputs.iter().copied(), &targets, &|one| {
            one.is_in_file(database)
        });
        if let Err(error) = sqlite::check(database, &tables, owner) {
            refused.push((format!("`{database}`"), error.into()));
        }
    }
    for server in servers(&bindings) {
        let tables = tables(outputs.iter().copied(), &targets, &|one| {
            one.is_in_server(server)
        });
        if let Err(error) = postgres::check_tables(server, &tables, owner) {
            refused.push((format!("`{server}`"), error.into()));
        }
    }
    for folder in folders(&bindings) {
        let tables = tables(outputs.iter().copied(), &targets, &|one| {
            one.is_in_folder(folder)
        });
        if let Err(error) = parquet::check_tables(folder, &tables, owner) {
            refused.push((format!("`{folder}`"), error.into()));
        }
    }
    Ok(refused)
}

/// A destination, and what a run would do with it. A topic is looked at with its cluster, and a server with its tables where
/// these are known.
fn destination(target: &Target, has_tables: bool) -> Option<Destination> {
    let file = match target {
        Target::Topic(_) => return None,
        Target::Lines { file, .. } | Target::Sqlite { file, .. } => Path::new(file),
        Target::Parquet(folder) => {
            return Some(Destination {
                name: format!("`{folder}`"),
                state: parquet::state(folder),
                has_content: parquet::has_rows(folder),
            });
        }
        Target::Postgres(url) => {
            return Some(Destination {
                name: format!("`{url}`"),
                state: if has_tables {
                    Ok(State::Append)
                } else {
                    let reached = postgres::check(url).map(|()| State::Append);
                    reached.map_err(|error| OpenError::Postgres(Box::new(error)))
                },
                has_content: false,
            });
        }
    };
    Some(Destination {
        name: format!("`{}`", file.display()),
        state: match target {
            Target::Lines { compression, .. } => jsonl::state(file, *compression),
            _ => database_state(file),
        },
        has_content: file
            .metadata()
            .is_ok_and(|file| file.is_file() && file.len() > 0),
    })
}

/// What a run would do with a database.
fn database_state(file: &Path) -> Result<State, OpenError> {
    if sqlite::is_held(file) {
        return Ok(State::Held);
    }
    let state = jsonl::state(file, None)?;
    if !matches!(state, State::Append | State::HalfLine) {
        return Ok(state);
    }
    let mut header = Vec::new();
    let read = File::open(file).and_then(|file| file.take(16).read_to_end(&mut header));
    match read {
        Ok(_) if header.is_empty() || header == *b"SQLite format 3\0" => Ok(State::Append),
        Ok(_) => Err(OpenError::NotADatabase {
            file: format!("`{}`", file.display()),
        }),
        Err(source) => Err(OpenError::Open {
            file: format!("`{}`", file.display()),
            source,
        }),
    }
}

/// The memory that destinations take beside the rows that are held for them, in bytes. What is no binding takes none.
#[must_use]
pub fn memory(bindings: &[String], workers: usize) -> usize {
    let bindings = parsed(bindings);
    let is_compressed = |binding: &Binding| match &binding.target {
        Target::Lines { compression, .. } => compression.is_some(),
        _ => false,
    };
    // The lines of all files together are those of one checkpoint.
    let compressing = usize::from(bindings.iter().any(is_compressed)) * workers;
    let connections = servers(&bindings).len() * workers;
    let encoders = folders(&bindings).len() * workers;
    databases(&bindings).len() * sqlite::MEMORY
        + connections * postgres::MEMORY
        + encoders * parquet::MEMORY
        + compressing * jsonl::MEMORY
}

/// When a checkpoint is due, where destinations have a default of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CheckpointDefaults {
    /// The size of held rows, in bytes.
    pub held: Option<usize>,
    /// The longest time between two checkpoints.
    pub interval: Option<Duration>,
}

/// When a checkpoint is due by default. What is no binding has no default.
#[must_use]
pub fn checkpoint_defaults(bindings: &[String]) -> CheckpointDefaults {
    // Each checkpoint is a file, and small files are slow to read.
    if folders(&parsed(bindings)).is_empty() {
        return CheckpointDefaults::default();
    }
    CheckpointDefaults {
        held: Some(parquet::HELD),
        interval: Some(parquet::INTERVAL),
    }
}

fn parsed(bindings: &[String]) -> Vec<Binding> {
    let parsed = bindings.iter().map(|text| Binding::parse(text));
    parsed.filter_map(Result::ok).collect()
}

pub(super) fn parse(bindings: &[String]) -> Result<Vec<Binding>, OpenError> {
    bindings.iter().map(|text| Binding::parse(text)).collect()
}

/// The destination that an output is bound to, if it is bound.
pub(super) fn target_of<'a>(output: &Output, bindings: &'a [Binding]) -> Option<&'a Target> {
    let of = |name: Option<&str>| {
        let mut bindings = bindings.iter();
        bindings.find(|binding| binding.output.as_deref() == name)
    };
    let binding = of(Some(&output.name)).or_else(|| of(None))?;
    Some(&binding.target)
}

/// The databases, each once.
pub(super) fn databases(bindings: &[Binding]) -> Vec<&str> {
    let mut found: Vec<&str> = Vec::new();
    for binding in bindings {
        if let Target::Sqlite { file, .. } = &binding.target
            && !found.iter().any(|other| same_file(other, file))
        {
            found.push(file);
        }
    }
    found
}

/// The databases of servers, each once.
pub(super) fn servers(bindings: &[Binding]) -> Vec<&Url> {
    let mut found: Vec<&Url> = Vec::new();
    for binding in bindings {
        if let Target::Postgres(url) = &binding.target
            && !found.iter().any(|other| other.is_same_database(url))
        {
            found.push(url);
        }
    }
    found
}

/// The folders of Parquet files, each once.
pub(super) fn folders(bindings: &[Binding]) -> Vec<&Location> {
    let mut found: Vec<&Location> = Vec::new();
    for binding in bindings {
        if let Target::Parquet(folder) = &binding.target
            && !found
                .iter()
                .any(|other| same_file(&other.folder, &folder.folder))
        {
            found.push(folder);
        }
    }
    found
}

pub(super) fn same_file(one: &str, other: &str) -> bool {
    one == other || sqlite::resolved(Path::new(one)) == sqlite::resolved(Path::new(other))
}

/// Refuses bindings that do not fit the outputs.
pub(super) fn check_bindings(outputs: &[Output], bindings: &[Binding]) -> Result<(), OpenError> {
    for (index, binding) in bindings.iter().enumerate() {
        if let Some(name) = &binding.output
            && !outputs.iter().any(|output| output.name == *name)
        {
            let known = text::list(outputs.iter().map(|output| &output.name));
            return Err(OpenError::UnknownOutput {
                name: name.clone(),
                known,
            });
        }
        if bindings[..index]
            .iter()
            .any(|other| other.output == binding.output)
        {
            let what = match &binding.output {
                Some(name) => format!("the output `{name}`"),
                None => "the outputs that are not named".to_owned(),
            };
            return Err(OpenError::BoundTwice { what });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
