//! Options that a plugin does not take.

use super::Explain;
use crate::cli::names::Names;
use crate::config::Setting;
use crate::config::options::OptionsError;

impl Explain for OptionsError {
    fn hint(&self, names: Names<'_>) -> Option<String> {
        match self {
            Self::Unknown { known, .. }
            | Self::Missing { known, .. }
            | Self::Repeated { known, .. }
            | Self::Type { known, .. }
            | Self::Rule { known, .. } => Some(known.clone()),
            Self::File { .. } | Self::NotAnObject { .. } | Self::NotJson { .. } => Some(format!(
                r#"{} takes a file that holds a JSON object, such as `{{"name": "value"}}`"#,
                names.of(Setting::OptionsFile)
            )),
            Self::Schema { .. } | Self::Whole { .. } => None,
        }
    }

    fn is_wrong_use(&self) -> bool {
        !matches!(self, Self::File { .. })
    }
}
