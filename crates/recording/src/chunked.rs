//! Compresses a recording in chunks, and notes where they begin.

use std::io::{self, Write};

use zstd::stream::write::Encoder;

use crate::index::{Chunk, Index, MAX_CHUNKS};
use crate::writer::COMPRESSION_LEVEL;

/// Bytes after which a chunk ends, before compression. A chunk of this size compresses hardly worse than a whole file, and
/// some gigabytes make enough chunks for any number of workers.
pub const CHUNK_BYTES: u64 = 4 << 20;

/// Counts the bytes that a writer takes.
struct Counted<W> {
    inner: W,
    count: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(buffer)?;
        self.count += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// A compressed recording in the making.
pub(crate) struct Chunked<W: Write> {
    /// None after a failure.
    encoder: Option<Encoder<'static, Counted<W>>>,
    chunks: Vec<Chunk>,
    /// Bytes and records so far.
    bytes: u64,
    records: u64,
    /// Whether all records have offsets: others have their index among all records, which readers of a part do not know.
    has_offsets: bool,
}

impl<W: Write> Chunked<W> {
    pub(crate) fn new(output: W) -> io::Result<Self> {
        let counted = Counted {
            inner: output,
            count: 0,
        };
        Ok(Self {
            encoder: Some(encoder(counted)?),
            chunks: vec![Chunk::default()],
            bytes: 0,
            records: 0,
            has_offsets: true,
        })
    }

    /// Begins a record, and a chunk if the last one is large enough.
    pub(crate) fn begin_record(&mut self, has_offset: bool) -> io::Result<()> {
        self.has_offsets &= has_offset;
        let begin = self.chunks.last().copied().unwrap_or_default();
        let is_full = self.bytes - begin.bytes >= CHUNK_BYTES && self.records > begin.records;
        if is_full && self.chunks.len() < MAX_CHUNKS {
            let counted = self.end_frame()?;
            self.chunks.push(Chunk {
                offset: counted.count,
                bytes: self.bytes,
                records: self.records,
            });
            self.encoder = Some(encoder(counted)?);
        }
        self.records += 1;
        Ok(())
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let encoder = self.encoder.as_mut().ok_or_else(failed_before)?;
        encoder.write_all(bytes)?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Ends the last chunk, and adds the index.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        let mut counted = self.end_frame()?;
        if self.has_offsets {
            let index = Index {
                bytes: counted.count,
                records: self.records,
                chunks: self.chunks,
            };
            counted.write_all(&index.to_frame()?)?;
        }
        Ok(counted.inner)
    }

    fn end_frame(&mut self) -> io::Result<Counted<W>> {
        let encoder = self.encoder.take().ok_or_else(failed_before)?;
        encoder.finish()
    }
}

/// A frame with a checksum: without one, damage may be read as other objects.
fn encoder<W: Write>(output: Counted<W>) -> io::Result<Encoder<'static, Counted<W>>> {
    let mut encoder = Encoder::new(output, COMPRESSION_LEVEL)?;
    encoder.include_checksum(true)?;
    Ok(encoder)
}

fn failed_before() -> io::Error {
    io::Error::other("an earlier write failed")
}
