//! Things that are fetched once and kept: by the first test that asks, under a lock.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::paths;

/// The folder `name` of the cache, which `make` fills when it is not there yet.
///
/// `make` gets an empty folder beside the final place; it is renamed when all is in it, so that a
/// half-made one is never seen. Tests that ask at the same time wait for the first.
///
/// # Panics
/// When the folder cannot be made.
pub fn once(name: &str, make: impl FnOnce(&Path)) -> PathBuf {
    let cache = paths::cache();
    let place = cache.join(name);
    if place.is_dir() {
        return place;
    }
    create(&cache);
    let lock_path = cache.join(format!("{name}.lock"));
    let lock = File::create(&lock_path)
        .and_then(|lock| lock.lock().map(|()| lock))
        .unwrap_or_else(|error| panic!("cannot lock {}: {error}", lock_path.display()));
    if !place.is_dir() {
        let half = cache.join(format!("{name}.half"));
        if half.exists() {
            fs::remove_dir_all(&half)
                .unwrap_or_else(|error| panic!("cannot remove {}: {error}", half.display()));
        }
        create(&half);
        make(&half);
        fs::rename(&half, &place)
            .unwrap_or_else(|error| panic!("cannot rename {}: {error}", half.display()));
    }
    drop(lock);
    place
}

/// Runs a program that fetches something, and shows what it said when it fails.
///
/// # Panics
/// When it cannot be started or fails; `package` is what one installs to have it.
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
