//! The file with the expected rows: lines of JSON, as a run writes them to standard output.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde_json::{Value, json};

use super::collect::Collected;
use super::{Error, Order};
use crate::journal::plan::Output;

/// Reads the rows of the outputs.
///
/// # Errors
/// When the file does not exist, cannot be read, or has a line that is no row.
pub(super) fn read(path: &Path, outputs: &[Output]) -> Result<Collected, Error> {
    let text = fs::read_to_string(path).map_err(|source| match source.kind() {
        ErrorKind::NotFound => Error::NoGolden(path.to_owned()),
        _ => Error::Golden {
            path: path.to_owned(),
            source,
        },
    })?;
    let mut rows: Collected = outputs
        .iter()
        .map(|output| (output.name.clone(), Vec::new()))
        .collect();
    for (index, line) in text.lines().enumerate() {
        let (output, row) = row(line, outputs).ok_or_else(|| Error::BadGolden {
            path: path.to_owned(),
            line: index + 1,
        })?;
        rows.entry(output).or_default().push(row);
    }
    Ok(rows)
}

/// The output and the row of a line.
fn row(line: &str, outputs: &[Output]) -> Option<(String, String)> {
    let json: Value = serde_json::from_str(line).ok()?;
    if let [output] = outputs {
        return Some((output.name.clone(), line.to_owned()));
    }
    // Several outputs share the file, as they share standard output.
    let output = json["output"].as_str()?.to_owned();
    Some((output, json.get("row")?.to_string()))
}

/// Writes the rows of a run. Where their order does not matter, they are sorted, so that the file changes as little as
/// they do.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn write(path: &Path, rows: &Collected, order: Order) -> Result<(), Error> {
    let mut text = String::new();
    for (output, lines) in rows {
        let mut lines: Vec<&String> = lines.iter().collect();
        if order == Order::InAnyOrder {
            lines.sort_unstable();
        }
        for line in lines {
            if rows.len() == 1 {
                text.push_str(line);
            } else {
                text.push_str("{\"output\":");
                text.push_str(&json!(output).to_string());
                text.push_str(",\"row\":");
                text.push_str(line);
                text.push('}');
            }
            text.push('\n');
        }
    }
    let mut partial = path.as_os_str().to_owned();
    partial.push(format!(".{}", std::process::id()));
    // A file that is cut short would be taken for whole.
    let written = fs::write(&partial, text).and_then(|()| fs::rename(&partial, path));
    written.map_err(|source| Error::Golden {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::testing::outputs;
    use crate::trial::compare::difference;

    fn rows(pairs: &[(&str, &[&str])]) -> Collected {
        let own = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect();
        let pairs = pairs.iter();
        pairs
            .map(|(name, lines)| ((*name).to_owned(), own(lines)))
            .collect()
    }

    #[test]
    fn rows_that_were_written_are_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("golden.jsonl");
        let one = rows(&[("a", &[r#"{"x":2}"#, r#"{"x":1}"#])]);
        write(&path, &one, Order::InOrder).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\"x\":2}\n{\"x\":1}\n");
        assert_eq!(read(&path, &outputs(&["a"])).unwrap(), one);
        write(&path, &one, Order::InAnyOrder).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\"x\":1}\n{\"x\":2}\n");
        let two = rows(&[("a", &[r#"{"y":1,"x":2}"#]), ("b", &[])]);
        write(&path, &two, Order::InOrder).unwrap();
        let again = read(&path, &outputs(&["a", "b"])).unwrap();
        assert_eq!(difference(&two, &again, Order::InOrder), None);
    }

    #[test]
    fn file_that_is_missing_or_broken_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("golden.jsonl");
        let missing = read(&path, &outputs(&["a"])).unwrap_err();
        assert!(matches!(missing, Error::NoGolden(_)), "{missing}");
        fs::write(&path, "{}\nx\n").unwrap();
        let broken = read(&path, &outputs(&["a"])).unwrap_err();
        assert!(
            matches!(broken, Error::BadGolden { line: 2, .. }),
            "{broken}"
        );
    }
}
