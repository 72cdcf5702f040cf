//! `journal-host new`: the crate of a new plugin.

mod embedded;
mod lock;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::builder::PossibleValuesParser;

use super::build;
use super::report::{self, Report};

/// The longest name of a plugin, in bytes.
const NAME_BYTES: usize = 64;
/// Words of Rust, and the crates that come with it.
const RESERVED: [&str; 51] = [
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "const",
    "continue",
    "core",
    "crate",
    "do",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "proc_macro",
    "pub",
    "ref",
    "return",
    "self",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "unsafe",
    "use",
    "while",
];
/// The folder of the SDK's crates in a crate that does not name them elsewhere.
const VENDOR: &str = "vendor";

/// Makes a crate for a new plugin, with a test, and prints its folder.
///
/// The crate uses the SDK of the checkout that this program was built in. Elsewhere it gets a copy of the SDK in
/// `vendor/`, so that it builds with this program alone.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Arguments {
    /// The folder of the crate, which is made or empty. Its last part names the plugin.
    #[arg(value_name = "NAME")]
    folder: PathBuf,

    /// What the plugin begins with: `minimal` emits a row per object, `aggregate` counts and has an option.
    #[arg(long, value_name = "TEMPLATE", default_value = "minimal", value_parser = PossibleValuesParser::new(templates()))]
    template: String,

    /// Use the SDK in this folder, or this version of it from a registry.
    #[arg(long, value_name = "PATH|VERSION")]
    sdk: Option<String>,
}

/// Why no crate can be made.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("`{}` exists and is not an empty folder", .0.display())]
    Exists(PathBuf),
    #[error("`{0}` cannot be the name of a plugin")]
    BadName(String),
    #[error(
        "`{0}` cannot be the name of a plugin: it has another meaning in Rust, or a crate of the SDK has it"
    )]
    Taken(String),
    #[error("`{}` is not the folder of the SDK", .0.display())]
    NotTheSdk(PathBuf),
    #[error("cannot write `{}`", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl From<Error> for Report {
    fn from(error: Error) -> Self {
        let hint = match &error {
            Error::Exists(_) => "name a folder that does not exist, or empty it",
            Error::Taken(_) => "choose another name for the last part of the path",
            Error::BadName(_) => {
                "the last part of the path names the plugin: a letter a-z, and up to 63 of a-z, 0-9, _ and -"
            }
            Error::NotTheSdk(_) => {
                "`--sdk` takes the folder `plugin-sdk` of a checkout of journal-host, or a version such as 0.1.0"
            }
            Error::Write { .. } => return Self::failure(error, None),
        };
        Self::wrong_use(error, Some(hint.to_owned()))
    }
}

/// Where the SDK of the new crate is.
#[derive(Debug, PartialEq, Eq)]
enum Sdk {
    Path(PathBuf),
    Version(String),
    /// In the crate's own folder.
    Vendored,
}

/// Writes the crate, and prints its folder.
pub(super) fn execute(arguments: &Arguments) -> Result<(), Report> {
    let name = name(&arguments.folder)?;
    let sdk = Sdk::chosen(arguments.sdk.as_deref())?;
    if arguments.folder.symlink_metadata().is_ok() {
        let mut entries = fs::read_dir(&arguments.folder).into_iter();
        let is_empty = entries
            .next()
            .is_some_and(|mut entries| entries.next().is_none());
        if !is_empty {
            return Err(Error::Exists(arguments.folder.clone()).into());
        }
    }
    for (path, text) in files(&name, &arguments.template, &sdk) {
        write(&arguments.folder.join(path), &text)?;
    }
    let folder = arguments.folder.display();
    tracing::info!(
        "the plugin `{name}`: `cargo test` in {folder} tests it, `journal-host build {folder}` builds it"
    );
    report::print(&format!("{folder}\n")).map_err(Report::of_standard_output)
}

fn templates() -> Vec<&'static str> {
    embedded::TEMPLATES.iter().map(|(name, _)| *name).collect()
}

