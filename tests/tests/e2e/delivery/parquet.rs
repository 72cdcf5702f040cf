//! Rows in Parquet files: equal to those of JSON lines, in pyarrow and in `DuckDB`, by the snippets of the documentation.

mod chaos;

use std::fs;
use std::path::{Path, PathBuf};

use journal_tests::{Broker, Host, oracle, paths, run};
use serde_json::{Map, Value, json};

use super::{LIMIT, assert_redriven_rows_join, host, large, shipped};
use crate::sorted_rows::sorted;

/// A reader of Parquet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reader {
    Arrow,
    DuckDb,
}

/// The snippet of the documentation, for another folder and table.
fn snippet(reader: Reader, folder: &Path, table: &str) -> PathBuf {
    let page = fs::read_to_string(paths::repository().join("docs/outputs.md"));
    let page = page.expect("the page is there");
    let (_, section) = page
        .split_once("\n### Reading the files\n")
        .expect("it has the section");
    let (language, ending) = match reader {
        Reader::Arrow => ("```python\n", "py"),
        Reader::DuckDb => ("```sql\n", "sql"),
    };
    let (_, text) = section.split_once(language).expect("it has a snippet");
    let (text, _) = text.split_once("```").expect("the snippet ends");
    let folder = folder.display().to_string();
    let text = text.replace("revisions.parquet", &folder);
    let quoted = [("'revisions'", '\''), ("\"revisions\"", '"')];
    let text = quoted.iter().fold(text, |text, (name, quote)| {
        text.replace(name, &format!("{quote}{table}{quote}"))
    });
    let file = run::folder("snippet").join(format!("read.{ending}"));
    fs::write(&file, text).expect("it can be written");
    file
}

/// The types of the columns of a table, and its rows.
fn read(reader: Reader, folder: &Path, table: &str) -> (Map<String, Value>, Vec<Value>) {
    let printed = oracle::parquet("parquet_rows.py", [snippet(reader, folder, table)]);
    let mut lines = printed.lines().map(|line| {
        let value: Value = serde_json::from_str(line).expect("it is JSON");
        value
    });
    let types = lines.next().expect("it prints the types");
    let types = types.as_object().expect("they have names").clone();
    (types, lines.collect())
}

pub(super) fn rows(folder: &Path, table: &str) -> Vec<Value> {
    read(Reader::Arrow, folder, table).1
}

/// The manifests of all groups.
fn manifests(folder: &Path) -> Vec<Value> {
    let list = |folder: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).into_iter().flatten();
        entries
            .map(|entry| entry.expect("it is there").path())
            .collect()
    };
    let groups = list(&folder.join("_journal")).into_iter();
    let files = groups.flat_map(|group| list(&group));
    let is_manifest = |file: &PathBuf| {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        name.ends_with(".json") && !name.starts_with('.')
    };
    files
        .filter(is_manifest)
        .map(|file| {
            let text = fs::read(file).expect("a manifest stays");
            serde_json::from_slice(&text).expect("a manifest is whole")
        })
        .collect()
}

/// The number of rows that manifests name.
pub(super) fn named_rows(folder: &Path) -> u64 {
    let manifests = manifests(folder);
    let files = manifests.iter().flat_map(|one| {
        let files = one["files"].as_array();
        files.expect("a manifest has files")
    });
    files
        .map(|file| file["rows"].as_u64().expect("it is a number"))
        .sum()
}

/// Files of rows, named by a manifest or not, whole or not.
fn files(folder: &Path, table: &str) -> usize {
    fs::read_dir(folder.join(table)).map_or(0, Iterator::count)
}

fn over_recording(plugin: &str, output: &str) -> Host {
    Host::run(&paths::plugin(plugin))
        .arg("--recording")
        .arg(paths::repository().join("recordings/ripgrep.journal.zst"))
        .args(["--output", output])
}

/// Columns of JSON as values.
fn with_json(mut rows: Vec<Value>, column: &str) -> Vec<Value> {
    for row in &mut rows {
        if let Some(text) = row[column].as_str() {
            row[column] = serde_json::from_str(text).expect("it is JSON");
        }
    }
    rows
}

#[test]
fn files_have_the_rows_of_json_lines() {
    let folder = run::folder("parquet").join("revisions.parquet");
    // Small calls, and many checkpoints.
    let _ = over_recording("list-revisions", &folder.display().to_string())
        .args(["--batch-records", "100", "--checkpoint-size", "64KiB"])
        .finish(LIMIT)
        .success();
    let lines = over_recording("list-revisions", "-")
        .finish(LIMIT)
        .success();
    assert!(manifests(&folder).len() > 3, "there is more than one file");
    for reader in [Reader::Arrow, Reader::DuckDb] {
        let (types, rows) = read(reader, &folder, "revisions");
        assert!(rows.len() > 1000);
        assert_eq!(
            sorted(with_json(rows, "parents")),
            sorted(lines.rows()),
            "{reader:?}"
        );
        let time = types["date"].as_str().expect("it is a type");
        assert!(time.starts_with("timestamp[us, tz="), "{types:?}");
        assert_eq!(types["subject"], "string", "{types:?}");
    }
    let (types, _) = read(Reader::Arrow, &folder, "revisions");
    assert_eq!(types["id"], "fixed_size_binary[20]");
}

