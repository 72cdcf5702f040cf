//! JavaScript in the runtime that `build-runtime javascript` makes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use journal_tests::{Finished, Host, paths, run};
use serde_json::Value;

use super::{LIMIT, failed, file, says, with_letters};

/// A run of a script or a plugin over the shipped recording.
fn host(script: &Path) -> Host {
    Host::run(script)
        .arg("--runtime")
        .arg(paths::javascript_runtime())
        .arg("--recording")
        .arg(recording())
}

fn recording() -> PathBuf {
    paths::repository().join("recordings/ripgrep.journal.zst")
}

fn shipped(name: &str) -> PathBuf {
    paths::repository().join("tests/data/scripts").join(name)
}

/// The sums of the aggregates of a run, by output and key.
fn sums(rows: &[Value]) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    for row in rows {
        let output = row["output"].as_str().unwrap_or_default();
        let fields = row.get("row").unwrap_or(row).as_object();
        let fields = fields.expect("it is an object");
        let key = ["object_type", "month", "extension"].map(|name| fields.get(name));
        let number = ["objects", "revisions", "files"].map(|name| fields.get(name));
        let number = number.into_iter().flatten().next().and_then(Value::as_u64);
        let sum = sums.entry(format!("{output} {key:?}")).or_insert(0);
        *sum += number.expect("it is a number");
    }
    sums
}

#[test]
fn rows_equal_those_of_the_plugins_in_rust_also_in_small_calls() {
    for (script, plugin, least) in [
        ("count.js", "count-objects", 4),
        ("months-and-extensions.js", "months-and-extensions", 100),
    ] {
        let native = Host::run(&paths::plugin(plugin))
            .arg("--recording")
            .arg(recording())
            .finish(LIMIT)
            .success();
        let native = sums(&native.rows());
        assert!(native.len() >= least, "{native:?}");
        for batch in ["100000", "500", "7"] {
            let finished = host(&shipped(script))
                .args(["--batch-records", batch])
                .finish(LIMIT)
                .success();
            assert_eq!(sums(&finished.rows()), native, "{script} {batch}");
        }
    }
}

#[test]
fn unique_rows_are_once_in_a_database_and_nowhere_else() {
    let script = shipped("unique-directories.js");
    let refused = host(&script).finish(LIMIT).code(2);
    for part in [
        "the output `directories` keeps one row for each key, which standard output cannot",
        "`directories=FILE.sqlite`",
    ] {
        assert!(refused.stderr.contains(part), "{part}: {}", refused.stderr);
    }
    let database = run::folder("unique").join("directories.sqlite");
    for _ in 0..2 {
        let finished = host(&script)
            .args(["--append", "--batch-records", "500", "--output"])
            .arg(&database)
            .finish(LIMIT);
        let _ = finished.success();
    }
    let connection = rusqlite::Connection::open(&database).expect("it can be read");
    let count = |sql: &str| {
        let number = connection.query_row(sql, [], |row| row.get::<_, i64>(0));
        usize::try_from(number.expect("it is a number")).expect("it is not negative")
    };
    assert_eq!(
        count("SELECT count(*) FROM directories"),
        directories().len()
    );
}

/// The root directories of the shipped recording, as a plugin lists them.
fn directories() -> BTreeSet<String> {
    let finished = Host::run(&paths::plugin("list-revisions"))
        .arg("--recording")
        .arg(recording())
        .finish(LIMIT)
        .success();
    let rows = finished.rows();
    let directories: BTreeSet<_> = rows
        .iter()
        .map(|row| row["directory"].to_string())
        .collect();
    assert!(directories.len() < rows.len(), "some revisions share one");
    directories
}

#[test]
fn upsert_of_a_script_keeps_the_latest_rows_and_removes_keys() {
    let script = file(
        "latest.js",
        "export const OUTPUTS = [{\n  name: 'latest', kind: 'upsert', key: ['k'], order: 'n',\n  \
         row: [{ name: 'k', type: 'text' }, { name: 'n', type: 'int' }, { name: 'v', type: 'text' }],\n}];\n\n\
         export function processRevision(revision, emit) {\n  \
         emit({ k: 'a', n: 2, v: 'x' });\n  emit({ k: 'a', n: 1, v: 'y' });\n  \
         emit({ _removed: true, k: 'b', n: 2 });\n  emit({ k: 'b', n: 1, v: 'z' });\n}\n",
    );
    let database = run::folder("latest").join("latest.sqlite");
    let _ = host(&script)
        .args(["--stop-after", "1", "--output"])
        .arg(&database)
        .finish(LIMIT)
        .success();
    let connection = rusqlite::Connection::open(&database).expect("it can be read");
    let text = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, String>(0));
    let shown = text("SELECT group_concat(k || n || v) FROM latest");
    assert_eq!(shown.as_deref(), Ok("a2x"));
    let removed = text("SELECT group_concat(k || n) FROM latest_all WHERE _removed");
    assert_eq!(removed.as_deref(), Ok("b2"));
}

