//! Recordings that are damaged, or claim what they do not have.

use crate::table::{Case, fails, succeeds};
use journal_recording::{Chunk, Index};
use journal_tests::guest::Guest;

const ORIGINS: &str = "swh.journal.objects.origin";

/// A text or bytes of up to 65,535 bytes as msgpack.
fn sized(head: u8, bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).expect("it is short");
    [&[head], &length.to_be_bytes()[..], bytes].concat()
}

fn text(text: &str) -> Vec<u8> {
    sized(0xda, text.as_bytes())
}

pub(crate) fn bytes(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).expect("it is short");
    [&[0xc6], &length.to_be_bytes()[..], bytes].concat()
}

/// A record: a topic, a key and a value, each as msgpack.
fn frame(topic: &[u8], key: &[u8], value: &[u8]) -> Vec<u8> {
    [&[0x93], topic, key, value].concat()
}

/// A record with a partition, an offset and a timestamp, each as msgpack.
fn located(partition: &[u8], offset: &[u8], timestamp: &[u8]) -> Vec<u8> {
    let (topic, value) = (text(ORIGINS), bytes(b"\x81\xa3url\xa1u"));
    [
        &[0x96],
        &topic[..],
        &bytes(b"k"),
        &value,
        partition,
        offset,
        timestamp,
    ]
    .concat()
}

/// A record of this object type with this value.
pub(crate) fn of_type(object_type: &str, value: &[u8]) -> Vec<u8> {
    let topic = text(&format!("swh.journal.objects.{object_type}"));
    frame(&topic, &bytes(b"k"), &bytes(value))
}

/// A recording of one origin.
pub(crate) fn one_origin() -> Vec<u8> {
    of_type("origin", b"\x81\xa3url\xb3https://example.org")
}

/// A header with these topics, whose list is msgpack.
fn header(topics: &[u8]) -> Vec<u8> {
    [b"\x82\xb1journal-recording\x01\xa6topics", topics].concat()
}

fn zstd(plain: &[u8]) -> Vec<u8> {
    zstd::encode_all(plain, 1).expect("memory can be written")
}

/// Zeros that were compressed, after the head of a value that claims as many.
fn compressed_value(claimed: u32, zeros: usize) -> Vec<u8> {
    let mut plain = [&[0x93], &text(ORIGINS)[..], &bytes(b"k"), &[0xc6]].concat();
    plain.extend_from_slice(&claimed.to_be_bytes());
    plain.resize(plain.len() + zeros, 0);
    zstd(&plain)
}

/// A dead letter with this key, in base64.
fn letter(key: &str) -> String {
    format!(
        "{{\"topic\":\"{ORIGINS}\",\"partition\":0,\"offset\":{},\"timestamp\":null,\"key\":\"{key}\",\"value\":\"gaN1cmyhdQ==\"}}\n",
        key.len()
    )
}

/// A compressed recording of two chunks with an index that was changed.
fn indexed(change: impl FnOnce(&mut Index)) -> Vec<u8> {
    let (partition, timestamp) = (b"\x00", b"\xc0");
    let header = header(&[b"\x91", &text(ORIGINS)[..]].concat());
    let first = [&header[..], &located(partition, b"\x00", timestamp)].concat();
    let second = [
        located(partition, b"\x01", timestamp),
        located(partition, b"\x02", timestamp),
    ]
    .concat();
    let chunks = [&first, &second].map(|plain| zstd(plain));
    let length = |bytes: &[u8]| bytes.len() as u64;
    let mut index = Index {
        bytes: length(&chunks[0]) + length(&chunks[1]),
        records: 3,
        chunks: vec![
            Chunk::default(),
            Chunk {
                offset: length(&chunks[0]),
                bytes: length(&first),
                records: 1,
            },
        ],
    };
    change(&mut index);
    let frame = index.to_frame().expect("it is small");
    [&chunks[0], &chunks[1], &frame]
        .into_iter()
        .flatten()
        .copied()
        .collect()
}

