//! The parts of partitions that are recorded.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::error::Error;
use crate::journal::batch::Topic;
use crate::journal::offsets::{Offsets, Partition, Start};
use crate::kafka::{Catalog, partitions_of};

/// Where the recorded part of each partition begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    /// At the first record that is not older, in milliseconds since 1970.
    Time(i64),
    /// At this offset.
    Offset(u64),
}

/// Partitions that are recorded: one number in one topic, or in all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PartitionChoice {
    /// The topic's whole name; any topic if absent.
    pub(crate) topic: Option<String>,
    /// The number in the topic.
    pub(crate) number: u32,
}

impl fmt::Display for PartitionChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.topic {
            Some(topic) => write!(f, "`{topic}:{}`", self.number),
            None => write!(f, "`{}`", self.number),
        }
    }
}

/// The recorded part of one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) partition: Partition,
    /// The index of its topic.
    pub(super) topic: usize,
    /// The next offset to read.
    pub(super) next: u64,
    /// The offset before which it ends.
    pub(super) end: u64,
}

/// The partitions of the topics that were chosen, with the index of their topic.
///
/// # Errors
/// When there is no such partition.
pub(super) fn partitions(
    topics: &[Topic],
    choices: &[PartitionChoice],
    count: impl Fn(&str) -> Option<u32>,
) -> Result<Vec<(usize, Partition)>, Error> {
    let all: Vec<(usize, Partition)> = topics
        .iter()
        .enumerate()
        .flat_map(|(index, topic)| {
            let partitions = partitions_of(&topic.name, count(&topic.name).unwrap_or(0));
            partitions.map(move |partition| (index, partition))
        })
        .collect();
    if choices.is_empty() {
        return Ok(all);
    }
    let is_it = |choice: &PartitionChoice, partition: &Partition| {
        let topic = choice.topic.as_deref();
        choice.number == partition.number && topic.is_none_or(|topic| *topic == *partition.topic)
    };
    for choice in choices {
        if !all.iter().any(|(_, partition)| is_it(choice, partition)) {
            return Err(Error::NoPartition {
                choice: choice.to_string(),
                topics: topics.iter().map(|topic| topic.name.clone()).collect(),
            });
        }
    }
    let chosen = |partition: &Partition| choices.iter().any(|choice| is_it(choice, partition));
    let all = all.into_iter();
    Ok(all.filter(|(_, partition)| chosen(partition)).collect())
}

/// The topics that these partitions are of, and the partitions with the indexes of these topics.
pub(super) fn only_topics_of(
    topics: Vec<Topic>,
    partitions: &[(usize, Partition)],
) -> (Vec<Topic>, Vec<(usize, Partition)>) {
    let is_one = |topic: &Topic| {
        let mut partitions = partitions.iter();
        partitions.any(|(_, partition)| *partition.topic == *topic.name)
    };
    let topics: Vec<Topic> = topics.into_iter().filter(is_one).collect();
    let index = |partition: &Partition| {
        let mut topics = topics.iter();
        topics.position(|topic| *topic.name == *partition.topic)
    };
    let partitions = partitions.iter();
    let partitions = partitions
        .filter_map(|(_, partition)| Some((index(partition)?, partition.clone())))
        .collect();
    (topics, partitions)
}

/// The parts of these partitions that hold something to record.
///
/// # Errors
/// When the brokers do not return the offsets.
pub(super) fn ranges(
    partitions: Vec<(usize, Partition)>,
    from: Option<Bound>,
    until: Option<Bound>,
    catalog: &Catalog,
) -> Result<Vec<Range>, Error> {
    let of: Vec<Partition> = partitions.iter().map(|(_, own)| own.clone()).collect();
    let first = catalog.offsets(&of, Start::Earliest)?;
    let last = catalog.offsets(&of, Start::Latest)?;
    let at = |bound: Option<Bound>, otherwise: &Offsets| match bound {
        None => Ok(otherwise.clone()),
        Some(Bound::Time(time)) => catalog.offsets(&of, Start::Time(time)),
        Some(Bound::Offset(offset)) => Ok(of.iter().map(|own| (own.clone(), offset)).collect()),
    };
    let (from, until) = (at(from, &first)?, at(until, &last)?);
    Ok(bounded(
        partitions,
        &Bounds {
            first,
            last,
            from,
            until,
        },
    ))
}

struct Bounds {
    first: Offsets,
    last: Offsets,
    from: Offsets,
    until: Offsets,
}

/// The parts that exist of what was asked for.
fn bounded(partitions: Vec<(usize, Partition)>, bounds: &Bounds) -> Vec<Range> {
    let range = |(topic, partition): (usize, Partition)| {
        let at = |offsets: &Offsets| offsets.get(&partition).copied().unwrap_or(0);
        let next = at(&bounds.from).max(at(&bounds.first));
        let end = at(&bounds.until).min(at(&bounds.last));
        (next < end).then_some(Range {
            partition,
            topic,
            next,
            end,
        })
    };
    partitions.into_iter().filter_map(range).collect()
}

