//! Landlock: which files the process can open.

use std::env;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, BitFlags, PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreated,
    RulesetCreatedAttr, RulesetError, RulesetStatus,
};

use super::{Level, Paths};

/// The newest rights that are asked for. Older kernels limit those that they know.
const RIGHTS: ABI = ABI::V5;

/// What libraries of the system read: configuration, names, certificates, time zones, shared libraries and their
/// plugins (librdkafka and the C library load some when a name is looked up or a login begins), devices without state,
/// and facts about the machine and this process.
const SYSTEM: [&str; 31] = [
    "/etc",
    "/lib",
    "/lib32",
    "/lib64",
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/var/ssl",
    "/usr/share",
    "/usr/local/lib",
    "/usr/local/share",
    "/usr/local/ssl",
    "/nix/store",
    "/gnu/store",
    "/var/lib/ca-certificates",
    "/run/systemd/resolve",
    "/run/resolvconf",
    "/run/NetworkManager",
    "/run/nscd",
    "/var/run/nscd",
    "/dev/zero",
    "/dev/random",
    "/dev/urandom",
    "/proc/self",
    "/proc/sys",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/stat",
    "/sys/devices/system",
    "/sys/fs/cgroup",
    "/sys/kernel/mm",
];
/// Variables that name further files or folders, separated by colons.
const VARIABLES: [&str; 7] = [
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "KRB5_CONFIG",
    "KRB5CCNAME",
    "KRB5_KTNAME",
    "TZDIR",
    "LD_LIBRARY_PATH",
];
/// Devices that take whatever is written.
const SINKS: [&str; 1] = ["/dev/null"];
/// Devices are written, never created.
const NEVER_CREATED: [&str; 2] = ["/dev", "/proc"];

/// Limits the files to these and to those of the system.
pub(super) fn limit(paths: &Paths) -> Level {
    let mut read: Vec<PathBuf> = SYSTEM.iter().map(PathBuf::from).collect();
    for name in VARIABLES {
        if let Some(value) = env::var_os(name) {
            read.extend(env::split_paths(&value));
        }
    }
    read.extend(paths.read.iter().cloned());
    let mut write: Vec<PathBuf> = SINKS.iter().map(PathBuf::from).collect();
    write.extend(paths.write.iter().flat_map(|path| written(path)));
    limit_to(&read, &write)
}

/// A file that is written, what it links to, and the folders in which they are created.
fn written(path: &Path) -> Vec<PathBuf> {
    let mut paths = vec![path.to_owned()];
    // A link to nothing is followed when the file is created.
    paths.extend(path.read_link().map(|link| folder(path).join(link)));
    paths.extend(path.canonicalize());
    let folders: Vec<PathBuf> = paths.iter().map(|path| folder(path)).collect();
    let created = |folder: &PathBuf| !NEVER_CREATED.iter().any(|fixed| folder.starts_with(fixed));
    paths.extend(folders.into_iter().filter(created));
    paths
}

fn folder(of: &Path) -> PathBuf {
    match of.parent() {
        Some(folder) if folder.as_os_str().is_empty() => PathBuf::from("."),
        Some(folder) => folder.to_owned(),
        None => of.to_owned(),
    }
}

/// Limits the files to exactly these.
pub(super) fn limit_to(read: &[PathBuf], write: &[PathBuf]) -> Level {
    match ruleset(read, write).and_then(RulesetCreated::restrict_self) {
        Ok(status) => match status.ruleset {
            RulesetStatus::FullyEnforced => Level::Whole,
            RulesetStatus::PartiallyEnforced => Level::Partial,
            RulesetStatus::NotEnforced => Level::Missing,
        },
        Err(error) => {
            tracing::debug!("Landlock: {error}");
            Level::Missing
        }
    }
}

fn ruleset(read: &[PathBuf], write: &[PathBuf]) -> Result<RulesetCreated, RulesetError> {
    // Programs are not executed: the filter of system calls sees to that, and shared libraries are only read.
    let readable = AccessFs::ReadFile | AccessFs::ReadDir;
    let mut ruleset = Ruleset::default()
        .handle_access(AccessFs::from_all(RIGHTS))?
        .create()?;
    for path in read {
        ruleset = allow(ruleset, path, readable)?;
    }
    for path in write {
        ruleset = allow(
            ruleset,
            path,
            AccessFs::from_all(RIGHTS) & !AccessFs::Execute,
        )?;
    }
    Ok(ruleset)
}

/// Allows access to a path. One that does not exist, or cannot be seen, needs no rule: opening it fails as ever.
fn allow(
    ruleset: RulesetCreated,
    path: &Path,
    access: BitFlags<AccessFs>,
) -> Result<RulesetCreated, RulesetError> {
    let Ok(opened) = PathFd::new(path) else {
        return Ok(ruleset);
    };
    let access = if path.is_dir() {
        access
    } else {
        access & AccessFs::from_file(RIGHTS)
    };
    ruleset.add_rule(PathBeneath::new(opened, access))
}
