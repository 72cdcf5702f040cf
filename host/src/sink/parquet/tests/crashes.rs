//! Runs that end in the middle of a checkpoint, and files that fail.

use std::io;
use std::sync::Mutex;

use super::positions::{commit, known};
use super::*;

/// Files that fail once at a step.
#[derive(Debug)]
struct Failing(Mutex<Option<Step>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Write,
    Sync,
    Rename,
    Link,
    SyncFolder,
    /// The last one: the manifest is there.
    SyncGroup,
}

impl Failing {
    fn fail(&self, step: Step) -> io::Result<()> {
        let mut next = self.0.lock().unwrap();
        if *next == Some(step) {
            *next = None;
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }
}

impl Files for Failing {
    fn write(&self, file: &File, bytes: &[u8]) -> io::Result<usize> {
        self.fail(Step::Write)?;
        SystemFiles.write(file, bytes)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        self.fail(Step::Sync)?;
        SystemFiles.sync(file)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.fail(Step::Rename)?;
        SystemFiles.rename(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.fail(Step::Link)?;
        SystemFiles.link(from, to)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        if path.parent().is_some_and(|path| path.ends_with("_journal")) {
            self.fail(Step::SyncGroup)?;
        } else {
            self.fail(Step::SyncFolder)?;
        }
        SystemFiles.sync_folder(path)
    }
}

#[test]
fn checkpoint_that_fails_leaves_nothing_and_one_in_doubt_counts_once() {
    for step in [
        Step::Write,
        Step::Sync,
        Step::Rename,
        Step::Link,
        Step::SyncFolder,
        Step::SyncGroup,
    ] {
        let world = World::new();
        let failing = Arc::new(Failing(Mutex::new(None)));
        let files: Arc<dyn Files> = Arc::<Failing>::clone(&failing);
        let outputs = [only_numbers()];
        let folder = world
            .open_with(&files, &outputs, &owner(Some("g")))
            .unwrap();
        let mut sink = folder.sink(0).unwrap();
        commit(&mut *sink, 1, &[(0, 0)], &[(0, 5)], &numbers(0..5)).unwrap();
        *failing.0.lock().unwrap() = Some(step);
        let failed = commit(&mut *sink, 2, &[(0, 5)], &[(0, 9)], &numbers(5..9));
        assert!(
            matches!(failed, Err(SinkError::Write { .. })),
            "{step:?}: {failed:?}"
        );
        let is_committed = step == Step::SyncGroup;
        let expected = if is_committed { 9 } else { 5 };
        assert_eq!(
            known(&mut *sink, 0),
            Some((expected, String::new())),
            "{step:?}"
        );
        assert_eq!(world.rows("numbers").len() as u64, expected, "{step:?}");
        // The same checkpoint again.
        let again = commit(&mut *sink, 2, &[(0, 5)], &[(0, 9)], &numbers(5..9));
        assert_eq!(again.unwrap(), Committed::Done, "{step:?}");
        assert_eq!(world.rows("numbers").len(), 9, "{step:?}");
        drop((sink, folder));
        // A run that finds nobody removes what no manifest names.
        let _again = world.open_as(&outputs, &owner(Some("g"))).unwrap();
        assert_eq!(world.files("numbers"), 2, "{step:?}");
        assert!(read_dir(&world.path.join("_journal/g")).iter().all(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            !name.starts_with('.')
        }));
    }
}

#[test]
fn files_of_a_run_that_died_are_removed_once_nobody_writes() {
    let world = World::new();
    let outputs = [only_numbers()];
    let open = || world.open_as(&outputs, &owner(Some("g"))).unwrap();
    let folder = open();
    let mut sink = folder.sink(0).unwrap();
    commit(&mut *sink, 1, &[(0, 0)], &[(0, 5)], &numbers(0..5)).unwrap();
    let named = world.named("numbers")[0].clone();
    // Another run of the group died before its manifest, and one in the middle of a file. The last one is of another group.
    let tag = &folder.manifests.layout.tag;
    let numbers = world.path.join("numbers");
    let whole = numbers.join(format!("{tag}-0123456789abcdef-000000.parquet"));
    let half = numbers.join(format!(".{tag}-0123456789abcdef-000001.parquet.tmp"));
    let foreign = numbers.join("0000000000000000-0123456789abcdef-000000.parquet");
    for path in [&whole, &half, &foreign] {
        std::fs::write(path, "x").unwrap();
    }
    let torn = world.path.join("_journal/g/.0123456789abcdef-0.tmp");
    std::fs::write(&torn, "{").unwrap();
    // Two runs died while they described a table; the second one is of another group.
    let journal = world.path.join("_journal");
    let description = journal.join(format!(".{tag}-0123456789abcdef-1.tmp"));
    let of_others = journal.join(".0000000000000000-0123456789abcdef-1.tmp");
    for path in [&description, &of_others] {
        std::fs::write(path, "{").unwrap();
    }
    let second = open();
    assert!(
        whole.exists() && half.exists(),
        "the first run still writes"
    );
    drop((sink, folder, second));
    let _third = open();
    for path in [&whole, &half, &torn, &description] {
        assert!(!path.exists(), "{path:?}");
    }
    assert!(named.exists() && foreign.exists() && of_others.exists());
    assert_eq!(world.rows("numbers").len(), 5);
}

#[test]
fn checkpoint_that_is_given_up_leaves_no_file() {
    let world = World::new();
    let folder = world.open_as(&[only_numbers()], &owner(Some("g"))).unwrap();
    let mut sink = folder.sink(0).unwrap();
    let (from, to) = (BTreeMap::new(), BTreeMap::new());
    let rows = numbers(0..5);
    let checkpoint = Checkpoint {
        notes: &BTreeMap::new(),
        worker: 0,
        number: 1,
        from: &from,
        to: &to,
        topics: &Topics::new(),
        rows: &rows,
        membership: None,
    };
    // The rows of a group were written, and no manifest.
    let again = sink.commit(&checkpoint).unwrap();
    assert_eq!(again, Committed::Again(Duration::ZERO));
    assert_eq!(world.files("numbers"), 1);
    sink.give_up();
    assert_eq!((world.files("numbers"), world.manifests().len()), (0, 0));
}
