//! Divides recordings among workers, by the indexes of their chunks.

use std::fs::File;
use std::path::PathBuf;

use journal_recording::{Chunk, Index, IndexError, RecordingName};

use super::error::Error;
use super::files::{Chunks, Part, name};

/// What one worker reads.
#[derive(Clone, Debug)]
pub(super) struct Share {
    /// Parts of files, one after another.
    pub(super) parts: Vec<Part>,
    /// The records of all files before the first one.
    pub(super) first_record: u64,
}

/// Why recordings are not divided.
#[derive(Debug)]
pub(super) enum Undivided {
    NoIndex(RecordingName),
    Damaged(RecordingName, &'static str),
    Failed(Error),
}

/// A chunk of a file.
struct Piece<'a> {
    path: &'a PathBuf,
    first: Chunk,
    end: u64,
    records: u64,
    /// Records of the files before this one.
    records_before: u64,
}

/// Divides the chunks of files among workers, each of which reads chunks that follow each other. There are fewer shares
/// than workers where there are fewer chunks.
pub(super) fn divide(paths: &[PathBuf], workers: usize) -> Result<Vec<Share>, Undivided> {
    let (mut pieces, mut records_before) = (Vec::new(), 0);
    for path in paths {
        let index = index(path)?;
        let last = (index.bytes, index.records);
        let next = index.chunks.iter().skip(1);
        let ends = next.map(|next| (next.offset, next.records)).chain([last]);
        let chunks = index.chunks.iter().zip(ends);
        pieces.extend(chunks.map(|(&first, (end, records))| Piece {
            path,
            first,
            end,
            records,
            records_before,
        }));
        records_before += index.records;
    }
    Ok(shares(&pieces, workers))
}

/// The index of a file, which can be opened.
fn index(path: &PathBuf) -> Result<Index, Undivided> {
    let recording = name(path);
    let is_file = path.metadata().is_ok_and(|metadata| metadata.is_file());
    if !is_file {
        return Err(Undivided::NoIndex(recording));
    }
    let read = File::open(path)
        .map_err(IndexError::Read)
        .and_then(|mut file| Index::read(&mut file));
    match read {
        Ok(Some(index)) => Ok(index),
        Ok(None) => Err(Undivided::NoIndex(recording)),
        Err(IndexError::Damaged(reason)) => Err(Undivided::Damaged(recording, reason)),
        Err(IndexError::Read(source)) => {
            let error = journal_recording::Error::Read { recording, source };
            Err(Undivided::Failed(error.into()))
        }
    }
}

/// Shares with about the same number of bytes. Each has a piece at least.
fn shares(pieces: &[Piece<'_>], workers: usize) -> Vec<Share> {
    let bytes = |pieces: &[Piece<'_>]| -> u64 {
        let bytes = pieces.iter().map(|piece| piece.end - piece.first.offset);
        bytes.sum()
    };
    let (mut shares, mut rest) = (Vec::new(), pieces);
    for left in (1..=workers.min(pieces.len())).rev() {
        let fair = bytes(rest) / left as u64;
        // Those that follow need a piece each.
        let most = rest.len() + 1 - left;
        let mut count = 1;
        while count < most && bytes(&rest[..=count]) <= fair {
            count += 1;
        }
        if left == 1 {
            count = rest.len();
        }
        let (own, others) = rest.split_at(count);
        shares.push(share(own));
        rest = others;
    }
    shares
}

/// One part for each file.
fn share(pieces: &[Piece<'_>]) -> Share {
    let mut parts: Vec<Part> = Vec::new();
    for piece in pieces {
        if let Some(last) = parts.last_mut()
            && last.path == *piece.path
            && let Some(chunks) = &mut last.chunks
        {
            chunks.end = piece.end;
            chunks.records = piece.records;
            last.bytes = Some(chunks.end - chunks.first.offset);
            continue;
        }
        parts.push(Part {
            path: piece.path.clone(),
            bytes: Some(piece.end - piece.first.offset),
            chunks: Some(Chunks {
                first: piece.first,
                end: piece.end,
                records: piece.records,
            }),
        });
    }
    let first = pieces.first();
    Share {
        parts,
        first_record: first.map_or(0, |piece| piece.records_before + piece.first.records),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pieces of these files, each with the bytes of its chunks; a byte is a record.
    fn shared(files: &[(&str, &[u64])], workers: usize) -> Vec<String> {
        let paths: Vec<PathBuf> = files.iter().map(|(name, _)| name.into()).collect();
        let (mut pieces, mut records_before) = (Vec::new(), 0);
        for (path, (_, chunks)) in paths.iter().zip(files) {
            let mut offset = 0;
            for bytes in *chunks {
                let end = offset + bytes;
                let first = Chunk {
                    offset,
                    bytes: 0,
                    records: offset,
                };
                pieces.push(Piece {
                    path,
                    first,
                    end,
                    records: end,
                    records_before,
                });
                offset = end;
            }
            records_before += offset;
        }
        let shown = |share: &Share| {
            let parts = share.parts.iter().map(|part| {
                let chunks = part.chunks.unwrap();
                assert_eq!(part.bytes, Some(chunks.end - chunks.first.offset));
                assert_eq!(chunks.end, chunks.records);
                let path = part.path.display();
                format!("{path} {}..{}", chunks.first.offset, chunks.end)
            });
            let parts: Vec<_> = parts.collect();
            format!("{}: {}", share.first_record, parts.join(", "))
        };
        shares(&pieces, workers).iter().map(shown).collect()
    }

    #[test]
    fn workers_share_bytes_and_each_reads_what_lies_together() {
        assert_eq!(
            shared(&[("a", &[10, 10, 10, 10])], 2),
            ["0: a 0..20", "20: a 20..40"]
        );
        assert_eq!(
            shared(&[("a", &[10, 10]), ("b", &[10, 10, 10])], 2),
            ["0: a 0..20", "20: b 0..30"]
        );
        assert_eq!(
            shared(&[("a", &[5, 5, 5]), ("b", &[5, 5, 5])], 4),
            [
                "0: a 0..5",
                "5: a 5..10",
                "10: a 10..15, b 0..5",
                "20: b 5..15"
            ]
        );
        assert_eq!(shared(&[("a", &[10, 10])], 1), ["0: a 0..20"]);
    }

    #[test]
    fn worker_has_a_chunk_at_least_and_chunks_that_are_missing_have_no_worker() {
        assert_eq!(
            shared(&[("a", &[1, 100, 1])], 3),
            ["0: a 0..1", "1: a 1..101", "101: a 101..102"]
        );
        assert_eq!(
            shared(&[("a", &[100, 1, 1])], 2),
            ["0: a 0..100", "100: a 100..102"]
        );
        assert_eq!(shared(&[("a", &[3])], 4), ["0: a 0..3"]);
        assert!(shared(&[], 4).is_empty());
    }
}
