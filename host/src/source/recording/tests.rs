mod divided;

use std::fs;
use std::path::Path;
use std::task::Poll;
use std::time::Duration;

use journal_recording::Writer;
use tempfile::TempDir;

use super::*;
use crate::journal::batch::Columns;
use crate::journal::offsets::{Offsets, Start};
use crate::journal::topics::{ObjectTypes, Privileged};
use crate::source::Source;
use crate::source::local::LocalSource;

const PUBLIC: &str = "swh.journal.objects.revision";
const PRIVILEGED: &str = "swh.journal.objects_privileged.revision";
const CONTENT: &str = "swh.journal.objects.content";
const TOPICS: [&str; 3] = [PUBLIC, PRIVILEGED, CONTENT];

fn frame<'a>(topic: &'a str, value: Option<&'a [u8]>) -> Frame<'a> {
    Frame {
        topic,
        key: b"key",
        value,
        partition: None,
        offset: None,
        timestamp_ms: None,
    }
}

fn write(folder: &TempDir, topics: &[&str], frames: &[Frame<'_>]) -> PathBuf {
    let path = folder.path().join("test.journal");
    let mut writer = Writer::create(&path, topics).unwrap();
    for frame in frames {
        writer.write(frame).unwrap();
    }
    writer.finish().unwrap();
    path
}

fn options(path: &Path) -> Options {
    Options {
        files: vec![path.to_owned()],
        subscription: Subscription {
            prefix: "swh.journal.objects".to_owned(),
            object_types: ObjectTypes::Any,
            privileged: Privileged::No,
            ignores_missing: false,
            partitions: Vec::new(),
        },
        tombstones: false,
        largest_record: LIMITS.largest_record(),
    }
}

const LIMITS: BatchLimits = BatchLimits {
    records: 1000,
    bytes: 1 << 20,
    memory_limit_bytes: 512 << 20,
};

/// The same for one object type only.
fn only(object_type: &str, options: Options) -> Options {
    let object_types = ObjectTypes::Named(vec![object_type.to_owned()]);
    Options {
        subscription: Subscription {
            object_types,
            ..options.subscription
        },
        ..options
    }
}

fn privileged(options: Options) -> Options {
    Options {
        subscription: Subscription {
            privileged: Privileged::Required,
            ..options.subscription
        },
        ..options
    }
}

/// A record as `topic/partition/offset/timestamp/value length`.
fn described(batches: &Batches) -> Vec<String> {
    let mut all = Vec::new();
    for batch in batches.as_slice() {
        let mut start = 0;
        for index in 0..batch.records() {
            let end = batch.value_ends[index];
            let topic = &batch.topic.name;
            let (partition, offset) = (batch.partitions[index], batch.offsets[index]);
            let timestamp = batch.timestamps[index];
            all.push(format!(
                "{topic}/{partition}/{offset}/{timestamp}/{}",
                end - start
            ));
            start = end;
        }
    }
    all
}

/// A recording that is assigned.
fn opened(options: Options) -> LocalSource {
    let mut source = LocalSource::new(Box::new(Recording::open(options).unwrap()), None);
    let event = poll(&mut source, &mut Batches::new(Columns::ALL), LIMITS);
    let Event::Assigned(partitions) = event.unwrap() else {
        panic!("it is assigned first");
    };
    let Poll::Ready(start) = source.resolve(&partitions, Start::Earliest).unwrap() else {
        panic!("its beginning is known");
    };
    source.assign(&start).unwrap();
    source
}

fn poll(
    source: &mut LocalSource,
    batches: &mut Batches,
    limits: BatchLimits,
) -> Result<Event, SourceError> {
    source.poll(batches, limits, None, Duration::ZERO)
}

/// The records of each call until the source has no more.
fn calls_of(source: &mut LocalSource, limits: BatchLimits, until: Option<&Offsets>) -> Calls {
    let mut batches = Batches::new(Columns::ALL);
    let mut calls = Vec::new();
    loop {
        batches.clear();
        let event = source.poll(&mut batches, limits, until, Duration::ZERO);
        match event.unwrap() {
            Event::Records => calls.push(described(&batches)),
            Event::End | Event::Idle => return calls,
            event => panic!("{event:?}"),
        }
    }
}

type Calls = Vec<Vec<String>>;

fn calls_within(options: Options, limits: BatchLimits) -> Calls {
    calls_of(&mut opened(options), limits, None)
}

fn calls(options: Options) -> Calls {
    calls_within(options, LIMITS)
}

/// The error of the first poll that fails.
fn failure(options: Options, limits: BatchLimits) -> SourceError {
    let mut source = opened(options);
    loop {
        if let Err(error) = poll(&mut source, &mut Batches::new(Columns::ALL), limits) {
            return error;
        }
    }
}

fn topics(options: Options) -> Vec<String> {
    let all = calls(options).concat();
    all.iter()
        .map(|record| record.split('/').next().unwrap().to_owned())
        .collect()
}

fn refusal(options: Options) -> Error {
    Recording::open(options).err().unwrap()
}

#[test]
fn records_come_with_their_position_or_their_ordinal() {
    let folder = tempfile::tempdir().unwrap();
    let known = Frame {
        partition: Some(7),
        offset: Some(99),
        timestamp_ms: Some(5),
        ..frame(CONTENT, Some(b"abc"))
    };
    let frames = [
        frame(PUBLIC, Some(b"a")),
        frame(CONTENT, Some(b"")),
        frame(PRIVILEGED, Some(b"b")),
        frame(PUBLIC, None),
        frame(PUBLIC, Some(b"cc")),
        known,
        frame(CONTENT, Some(b"dd")),
    ];
    let path = write(&folder, &TOPICS, &frames);
    let expected = [
        "swh.journal.objects.revision/0/0/-1/1",
        "swh.journal.objects.revision/0/2/-1/2",
        "swh.journal.objects.content/7/99/5/3",
        "swh.journal.objects.content/0/2/-1/2",
    ];
    assert_eq!(calls(options(&path)), [expected]);

    let all = calls(Options {
        tombstones: true,
        ..options(&path)
    })
    .concat();
    assert_eq!(all.len(), 6);
    assert!(all.contains(&"swh.journal.objects.revision/0/1/-1/0".to_owned()));
    assert!(all.contains(&"swh.journal.objects.content/0/0/-1/0".to_owned()));
}

#[test]
fn privileged_topics_are_read_only_when_asked_for_and_then_preferred() {
    let folder = tempfile::tempdir().unwrap();
    let frames = TOPICS.map(|topic| frame(topic, Some(b"a")));
    // Without a header, topics are known from a first pass.
    let bare = folder.path().join("bare");
    let header = write(&folder, &TOPICS, &[]).metadata().unwrap().len();
    let path = write(&folder, &TOPICS, &frames);
    let whole = fs::read(&path).unwrap();
    fs::write(&bare, &whole[usize::try_from(header).unwrap()..]).unwrap();
    for path in [path, bare] {
        assert_eq!(topics(options(&path)), [PUBLIC, CONTENT]);
        let asked = privileged(options(&path));
        assert_eq!(topics(asked.clone()), [PRIVILEGED, CONTENT]);
        assert_eq!(topics(only("revision", asked)), [PRIVILEGED]);
    }
}

#[test]
fn recording_that_lacks_the_right_topics_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, &[PRIVILEGED], &[frame(PRIVILEGED, Some(b"a"))]);
    let expected = format!(
        "the recording `{}` has only privileged topics with the prefix `swh.journal.objects` for: \
         `revision`",
        path.display()
    );
    for options in [options(&path), only("revision", options(&path))] {
        let error = refusal(options);
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn type_that_has_only_a_privileged_topic_is_known_to_be_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, &[PRIVILEGED, CONTENT], &[]);
    let left_out = |options: Options| {
        let subscription = options.subscription.clone();
        let source = LocalSource::new(Box::new(Recording::open(options).unwrap()), None);
        source.left_out(&subscription)
    };
    let text = left_out(options(&path)).unwrap();
    assert!(text.ends_with("`revision`"), "{text}");
    assert_eq!(left_out(privileged(options(&path))), None);
}

