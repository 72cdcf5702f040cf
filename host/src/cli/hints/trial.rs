//! A plugin that does not pass its test.

use super::Explain;
use crate::cli::names::Names;
use crate::config::Setting;
use crate::text::with_causes;
use crate::trial::Error;

impl Explain for Error {
    fn sentence(&self, names: Names<'_>) -> String {
        match self {
            Self::Build(error) => error.sentence(names),
            Self::Source(error) => error.sentence(names),
            Self::Worker(error) => error.sentence(names),
            _ => with_causes(self),
        }
    }

    fn hint(&self, names: Names<'_>) -> Option<String> {
        Some(match self {
            Self::Build(error) => return error.hint(names),
            Self::Source(error) => return error.hint(names),
            Self::Worker(error) => return error.hint(names),
            Self::Start(error) => return error.hint(names),
            Self::Cluster => format!(
                "copy a part of the cluster with `journal-host record`, and name the file with {}",
                names.of(Setting::Recording)
            ),
            Self::NoGolden(_) => "`--update` writes it".to_owned(),
            Self::BadGolden { .. } => {
                "it has lines of JSON, as `run` prints them; `--update` writes it again".to_owned()
            }
            Self::NotExpected { .. } => {
                "if these rows are right, `--update` writes them to the file".to_owned()
            }
            Self::DependsOnSplit { seed, .. } => format!(
                "`--splits 1 --seed {seed}` repeats it; a plugin that adds up over calls declares an aggregate, or leaves `stateless` out of its plan"
            ),
            Self::Golden { .. } | Self::Unmerged(_) | Self::Interrupted => return None,
        })
    }

    fn is_wrong_use(&self) -> bool {
        match self {
            Self::Cluster | Self::NoGolden(_) => true,
            Self::Build(error) => error.is_wrong_use(),
            Self::Source(error) => error.is_wrong_use(),
            Self::Start(error) => error.is_wrong_use(),
            _ => false,
        }
    }
}
