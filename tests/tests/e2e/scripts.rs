//! Python scripts in the runtime that `build-runtime python` makes.

mod absent;
mod endless;
mod javascript;
mod memory;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use journal_tests::{Finished, Host, oracle, paths, run};
use serde_json::Value;

/// The first run compiles the runtime, which may wait for others.
const LIMIT: Duration = Duration::from_mins(10);

/// A file in a new folder.
fn file(name: &str, text: &str) -> PathBuf {
    let path = run::folder("script").join(name);
    fs::write(&path, text).expect("it can be written");
    path
}

/// A run of a script over the revisions of the shipped recording.
fn host(script: &Path) -> Host {
    let runtime = paths::runtime();
    Host::run(script)
        .arg("--runtime")
        .arg(runtime)
        .arg("--recording")
        .arg(paths::repository().join("recordings/ripgrep.journal.zst"))
        .args(["--object-type", "revision"])
}

fn failed(host: Host) -> Finished {
    let finished = host.finish(LIMIT);
    assert_eq!(finished.status.code(), Some(1), "{}", finished.stderr);
    finished
}

#[track_caller]
fn says(finished: &Finished, text: &str) {
    assert!(
        finished.stderr.contains(text),
        "{text}\n{}",
        finished.stderr
    );
}

/// Runs a script to its end, and reads the dead letters of the records that it failed on.
#[track_caller]
fn with_letters(host: Host) -> (Finished, Vec<Value>) {
    let file = run::folder("script").join("letters.jsonl");
    let finished = host
        .args(["--on-failure", "dead-letter", "--dead-letters"])
        .arg(&file)
        .finish(LIMIT)
        .success();
    let text = fs::read_to_string(file).expect("it is there");
    let letter = |line| serde_json::from_str(line).expect("it is JSON");
    (finished, text.lines().map(letter).collect())
}

/// Paragraphs and how often each is there: one per object.
fn paragraphs(text: &str) -> BTreeMap<&str, usize> {
    let mut found = BTreeMap::new();
    for paragraph in text.split_terminator("\n\n") {
        *found.entry(paragraph).or_default() += 1;
    }
    found
}

#[test]
fn client_of_upstreams_shape_prints_what_it_prints_natively() {
    let script = paths::repository().join("tests/data/scripts/print_all.py");
    let frames = oracle::test_objects(&run::folder("script"));
    let native = oracle::script(
        "run_script.py",
        [
            script.as_os_str(),
            "print_objects".as_ref(),
            frames.as_ref(),
        ],
    );
    let finished = Host::run(&script)
        .arg("--runtime")
        .arg(paths::runtime())
        .arg("--recording")
        .arg(&frames)
        .arg("--privileged=if-available")
        .finish(LIMIT)
        .success();
    let (native, here) = (paragraphs(&native), paragraphs(&finished.stdout));
    assert!(native.len() > 20, "{native:?}");
    for (paragraph, count) in &native {
        assert_eq!(here.get(paragraph), Some(count), "{paragraph}");
    }
    assert_eq!(here.len(), native.len());
}

#[test]
fn example_of_upstreams_documentation_prints_the_same_text() {
    let script = oracle::example_client();
    let recording = paths::repository().join("recordings/ripgrep.journal.zst");
    let (function, types) = (
        "process_objects".as_ref(),
        ["revision", "release"].map(OsStr::new),
    );
    let arguments = [script.as_os_str(), function, recording.as_os_str()];
    let native = oracle::script("run_script.py", [&arguments[..], &types].concat());
    let finished = host(&script)
        .args(["--object-type", "release"])
        .finish(LIMIT)
        .success();
    assert_eq!(native.matches("\nNew release object:\n").count(), 272);
    assert!(finished.stdout == native, "the texts differ");
}