#[test]
fn calls_are_cut_by_records_and_by_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let values = [10, 10, 10, 10, 500, 40, 60, 10].map(|length| vec![0; length]);
    let frames: Vec<_> = values
        .iter()
        .map(|value| frame(CONTENT, Some(value)))
        .collect();
    let path = write(&folder, &TOPICS, &frames);
    // The key has 3 bytes.
    let cut = BatchLimits {
        records: 3,
        bytes: 106,
        ..LIMITS
    };
    let sizes: Vec<Vec<_>> = calls_within(options(&path), cut)
        .iter()
        .map(|call| {
            call.iter()
                .map(|record| record.rsplit('/').next().unwrap().to_owned())
                .collect()
        })
        .collect();
    assert_eq!(
        sizes,
        [
            vec!["10", "10", "10"],
            vec!["10"],
            vec!["500"],
            vec!["40", "60"],
            vec!["10"]
        ]
    );
}

#[test]
fn offsets_stay_right_across_calls() {
    let folder = tempfile::tempdir().unwrap();
    let value = vec![0; 100];
    let path = write(&folder, &TOPICS, &vec![frame(CONTENT, Some(&value)); 50]);
    let cut = BatchLimits {
        bytes: 250,
        ..LIMITS
    };
    let offsets: Vec<usize> = calls_within(options(&path), cut)
        .concat()
        .iter()
        .map(|record| record.split('/').nth(2).unwrap().parse().unwrap())
        .collect();
    assert_eq!(offsets, (0..50).collect::<Vec<_>>());
}

