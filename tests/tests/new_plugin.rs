//! `journal-host new` and `journal-host build`, as an author runs them who has the program and nothing else.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use journal_tests::{paths, run};

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The program in a folder outside of the repository, and a command of it there.
fn command(folder: &Path, arguments: &[&str]) -> Command {
    let program = folder.join("bin/journal-host");
    if !program.exists() {
        fs::create_dir(folder.join("bin")).expect("a folder of ours");
        run::make_program(|| fs::copy(paths::host(), &program)).expect("there is room");
    }
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(folder)
        .env("XDG_CACHE_HOME", paths::target().join("test-cache/xdg"))
        // Kept between runs, like an author's target folder.
        .env(
            "JOURNAL_WASM_TARGET_DIR",
            paths::target().join("new-plugin"),
        );
    command
}

fn output(folder: &Path, arguments: &[&str]) -> Output {
    run::output(&mut command(folder, arguments))
}

fn printed(folder: &Path, arguments: &[&str]) -> String {
    let output = output(folder, arguments);
    assert!(output.status.success(), "{}", said(&output));
    String::from_utf8(output.stdout).expect("it is text")
}

/// The names and versions in a lock file.
fn packages(lock: &Path) -> Vec<String> {
    let text = fs::read_to_string(lock).expect("it was made");
    let mut lines: Vec<&str> = text.lines().collect();
    lines.retain(|line| line.starts_with("name = ") || line.starts_with("version = \""));
    lines.chunks(2).map(|pair| pair.join(" ")).collect()
}

#[test]
fn program_alone_makes_builds_and_runs_a_plugin() {
    let home = tempfile::tempdir().expect("there is room");
    let home = home.path();
    assert_eq!(
        printed(home, &["new", "week-days", "--template", "aggregate"]),
        "week-days\n"
    );
    assert!(
        home.join("week-days/vendor/plugin-sdk/src/lib.rs")
            .is_file()
    );
    let lock = home.join("week-days/Cargo.lock");
    let locked = packages(&lock);
    assert!(locked.len() > 40, "{locked:?}");
    let mut tree = Command::new("cargo");
    tree.args(["tree", "--offline"])
        .current_dir(home.join("week-days"));
    let tree = run::output(&mut tree);
    assert!(tree.status.success(), "{}", said(&tree));
    assert_eq!(packages(&lock), locked, "cargo needs the same versions");
    let path = printed(home, &["build", "week-days"]);
    let path = path.trim_end();
    assert!(path.ends_with("/week-days/target/week_days.wasm"), "{path}");
    let described = printed(home, &["describe", path]);
    assert!(described.starts_with("week-days 0.1.0\n"), "{described}");
    let recording = paths::repository().join("recordings/ripgrep.journal.zst");
    let recording = recording.to_str().expect("it is text");
    let rows = printed(home, &["run", path, "--recording", recording]);
    assert_eq!(rows.lines().count(), 7, "{rows}");
    assert!(
        rows.contains(r#"{"weekday":"Wednesday","commits":659}"#),
        "{rows}"
    );
}

#[test]
fn what_cannot_be_made_or_built_is_refused_with_a_way_out() {
    let home = tempfile::tempdir().expect("there is room");
    let home = home.path();
    let refused = |arguments: &[&str], expected: &str| {
        let output = output(home, arguments);
        assert!(!output.status.success());
        let text = said(&output);
        assert!(text.contains(expected) && text.contains("hint: "), "{text}");
    };
    printed(home, &["new", "made"]);
    fs::create_dir(home.join("empty")).expect("a folder of ours");
    printed(home, &["new", "empty"]);
    refused(&["new", "made"], "`made` exists and is not an empty folder");
    refused(&["new", "serde"], "`serde` cannot be the name of a plugin");
    refused(&["new", "Made"], "`Made` cannot be the name of a plugin");
    refused(
        &["new", "other", "--sdk", "."],
        "`.` is not the folder of the SDK",
    );
    refused(&["build", "nowhere"], "`nowhere` has no Cargo.toml");
    let manifest = home.join("made/Cargo.toml");
    let text = fs::read_to_string(&manifest).expect("it was made");
    let without = text.replace("\"cdylib\", ", "");
    fs::write(&manifest, without).expect("a folder of ours");
    refused(&["build", "made"], "makes no .wasm");
    fs::write(&manifest, text).expect("a folder of ours");
    // Without a network, and with nothing downloaded before.
    let mut build = command(home, &["build", "made"]);
    build.env("CARGO_NET_OFFLINE", "true");
    let none = run::output(build.env("CARGO_HOME", home.join("cargo")));
    let expected = "error: cargo cannot get the dependencies of `made`\nhint: ";
    assert!(said(&none).contains(expected), "{}", said(&none));
    let mut build = command(home, &["build", "made"]);
    let none = run::output(build.env("PATH", home.join("bin")));
    assert!(said(&none).contains("rustup target add"), "{}", said(&none));
}
