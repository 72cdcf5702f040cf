//! `build-plugin` as an author runs it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use journal_tests::{paths, run};

/// A copy of the template whose rows have a field of this name.
fn copy(name: &str, field: &str) -> PathBuf {
    let (template, copy) = (
        paths::repository().join("plugins/template"),
        run::folder(name),
    );
    fs::create_dir(copy.join("src")).expect("a folder of ours");
    let read = |file: &str| fs::read_to_string(template.join(file)).expect("it ships");
    let sdk = paths::repository().join("plugin-sdk");
    let manifest = read("Cargo.toml").replace("../../plugin-sdk", &sdk.display().to_string());
    // Cargo would look for a workspace above it.
    let manifest = manifest + "\n[workspace]\n";
    fs::write(copy.join("Cargo.toml"), manifest).expect("a folder of ours");
    let renamed = format!("#[serde(rename = \"{field}\")] url: &'a str");
    let source = read("src/lib.rs").replace("url: &'a str", &renamed);
    fs::write(copy.join("src/lib.rs"), source).expect("a folder of ours");
    copy
}

fn build(folder: &Path) -> Vec<u8> {
    let output = Command::new(paths::repository().join("build-plugin"))
        .arg(folder)
        .output()
        .expect("it can be run");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let printed = String::from_utf8(output.stdout).expect("a path is text");
    fs::read(printed.trim_end()).expect("it prints the plugin's path")
}

#[test]
fn two_crates_of_one_name_get_their_own_plugins() {
    let (one, other) = (copy("one", "url"), copy("other", "other_field"));
    let first = build(&one);
    let second = build(&other);
    assert!(first != second);
    assert!(
        build(&one) == first,
        "the second did not take the first one's place"
    );
    assert!(build(&other) == second);
}
