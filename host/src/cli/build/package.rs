//! The crate of a plugin, and what cargo makes of it.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::toolchain::{TARGET, Toolchain};
use super::{Error, TARGET_DIR, run, written};
use crate::cli::unfinished::Unfinished;

/// The profile of all plugins, whatever their crates say. Crates that only read options, once, are optimized for size.
const PROFILE: [&str; 8] = [
    "profile.release.opt-level=3",
    "profile.release.lto=\"fat\"",
    "profile.release.codegen-units=1",
    "profile.release.panic=\"abort\"",
    "profile.release.debug=false",
    "profile.release.strip=true",
    "profile.release.package.schemars.opt-level=\"s\"",
    "profile.release.package.serde_json.opt-level=\"s\"",
];

/// A crate that is built.
pub(super) struct Package {
    /// Its folder, as the author named it.
    pub(super) folder: PathBuf,
    /// The whole path of the folder: a relative one would change its meaning in another folder, and cargo compares the
    /// paths of crates.
    pub(super) path: PathBuf,
    /// Its name.
    pub(super) name: String,
    /// The folder of its workspace, if that is a checkout of this project.
    pub(super) checkout: Option<PathBuf>,
    /// Where cargo builds.
    pub(super) target: PathBuf,
    /// What cargo makes.
    pub(super) output: PathBuf,
    toolchain: Toolchain,
}

impl Package {
    /// Reads the manifest of a crate, and finds what builds it.
    pub(super) fn read(folder: &Path) -> Result<Self, Error> {
        let path = fs::canonicalize(folder).map_err(written(folder))?;
        let toolchain = Toolchain::find(&path)?;
        let manifest: Value = toolchain
            .ask(&["read-manifest"], &path)?
            .and_then(|text| serde_json::from_str(&text).ok())
            .ok_or_else(|| Error::Manifest(folder.to_owned()))?;
        let file = library(&manifest).ok_or_else(|| Error::NoCdylib(folder.to_owned()))?;
        let workspace = ["locate-project", "--workspace", "--message-format", "plain"];
        let workspace = toolchain
            .ask(&workspace, &path)?
            .ok_or_else(|| Error::Manifest(folder.to_owned()))?;
        let workspace = Path::new(workspace.trim_end()).parent();
        let target = target_dir(&path);
        Ok(Self {
            folder: folder.to_owned(),
            name: manifest["name"].as_str().unwrap_or_default().to_owned(),
            checkout: workspace.filter(is_checkout).map(Path::to_owned),
            output: target.join(TARGET).join("release").join(&file),
            path,
            target,
            toolchain,
        })
    }

    /// The file of the plugin, in the crate's folder.
    pub(super) fn plugin(&self) -> PathBuf {
        let file = self.output.file_name().unwrap_or_default();
        self.path.join("target").join(file)
    }

    /// Gets the dependencies, so that a network that is missing is not reported as a crate that does not build.
    pub(super) fn fetch(&self, workspace: &Path) -> Result<(), Error> {
        let mut cargo = self.toolchain.cargo("fetch");
        cargo.current_dir(workspace);
        run(cargo, || Error::Fetch(self.folder.clone()))
    }

    /// The cargo that builds the library of this crate, or of those that are named to it, in a folder.
    pub(super) fn cargo(&self, subcommand: &str, workspace: &Path) -> Command {
        let mut cargo = self.toolchain.cargo(subcommand);
        cargo.current_dir(workspace);
        cargo.args(["--release", "--lib", "--target-dir"]);
        cargo.arg(&self.target);
        for setting in PROFILE {
            cargo.args(["--config", setting]);
        }
        cargo
    }

    /// Crates with the same name share one output file, and cargo would take one crate's for the other's: what another
    /// folder made is removed before this one is built.
    pub(super) fn claim(&self) -> Result<(), Error> {
        claim(&self.path, &self.target, &self.output).map_err(written(&self.target))
    }

    /// Copies what was built to a file, such as that of the crate's folder.
    pub(super) fn copy(&self, plugin: &Path) -> Result<Unfinished, Error> {
        copy(&self.output, plugin).map_err(written(plugin))
    }
}

/// The checkout that this program was built in.
pub(in crate::cli) fn checkout() -> Option<PathBuf> {
    let program = env::current_exe().ok()?;
    let mut folders = program.ancestors().skip(1);
    folders.find(is_checkout).map(Path::to_owned)
}

/// Whether this folder is a checkout of this project.
fn is_checkout(folder: &&Path) -> bool {
    let has = |package: &str| folder.join(package).join("Cargo.toml").is_file();
    has("host") && has("plugin-sdk")
}

/// The file of a manifest's target that becomes a module of WebAssembly.
fn library(manifest: &Value) -> Option<String> {
    let has = |target: &Value, kind: &str| {
        let mut kinds = target["crate_types"].as_array().into_iter().flatten();
        kinds.any(|one| one == kind)
    };
    let mut targets = manifest["targets"].as_array()?.iter();
    let target = targets.find(|target| has(target, "cdylib"))?;
    let name = target["name"].as_str()?.replace('-', "_");
    Some(format!("{name}.wasm"))
}

/// Where cargo builds: in a folder that plugins share, or in the crate's own.
fn target_dir(folder: &Path) -> PathBuf {
    let shared = env::var_os(TARGET_DIR).filter(|path| !path.is_empty());
    if let Some(shared) = shared {
        // Cargo starts in another folder.
        return std::path::absolute(&shared).unwrap_or_else(|_| shared.into());
    }
    match checkout() {
        Some(checkout) => checkout.join("target/wasm"),
        None => folder.join("target"),
    }
}

fn claim(folder: &Path, target: &Path, output: &Path) -> io::Result<()> {
    let Some(name) = output.file_name() else {
        return Ok(());
    };
    let mut owner = target.join(name).into_os_string();
    owner.push(".owner");
    let this = format!("{}\n", folder.display());
    if fs::read_to_string(&owner).is_ok_and(|text| text == this) {
        return Ok(());
    }
    for stale in [output.to_owned(), output.with_file_name("deps").join(name)] {
        match fs::remove_file(&stale) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    fs::write(&owner, this)
}

/// Copies what was built, under another name.
fn copy(output: &Path, plugin: &Path) -> io::Result<Unfinished> {
    if let Some(folder) = plugin.parent() {
        fs::create_dir_all(folder)?;
    }
    Unfinished::write(plugin, |path| fs::copy(output, path).map(drop))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn file_is_named_by_the_target_that_becomes_a_module() {
        let manifest = json!({"targets": [
            {"name": "tool", "crate_types": ["bin"]},
            {"name": "my-plugin", "crate_types": ["cdylib", "rlib"]},
        ]});
        assert_eq!(library(&manifest).as_deref(), Some("my_plugin.wasm"));
        let without = json!({"targets": [{"name": "x", "crate_types": ["lib"]}]});
        assert_eq!(library(&without), None);
    }

    #[test]
    fn file_of_another_folder_is_removed_before_a_crate_is_built() {
        let target = tempfile::tempdir().unwrap();
        let output = target.path().join("release/x.wasm");
        fs::create_dir_all(output.with_file_name("deps")).unwrap();
        let claimed = |folder: &str| {
            fs::write(&output, "built").unwrap();
            claim(Path::new(folder), target.path(), &output).unwrap();
            !output.exists()
        };
        assert!(claimed("/a"), "nothing says who made it");
        assert!(!claimed("/a"));
        assert!(claimed("/b"));
        assert!(claimed("/a"));
    }
}
