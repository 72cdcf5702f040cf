//! The format of recordings, and the errors for invalid ones.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{Cursor, Read};

use journal_recording::{Error, Format, Frame, MAX_TOPICS, Reader, Writer};

type Owned = (
    String,
    Vec<u8>,
    Option<Vec<u8>>,
    Option<u32>,
    Option<u64>,
    Option<i64>,
);

const TOPICS: [&str; 2] = ["swh.journal.objects.origin", "swh.journal.objects.content"];

fn owned(frame: &Frame<'_>) -> Owned {
    let Frame {
        topic,
        key,
        value,
        partition,
        offset,
        timestamp_ms,
    } = *frame;
    (
        topic.to_owned(),
        key.to_vec(),
        value.map(<[u8]>::to_vec),
        partition,
        offset,
        timestamp_ms,
    )
}

fn read(bytes: &[u8]) -> Result<Vec<Owned>, Error> {
    let mut reader = Reader::new(bytes)?;
    let mut frames = Vec::new();
    while let Some(frame) = reader.next_frame()? {
        frames.push(owned(&frame));
    }
    Ok(frames)
}

fn said(bytes: &[u8]) -> String {
    read(bytes)
        .expect_err("the recording is not good")
        .to_string()
}

fn frames() -> Vec<Frame<'static>> {
    let bare = Frame {
        topic: TOPICS[0],
        key: b"key",
        value: Some(b"\x80"),
        partition: None,
        offset: None,
        timestamp_ms: None,
    };
    vec![
        bare,
        Frame {
            value: None,
            ..bare
        },
        Frame {
            key: b"",
            value: Some(b""),
            ..bare
        },
        Frame {
            topic: TOPICS[1],
            partition: Some(255),
            offset: Some(u64::MAX),
            timestamp_ms: Some(1_700_000_000_123),
            ..bare
        },
        Frame {
            partition: Some(0),
            ..bare
        },
        Frame {
            timestamp_ms: Some(-5),
            value: None,
            ..bare
        },
        Frame {
            value: Some(&[7; 300]),
            ..bare
        },
    ]
}

fn plain() -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), &TOPICS).unwrap();
    for frame in frames() {
        writer.write(&frame).unwrap();
    }
    writer.finish().unwrap()
}

fn compressed() -> Vec<u8> {
    let mut writer = Writer::compressed(Vec::new(), &TOPICS).unwrap();
    for frame in frames() {
        writer.write(&frame).unwrap();
    }
    writer.finish().unwrap()
}

/// `[topic, key, value]` as msgpack, with a key and a value of under 256 bytes.
fn legacy(topic: &str, key: &[u8], value: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x93, 0xd9, u8::try_from(topic.len()).unwrap()];
    bytes.extend_from_slice(topic.as_bytes());
    for part in [key, value] {
        bytes.extend_from_slice(&[0xc4, u8::try_from(part.len()).unwrap()]);
        bytes.extend_from_slice(part);
    }
    bytes
}

#[test]
fn what_is_written_is_read() {
    let expected: Vec<_> = frames().iter().map(owned).collect();
    for bytes in [plain(), compressed()] {
        let reader = Reader::new(&bytes[..]).unwrap();
        assert_eq!(reader.format(), Format::Frames);
        assert_eq!(reader.topics().unwrap(), TOPICS);
        assert_eq!(read(&bytes).unwrap(), expected);
    }
}

#[test]
fn compression_is_found_by_content_and_chosen_by_name() {
    let folder = tempfile::tempdir().unwrap();
    for (name, first) in [("a.journal", 0x82), ("a.journal.zst", 0x28)] {
        let path = folder.path().join(name);
        let mut writer = Writer::create(&path, &TOPICS).unwrap();
        writer.write(&frames()[0]).unwrap();
        writer.finish().unwrap();
        let other = folder.path().join("neutral");
        std::fs::rename(&path, &other).unwrap();
        assert_eq!(std::fs::read(&other).unwrap()[0], first);
        let mut reader = Reader::open(&other).unwrap();
        assert_eq!(reader.next_frame().unwrap(), Some(frames()[0]));
        assert_eq!(reader.next_frame().unwrap(), None);
        assert_eq!(reader.bytes_read(), other.metadata().unwrap().len());
    }
}

#[test]
fn header_may_be_missing() {
    let bytes = [
        legacy("a.origin", b"1", b"\x80"),
        legacy("a.content", b"2", b"\x80"),
    ]
    .concat();
    assert_eq!(Reader::new(&bytes[..]).unwrap().topics(), None);
    let frames = read(&bytes).unwrap();
    assert_eq!(frames.len(), 2);
    assert_eq!(
        frames[1],
        (
            "a.content".into(),
            b"2".into(),
            Some(b"\x80".into()),
            None,
            None,
            None
        )
    );
}