/// Clients of many kinds, whose functions run natively as they are: a filter of file names, counts, statistics of dates and
/// a list of edges. Those that print are tested above.
#[test]
fn clients_give_the_rows_that_they_give_natively() {
    let recording = paths::repository().join("recordings/ripgrep.journal.zst");
    let rows_of = |text: &str| {
        let row = |line| serde_json::from_str::<Value>(line).expect("it is JSON");
        let mut rows: Vec<String> = text.lines().map(|line| row(line).to_string()).collect();
        rows.sort_unstable();
        rows
    };
    for (name, least) in [
        ("count.py", 8),
        ("file_names.py", 5_000),
        ("months.py", 100),
        ("months_and_extensions.py", 150),
        ("edges.py", 150_000),
        ("fields.py", 8),
    ] {
        let script = paths::repository().join("tests/data/scripts").join(name);
        let arguments = [
            script.as_os_str(),
            "process".as_ref(),
            recording.as_os_str(),
        ];
        let native = rows_of(&oracle::script("run_script.py", arguments));
        let finished = Host::run(&script)
            .arg("--runtime")
            .arg(paths::runtime())
            .arg("--recording")
            .arg(&recording)
            .finish(LIMIT)
            .success();
        assert!(native.len() >= least, "{name}: {}", native.len());
        assert!(
            rows_of(&finished.stdout) == native,
            "{name}: the rows differ"
        );
    }
}

/// Months by the dates that upstream's deserializer gives, independent of any script.
#[test]
fn rows_equal_what_upstreams_packages_compute() {
    let script = paths::repository().join("tests/data/scripts/months.py");
    let recording = paths::repository().join("recordings/ripgrep.journal.zst");
    let native = oracle::script("statistics.py", [recording.as_os_str(), "months".as_ref()]);
    let native: Value = serde_json::from_str(&native).expect("it is JSON");
    let mut native = native["months"].as_array().expect("it is a list").clone();
    let mut rows = host(&script).finish(LIMIT).success().rows();
    let text = |row: &Value| row.to_string();
    native.sort_by_key(text);
    rows.sort_by_key(text);
    assert!(native.len() > 50, "{native:?}");
    assert_eq!(rows, native);
}

#[test]
fn record_that_a_script_fails_on_becomes_a_dead_letter_with_the_line() {
    let script = file(
        "letters.py",
        "def check(revision):\n    assert revision['id'][0] != 7, 'seven'\n\n\n\
         def process(all_objects, emit):\n    for revision in all_objects['revision']:\n        \
             check(revision)\n        emit({'id': revision['id']})\n",
    );
    let (finished, letters) = with_letters(host(&script));
    assert_eq!((finished.rows().len(), letters.len()), (4379, 12));
    for letter in &letters {
        assert!(letter["id"].as_str().is_some_and(|id| id.starts_with("07")));
        assert_eq!(
            letter["reason"],
            "the processor failed: `letters.py:2: AssertionError: seven (in check, called at letters.py:7 in process)`"
        );
    }
    let tracebacks = finished.stderr.matches("`letters`: AssertionError: seven");
    assert_eq!(tracebacks.count(), 12, "{}", finished.stderr);
}

#[test]
fn message_of_several_lines_is_kept_whole() {
    let script = file(
        "lines.py",
        "from journal_host import reject\n\n\n\
         def process_revision(revision):\n    if revision['id'][0] == 7:\n        reject('one\\ntwo')\n    \
         if revision['id'][0] == 8:\n        raise ValueError('three\\nfour\\x1b[2J')\n",
    );
    let (finished, letters) = with_letters(host(&script));
    let mut reasons = BTreeMap::new();
    for letter in &letters {
        let reason = letter["reason"].as_str().expect("it is a text").to_owned();
        *reasons.entry(reason).or_insert(0) += 1;
    }
    let expected = [r"lines.py:8: ValueError: three\nfour\u{1b}[2J", r"one\ntwo"];
    assert!(reasons.keys().eq(&expected), "{reasons:?}");
    says(&finished, "`lines`: ValueError: three\n");
    says(&finished, "`lines`: four\\u{1b}[2J\n");
    // Nothing of it was printed, and it has no other output.
    says(&finished, "the run has no output: nothing was printed");
}

