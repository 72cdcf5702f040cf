//! Finds a Rust toolchain that builds plugins.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Error;

/// The target of plugins.
pub(super) const TARGET: &str = "wasm32-unknown-unknown";
/// The variable that allows one kind of toolchain only.
const ONLY: &str = "JOURNAL_WASM_TOOLCHAIN";
/// The packages of Debian 12 that build for WebAssembly.
const DEBIAN_PACKAGES: &str = "rustc-web cargo-web rust-web-src lld-19";
/// The oldest rustc 1.x that builds the SDK.
const OLDEST_RUSTC: u32 = 95;

/// A toolchain that builds for WebAssembly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Toolchain {
    /// The Rust on the path has the target.
    Target,
    /// Debian's `rustc-web` builds the standard library from its source, and this links.
    Debian {
        /// The linker.
        linker: PathBuf,
    },
}

/// Why there is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoToolchain {
    /// The variable has another value.
    #[error("`{ONLY}` must be `target` or `debian`, got `{0}`")]
    BadVariable(String),
    /// Nothing on this machine builds for WebAssembly.
    #[error("no Rust toolchain on this machine builds for `{TARGET}`")]
    Missing {
        /// Whether there is a Rust that rustup installed.
        has_rustup: bool,
        /// Whether Debian's packages can be installed.
        has_apt: bool,
    },
}

impl NoToolchain {
    /// The commands that get one.
    pub(super) fn hint(&self) -> String {
        let Self::Missing {
            has_rustup,
            has_apt,
        } = self
        else {
            return "leave it unset to take either".to_owned();
        };
        let rustup = if *has_rustup {
            format!("`rustup target add {TARGET}`")
        } else {
            format!("install Rust from https://rustup.rs, then `rustup target add {TARGET}`")
        };
        if *has_apt {
            format!("{rustup}; or, on Debian 12, as root: `apt-get install {DEBIAN_PACKAGES}`")
        } else {
            rustup
        }
    }
}

impl Toolchain {
    /// The one that builds the crate in this folder, whose `rust-toolchain.toml` may choose another Rust.
    pub(super) fn find(folder: &Path) -> Result<Self, NoToolchain> {
        let only = env::var(ONLY).unwrap_or_default();
        let (target, debian) = match &*only {
            "" => (true, true),
            "target" => (true, false),
            "debian" => (false, true),
            other => return Err(NoToolchain::BadVariable(other.to_owned())),
        };
        if target && has_target(folder) {
            return Ok(Self::Target);
        }
        let found = if debian { self::debian() } else { None };
        found.ok_or_else(|| NoToolchain::Missing {
            has_rustup: on_path("rustup").is_some(),
            has_apt: on_path("apt-get").is_some(),
        })
    }

    /// What its cargo prints in a folder, if it ends well. Cargo says itself why it does not.
    pub(super) fn ask(&self, arguments: &[&str], folder: &Path) -> Result<Option<String>, Error> {
        let mut cargo = self.plain_cargo();
        cargo.args(arguments).current_dir(folder);
        let output = cargo.stderr(Stdio::inherit()).output();
        let output = output.map_err(Error::Cargo)?;
        let text = String::from_utf8(output.stdout).ok();
        Ok(text.filter(|_| output.status.success()))
    }

    /// Its cargo with this subcommand, for WebAssembly.
    pub(super) fn cargo(&self, subcommand: &str) -> Command {
        let mut cargo = self.plain_cargo();
        cargo.args([subcommand, "--target", TARGET]);
        if let Self::Debian { .. } = self {
            cargo.arg("-Zbuild-std=std,panic_abort");
        }
        cargo
    }

    /// Its cargo, which settings of an enclosing build do not reach.
    fn plain_cargo(&self) -> Command {
        const ENCLOSING: [&str; 9] = [
            "RUSTC",
            "RUSTC_WRAPPER",
            "RUSTC_WORKSPACE_WRAPPER",
            "RUSTFLAGS",
            "CARGO_BUILD_TARGET",
            "CARGO_BUILD_RUSTFLAGS",
            "CARGO_ENCODED_RUSTFLAGS",
            "CARGO_TARGET_DIR",
            "CARGO_BUILD_TARGET_DIR",
        ];
        let mut cargo = match self {
            Self::Target => Command::new("cargo"),
            Self::Debian { .. } => Command::new("/usr/bin/cargo"),
        };
        for name in ENCLOSING {
            cargo.env_remove(name);
        }
        if let Self::Debian { linker } = self {
            // Building the standard library is unstable, and this variable allows it with a stable cargo.
            cargo.env("RUSTC_BOOTSTRAP", "1");
            cargo.env("RUSTC", "/usr/bin/rustc");
            cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
        }
        cargo
    }
}

/// Whether the Rust on the path has the target's standard library.
fn has_target(folder: &Path) -> bool {
    let mut rustc = Command::new("rustc");
    rustc.current_dir(folder);
    let libraries = printed(rustc.args(["--print", "target-libdir", "--target", TARGET]));
    let Some(entries) = libraries.and_then(|path| fs::read_dir(path).ok()) else {
        return false;
    };
    let is_std = |name: &str| {
        let library = name.strip_prefix("libstd-");
        library.is_some_and(|rest| rest.split('.').next_back() == Some("rlib"))
    };
    let mut names = entries.flatten().map(|entry| entry.file_name());
    on_path("cargo").is_some() && names.any(|name| name.to_str().is_some_and(is_std))
}

/// Debian's toolchain, if all of its parts are installed.
fn debian() -> Option<Toolchain> {
    let linker = on_path("wasm-ld-19").or_else(|| on_path("wasm-ld"))?;
    let rustc = |argument: &[&str]| printed(Command::new("/usr/bin/rustc").args(argument));
    let root = PathBuf::from(rustc(&["--print", "sysroot"])?);
    let version = rustc(&["--version"])?;
    let is_whole = Path::new("/usr/bin/cargo").is_file()
        && root.join("lib/rustlib/src/rust/library/std").is_dir()
        && minor(&version).is_some_and(|minor| minor >= OLDEST_RUSTC);
    is_whole.then_some(Toolchain::Debian { linker })
}

/// The second number of `rustc 1.95.0 (...)`.
fn minor(version: &str) -> Option<u32> {
    let numbers = version.strip_prefix("rustc 1.")?;
    numbers.split('.').next()?.parse().ok()
}

/// The first line that a program prints, if it ends well.
fn printed(command: &mut Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let line = text.lines().next()?.to_owned();
    output.status.success().then_some(line)
}

/// A program on the path.
fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_of_rustc_is_read() {
        assert_eq!(minor("rustc 1.95.0 (5980761 2026-04-14)"), Some(95));
        assert_eq!(minor("rustc 2.0.0"), None);
        assert_eq!(minor(""), None);
    }

    #[test]
    fn missing_toolchain_is_reported_with_the_commands_that_get_one() {
        let hint = |has_rustup, has_apt| {
            let missing = NoToolchain::Missing {
                has_rustup,
                has_apt,
            };
            missing.hint()
        };
        let add = "`rustup target add wasm32-unknown-unknown`";
        assert_eq!(hint(true, false), add);
        assert!(hint(false, false).starts_with("install Rust from https://rustup.rs, then"));
        assert!(hint(true, true).contains("`apt-get install rustc-web "));
    }
}