#[test]
fn header_with_further_members_is_read() {
    let mut bytes = vec![0x83, 0xa4];
    bytes.extend_from_slice(b"note\x93\x01\x02\xa1x");
    bytes.extend_from_slice(b"\xb1journal-recording\x01");
    bytes.extend_from_slice(b"\xa6topics\x91\xa1t");
    bytes.extend(legacy("t", b"1", b"\x80"));
    assert_eq!(Reader::new(&bytes[..]).unwrap().topics().unwrap(), ["t"]);
    assert_eq!(read(&bytes).unwrap().len(), 1);
}

#[test]
fn stream_returns_the_raw_value() {
    let nested =
        b"\x82\xa1a\x93\x01\x81\xc4\x01x\xc0\xd7\xff\0\0\0\0\0\0\0\x01\xa1b\xcb\0\0\0\0\0\0\0\0";
    let mut bytes = Vec::new();
    for _ in 0..3 {
        bytes.extend_from_slice(b"\x92\xa8revision");
        bytes.extend_from_slice(nested);
    }
    assert_eq!(Reader::new(&bytes[..]).unwrap().format(), Format::Stream);
    let expected = (
        "revision".into(),
        vec![],
        Some(nested.to_vec()),
        None,
        None,
        None,
    );
    assert_eq!(read(&bytes).unwrap(), vec![expected; 3]);
}

#[test]
fn zstd_frames_are_read_one_after_the_other() {
    let parts = [
        legacy("a", b"1", b"\x80"),
        legacy("a", b"2", b"\x80"),
        legacy("a", b"3", b"\x80"),
    ];
    let all = parts.concat();
    let mut bytes = b"\x50\x2a\x4d\x18\x03\0\0\0abc".to_vec();
    // The frames are split inside records.
    for part in [&all[..5], &all[5..13], &all[13..]] {
        bytes.extend(zstd::encode_all(part, 1).unwrap());
    }
    assert_eq!(read(&bytes).unwrap(), read(&all).unwrap());
    assert_eq!(read(&bytes).unwrap().len(), 3);
}

/// Returns one byte at a time, and is interrupted before each.
struct Slow<'a>(Cursor<&'a [u8]>, bool);

impl Read for Slow<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.1 = !self.1;
        if self.1 {
            return Err(std::io::ErrorKind::Interrupted.into());
        }
        let one = buffer.len().min(1);
        self.0.read(&mut buffer[..one])
    }
}

#[test]
fn slow_input_is_waited_for() {
    let expected: Vec<_> = frames().iter().map(owned).collect();
    for bytes in [plain(), compressed()] {
        let mut reader = Reader::new(Slow(Cursor::new(&bytes), false)).unwrap();
        let mut found = Vec::new();
        while let Some(frame) = reader.next_frame().unwrap() {
            found.push(owned(&frame));
        }
        assert_eq!(found, expected);
    }
}

#[test]
fn records_larger_than_the_buffer_are_whole() {
    let large: Vec<u8> = (0..3_000_000_u32)
        .map(|number| number.to_le_bytes()[0])
        .collect();
    let mut writer = Writer::compressed(Vec::new(), &TOPICS).unwrap();
    let frame = Frame {
        value: Some(&large),
        ..frames()[0]
    };
    for _ in 0..3 {
        writer.write(&frame).unwrap();
        writer.write(&frames()[0]).unwrap();
    }
    let bytes = writer.finish().unwrap();
    let mut reader = Reader::new(&bytes[..]).unwrap();
    for _ in 0..3 {
        assert_eq!(reader.next_frame().unwrap(), Some(frame));
        assert_eq!(reader.next_frame().unwrap(), Some(frames()[0]));
    }
    assert_eq!(reader.next_frame().unwrap(), None);

    // The same as a value in the stream format, where the reader must search for its end.
    let mut bytes = b"\x92\xa1x\x81\xa1a\xdd\0\x0f\x42\x40".to_vec();
    bytes.extend(std::iter::repeat_n(0xc3, 1_000_000));
    assert_eq!(
        read(&bytes).unwrap()[0].2.as_ref().unwrap().len(),
        1_000_000 + 8
    );
}

