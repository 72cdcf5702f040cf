//! Files whose names promise compressed lines.

use std::fs::{self, OpenOptions};
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::os::unix::fs::symlink;

use super::{emit_and_flush, open, read, text};
use crate::sink::jsonl::compression::Compression;
use crate::sink::jsonl::tail::{Tail, tail};
use crate::sink::jsonl::{LinesOfOneFile, OpenError};
use crate::sink::{SinkError, files};

const NAMES: [&str; 2] = ["rows.jsonl.gz", "rows.jsonl.zst"];

fn both() -> [Compression; 2] {
    [Compression::Gzip, Compression::Zstd]
}

fn tail_of(bytes: &[u8], compression: Compression) -> Tail {
    tail(&mut Cursor::new(bytes), Some(compression)).unwrap()
}

#[test]
fn each_checkpoint_appends_one_whole_member() {
    for name in NAMES {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        let mut sink = open(&["rows"], &[text(&path)]).unwrap();
        let mut before = Vec::new();
        let mut expected = String::new();
        for number in 1..4 {
            emit_and_flush(&mut sink, number).unwrap();
            let line = format!("{{\"n\":{number}}}\n");
            expected.push_str(&line);
            assert_eq!(read(&path), expected);
            let bytes = fs::read(&path).unwrap();
            assert!(bytes.starts_with(&before), "{name}");
            let compression = Compression::of_name(name).unwrap();
            assert!(bytes[before.len()..].starts_with(compression.header()));
            before = bytes;
            // A checkpoint without rows writes nothing.
            sink.flush().unwrap();
            assert_eq!(fs::read(&path).unwrap(), before, "{name}");
        }
    }
}

#[test]
fn half_member_of_a_crash_is_cut_off_at_opening() {
    for name in NAMES {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        let mut sink = open(&["rows"], &[text(&path)]).unwrap();
        emit_and_flush(&mut sink, 1).unwrap();
        let first = fs::read(&path).unwrap().len();
        emit_and_flush(&mut sink, 2).unwrap();
        drop(sink);
        let whole = fs::read(&path).unwrap();
        for length in 0..=whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            let mut sink = open(&["rows"], &[text(&path)]).unwrap();
            let kept = match length {
                _ if length == whole.len() => whole.len(),
                _ if length >= first => first,
                _ => 0,
            };
            let length_after = fs::read(&path).unwrap().len();
            assert_eq!(length_after, kept, "{name} of {length} bytes");
            if [1, first + 1, whole.len()].contains(&length) {
                emit_and_flush(&mut sink, 3).unwrap();
                let rows = read(&path);
                assert!(rows.ends_with("{\"n\":3}\n"), "{name}: {rows}");
            }
        }
    }
}

#[test]
fn what_is_not_left_by_a_crash_is_refused_and_not_changed() {
    for name in NAMES {
        let compression = Compression::of_name(name).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        let member = compression.compress(b"{\"n\":1}\n").unwrap();
        let mut damaged = [&member[..], &member].concat();
        // A byte of the checksum, or of the text.
        let index = damaged.len() - 8;
        damaged[index] ^= 1;
        for content in [
            b"{\"n\":1}\n".to_vec(),
            b"(".repeat(3),
            [&member[..], b"Dear reader,\n"].concat(),
            [&member[..], &[0; 20]].concat(),
            compression.compress(b"{\"n\":1}").unwrap(),
            damaged,
        ] {
            fs::write(&path, &content).unwrap();
            let error = open(&["rows"], &[text(&path)]).err().unwrap();
            let expected = format!(
                "`{}` does not end with a {} of whole lines, so nothing can be appended to it",
                path.display(),
                compression.unit()
            );
            assert_eq!(error.to_string(), expected);
            assert_eq!(fs::read(&path).unwrap(), content);
        }
    }
}

/// A file in memory that counts what is read of it.
struct Counted {
    bytes: Cursor<Vec<u8>>,
    read: usize,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.bytes.read(buffer)?;
        self.read += count;
        Ok(count)
    }
}

impl Seek for Counted {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.bytes.seek(to)
    }
}

#[test]
fn only_the_end_of_a_large_file_is_read() {
    for compression in both() {
        let member = compression.compress(&b"{\"n\":1}\n".repeat(100)).unwrap();
        let whole = member.repeat((16 << 20) / member.len());
        let half = [&whole[..], &member[..member.len() - 1]].concat();
        let bytes = member.len() as u64 - 1;
        let begin = whole.len() as u64;
        for (file, expected) in [(whole, Tail::Whole), (half, Tail::Half { begin, bytes })] {
            let mut file = Counted {
                bytes: Cursor::new(file),
                read: 0,
            };
            assert_eq!(tail(&mut file, Some(compression)).unwrap(), expected);
            assert!(file.read < 1 << 20, "{} bytes were read", file.read);
        }
    }
}

/// Bytes that do not compress.
fn noise(count: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    (0..count).map(next).collect()
}

