use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use super::*;
use crate::sink::RowLimits;
use crate::sink::testing::{Bound, outputs};

mod changes;
mod compressed;
mod limits;

/// More than any test emits in a call, except for tests of the limit.
const CALL_BYTES: usize = 1 << 30;

const LIMITS: RowLimits = RowLimits {
    call_bytes: CALL_BYTES,
    most_bytes: None,
};

fn open(names: &[&str], texts: &[String]) -> Result<Bound, OpenError> {
    let outputs = outputs(names);
    let destinations = Destinations::open(texts, &outputs)?;
    Ok(Bound::new(&destinations, &outputs, LIMITS))
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// The text of a file, decompressed by other programs if its name promises a format.
fn read(path: &Path) -> String {
    let bytes = fs::read(path).unwrap();
    let extension = path.extension().and_then(|extension| extension.to_str());
    let text = match extension {
        _ if bytes.is_empty() => bytes,
        Some("gz") => {
            let gzip = Command::new("gzip").arg("-dc").arg(path).output().unwrap();
            assert!(gzip.status.success(), "{gzip:?}");
            gzip.stdout
        }
        Some("zst") => zstd::decode_all(&bytes[..]).unwrap(),
        _ => bytes,
    };
    String::from_utf8(text).unwrap()
}

/// Emits `{"n": number}`.
fn emit(sink: &mut Bound, output: usize, number: u8) {
    sink.emit(output, &[0x81, 0xa1, b'n', number], &[4])
        .unwrap();
}

fn emit_and_flush(sink: &mut Bound, number: u8) -> Result<(), SinkError> {
    emit(sink, 0, number);
    sink.rows.end_call();
    sink.flush()
}

#[test]
fn rows_are_written_at_the_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.jsonl");
    let mut sink = open(&["rows"], &[text(&path)]).unwrap();
    sink.emit(0, b"\x81\xa1n\x01\x80\x81\xa1n\x02", &[4, 5, 9])
        .unwrap();
    sink.rows.end_call();
    assert_eq!(sink.rows.held_bytes(), 19);
    assert_eq!(read(&path), "");
    sink.flush().unwrap();
    assert_eq!(sink.rows.held_bytes(), 0);
    assert_eq!(read(&path), "{\"n\":1}\n{}\n{\"n\":2}\n");
    sink.flush().unwrap();
    emit_and_flush(&mut sink, 3).unwrap();
    assert_eq!(read(&path), "{\"n\":1}\n{}\n{\"n\":2}\n{\"n\":3}\n");
}

#[test]
fn rows_of_a_failed_call_are_dropped_and_those_held_stay() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.jsonl");
    let mut sink = open(&["rows"], &[text(&path)]).unwrap();
    emit(&mut sink, 0, 1);
    sink.rows.end_call();
    emit(&mut sink, 0, 2);
    sink.rows.rollback_call();
    emit(&mut sink, 0, 3);
    sink.rows.end_call();
    emit(&mut sink, 0, 4);
    sink.flush().unwrap();
    assert_eq!(read(&path), "{\"n\":1}\n{\"n\":3}\n");
    emit(&mut sink, 0, 5);
    sink.rows.end_call();
    sink.rows.clear();
    assert_eq!(sink.rows.held_bytes(), 0);
    sink.flush().unwrap();
    assert_eq!(read(&path), "{\"n\":1}\n{\"n\":3}\n");
}

#[test]
fn bad_rows_leave_the_held_rows_unchanged() {
    let mut sink = open(&["rows"], &["/dev/null".to_owned()]).unwrap();
    emit(&mut sink, 0, 1);
    let held = sink.rows.held_bytes();
    for (rows, ends, message) in [
        (
            &b"\x80\x90"[..],
            &[1, 2][..],
            "row 1 of those emitted to `rows` is not a map",
        ),
        (
            b"\x80\x80",
            &[1],
            "the ends of the rows emitted to `rows` do not fit the rows",
        ),
        (
            b"\x80\x80",
            &[2, 1],
            "row 0 of those emitted to `rows` goes on after the end of its map",
        ),
        (
            b"\x80\x80",
            &[1, 3],
            "the ends of the rows emitted to `rows` do not fit the rows",
        ),
        (
            b"\x80\x80",
            &[1, 2, 1],
            "the ends of the rows emitted to `rows` do not fit the rows",
        ),
        (
            b"\x80",
            &[],
            "the ends of the rows emitted to `rows` do not fit the rows",
        ),
    ] {
        let error = sink.emit(0, rows, ends).unwrap_err();
        assert_eq!(error.to_string(), message);
        assert_eq!(sink.rows.held_bytes(), held);
    }
    let error = sink.emit(1, b"\x80", &[1]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "it emitted to output 1, but its plan has 1"
    );
    sink.emit(0, b"", &[]).unwrap();
    assert_eq!(sink.rows.held_bytes(), held);
}

