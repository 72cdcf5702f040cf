//! The offsets of a consumer group as an operator looks at them and changes them while no member reads.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::offsets::{Offsets, Partition, Position};
use super::start::StartTime;
use crate::text::plural;

/// How many of several wrong offsets a message names.
const NAMED: usize = 3;

/// The committed positions of a group.
pub type Committed = BTreeMap<Partition, Position>;

/// The offsets that a partition has: from its first record to its end, where the next record comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogRange {
    /// The offset of the first record.
    pub first: u64,
    /// The offset after the last record.
    pub end: u64,
}

/// The ranges of those partitions that have a leader.
pub type LogRanges = BTreeMap<Partition, LogRange>;

impl LogRange {
    /// Whether reading can go on at this offset.
    #[must_use]
    pub fn contains(self, next: u64) -> bool {
        (self.first..=self.end).contains(&next)
    }

    /// The lag of a position; of a partition without one, all its records. None where the log does not have the
    /// offset.
    #[must_use]
    pub fn lag(self, next: Option<u64>) -> Option<u64> {
        let next = next.unwrap_or(self.first);
        self.contains(next).then(|| self.end - next)
    }
}

/// A topic, or one of its partitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicChoice {
    /// The topic's whole name.
    pub topic: String,
    /// The partition; none for all.
    pub partition: Option<u32>,
}

/// A topic or a partition that the cluster does not have, as the rest of a sentence about the cluster.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unknown {
    /// There is no such topic, or the account may not see it.
    #[error("has no topic `{topic}` that the account may see")]
    Topic {
        /// The topic.
        topic: String,
    },
    /// The topic has fewer partitions.
    #[error("has no {partition}: the topic has {}", plural(*count, "partition"))]
    Partition {
        /// The partition.
        partition: Partition,
        /// The number of partitions that the topic has.
        count: u32,
    },
}

/// The topics of a cluster with the numbers of their partitions.
pub type TopicSizes = BTreeMap<Arc<str>, u32>;

/// The partitions of the topics that are chosen, or of those for which the group has committed an offset if none are.
///
/// # Errors
/// When a topic or partition that is chosen does not exist.
pub fn select(
    sizes: &TopicSizes,
    choices: &[TopicChoice],
    committed: &Committed,
) -> Result<Vec<Partition>, Unknown> {
    let mut selected: Vec<Partition> = Vec::new();
    if choices.is_empty() {
        // A committed partition may be gone from the cluster, and its siblings may have no offset yet.
        selected.extend(committed.keys().cloned());
        let mut topics: Vec<_> = committed.keys().map(|known| &known.topic).collect();
        topics.dedup();
        for topic in topics {
            let count = sizes.get(topic).copied().unwrap_or_default();
            selected.extend(partitions(topic, 0..count));
        }
    }
    for choice in choices {
        let Some((topic, &count)) = sizes.get_key_value(choice.topic.as_str()) else {
            return Err(Unknown::Topic {
                topic: choice.topic.clone(),
            });
        };
        match choice.partition {
            None => selected.extend(partitions(topic, 0..count)),
            Some(number) if number < count => {
                selected.extend(partitions(topic, number..number + 1));
            }
            Some(number) => {
                let partition = Partition {
                    topic: Arc::clone(topic),
                    number,
                };
                return Err(Unknown::Partition { partition, count });
            }
        }
    }
    selected.sort_unstable();
    selected.dedup();
    Ok(selected)
}

fn partitions(
    topic: &Arc<str>,
    numbers: std::ops::Range<u32>,
) -> impl Iterator<Item = Partition> + '_ {
    numbers.map(|number| Partition {
        topic: Arc::clone(topic),
        number,
    })
}

