//! The paths that tests use. They do not depend on the working folder.

use std::env;
use std::path::{Path, PathBuf};

/// The root of the repository.
///
/// # Panics
/// When the repository was moved after the tests were built.
#[must_use]
pub fn repository() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the tests are in the repository");
    assert!(
        root.join("Cargo.toml").is_file(),
        "the repository is no longer at {}",
        root.display()
    );
    root.to_path_buf()
}

/// The corpus of old and rare forms of the journal's messages, a file of [`Case`](crate::cases::Case)s.
///
/// # Panics
/// When the repository was moved after the tests were built.
#[must_use]
pub fn old_messages() -> PathBuf {
    repository().join("tests/data/old_messages/old_messages.msgpack")
}

/// The folder of the profile that the tests were built with, such as `target/release`.
///
/// # Panics
/// When cargo did not build the running executable.
#[must_use]
pub fn profile() -> PathBuf {
    let executable = env::current_exe().expect("a process has an executable");
    // Tests run from `PROFILE/deps/NAME-HASH`, binaries from `PROFILE/NAME`.
    let folder = executable.parent().expect("an executable is in a folder");
    let deps = folder.file_name().is_some_and(|name| name == "deps");
    if deps {
        folder.parent().expect("deps has a parent").to_path_buf()
    } else {
        folder.to_path_buf()
    }
}

/// Cargo's target folder.
///
/// # Panics
/// When cargo did not build the running executable.
#[must_use]
pub fn target() -> PathBuf {
    profile()
        .parent()
        .expect("a profile's folder has a parent")
        .to_path_buf()
}

/// The binary under test: the value of `JOURNAL_HOST`, or else the one in the test's profile folder.
///
/// # Panics
/// When it does not exist.
#[must_use]
pub fn host() -> PathBuf {
    let path =
        env::var_os("JOURNAL_HOST").map_or_else(|| profile().join("journal-host"), PathBuf::from);
    assert!(
        path.is_file(),
        "the host is not at {}: build it with `cargo build --release --workspace`",
        path.display()
    );
    path
}

/// The host with faults, in the test's profile folder.
///
/// # Panics
/// When it does not exist.
#[must_use]
pub fn host_under_test() -> PathBuf {
    let path = profile().join("journal-host-under-test");
    assert!(
        path.is_file(),
        "the host under test is not at {}: build it with `cargo build --release --workspace`",
        path.display()
    );
    path
}

/// `measured`, which runs a command and reports what it took.
///
/// # Panics
/// When it does not exist.
#[must_use]
pub fn measured() -> PathBuf {
    let path = profile().join("measured");
    assert!(
        path.is_file(),
        "`measured` is not at {}: build it with `cargo build --release --workspace`",
        path.display()
    );
    path
}

/// The folder of downloads that are kept: the value of `JOURNAL_TESTS_CACHE`, or else a folder in the target folder.
///
/// # Panics
/// When cargo did not build the running executable.
#[must_use]
pub fn cache() -> PathBuf {
    env::var_os("JOURNAL_TESTS_CACHE").map_or_else(|| target().join("test-cache"), PathBuf::from)
}

/// A plugin of `plugins` or a guest of `tests/guests`, built by `build-plugin`.
///
/// # Panics
/// When it was not built.
#[must_use]
pub fn plugin(name: &str) -> PathBuf {
    let (folder, crate_name) = match name.strip_prefix("guest-") {
        Some(guest) => (repository().join("tests/guests").join(guest), name),
        None => (repository().join("plugins").join(name), name),
    };
    let file = format!("target/{}.wasm", crate_name.replace('-', "_"));
    let path = folder.join(file);
    assert!(
        path.is_file(),
        "{} was not built: `./build-plugin {}`",
        path.display(),
        folder.display()
    );
    path
}

/// The plugin in another language that `examples/build` made.
///
/// # Panics
/// When it was not built.
#[must_use]
pub fn example(language: &str) -> PathBuf {
    let path = target().join(format!("examples/months-{language}.wasm"));
    assert!(
        path.is_file(),
        "{} was not built: `examples/build {language}`",
        path.display()
    );
    path
}

/// The runtime of Python scripts, built by `build-runtime`.
///
/// # Panics
/// When it was not built.
#[must_use]
pub fn runtime() -> PathBuf {
    runtime_of("python")
}

/// The runtime of JavaScript.
///
/// # Panics
/// When it was not built.
#[must_use]
pub fn javascript_runtime() -> PathBuf {
    runtime_of("javascript")
}

fn runtime_of(language: &str) -> PathBuf {
    let path = target().join(format!("release/journal-host-{language}.wasm"));
    assert!(
        path.is_file(),
        "{} was not built: `./build-runtime {language}`",
        path.display()
    );
    path
}