#[derive(serde::Deserialize)]
struct OddRow {
    about: String,
    row: String,
    json: Option<String>,
    error: Option<String>,
}

#[test]
fn odd_rows_are_written_as_the_harness_of_the_sdk_shows_them() {
    // The SDK has the same test with the same list.
    let list = include_str!("../../../../crates/rows/tests/odd_rows.json");
    let odd_rows: Vec<OddRow> = serde_json::from_str(list).unwrap();
    assert!(odd_rows.len() > 30);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.jsonl");
    let mut sink = open(&["rows"], &[text(&path)]).unwrap();
    let mut expected = String::new();
    for odd in odd_rows {
        let mut row = vec![0; odd.row.len() / 2];
        const_hex::decode_to_slice(&odd.row, &mut row).unwrap();
        let emitted = sink.emit(0, &row, &[u32::try_from(row.len()).unwrap()]);
        let error = emitted.err().map(|error| error.to_string());
        let reason = odd
            .error
            .map(|reason| format!("row 0 of those emitted to `rows` {reason}"));
        assert_eq!(error, reason, "{}", odd.about);
        expected.extend(odd.json.map(|json| json + "\n"));
    }
    sink.rows.end_call();
    sink.flush().unwrap();
    assert_eq!(read(&path), expected);
}

#[test]
fn outputs_that_share_a_file_are_named_in_their_lines() {
    let folder = tempfile::tempdir().unwrap();
    let (all, one) = (folder.path().join("all"), folder.path().join("one"));
    let bound = [text(&all), format!("b={}", text(&one))];
    let mut sink = open(&["a", "b", "c"], &bound).unwrap();
    for output in [0, 1, 2, 0] {
        emit(&mut sink, output, 7);
    }
    sink.rows.end_call();
    sink.flush().unwrap();
    assert_eq!(
        read(&all),
        "{\"output\":\"a\",\"row\":{\"n\":7}}\n{\"output\":\"c\",\"row\":{\"n\":7}}\n{\"output\":\"a\",\"row\":{\"n\":7}}\n"
    );
    assert_eq!(read(&one), "{\"n\":7}\n");
}

#[test]
fn two_names_of_one_file_are_one_destination() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let (soft, hard) = (folder.path().join("soft"), folder.path().join("hard"));
    File::create(&path).unwrap();
    symlink(&path, &soft).unwrap();
    fs::hard_link(&path, &hard).unwrap();
    let bound = [
        format!("a={}", text(&soft)),
        format!("b={}", text(&hard)),
        text(&path),
    ];
    let mut sink = open(&["a", "b", "c"], &bound).unwrap();
    for output in 0..3 {
        emit(&mut sink, output, 1);
    }
    sink.rows.end_call();
    sink.flush().unwrap();
    let lines =
        ["a", "b", "c"].map(|name| format!("{{\"output\":\"{name}\",\"row\":{{\"n\":1}}}}\n"));
    assert_eq!(read(&path), lines.concat());
}

#[test]
fn workers_append_whole_checkpoints() {
    for name in ["rows.jsonl", "rows.jsonl.gz", "rows.jsonl.zst"] {
        append_by_workers(name);
    }
}

fn append_by_workers(name: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    let outputs = outputs(&["rows"]);
    let destinations = Destinations::open(&[text(&path)], &outputs).unwrap();
    std::thread::scope(|scope| {
        for worker in 1..=4 {
            let mut sink = Bound::new(&destinations, &outputs, LIMITS);
            scope.spawn(move || {
                for _ in 0..20 {
                    for _ in 0..100 {
                        emit(&mut sink, 0, worker);
                    }
                    sink.rows.end_call();
                    sink.flush().unwrap();
                }
            });
        }
    });
    let all = read(&path);
    let lines: Vec<_> = all.lines().collect();
    assert_eq!(lines.len(), 8000);
    assert!(
        lines
            .chunks(100)
            .all(|chunk| chunk.iter().all(|line| *line == chunk[0]))
    );
}