#[test]
fn every_prefix_ends_cleanly_or_is_reported_as_truncated() {
    let stream = b"\x92\xa1x\x81\xa1a\x01\x92\xa1x\x81\xa1a\x92\x01\x02".to_vec();
    let multi = [&plain()[..50], &plain()[50..]]
        .map(|part| zstd::encode_all(part, 3).unwrap())
        .concat();
    for bytes in [plain(), compressed(), stream, multi] {
        let all = read(&bytes).unwrap();
        for length in 0..bytes.len() {
            match read(&bytes[..length]) {
                Ok(frames) => assert!(all.starts_with(&frames) && frames.len() < all.len()),
                Err(Error::Empty { .. }) => assert_eq!(length, 0),
                Err(Error::NotARecording { .. }) => assert!(length < 4, "{length}"),
                // Without the end of the last checksum, all records are there.
                Err(Error::CutShort { records, .. }) => assert!(records <= all.len() as u64),
                Err(error) => panic!("cut at {length}: {error}"),
            }
        }
    }
}

#[test]
fn every_changed_byte_gives_records_or_an_error() {
    for bytes in [
        plain(),
        compressed(),
        b"\x92\xa1x\x81\xa1a\x92\x01\x02".to_vec(),
    ] {
        for index in 0..bytes.len() {
            for value in [
                0x00, 0x28, 0x81, 0x92, 0x93, 0xc0, 0xc1, 0xc6, 0xdd, 0xdf, 0xff,
            ] {
                let mut bytes = bytes.clone();
                bytes[index] = value;
                // Only a panic would fail: most changes give other valid records.
                drop(read(&bytes));
            }
        }
    }
}

#[test]
fn cut_recording_is_named_with_the_records_before_it() {
    let bytes = [legacy("t", b"1", b"\x80"), legacy("t", b"2", b"\x80")].concat();
    let cut = bytes.len() - 3;
    assert_eq!(
        said(&bytes[..cut]),
        "the recording is cut short after 1 record (10 bytes uncompressed)"
    );
    let compressed = zstd::encode_all(&bytes[..], 3).unwrap();
    assert!(said(&compressed[..compressed.len() - 1]).contains("is cut short"));
}

#[test]
fn file_is_named_in_errors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("absent");
    let Err(error) = Reader::open(&path) else {
        panic!("there is no such file")
    };
    assert_eq!(
        error.to_string(),
        format!("cannot open the recording `{}`", path.display())
    );

    let Err(error) = Reader::open(folder.path()) else {
        panic!("a folder is not a recording")
    };
    assert_eq!(
        error.to_string(),
        format!("cannot read the recording `{}`", folder.path().display())
    );
}

#[test]
fn other_files_are_not_recordings() {
    assert_eq!(said(b""), "the recording is empty");
    assert_eq!(
        said(&zstd::encode_all(&b""[..], 3).unwrap()),
        "the recording is empty"
    );
    for bytes in [
        &b"hello\n"[..],
        b"{\"a\": 1}",
        b"\x1f\x8b\x08\0\0\0",
        b"\x7fELF\x02",
        b"\xc1",
        b"\0asm\x01\0\0\0",
        b"\x89PNG\r\n\x1a\n",
        b"\x81\xa1a\x01",
        b"\x94\x01\x02\x03\x04",
    ] {
        let said = said(bytes);
        assert!(
            said.starts_with("the recording is not a recording: it begins"),
            "{said}"
        );
    }
    let said = said(&[&b"\x28\xb5\x2f\xfd"[..], &[0xff; 40]].concat());
    assert!(
        said.contains("cannot be decompressed after 0 records"),
        "{said}"
    );
}

#[test]
fn unknown_version_is_named() {
    let said = said(b"\x82\xb1journal-recording\x07\xa6topics\x07");
    assert_eq!(
        said,
        "the recording has version 7 of the format, and only version 1 is known here"
    );
}

#[test]
fn damaged_records_are_named() {
    let good = legacy("t", b"1", b"\x80");
    for (bad, what) in [
        (&b"\x92\xa1t\x80"[..], "an array of 3 or 6"),
        (b"\x80", "a second header"),
        (b"\x93\x01\xc0\xc0", "topic is not a text"),
        (b"\x93\xa1t\xa1k\xc0", "key is neither"),
        (b"\x93\xa1t\xc0\x80", "value is neither"),
        (
            b"\x96\xa1t\xc0\xc0\xcf\0\0\0\x01\0\0\0\0\xc0\xc0",
            "partition",
        ),
        (b"\x96\xa1t\xc0\xc0\xc0\xff\xc0", "offset"),
        (
            b"\x96\xa1t\xc0\xc0\xc0\xc0\xcf\xff\xff\xff\xff\xff\xff\xff\xff",
            "timestamp",
        ),
        (b"\xc1", "not msgpack"),
    ] {
        let said = said(&[&good[..], &good, bad].concat());
        assert!(
            said.contains("damaged after 2 records (20 bytes uncompressed)"),
            "{said}"
        );
        assert!(said.contains(what), "{said}");
    }
}

