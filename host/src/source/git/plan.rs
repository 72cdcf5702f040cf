//! Which records are read, in which order.
//!
//! What an object names comes before it: contents, directories, revisions, releases, the snapshot, the origin, the visit
//! and its statuses. Within a type the order is that of the list of objects.

use std::sync::Arc;

use super::listing::{Kind, Listing, Object};
use crate::journal::batch::Topic;

/// The object types that a repository has.
pub(super) const OBJECT_TYPES: [&str; 9] = [
    "content",
    "skipped_content",
    "directory",
    "revision",
    "release",
    "snapshot",
    "origin",
    "origin_visit",
    "origin_visit_status",
];

/// A record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// An object of git, and whether it is a content that is skipped.
    Object(Kind, Object, bool),
    /// Something else.
    Single(Single),
}

/// A record of which there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Single {
    Snapshot,
    Origin,
    Visit,
    /// The status at the beginning of the visit.
    Created,
    /// The status at its end.
    Ended,
}

/// Records of one topic that follow one another.
#[derive(Debug)]
struct Section {
    topic: Arc<Topic>,
    /// The position of the first one.
    start: u64,
    /// The position after the last one.
    end: u64,
    what: What,
}

#[derive(Clone, Copy, Debug)]
enum What {
    /// Objects of this type, and whether they are the contents that are skipped.
    Objects(Kind, bool),
    Singles(&'static [Single]),
}

/// The records of a run.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) listing: Arc<Listing>,
    sections: Vec<Section>,
}

impl What {
    /// The records of an object type.
    fn of(object_type: &str) -> Option<Self> {
        Some(match object_type {
            "content" => Self::Objects(Kind::Blob, false),
            "skipped_content" => Self::Objects(Kind::Blob, true),
            "directory" => Self::Objects(Kind::Tree, false),
            "revision" => Self::Objects(Kind::Commit, false),
            "release" => Self::Objects(Kind::Tag, false),
            "snapshot" => Self::Singles(&[Single::Snapshot]),
            "origin" => Self::Singles(&[Single::Origin]),
            "origin_visit" => Self::Singles(&[Single::Visit]),
            "origin_visit_status" => Self::Singles(&[Single::Created, Single::Ended]),
            _ => return None,
        })
    }
}

impl Plan {
    /// The records of these topics.
    pub(super) fn of(listing: Arc<Listing>, topics: &[Arc<Topic>]) -> Self {
        let mut sections = Vec::new();
        let mut start = 0;
        for object_type in OBJECT_TYPES {
            let topic = topics.iter().find(|topic| topic.object_type == object_type);
            let (Some(topic), Some(what)) = (topic, What::of(object_type)) else {
                continue;
            };
            let count = match what {
                What::Objects(kind, is_skipped) => listing.of(kind, is_skipped).len(),
                What::Singles(singles) => singles.len(),
            };
            let end = start + count as u64;
            sections.push(Section {
                topic: Arc::clone(topic),
                start,
                end,
                what,
            });
            start = end;
        }
        Self { listing, sections }
    }

    /// The number of records.
    pub(super) fn records(&self) -> u64 {
        self.sections.last().map_or(0, |section| section.end)
    }

    /// The record at a position, with its topic.
    pub(super) fn at(&self, position: u64) -> Option<(Arc<Topic>, Item)> {
        let mut sections = self.sections.iter();
        let section = sections.find(|section| position < section.end)?;
        let index = usize::try_from(position.checked_sub(section.start)?).ok()?;
        let item = match section.what {
            What::Objects(kind, is_skipped) => {
                let objects = self.listing.of(kind, is_skipped);
                Item::Object(kind, *objects.get(index)?, is_skipped)
            }
            What::Singles(singles) => Item::Single(*singles.get(index)?),
        };
        Some((Arc::clone(&section.topic), item))
    }

    /// The identifiers of the objects from a position on.
    pub(super) fn objects_from(&self, position: u64) -> impl Iterator<Item = [u8; 20]> {
        let sections = self.sections.iter();
        let sections = sections.filter(move |section| position < section.end);
        sections.flat_map(move |section| {
            let skipped = position.saturating_sub(section.start);
            let objects = match section.what {
                What::Objects(kind, is_skipped) => self.listing.of(kind, is_skipped),
                What::Singles(_) => &[],
            };
            let begin = usize::try_from(skipped).unwrap_or(usize::MAX);
            let objects = objects.get(begin..).unwrap_or_default();
            objects.iter().map(|object| object.id)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topics(names: &[&str]) -> Vec<Arc<Topic>> {
        let topic = |name: &&str| {
            Arc::new(Topic {
                name: format!("p.{name}"),
                object_type: (*name).to_owned(),
                privileged: false,
            })
        };
        names.iter().map(topic).collect()
    }

    fn listing() -> Arc<Listing> {
        let objects = |first: u8, count: u8| {
            let numbers = first..first + count;
            let object = numbers.map(|number| Object {
                id: [number; 20],
                size: 0,
            });
            object.collect()
        };
        Arc::new(Listing {
            blobs: objects(10, 2),
            large: objects(20, 1),
            trees: objects(30, 2),
            commits: objects(40, 1),
            tags: objects(50, 1),
            missing: 0,
        })
    }

    #[test]
    fn what_an_object_names_comes_before_it() {
        let mut names = OBJECT_TYPES;
        names.reverse();
        let plan = Plan::of(listing(), &topics(&names));
        let at = |position| {
            plan.at(position)
                .map(|(topic, _)| topic.object_type.clone())
        };
        let found: Vec<_> = (0..).map_while(at).collect();
        let expected = [
            "content",
            "content",
            "skipped_content",
            "directory",
            "directory",
            "revision",
            "release",
            "snapshot",
            "origin",
            "origin_visit",
            "origin_visit_status",
            "origin_visit_status",
        ];
        assert_eq!(found, expected);
        assert_eq!(plan.records(), expected.len() as u64);
    }

    #[test]
    fn objects_are_asked_for_from_any_position() {
        let plan = Plan::of(listing(), &topics(&["directory", "release", "origin"]));
        let from = |position| {
            plan.objects_from(position)
                .map(|id| id[0])
                .collect::<Vec<_>>()
        };
        assert_eq!(from(0), [30, 31, 50]);
        assert_eq!(from(1), [31, 50]);
        assert_eq!(from(2), [50]);
        assert!(from(3).is_empty() && from(9).is_empty());
    }
}
