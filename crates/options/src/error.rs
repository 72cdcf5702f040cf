//! Errors in a schema, and in options.

/// A schema that is not of the supported form, or exceeds its bounds.
#[derive(Debug, thiserror::Error)]
#[error("{rule}")]
pub struct SchemaError {
    /// The JSON pointer to the faulty part, empty for the whole schema.
    pub pointer: String,
    /// The rule that it breaks.
    pub rule: String,
    /// A hint for its author.
    pub hint: &'static str,
}

/// Options that a schema does not allow.
///
/// Names, values and docs in it are as the plugin and the operator wrote them.
#[derive(Debug, thiserror::Error)]
pub enum OptionError {
    /// The plugin has no such option.
    #[error("the plugin has no option `{name}`")]
    Unknown {
        /// The given value or name.
        name: String,
        /// The options of the plugin, one per line.
        options: Vec<String>,
    },
    /// An option without a default was not given.
    #[error("the option `{name}` is missing")]
    Missing {
        /// The option.
        name: String,
        /// The options of the plugin, one per line.
        options: Vec<String>,
    },
    /// An option that takes one value was given several.
    #[error("the option `{name}` was given more than once, and takes one value")]
    Repeated {
        /// The option.
        name: String,
        /// The line for the option.
        option: String,
    },
    /// The text of a value is not of the option's type.
    #[error("the option `{name}` expects {expected}, got `{value}`")]
    Type {
        /// The option.
        name: String,
        /// The expected type, with its article: `an integer`.
        expected: &'static str,
        /// The given value or name.
        value: String,
        /// The line for the option.
        option: String,
    },
    /// A value that breaks a rule of the schema.
    #[error("the option `{path}` breaks a rule of the plugin: {rule}")]
    Rule {
        /// The option, and the path to the value in it: `table.rows.3`.
        path: String,
        /// The rule.
        rule: String,
        /// The line for the option; the lines for all options if the plugin does not document this one.
        options: Vec<String>,
    },
}

impl OptionError {
    /// The options of the plugin as a hint, with each line passed through `clean`.
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