#[test]
fn binding_of_an_unknown_output_lists_the_known() {
    let error = open(&["rows", "errors"], &["row=x".to_owned()])
        .err()
        .unwrap();
    assert_eq!(
        error.to_string(),
        "the processor has no output `row`; it has: `rows`, `errors`"
    );
    for (twice, what) in [
        (["rows=x", "rows=y"], "the output `rows`"),
        (["x", "y"], "not named"),
    ] {
        let error = open(&["rows"], &twice.map(str::to_owned)).err().unwrap();
        assert!(error.to_string().contains(what), "{error}");
        assert!(matches!(error, OpenError::BoundTwice { .. }));
    }
}

#[test]
fn files_that_cannot_be_written_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = open(&["rows"], &[text(folder.path())]).err().unwrap();
    let expected = format!("`{}` is a directory, not a file", folder.path().display());
    assert_eq!(error.to_string(), expected);

    let absent = folder.path().join("absent/file");
    let (endless, dangling) = (
        folder.path().join("endless"),
        folder.path().join("dangling"),
    );
    symlink(&endless, &endless).unwrap();
    symlink(&absent, &dangling).unwrap();
    for path in [absent, endless, dangling] {
        let error = open(&["rows"], &[text(&path)]).err().unwrap();
        assert_eq!(
            error.to_string(),
            format!("cannot open `{}` for appending", path.display())
        );
    }
}

#[test]
fn file_that_another_process_holds_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.jsonl");
    // Locks belong to the open file, so another open file behaves as another process does.
    let holder = OpenOptions::new()
        .append(true)
        .create(true)
        .open(&path)
        .unwrap();
    holder.try_lock().unwrap();
    let error = open(&["rows"], &[text(&path)]).err().unwrap();
    assert_eq!(
        error.to_string(),
        format!("another process is writing to `{}`", path.display())
    );
    holder.unlock().unwrap();
    let sink = open(&["rows"], &[text(&path)]).unwrap();
    assert!(matches!(
        open(&["rows"], &[text(&path)]),
        Err(OpenError::Held { .. })
    ));
    drop(sink);
    open(&["rows"], &[text(&path)]).unwrap();
}

#[test]
fn file_that_is_one_json_object_is_no_half_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("options.json");
    fs::write(&path, r#"{"a":1}"#).unwrap();
    let error = open(&["rows"], &[text(&path)]).err().unwrap();
    assert!(
        error.to_string().contains("does not end with a line"),
        "{error}"
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), r#"{"a":1}"#);
}

#[test]
fn call_that_makes_more_json_than_it_may_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows");
    let outputs = outputs(&["a", "b"]);
    let destinations = Destinations::open(&[text(&path)], &outputs).unwrap();
    let limits = RowLimits {
        call_bytes: 100,
        ..LIMITS
    };
    let mut sink = Bound::new(&destinations, &outputs, limits);
    // An empty map is one byte, and its line names the output.
    let row = |sink: &mut Bound| sink.emit(0, b"\x80", &[1]);
    let emitted = (0..100).take_while(|_| row(&mut sink).is_ok()).count();
    assert!((1..8).contains(&emitted), "{emitted}");
    sink.rows.end_call();
    assert!(row(&mut sink).is_ok(), "the next call has its own bound");
}

#[test]
fn half_line_of_a_crash_is_cut_off_at_opening() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.jsonl");
    let long = format!("{{\"a\":\"{}", "x".repeat(300_000));
    let exact = format!("{{\"a\":\"{}", "x".repeat((64 << 10) - 6));
    assert_eq!(exact.len(), 64 << 10);
    for (content, kept) in [
        ("", ""),
        ("{\"n\":1}\n", "{\"n\":1}\n"),
        ("{\"n\":1}\n{", "{\"n\":1}\n"),
        ("{\"n\":1}\n{\"n\":2}", "{\"n\":1}\n"),
        ("{\"n\":", ""),
        (&format!("{{}}\n{long}"), "{}\n"),
        (&long, ""),
        (&format!("{{}}\n{exact}"), "{}\n"),
        (&exact, ""),
        (&format!("{{}}\n{exact}{}", "y".repeat(64 << 10)), "{}\n"),
    ] {
        fs::write(&path, content).unwrap();
        let mut sink = open(&["rows"], &[text(&path)]).unwrap();
        assert_eq!(read(&path), kept);
        emit_and_flush(&mut sink, 1).unwrap();
        assert_eq!(read(&path), format!("{kept}{{\"n\":1}}\n"));
    }
}

