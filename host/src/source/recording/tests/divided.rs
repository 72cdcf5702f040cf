//! Recordings that several workers read.

use std::collections::BTreeSet;
use std::io::{Cursor, Write};

use journal_recording::Index;

use super::*;

/// Bytes of a value, of which three make a chunk.
const VALUE: usize = 1_400_000;

/// A recording with an index, of records whose values have different lengths. Their offsets begin at `first`.
fn indexed(folder: &TempDir, name: &str, first: u64, records: u64) -> PathBuf {
    let path = folder.path().join(name);
    let mut writer = Writer::create(&path, &TOPICS).unwrap();
    for offset in first..first + records {
        let value = vec![0; VALUE + usize::try_from(offset).unwrap()];
        let topic = TOPICS[usize::try_from(offset % 3).unwrap()];
        let frame = Frame {
            partition: Some(1),
            offset: Some(offset),
            ..frame(topic, Some(&value))
        };
        writer.write(&frame).unwrap();
    }
    writer.finish().unwrap();
    path
}

fn index(path: &Path) -> Index {
    let mut file = fs::File::open(path).unwrap();
    Index::read(&mut file).unwrap().unwrap()
}

/// Replaces the index of a recording.
fn replace_index(path: &Path, index: &Index) {
    let mut bytes = fs::read(path).unwrap();
    let end = Index::read(&mut Cursor::new(&bytes))
        .unwrap()
        .unwrap()
        .bytes;
    bytes.truncate(usize::try_from(end).unwrap());
    bytes.extend(index.to_frame().unwrap());
    fs::write(path, bytes).unwrap();
}

/// The sources of workers.
fn divided(options: &Options, workers: usize) -> Vec<LocalSource> {
    let parts = Recording::open_divided(options.clone(), workers).unwrap();
    let source = |part: Recording| {
        let mut source = LocalSource::new(Box::new(part), None);
        source.begin().unwrap();
        source
    };
    parts.into_iter().map(source).collect()
}

const ONE: BatchLimits = BatchLimits {
    records: 1,
    ..LIMITS
};

#[test]
fn workers_read_together_what_one_worker_reads() {
    let folder = tempfile::tempdir().unwrap();
    let one = indexed(&folder, "one.zst", 0, 20);
    let options = Options {
        files: vec![one.clone(), indexed(&folder, "two.zst", 20, 7)],
        ..options(&one)
    };
    for options in [options.clone(), privileged(options)] {
        let expected = calls_of(&mut opened(options.clone()), ONE, None).concat();
        assert!(expected.len() > 15);
        for workers in [2, 3, 5, 100] {
            let mut sources = divided(&options, workers);
            assert_eq!(sources.len(), workers.min(10));
            let mut found = Vec::new();
            for source in &mut sources {
                let own = calls_of(source, ONE, None).concat();
                assert!(!own.is_empty());
                found.extend(own);
            }
            assert_eq!(found, expected, "{workers} workers");
        }
    }
}

#[test]
fn worker_goes_back_to_any_position_of_its_part() {
    let folder = tempfile::tempdir().unwrap();
    let path = indexed(&folder, "r.zst", 0, 20);
    let mut sources = divided(&privileged(options(&path)), 3);
    let first = sources[1].position();
    let expected = calls_of(&mut sources[1], ONE, None).concat();
    let (own, end) = sources[1].position().into_iter().next().unwrap();
    assert_eq!(own.number, 1);
    assert!(end < 20 && first[&own] > 0);
    for position in (first[&own]..=end).rev().chain(first[&own]..=end) {
        let to = [(own.clone(), position)].into();
        sources[1].rewind(&to).unwrap();
        let rest = calls_of(&mut sources[1], ONE, None).concat();
        // Public revisions are passed over.
        let offset = |record: &str| record.split('/').nth(2).unwrap().parse::<u64>().unwrap();
        let expected = expected.iter().filter(|record| offset(record) >= position);
        assert!(rest.iter().eq(expected), "{position}");
    }
    let Poll::Ready(start) = sources[1].resolve(&[own], Start::Earliest).unwrap() else {
        panic!("its beginning is known");
    };
    assert_eq!(start, first);
}

