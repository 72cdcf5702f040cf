//! Independent results for the same records, from upstream's Python packages.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cases::{self, Case};
use crate::{cache, paths, run};

/// The folder's name contains the versions that `tests/oracle/requirements.txt` pins, so that changing them installs
/// them again.
const FOLDER: &str = "oracle-swh.journal-3.0.0-hypothesis-6.170.15-swh.export-1.12.0-pyorc-0.12.0";

/// The Python of a virtual environment with `swh.journal`, which is installed from `PyPI` if it does not exist yet. Its
/// packages are GPL: tests use them as an oracle, and the project does not ship them.
///
/// # Panics
/// When it cannot be installed.
#[must_use]
pub fn python() -> PathBuf {
    environment(FOLDER, &scripts().join("requirements.txt"))
}

fn environment(name: &str, requirements: &Path) -> PathBuf {
    let folder = cache::once(name, |folder| {
        cache::fetch_with(
            Command::new("python3").args(["-m", "venv"]).arg(folder),
            "python3-venv",
        );
        cache::fetch_with(
            Command::new(folder.join("bin/python"))
                .args([
                    "-m",
                    "pip",
                    "install",
                    "--quiet",
                    "--disable-pip-version-check",
                    "--no-deps",
                    "-r",
                ])
                .arg(requirements),
            "python3-venv",
        );
    });
    folder.join("bin/python")
}

/// The same with upstream's git loader, in an environment of its own, because it needs much more.
const GIT_FOLDER: &str = "oracle-swh.loader.git-3.4.0";

/// Runs a script of `tests/oracle` with upstream's git loader and returns its standard output.
///
/// # Panics
/// When it cannot be installed, or fails.
#[must_use]
pub fn git_loader<A: AsRef<OsStr>>(name: &str, arguments: impl IntoIterator<Item = A>) -> String {
    let python = environment(GIT_FOLDER, &scripts().join("requirements-git.txt"));
    run::succeed(
        Command::new(python)
            .arg(scripts().join(name))
            .args(arguments),
    )
}

/// The same with what the tests of the wheel need: pytest and type checkers, pandas and pyarrow.
const WHEEL_FOLDER: &str = "wheel-pytest-9.2.0-mypy-2.4.1-pyright-1.1.414-pandas-3.1.1";

/// The Python of a virtual environment for the tests of the wheel in `python/`.
///
/// # Panics
/// When it cannot be installed.
#[must_use]
pub fn wheel_python() -> PathBuf {
    let requirements = paths::repository().join("python/tests/requirements.txt");
    environment(WHEEL_FOLDER, &requirements)
}

/// The same with pyarrow and `DuckDB`.
const PARQUET_FOLDER: &str = "parquet-pyarrow-26.0.1-duckdb-2.0.1";

/// Runs a script of `tests/oracle` with readers of Parquet and returns its standard output.
///
/// # Panics
/// When they cannot be installed, or it fails.
#[must_use]
pub fn parquet<A: AsRef<OsStr>>(name: &str, arguments: impl IntoIterator<Item = A>) -> String {
    let requirements = scripts().join("requirements-parquet.txt");
    let python = environment(PARQUET_FOLDER, &requirements);
    run::succeed(
        Command::new(python)
            .arg(scripts().join(name))
            .args(arguments),
    )
}

/// Runs a script of `tests/oracle` and returns its standard output.
///
/// # Panics
/// When it fails.
#[must_use]
pub fn script<A: AsRef<OsStr>>(name: &str, arguments: impl IntoIterator<Item = A>) -> String {
    let mut command = Command::new(python());
    run::succeed(command.arg(scripts().join(name)).args(arguments))
}

/// The client that upstream's documentation shows: `docs/example-journal-client.py` of the source of `swh.journal`. It is
/// GPL, so the repository does not contain it.
///
/// # Panics
/// When it cannot be downloaded.
#[must_use]
pub fn example_client() -> PathBuf {
    let python = python();
    let folder = cache::once("swh.journal-3.0.0-source", |folder| {
        let mut pip = Command::new(&python);
        let pip = pip.args([
            "-m",
            "pip",
            "download",
            "--quiet",
            "--disable-pip-version-check",
        ]);
        let pip = pip.args([
            "--no-deps",
            "--no-binary",
            ":all:",
            "swh.journal==3.0.0",
            "--dest",
        ]);
        cache::fetch_with(pip.arg(folder), "python3-venv");
        let archive = folder.join("swh_journal-3.0.0.tar.gz");
        cache::fetch_with(
            Command::new("tar")
                .arg("-xzf")
                .arg(archive)
                .arg("-C")
                .arg(folder),
            "tar",
        );
    });
    folder.join("swh_journal-3.0.0/docs/example-journal-client.py")
}

/// Writes a journal of the objects of `swh.model`'s tests and returns its path. It comes from a GPL package, so the
/// repository does not contain it.
///
/// # Panics
/// When the script fails.
#[must_use]
pub fn test_objects(folder: &Path) -> PathBuf {
    let path = folder.join("test_objects.frames");
    let frames = script("test_objects.py", [&path]);
    assert!(
        fs::metadata(&path).is_ok_and(|file| file.len() > 0),
        "no frames were written: {frames}"
    );
    path
}

/// The records of a recording without a header, each with what upstream reads from it.
///
/// # Panics
/// When the script fails.
#[must_use]
pub fn cases_of(frames: &Path) -> Vec<Case> {
    let path = frames.with_extension("cases");
    let count = script("frames_cases.py", [frames, &path]);
    let cases = cases::read(&path);
    assert_eq!(count.trim(), cases.len().to_string());
    cases
}

/// Draws random objects of every type, each with what upstream reads from it: at least `each` of every type, and twice
/// as many of the types that upstream's strategies can draw. The same seed draws the same objects.
///
/// # Panics
/// When the script fails.
#[must_use]
pub fn drawn_objects(folder: &Path, seed: u32, each: u32) -> Vec<Case> {
    let path = folder.join(format!("drawn-{seed}-{each}.msgpack"));
    let [seed, each] = [seed, each].map(|number| number.to_string());
    let options = ["--seed", &seed, "--each", &each].map(OsStr::new);
    let counts = script(
        "draw_objects.py",
        [&[path.as_os_str()], &options[..]].concat(),
    );
    let cases = cases::read(&path);
    let count = |line: &str| -> usize {
        let count = line.rsplit(' ').next().and_then(|count| count.parse().ok());
        count.unwrap_or_else(|| panic!("`{line}` is no count"))
    };
    assert_eq!(cases.len(), counts.lines().map(count).sum::<usize>());
    cases
}

/// Generates the corpus of old messages in `folder` and returns its path.
///
/// # Panics
/// When the script fails.
#[must_use]
pub fn old_messages(folder: &Path) -> PathBuf {
    let path = folder.join("old_messages.msgpack");
    let count = script("old_messages.py", [&path]);
    assert_eq!(count.trim(), cases::read(&path).len().to_string());
    path
}

fn scripts() -> PathBuf {
    paths::repository().join("tests/oracle")
}
