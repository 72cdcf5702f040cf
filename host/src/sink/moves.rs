//! The positions that a checkpoint advances, as whoever keeps them compares them with its own.
//!
//! A database has the positions of a group beside the rows. In the transaction of a checkpoint it advances those that
//! are still the ones that the worker went on from: otherwise another worker has its partitions. Topics leave them to the
//! group, which is asked when a transaction is in doubt.

use std::collections::BTreeMap;

use super::Checkpoint;
use crate::journal::offsets::{Partition, Position};
use crate::journal::topic_note;

/// A position that changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Move {
    pub(super) partition: Partition,
    /// Where the worker went on from. Kafka's offsets are signed.
    pub(super) first: i64,
    /// The next record to read.
    pub(super) next: i64,
    /// The identifier of the topic; empty where it is not known.
    pub(super) topic_id: String,
}

/// How the positions that are kept compare with those that a worker goes on from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compared {
    /// They are the same, or not there yet.
    First,
    /// They are those after the checkpoint already.
    Next,
    /// Another worker has advanced one of them.
    Other,
}

/// The positions that a checkpoint changes, in the order of their partitions.
pub(super) fn of(checkpoint: &Checkpoint<'_>) -> Vec<Move> {
    let Checkpoint {
        from, to, topics, ..
    } = *checkpoint;
    let changed = to.iter().filter_map(|(partition, &next)| {
        let first = from.get(partition).copied().unwrap_or(next);
        let topic_id = topics.get(partition).copied().map(id);
        (first != next).then(|| Move {
            partition: partition.clone(),
            first: integer(first),
            next: integer(next),
            topic_id: topic_id.unwrap_or_default(),
        })
    });
    changed.collect()
}

/// Compares positions with those that are kept: the next record, and the identifier of the topic.
pub(super) fn compare(
    moves: &[Move],
    found: impl Fn(&Partition) -> Option<(i64, String)>,
) -> Compared {
    let (mut are_first, mut are_next) = (true, true);
    for one in moves {
        // A topic that was created again is another one.
        let is_same_topic =
            |id: &String| *id == one.topic_id || id.is_empty() || one.topic_id.is_empty();
        match found(&one.partition) {
            None => are_next = false,
            Some((at, id)) => {
                are_first &= at == one.first && is_same_topic(&id);
                are_next &= at == one.next && is_same_topic(&id);
            }
        }
    }
    match (are_first, are_next) {
        (true, _) => Compared::First,
        (false, true) => Compared::Next,
        (false, false) => Compared::Other,
    }
}

/// An identifier of a topic as databases have it.
pub(super) fn id(topic: u128) -> String {
    format!("{topic:032x}")
}

/// Kafka's offsets are signed.
pub(super) fn integer(offset: u64) -> i64 {
    i64::try_from(offset).unwrap_or(i64::MAX)
}

/// A position that a database has.
pub(super) fn position(next: u64, note: &str, topic_id: &str) -> Position {
    let id = u128::from_str_radix(topic_id, 16);
    Position {
        next,
        note: id.map_or(note.to_owned(), |id| topic_note::join(note, id)),
    }
}

/// Positions whose notes do not have the identifiers of their topics.
pub(super) fn without_topics(
    mut positions: BTreeMap<Partition, Position>,
) -> BTreeMap<Partition, Position> {
    for position in positions.values_mut() {
        (position.note, _) = topic_note::split(&position.note);
    }
    positions
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::offsets::Offsets;
    use crate::sink::Topics;

    fn partition(number: u32) -> Partition {
        Partition {
            topic: "t".into(),
            number,
        }
    }

    #[test]
    fn all_positions_have_moved_or_none() {
        let from: Offsets = [(partition(0), 5), (partition(1), 7), (partition(2), 1)].into();
        let to: Offsets = [(partition(0), 6), (partition(1), 9), (partition(2), 1)].into();
        let topics: Topics = [(partition(0), 10)].into();
        let checkpoint = Checkpoint {
            worker: 0,
            number: 1,
            from: &from,
            to: &to,
            topics: &topics,
            notes: &BTreeMap::new(),
            rows: &[],
            membership: None,
        };
        let moves = of(&checkpoint);
        // The third one stays.
        assert_eq!(moves.len(), 2);
        assert_eq!((moves[0].first, moves[0].next), (5, 6));
        let compared = |first: Option<(i64, &str)>, second: Option<i64>| {
            let found = |one: &Partition| match one.number {
                0 => first.map(|(at, id)| (at, id.to_owned())),
                _ => second.map(|at| (at, String::new())),
            };
            compare(&moves, found)
        };
        let (own, other) = (id(10), id(11));
        assert_eq!(compared(None, None), Compared::First);
        assert_eq!(compared(Some((5, &own)), Some(7)), Compared::First);
        assert_eq!(compared(Some((5, "")), None), Compared::First);
        assert_eq!(compared(Some((5, &other)), Some(7)), Compared::Other);
        assert_eq!(compared(Some((6, &own)), Some(9)), Compared::Next);
        assert_eq!(compared(Some((6, &other)), Some(9)), Compared::Other);
        assert_eq!(compared(Some((6, &own)), Some(7)), Compared::Other);
        assert_eq!(compared(Some((6, &own)), None), Compared::Other);
        assert_eq!(compared(Some((8, &own)), Some(9)), Compared::Other);
    }
}
