//! Reads recordings.

mod flaws;
mod header;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Take};
use std::os::fd::AsFd as _;
use std::path::Path;

use journal_msgpack::{Cursor, Head};

use self::header::{Header, HeaderFlaw};
use crate::error::{Error, RecordingName};
use crate::index::Chunk;
use crate::input::{Failure, Input, Needed};
use crate::layout::{Flaw, Layout};
use crate::topic::is_name;
use crate::writer::MAX_OVERHEAD_BYTES;
use crate::{Format, Frame};

/// The maximum size of a record, in bytes, which is also the limit of Kafka's consumers.
pub const MAX_RECORD_BYTES: usize = 1 << 30;

/// The largest header that a reader takes, in bytes.
pub const MAX_HEADER_BYTES: usize = 1 << 20;
/// The most topics that a reader takes. The journal has some twenty.
pub const MAX_TOPICS: usize = 10_000;

/// The key that identifies a header. Its value is the version.
pub(crate) const HEADER_KEY: &str = "journal-recording";
/// The key of the list of topics in the header.
pub(crate) const TOPICS_KEY: &str = "topics";
/// The supported version of the format.
pub(crate) const VERSION: u64 = 1;

/// Streams the records of a recording.
///
/// Memory is bounded by the size of the largest record, or a quarter of a megabyte. After an error a reader returns no more
/// records.
pub struct Reader<R: Read> {
    input: Input<R>,
    recording: RecordingName,
    format: Format,
    topics: Option<Vec<String>>,
    /// The largest record that is read, in bytes.
    limit: usize,
    records: u64,
    /// The length of the last record, as long as it can be put back.
    last: usize,
    /// The topic's name of the record handed out last, which needs no second check: neighbours are often of one topic.
    checked_topic: Vec<u8>,
}

impl Reader<File> {
    /// Opens a file. Its content, not its name, says whether it is compressed.
    ///
    /// # Errors
    /// If it cannot be read, or does not start like a recording.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let recording = RecordingName::file(path);
        match File::open(path) {
            Ok(file) => Self::at(file, recording),
            Err(source) => Err(Error::Open { recording, source }),
        }
    }
}

impl Reader<Take<File>> {
    /// Opens a file as [`open`](Reader::open) does.
    ///
    /// # Errors
    /// As for [`open`](Reader::open).
    pub fn whole(path: &Path) -> Result<Self, Error> {
        let recording = RecordingName::file(path);
        match File::open(path) {
            Ok(file) => Self::at(file.take(u64::MAX), recording),
            Err(source) => Err(Error::Open { recording, source }),
        }
    }

    /// Reads standard input, which nothing else may read.
    ///
    /// # Errors
    /// If it cannot be read, or does not start like a recording.
    pub fn standard_input() -> Result<Self, Error> {
        let recording = RecordingName::standard_input();
        let input = io::stdin().as_fd().try_clone_to_owned();
        let input = input.map_err(|source| Error::Open {
            recording: recording.clone(),
            source,
        })?;
        Self::at(File::from(input).take(u64::MAX), recording)
    }

    /// Reads the chunks of a compressed file from the beginning of `chunk` to an offset in the file, where another one begins
    /// or the last one ends.
    ///
    /// # Errors
    /// If it cannot be read, or `chunk` is the first one and does not start like a recording.
    pub fn chunks(path: &Path, chunk: Chunk, end: u64) -> Result<Self, Error> {
        let recording = RecordingName::file(path);
        match File::open(path) {
            Ok(file) => Self::at_chunk(file, recording, chunk, end),
            Err(source) => Err(Error::Open { recording, source }),
        }
    }
}

impl<R: Read + Seek> Reader<Take<R>> {
    /// Reads chunks of a compressed recording as [`chunks`](Reader::chunks) does.
    ///
    /// # Errors
    /// As for [`chunks`](Reader::chunks).
    pub fn chunks_of(input: R, chunk: Chunk, end: u64) -> Result<Self, Error> {
        Self::at_chunk(input, RecordingName::unnamed(), chunk, end)
    }

    fn at_chunk(
        mut input: R,
        recording: RecordingName,
        chunk: Chunk,
        end: u64,
    ) -> Result<Self, Error> {
        let length = end.saturating_sub(chunk.offset);
        let input = input
            .seek(SeekFrom::Start(chunk.offset))
            .and_then(|_| Input::compressed(input.take(length), chunk.bytes));
        let input = match input {
            Ok(input) => input,
            Err(source) => return Err(Error::Read { recording, source }),
        };
        let mut reader = Self::of(input, recording);
        reader.records = chunk.records;
        if chunk.offset == 0 {
            reader.begin()?;
        }
        Ok(reader)
    }
}

impl<R: Read> Reader<R> {
    /// Reads a recording from any reader, which does not need to be buffered.
    ///
    /// # Errors
    /// If it cannot be read, or does not start like a recording.
    pub fn new(input: R) -> Result<Self, Error> {
        Self::at(input, RecordingName::unnamed())
    }

    fn at(input: R, recording: RecordingName) -> Result<Self, Error> {
        let input = match Input::new(input) {
            Ok(input) => input,
            Err(source) => return Err(Error::Read { recording, source }),
        };
        let mut reader = Self::of(input, recording);
        reader.begin()?;
        Ok(reader)
    }

    fn of(input: Input<R>, recording: RecordingName) -> Self {
        Self {
            input,
            recording,
            format: Format::Frames,
            topics: None,
            limit: MAX_RECORD_BYTES,
            records: 0,
            last: 0,
            checked_topic: Vec::new(),
        }
    }