#[test]
fn values_at_the_ends_of_their_ranges_are_those_of_json_lines() {
    let folder = run::folder("parquet").join("values");
    let values = |output: &str| {
        over_recording("guest-values", output)
            .args(["--option", "text=\"'\u{e9}", "--option", "nul=true"])
            .args(["--option", "unsigned=18446744073709551615"])
            .args(["--option", "nanoseconds=999999000"])
            .finish(LIMIT)
            .success()
    };
    let _ = values(&format!("parquet:{}", folder.display()));
    let lines = values("-");
    let of = |name: &str| {
        let rows = lines.rows().into_iter().filter(|row| row["output"] == name);
        rows.map(|row| row["row"].clone()).collect::<Vec<_>>()
    };
    for reader in [Reader::Arrow, Reader::DuckDb] {
        for table in ["values", "sums"] {
            let (types, rows) = read(reader, &folder, table);
            let rows = with_json(rows, "json");
            assert!(!rows.is_empty(), "{table}");
            assert_eq!(sorted(rows), sorted(of(table)), "{reader:?}");
            if table == "values" {
                assert_eq!(types["unsigned"], "uint64", "{reader:?}");
            }
        }
    }
}

#[test]
fn repeated_recording_never_doubles_unasked() {
    let folder = run::folder("parquet").join("rows.parquet");
    let run = |arguments: &[&str]| {
        over_recording("list-revisions", &folder.display().to_string())
            .args(arguments)
            .finish(LIMIT)
    };
    let _ = run(&[]).success();
    let once = named_rows(&folder);
    let refused = run(&[]);
    assert_eq!(refused.status.code(), Some(1), "{}", refused.stderr);
    for part in ["rows are already in", "--append", "--overwrite"] {
        assert!(refused.stderr.contains(part), "{part}: {}", refused.stderr);
    }
    assert_eq!(named_rows(&folder), once);
    let _ = run(&["--append"]).success();
    assert_eq!(named_rows(&folder), 2 * once);
    assert_eq!(rows(&folder, "revisions").len() as u64, 2 * once);
    let _ = run(&["--overwrite"]).success();
    assert_eq!(rows(&folder, "revisions").len() as u64, once);
    assert_eq!(files(&folder, "revisions"), 1);
}

#[test]
fn outputs_of_a_configuration_share_a_folder_and_some_are_refused() {
    let folder = run::folder("parquet");
    let config = folder.join("config.yaml");
    let both = folder.join("both");
    let text = format!(
        "recording: {}\noutputs:\n  months:\n    type: parquet\n    folder: {both}\n    table: by_month\n  zones: parquet:{both}\n  hours: {}\n",
        paths::repository()
            .join("recordings/ripgrep.journal.zst")
            .display(),
        folder.join("hours.jsonl").display(),
        both = both.display(),
    );
    fs::write(&config, text).expect("it can be written");
    let _ = Host::run(&paths::plugin("commit-activity"))
        .arg("--config")
        .arg(&config)
        .finish(LIMIT)
        .success();
    assert!(rows(&both, "by_month").len() > 10 && rows(&both, "zones").len() > 1);
    assert_eq!(manifests(&both).len(), 1);
    let away = folder.join("no").join("such");
    let file = folder.join("config.yaml").display().to_string();
    for (plugin, option, output, code, part) in [
        (
            "guest-positions",
            "latest=true",
            both.display().to_string(),
            2,
            "keeps one row for each key, which a folder of Parquet files cannot",
        ),
        (
            "guest-positions",
            "latest=false",
            away.display().to_string(),
            1,
            "cannot create the folder",
        ),
        (
            "guest-positions",
            "latest=false",
            file,
            1,
            "cannot create the folder",
        ),
    ] {
        let refused = over_recording(plugin, &format!("parquet:{output}"))
            .args(["--option", option])
            .finish(LIMIT);
        assert_eq!(refused.status.code(), Some(code), "{}", refused.stderr);
        assert!(refused.stderr.contains(part), "{part}: {}", refused.stderr);
    }
}

#[test]
fn check_says_what_a_run_would_do() {
    let folder = run::folder("parquet");
    let output = folder.join("rows.parquet").display().to_string();
    let check = |plugin: &str, output: &str| {
        Host::new()
            .arg("check")
            .arg(paths::plugin(plugin))
            .arg("--recording")
            .arg(paths::repository().join("recordings/ripgrep.journal.zst"))
            .args(["--output", output])
            .finish(LIMIT)
    };
    let new = check("list-revisions", &output).success();
    assert!(new.stdout.contains("can be created"), "{}", new.stdout);
    assert!(!folder.join("rows.parquet").exists());
    let _ = over_recording("list-revisions", &output)
        .finish(LIMIT)
        .success();
    let other = check("guest-positions", &format!("{output}?table=revisions"));
    assert_eq!(other.status.code(), Some(1), "{}", other.stdout);
    assert!(other.stdout.contains("belongs to"), "{}", other.stdout);
}