#[test]
fn two_runs_are_alike_and_the_clock_stands() {
    let script = file(
        "alike.js",
        "export function processRevision(revision, emit) {\n  \
         emit({ id: revision.id, now: Date.now(), random: Math.random(), date: new Date() });\n}\n",
    );
    let run = || {
        host(&script)
            .args(["--object-type", "revision", "--stop-after", "100"])
            .finish(LIMIT)
            .success()
    };
    let (once, again) = (run(), run());
    assert_eq!(once.stdout, again.stdout);
    let rows = once.rows();
    assert_eq!(rows.len(), 100);
    assert_eq!(rows[0]["now"], 946_684_800_000_u64);
    assert_eq!(rows[0]["date"], "2000-01-01T00:00:00Z");
    assert_ne!(rows[0]["random"], rows[1]["random"]);
    assert_eq!(once.stderr.matches("a script has no clock").count(), 1);
}

#[test]
fn rows_are_alike_in_ten_divisions_also_of_sets_and_random_numbers() {
    let script = file(
        "divided.js",
        "export function processRevision(revision, emit) {\n  \
         emit({ id: revision.id, set: [...new Set(revision.message)], random: Math.random() });\n}\n",
    );
    super::alike::is_alike_in_ten_divisions(|| host(&script).args(["--object-type", "revision"]));
}

#[test]
fn exception_ends_the_run_and_names_the_line() {
    let script = file(
        "bad.js",
        "function month(revision) {\n  return revision.date.mnth.length;\n}\n\n\
         export function process({ revision }, emit) {\n  emit({ month: month(revision[0]) });\n}\n",
    );
    let finished = failed(host(&script).args(["--object-type", "revision"]));
    says(
        &finished,
        "`bad`:         return revision.date.mnth.length;",
    );
    says(
        &finished,
        "the processor failed: `bad.js:2: TypeError: cannot read property 'length' of undefined (in month, called at bad.js:6 in process)`",
    );
    assert_eq!(finished.stdout, "");
    for (text, said) in [
        (
            "export function process(objects {\n}\n",
            "`bad.js:1: SyntaxError: ",
        ),
        (
            "nothing();\nexport function process() {}\n",
            "the processor failed: `bad.js:1: ReferenceError: nothing is not defined`",
        ),
        (
            "import fs from 'node:fs';\nexport function process() {}\n",
            "it is a module of Node.js",
        ),
        (
            "function process() {}\n",
            "the script exports no function `process(objects, emit)`",
        ),
    ] {
        says(&failed(host(&file("bad.js", text))), said);
    }
}

#[test]
fn record_that_a_script_fails_on_becomes_a_dead_letter_with_the_line() {
    let script = file(
        "letters.js",
        "import { hex, reject } from 'journal_host';\n\
         export function processRevision(revision, emit) {\n  emit({ id: revision.id });\n  \
         if (revision.id[0] === 7) throw new Error('seven');\n  \
         if (revision.id[0] === 8) reject(`eight: ${hex(revision.id)}`);\n}\n",
    );
    let (finished, letters) = with_letters(host(&script));
    let (mut sevens, mut eights) = (0, 0);
    for letter in &letters {
        let id = letter["id"].as_str().expect("it has an id");
        let reason = letter["reason"].as_str().expect("it has a reason");
        if id.starts_with("07") {
            sevens += 1;
            assert!(reason.contains("letters.js:4: Error: seven"), "{reason}");
        } else {
            eights += 1;
            assert!(reason.contains(&format!("eight: {id}")), "{reason}");
        }
    }
    assert_eq!((sevens, finished.rows().len()), (12, 4391 - 12 - eights));
    assert!(eights > 0);
    assert_eq!(
        finished.stderr.matches("`letters`: Error: seven").count(),
        1
    );
}

/// Which of these messages the failure of a run over one record has.
#[track_caller]
fn says_one(finished: &Finished, texts: &[&str]) {
    let is_said = texts.iter().any(|text| finished.stderr.contains(text));
    assert!(is_said, "{texts:?}\n{}", finished.stderr);
}

