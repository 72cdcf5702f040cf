//! A YAML document as a tree that knows the line of each value.
//!
//! Plain scalars mean what they mean to `PyYAML`, with which Software Heritage reads its files: `yes` is true, and
//! `600_000` is a number. Keys are unique, and the document is small, flat and of a limited number of values, counted
//! after aliases are replaced.

mod read;
mod scalar;

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, StrInput, Tag};

pub(super) use self::read::{ReadError, Reader};
pub(super) use self::scalar::{Meaning, Scalar, Style};

/// The limit on the size of a document, in bytes.
pub(super) const MOST_BYTES: u64 = 1 << 20;
/// The limit on the values of a document, each alias counted with all that it stands for.
const MOST_VALUES: usize = 20_000;
/// The limit on how deep lists and mappings may be nested.
const MOST_DEPTH: usize = 32;
/// The key whose mappings are merged into the one that holds it.
const MERGE: &str = "<<";

/// A value and the line in which it begins, counted from one.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) line: usize,
    pub(super) content: Content,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Content {
    /// A text, a number, a truth value or nothing.
    Scalar(Scalar),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order of the document.
    Mapping(Vec<(Key, Node)>),
}

/// A key of a mapping and its line.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Key {
    pub(super) text: String,
    pub(super) line: usize,
}

/// Why a text is no document. No message quotes a value, which may be a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum YamlError {
    /// It breaks a rule of the syntax.
    #[error("line {line}, column {column}: {reason}")]
    Syntax {
        /// The line of the error.
        line: usize,
        /// Its column.
        column: usize,
        /// The parser's reason.
        reason: String,
    },
    /// A mapping has the same key twice.
    #[error("line {line}: the key `{key}` is given twice, first in line {first}")]
    Duplicate {
        /// The key.
        key: String,
        /// The line of the second one.
        line: usize,
        /// The line of the first one.
        first: usize,
    },
    /// A key is a list or a mapping.
    #[error("line {line}: a key is a list or a mapping")]
    Key {
        /// Its line.
        line: usize,
    },
    /// A value has a tag of an application.
    #[error("line {line}: a value has a tag (`!...`), and tags are not supported")]
    Tag {
        /// The line of the value.
        line: usize,
    },
    /// A merge key has something else than mappings.
    #[error("line {line}: `<<` takes a mapping or a list of mappings")]
    Merge {
        /// The line of the value.
        line: usize,
    },
    /// An alias of a value that contains it.
    #[error("line {line}: an alias stands for a value that is not complete")]
    Alias {
        /// The line of the alias.
        line: usize,
    },
    /// Lists and mappings are nested too deep.
    #[error("line {line}: lists and mappings are nested more than {MOST_DEPTH} deep")]
    TooDeep {
        /// The line in which the limit is exceeded.
        line: usize,
    },
    /// It has too many values.
    #[error("line {line}: the document has more than {MOST_VALUES} values")]
    TooMany {
        /// The line in which the limit is exceeded.
        line: usize,
    },
    /// There is a second document.
    #[error("line {line}: a second document begins")]
    SecondDocument {
        /// Its line.
        line: usize,
    },
}

/// The document in a text; none where the text has no value.
///
/// # Errors
/// When it is not YAML, has a key twice, or exceeds a limit.
pub(super) fn parse(text: &str) -> Result<Option<Node>, YamlError> {
    let mut tree = Tree {
        parser: Parser::new_from_str(text),
        anchors: HashMap::new(),
        values: 0,
    };
    let mut document = None;
    while let Some((event, line)) = tree.next()? {
        match event {
            Event::DocumentStart(_) if document.is_some() => {
                return Err(YamlError::SecondDocument { line });
            }
            Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing => {}
            Event::StreamEnd => break,
            event => document = Some(tree.node(event, line, 0)?),
        }
    }
    Ok(document.filter(|node| !node.is_null()))
}

/// A document while it is read.
struct Tree<'text> {
    parser: Parser<'text, StrInput<'text>>,
    /// Complete values with an anchor, and how many values each of them has.
    anchors: HashMap<usize, (Node, usize)>,
    values: usize,
}

