//! Small exports, written with the writer of the library that reads them. The end-to-end tests read those of upstream.

mod merged;
mod out_of_step;

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use arrow_array::{
    ArrayRef, BinaryArray, Int16Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use orc_rust::ArrowWriterBuilder;
use sha1::{Digest as _, Sha1};
use tempfile::TempDir;

use super::*;
use crate::journal::batch::Columns;
use crate::journal::topics::{ObjectTypes, Privileged};
use crate::source::encoder::Encoder;

const UUID: &str = "01234567-89ab-cdef-0123-456789abcdef";
const OTHER_UUID: &str = "11234567-89ab-cdef-0123-456789abcdef";
const LIMITS: BatchLimits = BatchLimits {
    records: 10,
    bytes: 1 << 20,
    memory_limit_bytes: 1 << 22,
};

/// A record: partition, offset, key and value.
type Read = (u32, u64, Vec<u8>, Vec<u8>);

fn id(number: u32) -> String {
    format!("{number:040x}")
}

fn hash(number: u32) -> [u8; 20] {
    const_hex::decode_to_array(id(number)).unwrap()
}

fn texts(texts: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(texts.to_vec()))
}

fn bytes(cells: &[Option<&[u8]>]) -> ArrayRef {
    Arc::new(BinaryArray::from(cells.to_vec()))
}