/// `python/tests/test_mapping.py` compares all operations; this is what a reader of the guide tries.
#[test]
fn object_is_a_dict_with_attributes() {
    let script = file(
        "objects.py",
        "import json\n\n\n\
         def process_revision(revision, emit):\n    \
             assert isinstance(revision, dict) and type(revision['date']) is dict\n    \
             text = json.dumps(revision, default=bytes.hex)\n    \
             emit({'swhid': revision.swhid(), 'date': revision.date.to_datetime(), 'seconds': revision.date.timestamp.seconds,\n        \
                 'name': revision.author.fullname, 'whole': {**revision} == revision == dict(revision),\n        \
                 'parents': json.loads(text)['parents'] == list(map(str, revision.parents)), 'fields': len(revision)})\n",
    );
    let finished = host(&script).finish(LIMIT).success();
    let rows = finished.rows();
    assert_eq!(rows.len(), 4391);
    for row in rows {
        let swhid = row["swhid"].as_str().expect("it is a text");
        assert!(swhid.starts_with("swh:1:rev:"), "{row}");
        assert!(row["date"].is_string() && row["seconds"].is_u64(), "{row}");
        assert!(row["whole"] == true && row["parents"] == true, "{row}");
        assert!(row["fields"].as_u64() > Some(10), "{row}");
    }
}

/// The fields that runtimes know are those that upstream's packages write.
#[test]
fn fields_of_all_objects_are_known() {
    let script = file(
        "fields.py",
        "def process(all_objects, emit):\n    for kind, objects in all_objects.items():\n        \
         for one in objects:\n            emit({'type': kind, 'fields': sorted(one)})\n",
    );
    let frames = oracle::test_objects(&run::folder("script"));
    let finished = Host::run(&script)
        .arg("--runtime")
        .arg(paths::runtime())
        .arg("--recording")
        .arg(&frames)
        .arg("--privileged=if-available")
        .finish(LIMIT)
        .success();
    let known = paths::repository().join("runtimes/fields.json");
    let known = fs::read_to_string(known).expect("it is there");
    let known: BTreeMap<String, Vec<String>> = serde_json::from_str(&known).expect("it is JSON");
    let mut types = 0;
    for (kind, fields) in &known {
        let rows = finished.rows().into_iter();
        let rows: Vec<Value> = rows.filter(|row| row["type"] == **kind).collect();
        types += usize::from(!rows.is_empty());
        for field in rows
            .iter()
            .flat_map(|row| row["fields"].as_array().expect("it is a list"))
        {
            assert!(fields.iter().any(|name| field == name), "{kind}: {field}");
        }
    }
    assert!(types > 8, "{types}");
}

#[test]
fn rows_of_declared_columns_are_checked() {
    let script = |id: &str| {
        file(
            "typed.py",
            &format!(
                "OUTPUTS = [{{'name': 'ids', 'row': [{{'name': 'id', 'type': 'id'}}]}}]\n\n\n\
                 def process_revision(revision, emit):\n    emit({{'id': {id}}})\n"
            ),
        )
    };
    let finished = host(&script("revision['id']")).finish(LIMIT).success();
    assert_eq!(finished.rows().len(), 4391);
    let finished = failed(host(&script("5")));
    says(
        &finished,
        "row 0 of those emitted to `ids` has the integer 5 instead of an id in the field `id`",
    );
}

