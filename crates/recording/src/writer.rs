//! Writes recordings.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use rmp::encode::{self, ByteBuf};

use crate::Frame;
use crate::chunked::Chunked;
use crate::error::{Error, RecordingName};
use crate::reader::{
    HEADER_KEY, MAX_HEADER_BYTES, MAX_RECORD_BYTES, MAX_TOPICS, TOPICS_KEY, VERSION,
};
use crate::topic::{is_topic_name, shown};

/// The zstd level of [`Writer::compressed`] and [`Writer::create`].
pub const COMPRESSION_LEVEL: i32 = 3;

/// The most that a record has besides its key and value: the topic's name, the numbers, and the heads of all.
pub(crate) const MAX_OVERHEAD_BYTES: usize = 512;

enum Output<W: Write> {
    Plain(W),
    Zstd(Box<Chunked<W>>),
}

/// Writes a header and frames. Without a call of [`finish`](Self::finish) the recording is truncated.
///
/// A compressed recording has an [`Index`](crate::Index) of chunks of [`CHUNK_BYTES`](crate::CHUNK_BYTES), if all records have
/// offsets.
pub struct Writer<W: Write> {
    output: Output<W>,
    recording: RecordingName,
    topics: Vec<String>,
    head: ByteBuf,
}

impl Writer<BufWriter<File>> {
    /// Creates or truncates a file. It is compressed if its name ends with `.zst`.
    ///
    /// # Errors
    /// If a topic has an invalid name, or the file cannot be created or written.
    pub fn create(path: &Path, topics: &[&str]) -> Result<Self, Error> {
        let recording = RecordingName::file(path);
        // A file that exists is not truncated for topics that cannot be written.
        check(topics, &recording)?;
        let create = |source| Error::Create {
            recording: recording.clone(),
            source,
        };
        let file = BufWriter::new(File::create(path).map_err(create)?);
        let output = if path.extension().is_some_and(|extension| extension == "zst") {
            Output::Zstd(Box::new(Chunked::new(file).map_err(create)?))
        } else {
            Output::Plain(file)
        };
        Self::begin(output, recording, topics)
    }
}

impl<W: Write> Writer<W> {
    /// Writes an uncompressed recording. `topics` must list the topics of all records.
    ///
    /// # Errors
    /// If a topic has an invalid name, or the header cannot be written.
    pub fn new(output: W, topics: &[&str]) -> Result<Self, Error> {
        Self::begin(Output::Plain(output), RecordingName::unnamed(), topics)
    }

    /// Writes a compressed recording with an index. `topics` must list the topics of all records.
    ///
    /// # Errors
    /// If a topic has an invalid name, or the header cannot be written.
    pub fn compressed(output: W, topics: &[&str]) -> Result<Self, Error> {
        let recording = RecordingName::unnamed();
        match Chunked::new(output) {
            Ok(chunked) => Self::begin(Output::Zstd(Box::new(chunked)), recording, topics),
            Err(source) => Err(Error::Create { recording, source }),
        }
    }

    fn begin(output: Output<W>, recording: RecordingName, topics: &[&str]) -> Result<Self, Error> {
        check(topics, &recording)?;
        let topics = topics.iter().map(|&topic| topic.to_owned()).collect();
        let mut writer = Self {
            output,
            recording,
            topics,
            head: ByteBuf::new(),
        };
        writer
            .header()
            .map_err(|source| writer.write_error(source))?;
        Ok(writer)
    }

    fn header(&mut self) -> io::Result<()> {
        let head = &mut self.head;
        let members = [HEADER_KEY, TOPICS_KEY];
        encode::write_map_len(head, length(members.len())?).map_err(io::Error::other)?;
        encode::write_str(head, HEADER_KEY).map_err(io::Error::other)?;
        encode::write_uint(head, VERSION).map_err(io::Error::other)?;
        encode::write_str(head, TOPICS_KEY).map_err(io::Error::other)?;
        encode::write_array_len(head, length(self.topics.len())?).map_err(io::Error::other)?;
        for topic in &self.topics {
            encode::write_str(head, topic).map_err(io::Error::other)?;
        }
        self.put_head()
    }

    /// Writes one record. An empty key becomes nil.
    ///
    /// # Errors
    /// If its topic is not in the header, or if it cannot be written.
    pub fn write(&mut self, frame: &Frame<'_>) -> Result<(), Error> {
        if !self.topics.iter().any(|topic| topic == frame.topic) {
            let topic = frame.topic.to_owned();
            return Err(Error::UnlistedTopic {
                recording: self.recording.clone(),
                topic,
            });
        }
        self.frame(frame).map_err(|source| self.write_error(source))
    }