const BAD_NAME: &str = "and such a name is 1 to 249 of `A-Za-z0-9._-`";

#[test]
fn topic_name_that_kafka_does_not_allow_is_refused_wherever_it_stands() {
    for (name, shown) in [
        (&b"a\nb\x1b[2J"[..], "a\\nb\\x1b[2J"),
        ("\u{202e}".as_bytes(), "\\xe2\\x80\\xae"),
        (b"\xff", "\\xff"),
        (b"", ""),
        (b"..", ".."),
    ] {
        let length = 0xa0 | u8::try_from(name.len()).unwrap();
        let frame = [&[0x93, length], name, b"\xc0\xc0"].concat();
        let with_position = [&[0x96, length], name, b"\xc0\xc0\xc0\xc0\xc0"].concat();
        let pair = [&[0x92, length], name, b"\x80"].concat();
        let header = b"\x82\xb1journal-recording\x01\xa6topics\x92\xa1t";
        let header = [&header[..], &[length], name].concat();
        for bytes in [frame, with_position, pair, header] {
            let said = said(&bytes);
            assert_eq!(
                said,
                format!("the recording has a topic with the name `{shown}`, {BAD_NAME}")
            );
        }
    }
    let good = legacy("t", b"1", b"\x80");
    let second = [&good[..], b"\x93\xa1 \xc0\xc0"].concat();
    assert!(said(&second).contains(BAD_NAME));
}

