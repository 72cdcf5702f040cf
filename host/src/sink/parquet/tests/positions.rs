//! Positions that are committed with the rows before them.

use std::task::Poll;

use super::*;
use crate::journal::offsets::{Confirmation, Offsets, Partition, Position};

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

/// A checkpoint with some rows.
pub(super) fn commit(
    sink: &mut dyn Sink,
    number: u64,
    from: &[(u32, u64)],
    to: &[(u32, u64)],
    rows: &[Stream],
) -> Result<Committed, SinkError> {
    let (from, to) = (offsets(from), offsets(to));
    let checkpoint = Checkpoint {
        notes: &BTreeMap::new(),
        worker: 0,
        number,
        from: &from,
        to: &to,
        topics: &Topics::new(),
        rows,
        membership: None,
    };
    finish(sink, &checkpoint)
}

pub(super) fn known(sink: &mut dyn Sink, number: u32) -> Option<(u64, String)> {
    let Poll::Ready(found) = sink.offsets().unwrap().load(&[partition(number)]).unwrap() else {
        panic!("nobody commits");
    };
    let position = found[&partition(number)].clone()?;
    Some((position.next, position.note))
}

fn open(world: &World) -> Folder {
    world.open_as(&[only_numbers()], &owner(Some("g"))).unwrap()
}

#[test]
fn loser_tries_the_next_number_and_who_lost_its_partition_is_stale() {
    let world = World::new();
    // Two processes.
    let (one, other) = (open(&world), open(&world));
    let (mut one, mut other) = (one.sink(0).unwrap(), other.sink(0).unwrap());
    assert_eq!(known(&mut *one, 0), None);
    assert_eq!(known(&mut *other, 1), None);
    let done = commit(&mut *one, 1, &[(0, 5)], &[(0, 9)], &numbers(0..10));
    assert_eq!(done.unwrap(), Committed::Done);
    // It does not know the first manifest yet.
    let done = commit(&mut *other, 1, &[(1, 0)], &[(1, 3)], &numbers(10..15));
    assert_eq!(done.unwrap(), Committed::Done);
    for (number, from, to) in [(2, 5, 7), (3, 0, 12), (4, 8, 10)] {
        let rows = numbers(100..101);
        let stale = commit(&mut *other, number, &[(0, from)], &[(0, to)], &rows);
        assert_eq!(stale.unwrap(), Committed::Stale);
    }
    // A partition that goes on, beside one that belongs to another worker.
    let both = [(0, 8), (1, 3)];
    let stale = commit(&mut *other, 5, &both, &[(0, 12), (1, 4)], &numbers(0..1));
    assert_eq!(stale.unwrap(), Committed::Stale);
    assert_eq!(known(&mut *one, 1), Some((3, String::new())));
    let both = [(0, 9), (1, 3)];
    let done = commit(&mut *other, 6, &both, &[(0, 12), (1, 4)], &[]);
    assert_eq!(done.unwrap(), Committed::Done);
    assert_eq!(known(&mut *one, 0), Some((12, String::new())));
    let numbers: Vec<_> = world
        .manifests()
        .iter()
        .map(|(_, one)| one.number)
        .collect();
    assert_eq!(numbers, [1, 2, 3]);
    assert_eq!(world.rows("numbers").len(), 15);
    // Files of checkpoints that were not committed are gone.
    assert_eq!(world.files("numbers"), 2);
}

#[test]
fn start_is_kept_with_its_note_and_never_moved() {
    let world = World::new();
    let folder = open(&world);
    let mut sink = folder.sink(0).unwrap();
    let start = |next, note: &str| {
        let note = note.to_owned();
        BTreeMap::from([(partition(0), Position { next, note })])
    };
    let store = sink.offsets().unwrap();
    assert_eq!(store.check().unwrap(), Confirmation::Idle);
    store
        .send(&start(7, "start=1 topic=0000000000000000000000000000000a"))
        .unwrap();
    assert_eq!(store.check().unwrap(), Confirmation::Confirmed);
    assert_eq!(store.check().unwrap(), Confirmation::Idle);
    // Another worker starts it later, and with other settings.
    store.send(&start(9, "")).unwrap();
    assert_eq!(store.check().unwrap(), Confirmation::Confirmed);
    assert_eq!(world.manifests().len(), 1);
    let stale = commit(&mut *sink, 1, &[(0, 9)], &[(0, 10)], &[]);
    assert_eq!(stale.unwrap(), Committed::Stale);
    let done = commit(&mut *sink, 2, &[(0, 7)], &[(0, 10)], &[]);
    assert_eq!(done.unwrap(), Committed::Done);
    let note = "start=1 topic=0000000000000000000000000000000a".to_owned();
    assert_eq!(known(&mut *sink, 0), Some((10, note)));
    // The topic was created again.
    let store = sink.offsets().unwrap();
    store
        .send(&start(0, "topic=0000000000000000000000000000000b"))
        .unwrap();
    assert_eq!(store.check().unwrap(), Confirmation::Confirmed);
    assert_eq!(known(&mut *sink, 0).unwrap().0, 0);
}

#[test]
fn start_reads_a_snapshot_and_what_comes_after_it() {
    let world = World::new();
    let folder = open(&world);
    let mut sink = folder.sink(0).unwrap();
    for number in 0..205 {
        // Each partition is advanced once in a while.
        let (partition, at) = (u32::try_from(number % 7).unwrap(), number / 7);
        let rows = if number == 3 {
            numbers(0..1)
        } else {
            Vec::new()
        };
        let done = commit(
            &mut *sink,
            number + 1,
            &[(partition, at)],
            &[(partition, at + 1)],
            &rows,
        );
        assert_eq!(done.unwrap(), Committed::Done);
    }
    drop((sink, folder));
    for (path, manifest) in world.manifests() {
        if manifest.number < 200 {
            std::fs::remove_file(path).unwrap();
        }
    }
    let again = open(&world);
    let state = again.manifests.state().unwrap();
    assert_eq!((state.number, state.files), (205, 1));
    let mut sink = again.sink(0).unwrap();
    for number in 0..7 {
        let expected = 205 / 7 + u64::from(number < 205 % 7);
        assert_eq!(known(&mut *sink, number).unwrap().0, expected);
    }
    drop((sink, again));
    let gone = world.path.join("_journal/g/00000000000000000203.json");
    std::fs::remove_file(gone).unwrap();
    let refused = world.open_as(&[only_numbers()], &owner(Some("g")));
    let text = refused.map(drop).unwrap_err().to_string();
    assert!(text.contains("the manifest 203 is missing"), "{text}");
}

#[test]
fn groups_of_one_folder_have_positions_of_their_own() {
    let world = World::new();
    let folder = open(&world);
    let mut sink = folder.sink(0).unwrap();
    commit(&mut *sink, 1, &[(0, 0)], &[(0, 5)], &numbers(0..1)).unwrap();
    let texts = [output("texts", &[("t", ColumnType::Text, false)], None)];
    let other = world.open_as(&texts, &owner(Some("h"))).unwrap();
    assert_eq!(known(&mut *other.sink(0).unwrap(), 0), None);
    assert_eq!(other.deciding(), folder.deciding());
    let alone = world.open_as(&texts, &owner(Some("i"))).map(drop);
    let text = alone.unwrap_err().to_string();
    assert!(
        text.contains("belongs to") && text.contains("the group `h`"),
        "{text}"
    );
    assert!(
        world
            .open(&[output("more", &[("t", ColumnType::Text, false)], None)])
            .deciding()
            .is_none()
    );
}
