//! Options that a plugin does not accept.

use super::Explain;
use crate::cli::names::Names;
use crate::config::Setting;
use crate::config::options::OptionsError;
use crate::text;

/// The longest line for one option, in bytes.
const OPTION_BYTES: usize = 512;

impl Explain for OptionsError {
    fn hint(&self, names: Names<'_>) -> Option<String> {
        match self {
            Self::NotTaken(error) => {
                let hint = error.hint(|option| text::clean(option, OPTION_BYTES));
                Some(hint)
            }
            Self::File { .. }
            | Self::TooLarge { .. }
            | Self::NotAnObject { .. }
            | Self::NotJson { .. } => Some(format!(
                r#"{} takes a file that holds a JSON object, such as `{{"name": "value"}}`"#,
                names.of(Setting::OptionsFile)
            )),
        }
    }

    fn is_wrong_use(&self) -> bool {
        !matches!(self, Self::File { .. })
    }
}
