//! What is held back from plugins, and a record of which that cannot be decided.

use super::Explain;
use crate::cli::names::Names;
use crate::config::Setting;
use crate::privacy::{MaskError, Refused};

impl Explain for MaskError {
    fn hint(&self, names: Names<'_>) -> Option<String> {
        let masked = names.of(Setting::Masked);
        Some(match self {
            Self::Open { .. } => format!("{masked} takes the path of a file that can be read"),
            Self::Read { .. } => "copy or make the list again".to_owned(),
            Self::Line { .. } => format!(
                "{masked} takes a file with one SWHID a line, such as `swh:1:cnt:` and 40 of 0-9 and a-f; lines after `#` \
                 are comments"
            ),
            Self::Empty(_) => {
                "the list may have been cut off; one with only a comment masks nothing".to_owned()
            }
            Self::TooMany(_) => return None,
        })
    }

    fn is_wrong_use(&self) -> bool {
        true
    }
}

impl Explain for Refused {
    fn hint(&self, names: Names<'_>) -> Option<String> {
        let types = names.of(Setting::ObjectTypes);
        Some(if self.is_about_the_mask() {
            format!(
                "the record is damaged or of a form that is not known; {types} can leave its object type out"
            )
        } else {
            format!(
                "the record is damaged or of a form that is not known; list its SWHID in {} to drop it, or leave its \
                 object type out with {types}",
                names.of(Setting::Masked)
            )
        })
    }
}
