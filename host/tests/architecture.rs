//! Rules of the architecture that the compiler does not hold, checked in the host's source text.

use std::fs;
use std::path::{Path, PathBuf};

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// All Rust files under a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the sources can be read");
    let paths = entries.map(|entry| entry.expect("the sources can be read").path());
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            files.extend(self::files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// Whether a file, named from the folder of sources, holds unit tests and nothing else.
fn is_test(file: &Path) -> bool {
    file.components()
        .any(|part| part.as_os_str() == "tests" || part.as_os_str() == "tests.rs")
}

/// The flag that a line spells: two hyphens and a letter, where a word may begin.
fn flag(line: &str) -> Option<&str> {
    let is_flag = |&(index, _): &(usize, &str)| {
        let begins = !line[..index].ends_with(|c: char| c.is_alphanumeric() || c == '-');
        let letter = line[index + 2..].starts_with(|c: char| c.is_ascii_lowercase());
        begins && letter
    };
    let (index, _) = line.match_indices("--").find(is_flag)?;
    let end = line[index..].find(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    Some(&line[index..index + end.unwrap_or(line.len() - index)])
}

#[test]
fn flags_are_recognised() {
    for (line, found) in [
        ("raise `--memory-limit`", Some("--memory-limit")),
        ("\"--brokers sets it\"", Some("--brokers")),
        ("--json", Some("--json")),
        ("// ---------- a rule", None),
        ("a -- b, a--b, i--", None),
    ] {
        assert_eq!(flag(line), found, "{line}");
    }
}

/// Whoever else spelt a flag would be wrong where the value comes from a file or the environment.
#[test]
fn only_the_command_line_spells_flags() {
    let sources = sources();
    let mut found = Vec::new();
    for path in files(&sources) {
        let name = path.strip_prefix(&sources).expect("it lies there");
        if name.starts_with("cli") || is_test(name) {
            continue;
        }
        let text = fs::read_to_string(&path).expect("the sources can be read");
        for (number, line) in text.lines().enumerate() {
            if let Some(flag) = flag(line) {
                found.push(format!("{}:{}: {flag}", name.display(), number + 1));
            }
        }
    }
    assert!(
        found.is_empty(),
        "only cli/ spells flags:\n{}",
        found.join("\n")
    );
}
