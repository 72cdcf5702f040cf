//! The confinement of a process that runs a plugin: which files its settings name.

use std::path::{Path, PathBuf};

use crate::config::{Config, LettersTo, Local, PluginConfig, Source, StartFrom};
use crate::confine::{self, Paths};
use crate::sink;
use crate::source::recording::is_standard_input;

/// Parts of the names of librdkafka's settings whose values are files or folders.
const FILE_SETTINGS: [&str; 4] = ["location", "keytab", "file", "path"];

/// Confines the process, unless the settings say that it keeps its rights. What the kernel lacks is logged.
pub(super) fn confine(config: &Config) {
    if config.confine {
        confine_to(&paths(config));
    }
}

/// The same for a test, which reads or writes the file with the expected rows.
pub(super) fn confine_test(config: &Config, expected: Option<&Path>) {
    if config.confine {
        let mut paths = paths(config);
        let expected = expected.map(Path::to_owned);
        paths.read.extend(expected.clone());
        paths.write.extend(expected);
        confine_to(&paths);
    }
}

/// The same for a benchmark, which may read the options of a second plugin.
pub(super) fn confine_bench(config: &Config, options: Option<&Path>) {
    if config.confine {
        let mut paths = paths(config);
        paths.read.extend(options.map(Path::to_owned));
        confine_to(&paths);
    }
}

/// The same for a command that loads a plugin and reads no records.
pub(super) fn confine_plugin(config: &PluginConfig) {
    if config.confine {
        let mut read = vec![config.plugin.clone()];
        read.extend(config.options.file.clone());
        confine_to(&Paths {
            read,
            write: Vec::new(),
        });
    }
}

/// The same for one that builds plugins, whose files take their names once they are loaded.
pub(super) fn confine_build(config: &PluginConfig, outputs: &[PathBuf]) {
    if config.confine {
        confine_to(&Paths {
            read: config.options.file.clone().into_iter().collect(),
            write: outputs.to_vec(),
        });
    }
}

fn confine_to(paths: &Paths) {
    let confined = confine::confine(paths);
    if confined.is_whole() {
        tracing::debug!("{confined}");
    } else {
        tracing::warn!("the process keeps rights that it does not need: {confined}");
    }
}

/// The files that a run reads and writes after its plugin was compiled.
fn paths(config: &Config) -> Paths {
    let mut paths = Paths::default();
    paths.read.push(config.plugin.clone());
    paths.read.extend(config.options.file.clone());
    // A file that takes the name of the list is another one: rights belong to the folder.
    if let Some(masked) = &config.privacy.masked {
        paths.read.push(folder_of(masked));
    }
    match &config.source {
        Source::Local(Local::Recordings(files)) => {
            let files = files.iter().filter(|file| !is_standard_input(file));
            paths.read.extend(files.cloned());
        }
        // The programs that read it run already.
        Source::Local(Local::Git(_)) => {}
        Source::Local(Local::Dataset(dataset)) => {
            paths.read.push(dataset.folder.clone());
            // A file in it gives rights on the folder.
            paths.write.push(dataset.temp.join("sorted.rows"));
        }
        Source::Kafka(kafka) => {
            if let Some(StartFrom::OffsetFile(path)) = &kafka.from {
                paths.read.push(path.clone());
            }
            let settings = kafka.connection.settings.iter();
            let files =
                settings.filter(|(key, _)| FILE_SETTINGS.iter().any(|part| key.contains(part)));
            for (_, value) in files {
                paths.read.extend(std::env::split_paths(value));
                paths.read.extend(value.split(';').map(PathBuf::from));
            }
        }
    }
    // Whether standard output has rows already is read from its file.
    let standard_output = std::fs::read_link("/proc/self/fd/1").ok();
    paths
        .read
        .extend(standard_output.filter(|path| path.is_file()));
    paths.read.extend(sink::files_read_for(&config.outputs));
    // What does not exist gets no right, but its folder does: a database has further files beside it.
    let written = sink::files_of(&config.outputs);
    paths.write.extend(written.map(PathBuf::from));
    if let Some(LettersTo::File(file)) = &config.failure.dead_letters {
        paths.write.push(PathBuf::from(file));
    }
    paths
}

/// The folder that a file is in.
fn folder_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Layer;

    #[test]
    fn files_of_the_settings_can_be_read_and_those_of_outputs_written() {
        let layer: Layer = serde_json::from_str(
            r#"{"processor": {"plugin": "p.wasm", "options_file": "o.json"},
                "kafka": {"brokers": "b", "group_id": "g", "from": "offsets.json", "settings":
                    {"ssl.ca.location": "ca.pem", "plugin.library.paths": "a;b", "client.id": "c"}},
                "outputs": ["all.jsonl", "rows=d/rows.jsonl", "t=sqlite:e/f?table=g"],
                "privacy": {"masked": "lists/masked"},
                "failure": {"on_failure": "dead-letter", "dead_letters": "l/letters.jsonl"}}"#,
        )
        .unwrap();
        let Paths { read, write } = paths(&Config::try_from(layer).unwrap());
        for path in [
            "p.wasm",
            "o.json",
            "offsets.json",
            "ca.pem",
            "a",
            "b",
            "lists",
        ] {
            assert!(read.contains(&path.into()), "{path}: {read:?}");
        }
        assert!(!read.contains(&"c".into()), "{read:?}");
        for path in ["all.jsonl", "d/rows.jsonl", "e/f", "l/letters.jsonl"] {
            assert!(write.contains(&path.into()), "{path}: {write:?}");
        }
    }
}
