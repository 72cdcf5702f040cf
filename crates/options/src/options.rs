//! The options of a plugin: their names, and the values that they allow.

use std::fmt::{self, Write};

use serde_json::{Map, Value};

use crate::error::{OptionError, SchemaError};
use crate::read::Reader;
use crate::schema::{Kind, Object, Others, Schema};

/// The maximum number of options in a message.
const LISTED: usize = 50;

/// One option, for people who decide about a plugin. Its texts are as the plugin has them.
#[derive(Clone, Debug, PartialEq)]
pub struct OptionDoc {
    /// The name.
    pub name: String,
    /// The type of its value, or of each value where it may be repeated: `string`, `integer`, `number`, `true or false`,
    /// `JSON`, or the strings of a choice with `or` between them.
    pub kind: String,
    /// Whether it takes a list.
    pub repeated: bool,
    /// Whether it must be given.
    pub required: bool,
    /// The value where it is not given, if the plugin says so.
    pub default: Option<Value>,
    /// The plugin's comment on it, in one line.
    pub summary: Option<String>,
}

/// The schema of a plugin's options.
///
/// ```
/// use journal_options::OptionSchema;
/// use serde_json::json;
///
/// let schema = json!({"type": "object", "properties": {"since": {"type": "integer", "minimum": 1970}}});
/// let schema = OptionSchema::read(&schema)?;
/// let options = json!({"since": 1969});
/// let error = schema.check(options.as_object().unwrap()).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "the option `since` breaks a rule of the plugin: 1969 is less than the minimum of 1970"
/// );
/// # Ok::<(), journal_options::SchemaError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OptionSchema {
    options: Object,
}

impl OptionSchema {
    /// Reads the schema of a plugin.
    ///
    /// # Errors
    /// When it has a member that is not part of the form, or exceeds a bound.
    pub fn read(schema: &Value) -> Result<Self, SchemaError> {
        let options = Reader::default().root(schema)?;
        Ok(Self { options })
    }

    /// Checks the value of every option.
    ///
    /// # Errors
    /// When an option is unknown or missing, or its value breaks a rule.
    pub fn check(&self, options: &Map<String, Value>) -> Result<(), OptionError> {
        if let Some(name) = options.keys().find(|name| !self.takes(name)) {
            return Err(self.unknown(name));
        }
        if let Some(name) = self.options.missing(options) {
            return Err(OptionError::Missing {
                name: name.to_owned(),
                options: self.lines(),
            });
        }
        self.options.check_members(options).map_err(|broken| {
            let option = broken.outermost().and_then(|name| self.line(name));
            OptionError::Rule {
                path: broken.path(),
                options: option.map_or_else(|| self.lines(), |line| vec![line]),
                rule: broken.rule,
            }
        })
    }

    /// Converts the texts that were given for an option to a value of its type: an unchanged string, a number, or
    /// `true` or `false`; a list if the option is one; anything else is parsed as JSON.
    ///
    /// # Errors
    /// When the option is unknown, or a text is not of its type.
    pub fn value(&self, name: &str, texts: &[&str]) -> Result<Value, OptionError> {
        if !self.takes(name) {
            return Err(self.unknown(name));
        }
        let text = self
            .options
            .members
            .get(name)
            .map_or((Text::Json, false), Text::of);
        match (texts, text) {
            (texts, (text, true)) => texts
                .iter()
                .map(|given| self.scalar(name, text, given))
                .collect(),
            ([given], (text, false)) => self.scalar(name, text, given),
            _ => Err(OptionError::Repeated {
                name: name.to_owned(),
                option: self.line(name).unwrap_or_default(),
            }),
        }
    }

    fn scalar(&self, name: &str, text: Text, given: &str) -> Result<Value, OptionError> {
        text.read(given).ok_or_else(|| OptionError::Type {
            name: name.to_owned(),
            expected: text.expected(),
            value: given.to_owned(),
            option: self.line(name).unwrap_or_default(),
        })
    }

    /// Whether the plugin has this option. Options that the schema does not name are allowed only if it says so
    /// explicitly. JSON Schema allows them by default, which would hide typing errors.
    fn takes(&self, name: &str) -> bool {
        matches!(self.options.others, Others::Each(_)) || self.options.members.contains_key(name)
    }

    fn unknown(&self, name: &str) -> OptionError {
        OptionError::Unknown {
            name: name.to_owned(),
            options: self.lines(),
        }
    }