/// Finds the range of a message in a few nanoseconds.
#[derive(Debug)]
pub(super) struct Finder {
    by_name: BTreeMap<Partition, usize>,
    /// From librdkafka's topic handle and partition.
    by_handle: BTreeMap<(usize, i32), Option<usize>>,
}

impl Finder {
    pub(super) fn new(ranges: &[Range]) -> Self {
        let names = ranges.iter().enumerate();
        Self {
            by_name: names
                .map(|(index, range)| (range.partition.clone(), index))
                .collect(),
            by_handle: BTreeMap::new(),
        }
    }

    /// The index of a partition's range.
    pub(super) fn of(&self, topic: &str, number: i32) -> Option<usize> {
        let partition = Partition {
            topic: Arc::from(topic),
            number: u32::try_from(number).ok()?,
        };
        self.by_name.get(&partition).copied()
    }

    /// The index of the range of a message with this topic handle and partition; `name` gives its topic's name.
    pub(super) fn of_message(
        &mut self,
        handle: usize,
        number: i32,
        name: impl FnOnce() -> Option<String>,
    ) -> Option<usize> {
        if let Some(&found) = self.by_handle.get(&(handle, number)) {
            return found;
        }
        let found = name().and_then(|name| self.of(&name, number));
        self.by_handle.insert((handle, number), found);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topics() -> Vec<Topic> {
        let topic = |object_type: &str| Topic {
            name: format!("p.{object_type}"),
            object_type: object_type.to_owned(),
            privileged: false,
        };
        vec![topic("a"), topic("b")]
    }

    fn choice(topic: Option<&str>, number: u32) -> PartitionChoice {
        PartitionChoice {
            topic: topic.map(str::to_owned),
            number,
        }
    }

    fn chosen(choices: &[PartitionChoice]) -> Result<Vec<String>, String> {
        let count = |topic: &str| Some(if topic == "p.a" { 2 } else { 1 });
        partitions(&topics(), choices, count)
            .map(|all| {
                let all = all.into_iter();
                all.map(|(_, own)| format!("{}:{}", own.topic, own.number))
                    .collect()
            })
            .map_err(|error| error.to_string())
    }

    #[test]
    fn partitions_are_chosen_in_one_topic_or_in_all() {
        assert_eq!(chosen(&[]).unwrap(), ["p.a:0", "p.a:1", "p.b:0"]);
        assert_eq!(chosen(&[choice(None, 0)]).unwrap(), ["p.a:0", "p.b:0"]);
        let two = [choice(Some("p.a"), 1), choice(Some("p.b"), 0)];
        assert_eq!(chosen(&two).unwrap(), ["p.a:1", "p.b:0"]);
    }

    #[test]
    fn topics_without_a_chosen_partition_are_left_out() {
        let partitions = |choices: &[PartitionChoice]| {
            let chosen = partitions(&topics(), choices, |_| Some(1)).unwrap();
            let (topics, chosen) = only_topics_of(topics(), &chosen);
            let names: Vec<String> = topics.into_iter().map(|topic| topic.name).collect();
            let indexes: Vec<usize> = chosen.into_iter().map(|(index, _)| index).collect();
            (names, indexes)
        };
        let second = partitions(&[choice(Some("p.b"), 0)]);
        assert_eq!(second, (vec!["p.b".to_owned()], vec![0]));
        let both = partitions(&[choice(None, 0)]);
        assert_eq!(both, (vec!["p.a".to_owned(), "p.b".to_owned()], vec![0, 1]));
    }

    #[test]
    fn partition_that_does_not_exist_is_refused() {
        let refusal = chosen(&[choice(None, 0), choice(Some("p.b"), 1)]).unwrap_err();
        assert_eq!(
            refusal,
            "there is no partition `p.b:1` among the topics `p.a`, `p.b`"
        );
    }

    #[test]
    fn ranges_are_cut_to_what_the_partitions_hold() {
        let own = |number| Partition {
            topic: "p.a".into(),
            number,
        };
        let offsets = |pairs: [u64; 3]| -> Offsets { (0..).map(own).zip(pairs).collect() };
        let bounds = Bounds {
            first: offsets([5, 0, 0]),
            last: offsets([10, 4, 7]),
            from: offsets([0, 4, 2]),
            until: offsets([20, 9, 3]),
        };
        let all = (0..3).map(|number| (0, own(number))).collect();
        let found: Vec<_> = bounded(all, &bounds)
            .into_iter()
            .map(|range| (range.partition.number, range.next, range.end))
            .collect();
        assert_eq!(found, [(0, 5, 10), (2, 2, 3)]);
    }
}