#[test]
fn loops_recursion_and_floods_of_memory_meet_the_limits() {
    const LINE: &str = "the processor failed: `hostile.js:2: ";
    let run = |body: &str, limits: [&str; 4]| {
        let text = format!("export function process(objects, emit) {{\n  {body}\n}}\n");
        let script = file("hostile.js", &text);
        let one = host(&script).args(["--object-type", "origin", "--batch-bytes", "1MiB"]);
        failed(one.args(limits))
    };
    let short = ["--deadline", "1s", "--memory-limit", "256MiB"];
    let deadlines = [
        "the processor ran longer than 1 s",
        "the processor did not return within",
    ];
    for (endless, location) in [
        ("for (;;) {}", "`process` at hostile.js"),
        (
            "let n = 0; for (;;) n += [n].indexOf(n);",
            "`process` at hostile.js:2",
        ),
        (
            "const slow = () => { for (;;); }; slow();",
            "`slow`, called by `process` at hostile.js:2",
        ),
        (
            "/^(a+)+$/.test('a'.repeat(40) + 'b');",
            "`process` at hostile.js:2",
        ),
        (
            "const next = () => Promise.resolve().then(next); next();",
            "`next` at hostile.js:2",
        ),
    ] {
        let finished = run(endless, short);
        says_one(&finished, &deadlines);
        says_one(&finished, &[location]);
    }
    let long = ["--deadline", "60s", "--memory-limit", "128MiB"];
    for deep in [
        "const f = () => f() + 1; f();",
        "[3, 1, 2].sort(function f(a, b) { return [a, b].sort(f); });",
        "class A { get a() { return this.a; } } new A().a;",
        "const p = new Proxy({}, {}); Object.setPrototypeOf(p, p); p.a;",
        "let list = []; for (let n = 0; n < 1e5; n++) list = [list]; JSON.stringify(list);",
        "JSON.parse('['.repeat(1e6));",
        "new Function('['.repeat(1e5))();",
        "new RegExp('(?:'.repeat(1e5));",
    ] {
        let said = [LINE, "the processor's calls nest too deeply for its stack"];
        says_one(&run(deep, long), &said);
    }
    for flood in [
        "const kept = []; for (;;) kept.push(new Uint8Array(1 << 20));",
        "const kept = []; for (;;) kept.push(new Array(10000).fill(0));",
        "let text = 'a'; for (;;) text += text;",
    ] {
        says_one(&run(flood, long), &[LINE]);
    }
}

#[test]
fn script_reaches_nothing() {
    let script = file(
        "reach.js",
        "export const OPTIONS = {};\n\
         export function process(objects, emit) {\n  \
         emit({ names: ['std', 'os', 'require', 'process', 'fetch', 'Deno', 'Worker', 'setTimeout', '__native']\n    \
         .filter((name) => name in globalThis) });\n}\n",
    );
    let finished = host(&script)
        .args(["--stop-after", "1"])
        .finish(LIMIT)
        .success();
    assert_eq!(finished.stdout, "{\"names\":[]}\n");
    for name in ["std", "os", "../a.js", "/etc/passwd", "journal_host/native"] {
        let text = format!("import '{name}';\nexport function process() {{}}\n");
        says(&failed(host(&file("reach.js", &text))), name);
    }
}

#[test]
fn printed_text_options_and_modules_of_a_folder_work_together() {
    let folder = run::folder("script").join("app");
    fs::create_dir_all(folder.join("lib")).expect("it can be made");
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).expect("it is written");
    write("lib/words.js", "export const word = 'year';\n");
    write(
        "index.js",
        "// Prints years.\nimport { options } from 'journal_host';\nimport { word } from './lib/words.js';\n\
         export const OPTIONS = { minimum: { type: 'integer', default: 2000, description: 'the first year' } };\n\
         export const OBJECT_TYPES = ['release'];\n\
         export function process({ release }) {\n  for (const { date } of release) {\n    \
         const year = new Date(date.timestamp.seconds * 1000).getUTCFullYear();\n    \
         if (year >= options.minimum) console.log(word, year);\n  }\n}\n",
    );
    let all = host(&folder).finish(LIMIT).success();
    says(&all, "plugin `app` 0 ");
    assert_eq!(all.stdout.lines().count(), 272);
    let logged = host(&folder)
        .args(["--print", "log"])
        .finish(LIMIT)
        .success();
    assert_eq!(logged.stdout, "");
    says(&logged, "`app`: year 20");
    let some = host(&folder).args(["--option", "minimum=2023"]);
    let some = some.finish(LIMIT).success();
    let lines = some.stdout.lines().count();
    assert!(lines > 0 && lines < 272, "{lines}");
    assert!(some.stdout.lines().all(|line| line >= "year 2023"));
    let bundle = folder.with_file_name("years.wasm");
    let build = Host::new().arg("build").arg(&folder).arg("-o").arg(&bundle);
    let build = build.arg("--runtime").arg(paths::javascript_runtime());
    let _ = build.finish(LIMIT).success();
    let bundled = Host::run(&bundle).arg("--recording").arg(recording());
    assert_eq!(bundled.finish(LIMIT).success().stdout, all.stdout);
    let wrong = host(&folder).args(["--option", "minimum=x"]).finish(LIMIT);
    assert_eq!(wrong.status.code(), Some(2), "{}", wrong.stderr);
}

#[test]
fn typescript_and_a_missing_runtime_are_errors_with_the_way_out() {
    let finished = failed(host(&file("a.ts", "export const a: number = 1;\n")));
    says(
        &finished,
        "a.ts` is TypeScript, which no runtime reads\nhint: compile it first",
    );
    let script = file("some.js", "export function process(objects) {}\n");
    let finished = failed(Host::run(&script).args(["--runtime", "nowhere", "--recording", "r"]));
    says(
        &finished,
        "error: there is no runtime for JavaScript at `nowhere`\nhint: `./build-runtime javascript` makes one",
    );
}