/// Recordings with an index that says what is not there, read by two workers.
fn of_indexes() -> Vec<Case> {
    let two = ["--workers", "2"];
    let over = |name, recording: Vec<u8>, message| {
        let case = fails(name, Guest::default().module(), message);
        case.over(recording).with(&two)
    };
    let passes = |name, recording: Vec<u8>, log| {
        let case = succeeds(name, Guest::default().module(), log);
        case.over(recording).with(&two)
    };
    let with_end = |end: &[u8]| {
        let mut recording = indexed(|_| ());
        let length = recording.len();
        recording[length - end.len()..].copy_from_slice(end);
        recording
    };
    let damaged = "is damaged: it ";
    vec![
        passes("index that is right", indexed(|_| ()), "3 objects"),
        passes(
            "index without chunks",
            indexed(|index| index.chunks.clear()),
            damaged,
        ),
        passes(
            "index whose chunks are in another order",
            indexed(|index| index.chunks.reverse()),
            damaged,
        ),
        passes(
            "index with a chunk outside of the file",
            indexed(|index| index.chunks[1].offset = u64::MAX),
            damaged,
        ),
        passes(
            "index of another file",
            indexed(|index| index.bytes += 1),
            damaged,
        ),
        passes(
            "index that claims gigabytes",
            with_end(b"\xff\xff\xff\xffjr-index"),
            "is damaged: it is larger than 32 MiB",
        ),
        passes(
            "index that claims more than the file has",
            with_end(b"\x00\x00\x00\x01jr-index"),
            damaged,
        ),
        over(
            "index that claims other records",
            indexed(|index| index.chunks[1].records = 2),
            "has other records than its index says",
        ),
        over(
            "index that claims more records",
            indexed(|index| index.records = 9),
            "has other records than its index says",
        ),
        over(
            "index with a chunk where none begins",
            indexed(|index| index.chunks[1].offset += 1),
            "cannot be decompressed|is cut short",
        ),
    ]
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = of_content();
    cases.extend(of_indexes());
    cases
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn of_content() -> Vec<Case> {
    let over = |name, recording: Vec<u8>, message| {
        fails(name, Guest::default().module(), message).over(recording)
    };
    let passes = |name, recording: Vec<u8>, log| {
        succeeds(name, Guest::default().module(), log).over(recording)
    };
    let (topic, key, value) = (text(ORIGINS), bytes(b"k"), bytes(b"\x81\xa3url\xa1u"));
    let good = frame(&topic, &key, &value);
    let half = |bytes: &[u8]| bytes[..bytes.len() / 2].to_vec();
    let named = |name: &str| frame(&text(name), &key, &value);
    let many_topics = (0..20_000).map(|number| text(&format!("a.b.t{number}")));
    let many_topics = many_topics.collect::<Vec<_>>().concat();
    vec![
        over("recording that is empty", Vec::new(), "is empty"),
        over(
            "recording that is text",
            b"{\"url\": \"https://example.org\"}\n".to_vec(),
            "is not a recording: it begins like JSON, and not with a dead letter",
        ),
        over(
            "dead letter that is nested deep",
            [&b"{\"topic\": "[..], &vec![b'['; 1 << 20]].concat(),
            "is not a recording: it begins like JSON, and not with a dead letter",
        ),
        over(
            "dead letter without an end",
            [&b"{\"topic\": \""[..], &vec![b'a'; 40 << 20]].concat(),
            "is not a recording: it begins like JSON, and not with a dead letter",
        ),
        over(
            "dead letter with a member that is nested deep",
            [
                letter("").as_bytes(),
                b"{\"key\": ",
                &vec![b'['; 1 << 20],
                b"\n",
            ]
            .concat(),
            "line 2 is not a dead letter: ",
        ),
        over(
            "dead letter whose key is not base64",
            [letter(""), letter("%")].concat().into_bytes(),
            "line 2 is not a dead letter: Invalid",
        ),
        over(
            "dead letter of a topic with an escape sequence",
            letter("").replace("swh", "\\u001b[2J").into_bytes(),
            "has a topic with the name `\\x1b[2J",
        ),
        over(
            "recording of zeros",
            vec![0; 1 << 20],
            "is not a recording: it begins neither with a header nor with a record",
        ),
        over(
            "recording of reserved bytes",
            vec![0xc1; 100],
            "is not a recording: it begins neither with a header nor with a record",
        ),
        over(
            "recording that is a list in a list",
            vec![0x91; 1 << 20],
            "is not a recording: it begins neither with a header nor with a record",
        ),
        over(
            "half a record",
            half(&good),
            "is cut short after 0 records (0 bytes uncompressed)",
        ),
        over(
            "record and a half",
            [&good[..], &half(&good)].concat(),
            "is cut short after 1 record (48 bytes uncompressed)",
        ),
        over(
            "record of four parts",
            [b"\x94", &topic[..], &key, &value, &value].concat(),
            "is not a recording: it begins neither with a header nor with a record",
        ),
        over(
            "record with a topic that is a number",
            frame(b"\x01", &key, &value),
            "is damaged after 0 records (0 bytes uncompressed): it holds a record whose topic is not a ",
        ),
        over(
            "record with a key that is a text",
            frame(&topic, &text("k"), &value),
            "is damaged after 0 records (0 bytes uncompressed): it holds a record whose key is neither ",
        ),
        over(
            "record with a value that is a map",
            frame(&topic, &key, b"\x80"),
            "is damaged after 0 records (0 bytes uncompressed): it holds a record whose value is neithe",
        ),
        over(
            "record that claims four billion parts",
            [b"\xdd\xff\xff\xff\xff", &topic[..]].concat(),
            "is not a recording: it begins neither with a header nor with a record",
        ),
        over(
            "value that claims 4 GiB",
            frame(&topic, &key, b"\xc6\xff\xff\xff\xff"),
            "holds a record of 4294967336 bytes or more in `swh.journal.objects.origin` after 0 records",
        ),
        over(
            "value that claims 1 GiB",
            frame(&topic, &key, b"\xc6\x40\x00\x00\x00"),
            "holds a record of 1073741865 bytes or more in `swh.journal.objects.origin` after 0 records",
        ),
        over(
            "key that claims 4 GiB",
            frame(&topic, b"\xc6\xff\xff\xff\xff", &value),
            "holds a record of 4294967330 bytes or more in `swh.journal.objects.origin` after 0 records",
        ),
        over(
            "topic that claims 4 GiB",
            frame(b"\xdb\xff\xff\xff\xff", &key, &value),
            "holds a record of 4294967301 bytes or more after 0 records, and the limit is ",
        ),
        over(
            "topic that is not UTF-8",
            frame(b"\xa3a.\xff", &key, &value),
            "has a topic with the name `a.\\xff`, and such a name is 1 to 249 of `A-Za-z0-9._-`",
        ),
        over(
            "topic of 60 kB",
            named(&"a".repeat(60_000)),
            "has a topic with the name `aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        ),
        over(
            "topic that is empty",
            named(""),
            "has a topic with the name ``, and such a name is 1 to 249 of `A-Za-z0-9._-`",
        ),
        over(
            "topic that steers the terminal",
            named("swh.journal.objects.\u{1b}[2J"),
            "has a topic with the name `swh.journal.objects.\\x1b[2J`, and such a name is 1 to 249 of `A",
        ),
        over(
            "topic that reorders a line",
            named("swh.journal.objects.\u{202e}origin"),
            "has a topic with the name `swh.journal.objects.\\xe2\\x80\\xaeorigin`, and such a name is 1 t",
        ),
        over(
            "topic that is a path",
            named("../../etc/passwd"),
            "has a topic with the name `../../etc/passwd`, and such a name is 1 to 249 of `A-Za-z0-9._-",
        ),
        over(
            "topic that forges the log",
            include_bytes!("../../data/hostile/r-ansi.rec").to_vec(),
            "has a topic with the name `swh.journal.objects.origin\\x1b]0;x\\x07\\n2026-01-01 ERROR forged",
        ),
        over(
            "partition that is negative",
            located(b"\xff", b"\x00", b"\x00"),
            "is damaged after 0 records (0 bytes uncompressed): it holds a record whose partition is no",
        ),
        over(
            "partition beyond 32 bits",
            located(b"\xcf\0\0\0\x01\0\0\0\0", b"\x00", b"\x00"),
            "is damaged after 0 records (0 bytes uncompressed): it holds a record whose partition is no",
        ),
        over(
            "offset that is negative",
            located(b"\x00", b"\xff", b"\x00"),
            "is damaged after 0 records (0 bytes uncompressed): it holds a record whose offset is not a",
        ),
        over(
            "offset that is a text",
            located(b"\x00", b"\xa1a", b"\x00"),
            "is damaged after 0 records (0 bytes uncompressed): it holds a record whose offset is not a",
        ),
        passes(
            "greatest offset",
            located(b"\x00", b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff", b"\x00"),
            "0 rejected; rows: 0 in `rows`",
        ),
        passes(
            "greatest timestamp",
            located(b"\x00", b"\x00", b"\xcf\x7f\xff\xff\xff\xff\xff\xff\xff"),
            "0 rejected; rows: 0 in `rows`",
        ),
        passes(
            "offsets that go back",
            [
                located(b"\x00", b"\x05", b"\x00"),
                located(b"\x00", b"\x05", b"\x00"),
            ]
            .concat(),
            "0 rejected; rows: 0 in `rows`",
        ),
        over(
            "header with 40 million topics",
            include_bytes!("../../data/hostile/r-topics-40m.rec").to_vec(),
            "is not a recording: it begins with a header of more than 1 MiB",
        ),
        over(
            "header with 20,000 topics",
            header(&[b"\xdd\x00\x00\x4e\x20", &many_topics[..]].concat()),
            "has more than 10000 topics",
        ),
        over(
            "header with topics that are nested",
            header(&vec![0x91; 100_000]),
            "is cut short after 0 records (0 bytes uncompressed)",
        ),
        passes(
            "header with a topic twice",
            [
                header(&[b"\x92", &topic[..], &topic].concat()),
                good.clone(),
            ]
            .concat(),
            "0 rejected; rows: 0 in `rows`",
        ),
        passes(
            "header without topics",
            [b"\x81\xb1journal-recording\x01", &good[..]].concat(),
            "0 rejected; rows: 0 in `rows`",
        ),
        over(
            "header of a later version",
            [b"\x81\xb1journal-recording\x02", &good[..]].concat(),
            "has version 2 of the format, and only version 1 is known here",
        ),
        over(
            "header with four billion members",
            b"\xdf\xff\xff\xff\xff\xa1a\x01".to_vec(),
            "is cut short after 0 records (0 bytes uncompressed)",
        ),
        over(
            "topic that the header does not have",
            [&header(b"\x90")[..], &good].concat(),
            "has no topic with the prefix `swh.journal.objects`; the prefixes there are: none",
        ),
        over(
            "compressed data that ends",
            half(&zstd(&good.repeat(100))),
            "is cut short after 0 records (0 bytes uncompressed)",
        ),
        over(
            "compressed data with a wrong byte",
            {
                let mut bytes = zstd(&good.repeat(1000));
                let middle = bytes.len() / 2;
                bytes[middle] ^= 0xff;
                bytes
            },
            "has a topic with the name `swh.journal.object\\x8c.origin`, and such a name is 1 to 249 of ",
        ),
        over("compressed data that is nothing", zstd(b""), "is empty"),
        over(
            "compressed zeros for a value of 4 GiB",
            compressed_value(u32::MAX, 64 << 20),
            "holds a record of 4294967336 bytes or more in `swh.journal.objects.origin` after 0 records",
        ),
        over(
            "compressed value of 200 MiB",
            compressed_value(200 << 20, 200 << 20),
            "holds a record of 209715241 bytes or more in `swh.journal.objects.origin` after 0 records,",
        ),
        over(
            "window of 2 GiB",
            b"\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00".to_vec(),
            "cannot be decompressed after 0 records (0 bytes uncompressed): Frame requires too much mem",
        ),
        over(
            "skippable frame that claims 4 GiB",
            b"\x50\x2a\x4d\x18\xff\xff\xff\xff".to_vec(),
            "is cut short after 0 records (0 bytes uncompressed)",
        ),
    ]
}