#[test]
fn exception_ends_the_run_with_a_traceback_that_names_the_line() {
    let script = file(
        "bad.py",
        "def month(revision):\n    return revision['date']['mnth']\n\n\n\
         def process(all_objects, emit):\n    emit({'month': month(all_objects['revision'][0])})\n",
    );
    let finished = failed(host(&script));
    says(&finished, "`bad`:   File \"bad.py\", line 2, in month");
    let tracebacks = finished.stderr.matches("`bad`: KeyError: 'mnth'");
    assert_eq!(tracebacks.count(), 1, "{}", finished.stderr);
    says(&finished, "`bad`:            ~~~~~~~~~~~~~~~~^^^^^^^^");
    says(
        &finished,
        "the processor failed: `bad.py:2: KeyError: 'mnth' (in month, called at bad.py:6 in process)`",
    );
    assert!(
        !finished.stderr.contains("python_runtime"),
        "{}",
        finished.stderr
    );
    assert_eq!(finished.stdout, "");

    let finished = failed(host(&file(
        "bad.py",
        "def process(all_objects)\n    pass\n",
    )));
    says(&finished, "`bad.py:1: SyntaxError: expected ':'`");
    let finished = failed(host(&file("bad.py", "1 / 0\n")));
    says(
        &finished,
        "the processor failed: `bad.py:1: ZeroDivisionError: division by zero`",
    );
    let finished = failed(host(&file("bad.py", "import numpy\n")));
    says(
        &finished,
        "the processor failed: `bad.py:1: ModuleNotFoundError: 'numpy' has compiled code, which this runtime cannot load: ",
    );
    let finished = failed(host(&file("bad.py", "a = 1\n")));
    says(
        &finished,
        "the script has no function `process(all_objects)`",
    );
}

#[test]
fn exception_for_one_object_drops_its_rows_alone() {
    let script = file(
        "single.py",
        "from journal_host import reject\n\n\n\
         def process_revision(revision, emit):\n    \
             number = revision['id'][0] % 3\n    \
             emit({'id': revision['id'], 'number': number})\n    \
             if number == 1:\n        reject('it is one')\n    \
             if number == 2:\n        raise KeyError('two')\n",
    );
    let finished = failed(host(&script));
    says(&finished, "rejected the record");
    let finished = host(&script)
        .args(["--on-failure", "skip", "--max-failures", "100%"])
        .finish(LIMIT)
        .success();
    let rows = finished.rows();
    assert!(rows.len() > 1000 && rows.iter().all(|row| row["number"] == 0));
    let rejected = 4391 - rows.len();
    says(&finished, &format!("{rejected} rejected"));
    says(&finished, "single.py:10: KeyError: 'two'");
}

#[test]
fn printed_text_is_held_with_its_call() {
    let script = file(
        "text.py",
        "def process_revision(revision):\n    print(revision['id'].hex(), end=' ')\n    \
         print('é', revision['id'][0] % 2)\n    assert revision['id'][0] % 2\n",
    );
    let finished = host(&script)
        .args(["--on-failure", "skip", "--max-failures", "100%"])
        .finish(LIMIT)
        .success();
    assert!(finished.stdout.lines().count() > 1000);
    for line in finished.stdout.lines() {
        assert!(line.len() == 45 && line.ends_with(" é 1"), "{line}");
    }
}

#[test]
fn printed_text_goes_where_the_operator_says() {
    let script = file(
        "prints.py",
        "def process_revision(revision, emit):\n    print(revision['id'].hex())\n    \
         emit({'id': revision['id']})\n    assert revision['id'][0] % 2\n",
    );
    let run = |script: &Path, print: &str| {
        host(script)
            .args(["--on-failure", "skip", "--max-failures", "100%"])
            .args(["--print", print])
    };
    let rows = run::folder("script").join("rows.jsonl");
    let binding = format!("rows={}", rows.display());
    let host = run(&script, "stdout").args(["--output", &binding]);
    let finished = host.finish(LIMIT).success();
    let rows = fs::read_to_string(rows).expect("it is there");
    assert!(finished.stdout.lines().count() > 1000);
    for (line, row) in finished.stdout.lines().zip(rows.lines()) {
        assert_eq!(row, format!("{{\"id\":\"{line}\"}}"));
    }
    assert_eq!(finished.stdout.lines().count(), rows.lines().count());

    let script = file(
        "prints.py",
        "def process(all_objects):\n    print('one line')\n",
    );
    let finished = run(&script, "log").finish(LIMIT).success();
    assert_eq!(finished.stdout, "");
    says(&finished, "INFO `prints`: one line");
    assert!(
        !finished.stderr.contains("has no output"),
        "{}",
        finished.stderr
    );

    let plugin = Host::run(&paths::plugin("count-objects"));
    let finished = failed(plugin.args(["--print", "log", "--recording", "r"]));
    says(
        &finished,
        "is not a script, and prints nothing\nhint: leave out `--print`",
    );
}

