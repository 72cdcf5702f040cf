//! The files of a source, which are read one after another, or the part of them that one worker reads.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Take;
use std::path::{Path, PathBuf};

use journal_recording::{Chunk, Format, Reader, RecordingName};

use super::error::Error;

/// The name of standard input among paths.
const STANDARD_INPUT: &str = "-";

/// Whether a path stands for standard input.
pub(crate) fn is_standard_input(path: &Path) -> bool {
    path == STANDARD_INPUT
}

/// The reader of a file or of a part of it.
pub(super) type FileReader = Reader<Take<File>>;

/// A file of a source, or the part of one that a worker reads.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) path: PathBuf,
    /// Bytes of the file or of the part, where the file is a regular one, which can be read again.
    pub(super) bytes: Option<u64>,
    /// The chunks that are read; none where the whole file is.
    pub(super) chunks: Option<Chunks>,
}

/// Chunks of a file that lie end to end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chunks {
    pub(super) first: Chunk,
    /// The offset in the file after the last one.
    pub(super) end: u64,
    /// Records of the file before that offset.
    pub(super) records: u64,
}

/// The records of several parts, one part after another.
pub(super) struct Files {
    parts: Vec<Part>,
    /// The index of the part that is read.
    current: usize,
    reader: FileReader,
    /// Readers of parts that can be read only once, by the index of the part, until their turn comes.
    waiting: Vec<Option<FileReader>>,
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
    /// Opens whole files. Those without a header are read once, to know their topics.
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
            let part = Part {
                path: path.clone(),
                bytes: regular_bytes(path),
                chunks: None,
            };
            let reader = part.open(largest_record)?;
            if *format.get_or_insert(reader.format()) != reader.format() {
                return Err(Error::Formats {
                    one: name(&paths[0]),
                    other: reader.name().clone(),
                });
            }
            match reader.topics() {
                Some(topics) => names.add(topics.iter().cloned()),
                None if part.bytes.is_none() => {
                    return Err(Error::ReadOnce {
                        recording: reader.name().clone(),
                    });
                }
                None => names.add(part.open(largest_record)?.count()?.into_keys()),
            }
            // Any number of files may follow, each of which would keep a buffer.
            let is_kept = part.bytes.is_none() || parts.is_empty();
            waiting.push(Some(reader).filter(|_| is_kept));
            parts.push(part);
        }
        let format = format.ok_or(Error::NoFile)?;
        let files = Self::of(parts, waiting, largest_record)?;
        let names = names.all;
        Ok((files, Content { names, format }))
    }

    /// Opens parts of files.
    ///
    /// # Errors
    /// When the first one cannot be read.
    pub(super) fn of_parts(parts: Vec<Part>, largest_record: usize) -> Result<Self, Error> {
        Self::of(parts, Vec::new(), largest_record)
    }

    fn of(
        parts: Vec<Part>,
        mut waiting: Vec<Option<FileReader>>,
        largest_record: usize,
    ) -> Result<Self, Error> {
        let reader = match waiting.first_mut().and_then(Option::take) {
            Some(reader) => reader,
            None => parts.first().ok_or(Error::NoFile)?.open(largest_record)?,
        };
        Ok(Self {
            parts,
            current: 0,
            reader,
            waiting,
            largest_record,
        })
    }

    /// The reader of the part that is read.
    pub(super) fn reader(&mut self) -> &mut FileReader {
        &mut self.reader
    }

    /// The name of the file that is read.
    pub(super) fn current(&self) -> &RecordingName {
        self.reader.name()
    }

    /// Goes on to the next part, once the current one is at its end. False after the last one.
    ///
    /// # Errors
    /// When the next one cannot be read, or the current one has other records than its index says.
    pub(super) fn advance(&mut self) -> Result<bool, Error> {
        if let Some(chunks) = &self.parts[self.current].chunks
            && self.reader.records() != chunks.records
        {
            return Err(self.wrong_index());
        }
        if self.current + 1 >= self.parts.len() {
            return Ok(false);
        }
        self.go_to(self.current + 1)?;
        Ok(true)
    }

    /// The index of the current file does not fit what was read.
    pub(super) fn wrong_index(&self) -> Error {
        Error::WrongIndex {
            recording: self.current().clone(),
        }
    }

    /// Whether chunks of the current file are read, and not all of it.
    pub(super) fn are_chunks(&self) -> bool {
        self.parts[self.current].chunks.is_some()
    }

    /// Goes back to the first record of the first part.
    pub(super) fn start_over(&mut self) -> Result<(), Error> {
        self.check_rereading()?;
        self.go_to(0)
    }

    fn go_to(&mut self, index: usize) -> Result<(), Error> {
        let waiting = self.waiting.get_mut(index).and_then(Option::take);
        self.reader = match waiting {
            Some(reader) => reader,
            None => self.parts[index].open(self.largest_record)?,
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

    /// Bytes that were read, and bytes of all parts; 0 where they are not known.
    pub(super) fn progress(&self) -> (u64, u64) {
        let bytes = |parts: &[Part]| parts.iter().map(|part| part.bytes).sum::<Option<u64>>();
        let before = bytes(&self.parts[..self.current]).unwrap_or_default();
        let all = bytes(&self.parts).unwrap_or_default();
        (before + self.reader.bytes_read(), all)
    }
}

impl Part {
    fn open(&self, largest_record: usize) -> Result<FileReader, Error> {
        let mut reader = match &self.chunks {
            Some(chunks) => Reader::chunks(&self.path, chunks.first, chunks.end)?,
            None if is_standard_input(&self.path) => Reader::standard_input()?,
            None => Reader::whole(&self.path)?,
        };
        reader.set_limit(largest_record);
        Ok(reader)
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

pub(super) fn name(path: &Path) -> RecordingName {
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
