//! Scripts that cannot be read.

use super::Explain;
use crate::cli::names::Names;
use crate::config::Setting;
use crate::script::ScriptError;

impl Explain for ScriptError {
    fn hint(&self, names: Names<'_>) -> Option<String> {
        Some(match self {
            Self::Missing { .. } => {
                "a script is a `.py` or `.js` file, a folder with a `__main__.py` or `index.js`, or a `.pyz` archive"
                    .to_owned()
            }
            Self::NotAFile { .. } | Self::Link { .. } => {
                "put a copy of the file there: links and devices are not followed".to_owned()
            }
            Self::NoMain { .. } => {
                "`python3 -m zipapp FOLDER -m MODULE:FUNCTION` makes an archive that has it"
                    .to_owned()
            }
            Self::TypeScript { .. } => {
                "compile it first, as with `tsc --module esnext`, and name the `.js` file that this makes".to_owned()
            }
            Self::NotAModule { .. } | Self::NoScript { .. } => format!(
                "{} names a module that a script imports",
                names.of(Setting::With)
            ),
            Self::PrintsNothing { .. } => {
                format!("leave out {}: a plugin writes to its log and its outputs", names.of(Setting::Print))
            }
            Self::Twice { .. } => format!(
                "leave one of them out: {} adds to the files of the script",
                names.of(Setting::With)
            ),
            Self::Compiled { .. } => {
                "use the pure-Python wheel of the package (`-none-any.whl`), if there is one"
                    .to_owned()
            }
            Self::TooMany { .. } | Self::TooLarge { .. } => {
                "leave out what the script does not import".to_owned()
            }
            Self::Archive { .. } => {
                "make it again with `python3 -m zipapp`, or name the folder that it was made of"
                    .to_owned()
            }
            Self::Bundle { .. } => {
                "make it again with `journal-host build`, from the script".to_owned()
            }
            Self::LargeBundle { .. } => "leave out what the script does not import".to_owned(),
            Self::NoRuntime { language, .. } => format!(
                "`./build-runtime {}` makes one beside the host, and {} names another",
                language.build_name(),
                names.of(Setting::Runtime)
            ),
            Self::Read { .. } | Self::BadName { .. } => return None,
        })
    }
}