const OPTIONS: &str = r#"
from dataclasses import dataclass, field
from typing import Annotated, Literal, NamedTuple, Optional
import datetime

from journal_host import Id, Swhid, options

OBJECT_TYPES = ["revision"]
FIELDS = {"revision": ["id", "date"]}
OUTPUTS = [{"name": "dates"}, {"name": "sums", "kind": "aggregate", "key": ["year"],
            "columns": [{"name": "n", "merge": "sum"}]}]


@dataclass
class Options:
    minimum: Annotated[int, "the first year"] = 0
    kind: Literal["a", "b"] = "a"
    names: list[str] = field(default_factory=list)
    nothing: Optional[int] = None


class Row(NamedTuple):
    id: Id
    swhid: Swhid
    date: datetime.datetime
    large: int
    kind: str


def process(all_objects, emit):
    for revision in all_objects["revision"]:
        assert sorted(revision) == ["date", "id"]
        seconds = revision["date"]["timestamp"]["seconds"]
        date = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
        if date.year >= options.minimum:
            swhid = Swhid("revision", revision["id"])
            emit(Row(Id(revision["id"]), swhid, date, 2**64 - 1, options.kind + "".join(options.names)), "dates")
            emit({"year": date.year, "n": 1}, "sums")
"#;

#[test]
fn options_are_checked_and_rows_have_the_types_of_the_script() {
    let script = file("options.py", OPTIONS);
    let finished = host(&script)
        .args(["--option", "minimum=2025", "--option", "kind=b"])
        .args(["--option", "names=x", "--option", "names=y"])
        .finish(LIMIT)
        .success();
    let rows = finished.rows();
    let dates = rows.iter().filter(|row| row["output"] == "dates");
    let row = &dates.clone().next().expect("there is a row")["row"];
    let id = row["id"].as_str().expect("it is a text");
    assert_eq!(row["swhid"], format!("swh:1:rev:{id}"));
    assert_eq!(row["large"], u64::MAX);
    assert_eq!(row["kind"], "bxy");
    assert!(
        row["date"]
            .as_str()
            .expect("it is a text")
            .starts_with("202")
    );
    let sums = rows.iter().filter(|row| row["output"] == "sums");
    let sum: u64 = sums
        .map(|row| row["row"]["n"].as_u64().expect("it is a sum"))
        .sum();
    assert_eq!(usize::try_from(sum), Ok(dates.count()));

    let finished = host(&script).args(["--option", "minimum=x"]).finish(LIMIT);
    assert_eq!(finished.status.code(), Some(2), "{}", finished.stderr);
    says(&finished, "minimum");
}

/// The exit code is that of a failure: who runs a script cannot tell its mistakes from options that it refuses.
#[test]
fn script_that_raises_over_its_options_fails() {
    let check = "\nif options.minimum < 0:\n    raise ValueError('a year')\n";
    let script = file("refusing.py", &format!("{OPTIONS}{check}"));
    let refused = failed(host(&script).args(["--option", "minimum=-1"]));
    says(&refused, "`start` failed: the processor failed: ");
    says(&refused, "ValueError: a year");
}

#[test]
fn row_that_cannot_be_written_is_an_error_at_its_line() {
    for (value, reason) in [
        ("1j", "a row cannot hold complex"),
        ("2**64", "has an integer of more than 64 bits"),
        ("float('nan')", "a number of a row is finite"),
        (
            "__import__('datetime').datetime.now()",
            "a time needs a time zone",
        ),
        ("'\\udc80'", "has a text that is not Unicode"),
        ("{1: 2}", "the keys of a map are texts"),
    ] {
        let text = format!("def process(all_objects, emit):\n    emit({{'a': 1, 'b': {value}}})\n");
        let finished = failed(host(&file("rows.py", &text)));
        says(&finished, "rows.py:2: TypeError: the column 'b'");
        says(&finished, reason);
    }
}

