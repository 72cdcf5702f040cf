//! The wheel of `python/`: its tests, which pytest runs with this host and its runtime.

use std::process::Command;

use journal_tests::{oracle, paths, run};

#[test]
fn wheel_passes_its_tests() {
    let mut pytest = Command::new(oracle::wheel_python());
    let pytest = pytest
        .args(["-m", "pytest", "-q"])
        .current_dir(paths::repository().join("python"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("JOURNAL_HOST", paths::host())
        .env("JOURNAL_RUNTIME", paths::runtime())
        .env("JOURNAL_TESTS_CACHE", paths::cache())
        .env("XDG_CACHE_HOME", paths::target().join("test-cache/xdg"))
        .env_remove("SWH_CONFIG_FILENAME")
        .env("TMPDIR", run::folder("wheel"));
    let tests = run::output(pytest);
    let said = String::from_utf8_lossy(&tests.stdout);
    assert!(tests.status.success(), "{said}");
}