#[test]
fn topic_name_that_kafka_does_not_allow_is_not_written() {
    let long = "a".repeat(250);
    for name in ["a\n", "", &long] {
        let error = Writer::new(Vec::new(), &["a", name]).err().unwrap();
        assert!(matches!(error, Error::BadTopicName { .. }), "{error}");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kept");
    std::fs::write(&path, "kept").unwrap();
    assert!(Writer::create(&path, &["a b"]).is_err());
    assert_eq!(std::fs::read(&path).unwrap(), b"kept");
}

/// A few kilobytes of compressed zeros stand for any number of names.
#[test]
fn header_of_many_names_is_refused_before_it_takes_much_memory() {
    let header = |count: u32, names: &[u8]| {
        let mut bytes = b"\x82\xb1journal-recording\x01\xa6topics\xdd".to_vec();
        bytes.extend_from_slice(&count.to_be_bytes());
        bytes.extend_from_slice(names);
        zstd::encode_all(&bytes[..], 3).unwrap()
    };
    let many = u32::try_from(MAX_TOPICS).unwrap() + 1;
    assert_eq!(
        said(&header(many, &b"\xa1a".repeat(MAX_TOPICS + 1))),
        "the recording has more than 10000 topics"
    );
    let names = b"\xa1a".repeat(20 << 20);
    assert_eq!(
        said(&header(20 << 20, &names)),
        "the recording is not a recording: it begins with a header of more than 1 MiB"
    );
}

#[test]
fn topics_are_counted_up_to_a_limit() {
    let mut bytes = Vec::new();
    for number in 0..=MAX_TOPICS {
        bytes.extend_from_slice(&legacy(&number.to_string(), b"", b""));
    }
    let error = Reader::new(&bytes[..]).unwrap().count().unwrap_err();
    assert!(matches!(error, Error::TooManyTopics { .. }), "{error}");
}

#[test]
fn record_that_claims_too_much_is_refused_before_it_is_read() {
    let said = said(b"\x93\xa5topic\xc0\xc6\xff\xff\xff\xff");
    assert_eq!(
        said,
        "the recording holds a record of 4294967308 bytes or more in `topic` after 0 records, and the limit is 1073741824"
    );
}

#[test]
fn record_above_the_limit_of_a_reader_is_refused_by_its_claim() {
    let claim = |bytes: u32| [b"\x93\xa1t\xc0\xc6", &bytes.to_be_bytes()[..]].concat();
    let said = |bytes: &[u8]| {
        let mut reader = Reader::new(bytes).unwrap();
        reader.set_limit(1000);
        reader.next_frame().map(drop).unwrap_err().to_string()
    };
    assert!(said(&claim(1000)).contains("is cut short"));
    assert_eq!(
        said(&claim(2000)),
        "the recording holds a record of 2009 bytes or more in `t` after 0 records, and the limit is 1000"
    );
    // In the stream format only the end of an object says how large it is.
    let object = [
        &b"\x92\xa1t\x81\xa1a\xdd\0\x01\0\0"[..],
        &vec![0xc0; 1 << 16],
    ]
    .concat();
    assert!(said(&object).ends_with("and the limit is 1000"));
}

#[test]
fn header_above_the_limit_is_neither_read_nor_written() {
    let names: Vec<String> = (0..5000).map(|number| format!("{number:0>240}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let error = Writer::new(Vec::new(), &names).err().unwrap().to_string();
    assert!(
        error.ends_with("begin with a header of more than 1 MiB"),
        "{error}"
    );
    let mut bytes = b"\x82\xb1journal-recording\x01\xa6topics\xdd".to_vec();
    bytes.extend_from_slice(&5000_u32.to_be_bytes());
    for name in &names {
        bytes.extend_from_slice(b"\xd9\xf0");
        bytes.extend_from_slice(name.as_bytes());
    }
    assert!(said(&bytes).ends_with("begins with a header of more than 1 MiB"));
    let most: Vec<&str> = names[..4000].to_vec();
    let written = Writer::new(Vec::new(), &most).unwrap().finish().unwrap();
    let reader = Reader::new(&written[..]).unwrap();
    assert_eq!(reader.topics().map(<[String]>::len), Some(4000));
}

#[test]
fn topic_that_is_not_in_the_header_is_not_written() {
    let mut writer = Writer::new(Vec::new(), &["a"]).unwrap();
    let error = writer.write(&frames()[0]).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("does not list the topic `swh.journal.objects.origin`")
    );
}

#[test]
fn unfinished_compressed_recording_is_cut_short() {
    let mut bytes = Vec::new();
    let mut writer = Writer::compressed(&mut bytes, &TOPICS).unwrap();
    writer.write(&frames()[0]).unwrap();
    drop(writer);
    assert!(matches!(
        read(&bytes),
        Err(Error::Empty { .. } | Error::CutShort { .. })
    ));
}

#[test]
fn records_are_counted_by_topic() {
    let counts = Reader::new(&plain()[..]).unwrap().count().unwrap();
    assert_eq!(
        counts.into_iter().collect::<Vec<_>>(),
        [(TOPICS[1].to_owned(), 1), (TOPICS[0].to_owned(), 6),]
    );
}

#[test]
fn record_that_was_put_back_is_returned_again() {
    let bytes = compressed();
    let mut reader = Reader::new(&bytes[..]).unwrap();
    reader.put_back();
    for frame in frames() {
        assert_eq!(reader.next_frame().unwrap(), Some(frame));
        reader.put_back();
        reader.put_back();
        assert_eq!(reader.next_frame().unwrap(), Some(frame));
    }
    assert_eq!(reader.records(), frames().len() as u64);
    assert_eq!(reader.next_frame().unwrap(), None);
    reader.put_back();
    assert_eq!(reader.next_frame().unwrap(), None);
}

#[test]
fn too_large_record_is_named_by_what_comes_after_its_value() {
    let refused = |tail: &[u8], bytes: usize| {
        let mut recording = b"\x96\xa1t\xc4\x01k\xc6".to_vec();
        recording.extend(u32::try_from(bytes).unwrap().to_be_bytes());
        recording.resize(recording.len() + bytes, 7);
        recording.extend(tail);
        [
            recording.clone(),
            zstd::encode_all(&recording[..], 1).unwrap(),
        ]
        .map(|recording| {
            let mut reader = Reader::new(&recording[..]).unwrap();
            reader.set_limit(1000);
            reader.next_frame().map(drop).unwrap_err().to_string()
        })
    };
    // A small record is read whole, so that a wrong tail is damage of its own.
    for (bytes, cases) in [(2000, 0..3), (1 << 20, 0..5)] {
        for (tail, named) in &[
            (
                &b"\x07\xcd\x01\x00\xc0"[..],
                " in `t` partition 7 offset 256 after 0 records",
            ),
            (b"\xc0\x05\xc0", " in `t` offset 5 after 0 records"),
            (b"\xc0\xc0\xc0", " in `t` after 0 records"),
            (b"\xa1x", " in `t` after 0 records"),
            (b"", " in `t` after 0 records"),
        ][cases]
        {
            for error in refused(tail, bytes) {
                assert!(error.contains(named), "{error}");
            }
        }
    }
}
