//! `build-plugin`, as a plugin's author runs it.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use journal_tests::{Host, Running, paths, run};
use rustix::process::Signal;

/// A copy of the template whose rows have a field with this name.
fn copy(name: &str, field: &str) -> PathBuf {
    let (template, copy) = (
        paths::repository().join("plugins/template"),
        run::folder(name),
    );
    fs::create_dir(copy.join("src")).expect("a folder of ours");
    let read = |file: &str| fs::read_to_string(template.join(file)).expect("it ships");
    let sdk = paths::repository().join("plugin-sdk");
    let manifest = read("Cargo.toml").replace("../../plugin-sdk", &sdk.display().to_string());
    // Without this, cargo would look for a workspace in the parent folders.
    let manifest = manifest + "\n[workspace]\n";
    fs::write(copy.join("Cargo.toml"), manifest).expect("a folder of ours");
    let renamed = format!("#[serde(rename = \"{field}\")] url: &'a str");
    let source = read("src/lib.rs").replace("url: &'a str", &renamed);
    fs::write(copy.join("src/lib.rs"), source).expect("a folder of ours");
    copy
}

fn build_plugin() -> Command {
    Command::new(paths::repository().join("build-plugin"))
}

fn run_build(folder: &Path) -> (Output, String) {
    let output = build_plugin().arg(folder).output().expect("it can be run");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output, said)
}

fn build(folder: &Path) -> Vec<u8> {
    let (output, said) = run_build(folder);
    assert!(output.status.success(), "{said}");
    let printed = String::from_utf8(output.stdout).expect("a path is text");
    fs::read(printed.trim_end()).expect("it prints the plugin's path")
}

#[test]
fn two_crates_with_the_same_name_get_separate_plugins() {
    let (one, other) = (copy("one", "url"), copy("other", "other_field"));
    let first = build(&one);
    let second = build(&other);
    assert!(first != second);
    assert!(
        build(&one) == first,
        "the second build did not overwrite the first plugin"
    );
    assert!(build(&other) == second);
}

#[test]
fn dropped_result_of_emit_fails_the_build_and_a_crate_is_compiled_once() {
    let folder = copy("dropped", "url");
    let (manifest, source) = (folder.join("Cargo.toml"), folder.join("src/lib.rs"));
    let read = |path: &Path| fs::read_to_string(path).expect("it was copied");
    // Like a crate that does not deny unused results itself.
    let (before, after) = read(&manifest)
        .split_once("[lints.rust]")
        .map(|(before, after)| (before.to_owned(), after.to_owned()))
        .expect("the template denies it");
    let (_, workspace) = after.split_once("[workspace]").expect("it was added");
    fs::write(&manifest, format!("{before}[workspace]{workspace}")).expect("a folder of ours");
    let emit = "out.emit(&Row { url: origin.url()? })";
    let good = read(&source);
    let dropped = good.replace(emit, &format!("{{ {emit}; Ok(()) }}"));
    fs::write(&source, dropped).expect("a folder of ours");
    let (output, said) = run_build(&folder);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("unused `Result` that must be used"), "{said}");
    fs::write(&source, good).expect("a folder of ours");
    let (output, said) = run_build(&folder);
    assert!(output.status.success(), "{said}");
    assert_eq!(said.matches("Compiling my-plugin").count(), 1, "{said}");
}

#[test]
fn build_that_waits_for_another_says_so() {
    let target = run::folder("locked");
    let lock = File::create(target.join("lock")).expect("a folder of ours");
    lock.lock().expect("nobody else has it");
    let mut build = build_plugin()
        .arg(paths::repository().join("plugins/template"))
        .env("JOURNAL_WASM_TARGET_DIR", &target)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it can be run");
    let stderr = build.stderr.take().expect("it is a pipe");
    let mut first = String::new();
    let read = BufReader::new(stderr).read_line(&mut first);
    build.kill().expect("it waits");
    build.wait().expect("a child can be waited for");
    read.expect("it says something");
    assert!(first.starts_with("waiting for another build in"), "{first}");
}

#[test]
fn crate_that_is_watched_is_built_and_run_after_each_save() {
    const LIMIT: Duration = Duration::from_mins(10);
    let folder = copy("watched", "url");
    let source = folder.join("src/lib.rs");
    let good = fs::read_to_string(&source).expect("it was copied");
    let mut host = Host::run(&folder)
        .arg("--watch")
        .arg("--recording")
        .arg(paths::repository().join("recordings/ripgrep.journal.zst"))
        .spawn();
    let shows = |host: &mut Running, field: &str| {
        host.until(field, LIMIT, |host| {
            let row = format!("{{\"{field}\":");
            host.stdout()
                .lines()
                .any(|line| line.starts_with(&row))
                .then_some(())
        });
    };
    shows(&mut host, "url");
    fs::write(&source, good.replace("fn process", "fn proces")).expect("a folder of ours");
    host.until("the build fails", LIMIT, |host| {
        host.stderr().contains("does not build").then_some(())
    });
    let renamed = good.replace("rename = \"url\"", "rename = \"other_field\"");
    fs::write(&source, renamed).expect("a folder of ours");
    shows(&mut host, "other_field");
    host.signal(Signal::INT);
    let _ended = host.finish(LIMIT).success();
}
