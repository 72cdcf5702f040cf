use std::fs;
use std::path::Path;

use journal_recording::Writer;
use tempfile::TempDir;

use super::*;
use crate::journal::batch::Columns;
use crate::journal::topics::ObjectTypes;

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
        path: path.to_owned(),
        subscription: Subscription {
            prefix: "swh.journal.objects".to_owned(),
            object_types: ObjectTypes::Any,
            privileged: false,
        },
        tombstones: false,
        limits: LIMITS,
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
            privileged: true,
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

/// What each call would get.
fn calls_of(source: &mut Recording) -> Vec<Vec<String>> {
    let mut batches = Batches::new(Columns::ALL);
    let mut calls = Vec::new();
    loop {
        batches.clear();
        match source.take(&mut batches, Duration::ZERO).unwrap() {
            Event::Records => calls.push(described(&batches)),
            Event::End => return calls,
            event => panic!("{event:?}"),
        }
    }
}

fn calls(options: Options) -> Vec<Vec<String>> {
    calls_of(
        &mut Recording::open(options, Arc::new(RecordQuota::new(None)), Arc::default()).unwrap(),
    )
}

fn topics(options: Options) -> Vec<String> {
    let all = calls(options).concat();
    all.iter()
        .map(|record| record.split('/').next().unwrap().to_owned())
        .collect()
}

fn refusal(options: Options) -> Error {
    Recording::open(options, Arc::new(RecordQuota::new(None)), Arc::default())
        .err()
        .unwrap()
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
fn calls_are_cut_by_records_and_by_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let values = [10, 10, 10, 10, 500, 40, 60, 10].map(|length| vec![0; length]);
    let frames: Vec<_> = values
        .iter()
        .map(|value| frame(CONTENT, Some(value)))
        .collect();
    let path = write(&folder, &TOPICS, &frames);
    // The key has 3 bytes.
    let cut = Options {
        limits: BatchLimits {
            records: 3,
            bytes: 106,
            ..LIMITS
        },
        ..options(&path)
    };
    let sizes: Vec<Vec<_>> = calls(cut)
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
    let cut = Options {
        limits: BatchLimits {
            bytes: 250,
            ..LIMITS
        },
        ..options(&path)
    };
    let offsets: Vec<usize> = calls(cut)
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
    let limited = Options {
        limits: BatchLimits {
            memory_limit_bytes: 200,
            ..LIMITS
        },
        ..options(&path)
    };
    let mut source =
        Recording::open(limited, Arc::new(RecordQuota::new(None)), Arc::default()).unwrap();
    let error = source.fill(&mut Batches::new(Columns::ALL)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the record at `swh.journal.objects.revision` partition 0 offset 1 has 101 bytes, more \
         than half of the memory limit of 200 bytes"
    );
    let enough = Options {
        limits: BatchLimits {
            memory_limit_bytes: 202,
            ..LIMITS
        },
        ..options(&path)
    };
    assert_eq!(calls(enough).concat().len(), 2);
}

#[test]
fn topic_that_the_header_lacks_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, &[PUBLIC], &[frame(PUBLIC, Some(b"a"))]);
    let mut bytes = fs::read(&path).unwrap();
    bytes.extend_from_slice(b"\x93\xa5other\xc0\xc0");
    fs::write(&path, bytes).unwrap();
    let mut source = Recording::open(
        options(&path),
        Arc::new(RecordQuota::new(None)),
        Arc::default(),
    )
    .unwrap();
    let error = source.fill(&mut Batches::new(Columns::ALL)).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("holds a record of the topic `other`"),
        "{error}"
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
fn budget_ends_the_recording_at_its_last_claim() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, &TOPICS, &[frame(PUBLIC, Some(b"a")); 10]);
    let quota = Arc::new(RecordQuota::new(Some(7)));
    let cut = Options {
        limits: BatchLimits {
            records: 3,
            ..LIMITS
        },
        ..options(&path)
    };
    let mut source = Recording::open(cut, Arc::clone(&quota), Arc::default()).unwrap();
    let lengths: Vec<_> = calls_of(&mut source).iter().map(Vec::len).collect();
    assert_eq!(lengths, [3, 3, 1]);
    assert!(!quota.is_confirmed());
    source.commit(Wait::Confirmed).unwrap();
    assert!(quota.is_confirmed());
}

#[test]
fn claims_that_were_not_used_or_not_committed_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, &TOPICS, &[frame(PUBLIC, Some(b"a")); 5]);
    let quota = Arc::new(RecordQuota::new(Some(100)));
    let mut source = Recording::open(options(&path), Arc::clone(&quota), Arc::default()).unwrap();
    assert_eq!(calls_of(&mut source).concat().len(), 5);
    assert_eq!(quota.claim(100), 95);
    quota.give_back(95);
    source.close();
    assert_eq!(quota.claim(101), 100);
}

#[test]
fn worker_that_finds_nothing_looks_up_now_and_then() {
    let folder = tempfile::tempdir().unwrap();
    let mut frames = vec![frame(CONTENT, Some(b"a")); FRAMES_A_TAKE + 5];
    frames.push(frame(PUBLIC, Some(b"a")));
    let path = write(&folder, &TOPICS, &frames);
    let rare = only("revision", options(&path));
    let share = Arc::new(Share::default());
    let quota = Arc::new(RecordQuota::new(None));
    let mut source = Recording::open(rare, quota, Arc::clone(&share)).unwrap();
    let mut batches = Batches::new(Columns::ALL);
    let mut take = || source.take(&mut batches, Duration::ZERO).unwrap();
    assert_eq!([take(), take()], [Event::Idle, Event::Records]);
    batches.clear();
    assert_eq!(
        source.take(&mut batches, Duration::ZERO).unwrap(),
        Event::End
    );
    assert_eq!(
        source.take(&mut batches, Duration::ZERO).unwrap(),
        Event::End
    );
    let size = path.metadata().unwrap().len();
    assert_eq!(share.read.load(Ordering::Relaxed), size);
    assert_eq!(share.total.load(Ordering::Relaxed), size);
}

#[test]
fn recording_that_is_cut_short_ends_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, &TOPICS, &[frame(PUBLIC, Some(b"a")); 5]);
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    let mut source = Recording::open(
        options(&path),
        Arc::new(RecordQuota::new(None)),
        Arc::default(),
    )
    .unwrap();
    let error = source.fill(&mut Batches::new(Columns::ALL)).unwrap_err();
    assert!(
        error.to_string().contains("is cut short after 4 records"),
        "{error}"
    );
}
