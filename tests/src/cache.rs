//! Downloads that are kept between runs. The first test that needs one fetches it, under a lock.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::paths;

/// The folder `name` of the cache, which `make` fills if it does not exist yet.
///
/// `make` fills a temporary folder next to the final one. The temporary folder is renamed when it is complete, so that
/// no test sees an incomplete one. Tests that need it at the same time wait for the first.
///
/// # Panics
/// When the folder cannot be made.
pub fn once(name: &str, make: impl FnOnce(&Path)) -> PathBuf {
    let cache = paths::cache();
    let folder = cache.join(name);
    if folder.is_dir() {
        return folder;
    }
    create(&cache);
    let lock_path = cache.join(format!("{name}.lock"));
    let lock = File::create(&lock_path)
        .and_then(|lock| lock.lock().map(|()| lock))
        .unwrap_or_else(|error| panic!("cannot lock {}: {error}", lock_path.display()));
    if !folder.is_dir() {
        let incomplete = cache.join(format!("{name}.half"));
        if incomplete.exists() {
            fs::remove_dir_all(&incomplete)
                .unwrap_or_else(|error| panic!("cannot remove {}: {error}", incomplete.display()));
        }
        create(&incomplete);
        make(&incomplete);
        fs::rename(&incomplete, &folder)
            .unwrap_or_else(|error| panic!("cannot rename {}: {error}", incomplete.display()));
    }
    drop(lock);
    folder
}

/// Runs a program that downloads something.
///
/// # Panics
/// When it cannot be started, with a hint to install `package`, or when it fails, with its output.
pub fn fetch_with(command: &mut Command, package: &str) {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| {
            panic!("cannot run `{program}`: {error}\nhint: `apt-get install {package}`")
        });
    assert!(
        output.status.success(),
        "`{command:?}` failed: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

fn create(folder: &Path) {
    fs::create_dir_all(folder)
        .unwrap_or_else(|error| panic!("cannot make {}: {error}", folder.display()));
}