#[test]
fn beginnings_of_members_are_found_across_the_chunks_of_the_search() {
    for compression in both() {
        let small = compression.compress(b"{}\n").unwrap();
        // The last member begins around the beginning of the last chunk.
        for count in (64 << 10) - 40..(64 << 10) + 5 {
            let lines = [&noise(count)[..], b"\n"].concat();
            let file = [&small[..], &compression.compress(&lines).unwrap()].concat();
            assert_eq!(tail_of(&file, compression), Tail::Whole, "{count}");
        }
    }
}

#[test]
fn bytes_within_a_member_that_look_like_a_beginning_are_none() {
    for compression in both() {
        let header = compression.header();
        let mut lines = noise(300_000);
        for offset in [5, 1000, 150_000, 299_000] {
            lines[offset..offset + header.len()].copy_from_slice(header);
        }
        lines.push(b'\n');
        let member = compression.compress(&lines).unwrap();
        let is_the_header = |bytes: &&[u8]| *bytes == header;
        let found = member.windows(header.len()).filter(is_the_header).count();
        assert!(found > 1, "they are in the member as they are");
        let small = compression.compress(b"{}\n").unwrap();
        let file = [&small[..], &member].concat();
        assert_eq!(tail_of(&file, compression), Tail::Whole);
        let begin = small.len() as u64;
        let bytes = member.len() as u64 - 1;
        let half = &file[..file.len() - 1];
        assert_eq!(tail_of(half, compression), Tail::Half { begin, bytes });
        let (begin, bytes) = (0, 200_000);
        let half = &member[..200_000];
        assert_eq!(tail_of(half, compression), Tail::Half { begin, bytes });
    }
}

/// Other programs write members with more in their headers than this host does.
#[test]
fn members_of_gzip_with_names_and_extra_fields_are_whole() {
    let member = Compression::Gzip.compress(b"{}\n").unwrap();
    let (header, data) = member.split_at(10);
    for (flags, fields) in [
        (0b0_1000, &b"rows.jsonl\0"[..]),
        (0b0_0100, b"\x03\0abc"),
        (0b1_0000, b"a comment\0"),
        (0b1_1110, b"\x02\0ab"),
    ] {
        let mut foreign = header.to_vec();
        foreign[3] = flags;
        foreign.extend_from_slice(fields);
        if flags == 0b1_1110 {
            foreign.extend_from_slice(b"name\0comment\0\x01\x02");
        }
        foreign.extend_from_slice(data);
        assert_eq!(tail_of(&foreign, Compression::Gzip), Tail::Whole);
        let more = [&foreign[..], &member].concat();
        assert_eq!(tail_of(&more, Compression::Gzip), Tail::Whole);
        // This host did not begin it.
        let half = &foreign[..foreign.len() - 1];
        assert_eq!(tail_of(half, Compression::Gzip), Tail::Foreign);
    }
    let reserved = [&header[..3], &[0b0010_0000], &header[4..], data].concat();
    assert_eq!(tail_of(&reserved, Compression::Gzip), Tail::Foreign);
}

#[test]
fn file_that_is_moved_or_truncated_is_continued_with_whole_members() {
    for name in NAMES {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        let moved = folder.path().join(format!("1.{name}"));
        let mut sink = open(&["rows"], &[text(&path)]).unwrap();
        emit_and_flush(&mut sink, 1).unwrap();
        fs::rename(&path, &moved).unwrap();
        emit_and_flush(&mut sink, 2).unwrap();
        assert_eq!(read(&moved), "{\"n\":1}\n");
        emit_and_flush(&mut sink, 3).unwrap();
        let other = OpenOptions::new().write(true).open(&path).unwrap();
        other.set_len(path.metadata().unwrap().len() - 3).unwrap();
        emit_and_flush(&mut sink, 4).unwrap();
        assert_eq!(read(&path), "{\"n\":2}\n{\"n\":4}\n");
        fs::write(&path, "{}\n").unwrap();
        let Err(SinkError::Changed { source, .. }) = emit_and_flush(&mut sink, 5) else {
            panic!("plain lines are no members");
        };
        assert!(matches!(source, OpenError::NotMembers { .. }), "{source}");
    }
}

#[test]
fn two_names_of_a_file_promise_one_format() {
    let folder = tempfile::tempdir().unwrap();
    let (plain, compressed) = (folder.path().join("rows"), folder.path().join("rows.gz"));
    symlink(&plain, &compressed).unwrap();
    let bindings = [
        format!("a={}", text(&plain)),
        format!("b={}", text(&compressed)),
    ];
    let error = open(&["a", "b"], &bindings).err().unwrap();
    assert_eq!(
        error.to_string(),
        format!(
            "`{}` has names that promise different compressions",
            compressed.display()
        )
    );
}

#[test]
fn lines_of_one_file_are_never_compressed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("letters.gz");
    let files: std::sync::Arc<dyn files::Files> = std::sync::Arc::new(files::SystemFiles);
    let lines = LinesOfOneFile::open(&files, &text(&path)).unwrap();
    lines.append(b"{}\n").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"{}\n");
}