    /// Refuses a record whose key and value have more bytes than this together, before it is read. It has no more than
    /// [`MAX_RECORD_BYTES`] in any case.
    pub fn set_limit(&mut self, bytes: usize) {
        let limit = bytes.saturating_add(MAX_OVERHEAD_BYTES);
        self.limit = limit.min(MAX_RECORD_BYTES);
    }

    /// The format of the records.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// All topics of the recording, if a header lists them.
    #[must_use]
    pub fn topics(&self) -> Option<&[String]> {
        self.topics.as_deref()
    }

    /// The name of the recording, for messages.
    #[must_use]
    pub fn name(&self) -> &RecordingName {
        &self.recording
    }

    /// The number of bytes read from the file, before decompression. Divided by the size of the file it is the progress.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.input.raw_bytes()
    }

    /// The number of records returned so far, with those before the first chunk that is read.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.records
    }

    /// The next record, or `None` at the end. It borrows the reader's buffer.
    ///
    /// # Errors
    /// If the recording cannot be read, is truncated or damaged, or a topic has an invalid name.
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, Error> {
        self.last = 0;
        let layout = loop {
            let available = self.input.available();
            let needed = match Layout::find(self.format, available) {
                Ok(layout) if layout.length > self.limit => {
                    return Err(self.too_large(layout.length));
                }
                Ok(layout) => break layout,
                Err(Flaw::Incomplete { needed }) => needed,
                Err(Flaw::Damaged(reason)) => return Err(self.damaged(reason)),
            };
            let least = needed.max(available.len() + 1);
            let had_none = available.is_empty();
            if least > self.limit {
                return Err(self.too_large(least));
            }
            let needed = match needed {
                0 => Needed::UpTo(self.limit),
                needed => Needed::Exactly(needed),
            };
            if !self.fill(needed)? {
                return if had_none {
                    Ok(None)
                } else {
                    Err(self.cut_short())
                };
            }
        };
        self.input.consume(layout.length);
        let record = self.input.last(layout.length);
        let topic = layout.topic_of(record);
        if topic.is_empty() || topic != self.checked_topic {
            if !is_name(topic) {
                return Err(self.bad_topic_name(topic));
            }
            self.checked_topic.clear();
            self.checked_topic.extend_from_slice(topic);
        }
        self.last = layout.length;
        self.records += 1;
        // A name that was checked is ASCII.
        Ok(layout.frame_of(record))
    }

    /// Puts the last record back, so that [`next_frame`](Self::next_frame) returns it again. Does nothing if it is called
    /// twice, before the first record or after the end.
    pub fn put_back(&mut self) {
        if self.last > 0 {
            self.input.put_back(self.last);
            self.last = 0;
            self.records -= 1;
        }
    }

    /// Reads the remaining records and counts them by topic or object type.
    ///
    /// # Errors
    /// As [`next_frame`](Self::next_frame).
    pub fn count(mut self) -> Result<BTreeMap<String, u64>, Error> {
        let mut counts = BTreeMap::new();
        while let Some(frame) = self.next_frame()? {
            if let Some(count) = counts.get_mut(frame.topic) {
                *count += 1;
                continue;
            }
            counts.insert(frame.topic.to_owned(), 1);
            if counts.len() > MAX_TOPICS {
                return Err(self.too_many_topics());
            }
        }
        Ok(counts)
    }

    /// Detects the format, and skips the header if there is one.
    fn begin(&mut self) -> Result<(), Error> {
        match self.fill(Needed::UpTo(MAX_HEADER_BYTES)) {
            Ok(true) => {}
            Ok(false) => {
                return Err(Error::Empty {
                    recording: self.recording.clone(),
                });
            }
            Err(Error::Read { source, .. }) if source.kind() == io::ErrorKind::InvalidData => {
                return Err(self.not_a_recording("begins like JSON, and not with a dead letter"));
            }
            Err(error) => return Err(error),
        }
        match Cursor::new(self.input.available()).head() {
            Ok(Head::Array(3 | 6)) => Ok(()),
            Ok(Head::Array(2)) => {
                self.format = Format::Stream;
                Ok(())
            }
            Ok(Head::Map(_)) => self.header(),
            Ok(_) | Err(_) => {
                Err(self.not_a_recording("begins neither with a header nor with a record"))
            }
        }
    }

    fn header(&mut self) -> Result<(), Error> {
        let header = loop {
            let available = self.input.available();
            match Header::find(available) {
                Ok(header) if header.length > MAX_HEADER_BYTES => return Err(self.large_header()),
                Ok(header) => break header,
                Err(HeaderFlaw::Incomplete) if available.len() > MAX_HEADER_BYTES => {
                    return Err(self.large_header());
                }
                Err(HeaderFlaw::Incomplete) => {}
                Err(HeaderFlaw::BadTopicName(name)) => return Err(self.bad_topic_name(&name)),
                Err(HeaderFlaw::TooManyTopics) => return Err(self.too_many_topics()),
                Err(HeaderFlaw::Version(version)) => {
                    return Err(Error::UnknownVersion {
                        recording: self.recording.clone(),
                        version,
                    });
                }
                Err(HeaderFlaw::Wrong(reason)) => return Err(self.not_a_recording(reason)),
            }
            if !self.fill(Needed::UpTo(MAX_HEADER_BYTES))? {
                return Err(self.cut_short());
            }
        };
        self.input.consume(header.length);
        self.topics = header.topics;
        Ok(())
    }

    fn fill(&mut self, needed: Needed) -> Result<bool, Error> {
        self.input.fill(needed).map_err(|failure| match failure {
            Failure::System(source) => self.read_error(source),
            Failure::CutShort => self.cut_short(),
            Failure::Compression(source) => Error::Compression {
                recording: self.recording.clone(),
                records: self.records,
                bytes: self.input.consumed(),
                source,
            },
        })
    }
}