#[test]
fn folders_archives_and_added_modules_are_imported() {
    let folder = run::folder("script");
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("it has a folder")).expect("it can be made");
        fs::write(path, text).expect("it can be written");
    };
    write(
        "app/__main__.py",
        "import importlib.resources\nfrom lib import words\n\n\ndef process(all_objects, emit):\n    \
         text = importlib.resources.files('lib').joinpath('data.txt').read_text()\n    \
         emit({'sum': words.SUM, 'text': text, 'same': open('lib/data.txt').read() == text})\n",
    );
    write("app/lib/__init__.py", "");
    write("app/lib/words.py", "SUM = 1 + 2\n");
    write("app/lib/data.txt", "data");
    let expected = r#"{"sum":3,"text":"data","same":true}"#;
    let zipped = folder.join("app.pyz");
    let mut zip = Command::new("python3");
    let zip = zip.args(["-m", "zipapp", "--compress", "--output"]);
    let _ = run::succeed(zip.arg(&zipped).arg(folder.join("app")));
    for path in [folder.join("app"), zipped] {
        let finished = host(&path).finish(LIMIT).success();
        assert_eq!(finished.stdout.lines().next(), Some(expected));
        says(&finished, "plugin `app` 0 ");
    }

    write(
        "alone.py",
        "# /// script\n# dependencies = [\"lib>=1\"]\n# ///\nfrom lib import words\n\n\n\
         def process(all_objects, emit):\n    emit({'sum': words.SUM})\n",
    );
    let alone = folder.join("alone.py");
    let finished = failed(host(&alone));
    says(
        &finished,
        "alone.py needs lib>=1: `pip download --only-binary=:all: --no-deps 'lib>=1'` fetches",
    );
    let with = host(&alone).arg("--with").arg(folder.join("app/lib"));
    let finished = with.finish(LIMIT).success();
    assert_eq!(finished.stdout.lines().next(), Some(r#"{"sum":3}"#));
}

#[test]
fn script_with_its_runtime_is_one_file_that_is_taken_wherever_a_plugin_is() {
    let folder = run::folder("script").join("shared");
    fs::create_dir_all(folder.join("lib")).expect("it can be made");
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).expect("it is written");
    write("lib/words.py", "WORD = 'id'\n");
    let text = "from lib import words\n\n\ndef process_revision(revision, emit):\n    emit({'id': revision[words.WORD]})\n    \
                assert revision['id'][0] != 7\n";
    write("__main__.py", text);
    let bundle = folder.with_file_name("bundle.wasm");
    let bundled = |source: &Path, output: &Path| {
        let host = Host::new().arg("build").arg(source).arg("-o").arg(output);
        host.arg("--runtime").arg(paths::runtime())
    };
    let written = bundled(&folder, &bundle).finish(LIMIT).success();
    assert_eq!(written.stdout, format!("{}\n", bundle.display()));
    // A script that does not start replaces nothing, and leaves nothing.
    let good = fs::read(&bundle).expect("it was built");
    write("__main__.py", "def process_revision(:\n");
    for output in [&bundle, &folder.with_file_name("other.wasm")] {
        let failed = bundled(&folder, output).finish(LIMIT).code(1);
        says(&failed, "SyntaxError");
    }
    assert!(fs::read(&bundle).expect("it is there") == good);
    let there = fs::read_dir(folder.parent().expect("it has one")).expect("it is there");
    assert_eq!(there.count(), 2, "the folder of the script, and the bundle");
    fs::remove_dir_all(&folder).expect("it can be removed");

    let letters = folder.with_file_name("letters.jsonl");
    let recording = paths::repository().join("recordings/ripgrep.journal.zst");
    let finished = Host::run(&bundle)
        .arg("--recording")
        .arg(&recording)
        .args(["--on-failure", "dead-letter", "--dead-letters"])
        .arg(&letters)
        .finish(LIMIT)
        .success();
    assert_eq!(finished.rows().len(), 4379);
    // The compiled form is that of all other scripts.
    assert!(
        !finished.stderr.contains("compiling"),
        "{}",
        finished.stderr
    );
    says(&finished, "plugin `shared` 0 ");
    let described = Host::new().arg("describe").arg(&bundle).arg("--json");
    let described = described.finish(LIMIT).success();
    let described: Value = serde_json::from_str(&described.stdout).expect("it is JSON");
    let digest = run::succeed(Command::new("sha256sum").arg(paths::runtime()));
    let digest = digest.split(' ').next().expect("it is printed");
    assert_eq!(described["runtime_sha256"], digest);
    assert_eq!(described["name"], "shared");
    let letter = fs::read_to_string(letters).expect("it is there");
    let letter = letter.lines().next().expect("there is one");
    let letter: Value = serde_json::from_str(letter).expect("it is JSON");
    for (member, described_as) in [
        ("digest", "sha256"),
        ("runtime_digest", "runtime_sha256"),
        ("script_digest", "script_sha256"),
    ] {
        assert_eq!(
            letter["plugin"][member], described[described_as],
            "{member}"
        );
    }

    let checked = Host::new()
        .arg("test")
        .arg(&bundle)
        .arg("--recording")
        .arg(&recording);
    let _ = checked
        .args([
            "--stop-after",
            "100",
            "--splits",
            "1",
            "--on-failure",
            "skip",
        ])
        .finish(LIMIT)
        .success();

    let mut damaged = fs::read(&bundle).expect("it is there");
    damaged.truncate(damaged.len() - 1);
    fs::write(&bundle, damaged).expect("it can be written");
    let finished = failed(Host::run(&bundle).arg("--recording").arg(&recording));
    let said = "bundle.wasm`: it is cut short\nhint: make it again with `journal-host build`";
    says(&finished, said);

    let bad = file("bad.py", "def process(all_objects)\n    pass\n");
    says(
        &failed(bundled(&bad, &bundle)),
        "`bad.py:1: SyntaxError: expected ':'`",
    );
}

