//! `journal-host build`: a plugin's crate, or a script, to a `.wasm` file.

mod package;
mod script;
mod toolchain;

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use self::package::Package;
pub(super) use self::package::checkout;
use self::script::Bundle;
use self::toolchain::NoToolchain;
use super::args::{self, ConfigArguments, LimitArguments, ScriptArguments};
use super::confined;
use super::hints::{A_SCRIPT, Explain as _};
use super::names::Names;
use super::report::{self, Report};
use super::unfinished::Unfinished;
use crate::config::{Layer, PluginConfig, ScriptSettings};
use crate::pipeline::build::{self as pipeline, CompiledPlugin};
use crate::sandbox::LoadError;
use crate::script::ScriptError;

/// The variable that names a folder in which plugins are built, so that they share their dependencies.
const TARGET_DIR: &str = "JOURNAL_WASM_TARGET_DIR";

/// Builds the crate of a plugin to WebAssembly, checks it as `describe` does, and prints the path of its file,
/// `DIR/target/NAME.wasm`. A script becomes one file with its runtime, `NAME.wasm` in the working directory.
///
/// `JOURNAL_WASM_TARGET_DIR` names a folder in which several plugins are built, so that they share their dependencies;
/// `JOURNAL_WASM_TOOLCHAIN` allows only one toolchain: `target`, the Rust on the path, or `debian`, Debian's rustc-web.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Arguments {
    /// The folders of crates, or scripts.
    #[arg(value_name = "DIR|SCRIPT", default_value = ".")]
    sources: Vec<PathBuf>,

    /// Write the plugin to this file.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,

    #[command(flatten)]
    script: ScriptArguments,

    #[command(flatten)]
    config: ConfigArguments,

    #[command(flatten)]
    limits: LimitArguments,
}

