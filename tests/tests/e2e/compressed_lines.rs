//! JSON lines in files whose names promise compression.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use journal_tests::{Host, oracle, paths, run};
use serde_json::Value;

const LIMIT: Duration = Duration::from_mins(2);

/// A run over the shipped recording with many checkpoints.
fn writing_to(file: &Path) -> Host {
    Host::run(&paths::plugin("list-revisions"))
        .args(["--checkpoint-size", "128KiB"])
        .arg("--recording")
        .arg(paths::repository().join("recordings/ripgrep.journal.zst"))
        .arg("--output")
        .arg(file)
}

/// The lines of a file, in the order of their texts.
fn lines(file: &Path) -> Vec<String> {
    let text = match file.extension().and_then(|extension| extension.to_str()) {
        Some("gz") => gunzipped(file),
        Some("zst") => {
            let bytes = fs::read(file).expect("the run made it");
            let text = zstd::decode_all(&bytes[..]).expect("its frames are whole");
            String::from_utf8(text).expect("rows are text")
        }
        _ => fs::read_to_string(file).expect("the run made it"),
    };
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

/// The text of a file of gzip, as two programs read it.
fn gunzipped(file: &Path) -> String {
    const PYTHON: &str = "import gzip, sys; sys.stdout.buffer.write(gzip.open(sys.argv[1]).read())";
    let text = run::succeed(Command::new("gzip").arg("-dc").arg(file));
    let again = run::succeed(Command::new("python3").args(["-c", PYTHON]).arg(file));
    assert!(text == again, "gzip and Python disagree");
    text
}

/// The lines of a file as `DuckDB` reads them, in the order of their texts.
fn read_by_duckdb(file: &Path) -> Vec<String> {
    let query = file.with_extension("sql");
    let text = format!("SELECT json FROM read_json_objects('{}')", file.display());
    fs::write(&query, text).expect("it can be written");
    let printed = oracle::parquet("parquet_rows.py", [query]);
    let rows = printed.lines().skip(1).map(|row| {
        let row: Value = serde_json::from_str(row).expect("it is JSON");
        row["json"].as_str().expect("it is a text").to_owned()
    });
    let mut lines: Vec<String> = rows.collect();
    lines.sort();
    lines
}

#[test]
fn compressed_lines_are_those_of_a_plain_file_and_take_less_room() {
    let folder = run::folder("compressed");
    let plain = folder.join("rows.jsonl");
    let _ = writing_to(&plain).finish(LIMIT).success();
    let expected = lines(&plain);
    assert!(expected.len() > 1000);
    let room = |file: &Path| fs::metadata(file).expect("the run made it").len();
    for (name, header) in [
        ("rows.jsonl.gz", &b"\x1f\x8b\x08\0\0\0\0\0\0\xff"[..]),
        ("rows.jsonl.zst", b"\x28\xb5\x2f\xfd"),
    ] {
        let file = folder.join(name);
        let _ = writing_to(&file).finish(LIMIT).success();
        assert!(lines(&file) == expected, "{name}: the rows differ");
        assert!(read_by_duckdb(&file) == expected, "{name}: DuckDB's differ");
        let bytes = fs::read(&file).expect("the run made it");
        let is_header = |bytes: &&[u8]| *bytes == header;
        let members = bytes.windows(header.len()).filter(is_header).count();
        assert!(members > 1, "{name} has several checkpoints");
        assert!(room(&file) < room(&plain) / 2, "{name}: {}", room(&file));
    }
}

#[test]
fn rows_of_earlier_runs_are_found_in_compressed_files() {
    for name in ["rows.jsonl.gz", "rows.jsonl.zst"] {
        let file = run::folder("earlier").join(name);
        let _ = writing_to(&file).finish(LIMIT).success();
        let once = lines(&file).len();
        let refused = writing_to(&file).finish(LIMIT).code(1);
        assert!(
            refused.stderr.contains("rows are already in"),
            "{}",
            refused.stderr
        );
        // A crash left the last checkpoint half written.
        let bytes = fs::read(&file).expect("the run made it");
        fs::write(&file, &bytes[..bytes.len() - 1]).expect("the folder is ours");
        let appended = writing_to(&file).arg("--append").finish(LIMIT).success();
        let said = "cut the ";
        assert!(appended.stderr.contains(said), "{}", appended.stderr);
        let twice = lines(&file).len();
        assert!((once..2 * once).contains(&twice), "{once} and {twice}");
        let _ = writing_to(&file).arg("--overwrite").finish(LIMIT).success();
        assert_eq!(lines(&file).len(), once);
    }
}