#[test]
fn script_reaches_nothing_and_two_runs_are_alike() {
    let script = paths::repository().join("tests/data/scripts/refusals.py");
    let run = || {
        host(&script)
            .args(["--stop-after", "1"])
            .finish(LIMIT)
            .success()
    };
    let (once, again) = (run(), run());
    assert_eq!(once.stdout, again.stdout);
    let rows = once.rows();
    let (last, tried) = rows.split_last().expect("there are rows");
    assert_eq!(tried.len(), 15);
    for row in tried {
        assert!(row["error"].is_string(), "{row}");
    }
    assert_eq!(last["now"], "2000-01-01T00:00:00Z");
}

/// Asserts that a run over a thousand revisions writes the same rows however they are divided into calls.
#[track_caller]
fn is_alike_in_ten_divisions(run: impl Fn() -> Host) {
    let rows = |batch: u32| {
        run()
            .args([
                "--stop-after",
                "1000",
                "--batch-records",
                &batch.to_string(),
            ])
            .finish(LIMIT)
            .success()
            .stdout
    };
    let expected = rows(1000);
    assert_eq!(expected.lines().count(), 1000);
    for batch in [1, 2, 3, 7, 10, 33, 64, 100, 333, 999] {
        assert!(rows(batch) == expected, "calls of {batch} records differ");
    }
}

#[test]
fn rows_are_alike_in_ten_divisions_also_of_sets_and_random_numbers() {
    let script = file(
        "alike.py",
        "import random\n\n\n\
         def process_revision(revision, emit):\n    \
         words = set((revision[\"message\"] or b\"\").split())\n    \
         emit({\"id\": revision[\"id\"], \"words\": list(words), \"random\": random.random()})\n",
    );
    is_alike_in_ten_divisions(|| host(&script));
}