/// Why a crate makes no plugin.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("`{}` has no Cargo.toml", .0.display())]
    NoCrate(PathBuf),
    #[error("{0} plugins cannot be one file")]
    OneOutput(usize),
    #[error(transparent)]
    Script(#[from] ScriptError),
    #[error(transparent)]
    Toolchain(#[from] NoToolchain),
    #[error("cargo cannot read `{}`", .0.join("Cargo.toml").display())]
    Manifest(PathBuf),
    #[error("`{}` makes no .wasm", .0.display())]
    NoCdylib(PathBuf),
    #[error("cargo cannot get the dependencies of `{}`", .0.display())]
    Fetch(PathBuf),
    #[error("`{}` does not build", .0.display())]
    Build(PathBuf),
    #[error("cannot start cargo")]
    Cargo(#[source] io::Error),
    #[error("`{}` is a file that no build made", .0.display())]
    Occupied(PathBuf),
    #[error("`{}` is the runtime itself", .0.display())]
    Runtime(PathBuf),
    #[error("cannot write `{}`", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl Error {
    fn hint(&self, names: Names<'_>) -> Option<String> {
        Some(match self {
            Self::NoCrate(_) => {
                format!(
                    "name the folder of a crate, which `journal-host new NAME` makes, or {A_SCRIPT}"
                )
            }
            Self::OneOutput(_) => "leave out `--output`, or build them one by one".to_owned(),
            Self::Script(error) => return error.hint(names),
            Self::Toolchain(error) => error.hint(),
            Self::Manifest(_) | Self::Build(_) => "see cargo's messages above".to_owned(),
            Self::NoCdylib(_) => {
                "add `crate-type = [\"cdylib\", \"rlib\"]` under `[lib]` in its Cargo.toml"
                    .to_owned()
            }
            Self::Fetch(_) => {
                "see cargo's messages above; the first build needs a network, later ones do not"
                    .to_owned()
            }
            Self::Occupied(_) | Self::Runtime(_) => {
                "name another file with `--output`, or remove this one first".to_owned()
            }
            Self::Cargo(_) => "install Rust from https://rustup.rs".to_owned(),
            Self::Write { .. } => {
                format!(
                    "`--output` names another file, and {TARGET_DIR} another folder to build in"
                )
            }
        })
    }

    fn report(self, names: Names<'_>) -> Report {
        let hint = self.hint(names);
        match self {
            Self::NoCrate(_)
            | Self::OneOutput(_)
            | Self::Occupied(_)
            | Self::Runtime(_)
            | Self::Toolchain(NoToolchain::BadVariable(_)) => Report::wrong_use(self, hint),
            _ => Report::failure(self, hint),
        }
    }
}

/// Builds, checks, and prints the paths.
pub(super) fn execute(arguments: Arguments) -> Result<(), Report> {
    let mut layer = Layer::default();
    arguments.config.add_to(&mut layer);
    arguments.script.add_to(&mut layer);
    arguments.limits.add_to(&mut layer);
    // The settings are the same for all of them.
    layer.processor.plugin = arguments.sources.first().cloned();
    let (config, origins) = args::configure::<PluginConfig>(layer);
    let names = Names(&origins);
    let config = config.map_err(|error| Report::of(&error, names))?;
    let sources = Sources::find(&arguments.sources, arguments.output.as_deref());
    let Sources { folders, scripts } = sources.map_err(|error| error.report(names))?;
    let (packages, locks) = build(&folders).map_err(|error| error.report(names))?;
    let mut plugins = Vec::new();
    for package in packages {
        let compiled = CompiledPlugin::at(&package.output, &config.script, &config.limits);
        let source = package.folder.clone();
        let compiled = compiled.map_err(|error| about(&source, &error, names))?;
        plugins.push((source, compiled, Output::Package(package)));
    }
    for bundle in scripts {
        let compiled = CompiledPlugin::at(&bundle.path, &config.script, &config.limits);
        let source = bundle.path.clone();
        let compiled = compiled.map_err(|error| about(&source, &error, names))?;
        plugins.push((source, compiled, Output::Bundle(bundle)));
    }
    let mut files = Vec::new();
    for (_, _, output) in &plugins {
        let file = output.write(arguments.output.as_deref(), &config.script);
        files.push(file.map_err(|error| error.report(names))?);
    }
    drop(locks);
    let outputs: Vec<PathBuf> = files.iter().map(|file| file.output().to_owned()).collect();
    confined::confine_build(&config, &outputs);
    let limits = pipeline::limits_without_source(&config.limits);
    for (source, compiled, _) in plugins {
        match compiled.load(limits) {
            // It describes a script, once it has one.
            Ok(_) | Err(LoadError::NoScript { .. }) => {}
            Err(error) => return Err(about(&source, &error, names)),
        }
    }
    for file in files {
        let path = file.output().to_owned();
        let done = file.finish();
        done.map_err(|source| Error::Write { path, source }.report(names))?;
    }
    let paths = outputs.iter().map(|path| format!("{}\n", path.display()));
    report::print(&paths.collect::<String>()).map_err(Report::of_standard_output)
}

fn about(source: &Path, error: &LoadError, names: Names<'_>) -> Report {
    Report::of(error, names).about(format!("`{}`", source.display()))
}

/// What is built.
struct Sources {
    /// The folders of crates.
    folders: Vec<PathBuf>,
    scripts: Vec<Bundle>,
}

impl Sources {
    fn find(paths: &[PathBuf], output: Option<&Path>) -> Result<Self, Error> {
        if output.is_some() && paths.len() > 1 {
            return Err(Error::OneOutput(paths.len()));
        }
        let (mut folders, mut scripts) = (Vec::new(), Vec::new());
        for path in paths {
            match Bundle::at(path, output)? {
                Some(script) => scripts.push(script),
                None => folders.push(path.clone()),
            }
        }
        Ok(Self { folders, scripts })
    }
}

/// What becomes a file.
enum Output {
    Package(Package),
    Bundle(Bundle),
}

impl Output {
    /// Writes the file, which has another name until it is finished.
    fn write(&self, given: Option<&Path>, settings: &ScriptSettings) -> Result<Unfinished, Error> {
        match self {
            Self::Package(package) => {
                let output = given.map_or_else(|| package.plugin(), Path::to_owned);
                refuse_other_file(&output)?;
                package.copy(&output)
            }
            Self::Bundle(bundle) => bundle.write(settings),
        }
    }
}

/// Refuses to replace a file that is not WebAssembly, such as the script that is built.
fn refuse_other_file(output: &Path) -> Result<(), Error> {
    let mut magic = [0; 4];
    let read = |mut file: File| file.read_exact(&mut magic);
    let is_file = fs::metadata(output).is_ok_and(|found| found.is_file() && found.len() > 0);
    if is_file && File::open(output).and_then(read).is_ok() && magic != *b"\0asm" {
        return Err(Error::Occupied(output.to_owned()));
    }
    Ok(())
}

/// Builds the crates in these folders. Until the locks are dropped, no other build replaces what was built.
fn build(folders: &[PathBuf]) -> Result<(Vec<Package>, Vec<File>), Error> {
    let is_crate = |folder: &&PathBuf| folder.join("Cargo.toml").is_file();
    if let Some(folder) = folders.iter().find(|folder| !is_crate(folder)) {
        return Err(Error::NoCrate(folder.clone()));
    }
    let packages = folders.iter().map(|folder| Package::read(folder));
    let packages: Vec<Package> = packages.collect::<Result<_, _>>()?;
    let mut locked: Vec<(&Path, File)> = Vec::new();
    for package in &packages {
        let target = &*package.target;
        if locked.iter().all(|(other, _)| *other != target) {
            locked.push((target, lock(target).map_err(written(target))?));
        }
    }
    // One cargo builds all plugins of a checkout, so that it compiles them side by side. Their manifests deny unused
    // results.
    let (members, others): (Vec<&Package>, Vec<&Package>) = packages
        .iter()
        .partition(|package| package.checkout.is_some());
    if let [first, rest @ ..] = &members[..]
        && let Some(checkout) = &first.checkout
    {
        first.fetch(checkout)?;
        let mut cargo = first.cargo("build", checkout);
        for member in &members {
            member.claim()?;
            cargo.args(["--package", &member.name]);
        }
        let named = if rest.is_empty() {
            &first.folder
        } else {
            checkout
        };
        run(cargo, || Error::Build(named.clone()))?;
    }
    for package in others {
        package.fetch(&package.path)?;
        package.claim()?;
        let mut cargo = package.cargo("rustc", &package.path);
        // Every emission can be refused, and its result must not be dropped.
        cargo.args(["--", "-D", "unused_must_use"]);
        run(cargo, || Error::Build(package.folder.clone()))?;
    }
    let locks = locked.into_iter().map(|(_, lock)| lock).collect();
    Ok((packages, locks))
}

/// Runs cargo, which says itself why it fails.
fn run(mut cargo: Command, failed: impl FnOnce() -> Error) -> Result<(), Error> {
    // Standard output has the paths of plugins and nothing else.
    cargo.stdin(Stdio::null()).stdout(io::stderr());
    let status = cargo.status().map_err(Error::Cargo)?;
    if status.success() {
        Ok(())
    } else {
        Err(failed())
    }
}

/// Waits for other builds in the same folder: they would overwrite each other's files.
fn lock(target: &Path) -> io::Result<File> {
    fs::create_dir_all(target)?;
    let lock = File::create(target.join("lock"))?;
    if lock.try_lock().is_err() {
        let _written = writeln!(
            io::stderr(),
            "waiting for another build in `{}`",
            target.display()
        );
        lock.lock()?;
    }
    Ok(lock)
}

/// The failure to write this file or folder.
fn written(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    |source| Error::Write { path, source }
}
