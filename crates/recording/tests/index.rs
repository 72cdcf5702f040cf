//! The index of a compressed recording, and reading by it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::{Cursor, Read};
use std::path::PathBuf;

use journal_recording::{Frame, Index, Reader, Writer};
use tempfile::TempDir;

const TOPIC: &str = "swh.journal.objects.origin";
/// Bytes of a value, of which five make a chunk.
const VALUE: usize = 838_860;

/// A recording of this many records, the offsets of which count them.
fn recording(folder: &TempDir, records: u64) -> PathBuf {
    let path = folder.path().join("r.journal.zst");
    let mut writer = Writer::create(&path, &[TOPIC]).unwrap();
    for offset in 0..records {
        let value = vec![u8::try_from(offset % 251).unwrap(); VALUE];
        writer.write(&frame(&value, Some(offset))).unwrap();
    }
    writer.finish().unwrap();
    path
}

fn frame(value: &[u8], offset: Option<u64>) -> Frame<'_> {
    Frame {
        topic: TOPIC,
        key: b"key",
        value: Some(value),
        partition: Some(0),
        offset,
        timestamp_ms: None,
    }
}

fn index(path: &PathBuf) -> Option<Index> {
    Index::read(&mut fs::File::open(path).unwrap()).unwrap()
}

/// The offsets of the records that a reader has.
fn offsets<R: Read>(mut reader: Reader<R>) -> Vec<u64> {
    let mut offsets = Vec::new();
    while let Some(frame) = reader.next_frame().unwrap() {
        offsets.push(frame.offset.unwrap());
    }
    offsets
}

#[test]
fn chunks_hold_the_records_that_the_index_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = recording(&folder, 23);
    let index = index(&path).unwrap();
    let begins: Vec<u64> = index.chunks.iter().map(|chunk| chunk.records).collect();
    assert_eq!(begins, [0, 5, 10, 15, 20]);
    assert_eq!(index.records, 23);
    let ends = index.chunks.iter().skip(1);
    let ends = ends.map(|next| (next.offset, next.records));
    let ends: Vec<_> = ends.chain([(index.bytes, index.records)]).collect();
    for (first, chunk) in index.chunks.iter().enumerate() {
        for &(end, records) in &ends[first..] {
            let reader = Reader::chunks(&path, *chunk, end).unwrap();
            let expected: Vec<u64> = (chunk.records..records).collect();
            assert_eq!(offsets(reader), expected);
        }
    }
}

#[test]
fn index_changes_nothing_for_whoever_reads_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = recording(&folder, 12);
    assert_eq!(offsets(Reader::open(&path).unwrap()).len(), 12);
    // Any decompressor passes over it.
    let mut plain = Vec::new();
    let mut decoder = zstd::Decoder::new(fs::File::open(&path).unwrap()).unwrap();
    decoder.read_to_end(&mut plain).unwrap();
    let index = index(&path).unwrap();
    let last = index.chunks.last().unwrap();
    assert!(plain.len() as u64 > last.bytes);
    let reader = Reader::new(&plain[..]).unwrap();
    assert_eq!(offsets(reader), (0..12).collect::<Vec<_>>());
}

/// Whether there is no error up to the end.
fn is_read<R: Read>(mut reader: Reader<R>) -> bool {
    while let Ok(frame) = reader.next_frame() {
        if frame.is_none() {
            return true;
        }
    }
    false
}

/// Random bytes are stored as they are, so that nothing but a checksum shows another one.
#[test]
fn damage_is_an_error_wherever_it_is_and_whoever_reads() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.journal.zst");
    let mut writer = Writer::create(&path, &[TOPIC]).unwrap();
    let mut state = 1_u64;
    for offset in 0..12 {
        let random = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            state.to_be_bytes()[0]
        };
        let value: Vec<u8> = std::iter::repeat_with(random).take(VALUE).collect();
        writer.write(&frame(&value, Some(offset))).unwrap();
    }
    writer.finish().unwrap();
    let index = index(&path).unwrap();
    let whole = fs::read(&path).unwrap();
    let ends = index.chunks.iter().skip(1).map(|next| next.offset);
    let ends = ends.chain([index.bytes]);
    for (chunk, end) in index.chunks.iter().zip(ends) {
        assert!(is_read(Reader::chunks(&path, *chunk, end).unwrap()));
        let at = usize::try_from(u64::midpoint(chunk.offset, end)).unwrap();
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        fs::write(&path, &damaged).unwrap();
        assert!(!is_read(Reader::chunks(&path, *chunk, end).unwrap()));
        assert!(!is_read(Reader::open(&path).unwrap()));
        fs::write(&path, &whole).unwrap();
    }
}

#[test]
fn recording_has_one_chunk_until_it_is_large_and_none_without_offsets() {
    let folder = tempfile::tempdir().unwrap();
    for records in [0, 1, 5] {
        let index = index(&recording(&folder, records)).unwrap();
        assert_eq!((index.chunks.len(), index.records), (1, records));
    }
    let mut writer = Writer::compressed(Vec::new(), &[TOPIC]).unwrap();
    writer.write(&frame(b"a", Some(1))).unwrap();
    writer.write(&frame(b"a", None)).unwrap();
    let bytes = writer.finish().unwrap();
    assert!(Index::read(&mut Cursor::new(&bytes)).unwrap().is_none());
    let plain = Writer::new(Vec::new(), &[TOPIC]).unwrap().finish().unwrap();
    assert!(Index::read(&mut Cursor::new(&plain)).unwrap().is_none());
}

#[test]
fn reading_fails_where_no_chunk_begins_or_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = recording(&folder, 12);
    let index = index(&path).unwrap();
    let (mut chunk, end) = (index.chunks[1], index.bytes);
    for offset in [chunk.offset - 1, chunk.offset + 1] {
        chunk.offset = offset;
        let mut reader = Reader::chunks(&path, chunk, end).unwrap();
        let error = reader.next_frame().unwrap_err();
        assert!(
            error.to_string().contains("cannot be decompressed"),
            "{error}"
        );
    }
    // A chunk that is cut is no whole frame of zstd.
    let cut = index.chunks[2].offset - 1;
    let mut reader = Reader::chunks(&path, index.chunks[1], cut).unwrap();
    let error = loop {
        match reader.next_frame() {
            Ok(frame) => assert!(frame.is_some(), "it ends like a whole one"),
            Err(error) => break error,
        }
    };
    assert!(error.to_string().contains("is cut short"), "{error}");
}
