//! What is wrong with a schema, or with options.

/// A schema that is outside of the form or of its bounds.
#[derive(Debug, thiserror::Error)]
#[error("{rule}")]
pub struct SchemaError {
    /// The JSON pointer to what is wrong, empty for the whole schema.
    pub pointer: String,
    /// What is wrong.
    pub rule: String,
    /// What its author can do.
    pub hint: &'static str,
}

/// Options that a schema does not take.
///
/// Names, values and docs in it are as the plugin and the operator wrote them.
#[derive(Debug, thiserror::Error)]
pub enum OptionError {
    /// The plugin has no such option.
    #[error("the plugin has no option `{name}`")]
    Unknown {
        /// What was given.
        name: String,
        /// The options that there are, each in a line.
        options: Vec<String>,
    },
    /// An option without a default was not given.
    #[error("the option `{name}` is missing")]
    Missing {
        /// The option.
        name: String,
        /// The options that there are, each in a line.
        options: Vec<String>,
    },
    /// An option that takes one value was given several.
    #[error("the option `{name}` was given more than once, and takes one value")]
    Repeated {
        /// The option.
        name: String,
        /// What the plugin says of the option.
        option: String,
    },
    /// A text that is not of the option's type.
    #[error("the option `{name}` expects {expected}, got `{value}`")]
    Type {
        /// The option.
        name: String,
        /// What it takes, with its article: `an integer`.
        expected: &'static str,
        /// What was given.
        value: String,
        /// What the plugin says of the option.
        option: String,
    },
    /// A value that breaks a rule of the schema.
    #[error("the option `{path}` breaks a rule of the plugin: {rule}")]
    Rule {
        /// The option, and the way to the value inside it: `table.rows.3`.
        path: String,
        /// The rule.
        rule: String,
        /// What the plugin says of the option; all options where it says nothing of this one.
        options: Vec<String>,
    },
}

impl OptionError {
    /// What the plugin takes, each option passed through `clean`.
    #[must_use]
    pub fn hint(&self, clean: impl Fn(&str) -> String) -> String {
        match self {
            Self::Repeated { option, .. } | Self::Type { option, .. } => {
                format!("the plugin takes {}", clean(option))
            }
            Self::Rule { options, .. } if options.len() == 1 => {
                format!("the plugin takes {}", clean(&options[0]))
            }
            Self::Unknown { options, .. }
            | Self::Missing { options, .. }
            | Self::Rule { options, .. } => list(options, clean),
        }
    }
}

fn list(options: &[String], clean: impl Fn(&str) -> String) -> String {
    if options.is_empty() {
        return "the plugin takes no options".to_owned();
    }
    let lines = options
        .iter()
        .map(|option| format!("\n  {}", clean(option)));
    format!("the plugin's options are{}", lines.collect::<String>())
}
