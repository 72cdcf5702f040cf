//! Files that other programs move, remove, replace or truncate during a run.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use super::{FailAt, LIMITS, emit, emit_and_flush, open, outputs, read, text};
use crate::sink::files::{Files, SystemFiles};
use crate::sink::jsonl::Destinations;
use crate::sink::testing::Bound;
use crate::sink::{SinkError, SinkFactory};

/// A run with one output, whose file holds one row, and a path to move the file to.
struct Run {
    folder: tempfile::TempDir,
    sink: Bound,
}

impl Run {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sink = open(&["rows"], &[text(&folder.path().join("rows"))]).unwrap();
        let mut run = Self { folder, sink };
        emit_and_flush(&mut run.sink, 1).unwrap();
        run
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("rows")
    }

    fn moved(&self) -> PathBuf {
        self.folder.path().join("rows.1")
    }

    fn fails(&mut self) -> String {
        let error = emit_and_flush(&mut self.sink, 2).unwrap_err();
        let source = std::error::Error::source(&error).unwrap().to_string();
        format!("{error}: {source}")
    }

    /// The checkpoint that failed succeeds now, and holds the row of number 2.
    fn goes_on(&mut self) {
        self.sink.flush().unwrap();
        assert_eq!(read(&self.path()), "{\"n\":2}\n");
    }
}

/// What is logged while `work` runs.
fn logged(work: impl FnOnce()) -> String {
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let kept = Kept::default();
    let writer = kept.clone();
    let lines = tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .without_time()
        .with_target(false)
        .with_ansi(false)
        .finish();
    tracing::subscriber::with_default(lines, work);
    let bytes = kept.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn removed_file_is_created_again_before_rows_are_written() {
    let mut run = Run::new();
    let log = logged(|| {
        fs::remove_file(run.path()).unwrap();
        emit_and_flush(&mut run.sink, 2).unwrap();
        emit_and_flush(&mut run.sink, 3).unwrap();
    });
    assert_eq!(read(&run.path()), "{\"n\":2}\n{\"n\":3}\n");
    let expected = format!(
        " INFO `{}` was removed: rows go to the file that has its name now\n",
        run.path().display()
    );
    assert_eq!(log, expected, "one line");
}

#[test]
fn moved_file_is_let_go() {
    let mut run = Run::new();
    let log = logged(|| {
        fs::rename(run.path(), run.moved()).unwrap();
        emit_and_flush(&mut run.sink, 2).unwrap();
    });
    assert!(log.contains("was moved"), "{log}");
    assert_eq!(read(&run.moved()), "{\"n\":1}\n");
    assert_eq!(read(&run.path()), "{\"n\":2}\n");
    let free = File::open(run.moved()).unwrap();
    free.try_lock().unwrap();
    let held = File::open(run.path()).unwrap();
    assert!(held.try_lock().is_err(), "the new file is locked");
}

#[test]
fn file_that_replaces_the_output_gets_the_rows() {
    let mut run = Run::new();
    fs::write(run.moved(), "{\"n\":0}\n{\"half").unwrap();
    fs::rename(run.moved(), run.path()).unwrap();
    let log = logged(|| emit_and_flush(&mut run.sink, 2).unwrap());
    assert!(log.contains("was replaced"), "{log}");
    assert_eq!(read(&run.path()), "{\"n\":0}\n{\"n\":2}\n");
}

#[test]
fn reopening_without_rows_creates_the_file_and_is_harmless_if_nothing_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows");
    let outputs = outputs(&["rows"]);
    let destinations = Destinations::open(&[text(&path)], &outputs).unwrap();
    let mut bound = Bound::new(&destinations, &outputs, LIMITS);
    let mut sink = destinations.sink(0).unwrap();
    emit_and_flush(&mut bound, 1).unwrap();
    sink.reopen().unwrap();
    emit_and_flush(&mut bound, 2).unwrap();
    assert_eq!(read(&path), "{\"n\":1}\n{\"n\":2}\n");
    fs::remove_file(&path).unwrap();
    sink.reopen().unwrap();
    assert_eq!(read(&path), "");
}

#[test]
fn truncated_file_is_continued_at_its_new_end() {
    let mut run = Run::new();
    let log = logged(|| {
        let other = OpenOptions::new().write(true).open(run.path()).unwrap();
        other.set_len(0).unwrap();
        emit_and_flush(&mut run.sink, 2).unwrap();
        emit_and_flush(&mut run.sink, 3).unwrap();
    });
    assert_eq!(read(&run.path()), "{\"n\":2}\n{\"n\":3}\n");
    let expected = format!(
        " WARN `{}` shrank from 8 to 0 bytes: rows are appended at its new end\n",
        run.path().display()
    );
    assert_eq!(log, expected, "one line");
}