/// The name of the plugin in this folder.
fn name(folder: &Path) -> Result<String, Error> {
    // `.` and `..` have names, too.
    let path = match folder.file_name() {
        Some(_) => folder.to_owned(),
        None => folder.canonicalize().unwrap_or_default(),
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
    let is_name = name.len() <= NAME_BYTES
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(allowed);
    if !is_name {
        return Err(Error::BadName(name.into_owned()));
    }
    if RESERVED.contains(&&*name) || lock::needs(embedded::LOCK, "journal-plugin-sdk", &name) {
        return Err(Error::Taken(name.into_owned()));
    }
    Ok(name.into_owned())
}

impl Sdk {
    fn chosen(given: Option<&str>) -> Result<Self, Error> {
        let Some(given) = given else {
            return Ok(match build::checkout() {
                Some(checkout) => Self::Path(checkout.join("plugin-sdk")),
                None => Self::Vendored,
            });
        };
        if given.starts_with(|first: char| first.is_ascii_digit()) {
            return Ok(Self::Version(given.to_owned()));
        }
        let path = PathBuf::from(given);
        let manifest = fs::read_to_string(path.join("Cargo.toml")).unwrap_or_default();
        let absolute = path.canonicalize();
        match absolute {
            Ok(absolute) if manifest.contains("name = \"journal-plugin-sdk\"") => {
                Ok(Self::Path(absolute))
            }
            _ => Err(Error::NotTheSdk(path)),
        }
    }

    /// The value of the dependency in a manifest.
    fn dependency(&self) -> String {
        match self {
            // A string of TOML escapes what one of Rust does.
            Self::Path(path) => format!("{{ path = {:?} }}", path.display().to_string()),
            Self::Version(version) => format!("{version:?}"),
            Self::Vendored => format!("{{ path = \"{VENDOR}/plugin-sdk\" }}"),
        }
    }
}

/// The files of a new crate, by their paths in it.
fn files(name: &str, template: &str, sdk: &Sdk) -> Vec<(String, String)> {
    let texts = embedded::TEMPLATES
        .iter()
        .find(|(name, _)| *name == template);
    let texts = texts.map_or(&[][..], |(_, texts)| texts);
    let (old, new) = (Names::of(package(texts)), Names::unlike(name, texts));
    let mut files: Vec<(String, String)> = Vec::new();
    for (path, text) in texts {
        let text = if *path == "Cargo.toml" {
            manifest(text, sdk)
        } else {
            (*text).to_owned()
        };
        files.push((new.put_for(&old, path), new.put_for(&old, &text)));
    }
    files.push((".gitignore".to_owned(), "/target\n".to_owned()));
    let manifest = files.iter().find(|(path, _)| path == "Cargo.toml");
    let manifest = manifest.map_or("", |(_, text)| text);
    let manifests = embedded::SDK
        .iter()
        .filter(|(path, _)| path.ends_with("/Cargo.toml"));
    let manifests: Vec<&str> = manifests.map(|(_, text)| *text).collect();
    let lock = lock::of_crate(embedded::LOCK, name, manifest, &manifests);
    files.push(("Cargo.lock".to_owned(), lock));
    if *sdk == Sdk::Vendored {
        let vendored =
            |(path, text): &(&str, &str)| (format!("{VENDOR}/{path}"), (*text).to_owned());
        files.extend(embedded::SDK.iter().map(vendored));
        files.push((format!("{VENDOR}/Cargo.toml"), workspace()));
    }
    files
}

/// The name of a template's package.
fn package<'a>(texts: &[(&str, &'a str)]) -> &'a str {
    let manifest = texts.iter().find(|(path, _)| *path == "Cargo.toml");
    manifest.map_or("", |(_, text)| lock::name(text))
}

/// A template's manifest with the SDK that was chosen. It is a workspace of its own, wherever it is.
fn manifest(text: &str, sdk: &Sdk) -> String {
    const DEPENDENCY: &str = "journal-plugin-sdk = ";
    let mut manifest = String::new();
    for line in text.lines() {
        if line.starts_with(DEPENDENCY) {
            manifest.push_str(DEPENDENCY);
            manifest.push_str(&sdk.dependency());
        } else {
            manifest.push_str(line);
        }
        manifest.push('\n');
    }
    // Nobody debugs the dependencies, and without this they take longer to build.
    manifest.push_str("\n[profile.dev.package.\"*\"]\ndebug = false\n\n[workspace]\n");
    if *sdk == Sdk::Vendored {
        // Its crates have a workspace of their own.
        manifest.push_str("exclude = [\"");
        manifest.push_str(VENDOR);
        manifest.push_str("\"]\n");
    }
    manifest
}

/// The manifest of the workspace that the SDK's crates inherit from.
fn workspace() -> String {
    let folders = embedded::SDK
        .iter()
        .filter_map(|(path, _)| path.strip_suffix("/Cargo.toml"));
    let folders: Vec<String> = folders.map(|folder| format!("{folder:?}")).collect();
    let members = format!("members = [{}]\n", folders.join(", "));
    let mut workspace = String::new();
    let mut is_profile = false;
    for line in embedded::WORKSPACE.lines() {
        if line.starts_with('[') {
            is_profile = line.starts_with("[profile");
        }
        // Profiles are those of the crate that is built.
        if is_profile {
            continue;
        }
        if line.starts_with("members = ") {
            workspace.push_str(&members);
        } else {
            workspace.push_str(line);
            workspace.push('\n');
        }
    }
    workspace
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    let written = path.parent().map_or(Ok(()), fs::create_dir_all);
    written
        .and_then(|()| fs::write(path, text))
        .map_err(|source| Error::Write {
            path: path.to_owned(),
            source,
        })
}

/// The forms of a plugin's name.
struct Names {
    package: String,
    library: String,
    processor: String,
}

