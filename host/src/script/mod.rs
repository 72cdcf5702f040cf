//! Scripts: the files that a runtime gets, and the runtime that they need.
//!
//! Archives and folders are untrusted: names, sizes and numbers are checked before bytes are kept.

mod archive;
mod bundle;
mod error;
mod files;
mod folder;
mod runtime;
#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

pub use bundle::{bundle, split};
pub use error::{BadName, ScriptError};
use files::Files;
pub use runtime::Language;

/// The limit on the number of files of a script.
const FILES: usize = 1000;
/// The limit on the bytes of all files of a script.
const BYTES: usize = 32 << 20;
/// The limit on the length of a script's name, in characters.
const NAME_CHARS: usize = 100;
/// The endings of TypeScript, which no runtime reads.
const TYPESCRIPT: [&str; 4] = ["ts", "mts", "cts", "tsx"];

/// A file of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptFile {
    /// Its path relative to the script's folder, separated by `/`.
    pub path: String,
    /// Its bytes.
    pub content: Vec<u8>,
}

/// Where text goes that a script prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Printing {
    /// To the log.
    Log,
    /// To an output.
    Output,
}

/// A script with all its files.
#[derive(Clone, Debug)]
pub struct Script {
    /// The file, folder or archive that it was read from.
    pub path: PathBuf,
    /// The name of its folder or archive. A script in one file is named by its runtime, after that file.
    pub name: Option<String>,
    /// The path of the file that runs.
    pub main: String,
    /// All files, by their paths.
    pub files: Vec<ScriptFile>,
    /// Where printed text goes, unless the script decides it.
    pub printing: Option<Printing>,
}

impl Script {
    /// Reads a script in this language from a file, a folder or an archive, and the modules that are added to it.
    ///
    /// # Errors
    /// When a file cannot be read, breaks a rule or passes a limit.
    pub fn read(language: Language, path: &Path, with: &[PathBuf]) -> Result<Self, ScriptError> {
        let mut files = Files::default();
        let whole = file_name(path)?;
        let (name, main) = if is_folder(path) {
            folder::add(path, "", &mut files)?;
            (Some(plain_name(&whole)), language.main().to_owned())
        } else if has_extension(path, "pyz") {
            archive::add(path, &mut files)?;
            let (stem, _) = whole.rsplit_once('.').unwrap_or((&whole, ""));
            (Some(plain_name(stem)), language.main().to_owned())
        } else {
            add_file(path, whole.clone(), &mut files)?;
            (None, whole)
        };
        if !files.contains(&main) {
            return Err(ScriptError::NoMain {
                path: path.to_owned(),
                main,
            });
        }
        for path in with {
            add_module(language, path, &mut files)?;
        }
        Ok(Self {
            path: path.to_owned(),
            name,
            main,
            files: files.finish()?,
            printing: None,
        })
    }

    /// SHA-256 of the main file's name and of all files.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        let mut add = |bytes: &[u8]| {
            hasher.update((bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        add(self.main.as_bytes());
        for file in &self.files {
            add(file.path.as_bytes());
            add(&file.content);
        }
        hasher.finalize().into()
    }
}

/// Adds what a script may import: a module, a folder under its name, or the content of a wheel.
fn add_module(language: Language, path: &Path, files: &mut Files) -> Result<(), ScriptError> {
    if is_folder(path) {
        let name = file_name(path)?;
        return folder::add(path, &name, files);
    }
    let is_wheel = language == Language::Python && has_extension(path, "whl");
    let mut endings = language.module_endings().iter();
    if !is_wheel && !endings.any(|ending| has_extension(path, ending)) || !path.exists() {
        return Err(ScriptError::NotAModule {
            path: path.to_owned(),
            modules: language.modules(),
        });
    }
    if is_wheel {
        return archive::add(path, files);
    }
    add_file(path, file_name(path)?, files)
}

/// Refuses what looks like a script and is none that a runtime reads, and modules that are added to no script.
///
/// # Errors
/// When it is such a one.
pub fn refuse_others(path: &Path, with: &[PathBuf]) -> Result<(), ScriptError> {
    if TYPESCRIPT.iter().any(|ending| has_extension(path, ending)) {
        return Err(ScriptError::TypeScript {
            path: path.to_owned(),
        });
    }
    match with.first() {
        Some(module) => Err(ScriptError::NoScript {
            path: path.to_owned(),
            module: module.clone(),
        }),
        None => Ok(()),
    }
}

fn add_file(path: &Path, name: String, files: &mut Files) -> Result<(), ScriptError> {
    let content = read(path, files.room())?;
    files.add(path, name, content)
}

/// The bytes of a regular file, which may have up to `limit`.
fn read(path: &Path, limit: usize) -> Result<Vec<u8>, ScriptError> {
    read_within(path, limit)?.ok_or(ScriptError::TooLarge { limit: BYTES })
}

/// The bytes of a regular file; none if it has more than `limit`.
fn read_within(path: &Path, limit: usize) -> Result<Option<Vec<u8>>, ScriptError> {
    // Checked before it is opened, because opening a pipe waits for a writer.
    let metadata = fs::metadata(path).map_err(|source| ScriptError::read(path, source))?;
    if !metadata.is_file() {
        return Err(ScriptError::NotAFile {
            path: path.to_owned(),
        });
    }
    let mut bytes = Vec::new();
    let read = |file: File| file.take(limit as u64 + 1).read_to_end(&mut bytes);
    File::open(path)
        .and_then(read)
        .map_err(|source| ScriptError::read(path, source))?;
    Ok((bytes.len() <= limit).then_some(bytes))
}

/// The last name of a path; that of `.` is the name of the folder.
fn file_name(path: &Path) -> Result<String, ScriptError> {
    let failed = |source: io::Error| ScriptError::read(path, source);
    let whole = match path.file_name() {
        Some(_) => path.to_owned(),
        None => path.canonicalize().map_err(failed)?,
    };
    let name = whole.file_name().and_then(|name| name.to_str());
    name.map(str::to_owned).ok_or_else(|| ScriptError::BadName {
        path: path.to_owned(),
        name: path.display().to_string(),
        reason: BadName::NotText,
    })
}

/// A name as plugins may have it.
fn plain_name(name: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || " -_.+".contains(c);
    let plain = name.chars().map(|c| if is_plain(c) { c } else { '_' });
    plain.take(NAME_CHARS).collect()
}

fn is_folder(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.is_dir())
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension()
        .is_some_and(|found| found.eq_ignore_ascii_case(extension))
}