#[test]
fn record_above_half_of_the_memory_limit_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let value = vec![0; 98];
    let path = write(
        &folder,
        &TOPICS,
        &[frame(PUBLIC, Some(b"a")), frame(PUBLIC, Some(&value))],
    );
    let limited = BatchLimits {
        memory_limit_bytes: 200,
        ..LIMITS
    };
    let error = failure(options(&path), limited);
    assert_eq!(
        error.to_string(),
        "the record at `swh.journal.objects.revision` partition 0 offset 1 has 101 bytes, more \
         than half of the memory limit of 200 bytes"
    );
    let enough = BatchLimits {
        memory_limit_bytes: 202,
        ..LIMITS
    };
    assert_eq!(calls_within(options(&path), enough).concat().len(), 2);
}

#[test]
fn record_far_above_the_limit_is_refused_before_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, &[PUBLIC], &[]);
    let mut bytes = fs::read(&path).unwrap();
    // It claims a value of 512 MiB, of which there is nothing.
    bytes.extend_from_slice(b"\x93\xbcswh.journal.objects.revision\xc0\xc6\x20\0\0\0");
    fs::write(&path, bytes).unwrap();
    let text = failure(options(&path), LIMITS).to_string();
    let expected = "holds a record of 536870948 bytes or more in `swh.journal.objects.revision` after 0 records, and \
                    the limit is 268435456";
    assert!(text.ends_with(expected), "{text}");
}

#[test]
fn topic_that_the_header_lacks_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, &[PUBLIC], &[frame(PUBLIC, Some(b"a"))]);
    let mut bytes = fs::read(&path).unwrap();
    bytes.extend_from_slice(b"\x93\xa5other\xc0\xc0");
    fs::write(&path, bytes).unwrap();
    let error = failure(options(&path), LIMITS);
    assert!(
        error
            .to_string()
            .contains("holds a record of the topic `other`"),
        "{error}"
    );
}

#[test]
fn anonymised_topic_is_refused_where_privileged_ones_are_required() {
    let folder = tempfile::tempdir().unwrap();
    let frames = [PUBLIC, CONTENT].map(|topic| frame(topic, Some(b"a")));
    let path = write(&folder, &[PUBLIC, CONTENT], &frames);
    let error = refusal(privileged(options(&path)));
    assert_eq!(
        error.to_string(),
        format!(
            "the recording `{}` has no topic `{PRIVILEGED}`, and the public topics of these object types are anonymised",
            path.display()
        )
    );
    assert_eq!(
        topics(privileged(only("content", options(&path)))),
        [CONTENT]
    );
}

#[test]
fn stream_is_read_by_object_type() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stream");
    fs::write(
        &path,
        b"\x92\xa6origin\x81\xa1a\x01\x92\xa7content\x80\x92\xa6origin\x80",
    )
    .unwrap();
    assert_eq!(
        calls(privileged(only("origin", options(&path)))),
        [[
            "swh.journal.objects.origin/0/0/-1/4",
            "swh.journal.objects.origin/0/1/-1/1"
        ]]
    );
    let error = refusal(only("release", options(&path)));
    assert!(
        error
            .to_string()
            .ends_with("there are: `content`, `origin`"),
        "{error}"
    );
}

