//! Positions that are committed with the rows before them.

use std::collections::BTreeMap;
use std::task::Poll;

use super::*;
use crate::journal::offsets::{Confirmation, Offsets, Partition, Position};
use crate::journal::topic_note;
use crate::sink::{BoundOutput, HeldRows, Stream, Topics};

fn partition(number: u32) -> Partition {
    Partition {
        topic: "t".into(),
        number,
    }
}

fn offsets(positions: &[(u32, u64)]) -> Offsets {
    let positions = positions.iter();
    positions
        .map(|&(number, next)| (partition(number), next))
        .collect()
}

fn outputs() -> [Output; 1] {
    [output("rows", &[("a", ColumnType::Int, false)], None)]
}

fn commit(
    sink: &mut dyn Sink,
    from: &[(u32, u64)],
    to: &[(u32, u64)],
    rows: &[Stream],
) -> Committed {
    let (from, to) = (offsets(from), offsets(to));
    let checkpoint = Checkpoint {
        notes: &BTreeMap::new(),
        worker: 0,
        number: 1,
        from: &from,
        to: &to,
        topics: &Topics::new(),
        rows,
        membership: None,
    };
    sink.commit(&checkpoint).unwrap()
}

fn known(sink: &mut dyn Sink, number: u32) -> Option<(u64, String)> {
    let Poll::Ready(found) = sink.offsets().unwrap().load(&[partition(number)]).unwrap() else {
        panic!("the database is not in use");
    };
    let position = found[&partition(number)].clone()?;
    Some((position.next, position.note))
}

/// One row of the output, as its sink gets it.
fn one_row(database: &Database) -> HeldRows {
    let outputs = outputs();
    let bound = BoundOutput {
        output: &outputs[0],
        sink: 0,
        stream: 0,
        encoder: database.encoder(&outputs[0]),
    };
    let mut rows = HeldRows::new(vec![bound], LIMITS);
    let emitted = row(&[("a", V::N(1))]);
    rows.emit(0, &emitted, &[u32::try_from(emitted.len()).unwrap()])
        .unwrap();
    rows.end_call();
    rows
}

#[test]
fn rows_and_positions_are_one_transaction() {
    let world = World::new();
    let database = world.open_as(&outputs(), &owner(Some("g"))).unwrap();
    let rows = one_row(&database);
    let (mut one, mut other) = (database.sink(0).unwrap(), database.sink(1).unwrap());
    assert_eq!(known(&mut *one, 0), None);
    let rows = rows.streams(0);
    assert_eq!(
        commit(&mut *one, &[(0, 5), (1, 0)], &[(0, 9), (1, 0)], rows),
        Committed::Done
    );
    // Nothing was read from the second partition.
    assert_eq!(
        (known(&mut *other, 0), known(&mut *other, 1)),
        (Some((9, String::new())), None)
    );
    // The worker that had the partition before, and a worker that has read an older position.
    for (from, to) in [(5, 7), (0, 12), (8, 10)] {
        assert_eq!(
            commit(&mut *other, &[(0, from)], &[(0, to)], rows),
            Committed::Stale
        );
    }
    // A partition that goes on, beside one that belongs to another worker.
    let mixed = commit(&mut *other, &[(0, 8), (1, 0)], &[(0, 12), (1, 3)], rows);
    assert_eq!(mixed, Committed::Stale);
    assert_eq!(known(&mut *one, 1), None);
    assert_eq!(
        commit(&mut *other, &[(0, 9), (1, 0)], &[(0, 12), (1, 3)], rows),
        Committed::Done
    );
    assert_eq!(world.query("SELECT count(*) FROM rows"), ["2"]);
    assert_eq!(
        world.query("SELECT group_id, topic, partition, next_offset FROM journal_offsets"),
        ["g|t|0|12", "g|t|1|3"]
    );
}