/// Refuses partitions that the cluster does not have.
///
/// # Errors
/// The first such partition.
pub fn check_partitions(sizes: &TopicSizes, wanted: &Offsets) -> Result<(), Unknown> {
    for partition in wanted.keys() {
        match sizes.get(&partition.topic) {
            None => {
                return Err(Unknown::Topic {
                    topic: partition.topic.to_string(),
                });
            }
            Some(&count) if partition.number >= count => {
                return Err(Unknown::Partition {
                    partition: partition.clone(),
                    count,
                });
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// Offsets that their partitions do not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct OutOfRange(Vec<(Partition, u64, LogRange)>);

impl OutOfRange {
    /// The first partition with such an offset.
    #[must_use]
    pub fn first(&self) -> Option<&Partition> {
        self.0.first().map(|(partition, ..)| partition)
    }
}

impl fmt::Display for OutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (partition, next, LogRange { first, end })) in
            self.0.iter().take(NAMED).enumerate()
        {
            let before = if index == 0 { "" } else { "; " };
            write!(
                f,
                "{before}offset {next} of {partition} is out of range: the partition begins at {first} and ends at {end}"
            )?;
        }
        match self.0.len().saturating_sub(NAMED) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

/// Refuses offsets that the partitions do not have. Partitions without a range are not checked.
///
/// # Errors
/// All offsets that are out of range.
pub fn check_ranges(wanted: &Offsets, ranges: &LogRanges) -> Result<(), OutOfRange> {
    let out_of_range = wanted.iter().filter_map(|(partition, &next)| {
        let range = *ranges.get(partition)?;
        (!range.contains(next)).then(|| (partition.clone(), next, range))
    });
    let out_of_range: Vec<_> = out_of_range.collect();
    if out_of_range.is_empty() {
        Ok(())
    } else {
        Err(OutOfRange(out_of_range))
    }
}

/// The time at which a group started, as the notes of its positions say; none where it started at the beginnings.
#[must_use]
pub fn start_time(committed: &Committed) -> Option<StartTime> {
    let notes = committed.values().map(|position| &position.note);
    notes.filter_map(|note| StartTime::of_note(note)).min()
}

/// A position that is committed instead of another, or of none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The position that is committed now.
    pub before: Option<Position>,
    /// The position that is to be committed.
    pub after: Position,
}

/// The changes that lead from the committed positions to the wanted ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// The partitions that change.
    pub changes: BTreeMap<Partition, Change>,
    /// The number of wanted positions that are committed already.
    pub unchanged: usize,
}

impl Changes {
    /// Compares the committed positions with the wanted ones, whose notes are to have the time at which the group
    /// started, if it started at one. Other parts of a note stay only with the offset that they were committed with.
    #[must_use]
    pub fn between(committed: &Committed, wanted: &Offsets, start: Option<StartTime>) -> Self {
        let mut found = Self::default();
        for (partition, &next) in wanted {
            let before = committed.get(partition);
            let is_same = before.is_some_and(|before| {
                before.next == next && StartTime::of_note(&before.note) == start
            });
            if is_same {
                found.unchanged += 1;
                continue;
            }
            let change = Change {
                before: before.cloned(),
                after: Position {
                    next,
                    note: start.map(StartTime::note).unwrap_or_default(),
                },
            };
            found.changes.insert(partition.clone(), change);
        }
        found
    }

    /// The positions to commit.
    #[must_use]
    pub fn positions(&self) -> Committed {
        let changes = self.changes.iter();
        changes
            .map(|(partition, change)| (partition.clone(), change.after.clone()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(topic: &str, number: u32) -> Partition {
        Partition {
            topic: topic.into(),
            number,
        }
    }

    fn position(next: u64, note: &str) -> Position {
        Position {
            next,
            note: note.to_owned(),
        }
    }

    fn sizes() -> TopicSizes {
        [("a".into(), 3), ("b".into(), 1)].into()
    }

    fn choice(topic: &str, partition: Option<u32>) -> TopicChoice {
        TopicChoice {
            topic: topic.to_owned(),
            partition,
        }
    }

    #[test]
    fn without_a_choice_the_topics_of_the_group_are_selected_with_all_their_partitions() {
        let committed = [
            (partition("a", 1), position(5, "")),
            (partition("gone", 4), position(5, "")),
        ];
        let selected = select(&sizes(), &[], &committed.into()).unwrap();
        let expected = [("a", 0), ("a", 1), ("a", 2), ("gone", 4)];
        assert_eq!(
            selected,
            expected.map(|(topic, number)| partition(topic, number))
        );
        assert_eq!(select(&sizes(), &[], &Committed::new()), Ok(Vec::new()));
    }

    #[test]
    fn choices_select_once_and_nothing_else() {
        let committed = [(partition("a", 1), position(5, ""))].into();
        let choices = [
            choice("b", None),
            choice("a", Some(2)),
            choice("b", Some(0)),
        ];
        let selected = select(&sizes(), &choices, &committed).unwrap();
        assert_eq!(selected, [partition("a", 2), partition("b", 0)]);
    }

    #[test]
    fn topics_and_partitions_that_do_not_exist_are_refused() {
        let unknown = |choice| select(&sizes(), &[choice], &Committed::new()).unwrap_err();
        assert_eq!(
            unknown(choice("c", None)).to_string(),
            "has no topic `c` that the account may see"
        );
        let too_high = "has no `a` partition 3: the topic has 3 partitions";
        assert_eq!(unknown(choice("a", Some(3))).to_string(), too_high);
        let wanted =
            |topic, number| check_partitions(&sizes(), &[(partition(topic, number), 0)].into());
        assert_eq!(wanted("a", 2), Ok(()));
        assert_eq!(wanted("a", 3).unwrap_err().to_string(), too_high);
        assert!(wanted("c", 0).is_err());
    }

    #[test]
    fn offsets_from_the_first_record_to_the_end_are_in_range() {
        let range = LogRange { first: 3, end: 10 };
        let ranges = [(partition("a", 0), range), (partition("a", 1), range)].into();
        let check = |one, other| {
            let wanted = [
                (partition("a", 0), one),
                (partition("a", 1), other),
                (partition("no leader", 0), 99),
            ];
            check_ranges(&wanted.into(), &ranges)
        };
        assert_eq!(check(3, 10), Ok(()));
        let error = check(2, 11).unwrap_err();
        assert_eq!(error.first(), Some(&partition("a", 0)));
        assert_eq!(
            error.to_string(),
            "offset 2 of `a` partition 0 is out of range: the partition begins at 3 and ends at 10; \
             offset 11 of `a` partition 1 is out of range: the partition begins at 3 and ends at 10"
        );
    }

    #[test]
    fn many_wrong_offsets_are_counted() {
        let range = LogRange { first: 0, end: 1 };
        let ranges = (0..5)
            .map(|number| (partition("a", number), range))
            .collect();
        let wanted = (0..5).map(|number| (partition("a", number), 2)).collect();
        let text = check_ranges(&wanted, &ranges).unwrap_err().to_string();
        assert!(text.ends_with("; and 2 more"), "{text}");
    }

    #[test]
    fn lag_is_what_is_left_and_unknown_out_of_range() {
        let range = LogRange { first: 3, end: 10 };
        assert_eq!(range.lag(Some(4)), Some(6));
        assert_eq!(range.lag(None), Some(7));
        assert_eq!(range.lag(Some(2)), None);
        assert_eq!(range.lag(Some(11)), None);
    }

    const NOON: &str = "start=2026-11-27T12:00:00.000Z";

    #[test]
    fn changed_positions_have_the_start_of_the_group_and_nothing_else_of_a_note() {
        let noted = format!("{NOON} topic=x");
        let committed: Committed = [
            (partition("a", 0), position(5, &noted)),
            (partition("a", 1), position(5, &noted)),
        ]
        .into();
        let wanted = [
            (partition("a", 0), 5),
            (partition("a", 1), 6),
            (partition("a", 2), 0),
        ]
        .into();
        let changes = Changes::between(&committed, &wanted, start_time(&committed));
        assert_eq!(changes.unchanged, 1);
        assert_eq!(
            changes.positions(),
            [
                (partition("a", 1), position(6, NOON)),
                (partition("a", 2), position(0, NOON))
            ]
            .into()
        );
    }

    #[test]
    fn another_start_of_the_group_is_a_change_even_at_the_same_offset() {
        let committed: Committed = [
            (partition("a", 0), position(5, NOON)),
            (partition("a", 1), position(5, "")),
        ]
        .into();
        let wanted = [(partition("a", 0), 5), (partition("a", 1), 5)].into();
        let changes = Changes::between(&committed, &wanted, None);
        assert_eq!(changes.unchanged, 1);
        assert_eq!(
            changes.positions(),
            [(partition("a", 0), position(5, ""))].into()
        );
        let other = StartTime::from_ms(0);
        let changes = Changes::between(&committed, &wanted, Some(other));
        assert_eq!(changes.unchanged, 0);
        let notes: Vec<_> = changes
            .positions()
            .into_values()
            .map(|one| one.note)
            .collect();
        assert_eq!(notes, [other.note(), other.note()]);
    }

    #[test]
    fn group_started_at_the_earliest_time_in_its_notes() {
        let early = "start=2026-11-27T11:00:00.000Z";
        let committed = [
            (partition("a", 0), position(5, NOON)),
            (partition("a", 1), position(5, early)),
            (partition("a", 2), position(5, "")),
        ];
        assert_eq!(start_time(&committed.into()), StartTime::of_note(early));
        assert_eq!(start_time(&Committed::new()), None);
    }
}
