//! Embeds what `journal-host new` writes: the crates of the SDK, the templates, and the versions of all dependencies.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// The crates that a plugin is built with.
const SDK: [&str; 8] = [
    "plugin-sdk",
    "crates/aggregate",
    "crates/columns-derive",
    "crates/msgpack",
    "crates/objects",
    "crates/options",
    "crates/recording",
    "crates/rows",
];

/// The templates by name, with their folders.
const TEMPLATES: [(&str, &str); 2] = [
    ("minimal", "plugins/template"),
    ("aggregate", "plugins/template-aggregate"),
];

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut code = String::new();
    let sdk = SDK.iter().flat_map(|folder| files(&root, folder, false));
    list(&mut code, "SDK", &root, sdk.collect());
    let mut templates = String::new();
    for (name, folder) in TEMPLATES {
        let constant = format!("TEMPLATE_{}", name.to_uppercase());
        list(
            &mut code,
            &constant,
            &root.join(folder),
            files(&root.join(folder), "", true),
        );
        write!(templates, "(\"{name}\", {constant}), ").expect("a string takes all");
    }
    writeln!(
        code,
        "pub(super) const TEMPLATES: &[(&str, &[(&str, &str)])] = &[{templates}];"
    )
    .expect("a string takes all");
    for (name, file) in [("WORKSPACE", "Cargo.toml"), ("LOCK", "Cargo.lock")] {
        let path = root.join(file).display().to_string();
        println!("cargo::rerun-if-changed={path}");
        writeln!(
            code,
            "pub(super) const {name}: &str = include_str!({path:?});"
        )
        .expect("a string takes all");
    }
    let folder = env::var_os("OUT_DIR").expect("cargo sets it");
    fs::write(PathBuf::from(folder).join("embedded.rs"), code).expect("cargo has made the folder");
}

/// The texts under a folder, named from `root`, without tests of crates, which no plugin compiles.
fn files(root: &Path, folder: &str, with_tests: bool) -> Vec<String> {
    let path = root.join(folder);
    let entries = fs::read_dir(&path)
        .unwrap_or_else(|error| panic!("{} cannot be read: {error}", path.display()));
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.expect("the folder can be read");
        let name = entry.file_name().into_string().expect("names are text");
        let is_test = ["tests", "tests.rs", "examples", "benches"].contains(&&*name);
        if name == "target" || name == "Cargo.lock" || (is_test && !with_tests) {
            continue;
        }
        let path = if folder.is_empty() {
            name
        } else {
            format!("{folder}/{name}")
        };
        if entry.path().is_dir() {
            // For files that are added; those that were found are named one by one.
            println!("cargo::rerun-if-changed={}", entry.path().display());
            files.extend(self::files(root, &path, with_tests));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// A constant with the names and texts of files.
fn list(code: &mut String, name: &str, root: &Path, files: Vec<String>) {
    let root = root.canonicalize().expect("it has just been read");
    writeln!(code, "pub(super) const {name}: &[(&str, &str)] = &[").expect("a string takes all");
    for file in files {
        let path = root.join(&file).display().to_string();
        println!("cargo::rerun-if-changed={path}");
        writeln!(code, "    ({file:?}, include_str!({path:?})),").expect("a string takes all");
    }
    code.push_str("];\n");
}
