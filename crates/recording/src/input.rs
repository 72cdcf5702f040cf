//! Reads the bytes of a recording into one reused buffer, and decompresses them if necessary.

use std::io::{self, BufReader, Chain, Cursor, Read};

use zstd::stream::read::Decoder;

use crate::letters::LetterFrames;

/// The first bytes of a zstd frame.
pub(crate) const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The size of the buffer unless a record needs more. It fits into the second-level cache of usual machines.
const FIRST_CAPACITY: usize = 256 << 10;

/// The largest window of a zstd frame that is accepted, as a power of two: 128 MiB, zstd's own default.
const MAX_WINDOW_LOG: u32 = 27;

/// The size of the reads of a compressed file, in bytes.
const COMPRESSED_CHUNK: usize = 128 << 10;

/// The first byte of a dead letter, which begins no other format.
const LETTER: u8 = b'{';

/// The input, preceded by the bytes that were read to detect its format.
type Whole<R> = Chain<Cursor<Vec<u8>>, Counted<R>>;

/// Counts the bytes that are read from a reader.
struct Counted<R> {
    inner: R,
    count: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.count += count as u64;
        Ok(count)
    }
}

enum Decoded<R: Read> {
    Plain(Whole<R>),
    Zstd(Box<Decoder<'static, BufReader<Whole<R>>>>),
    Letters(Box<LetterFrames<Whole<R>>>),
}

/// How many bytes are needed from the first that is not consumed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Needed {
    /// At least this many, and perhaps a few more.
    Exactly(usize),
    /// A number that is not known, up to this one.
    UpTo(usize),
}

/// Why a read failed.
pub(crate) enum Failure {
    /// The operating system reported an error.
    System(io::Error),
    /// The compressed data is broken.
    Compression(io::Error),
    /// The compressed data ends inside a frame.
    CutShort,
}

/// A buffer of the input. The bytes `start..end` are read and not yet consumed.
pub(crate) struct Input<R: Read> {
    decoded: Decoded<R>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    consumed: u64,
    /// An error to return after the bytes that were read before it.
    failure: Option<io::Error>,
}

impl<R: Read> Input<R> {
    /// Detects whether `inner` is compressed.
    pub(crate) fn new(inner: R) -> io::Result<Self> {
        let mut inner = Counted { inner, count: 0 };
        let mut magic = Vec::with_capacity(ZSTD_MAGIC.len());
        inner
            .by_ref()
            .take(ZSTD_MAGIC.len() as u64)
            .read_to_end(&mut magic)?;
        let zstd = magic == ZSTD_MAGIC || is_skippable(&magic);
        let letters = magic.first() == Some(&LETTER);
        let whole = Cursor::new(magic).chain(inner);
        Ok(Self::of(if zstd {
            decompressed(whole)?
        } else if letters {
            Decoded::Letters(Box::new(LetterFrames::new(whole)))
        } else {
            Decoded::Plain(whole)
        }))
    }

    /// Reads `inner`, which is compressed, as the input after this number of bytes.
    pub(crate) fn compressed(inner: R, bytes: u64) -> io::Result<Self> {
        let inner = Counted { inner, count: 0 };
        let whole = Cursor::new(Vec::new()).chain(inner);
        let mut input = Self::of(decompressed(whole)?);
        input.consumed = bytes;
        Ok(input)
    }

    fn of(decoded: Decoded<R>) -> Self {
        Self {
            decoded,
            buffer: vec![0; FIRST_CAPACITY],
            start: 0,
            end: 0,
            consumed: 0,
            failure: None,
        }
    }

    /// The bytes that are read and not yet consumed.
    pub(crate) fn available(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// The last `count` consumed bytes. Valid until the next read.
    pub(crate) fn last(&self, count: usize) -> &[u8] {
        &self.buffer[self.start - count..self.start]
    }

    pub(crate) fn consume(&mut self, count: usize) {
        self.start += count;
        self.consumed += count as u64;
    }

    /// Returns the last `count` consumed bytes to the buffer. Valid until the next read.
    pub(crate) fn put_back(&mut self, count: usize) {
        self.start -= count;
        self.consumed -= count as u64;
    }

    /// The number of consumed bytes, after decompression.
    pub(crate) fn consumed(&self) -> u64 {
        self.consumed
    }

    /// The number of bytes read from the input, before decompression.
    pub(crate) fn raw_bytes(&self) -> u64 {
        match &self.decoded {
            Decoded::Plain(whole) => whole.get_ref().1.count,
            Decoded::Zstd(decoder) => decoder.get_ref().get_ref().get_ref().1.count,
            Decoded::Letters(letters) => letters.get_ref().get_ref().1.count,
        }
    }

    /// Reads until the buffer is full, and enlarges the buffer if it is full already. Returns whether anything was read: if
    /// not, the input is at its end.
    ///
    /// An incomplete value is walked again from its start after each read. Filling the whole buffer, which doubles, limits
    /// this work to a total of two walks. The buffer never doubles beyond the size that is known to be needed, and it grows
    /// with the bytes that are there: a size that a file only claims takes no memory.
    pub(crate) fn fill(&mut self, needed: Needed) -> Result<bool, Failure> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.end == self.buffer.len() {
            let (Needed::Exactly(most) | Needed::UpTo(most)) = needed;
            let enough = most.max(self.end + 1).next_multiple_of(FIRST_CAPACITY);
            self.buffer.resize(enough.min(self.buffer.len() * 2), 0);
        }
        let before = self.end;
        while self.failure.is_none() && self.end < self.buffer.len() {
            match self.decoded.read(&mut self.buffer[self.end..]) {
                Ok(0) => break,
                Ok(count) => self.end += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.failure = Some(error);
                    break;
                }
            }
        }
        match self.failure.take_if(|_| self.end == before) {
            Some(error) => Err(self.decoded.failure(error)),
            None => Ok(self.end > before),
        }
    }
}

fn decompressed<R: Read>(whole: Whole<R>) -> io::Result<Decoded<R>> {
    let reader = BufReader::with_capacity(COMPRESSED_CHUNK, whole);
    let mut decoder = Decoder::with_buffer(reader)?;
    decoder.window_log_max(MAX_WINDOW_LOG)?;
    Ok(Decoded::Zstd(Box::new(decoder)))
}

/// A frame that decompressors skip. Some tools write one before the data.
pub(crate) fn is_skippable(magic: &[u8]) -> bool {
    matches!(magic, [0x50..=0x5f, 0x2a, 0x4d, 0x18])
}

impl<R: Read> Decoded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(whole) => whole.read(buffer),
            Self::Zstd(decoder) => decoder.read(buffer),
            Self::Letters(letters) => letters.read(buffer),
        }
    }

    fn failure(&self, error: io::Error) -> Failure {
        match self {
            Self::Zstd(_) if error.kind() == io::ErrorKind::UnexpectedEof => Failure::CutShort,
            // Errors of the decompressor are not errors of the operating system.
            Self::Zstd(_) if error.raw_os_error().is_none() => Failure::Compression(error),
            Self::Zstd(_) | Self::Plain(_) | Self::Letters(_) => Failure::System(error),
        }
    }
}