#[test]
fn positions_in_the_folder_are_shown_and_moved_and_the_run_goes_on_from_them() {
    let large = large();
    let folder = run::folder("parquet").join("positions");
    let output = format!("parquet:{}", folder.display());
    let group = large.prefix.group("parquet-positions");
    let write = || {
        host("count-objects", &large.prefix, &group)
            .args(["--workers", "2", "--output", &output])
            .finish(LIMIT)
            .success()
    };
    let offsets = |arguments: &[&str]| {
        Host::new()
            .arg("offsets")
            .args(arguments)
            .args(["--brokers", &Broker::shared().address()])
            .args(["--prefix", large.prefix.as_str(), "--group-id", &group])
            .args(["--run-output", &output])
            .finish(LIMIT)
    };
    let _ = write();
    assert_eq!(journal_tests::host::sum(&merged(&folder)), large.counts);
    // The group's own offsets do not count.
    let reset = Host::new()
        .args(["offsets", "reset", "--to", "earliest"])
        .args(["--brokers", &Broker::shared().address()])
        .args(["--prefix", large.prefix.as_str(), "--group-id", &group])
        .finish(LIMIT);
    assert!(reset.status.success(), "{}", reset.stderr);
    let _ = write();
    assert_eq!(journal_tests::host::sum(&merged(&folder)), large.counts);
    let shown = offsets(&["show"]).success();
    let said = format!("offsets: those in `{}`", folder.display());
    assert!(shown.stdout.contains(&said), "{}", shown.stdout);
    // Where both go back, everything is processed again.
    let reset = offsets(&["reset", "--to", "earliest"]);
    assert!(reset.status.success(), "{}", reset.stderr);
    let _ = write();
    let twice = shipped().counts(false, 2 * u64::from(large.repetitions));
    assert_eq!(journal_tests::host::sum(&merged(&folder)), twice);
}

/// The totals of `count-objects`, each of which is a row for each checkpoint.
fn merged(folder: &Path) -> Vec<Value> {
    let mut totals: Vec<Value> = Vec::new();
    for row in rows(folder, "counts") {
        let same = |total: &&mut Value| total["object_type"] == row["object_type"];
        match totals.iter_mut().find(same) {
            None => totals.push(row),
            Some(total) => {
                for name in ["objects", "bytes", "tombstones"] {
                    let number = |one: &Value| one[name].as_u64().expect("it is a number");
                    total[name] = json!(number(total) + number(&row));
                }
            }
        }
    }
    totals
}

#[test]
fn two_folders_and_a_folder_beside_a_database_are_refused() {
    let folder = run::folder("parquet");
    let large = large();
    let group = large.prefix.group("parquet-two");
    let at = |name: &str| folder.join(name).display().to_string();
    for other in [at("b.parquet"), at("b.sqlite")] {
        let refused = host("months-and-extensions", &large.prefix, &group)
            .args(["--output", &format!("months={}", at("a.parquet"))])
            .args(["--output", &format!("extensions={other}")])
            .finish(LIMIT);
        assert_eq!(refused.status.code(), Some(2), "{}", refused.stderr);
        let part = "would both keep the positions of the group";
        assert!(refused.stderr.contains(part), "{}", refused.stderr);
    }
}

#[test]
fn held_rows_and_their_columns_stay_within_the_memory_of_the_process() {
    const LIMIT_BYTES: u64 = 512 << 20;
    let large = large();
    let folder = run::folder("parquet").join("memory");
    let (finished, usage) = host(
        "print-objects",
        &large.prefix,
        &large.prefix.group("parquet-memory"),
    )
    .args(["--process-memory", "512MiB", "--output"])
    .arg(format!("parquet:{}", folder.display()))
    .finish_measured(LIMIT);
    let finished = finished.success();
    assert!(usage.peak_bytes < LIMIT_BYTES, "{usage:?}");
    // The rows were more than a checkpoint takes, and checkpoints were larger than those of other outputs.
    let files = manifests(&folder);
    let bytes = |one: &Value| one["files"][0]["rows"].as_u64().unwrap_or_default();
    assert!(files.len() > 1 && files.iter().map(bytes).max() > Some(10_000));
    let counted = finished.stderr.replace(',', "");
    let said = format!("rows: {} in `rows`", named_rows(&folder));
    assert!(counted.contains(&said), "{counted}");
}

#[test]
fn redriven_rows_join_those_of_the_group() {
    let folder = run::folder("parquet").join("redriven");
    let output = format!("parquet:{}", folder.display());
    let rows = || named_rows(&folder);
    assert_redriven_rows_join("parquet-redriven", &output, |host| host, rows);
}