#[test]
fn file_of_something_else_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    for content in ["half a line", "a\nhalf", "{}\n\0\0\0"] {
        fs::write(&path, content).unwrap();
        let error = open(&["rows"], &[text(&path)]).err().unwrap();
        assert!(
            error
                .to_string()
                .contains("does not end with a line of JSON"),
            "{error}"
        );
        assert_eq!(read(&path), content);
    }
}

#[test]
fn full_disk_is_named_and_every_file_is_cut_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.jsonl");
    fs::write(&path, "{}\n").unwrap();
    let bound = ["a=/dev/full".to_owned(), format!("b={}", text(&path))];
    let mut sink = open(&["a", "b"], &bound).unwrap();
    for output in [0, 1] {
        emit(&mut sink, output, 1);
    }
    sink.rows.end_call();
    let held = sink.rows.held_bytes();
    let error = sink.flush().unwrap_err();
    assert_eq!(error.to_string(), "cannot write to `/dev/full`");
    let SinkError::Write { source, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(source.kind(), io::ErrorKind::StorageFull);
    assert_eq!(read(&path), "{}\n");
    assert_eq!(sink.rows.held_bytes(), held);
}

#[test]
fn reader_of_a_named_pipe_that_goes_away_is_a_failed_write() {
    let (reader, writer) = io::pipe().unwrap();
    let path = format!("/proc/self/fd/{}", writer.as_raw_fd());
    let mut sink = open(&["rows"], &[path]).unwrap();
    drop(writer);
    emit_and_flush(&mut sink, 1).unwrap();
    let mut reader = io::BufReader::new(reader);
    let mut line = [0; 8];
    reader.read_exact(&mut line).unwrap();
    assert_eq!(&line, b"{\"n\":1}\n");
    drop(reader);
    // A child process that another test is starting has a copy of the reader until its program begins.
    let error = loop {
        if let Err(error) = emit_and_flush(&mut sink, 2) {
            break error;
        }
    };
    let SinkError::Write { source, .. } = error else {
        panic!("nothing says that this reader may go away");
    };
    assert_eq!(source.kind(), io::ErrorKind::BrokenPipe);
}

/// Files whose operation of this number, counted from 1, fails.
#[derive(Debug)]
struct FailAt {
    number: usize,
    taken: std::sync::atomic::AtomicUsize,
}

impl FailAt {
    fn new(number: usize) -> Arc<Self> {
        Arc::new(Self {
            number,
            taken: 0.into(),
        })
    }

    fn step(&self) -> io::Result<()> {
        let before = self.taken.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        if before + 1 == self.number {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }
}

impl Files for FailAt {
    fn write(&self, file: &File, bytes: &[u8]) -> io::Result<usize> {
        self.step().and_then(|()| SystemFiles.write(file, bytes))
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        self.step().and_then(|()| SystemFiles.sync(file))
    }
}

#[test]
fn failure_at_any_durable_step_of_a_checkpoint_leaves_none_of_its_rows() {
    for endings in [["", ""], [".gz", ".zst"]] {
        fail_at_every_step(endings);
    }
}

fn fail_at_every_step(endings: [&str; 2]) {
    let names = ["a", "b"];
    for number in 1.. {
        let folder = tempfile::tempdir().unwrap();
        let paths = [0, 1].map(|index| {
            let file = format!("{}{}", names[index], endings[index]);
            folder.path().join(file)
        });
        let bindings: Vec<_> = names
            .iter()
            .zip(&paths)
            .map(|(name, path)| format!("{name}={}", text(path)))
            .collect();
        let files: Arc<dyn Files> = FailAt::new(number);
        let outputs = outputs(&names);
        let opened = Destinations::open_with(&files, &bindings, &outputs).unwrap();
        let mut sink = Bound::new(&opened, &outputs, LIMITS);
        let mut checkpoints = 0;
        while checkpoints < 3 {
            for output in 0..names.len() {
                emit(&mut sink, output, 1);
            }
            sink.rows.end_call();
            if sink.flush().is_err() {
                break;
            }
            checkpoints += 1;
        }
        for path in &paths {
            assert_eq!(
                read(path),
                "{\"n\":1}\n".repeat(checkpoints),
                "step {number}"
            );
        }
        if checkpoints == 3 {
            // Two writes and two synchronisations in each checkpoint.
            assert_eq!(number, 3 * 4 + 1);
            return;
        }
    }
}
