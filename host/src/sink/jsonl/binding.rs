//! The binding of an output to a file: `[NAME=]FILE`.

use super::opened::OpenError;

/// One output with its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Binding {
    /// The output; if absent, all outputs without a binding of their own.
    pub(super) output: Option<String>,
    /// The file; `-` is standard output.
    pub(super) file: String,
}

impl Binding {
    /// The text before the first `=` is the output's name if it is a valid name, so that `./a=b` is a file.
    pub(super) fn parse(text: &str) -> Result<Self, OpenError> {
        let (output, file) = match text.split_once('=') {
            Some((name, file)) if is_name(name) => (Some(name.to_owned()), file),
            _ => (None, text),
        };
        if file.is_empty() {
            return Err(OpenError::NoFile {
                text: text.to_owned(),
            });
        }
        Ok(Self {
            output,
            file: file.to_owned(),
        })
    }
}

/// Whether this is a valid name for an output of a plan: `[a-z][a-z0-9_-]{0,62}`.
fn is_name(text: &str) -> bool {
    let rest = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
    text.len() <= 63
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_and_file_are_separated() {
        for (text, output, file) in [
            ("a.jsonl", None, "a.jsonl"),
            ("-", None, "-"),
            ("rows=-", Some("rows"), "-"),
            ("rows=a=b.jsonl", Some("rows"), "a=b.jsonl"),
            ("./rows=a", None, "./rows=a"),
            ("Rows=a", None, "Rows=a"),
            ("=a", None, "=a"),
        ] {
            let binding = Binding::parse(text).expect("it is a binding");
            assert_eq!(
                (binding.output.as_deref(), binding.file.as_str()),
                (output, file)
            );
        }
        for text in ["", "rows="] {
            assert!(Binding::parse(text).is_err(), "{text}");
        }
    }
}
