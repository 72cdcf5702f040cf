//! The rules of swh.model, upstream's classes: objects that this plugin can read and that the model refuses.
//!
//! The SDK reads more than the model does: old forms of objects, and values that the model bounds. A replay stops at a
//! record that the model refuses, even if its identifier is right. The rules here assume that the SDK has read the whole
//! object, so they check only the difference.

mod archive;
mod content;
mod fields;
mod git;
mod time;
mod usual;
mod value;

use std::fmt::Display;

use journal_plugin_sdk::msgpack::Fault;
use journal_plugin_sdk::{FieldError, Object};

pub(crate) use usual::is_usual;

/// A rule of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    UnknownField,
    MissingField,
    FieldName,
    FieldType,
    NotUtf8,
    UnknownExtension,
    InvalidTime,
    MapKey,
    NestedTooDeep,
    SlashInEntryName,
    EntryNameTwice,
    DateWithoutPerson,
    SecondsOutOfRange,
    UrlTooLong,
    PayloadWithoutType,
    NotAscii,
    StatusNotAllowed,
    DataInSkippedContent,
    ContextNotAllowed,
    ContextOfOtherKind,
    VisitWithoutOrigin,
    VisitNotPositive,
    SwhidAsOrigin,
}

impl Rule {
    /// The name in the rows. The README lists all of them.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::UnknownField => "unknown-field",
            Self::MissingField => "missing-field",
            Self::FieldName => "field-name",
            Self::FieldType => "field-type",
            Self::NotUtf8 => "not-utf8",
            Self::UnknownExtension => "unknown-extension",
            Self::InvalidTime => "invalid-time",
            Self::MapKey => "map-key",
            Self::NestedTooDeep => "nested-too-deep",
            Self::SlashInEntryName => "slash-in-entry-name",
            Self::EntryNameTwice => "entry-name-twice",
            Self::DateWithoutPerson => "date-without-person",
            Self::SecondsOutOfRange => "seconds-out-of-range",
            Self::UrlTooLong => "url-too-long",
            Self::PayloadWithoutType => "payload-without-type",
            Self::NotAscii => "not-ascii",
            Self::StatusNotAllowed => "status-not-allowed",
            Self::DataInSkippedContent => "data-in-skipped-content",
            Self::ContextNotAllowed => "context-not-allowed",
            Self::ContextOfOtherKind => "context-of-other-kind",
            Self::VisitWithoutOrigin => "visit-without-origin",
            Self::VisitNotPositive => "visit-not-positive",
            Self::SwhidAsOrigin => "swhid-as-origin",
        }
    }
}

/// Why an object is damaged although the SDK reads it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The rule of the model. `None` if the model reads the object, and maybe not as the SDK does.
    pub(crate) rule: Option<Rule>,
    /// The path of the field, such as `author.name`.
    field: String,
    /// The rest of a sentence that begins with the field.
    what: String,
}

impl Finding {
    #[cold]
    fn new(rule: Rule, what: impl Into<String>) -> Self {
        Self {
            rule: Some(rule),
            field: String::new(),
            what: what.into(),
        }
    }

    /// A form that readers understand differently.
    #[cold]
    fn ambiguous(what: impl Into<String>) -> Self {
        Self {
            rule: None,
            field: String::new(),
            what: what.into(),
        }
    }

    #[cold]
    fn twice(name: &[u8]) -> Self {
        Self::ambiguous("is there twice").within(shown(name))
    }

    #[cold]
    fn missing(name: &str) -> Self {
        Self::new(Rule::MissingField, "is missing").within(name)
    }

    /// The finding inside this field.
    #[cold]
    fn within(mut self, field: impl Display) -> Self {
        self.field = match self.field.as_str() {
            "" => field.to_string(),
            nested if nested.starts_with('[') => format!("{field}{nested}"),
            nested => format!("{field}.{nested}"),
        };
        self
    }

    /// The reason as a sentence.
    pub(crate) fn reason(&self, object_type: &str) -> String {
        let Self { field, what, .. } = self;
        let object = object_type.replace('_', " ");
        if field.is_empty() {
            format!("the {object} {what}")
        } else {
            format!("`{field}` of the {object} {what}")
        }
    }
}

/// The SDK has walked over the whole value before, so this does not happen.
impl From<Fault> for Finding {
    fn from(fault: Fault) -> Self {
        Self::ambiguous(format!("is not valid msgpack: it {fault}"))
    }
}

/// A field that the SDK cannot read. It has read all of them before, so this does not happen.
#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn unread(error: FieldError) -> Finding {
    Finding::ambiguous(error.to_string())
}

/// Text from outside, cut: it may be as large as a record.
fn shown(text: &[u8]) -> String {
    const MOST_BYTES: usize = 40;
    let cut = text.get(..MOST_BYTES).unwrap_or(text);
    cut.escape_ascii().to_string()
}

/// Checks an object that the SDK has read completely.
///
/// # Errors
/// If the model refuses it, or may read it differently.
pub(crate) fn check(object: &Object<'_>) -> Result<(), Finding> {
    match object {
        Object::Content(object) => content::content(object.value()),
        Object::HashCollidingContent(object) => content::colliding(object.value()),
        Object::SkippedContent(object) => content::skipped(object.value()),
        Object::Directory(object) => git::directory(object.value()),
        Object::Revision(object) => git::revision(object),
        Object::Release(object) => git::release(object),
        Object::Snapshot(object) => git::snapshot(object.value()),
        Object::Origin(object) => archive::origin(object.value()),
        Object::OriginVisit(object) => archive::visit(object.value()),
        Object::OriginVisitStatus(object) => archive::visit_status(object.value()),
        Object::ExtId(object) => archive::extid(object.value()),
        Object::MetadataAuthority(object) => archive::authority(object.value()),
        Object::MetadataFetcher(object) => archive::fetcher(object.value()),
        Object::RawExtrinsicMetadata(object) => archive::raw_extrinsic_metadata(object),
        // The model has no class for other types.
        _ => Ok(()),
    }
}