    fn frame(&mut self, frame: &Frame<'_>) -> io::Result<()> {
        let bytes = frame.key.len() + frame.value.map_or(0, <[u8]>::len);
        if bytes > MAX_RECORD_BYTES - MAX_OVERHEAD_BYTES {
            let text = "a record is larger than 1 GiB, which no reader takes";
            return Err(io::Error::other(text));
        }
        if let Output::Zstd(output) = &mut self.output {
            output.begin_record(frame.offset.is_some())?;
        }
        let has_position =
            frame.partition.is_some() || frame.offset.is_some() || frame.timestamp_ms.is_some();
        let members = if has_position { 6 } else { 3 };
        encode::write_array_len(&mut self.head, members).map_err(io::Error::other)?;
        encode::write_str(&mut self.head, frame.topic).map_err(io::Error::other)?;
        self.binary(Some(frame.key).filter(|key| !key.is_empty()))?;
        self.binary(frame.value)?;
        if has_position {
            self.uint(frame.partition.map(u64::from))?;
            self.uint(frame.offset)?;
            match frame.timestamp_ms {
                Some(number) => {
                    encode::write_sint(&mut self.head, number).map_err(io::Error::other)?;
                }
                None => self.nil()?,
            }
        }
        self.put_head()
    }

    fn binary(&mut self, bytes: Option<&[u8]>) -> io::Result<()> {
        let Some(bytes) = bytes else {
            return self.nil();
        };
        encode::write_bin_len(&mut self.head, length(bytes.len())?).map_err(io::Error::other)?;
        self.put_head()?;
        self.put(bytes)
    }

    fn uint(&mut self, number: Option<u64>) -> io::Result<()> {
        let Some(number) = number else {
            return self.nil();
        };
        encode::write_uint(&mut self.head, number)
            .map(drop)
            .map_err(io::Error::other)
    }

    fn nil(&mut self) -> io::Result<()> {
        encode::write_nil(&mut self.head).map_err(io::Error::other)
    }

    /// Writes the encoded bytes to the output.
    fn put_head(&mut self) -> io::Result<()> {
        match &mut self.output {
            Output::Plain(output) => output.write_all(self.head.as_slice()),
            Output::Zstd(output) => output.write(self.head.as_slice()),
        }?;
        self.head.as_mut_vec().clear();
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.output {
            Output::Plain(output) => output.write_all(bytes),
            Output::Zstd(output) => output.write(bytes),
        }
    }

    /// Ends the recording, flushes the output and returns it.
    ///
    /// # Errors
    /// If the end cannot be written.
    pub fn finish(self) -> Result<W, Error> {
        let Self {
            output, recording, ..
        } = self;
        let mut output = match output {
            Output::Plain(output) => output,
            Output::Zstd(chunked) => match chunked.finish() {
                Ok(output) => output,
                Err(source) => return Err(Error::Write { recording, source }),
            },
        };
        match output.flush() {
            Ok(()) => Ok(output),
            Err(source) => Err(Error::Write { recording, source }),
        }
    }

    fn write_error(&self, source: io::Error) -> Error {
        Error::Write {
            recording: self.recording.clone(),
            source,
        }
    }
}

/// Refuses topics that no reader would take.
fn check(topics: &[&str], recording: &RecordingName) -> Result<(), Error> {
    let recording = || recording.clone();
    if let Some(name) = topics.iter().find(|name| !is_topic_name(name)) {
        return Err(Error::BadTopicName {
            recording: recording(),
            name: shown(name.as_bytes()),
        });
    }
    // A name has a head of up to three bytes, and the rest of the header fewer than 64.
    let bytes: usize = topics.iter().map(|name| name.len() + 3).sum();
    if bytes + 64 > MAX_HEADER_BYTES {
        return Err(Error::NotARecording {
            recording: recording(),
            reason: "would begin with a header of more than 1 MiB",
        });
    }
    if topics.len() > MAX_TOPICS {
        return Err(Error::TooManyTopics {
            recording: recording(),
            limit: MAX_TOPICS,
        });
    }
    Ok(())
}

/// A length in msgpack.
fn length(length: usize) -> io::Result<u32> {
    u32::try_from(length).map_err(|_| io::Error::other("a record is larger than 4 GiB"))
}