#[test]
fn rewound_recording_brings_the_same_records_from_there() {
    let folder = tempfile::tempdir().unwrap();
    let values: Vec<Vec<u8>> = (1..=9).map(|length| vec![0; length]).collect();
    let topics = [PUBLIC, CONTENT, PRIVILEGED];
    let frames = values.iter().zip(topics.iter().cycle());
    let frames: Vec<_> = frames
        .map(|(value, topic)| frame(topic, Some(value)))
        .collect();
    let path = write(&folder, &TOPICS, &frames);
    let mut source = opened(options(&path));
    let two = BatchLimits {
        records: 2,
        ..LIMITS
    };
    let first = {
        let mut batches = Batches::new(Columns::ALL);
        assert_eq!(
            poll(&mut source, &mut batches, two).unwrap(),
            Event::Records
        );
        described(&batches)
    };
    let there = source.position();
    let rest = calls_of(&mut source, two, None);
    source.rewind(&there).unwrap();
    assert_eq!(calls_of(&mut source, two, None), rest);
    let start = there.keys().map(|partition| (partition.clone(), 0));
    source.rewind(&start.collect()).unwrap();
    assert_eq!(calls_of(&mut source, two, None)[0], first);
}

#[test]
fn nothing_is_handed_out_beyond_the_end_of_a_replay_and_the_rest_comes_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, &TOPICS, &[frame(PUBLIC, Some(b"a")); 10]);
    let mut source = opened(options(&path));
    let until: Offsets = source.position().into_keys().map(|own| (own, 7)).collect();
    let three = BatchLimits {
        records: 3,
        ..LIMITS
    };
    let replayed = calls_of(&mut source, three, Some(&until));
    let lengths: Vec<_> = replayed.iter().map(Vec::len).collect();
    assert_eq!(lengths, [3, 3, 1]);
    assert_eq!(source.position(), until);
    assert_eq!(calls_of(&mut source, LIMITS, None).concat().len(), 3);
}

#[test]
fn what_is_no_file_cannot_be_rewound() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, &TOPICS, &[frame(PUBLIC, Some(b"a")); 3]);
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let writer = {
        let pipe = pipe.clone();
        std::thread::spawn(move || fs::write(pipe, fs::read(path).unwrap()).unwrap())
    };
    let mut source = opened(options(&pipe));
    let start = source.position();
    assert_eq!(calls_of(&mut source, LIMITS, None).concat().len(), 3);
    writer.join().unwrap();
    let error = source.rewind(&start).unwrap_err();
    assert!(
        error.to_string().contains("cannot be read again"),
        "{error}"
    );
}

#[test]
fn poll_without_room_for_records_hands_none_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, &TOPICS, &[frame(PUBLIC, Some(b"a"))]);
    let mut source = opened(options(&path));
    let none = BatchLimits {
        records: 0,
        ..LIMITS
    };
    let mut batches = Batches::new(Columns::ALL);
    assert_eq!(poll(&mut source, &mut batches, none).unwrap(), Event::Idle);
    assert_eq!(calls_of(&mut source, LIMITS, None).concat().len(), 1);
}

#[test]
fn worker_that_finds_nothing_looks_up_now_and_then() {
    let folder = tempfile::tempdir().unwrap();
    let mut frames = vec![frame(CONTENT, Some(b"a")); FRAMES_A_POLL + 5];
    frames.push(frame(PUBLIC, Some(b"a")));
    let path = write(&folder, &TOPICS, &frames);
    let rare = only("revision", options(&path));
    let mut source = opened(rare);
    let mut batches = Batches::new(Columns::ALL);
    let mut next = || {
        batches.clear();
        poll(&mut source, &mut batches, LIMITS).unwrap()
    };
    let events = [next(), next(), next(), next()];
    let expected = [Event::Idle, Event::Records, Event::End, Event::End];
    assert_eq!(events, expected);
    let size = path.metadata().unwrap().len();
    let whole = Remaining::Bytes {
        read: size,
        total: size,
    };
    assert_eq!(source.remaining(), whole);
}