#[test]
fn line_that_another_program_truncated_is_removed_before_rows_are_appended() {
    let mut run = Run::new();
    emit_and_flush(&mut run.sink, 2).unwrap();
    let other = OpenOptions::new().write(true).open(run.path()).unwrap();
    other.set_len(12).unwrap();
    emit_and_flush(&mut run.sink, 3).unwrap();
    assert_eq!(read(&run.path()), "{\"n\":1}\n{\"n\":3}\n");
    fs::write(run.path(), "no row").unwrap();
    let expected = format!(
        "`{0}` was truncated during the run: `{0}` does not end with a line of JSON, so nothing can be appended to it",
        run.path().display()
    );
    assert_eq!(run.fails(), expected);
    assert_eq!(read(&run.path()), "no row");
}

#[test]
fn path_that_is_a_directory_now_fails_the_checkpoint_and_keeps_its_rows() {
    let mut run = Run::new();
    fs::rename(run.path(), run.moved()).unwrap();
    fs::create_dir(run.path()).unwrap();
    let expected = format!(
        "`{0}` was replaced during the run: `{0}` is a directory, not a file",
        run.path().display()
    );
    assert_eq!(run.fails(), expected);
    assert_eq!(read(&run.moved()), "{\"n\":1}\n");
    fs::remove_dir(run.path()).unwrap();
    run.goes_on();
}

#[test]
fn path_that_is_a_pipe_now_is_not_waited_for() {
    let mut run = Run::new();
    fs::remove_file(run.path()).unwrap();
    let made = Command::new("mkfifo").arg(run.path()).status().unwrap();
    assert!(made.success());
    let expected = format!(
        "`{0}` was replaced during the run: `{0}` is not a regular file any more",
        run.path().display()
    );
    assert_eq!(run.fails(), expected);
    fs::remove_file(run.path()).unwrap();
    run.goes_on();
}

#[test]
fn folder_that_is_gone_fails_the_checkpoint() {
    let mut run = Run::new();
    let folder = run.folder.path().to_owned();
    fs::remove_dir_all(&folder).unwrap();
    let expected = format!(
        "`{0}` was removed during the run: cannot open `{0}` for appending",
        run.path().display()
    );
    assert_eq!(run.fails(), expected);
    fs::create_dir(&folder).unwrap();
    run.goes_on();
}

#[test]
fn new_file_that_another_process_writes_fails_the_checkpoint() {
    let mut run = Run::new();
    fs::rename(run.path(), run.moved()).unwrap();
    let other = File::create(run.path()).unwrap();
    other.try_lock().unwrap();
    let expected = format!(
        "`{0}` was replaced during the run: another process is writing to `{0}`",
        run.path().display()
    );
    assert_eq!(run.fails(), expected);
    other.unlock().unwrap();
    run.goes_on();
}

#[test]
fn failed_write_after_reopening_leaves_no_row() {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["a", "b"].map(|name| folder.path().join(name));
    let bindings = [
        format!("a={}", text(&paths[0])),
        format!("b={}", text(&paths[1])),
    ];
    // The second checkpoint fails at its second write, or at one of its synchronisations.
    for number in 6..=8 {
        let files: Arc<dyn Files> = FailAt::new(number);
        let outputs = outputs(&["a", "b"]);
        let opened = Destinations::open_with(&files, &bindings, &outputs).unwrap();
        let mut sink = Bound::new(&opened, &outputs, LIMITS);
        let emit_to_both = |sink: &mut Bound| {
            emit(sink, 0, 1);
            emit(sink, 1, 1);
            sink.rows.end_call();
        };
        emit_to_both(&mut sink);
        sink.flush().unwrap();
        for path in &paths {
            fs::remove_file(path).unwrap();
        }
        emit_to_both(&mut sink);
        assert!(matches!(sink.flush(), Err(SinkError::Write { .. })));
        assert_eq!(
            paths.each_ref().map(|path| read(path)),
            ["", ""],
            "{number}"
        );
        sink.flush().unwrap();
        assert_eq!(
            paths.each_ref().map(|path| read(path)),
            ["{\"n\":1}\n", "{\"n\":1}\n"]
        );
        drop(sink);
        for path in &paths {
            fs::remove_file(path).unwrap();
        }
    }
}

/// The moments of a checkpoint at which another program does something.
const MOMENTS: [&str; 5] = [
    "before write",
    "within write",
    "after write",
    "before sync",
    "after sync",
];

/// Files that another program changes once, at this moment.
struct Meddler {
    moment: &'static str,
    times: Mutex<usize>,
    act: Box<dyn Fn() + Send + Sync>,
}

impl std::fmt::Debug for Meddler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.moment)
    }
}

impl Meddler {
    fn at(&self, moment: &str) {
        let mut times = self.times.lock().unwrap();
        if moment == self.moment && *times > 0 {
            *times -= 1;
            (self.act)();
        }
    }
}

