//! The JSON that `describe` and `start` answer with: untrusted text until it is checked.
//!
//! The schemas in `crates/contract/wit` state the same rules for other languages; a test compares the two.

use std::cell::Cell;
use std::ops::RangeInclusive;

use journal_options::shown;
use serde_json::Value;

use super::{AnswerError, Question, strict_json};
use crate::text;

/// The number of unknown members that are named in warnings, for one answer.
const WARNINGS: usize = 20;

/// An answer that is being checked.
pub(super) struct Response<'a> {
    plugin: &'a str,
    question: Question,
    value: Value,
    /// Unknown members so far; none is named where the answer repeats an earlier one.
    unknown: Option<Cell<usize>>,
}

impl<'a> Response<'a> {
    /// Parses the answer of `plugin`.
    pub(super) fn read(
        question: Question,
        plugin: &'a str,
        answer: &str,
    ) -> Result<Self, AnswerError> {
        let response = |value| Self {
            plugin,
            question,
            value,
            unknown: Some(Cell::new(0)),
        };
        match strict_json::read(answer) {
            Ok(value) => Ok(response(value)),
            Err(error) => {
                let rule = format!("it must be JSON, and is not: {error}");
                Err(response(Value::Null).root().refuse(&rule))
            }
        }
    }

    /// The same without warnings.
    pub(super) fn quiet(mut self) -> Self {
        self.unknown = None;
        self
    }

    /// Warns of an unknown member, of the first ones in an answer.
    fn warn_of(&self, member: &str) {
        let Some(unknown) = &self.unknown else { return };
        unknown.set(unknown.get() + 1);
        if unknown.get() <= WARNINGS {
            tracing::warn!(
                "the answer of the plugin `{}` to `{}` has the unknown member `{}`, which is ignored",
                self.plugin,
                self.question,
                text::clean(member, text::REASON_BYTES),
            );
        }
    }

    pub(super) fn root(&self) -> Part<'_> {
        Part {
            response: self,
            value: &self.value,
            pointer: String::new(),
        }
    }
}

impl Drop for Response<'_> {
    fn drop(&mut self) {
        let unknown = self.unknown.as_ref().map_or(0, Cell::get);
        if unknown > WARNINGS {
            let more = text::plural(unknown - WARNINGS, "more unknown member");
            tracing::warn!(
                "the answer of the plugin `{}` to `{}` has {more}",
                self.plugin,
                self.question
            );
        }
    }
}

/// A value inside an answer.
pub(super) struct Part<'a> {
    response: &'a Response<'a>,
    value: &'a Value,
    /// The JSON pointer to it.
    pointer: String,
}

impl<'a> Part<'a> {
    pub(super) fn value(&self) -> &'a Value {
        self.value
    }

    /// The value as an object; warns of members that are not known.
    pub(super) fn object(&self, known: &[&str]) -> Result<(), AnswerError> {
        let Some(members) = self.value.as_object() else {
            return Err(self.is_not("of type \"object\""));
        };
        let unknown = members
            .keys()
            .filter(|name| !known.contains(&name.as_str()));
        for name in unknown {
            self.response.warn_of(name);
        }
        Ok(())
    }

    /// A member of the object, if it is present.
    pub(super) fn get(&self, name: &str) -> Option<Part<'a>> {
        let value = self.value.get(name)?;
        Some(self.inside(name, value))
    }

    /// A member that the object must have.
    pub(super) fn need(&self, name: &str) -> Result<Part<'a>, AnswerError> {
        self.get(name)
            .ok_or_else(|| self.refuse(&format!("\"{name}\" is a required property")))
    }

    pub(super) fn flag(&self) -> Result<bool, AnswerError> {
        self.value
            .as_bool()
            .ok_or_else(|| self.is_not("of type \"boolean\""))
    }

    pub(super) fn text(&self) -> Result<&'a str, AnswerError> {
        self.value
            .as_str()
            .ok_or_else(|| self.is_not("of type \"string\""))
    }

    /// A text whose number of characters is in the range.
    pub(super) fn text_of(&self, length: RangeInclusive<usize>) -> Result<&'a str, AnswerError> {
        let text = self.text()?;
        self.check_length(text.chars().count(), length, "characters")?;
        Ok(text)
    }

    /// A text for which `is_right` holds; `what` names the kind of text.
    pub(super) fn text_that(
        &self,
        is_right: impl FnOnce(&str) -> bool,
        what: &str,
    ) -> Result<&'a str, AnswerError> {
        let text = self.text()?;
        if is_right(text) {
            Ok(text)
        } else {
            Err(self.is_not(what))
        }
    }

    /// One of a few texts.
    pub(super) fn one_of(&self, choices: &[&str]) -> Result<&'a str, AnswerError> {
        let listed = choices.join("\", \"");
        match self.value.as_str() {
            Some(text) if choices.contains(&text) => Ok(text),
            _ => Err(self.is_not(&format!("one of \"{listed}\""))),
        }
    }

    /// The items of a list whose length is in the range.
    pub(super) fn list(&self, length: RangeInclusive<usize>) -> Result<Vec<Part<'a>>, AnswerError> {
        let Some(items) = self.value.as_array() else {
            return Err(self.is_not("of type \"array\""));
        };
        self.check_length(items.len(), length, "items")?;
        let parts = items.iter().enumerate();
        Ok(parts
            .map(|(index, item)| self.inside(&index.to_string(), item))
            .collect())
    }

    /// Refuses a list that holds a text twice.
    pub(super) fn check_unique(&self, texts: &[&str]) -> Result<(), AnswerError> {
        for (index, text) in texts.iter().enumerate() {
            if texts[..index].contains(text) {
                let text = shown(&Value::from(*text));
                return Err(self.refuse(&format!("{text} is in the list twice")));
            }
        }
        Ok(())
    }

    /// An error at this value; the rule continues a sentence that begins with the value.
    pub(super) fn is_not(&self, what: &str) -> AnswerError {
        self.refuse(&format!("{} is not {what}", shown(self.value)))
    }

    /// An error at this value; the rule is a sentence.
    pub(super) fn refuse(&self, rule: &str) -> AnswerError {
        self.refuse_inside("", rule, None)
    }

    /// An error at a pointer below this value, with a hint for the author.
    pub(super) fn refuse_inside(
        &self,
        pointer: &str,
        rule: &str,
        hint: Option<&'static str>,
    ) -> AnswerError {
        let pointer = format!("{}{pointer}", self.pointer);
        AnswerError {
            plugin: self.response.plugin.to_owned(),
            question: self.response.question,
            path: text::clean(&pointer, text::REASON_BYTES),
            rule: text::clean(rule, text::REASON_BYTES),
            hint,
        }
    }

    fn check_length(
        &self,
        length: usize,
        allowed: RangeInclusive<usize>,
        unit: &str,
    ) -> Result<(), AnswerError> {
        let value = shown(self.value);
        if length < *allowed.start() {
            let least = allowed.start();
            Err(self.refuse(&format!("{value} has fewer than {least} {unit}")))
        } else if length > *allowed.end() {
            let most = allowed.end();
            Err(self.refuse(&format!("{value} has more than {most} {unit}")))
        } else {
            Ok(())
        }
    }

    /// The segments are names from this host and indices, so none needs the escapes of a pointer.
    fn inside(&self, name: &str, value: &'a Value) -> Part<'a> {
        Part {
            response: self.response,
            value,
            pointer: format!("{}/{name}", self.pointer),
        }
    }
}
