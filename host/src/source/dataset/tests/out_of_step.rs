//! Tables whose rows do not follow those of their main table.

use std::io::{Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::thread;

use super::*;
use crate::source::dataset::related::RelatedFile;

/// Memory in which all fits, and with which there are many parts and many runs.
pub(super) const MEMORIES: [usize; 2] = [1 << 20, 64 << 10];

/// A row of `directory_entry`: the number of the directory, and the name.
type EntryRow = (u32, String);

/// Directories with some entries each, in the order of an export. One name is the beginning of another one.
fn exported(directories: u32) -> (Vec<u32>, Vec<EntryRow>) {
    let entries =
        |number: u32| (0..number % 7).map(move |index| (number, "a".repeat(1 + index as usize)));
    let all: Vec<u32> = (0..directories).collect();
    let entries = all.iter().flat_map(|&number| entries(number)).collect();
    (all, entries)
}

/// The same items in an order that looks random.
fn shuffled<T: Clone>(items: &[T]) -> Vec<T> {
    let count = items.len();
    let item = |index: usize| items[index * 7919 % count].clone();
    assert!(!count.is_multiple_of(7919));
    (0..count).map(item).collect()
}

pub(super) fn write_ids(folder: &Path, table: &str, name: &str, numbers: &[u32]) {
    let ids: Vec<String> = numbers.iter().map(|&number| mixed(number)).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    write(folder, table, name, &[("id", texts(&ids))]);
}

/// A hash: identifiers in a row are not spread evenly.
pub(super) fn mixed(number: u32) -> String {
    use sha1::Digest as _;
    text::hex(&sha1::Sha1::digest(number.to_le_bytes()))
}

fn write_entries(folder: &Path, name: &str, entries: &[EntryRow]) {
    let of: Vec<String> = entries.iter().map(|(number, _)| mixed(*number)).collect();
    let of: Vec<&str> = of.iter().map(String::as_str).collect();
    let names: Vec<_> = entries
        .iter()
        .map(|(_, name)| Some(name.as_bytes()))
        .collect();
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
    write(folder, "directory_entry", name, &columns);
}

/// Directories in step, and the same in other files and another order.
fn both(directories: u32) -> [TempDir; 2] {
    let both = [temporary(), temporary()];
    let (numbers, entries) = exported(directories);
    write_ids(
        both[0].path(),
        "directory",
        &named("directory", UUID),
        &numbers,
    );
    write_entries(both[0].path(), &named("directory_entry", UUID), &entries);
    let numbers = shuffled(&numbers);
    for (name, part) in ["b", "a"]
        .into_iter()
        .zip(numbers.chunks(numbers.len() / 2 + 1))
    {
        write_ids(both[1].path(), "directory", name, part);
    }
    let entries = shuffled(&entries);
    let names = ["20240516_b", "merged.orc", "20240516_a"];
    for (name, part) in names.into_iter().zip(entries.chunks(entries.len() / 3 + 1)) {
        write_entries(both[1].path(), name, part);
    }
    both
}

fn folder_with(path: &Path, memory: usize, is_dry_run: bool) -> Result<Arc<Folder>, Error> {
    let options = Options {
        folder: path.to_owned(),
        without: Vec::new(),
        sort: SortOptions {
            folder: path.join("sorted"),
            memory,
            is_dry_run,
        },
    };
    Folder::open(&options).map(Arc::new)
}

pub(super) fn open_with(path: &Path, types: &[&str], memory: usize) -> Result<Vec<Dataset>, Error> {
    Dataset::open(
        &folder_with(path, memory, false)?,
        &subscription(types),
        1,
        Share::WHOLE,
    )
}

/// Keys and values.
fn objects(records: &[Read]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let objects = records.iter();
    let mut objects: Vec<_> = objects
        .map(|(_, _, key, value)| (key.clone(), value.clone()))
        .collect();
    objects.sort();
    objects
}

/// The files that are kept, with their numbers in the file system.
pub(super) fn kept(path: &Path) -> Vec<(String, u64)> {
    let Ok(files) = fs::read_dir(path.join("sorted")) else {
        return Vec::new();
    };
    let file = |file: std::io::Result<fs::DirEntry>| {
        let file = file.unwrap();
        let name = file.file_name().into_string().unwrap();
        (name, file.metadata().unwrap().ino())
    };
    let mut files: Vec<_> = files.map(file).collect();
    files.sort();
    files
}

#[test]
fn records_are_those_of_tables_in_step() {
    let [in_step, shuffled] = both(3000);
    let expected = read_all(in_step.path(), &["directory"]).unwrap();
    assert_eq!(expected.len(), 3000);
    for memory in MEMORIES {
        let dir = shuffled.path();
        let mut datasets = open_with(dir, &["directory"], memory).unwrap();
        let found = read(&mut datasets[0], None).unwrap();
        assert!(objects(&found) == objects(&expected), "{memory}");
        let positions = found.iter().map(|one| (one.0, one.1));
        let of_files = (0..1499)
            .map(|row| (0, row))
            .chain((0..1501).map(|row| (1, row)));
        assert!(positions.eq(of_files));
        let kept = kept(dir);
        assert!(
            kept.len() == 1 && kept[0].0.starts_with("directory_entry-"),
            "{kept:?}"
        );
        fs::remove_dir_all(dir.join("sorted")).unwrap();
    }
    assert!(kept(in_step.path()).is_empty());
}

#[test]
fn workers_read_the_same_from_whatever_position() {
    let [_, shuffled] = both(3000);
    let dir = shuffled.path();
    let all = read_all(dir, &["directory"]).unwrap();
    let mut datasets = open(dir, &["directory"], 1).unwrap();
    for position in [2999, 0, 1500, 1501, 1502, 3000, 700] {
        datasets[0].go_to(position).unwrap();
        let from = usize::try_from(position).unwrap();
        let expected = &all[from..all.len().min(from + 25)];
        let found = read(&mut datasets[0], Some(position + 25)).unwrap();
        assert_eq!(found, expected, "{position}");
    }
    let mut datasets = open(dir, &["directory"], 2).unwrap();
    assert_eq!(datasets.len(), 2);
    let mut found: Vec<Read> = Vec::new();
    for dataset in &mut datasets {
        found.extend(read(dataset, None).unwrap());
    }
    found.sort();
    assert!(found == all);
}

#[test]
fn sorted_rows_are_kept_until_a_file_changes() {
    let [_, shuffled] = both(500);
    let dir = shuffled.path();
    let digest = || open(dir, &["directory"], 1).unwrap()[0].data_digest();
    let (first_digest, first) = (digest(), kept(dir));
    assert_eq!((digest(), kept(dir)), (first_digest.clone(), first.clone()));
    write_entries(dir, "more.orc", &[(1, "z".to_owned())]);
    assert_ne!(digest(), first_digest);
    assert_eq!(kept(dir).len(), 2);
    let records = read_all(dir, &["directory"]).unwrap();
    let name = of(|e| {
        e.str("name").bin(b"z");
    });
    let has_name = |one: &&Read| one.3.windows(name.len()).any(|part| part == name);
    assert_eq!(records.iter().filter(has_name).count(), 1);
    assert_eq!(kept(dir).len(), 2);
}

/// The names, the sizes and the numbers of rows are the same.
#[test]
fn sorted_rows_of_other_files_are_noticed() {
    let dir = temporary();
    let write = |numbers: &[u32]| {
        write_ids(dir.path(), "directory", "merged.orc", numbers);
        dir.path()
            .join("directory/merged.orc")
            .metadata()
            .unwrap()
            .len()
    };
    let first = write(&[1, 2]);
    let entries = [1, 2].map(|number| (number, "a".to_owned()));
    write_entries(dir.path(), "merged.orc", &entries);
    read_all(dir.path(), &["directory"]).unwrap();
    assert_eq!(write(&[2, 1]), first);
    let error = read_all(dir.path(), &["directory"]).unwrap_err();
    let SourceError::Dataset(Error::KeptOfOthers(path)) = error else {
        panic!("{error}");
    };
    fs::remove_file(path).unwrap();
    read_all(dir.path(), &["directory"]).unwrap();
}

#[test]
fn what_is_left_out_is_known_to_later_runs() {
    let dir = temporary();
    write_ids(dir.path(), "directory", "merged.orc", &[1]);
    let entries = [1, 1, 2].map(|number| (number, "a".to_owned()));
    write_entries(dir.path(), "merged.orc", &entries);
    let folder = folder_with(dir.path(), 1 << 20, false).unwrap();
    for _ in 0..2 {
        let files = folder.read(Main::Directory).unwrap();
        let RelatedFile::Sorted { kept, .. } = &files[0].relations[0] else {
            panic!("it is out of step");
        };
        let left_out = format!("{:?}", kept.left_out());
        assert_eq!(left_out, "LeftOut { unmatched: 1, repeated: 1 }");
    }
}

#[test]
fn damaged_rows_are_named() {
    let [_, shuffled] = both(500);
    let dir = shuffled.path();
    read_all(dir, &["directory"]).unwrap();
    let file = dir.join("sorted").join(&kept(dir)[0].0);
    let mut damaged = fs::read(&file).unwrap();
    damaged[100] ^= 1;
    fs::write(&file, &damaged).unwrap();
    let error = read_all(dir, &["directory"]).unwrap_err();
    let SourceError::Dataset(Error::Kept(path)) = error else {
        panic!("{error}");
    };
    assert_eq!(path, file);
    fs::write(&file, &damaged[..damaged.len() / 2]).unwrap();
    let error = open(dir, &["directory"], 1).map(|_| ()).unwrap_err();
    assert!(matches!(error, Error::Kept(_)), "{error}");
}

#[test]
fn processes_that_sort_at_the_same_time_read_the_same() {
    let [in_step, shuffled] = both(1000);
    let expected = objects(&read_all(in_step.path(), &["directory"]).unwrap());
    thread::scope(|scope| {
        let work = || read_all(shuffled.path(), &["directory"]).unwrap();
        let all = [(); 4].map(|()| scope.spawn(work));
        for one in all {
            assert!(objects(&one.join().unwrap()) == expected);
        }
    });
    let files = kept(shuffled.path());
    assert_eq!(files.len(), 1, "{files:?}");
}

#[test]
fn rows_of_no_directory_are_left_out_and_those_of_two_are_in_both() {
    for memory in MEMORIES {
        let dir = temporary();
        let numbers: Vec<u32> = (0..500).chain([3, 7]).collect();
        write_ids(dir.path(), "directory", "merged", &numbers);
        let entry = |number: u32| (number, number.to_string());
        // The entry of the first one is there twice, as in files that were merged.
        let rows: Vec<EntryRow> = [3, 900, 7, 3].map(entry).to_vec();
        write_entries(dir.path(), "merged", &rows);
        let mut datasets = open_with(dir.path(), &["directory"], memory).unwrap();
        let records = read(&mut datasets[0], None).unwrap();
        assert_eq!(records.len(), 502);
        assert!(records[500].3 == records[3].3 && records[501].3 == records[7].3);
        let begin = of(|e| {
            e.map(2).str("entries").array(1);
        });
        assert!(records[3].3.starts_with(&begin));
        let begin = of(|e| {
            e.map(2).str("entries").array(0);
        });
        assert!(records[4].3.starts_with(&begin));
    }
}

#[test]
fn one_relation_may_be_in_step_and_another_one_not() {
    let dir = temporary();
    let path = dir.path();
    write_ids(path, "revision", &named("revision", UUID), &[1, 2]);
    let ids = [1, 2, 2].map(mixed);
    let ids = ids.each_ref().map(String::as_str);
    let columns = [
        ("id", texts(&ids)),
        ("key", bytes(&[Some(b"k"), Some(b"y"), Some(b"x")])),
        ("value", bytes(&[Some(b"1"), Some(b"2"), Some(b"3")])),
    ];
    let headers = "revision_extra_headers";
    write(path, headers, &named(headers, UUID), &columns);
    let ids = [2, 1, 2].map(mixed);
    let ids = ids.each_ref().map(String::as_str);
    let parents = [20, 10, 21].map(mixed);
    let parents = parents.each_ref().map(String::as_str);
    let columns = [
        ("id", texts(&ids)),
        ("parent_id", texts(&parents)),
        (
            "parent_rank",
            Arc::new(Int64Array::from(vec![1, 0, 0])) as ArrayRef,
        ),
    ];
    write(path, "revision_history", "merged", &columns);
    let bin = |number: u32| const_hex::decode_to_array::<_, 20>(mixed(number)).unwrap();
    let value = |number: u32, parents: &[u32], headers: &[(&str, &str)]| {
        of(|e| {
            e.map(3).str("parents").array(parents.len());
            for parent in parents {
                e.bin(&bin(*parent));
            }
            e.str("id").bin(&bin(number));
            e.str("extra_headers").array(headers.len());
            for (key, value) in headers {
                e.array(2).bin(key.as_bytes()).bin(value.as_bytes());
            }
        })
    };
    let expected = [
        value(1, &[10], &[("k", "1")]),
        // The rank orders parents, and headers keep the order of the table.
        value(2, &[21, 20], &[("y", "2"), ("x", "3")]),
    ];
    let values = || -> Vec<Vec<u8>> {
        let records = read_all(path, &["revision"]).unwrap();
        records.into_iter().map(|record| record.3).collect()
    };
    assert_eq!(values(), expected);
    assert_eq!(kept(path).len(), 1);
    // Headers that are out of step come from two files then, in the order of their names.
    let file = path.join(headers).join(named(headers, UUID));
    fs::rename(file, path.join(headers).join("merged")).unwrap();
    assert_eq!(values(), expected);
    assert_eq!(kept(path).len(), 2);
}

#[test]
fn table_that_is_left_out_is_not_sorted() {
    let [_, shuffled] = both(50);
    let dir = shuffled.path();
    let mut datasets = open_without(dir, &["directory"], 1, &["directory_entry"]).unwrap();
    let records = read(&mut datasets[0], None).unwrap();
    // The member is absent, and not empty.
    assert!(records[0].3.starts_with(&of(|e| {
        e.map(1).str("id");
    })));
    assert!(!dir.join("sorted").exists());
}

#[test]
fn folder_that_is_a_file_is_named() {
    let [_, shuffled] = both(50);
    let folder = shuffled.path().join("sorted");
    fs::write(&folder, "").unwrap();
    let opened = open(shuffled.path(), &["directory"], 1);
    let error = opened.map(|_| ()).unwrap_err();
    assert!(
        matches!(&error, Error::Temporary { folder: named, .. } if *named == folder),
        "{error}"
    );
}

#[test]
fn dry_run_sorts_nothing() {
    let [_, shuffled] = both(50);
    let folder = folder_with(shuffled.path(), 1 << 20, true).unwrap();
    let datasets = Dataset::open(&folder, &subscription(&["directory"]), 1, Share::WHOLE).unwrap();
    assert_eq!(datasets[0].remaining(), Remaining::Records(50));
    assert!(!shuffled.path().join("sorted").exists());
}

#[test]
fn cells_that_are_missing_are_named_with_their_file() {
    let [_, shuffled] = both(50);
    let ids = [mixed(1)];
    let columns = [
        ("directory_id", texts(&[ids[0].as_str()])),
        ("name", bytes(&[None])),
        ("type", texts(&["file"])),
        ("target", texts(&[ids[0].as_str()])),
        ("perms", Arc::new(Int32Array::from(vec![1])) as ArrayRef),
    ];
    write(shuffled.path(), "directory_entry", "odd", &columns);
    let error = open(shuffled.path(), &["directory"], 1)
        .map(|_| ())
        .unwrap_err();
    let Error::Cell { file, column, .. } = error else {
        panic!("{error}");
    };
    assert!(file.ends_with("directory_entry/odd") && column == "name");
    // Nothing but the lock.
    assert!(kept(shuffled.path()).len() <= 1);
    assert!(open(shuffled.path(), &["directory"], 1).is_err());
}

/// The end of a file is at the end of a hole that is larger than any disk.
#[test]
fn too_little_space_is_an_error_before_anything_is_sorted() {
    let [_, shuffled] = both(50);
    let path = shuffled.path().join("directory_entry").join("merged.orc");
    let orc = fs::read(&path).unwrap();
    let mut file = File::create(&path).unwrap();
    file.seek(SeekFrom::Start(8 << 40)).unwrap();
    file.write_all(&orc).unwrap();
    let error = open(shuffled.path(), &["directory"], 1)
        .map(|_| ())
        .unwrap_err();
    let Error::NoSpace {
        folder,
        table,
        needed,
        free,
    } = error
    else {
        panic!("{error}");
    };
    assert!(needed > 8 << 40 && needed > free);
    assert_eq!(
        (folder, table),
        (shuffled.path().join("sorted"), "directory_entry")
    );
}