#[test]
fn loops_and_floods_of_memory_meet_the_limits() {
    let script = file(
        "loop.py",
        "def process(all_objects):\n    while True:\n        pass\n",
    );
    let finished = failed(host(&script).args(["--deadline", "1s"]));
    says(&finished, "the processor ran longer than 1 s");
    let script = file(
        "memory.py",
        "def process(all_objects):\n    kept = []\n    while True:\n        kept.append(bytes(1 << 20))\n",
    );
    let finished =
        failed(host(&script).args(["--memory-limit", "128MiB", "--batch-bytes", "1MiB"]));
    says(&finished, "memory.py:4: MemoryError");
}

#[test]
fn script_that_would_do_nothing_is_refused_at_its_start() {
    for (text, said) in [
        (
            "def process_revision(revision, emit):\n    yield {}\n",
            "`process_revision` is a generator or a coroutine",
        ),
        (
            "async def process(all_objects, emit):\n    pass\n",
            "`process` is a generator or a coroutine",
        ),
        (
            "OBJECT_TYPES = ['origin']\ndef process_revision(revision, emit):\n    emit({})\n",
            "OBJECT_TYPES has no object type of `process_revision`",
        ),
        (
            "OBJECT_TYPES = 'revision'\ndef process(all_objects, emit):\n    emit({})\n",
            "OBJECT_TYPES is a list of texts",
        ),
        (
            "FIELDS = {'revision': 'id'}\ndef process(all_objects, emit):\n    emit({})\n",
            "FIELDS has a list of names for each object type",
        ),
        (
            "FIELDS = {'revision': ['id', 'comitter']}\ndef process(all_objects, emit):\n    emit({})\n",
            "FIELDS names the field 'comitter', which the object type 'revision' does not have: did you mean 'committer'?",
        ),
        (
            "FIELDS = {'origin': ['xxxxx']}\ndef process(all_objects, emit):\n    emit({})\n",
            "does not have: there are 'id', 'url', 'type'",
        ),
        (
            "FIELDS = {'revison': ['id']}\ndef process(all_objects, emit):\n    emit({})\n",
            "FIELDS names the object type 'revison', which does not exist: did you mean 'revision'?",
        ),
        (
            "def process(all_objects):\n    pass\ndef process_revision(revision):\n    pass\n",
            "the script has both `process` and `process_revision`: keep `process` for all objects of a call, or",
        ),
        (
            "def client(all_objects):\n    pass\ndef process_revision(revision):\n    pass\n",
            "the script has both `client` and `process_revision`",
        ),
    ] {
        says(&failed(host(&file("nothing.py", text))), said);
    }
}

#[test]
fn missing_runtime_is_one_error_with_the_way_out() {
    let script = file("some.py", "def process(all_objects):\n    pass\n");
    let finished = failed(Host::run(&script).args(["--runtime", "nowhere", "--recording", "r"]));
    says(
        &finished,
        "error: there is no runtime for Python at `nowhere`\nhint: `./build-runtime python` makes one",
    );
    let finished = failed(Host::run(&paths::runtime()).args(["--recording", "r"]));
    says(&finished, "is a runtime, which needs a script to run");
    let plugin = paths::plugin("count-objects");
    let finished = failed(
        Host::run(&script)
            .arg("--runtime")
            .arg(plugin)
            .args(["--recording", "r"]),
    );
    says(&finished, "is not a runtime, and cannot run a script");
}

#[test]
fn script_is_measured() {
    let script = file("count.py", "def process(all_objects):\n    pass\n");
    let finished = Host::new()
        .arg("bench")
        .arg(&script)
        .arg("--runtime")
        .arg(paths::runtime())
        .arg("--recording")
        .arg(paths::repository().join("recordings/ripgrep.journal.zst"))
        .args(["--rounds", "1", "--warm-up", "0", "--compile-timeout", "5m"])
        .finish(LIMIT)
        .success();
    assert!(
        finished.stdout.contains("guest memory"),
        "{}",
        finished.stdout
    );
}
