//! The stages of a replay, as they are written.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use super::{Scalar, ValueError};

/// The stages of a replay: each is read to its end before the next one begins.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "Scalar")]
pub(crate) enum Phases {
    /// No object refers to one of a later stage.
    DependenciesFirst,
    /// No object refers to one of an earlier stage.
    Reverse,
    /// These object types, stage by stage.
    Given(Vec<Vec<String>>),
}

impl fmt::Display for Phases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DependenciesFirst => f.write_str("dependencies-first"),
            Self::Reverse => f.write_str("reverse"),
            Self::Given(stages) => {
                let stages: Vec<_> = stages.iter().map(|stage| stage.join(",")).collect();
                f.write_str(&stages.join("/"))
            }
        }
    }
}

impl FromStr for Phases {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        match text {
            "dependencies-first" => return Ok(Self::DependenciesFirst),
            "reverse" => return Ok(Self::Reverse),
            _ => {}
        }
        let stage = |stage: &str| stage.split(',').map(str::to_owned).collect();
        let stages: Vec<Vec<String>> = text.split('/').map(stage).collect();
        let mut seen = BTreeSet::new();
        for object_type in stages.iter().flatten() {
            if object_type.is_empty() {
                return Err(ValueError::Phases);
            }
            if !seen.insert(object_type) {
                return Err(ValueError::PhaseTwice);
            }
        }
        Ok(Self::Given(stages))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_are_a_preset_or_stages_without_repetition() {
        assert_eq!("reverse".parse(), Ok(Phases::Reverse));
        assert_eq!("dependencies-first".parse(), Ok(Phases::DependenciesFirst));
        let stages = [vec!["revision", "release"], vec!["directory"]];
        let stages = stages.map(|stage| stage.into_iter().map(str::to_owned).collect());
        assert_eq!(
            "revision,release/directory".parse(),
            Ok(Phases::Given(stages.to_vec()))
        );
        for empty in ["", "/", "revision/", "revision,,release", "/content"] {
            assert_eq!(empty.parse::<Phases>(), Err(ValueError::Phases), "{empty}");
        }
        assert_eq!(
            "revision/content,revision".parse::<Phases>(),
            Err(ValueError::PhaseTwice)
        );
    }
}
