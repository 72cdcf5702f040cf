//! Recordings, plain and compressed.

use std::io::Cursor;

use journal_recording::{Chunk, Frame, Index, Reader, Writer};

use super::{Target, kind};

/// Reads recordings to their end, and by their index if they have one.
pub(super) struct Recordings;

impl Target for Recordings {
    fn seeds(&self) -> Vec<Vec<u8>> {
        let topic = "swh.journal.objects.origin";
        let frame = |number: u32| Frame {
            topic,
            key: b"k",
            value: (number != 1).then_some(b"\x81\xa3url\xa1u"),
            partition: (number != 2).then_some(number),
            offset: (number != 3).then_some(number.into()),
            timestamp_ms: (number != 4).then_some(number.into()),
        };
        let mut plain = Writer::new(Vec::new(), &[topic]).expect("memory can be written");
        let mut compressed =
            Writer::compressed(Vec::new(), &[topic]).expect("memory can be written");
        for number in 0..6 {
            plain.write(&frame(number)).expect("memory can be written");
            compressed
                .write(&frame(number))
                .expect("memory can be written");
        }
        let plain = plain.finish().expect("memory can be written");
        let without_header = plain[53..].to_vec();
        let mut indexed = Writer::compressed(Vec::new(), &[topic]).expect("memory can be written");
        indexed.write(&frame(5)).expect("memory can be written");
        vec![
            indexed.finish().expect("memory can be written"),
            in_two_chunks(topic),
            compressed.finish().expect("memory can be written"),
            without_header,
            b"\x92\xa6origin\x81\xa3url\xa1u".to_vec(),
            plain,
            Vec::new(),
        ]
    }

    fn take(&mut self, input: &[u8]) -> String {
        let mut reader = match Reader::new(input) {
            Ok(reader) => reader,
            Err(error) => return kind(&error.to_string()),
        };
        let mut records = 0;
        let by_index = by_index(input);
        loop {
            match reader.next_frame() {
                Ok(Some(frame)) => {
                    records += 1;
                    assert!(!frame.topic.is_empty(), "a topic has a name");
                }
                Ok(None) => {
                    if let Some(by_index) = by_index {
                        assert_eq!(by_index, records, "chunks hold the records of the whole");
                    }
                    return format!("{:?} of {} records", reader.format(), records.min(9));
                }
                Err(error) => return kind(&error.to_string()),
            }
        }
    }
}

/// The number of records of all chunks, if there is an index and each chunk has as many records as it says.
fn by_index(input: &[u8]) -> Option<u64> {
    let index = Index::read(&mut Cursor::new(input)).ok().flatten()?;
    let ends = index.chunks.iter().skip(1);
    let ends = ends.map(|next| (next.offset, next.records));
    let ends = ends.chain([(index.bytes, index.records)]);
    let mut records = 0;
    for (chunk, (end, expected)) in index.chunks.iter().zip(ends) {
        let mut reader = Reader::chunks_of(Cursor::new(input), *chunk, end).ok()?;
        while reader.next_frame().ok()?.is_some() {
            records += 1;
        }
        (reader.records() == expected).then_some(())?;
    }
    Some(records)
}

/// A recording whose index has two chunks.
fn in_two_chunks(topic: &str) -> Vec<u8> {
    let of = |offset| {
        let frame = Frame {
            topic,
            key: b"k",
            value: Some(b"\x81\xa3url\xa1u"),
            partition: Some(0),
            offset: Some(offset),
            timestamp_ms: None,
        };
        let mut writer = Writer::new(Vec::new(), &[topic]).expect("memory can be written");
        writer.write(&frame).expect("memory can be written");
        writer.finish().expect("memory can be written")
    };
    let plain = [of(0), of(1)];
    // The second one has no header.
    let header = Writer::new(Vec::new(), &[topic]).and_then(Writer::finish);
    let header = header.expect("memory can be written").len();
    let first = zstd::encode_all(&plain[0][..], 1).expect("memory can be written");
    let second = zstd::encode_all(&plain[1][header..], 1).expect("memory can be written");
    let length = |bytes: &[u8]| bytes.len() as u64;
    let index = Index {
        bytes: length(&first) + length(&second),
        records: 2,
        chunks: vec![
            Chunk::default(),
            Chunk {
                offset: length(&first),
                bytes: length(&plain[0]),
                records: 1,
            },
        ],
    };
    let index = index.to_frame().expect("it is small");
    [first, second, index].concat()
}