    /// A line for each option.
    fn lines(&self) -> Vec<String> {
        let all = self.options.members.keys();
        let more = all.len().saturating_sub(LISTED);
        let mut lines: Vec<String> = all
            .take(LISTED)
            .filter_map(|name| self.line(name))
            .collect();
        if more > 0 {
            lines.push(format!("and {more} more"));
        }
        lines
    }

    fn line(&self, name: &str) -> Option<String> {
        self.doc(name).map(|doc| doc.to_string())
    }

    /// All options, by name.
    ///
    /// ```
    /// use journal_options::OptionSchema;
    /// use serde_json::json;
    ///
    /// let schema = json!({"properties": {"since": {"type": "integer", "default": 1970, "description": "First year."}}});
    /// let [since] = &OptionSchema::read(&schema)?.docs()[..] else { panic!() };
    /// assert_eq!(since.to_string(), "`since` (integer, default 1970): First year.");
    /// # Ok::<(), journal_options::SchemaError>(())
    /// ```
    #[must_use]
    pub fn docs(&self) -> Vec<OptionDoc> {
        let names = self.options.members.keys();
        names.filter_map(|name| self.doc(name)).collect()
    }

    fn doc(&self, name: &str) -> Option<OptionDoc> {
        let schema = self.options.members.get(name)?;
        let (text, repeated) = Text::of(schema);
        let item = match &schema.kind {
            Kind::List(list) => &list.item.kind,
            kind => kind,
        };
        let mut required = self.options.required.iter();
        let required = required.any(|required| required == name);
        let default = schema.default.clone();
        let one_line = |text: &String| text.split_whitespace().collect::<Vec<_>>().join(" ");
        Some(OptionDoc {
            name: name.to_owned(),
            kind: match item {
                Kind::Choice(choices) => choices.listed.join(" or "),
                _ => text.name().to_owned(),
            },
            repeated,
            required,
            default: default.filter(|default| !required && !default.is_null()),
            summary: schema.description.as_ref().map(one_line),
        })
    }
}

/// How the text of a value is converted to JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Text {
    Plain,
    Integer,
    Number,
    Bool,
    /// Anything else, given as JSON.
    Json,
}

impl Text {
    /// How an option's texts are converted, and whether it allows several.
    fn of(schema: &Schema) -> (Self, bool) {
        match &schema.kind {
            Kind::List(list) => match Self::of(&list.item) {
                (_, true) => (Self::Json, true),
                (text, false) => (text, true),
            },
            Kind::Text(_) | Kind::Choice(_) => (Self::Plain, false),
            Kind::Integer(_) => (Self::Integer, false),
            Kind::Number(_) => (Self::Number, false),
            Kind::Bool => (Self::Bool, false),
            Kind::Any | Kind::Object(_) => (Self::Json, false),
        }
    }

    fn read(self, text: &str) -> Option<Value> {
        match self {
            Self::Plain => Some(Value::from(text)),
            Self::Integer => integer(text),
            // An integer stays an integer, because not every reader treats 3.0 as 3.
            Self::Number => integer(text).or_else(|| {
                let number = serde_json::Number::from_f64(text.parse().ok()?)?;
                Some(Value::Number(number))
            }),
            Self::Bool => text.parse().ok().map(Value::Bool),
            Self::Json => serde_json::from_str(text).ok(),
        }
    }

    /// The name of such a value, with its article.
    fn expected(self) -> &'static str {
        match self {
            Self::Plain => "a string",
            Self::Integer => "an integer",
            Self::Number => "a number",
            Self::Bool => "`true` or `false`",
            Self::Json => "JSON",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Plain => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Bool => "true or false",
            Self::Json => "JSON",
        }
    }
}

fn integer(text: &str) -> Option<Value> {
    let signed = text.parse::<i64>().map(Value::from);
    signed
        .or_else(|_| text.parse::<u64>().map(Value::from))
        .ok()
}

impl OptionDoc {
    /// What it takes, in parentheses after its name: `integer, default 1970`.
    #[must_use]
    pub fn takes(&self) -> String {
        let mut takes = self.kind.clone();
        if self.repeated {
            takes.push_str(", may be repeated");
        }
        match &self.default {
            _ if self.required => takes.push_str(", required"),
            Some(default) => {
                // Writing to a string cannot fail.
                let _ok = write!(takes, ", default {default}");
            }
            None => {}
        }
        takes
    }
}

impl fmt::Display for OptionDoc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ({})", self.name, self.takes())?;
        match &self.summary {
            Some(summary) => write!(f, ": {summary}"),
            None => Ok(()),
        }
    }
}