/// A recording of these values in a file with this name.
fn write_named(folder: &TempDir, name: &str, topics: &[&str], frames: &[Frame<'_>]) -> PathBuf {
    let path = folder.path().join(name);
    fs::rename(write(folder, topics, frames), &path).unwrap();
    path
}

/// Two recordings, the first of which has topics that the second lacks, and the other way round.
fn two(folder: &TempDir) -> Options {
    let first = [
        frame(PUBLIC, Some(b"1")),
        frame(PRIVILEGED, Some(b"22")),
        frame(PUBLIC, Some(b"333")),
    ];
    let second = [frame(CONTENT, Some(b"4444")), frame(PUBLIC, Some(b"55555"))];
    let one = write_named(folder, "one", &[PUBLIC, PRIVILEGED], &first);
    let two = write_named(folder, "two", &[CONTENT, PUBLIC], &second);
    Options {
        files: vec![one.clone(), two],
        ..options(&one)
    }
}

const OF_TWO: [&str; 4] = [
    "swh.journal.objects.revision/0/0/-1/1",
    "swh.journal.objects.revision/0/1/-1/3",
    "swh.journal.objects.content/0/0/-1/4",
    "swh.journal.objects.revision/0/2/-1/5",
];

#[test]
fn recordings_are_read_one_after_another_as_one() {
    let folder = tempfile::tempdir().unwrap();
    let one = BatchLimits {
        records: 1,
        ..LIMITS
    };
    assert_eq!(calls_within(two(&folder), one).concat(), OF_TWO);
    // Revisions and contents are batches of their own.
    let mut all = calls(two(&folder)).concat();
    all.sort();
    let mut expected = OF_TWO;
    expected.sort_unstable();
    assert_eq!(all, expected);
    let mut source = opened(two(&folder));
    calls_of(&mut source, LIMITS, None);
    let position = source.position();
    assert_eq!(position.values().copied().collect::<Vec<_>>(), [5]);
    let Remaining::Bytes { read, total } = source.remaining() else {
        panic!("the sizes of files are known");
    };
    assert_eq!(read, total);
}

#[test]
fn position_in_several_recordings_is_gone_back_to_from_everywhere() {
    let folder = tempfile::tempdir().unwrap();
    let one = BatchLimits {
        records: 1,
        ..LIMITS
    };
    let mut source = opened(two(&folder));
    let own = source.position().into_keys().next().unwrap();
    // The second frame is passed over.
    for (position, left) in [(3, 2), (0, 4), (5, 0), (4, 1), (1, 3), (2, 3)] {
        source.rewind(&[(own.clone(), position)].into()).unwrap();
        let rest = calls_of(&mut source, one, None).concat();
        assert_eq!(rest, OF_TWO[4 - left..], "{position}");
    }
}

#[test]
fn lists_of_recordings_that_are_wrong_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let good = two(&folder);
    let refused = |files: Vec<PathBuf>| {
        let options = Options {
            files,
            ..good.clone()
        };
        refusal(options).to_string()
    };
    let one = good.files[0].clone();
    let shown = one.display();
    assert_eq!(
        refused(vec![one.clone(), good.files[1].clone(), one.clone()]),
        format!("the recording `{shown}` is named twice")
    );
    let stream = folder.path().join("stream");
    fs::write(&stream, b"\x92\xa6origin\x81\xa1a\x01").unwrap();
    let text = refused(vec![one.clone(), stream.clone()]);
    assert!(
        text.ends_with(&format!("another format than the recording `{shown}`")),
        "{text}"
    );
    let missing = refused(vec![one.clone(), folder.path().join("missing")]);
    assert!(
        missing.starts_with("cannot open the recording"),
        "{missing}"
    );
    assert_eq!(refused(Vec::new()), "no recording is named");
    let named = only("release", good.clone());
    let text = refusal(named).to_string();
    let of_both = format!("the recording `{shown} and 1 more` ");
    assert!(text.starts_with(&of_both), "{text}");
}

#[test]
fn recording_that_is_cut_short_ends_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, &TOPICS, &[frame(PUBLIC, Some(b"a")); 5]);
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    let error = failure(options(&path), LIMITS);
    assert!(
        error.to_string().contains("is cut short after 4 records"),
        "{error}"
    );
}