impl<'text> Tree<'text> {
    fn next(&mut self) -> Result<Option<(Event<'text>, usize)>, YamlError> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok(Some((event, span.start.line()))),
            Some(Err(error)) => Err(error.into()),
            None => Ok(None),
        }
    }

    /// The value that an event begins.
    fn node(&mut self, event: Event<'text>, line: usize, depth: usize) -> Result<Node, YamlError> {
        if depth > MOST_DEPTH {
            return Err(YamlError::TooDeep { line });
        }
        let before = self.values;
        self.count(1, line)?;
        let (anchor, content) = match event {
            Event::Alias(anchor) => {
                let (node, values) = self.anchors.get(&anchor).ok_or(YamlError::Alias { line })?;
                let (content, values) = (node.content.clone(), *values);
                self.count(values, line)?;
                return Ok(Node { line, content });
            }
            Event::Scalar(text, style, anchor, tag) => {
                let style = scalar_style(style, tag.as_deref(), line)?;
                let text = text.into_owned();
                (anchor, Content::Scalar(Scalar { text, style }))
            }
            Event::SequenceStart(anchor, tag) => {
                refuse_tag(tag.as_deref(), line)?;
                (anchor, Content::List(self.list(depth)?))
            }
            Event::MappingStart(anchor, tag) => {
                refuse_tag(tag.as_deref(), line)?;
                (anchor, Content::Mapping(self.mapping(depth)?))
            }
            _ => return Err(YamlError::Alias { line }),
        };
        let node = Node { line, content };
        if anchor > 0 {
            let values = self.values - before;
            self.anchors.insert(anchor, (node.clone(), values));
        }
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Node>, YamlError> {
        let mut items = Vec::new();
        while let Some((event, line)) = self.next()? {
            if event == Event::SequenceEnd {
                break;
            }
            items.push(self.node(event, line, depth + 1)?);
        }
        Ok(items)
    }

    fn mapping(&mut self, depth: usize) -> Result<Vec<(Key, Node)>, YamlError> {
        let mut entries: Vec<(Key, Node)> = Vec::new();
        let mut lines = HashMap::new();
        let mut merged = Vec::new();
        while let Some((event, line)) = self.next()? {
            if event == Event::MappingEnd {
                break;
            }
            let key = self.node(event, line, depth + 1)?;
            let Content::Scalar(Scalar { text, style }) = key.content else {
                return Err(YamlError::Key { line });
            };
            let Some((event, value_line)) = self.next()? else {
                break;
            };
            let value = self.node(event, value_line, depth + 1)?;
            if text == MERGE && style == Style::Plain {
                merge(&mut merged, value)?;
                continue;
            }
            if let Some(first) = lines.insert(text.clone(), line) {
                let key = text;
                return Err(YamlError::Duplicate { key, line, first });
            }
            entries.push((Key { text, line }, value));
        }
        // The mapping's own keys win, then those of the first merged mapping.
        for (key, value) in merged {
            if lines.insert(key.text.clone(), key.line).is_none() {
                entries.push((key, value));
            }
        }
        Ok(entries)
    }

    fn count(&mut self, values: usize, line: usize) -> Result<(), YamlError> {
        self.values += values;
        if self.values > MOST_VALUES {
            return Err(YamlError::TooMany { line });
        }
        Ok(())
    }
}

/// Adds the entries of a merged mapping, or of a list of them.
fn merge(merged: &mut Vec<(Key, Node)>, value: Node) -> Result<(), YamlError> {
    let line = value.line;
    match value.content {
        Content::Mapping(entries) => merged.extend(entries),
        Content::List(items) => {
            for item in items {
                let Content::Mapping(entries) = item.content else {
                    return Err(YamlError::Merge { line: item.line });
                };
                merged.extend(entries);
            }
        }
        Content::Scalar(_) => return Err(YamlError::Merge { line }),
    }
    Ok(())
}

/// A tag of YAML itself says what kind of value follows; of these only `!!str` changes how a scalar is read.
fn scalar_style(style: ScalarStyle, tag: Option<&Tag>, line: usize) -> Result<Style, YamlError> {
    refuse_tag(tag, line)?;
    let is_text = tag.is_some_and(|tag| tag.suffix == "str");
    Ok(if style == ScalarStyle::Plain && !is_text {
        Style::Plain
    } else {
        Style::Quoted
    })
}

fn refuse_tag(tag: Option<&Tag>, line: usize) -> Result<(), YamlError> {
    match tag {
        Some(tag) if !tag.is_yaml_core_schema() => Err(YamlError::Tag { line }),
        _ => Ok(()),
    }
}

impl From<ScanError> for YamlError {
    fn from(error: ScanError) -> Self {
        Self::Syntax {
            line: error.marker().line(),
            column: error.marker().col() + 1,
            reason: error.info().to_owned(),
        }
    }
}

impl Node {
    /// The value of a variable of the environment, which is read as its setting wants it.
    pub(super) fn of_variable(text: String) -> Self {
        let style = Style::Variable;
        Self {
            line: 0,
            content: Content::Scalar(Scalar { text, style }),
        }
    }

    /// Whether it is no value: `null`, `~` or nothing after the colon.
    pub(super) fn is_null(&self) -> bool {
        matches!(&self.content, Content::Scalar(scalar) if scalar.meaning() == Meaning::Null)
    }

    /// Whether it is null, or a list or a mapping without entries.
    pub(super) fn is_empty(&self) -> bool {
        match &self.content {
            Content::Scalar(_) => self.is_null(),
            Content::List(items) => items.is_empty(),
            Content::Mapping(entries) => entries.is_empty(),
        }
    }

    /// What kind of value it is, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match &self.content {
            Content::Scalar(_) => "a single value",
            Content::List(_) => "a list",
            Content::Mapping(_) => "a mapping",
        }
    }
}

#[cfg(test)]
mod tests;