impl Files for Meddler {
    fn write(&self, file: &File, bytes: &[u8]) -> io::Result<usize> {
        self.at("before write");
        // The system may write less than it was given.
        let written = SystemFiles.write(file, &bytes[..bytes.len().div_ceil(2)]);
        self.at("within write");
        let rest = SystemFiles.write(file, &bytes[bytes.len().div_ceil(2)..]);
        self.at("after write");
        Ok(written? + rest?)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        self.at("before sync");
        SystemFiles.sync(file)?;
        self.at("after sync");
        Ok(())
    }
}

/// A checkpoint of the row of number 1, after that of the row of number 0, while another program does this, so many
/// times.
fn meddled(
    moment: &'static str,
    times: usize,
    act: impl Fn(&Path) + Send + Sync + 'static,
) -> (tempfile::TempDir, Result<(), SinkError>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows");
    let acted = path.clone();
    let meddler = Arc::new(Meddler {
        moment,
        times: Mutex::new(0),
        act: Box::new(move || act(&acted)),
    });
    let files: Arc<dyn Files> = Arc::<Meddler>::clone(&meddler);
    let outputs = outputs(&["rows"]);
    let opened = Destinations::open_with(&files, &[text(&path)], &outputs).unwrap();
    let mut sink = Bound::new(&opened, &outputs, LIMITS);
    emit_and_flush(&mut sink, 0).unwrap();
    *meddler.times.lock().unwrap() = times;
    let flushed = emit_and_flush(&mut sink, 1);
    (folder, flushed)
}

fn move_away(path: &Path) {
    // A second move must not overwrite the first.
    let moved = (1..).map(|number| path.with_extension(number.to_string()));
    let free = moved.into_iter().find(|moved| !moved.exists()).unwrap();
    // While rows are taken out of a file that was moved, its path is free.
    let _moved = fs::rename(path, free);
}

#[test]
fn file_that_is_moved_in_the_middle_of_a_checkpoint_gives_its_rows_to_the_new_one() {
    for moment in MOMENTS {
        let (folder, flushed) = meddled(moment, 1, move_away);
        flushed.unwrap();
        let path = folder.path().join("rows");
        assert_eq!(read(&path), "{\"n\":1}\n", "{moment}");
        assert_eq!(read(&path.with_extension("1")), "{\"n\":0}\n", "{moment}");
    }
}

#[test]
fn file_that_is_removed_in_the_middle_of_a_checkpoint_is_written_again() {
    for moment in MOMENTS {
        let (folder, flushed) = meddled(moment, 1, |path| fs::remove_file(path).unwrap());
        flushed.unwrap();
        assert_eq!(read(&folder.path().join("rows")), "{\"n\":1}\n", "{moment}");
    }
}

#[test]
fn file_that_is_truncated_in_the_middle_of_a_checkpoint_holds_whole_rows() {
    for moment in MOMENTS {
        let (folder, flushed) = meddled(moment, 1, |path| {
            let other = OpenOptions::new().write(true).open(path).unwrap();
            other.set_len(0).unwrap();
        });
        flushed.unwrap();
        let rows = read(&folder.path().join("rows"));
        if moment == "within write" {
            // The system does not do this in the middle of one write. The row is complete all the same.
            assert!(rows.ends_with("{\"n\":1}\n"), "{rows}");
        } else {
            assert_eq!(rows, "{\"n\":1}\n", "{moment}");
        }
    }
}

#[test]
fn file_that_is_moved_again_and_again_fails_the_checkpoint() {
    let (folder, flushed) = meddled("after sync", usize::MAX, move_away);
    let error = flushed.unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("again and again"), "{source}");
    for file in fs::read_dir(folder.path()).unwrap() {
        let rows = read(&file.unwrap().path());
        assert!(["", "{\"n\":0}\n"].contains(&rows.as_str()), "{rows}");
    }
}

/// A file system that counts no links says what this file says: it has none.
#[test]
fn file_without_links_is_written_and_one_that_lost_them_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows");
    for has_name in [false, true] {
        let file = File::create_new(&path).unwrap();
        if !has_name {
            fs::remove_file(&path).unwrap();
        }
        let by_number = format!("/proc/self/fd/{}", file.as_raw_fd());
        let mut sink = open(&["rows"], std::slice::from_ref(&by_number)).unwrap();
        emit_and_flush(&mut sink, 1).unwrap();
        if !has_name {
            emit_and_flush(&mut sink, 2).unwrap();
            continue;
        }
        fs::remove_file(&path).unwrap();
        let error = emit_and_flush(&mut sink, 2).unwrap_err();
        let source = std::error::Error::source(&error).unwrap();
        assert_eq!(
            format!("{error}: {source}"),
            format!(
                "`{by_number}` was removed during the run: nobody could read what is written to `{by_number}`"
            )
        );
    }
}