fn write(folder: &Path, table: &str, name: &str, columns: &[(&str, ArrayRef)]) {
    let path = folder.join(table).join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let batch = RecordBatch::try_from_iter(columns.iter().cloned()).unwrap();
    let file = File::create(path).unwrap();
    let mut writer = ArrowWriterBuilder::new(file, batch.schema())
        .try_build()
        .unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// The name of a file that upstream wrote.
fn named(table: &str, uuid: &str) -> String {
    format!("{table}-{uuid}.orc")
}

fn write_origins(folder: &Path, name: &str, urls: &[&str]) {
    let ids: Vec<String> = urls.iter().map(|_| id(0)).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let columns = [("id", texts(&ids)), ("url", texts(urls))];
    write(folder, "origin", name, &columns);
}

/// Writes directories with these numbers, and an entry for each number in `entries`.
fn write_directories(folder: &Path, uuid: &str, directories: &[u32], entries: &[u32]) {
    let own: Vec<String> = directories.iter().copied().map(id).collect();
    let own: Vec<&str> = own.iter().map(String::as_str).collect();
    let columns = [("id", texts(&own))];
    write(folder, "directory", &named("directory", uuid), &columns);
    let of: Vec<String> = entries.iter().copied().map(id).collect();
    let of: Vec<&str> = of.iter().map(String::as_str).collect();
    let names: Vec<String> = (0..entries.len()).map(|index| index.to_string()).collect();
    let names: Vec<_> = names.iter().map(|name| Some(name.as_bytes())).collect();
    let columns = [
        ("directory_id", texts(&of)),
        ("name", bytes(&names)),
        ("type", texts(&vec!["file"; entries.len()])),
        ("target", texts(&of)),
        (
            "perms",
            Arc::new(Int32Array::from(vec![0o100_644; entries.len()])) as ArrayRef,
        ),
    ];
    let name = named("directory_entry", uuid);
    write(folder, "directory_entry", &name, &columns);
}

fn folder(path: &Path, without: &[&str]) -> Result<Arc<Folder>, Error> {
    let options = Options {
        folder: path.to_owned(),
        without: without.iter().map(|&table| table.to_owned()).collect(),
        sort: SortOptions {
            // Folders that are no tables are passed over.
            folder: path.join("sorted"),
            memory: 1 << 20,
            is_dry_run: false,
        },
    };
    Folder::open(&options).map(Arc::new)
}

fn open(path: &Path, types: &[&str], workers: usize) -> Result<Vec<Dataset>, Error> {
    open_without(path, types, workers, &[])
}

fn open_without(
    path: &Path,
    types: &[&str],
    workers: usize,
    without: &[&str],
) -> Result<Vec<Dataset>, Error> {
    Dataset::open(
        &folder(path, without)?,
        &subscription(types),
        workers,
        Share::WHOLE,
    )
}

fn subscription(types: &[&str]) -> Subscription {
    let object_types = types.iter().map(|&one| one.to_owned()).collect();
    Subscription {
        prefix: "p".to_owned(),
        object_types: ObjectTypes::Named(object_types),
        privileged: Privileged::No,
        ignores_missing: false,
        partitions: Vec::new(),
    }
}

fn read(dataset: &mut Dataset, end: Option<u64>) -> Result<Vec<Read>, SourceError> {
    let mut batches = Batches::new(Columns::ALL);
    let mut records = Vec::new();
    loop {
        batches.clear();
        let event = dataset.fill(&mut batches, LIMITS, end, None)?;
        for batch in batches.as_slice() {
            let record = |index: usize| {
                let key = batch.key(index).unwrap().to_vec();
                let value = batch.value(index).unwrap().to_vec();
                (batch.partitions[index], batch.offsets[index], key, value)
            };
            records.extend((0..batch.records()).map(record));
        }
        if !matches!(event, Event::Records | Event::Damaged(_)) {
            return Ok(records);
        }
    }
}

fn read_all(path: &Path, types: &[&str]) -> Result<Vec<Read>, SourceError> {
    read(&mut open(path, types, 1)?[0], None)
}

fn of(write: impl Fn(&mut Encoder)) -> Vec<u8> {
    let mut encoder = Encoder::default();
    write(&mut encoder);
    encoder.bytes().to_vec()
}

fn temporary() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn entries_follow_their_directories() {
    let dir = temporary();
    write_directories(dir.path(), UUID, &[1, 2, 3], &[1, 3, 3]);
    let records = read_all(dir.path(), &["directory"]).unwrap();
    let value = |number: u32, names: &[&str]| {
        let target = hash(number);
        of(|e| {
            e.map(2).str("entries").array(names.len());
            for name in names {
                e.map(4).str("name").bin(name.as_bytes());
                e.str("type").str("file").str("target").bin(&target);
                e.str("perms").uint(0o100_644);
            }
            e.str("id").bin(&target);
        })
    };
    let expected = [(1, &["0"][..]), (2, &[]), (3, &["1", "2"])];
    let expected = (0..).zip(expected).map(|(offset, (number, names))| {
        let key = of(|e| {
            e.bin(&hash(number));
        });
        (0, offset, key, value(number, names))
    });
    assert_eq!(records, expected.collect::<Vec<Read>>());
}

#[test]
fn damaged_object_comes_alone_and_is_named() {
    let dir = temporary();
    let right = |url: &str| hex(&Sha1::digest(url));
    let (first, wrong, last) = (right("a"), id(7), right("c"));
    let columns = [
        ("id", texts(&[&first, &wrong, &last])),
        ("url", texts(&["a", "b", "c"])),
    ];
    write(dir.path(), "origin", "a.orc", &columns);
    let mut dataset = open(dir.path(), &["origin"], 1).unwrap().remove(0);
    let damage = Damage {
        swhid: format!("swh:1:ori:{}", id(7)),
        file: dir.path().join("origin/a.orc"),
        row: 1,
    };
    let mut batches = Batches::new(Columns::ALL);
    for expected in [
        Event::Records,
        Event::Damaged(damage),
        Event::Records,
        Event::End,
    ] {
        batches.clear();
        let event = dataset.fill(&mut batches, LIMITS, None, None).unwrap();
        assert_eq!(batches.records(), usize::from(event != Event::End));
        assert_eq!(event, expected);
    }
}

#[test]
fn records_are_the_same_from_whatever_position_they_are_read() {
    let dir = temporary();
    let directories: Vec<u32> = (0..9000).collect();
    let entries: Vec<u32> = directories
        .iter()
        .flat_map(|&number| vec![number; number as usize % 3])
        .collect();
    write_directories(dir.path(), UUID, &directories, &entries);
    write_directories(dir.path(), OTHER_UUID, &[7, 8], &[8]);
    let mut datasets = open(dir.path(), &["directory"], 1).unwrap();
    let dataset = &mut datasets[0];
    let all = read(dataset, None).unwrap();
    assert_eq!(all.len(), 9002);
    assert_eq!((all[9001].0, all[9001].1), (1, 1));
    for position in [8999, 0, 4095, 4096, 4097, 1, 9000, 9001, 9002, 5000] {
        dataset.go_to(position).unwrap();
        let end = Some(position + 25);
        let from = usize::try_from(position).unwrap();
        let expected = &all[from..all.len().min(from + 25)];
        assert_eq!(read(dataset, end).unwrap(), expected, "{position}");
    }
    // A run that goes on has not seen what comes before.
    for position in [1, 4096, 8999, 9001] {
        let mut datasets = open(dir.path(), &["directory"], 1).unwrap();
        let offsets = datasets[0].offsets(position);
        datasets[0].start_at(&offsets).unwrap();
        let from = usize::try_from(position).unwrap();
        assert_eq!(read(&mut datasets[0], None).unwrap(), all[from..]);
        assert_eq!(datasets[0].remaining(), Remaining::Records(0));
    }
}

#[test]
fn partitions_and_offsets_do_not_depend_on_the_number_of_workers() {
    let dir = temporary();
    for (name, urls) in [("b.orc", &["b", "c", "d"][..]), ("a.orc", &["a"])] {
        write_origins(dir.path(), name, urls);
    }
    let mut read_by: Vec<Vec<Read>> = Vec::new();
    for workers in [1, 2, 3] {
        let mut datasets = open(dir.path(), &["origin"], workers).unwrap();
        let parts = datasets
            .iter_mut()
            .map(|dataset| read(dataset, None).unwrap());
        let mut all: Vec<Read> = parts.flatten().collect();
        all.sort();
        read_by.push(all);
    }
    let positions = |all: &[Read]| all.iter().map(|one| (one.0, one.1)).collect::<Vec<_>>();
    assert_eq!(positions(&read_by[0]), [(0, 0), (1, 0), (1, 1), (1, 2)]);
    assert!(read_by[1] == read_by[0] && read_by[2] == read_by[0]);
}

#[test]
fn digest_tells_one_list_of_files_from_another() {
    let dir = temporary();
    let digest = || {
        let dataset = open(dir.path(), &["origin"], 1).unwrap().remove(0);
        dataset.data_digest().unwrap()
    };
    write_origins(dir.path(), "a.orc", &["a"]);
    let first = digest();
    assert_eq!(first, digest());
    fs::rename(
        dir.path().join("origin/a.orc"),
        dir.path().join("origin/b.orc"),
    )
    .unwrap();
    let renamed = digest();
    assert_ne!(first, renamed);
    write_origins(dir.path(), "b.orc", &["a", "b"]);
    assert_ne!(renamed, digest());
}

/// An export that was not copied whole is no subdataset: its objects would lack rows, and nothing would say so.
#[test]
fn file_that_was_not_copied_is_named() {
    let dir = temporary();
    write_directories(dir.path(), UUID, &[1], &[1]);
    let missing = || match open(dir.path(), &["directory"], 1) {
        Err(Error::Incomplete { file, table, .. }) => (file, table),
        other => panic!("{:?}", other.map(|_| ())),
    };
    let entries = dir.path().join("directory_entry");
    let own = named("directory_entry", UUID);
    let other = named("directory_entry", OTHER_UUID);
    fs::copy(entries.join(&own), entries.join(&other)).unwrap();
    assert_eq!(missing(), (named("directory", OTHER_UUID), "directory"));
    fs::remove_file(entries.join(&own)).unwrap();
    assert_eq!(missing(), (own, "directory_entry"));
    // A merged file may have the rows.
    fs::rename(entries.join(&other), entries.join("merged.orc")).unwrap();
    assert_eq!(read_all(dir.path(), &["directory"]).unwrap().len(), 1);
}

#[test]
fn odd_directory_of_an_export_without_manifests_may_be_right() {
    let dir = temporary();
    // The identifier is not that of the entries.
    write_directories(dir.path(), UUID, &[1], &[1]);
    let mut dataset = open(dir.path(), &["directory"], 1).unwrap().remove(0);
    dataset.make().unwrap();
    assert_eq!(dataset.made, Some(Verdict::CannotTell));
}

#[test]
fn rows_that_belong_to_no_row_are_an_error() {
    let dir = temporary();
    write_directories(dir.path(), UUID, &[1, 2], &[2, 1]);
    let error = read_all(dir.path(), &["directory"]).unwrap_err();
    let SourceError::Dataset(Error::Unmatched { main, row, .. }) = error else {
        panic!("{error}");
    };
    assert_eq!((main, row), ("directory", 1));
}

#[test]
fn folder_without_tables_is_refused() {
    let dir = temporary();
    let refused = |path: &Path| folder(path, &[]).unwrap_err();
    assert!(matches!(
        refused(&dir.path().join("gone")),
        Error::Folder { .. }
    ));
    assert!(matches!(refused(dir.path()), Error::NoTable(_)));
    // Neither is a table.
    write_origins(&dir.path().join("swhids"), "a.orc", &["a"]);
    fs::create_dir(dir.path().join("revision")).unwrap();
    fs::write(dir.path().join("revision/README"), "x").unwrap();
    assert!(matches!(refused(dir.path()), Error::NoTable(_)));
    fs::write(dir.path().join("revision/0.parquet"), "PAR1").unwrap();
    assert!(matches!(refused(dir.path()), Error::Parquet(_)));
}

#[test]
fn files_of_orc_are_known_without_their_suffix() {
    let dir = temporary();
    write_origins(dir.path(), "20240516_102944_67765_x", &["a"]);
    write_origins(dir.path(), "_temporary.orc", &["b"]);
    fs::write(dir.path().join("origin/manifest"), "text").unwrap();
    assert_eq!(read_all(dir.path(), &["origin"]).unwrap().len(), 1);
}

#[test]
fn one_table_that_is_missing_is_passed_over_and_all_are_an_error() {
    let dir = temporary();
    write_origins(dir.path(), "a.orc", &["a"]);
    let records = read_all(dir.path(), &["origin", "release"]).unwrap();
    assert_eq!(records.len(), 1);
    let error = read_all(dir.path(), &["release", "revision"]).unwrap_err();
    let SourceError::Dataset(Error::NothingToRead { tables, .. }) = error else {
        panic!("{error}");
    };
    assert!(
        tables.contains("release") && tables.contains("revision"),
        "{tables}"
    );
}

/// Columns of a release, with a date in microseconds.
fn release(date: Option<i64>) -> Vec<(&'static str, ArrayRef)> {
    let ids = [id(1)];
    vec![
        ("id", texts(&[ids[0].as_str()])),
        ("name", bytes(&[Some(b"v")])),
        (
            "date",
            Arc::new(TimestampMicrosecondArray::from(vec![date])) as ArrayRef,
        ),
        (
            "date_offset",
            Arc::new(Int16Array::from(vec![-570])) as ArrayRef,
        ),
        ("date_raw_offset_bytes", bytes(&[Some(b"-0930")])),
    ]
}

fn read_release(columns: &[(&'static str, ArrayRef)]) -> Result<Vec<u8>, SourceError> {
    let dir = temporary();
    write(dir.path(), "release", "a.orc", columns);
    Ok(read_all(dir.path(), &["release"])?.remove(0).3)
}

/// The value of that release.
fn expected_release(seconds: i64, microseconds: i64, zone: &[u8]) -> Vec<u8> {
    of(|e| {
        e.map(3).str("name").bin(b"v");
        e.str("date").map(2).str("timestamp").map(2);
        e.str("seconds").int(seconds);
        e.str("microseconds").int(microseconds);
        e.str("offset_bytes").bin(zone);
        e.str("id").bin(&hash(1));
    })
}

#[test]
fn times_are_exact_from_the_year_1_to_9999() {
    for (seconds, microseconds) in [
        (-62_135_596_800, 0),
        (-62_135_596_800, 999_999),
        (253_402_300_799, 999_999),
        (-2, 500_000),
        (-1, 0),
        (0, 1),
        // The epoch of ORC.
        (1_420_070_399, 999_999),
        (1_420_070_400, 0),
        // Neither is a number of nanoseconds in 64 bits.
        (-9_223_372_037, 1),
        (9_223_372_037, 0),
    ] {
        let time = seconds * 1_000_000 + microseconds;
        let value = read_release(&release(Some(time))).unwrap();
        assert_eq!(
            value,
            expected_release(seconds, microseconds, b"-0930"),
            "{seconds} {microseconds}"
        );
    }
}

#[test]
fn zone_is_that_of_the_raw_column_or_made_of_minutes_without_it() {
    let mut columns = release(Some(5_000_006));
    columns.pop();
    assert_eq!(
        read_release(&columns).unwrap(),
        expected_release(5, 6, b"-0930")
    );
    columns[3].1 = Arc::new(Int16Array::from(vec![0]));
    columns.push(("date_raw_offset_bytes", bytes(&[Some(b"UTC?")])));
    assert_eq!(
        read_release(&columns).unwrap(),
        expected_release(5, 6, b"UTC?")
    );
}

#[test]
fn null_is_nil_and_a_column_that_is_missing_has_no_member() {
    let columns = [
        ("id", texts(&[&id(1)])),
        ("message", bytes(&[None])),
        ("name", bytes(&[Some(b"")])),
        ("target_type", texts(&["revision"])),
        ("more", texts(&["x"])),
    ];
    let expected = of(|e| {
        e.map(4).str("name").bin(b"").str("message").nil();
        e.str("target_type").str("revision");
        e.str("id").bin(&hash(1));
    });
    assert_eq!(read_release(&columns).unwrap(), expected);
}

#[test]
fn columns_that_name_a_row_have_to_be_there_and_to_fit() {
    let error = |columns: &[(&'static str, ArrayRef)]| {
        let error = read_release(columns).unwrap_err().to_string();
        error.replace(char::is_whitespace, " ")
    };
    let missing = error(&[("name", bytes(&[Some(b"v")]))]);
    assert!(missing.ends_with("has no column `id`"), "{missing}");
    let number = Arc::new(Int64Array::from(vec![1])) as ArrayRef;
    let other = error(&[("id", number)]);
    assert!(other.contains("the column `id` of"), "{other}");
    for wrong in ["", "xy", &id(1)[1..]] {
        let wrong = error(&[("id", texts(&[wrong]))]);
        assert!(wrong.contains("in row 0 of"), "{wrong}");
        assert!(
            wrong.ends_with("is no hash in hexadecimal digits"),
            "{wrong}"
        );
    }
    let mut null = Arc::new(StringArray::from(vec![None::<&str>])) as ArrayRef;
    let null = error(&[("id", std::mem::replace(&mut null, texts(&[])))]);
    assert!(null.ends_with("is NULL"), "{null}");
}

#[test]
fn record_that_does_not_fit_the_guest_is_refused() {
    let dir = temporary();
    let large = "x".repeat(LIMITS.memory_limit_bytes / 2);
    write_origins(dir.path(), "a.orc", &["a", &large]);
    let error = read_all(dir.path(), &["origin"]).unwrap_err();
    assert!(
        matches!(
            error,
            SourceError::Dataset(Error::RecordTooLarge { row: 1, .. })
        ),
        "{error}"
    );
}

#[test]
fn damaged_file_is_an_error_or_other_records_and_no_panic() {
    let dir = temporary();
    write_directories(dir.path(), UUID, &[1, 2, 3], &[1, 3]);
    for table in ["directory", "directory_entry"] {
        let path = dir.path().join(table).join(named(table, UUID));
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            fs::write(&path, &whole[..at]).unwrap();
            assert!(
                read_all(dir.path(), &["directory"]).is_err(),
                "{table} {at}"
            );
        }
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1 << (at % 8);
            fs::write(&path, &damaged).unwrap();
            let _any = read_all(dir.path(), &["directory"]);
        }
        fs::write(&path, &whole).unwrap();
    }
    assert_eq!(read_all(dir.path(), &["directory"]).unwrap().len(), 3);
}
