//! The files of a source, which are read one after another.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};

use journal_recording::{Format, Reader, RecordingName};

use super::error::Error;

/// The name of standard input among paths.
pub(crate) const STANDARD_INPUT: &str = "-";

/// Whether a path stands for standard input.
pub(crate) fn is_standard_input(path: &Path) -> bool {
    path == STANDARD_INPUT
}

/// A file of a source.
#[derive(Debug)]
struct Part {
    path: PathBuf,
    /// Bytes of the file, where it is a regular one, which can be read again.
    bytes: Option<u64>,
}

/// The records of several files, one file after another.
pub(super) struct Files {
    parts: Vec<Part>,
    /// The index of the part that is read.
    current: usize,
    reader: Reader<File>,
    /// Readers of parts that can be read only once, by the index of the part, until their turn comes.
    waiting: Vec<Option<Reader<File>>>,
    /// Bytes of key and value of the largest record.
    largest_record: usize,
}

/// What the files say of themselves.
pub(super) struct Content {
    /// All names of topics, or of object types.
    pub(super) names: Vec<String>,
    pub(super) format: Format,
}

impl Files {
    /// Opens the files. Those without a header are read once, to know their topics.
    ///
    /// # Errors
    /// When one cannot be read, is named twice, or is of another format than the first one.
    pub(super) fn open(paths: &[PathBuf], largest_record: usize) -> Result<(Self, Content), Error> {
        let mut names = Names::default();
        let (mut parts, mut waiting): (Vec<Part>, Vec<_>) = (Vec::new(), Vec::new());
        let mut format = None;
        for path in paths {
            if parts.iter().any(|part| part.path == *path) {
                return Err(Error::Twice { path: path.clone() });
            }
            let reader = open(path, largest_record)?;
            let bytes = regular_bytes(path);
            if *format.get_or_insert(reader.format()) != reader.format() {
                return Err(Error::Formats {
                    one: RecordingName::file(&paths[0]),
                    other: reader.name().clone(),
                });
            }
            match reader.topics() {
                Some(topics) => names.add(topics.iter().cloned()),
                None if bytes.is_none() => {
                    return Err(Error::ReadOnce {
                        recording: reader.name().clone(),
                    });
                }
                None => names.add(open(path, largest_record)?.count()?.into_keys()),
            }
            // Any number of files may follow, each of which would keep a buffer.
            waiting.push(Some(reader).filter(|_| bytes.is_none() || parts.is_empty()));
            let path = path.clone();
            parts.push(Part { path, bytes });
        }
        let (Some(format), Some(reader)) = (format, waiting.first_mut().and_then(Option::take))
        else {
            return Err(Error::NoFile);
        };
        let files = Self {
            parts,
            current: 0,
            reader,
            waiting,
            largest_record,
        };
        let names = names.all;
        Ok((files, Content { names, format }))
    }

    /// The reader of the file that is read.
    pub(super) fn reader(&mut self) -> &mut Reader<File> {
        &mut self.reader
    }

    /// The name of the file that is read.
    pub(super) fn current(&self) -> &RecordingName {
        self.reader.name()
    }

    /// Goes on to the next file. False after the last one.
    pub(super) fn advance(&mut self) -> Result<bool, Error> {
        if self.current + 1 >= self.parts.len() {
            return Ok(false);
        }
        self.go_to(self.current + 1)?;
        Ok(true)
    }

    /// Goes back to the first record of the first file.
    pub(super) fn start_over(&mut self) -> Result<(), Error> {
        self.check_rereading()?;
        self.go_to(0)
    }

    fn go_to(&mut self, index: usize) -> Result<(), Error> {
        let waiting = self.waiting.get_mut(index).and_then(Option::take);
        self.reader = match waiting {
            Some(reader) => reader,
            None => open(&self.parts[index].path, self.largest_record)?,
        };
        self.current = index;
        Ok(())
    }

    /// Refuses files of which one can only be read once.
    pub(super) fn check_rereading(&self) -> Result<(), Error> {
        match self.parts.iter().find(|part| part.bytes.is_none()) {
            None => Ok(()),
            Some(part) => Err(Error::Rewind {
                recording: name(&part.path),
            }),
        }
    }

    /// Bytes that were read, and bytes of all files; 0 where they are not known.
    pub(super) fn progress(&self) -> (u64, u64) {
        let bytes = |parts: &[Part]| parts.iter().map(|part| part.bytes).sum::<Option<u64>>();
        let before = bytes(&self.parts[..self.current]).unwrap_or_default();
        let all = bytes(&self.parts).unwrap_or_default();
        (before + self.reader.bytes_read(), all)
    }
}

/// Names in the order in which they come, each once.
#[derive(Default)]
struct Names {
    all: Vec<String>,
    seen: BTreeSet<String>,
}

impl Names {
    fn add(&mut self, names: impl IntoIterator<Item = String>) {
        for name in names {
            if self.seen.insert(name.clone()) {
                self.all.push(name);
            }
        }
    }
}

/// The name of these files in messages.
pub(crate) fn shown(paths: &[PathBuf]) -> String {
    let first = match paths.first() {
        Some(path) if is_standard_input(path) => "standard input".to_owned(),
        Some(path) => path.display().to_string(),
        None => String::new(),
    };
    match paths.len() {
        0 | 1 => first,
        files => format!("{first} and {} more", files - 1),
    }
}

fn open(path: &Path, largest_record: usize) -> Result<Reader<File>, Error> {
    let mut reader = if is_standard_input(path) {
        Reader::standard_input()?
    } else {
        Reader::open(path)?
    };
    reader.set_limit(largest_record);
    Ok(reader)
}

fn name(path: &Path) -> RecordingName {
    if is_standard_input(path) {
        RecordingName::standard_input()
    } else {
        RecordingName::file(path)
    }
}

/// The size of a regular file. What standard input is redirected from is not known by name.
fn regular_bytes(path: &Path) -> Option<u64> {
    if is_standard_input(path) {
        return None;
    }
    let metadata = path.metadata().ok();
    let regular = metadata.filter(std::fs::Metadata::is_file);
    regular.map(|metadata| metadata.len())
}
