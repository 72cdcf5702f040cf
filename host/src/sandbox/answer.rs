//! The JSON that `describe` and `start` answer with: untrusted text until it is checked.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{AnswerError, Question, schema};
use crate::text;

/// Unknown members that are warned of, for one object of an answer.
const WARNINGS: usize = 20;

/// One answer on its way to a checked value.
pub(super) struct Response<'a> {
    plugin: &'a str,
    question: Question,
    rules: Value,
    value: Value,
}

impl<'a> Response<'a> {
    /// Takes what `plugin` answered; `rules` is the schema for it.
    pub(super) fn check(
        question: Question,
        rules: &str,
        plugin: &'a str,
        answer: &str,
    ) -> Result<Self, AnswerError> {
        let json = |text: &str, whose: &str| {
            serde_json::from_str(text).map_err(|error| {
                let rule = format!("{whose} must be JSON, and is not: {error}");
                refuse(plugin, question, String::new(), rule)
            })
        };
        let answer = Self {
            plugin,
            question,
            rules: json(rules, "the schema")?,
            value: json(answer, "it")?,
        };
        schema::compile(&answer.rules)
            .and_then(|validator| schema::check(&validator, &answer.value))
            .map_err(|broken| refuse(plugin, question, broken.path, broken.rule))?;
        answer.warn_unknown("", &answer.value);
        Ok(answer)
    }

    /// Warns of the members of `object` that the rules, at the pointer `place`, do not list.
    pub(super) fn warn_unknown(&self, place: &str, object: &Value) {
        let known = self
            .rules
            .pointer(place)
            .and_then(|it| it["properties"].as_object());
        let (Some(known), Some(object)) = (known, object.as_object()) else {
            return;
        };
        let unknown = object.keys().filter(|name| !known.contains_key(*name));
        for name in unknown.take(WARNINGS) {
            tracing::warn!(
                "the answer of the plugin `{}` to `{}` has the unknown member `{}`, which is ignored",
                self.plugin,
                self.question,
                text::clean(name, text::REASON_BYTES),
            );
        }
    }

    pub(super) fn value(&self) -> &Value {
        &self.value
    }

    /// The answer in the types that the rules stand for.
    pub(super) fn into_typed<T: DeserializeOwned>(self) -> Result<T, AnswerError> {
        let (plugin, question) = (self.plugin, self.question);
        serde_json::from_value(self.value).map_err(|error| {
            let rule = text::clean(&error.to_string(), text::REASON_BYTES);
            refuse(plugin, question, String::new(), rule)
        })
    }
}

/// An answer that breaks `rule` at `path`.
pub(super) fn refuse(
    plugin: &str,
    question: Question,
    path: String,
    rule: impl Into<String>,
) -> AnswerError {
    AnswerError {
        plugin: plugin.to_owned(),
        question,
        path,
        rule: rule.into(),
    }
}