#[test]
fn recordings_without_an_index_are_read_by_one_worker() {
    let folder = tempfile::tempdir().unwrap();
    let good = indexed(&folder, "good.zst", 0, 10);
    let plain = write_named(&folder, "plain", &[PUBLIC], &[frame(PUBLIC, Some(b"a"))]);
    let stream = folder.path().join("stream");
    fs::write(&stream, b"\x92\xa6origin\x81\xa1a\x01").unwrap();
    let damaged = indexed(&folder, "damaged.zst", 0, 10);
    let mut index = index(&damaged);
    index.chunks.swap(0, 1);
    replace_index(&damaged, &index);
    for files in [
        vec![plain.clone()],
        vec![good, plain],
        vec![damaged],
        vec![stream],
    ] {
        let options = Options {
            files,
            ..options(&folder.path().join("any"))
        };
        let mut sources = divided(&options, 4);
        assert_eq!(sources.len(), 1, "{:?}", options.files);
        let found = calls_of(&mut sources[0], ONE, None);
        assert_eq!(found, calls_of(&mut opened(options), ONE, None));
    }
}

/// The records of each worker until its end or its error, and the errors.
fn until_an_error(options: &Options) -> (Vec<String>, Vec<String>) {
    let (mut found, mut errors) = (Vec::new(), Vec::new());
    for mut source in divided(options, 3) {
        let mut batches = Batches::new(Columns::ALL);
        loop {
            batches.clear();
            match source.poll(&mut batches, ONE, None, Duration::ZERO) {
                Ok(Event::End) => break,
                Ok(_) => found.extend(described(&batches)),
                Err(error) => {
                    errors.push(error.to_string());
                    break;
                }
            }
        }
    }
    (found, errors)
}

#[test]
fn index_that_lies_ends_in_an_error_and_brings_no_other_records() {
    let folder = tempfile::tempdir().unwrap();
    let path = indexed(&folder, "r.zst", 0, 20);
    let options = privileged(options(&path));
    let expected = calls_of(&mut opened(options.clone()), ONE, None).concat();
    let right = index(&path);
    // The second worker begins with the third chunk, and the third one with the fifth.
    let lies: [fn(&mut Index); 5] = [
        |index| index.chunks[2].records += 1,
        |index| index.records += 1,
        |index| index.chunks[4].offset += 1,
        |index| index.chunks[4].offset -= 1,
        |index| index.chunks[4].records += 2,
    ];
    for (number, lie) in lies.into_iter().enumerate() {
        let mut index = right.clone();
        lie(&mut index);
        replace_index(&path, &index);
        let (found, errors) = until_an_error(&options);
        assert!(!errors.is_empty(), "{number}");
        assert!(
            found.iter().all(|record| expected.contains(record)),
            "{number}"
        );
        let once: BTreeSet<_> = found.iter().collect();
        assert_eq!(once.len(), found.len(), "{number}");
    }
}

#[test]
fn record_without_an_offset_under_an_index_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.zst");
    let mut writer = Writer::create(&path, &TOPICS).unwrap();
    writer.write(&frame(PUBLIC, Some(b"a"))).unwrap();
    writer.finish().unwrap();
    // The writer makes no index for it.
    let bytes = path.metadata().unwrap().len();
    let lying = Index {
        chunks: vec![journal_recording::Chunk::default()],
        bytes,
        records: 1,
    };
    let mut file = fs::File::options().append(true).open(&path).unwrap();
    file.write_all(&lying.to_frame().unwrap()).unwrap();
    let mut sources = divided(&options(&path), 2);
    let mut batches = Batches::new(Columns::ALL);
    let error = poll(&mut sources[0], &mut batches, LIMITS).unwrap_err();
    let expected = "has other records than its index says";
    assert!(error.to_string().ends_with(expected), "{error}");
}
