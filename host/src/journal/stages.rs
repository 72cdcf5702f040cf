//! Object types in stages, for a replay that reads each stage to its end before the next one.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use super::batch::Topic;
use crate::text::{self, list};

/// Object types such that objects refer to those of earlier stages or of their own.
const DEPENDENCIES_FIRST: [&[&str]; 6] = [
    &[
        "content",
        "skipped_content",
        "hash_colliding_content",
        "origin",
        "metadata_authority",
        "metadata_fetcher",
    ],
    &["directory", "origin_visit"],
    &["revision"],
    &["release"],
    &["snapshot"],
    &["origin_visit_status", "extid", "raw_extrinsic_metadata"],
];

/// The object type of Software Heritage that was probably meant by a name that is none. A journal may have others.
#[must_use]
pub fn meant_type(name: &str) -> Option<&'static str> {
    let known = DEPENDENCIES_FIRST.concat();
    if known.contains(&name) {
        return None;
    }
    text::nearest(name, &known)
}

/// The order of stages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// No object refers to one of a later stage.
    DependenciesFirst,
    /// No object refers to one of an earlier stage.
    Reverse,
    /// These object types, stage by stage.
    Given(Vec<Vec<String>>),
}

/// The topics of one stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// At least one.
    pub topics: Vec<Arc<Topic>>,
}

impl Order {
    /// Divides topics among stages. An order that is given leaves out topics of other object types; object types that
    /// the other orders do not know may refer to everything, and are last or first.
    #[must_use]
    pub fn divide(&self, topics: &[Arc<Topic>]) -> Vec<Stage> {
        let of_types = |is_one: &dyn Fn(&str) -> bool| Stage {
            topics: topics
                .iter()
                .filter(|topic| is_one(&topic.object_type))
                .cloned()
                .collect(),
        };
        let mut stages: Vec<_> = match self {
            Self::Given(stages) => stages
                .iter()
                .map(|types| of_types(&|one| types.iter().any(|known| known == one)))
                .collect(),
            Self::DependenciesFirst | Self::Reverse => {
                let known = DEPENDENCIES_FIRST.map(|types| of_types(&|one| types.contains(&one)));
                let others = of_types(&|one| {
                    let mut known = DEPENDENCIES_FIRST.iter();
                    !known.any(|types| types.contains(&one))
                });
                known.into_iter().chain([others]).collect()
            }
        };
        if *self == Self::Reverse {
            stages.reverse();
        }
        stages.retain(|stage| !stage.topics.is_empty());
        stages
    }
}

impl Stage {
    /// Whether a topic is one of the stage.
    #[must_use]
    pub fn has(&self, topic: &str) -> bool {
        self.topics.iter().any(|own| own.name == topic)
    }

    /// The object types, sorted.
    #[must_use]
    pub fn object_types(&self) -> Vec<String> {
        let types = self.topics.iter().map(|topic| topic.object_type.clone());
        types.collect::<BTreeSet<_>>().into_iter().collect()
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&list(self.object_types()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistyped_object_type_is_like_a_known_one() {
        assert_eq!(meant_type("relase"), Some("release"));
        assert_eq!(meant_type("origin-visit"), Some("origin_visit"));
        assert_eq!(meant_type("release"), None);
        assert_eq!(meant_type("event"), None);
    }

    fn topics(types: &[&str]) -> Vec<Arc<Topic>> {
        let topic = |&object_type: &&str| {
            Arc::new(Topic {
                name: format!("p.{object_type}"),
                object_type: object_type.to_owned(),
                privileged: false,
            })
        };
        types.iter().map(topic).collect()
    }

    fn divided(order: &Order, types: &[&str]) -> Vec<String> {
        let stages = order.divide(&topics(types));
        stages.iter().map(ToString::to_string).collect()
    }

    const TYPES: [&str; 6] = [
        "revision",
        "content",
        "new_type",
        "directory",
        "skipped_content",
        "snapshot",
    ];

    #[test]
    fn dependencies_are_first_and_unknown_types_last() {
        let stages = [
            "`content`, `skipped_content`",
            "`directory`",
            "`revision`",
            "`snapshot`",
            "`new_type`",
        ];
        assert_eq!(divided(&Order::DependenciesFirst, &TYPES), stages);
        let mut reversed = stages;
        reversed.reverse();
        assert_eq!(divided(&Order::Reverse, &TYPES), reversed);
    }

    #[test]
    fn given_stages_keep_their_order_and_those_without_a_topic_are_left_out() {
        let given = [
            vec!["snapshot", "revision"],
            vec!["release"],
            vec!["content"],
        ];
        let given = given.map(|types| types.into_iter().map(str::to_owned).collect());
        let order = Order::Given(given.to_vec());
        assert_eq!(
            divided(&order, &TYPES),
            ["`revision`, `snapshot`", "`content`"]
        );
    }
}