impl Names {
    fn of(name: &str) -> Self {
        let words = name.split(['-', '_']);
        let capital = |word: &str| {
            let mut letters = word.chars();
            let first = letters.next().map(|first| first.to_ascii_uppercase());
            first.into_iter().chain(letters).collect::<String>()
        };
        Self {
            package: name.to_owned(),
            library: name.replace('-', "_"),
            processor: words.map(capital).collect(),
        }
    }

    /// The names of a plugin whose processor is called as nothing in these texts is.
    fn unlike(name: &str, texts: &[(&str, &str)]) -> Self {
        let mut names = Self::of(name);
        let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
        let mut words = texts
            .iter()
            .flat_map(|(_, text)| text.split(|letter| !is_part(letter)));
        if words.any(|word| word == names.processor) {
            names.processor.push_str("Plugin");
        }
        names
    }

    /// A text of a template with these names.
    fn put_for(&self, template: &Self, text: &str) -> String {
        let forms = [
            (&template.package, &self.package),
            (&template.library, &self.library),
            (&template.processor, &self.processor),
        ];
        let mut written = String::new();
        let mut rest = text;
        while let Some(letter) = rest.chars().next() {
            // A name that was put in is not looked at again: it may look like one of the template.
            if let Some((old, new)) = forms.iter().find(|(old, _)| rest.starts_with(&***old)) {
                written.push_str(new);
                rest = &rest[old.len()..];
            } else {
                written.push(letter);
                rest = &rest[letter.len_utf8()..];
            }
        }
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text<'a>(files: &'a [(String, String)], path: &str) -> &'a str {
        let found = files.iter().find(|(one, _)| one == path);
        &found.unwrap_or_else(|| panic!("there is no {path}")).1
    }

    #[test]
    fn crate_has_the_name_of_its_folder_in_all_forms() {
        let sdk = Sdk::Version("0.1.0".to_owned());
        for template in templates() {
            let files = files("file-sizes_2", template, &sdk);
            let manifest = text(&files, "Cargo.toml");
            assert!(manifest.contains("name = \"file-sizes_2\""), "{manifest}");
            assert!(
                manifest.contains("journal-plugin-sdk = \"0.1.0\"\n"),
                "{manifest}"
            );
            assert!(manifest.ends_with("\n[workspace]\n"), "{manifest}");
            assert!(text(&files, "src/lib.rs").contains("export!(FileSizes2);"));
            assert!(
                text(&files, "tests/file_sizes_2.rs").contains("use file_sizes_2::FileSizes2;")
            );
            for (path, text) in &files {
                for old in ["my-", "my_", "MyPlugin", "MyAggregate"] {
                    let is_old = text.contains(old) || path.contains(old);
                    assert!(!is_old || path == "Cargo.lock", "{path} has {old}");
                }
            }
        }
    }

    #[test]
    fn vendored_sdk_has_all_crates_that_it_depends_on_and_less_than_a_megabyte() {
        let files = files("x", "minimal", &Sdk::Vendored);
        let workspace = text(&files, "vendor/Cargo.toml");
        assert!(!workspace.contains("[profile"));
        let vendored = files.iter().filter(|(path, _)| path.starts_with("vendor/"));
        assert!(vendored.map(|(_, text)| text.len()).sum::<usize>() < 1 << 20);
        for (path, manifest) in &files {
            if !path.starts_with("vendor/") || !path.ends_with("/Cargo.toml") {
                continue;
            }
            let (used, _) = manifest
                .split_once("[dev-dependencies]")
                .unwrap_or((manifest, ""));
            let own = used
                .lines()
                .filter_map(|line| line.strip_suffix(".workspace = true"));
            for name in own.filter(|name| name.starts_with("journal-")) {
                let folder = format!("\"crates/{}\"", &name["journal-".len()..]);
                assert!(workspace.contains(&folder), "{path} needs {name}");
            }
        }
    }

    #[test]
    fn name_is_that_of_a_crate() {
        let named = |folder: &str| name(Path::new(folder)).ok();
        assert_eq!(named("a/b-1").as_deref(), Some("b-1"));
        for wrong in ["", "/", "A", "1a", "a b", "é", &"a".repeat(65)] {
            assert_eq!(named(wrong), None, "{wrong}");
        }
        for taken in ["match", "test", "serde", "journal-plugin-sdk"] {
            let error = name(Path::new(taken)).unwrap_err();
            assert!(matches!(error, Error::Taken(_)), "{error}");
        }
    }

    #[test]
    fn name_that_looks_like_one_of_the_template_is_put_in_once() {
        let files = files("my_plugin-x", "minimal", &Sdk::Version("1".to_owned()));
        assert!(text(&files, "Cargo.toml").contains("name = \"my_plugin-x\""));
        assert!(text(&files, "tests/my_plugin_x.rs").contains("use my_plugin_x::MyPluginX;"));
    }

    #[test]
    fn processor_has_no_name_of_the_sdk() {
        let files = files("plan", "minimal", &Sdk::Version("1".to_owned()));
        assert!(text(&files, "src/lib.rs").contains("export!(PlanPlugin);"));
    }
}
