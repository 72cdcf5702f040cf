//! Rules of the architecture that the compiler does not hold, checked in the host's source text.

use std::collections::{BTreeMap, BTreeSet};
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
        // The command `git` has flags, too.
        if name.starts_with("cli") || name.starts_with("source/git") || is_test(name) {
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

/// The table of ARCHITECTURE.md: for each module those that it may name.
fn allowed() -> BTreeMap<String, BTreeSet<String>> {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ARCHITECTURE.md");
    let document = fs::read_to_string(document).expect("the document can be read");
    let table = document
        .split_once("| module | may name |")
        .expect("it has the table");
    let rows = table.1.lines().skip(2);
    let rows = rows.take_while(|row| row.starts_with('|'));
    let names = |cell: &str| -> BTreeSet<String> {
        let quoted = cell.split('`').skip(1).step_by(2);
        quoted.map(str::to_owned).collect()
    };
    rows.map(|row| {
        let mut cells = row.trim_matches('|').split('|');
        let module = names(cells.next().unwrap_or_default());
        let module = module.into_iter().next().expect("a row names its module");
        (module, names(cells.next().unwrap_or_default()))
    })
    .collect()
}

/// The modules of this crate that a text names in paths, and those that it takes from a group after `crate::`.
fn named(text: &str) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    for (index, prefix) in text.match_indices("crate::") {
        let is_word = text[..index].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let rest = &text[index + prefix.len()..];
        if is_word {
            continue;
        }
        let group = rest
            .strip_prefix('{')
            .and_then(|group| group.split('}').next());
        let parts = group.map_or_else(|| vec![rest], |group| group.split(',').collect());
        for part in parts {
            let part = part.trim();
            let end = part.find(|c: char| !c.is_alphanumeric() && c != '_');
            names.insert(&part[..end.unwrap_or(part.len())]);
        }
    }
    names
}

#[test]
fn names_of_modules_are_recognised() {
    let text = "use crate::a::B;\nuse crate::{b::C, c};\npub(crate) fn f() { my_crate::d(); crate::e::f() }";
    let expected = ["a", "b", "c", "e"];
    assert_eq!(named(text), expected.into_iter().collect());
}

/// The lines of code of a file, without comments and unit tests at its end.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("the sources can be read");
    let text = text
        .split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or_default();
    let lines = text.lines();
    let lines = lines.filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn modules_name_only_those_that_the_architecture_allows() {
    let (sources, allowed) = (sources(), allowed());
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for path in files(&sources) {
        let name = path.strip_prefix(&sources).expect("it lies there");
        let module = name.components().next().expect("a file has a name");
        let module = module.as_os_str().to_string_lossy();
        let module = module.trim_end_matches(".rs");
        if is_test(name) || ["lib", "main"].contains(&module) {
            continue;
        }
        let Some(may) = allowed.get(module) else {
            found.push(format!("the table lacks `{module}`"));
            continue;
        };
        seen.insert(module.to_owned());
        let code = code(&path);
        for other in named(&code) {
            if other != module && !may.contains(other) {
                found.push(format!("{} names `{other}`", name.display()));
            }
        }
        for (library, home) in [("rdkafka::", "kafka"), ("wasmtime::", "sandbox")] {
            let is_named = code.replace("librdkafka::", "").contains(library);
            if is_named && module != home {
                found.push(format!("{} names {library}", name.display()));
            }
        }
        let is_asynchronous = code.contains("tokio::") || code.contains("async fn");
        if is_asynchronous && name != Path::new("observe/http.rs") {
            found.push(format!("{} needs an asynchronous runtime", name.display()));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    let expected: BTreeSet<String> = allowed.into_keys().collect();
    assert_eq!(seen, expected, "every module of the table exists");
}
