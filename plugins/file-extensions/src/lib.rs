//! How often each file extension and mode occurs in directories.

use std::borrow::Cow;

use journal_plugin_sdk::{
    Aggregate, Batches, Column, Columns, Entry, EntryType, Failure, Out, Plan, Processor, export,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The options.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// Keep upper case: `Makefile.IN` then has the extension `IN` instead of `in`.
    keep_case: bool,
    /// Maximum length of an extension in bytes. A longer one, such as the end of a sentence, is not an extension.
    longest: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            keep_case: false,
            longest: 16,
        }
    }
}

#[derive(Serialize, Columns)]
struct Row<'a> {
    /// Without the dot; null if the name has no extension.
    extension: Option<Cow<'a, str>>,
    /// In octal, as in Git.
    mode: Cow<'a, str>,
    /// The number of files.
    files: u64,
}

/// Counts the files in directories. It is stateless.
#[derive(Debug, Default)]
pub struct FileExtensions {
    options: Options,
}

impl Processor<Options> for FileExtensions {
    const OBJECT_TYPES: &'static [&'static str] = &["directory"];

    fn start(options: Options) -> Result<Self, Failure> {
        Ok(Self { options })
    }

    fn plan(&self) -> Plan {
        let counts = Aggregate::by(["extension", "mode"]).sum("files");
        Plan::new(Self::OBJECT_TYPES)
            .columns([Column::Values])
            .stateless()
            .aggregate("files", "Files with each extension and mode", counts)
            .row::<Row<'_>>()
    }

    fn process(&mut self, batches: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
        batches.each_directory(out, |directory, out| {
            for entry in directory.entries()? {
                let entry = entry?;
                if entry.entry_type == EntryType::File {
                    let row = Row {
                        extension: self.extension(&entry),
                        mode: mode(entry.perms),
                        files: 1,
                    };
                    out.merge("files", &row)?;
                }
            }
            Ok(())
        })
    }
}

impl FileExtensions {
    /// The extension of an entry as text.
    fn extension<'a>(&self, entry: &Entry<'a>) -> Option<Cow<'a, str>> {
        let extension = entry.extension()?;
        if extension.len() > self.options.longest {
            return None;
        }
        let mut extension = String::from_utf8_lossy(extension);
        if !self.options.keep_case && extension.bytes().any(|byte| byte.is_ascii_uppercase()) {
            extension.to_mut().make_ascii_lowercase();
        }
        Some(extension)
    }
}

/// The usual modes of Git are static texts, to avoid allocations.
fn mode(perms: u32) -> Cow<'static, str> {
    match perms {
        0o100_644 => "100644".into(),
        0o100_755 => "100755".into(),
        0o120_000 => "120000".into(),
        other => format!("{other:o}").into(),
    }
}

export!(FileExtensions);