#[test]
fn start_is_kept_with_its_note_and_never_moved() {
    let world = World::new();
    let database = world.open_as(&outputs(), &owner(Some("g"))).unwrap();
    let mut sink = database.sink(0).unwrap();
    let start = |next, note: &str| {
        let note = note.to_owned();
        BTreeMap::from([(partition(0), Position { next, note })])
    };
    let store = sink.offsets().unwrap();
    assert_eq!(store.check().unwrap(), Confirmation::Idle);
    store.send(&start(7, "start=1")).unwrap();
    assert_eq!(store.check().unwrap(), Confirmation::Confirmed);
    assert_eq!(store.check().unwrap(), Confirmation::Idle);
    // Another worker starts it later, and with other settings.
    store.send(&start(9, "")).unwrap();
    assert_eq!(store.check().unwrap(), Confirmation::Confirmed);
    assert_eq!(
        commit(&mut *sink, &[(0, 9)], &[(0, 10)], &[]),
        Committed::Stale
    );
    assert_eq!(
        commit(&mut *sink, &[(0, 7)], &[(0, 10)], &[]),
        Committed::Done
    );
    assert_eq!(known(&mut *sink, 0), Some((10, "start=1".to_owned())));
}

#[test]
fn position_of_a_topic_that_was_deleted_is_replaced_only_by_a_start() {
    let world = World::new();
    let database = world.open_as(&outputs(), &owner(Some("g"))).unwrap();
    let mut sink = database.sink(0).unwrap();
    let mut commit_in = |topic: Option<u128>, from, to| {
        let (from, to) = (offsets(&[(0, from)]), offsets(&[(0, to)]));
        let topics = topic.map(|topic| (partition(0), topic));
        let checkpoint = Checkpoint {
            notes: &BTreeMap::new(),
            worker: 0,
            number: 1,
            from: &from,
            to: &to,
            topics: &topics.into_iter().collect(),
            rows: &[],
            membership: None,
        };
        sink.commit(&checkpoint).unwrap()
    };
    assert_eq!(commit_in(None, 0, 3), Committed::Done);
    assert_eq!(commit_in(Some(7), 3, 5), Committed::Done);
    assert_eq!(commit_in(None, 5, 6), Committed::Done);
    // The same offsets of another topic are other records.
    assert_eq!(commit_in(Some(8), 6, 7), Committed::Stale);
    assert_eq!(commit_in(Some(8), 0, 7), Committed::Stale);
    let of_topic = |next, topic| {
        let note = topic_note::join("start=1", topic);
        BTreeMap::from([(partition(0), Position { next, note })])
    };
    for (topic, expected) in [(7, 6), (8, 2)] {
        let mut sink = database.sink(0).unwrap();
        let store = sink.offsets().unwrap();
        store.send(&of_topic(2, topic)).unwrap();
        assert_eq!(store.check().unwrap(), Confirmation::Confirmed);
        assert_eq!(known(&mut *sink, 0).unwrap().0, expected);
    }
    assert_eq!(commit_in(Some(7), 2, 9), Committed::Stale);
    assert_eq!(commit_in(Some(8), 2, 9), Committed::Done);
    let note = topic_note::join("start=1", 8);
    assert_eq!(known(&mut *database.sink(0).unwrap(), 0), Some((9, note)));
}

#[test]
fn start_waits_for_another_program() {
    let world = World::new();
    let database = world.open_as(&outputs(), &owner(Some("g"))).unwrap();
    let other = Connection::open(&world.path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut sink = database.sink(0).unwrap();
    let store = sink.offsets().unwrap();
    let at = BTreeMap::from([(partition(0), Position::at(3))]);
    store.send(&at).unwrap();
    assert_eq!(store.check().unwrap(), Confirmation::Pending);
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(store.check().unwrap(), Confirmation::Confirmed);
    store.send(&at).unwrap();
    store.retain(&[]);
    assert_eq!(store.check().unwrap(), Confirmation::Idle);
}

#[test]
fn groups_do_not_see_the_positions_of_each_other() {
    let world = World::new();
    let database = world.open_as(&outputs(), &owner(Some("g"))).unwrap();
    commit(&mut *database.sink(0).unwrap(), &[(0, 0)], &[(0, 5)], &[]);
    drop(database);
    let others = [output("others", &[("a", ColumnType::Int, false)], None)];
    let database = world.open_as(&others, &owner(Some("h"))).unwrap();
    let mut sink = database.sink(0).unwrap();
    assert_eq!(known(&mut *sink, 0), None);
    assert_eq!(
        commit(&mut *sink, &[(0, 0)], &[(0, 6)], &[]),
        Committed::Done
    );
    assert_eq!(
        world.query("SELECT next_offset FROM journal_offsets ORDER BY 1"),
        ["5", "6"]
    );
}
