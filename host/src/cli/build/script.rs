//! A script and its runtime, to one file.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Error, refuse_other_file, written};
use crate::cli::unfinished::Unfinished;
use crate::config::ScriptSettings;
use crate::script::{self, Language, Script};

/// A script that is built.
pub(super) struct Bundle {
    /// The script, as its author named it.
    pub(super) path: PathBuf,
    /// The file that it becomes.
    pub(super) output: PathBuf,
    language: Language,
}

impl Bundle {
    /// The script at this path, if there is one. Without an `output`, its file has the script's name and is in the working
    /// directory.
    pub(super) fn at(path: &Path, output: Option<&Path>) -> Result<Option<Self>, Error> {
        if path.join("Cargo.toml").is_file() {
            return Ok(None);
        }
        let Some(language) = Language::of(path) else {
            script::refuse_others(path, &[])?;
            return Ok(None);
        };
        let output = match output {
            Some(output) => output.to_owned(),
            None => default_output(path).map_err(written(path))?,
        };
        Ok(Some(Self {
            path: path.to_owned(),
            output,
            language,
        }))
    }

    /// Writes the file under another name.
    pub(super) fn write(&self, settings: &ScriptSettings) -> Result<Unfinished, Error> {
        let script = Script::read(self.language, &self.path, &settings.with)?;
        let runtime = self.language.runtime(settings.runtime.as_deref())?;
        refuse_other_file(&self.output)?;
        if is_same(&self.output, &runtime) {
            return Err(Error::Runtime(self.output.clone()));
        }
        let bytes = script::bundle(&runtime, &script)?;
        Unfinished::write(&self.output, |path| fs::write(path, bytes))
            .map_err(written(&self.output))
    }
}

fn is_same(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

fn default_output(path: &Path) -> std::io::Result<PathBuf> {
    // The name of `.` is that of the folder.
    let whole = match path.file_name() {
        Some(_) => path.to_owned(),
        None => path.canonicalize()?,
    };
    let name = if whole.is_dir() {
        whole.file_name()
    } else {
        whole.file_stem()
    };
    let mut output = name.unwrap_or_default().to_owned();
    output.push(".wasm");
    Ok(output.into())
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn file_is_named_after_the_script_and_a_crate_is_no_script() {
        let folder = TempDir::new().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("app.v2")).unwrap();
        fs::write(at("app.v2/__main__.py"), "").unwrap();
        let output = |name: &str, output: Option<&Path>| {
            let bundle = Bundle::at(&at(name), output).unwrap();
            bundle.map(|bundle| bundle.output)
        };
        assert_eq!(output("a.py", None), Some("a.wasm".into()));
        assert_eq!(output("b.js", Some(Path::new("c/d"))), Some("c/d".into()));
        assert_eq!(output("app.v2", None), Some("app.v2.wasm".into()));
        assert_eq!(output("other", None), None);
        fs::write(at("app.v2/Cargo.toml"), "").unwrap();
        assert_eq!(output("app.v2", None), None);
        assert!(Bundle::at(Path::new("a.ts"), None).is_err());
    }
}
