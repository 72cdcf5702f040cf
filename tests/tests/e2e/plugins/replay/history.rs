//! Objects of all types, each several times, and tombstones.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use journal_recording::{Frame, Writer};
use journal_tests::cases::{self, Case};
use journal_tests::kafka::Record;
use journal_tests::{oracle, paths, run, seed};
use rmpv::Value;

/// Objects of each type that are drawn in two ways.
const EACH: u32 = 40;
/// The time of the first records, in milliseconds.
const FIRST_MS: i64 = 1_500_000_000_000;

/// A record at a time.
#[derive(Clone, Debug)]
pub(super) struct Event {
    object_type: String,
    key: Vec<u8>,
    /// None for a tombstone.
    value: Option<Vec<u8>>,
    /// What upstream writes after reading the value.
    normal: Option<Vec<u8>>,
    pub(super) time_ms: i64,
}

impl Event {
    pub(super) fn record(&self) -> Record {
        Record {
            object_type: self.object_type.clone(),
            privileged: false,
            key: self.key.clone(),
            value: self.value.clone(),
        }
    }

    fn topic(&self) -> String {
        format!("swh.journal.objects.{}", self.object_type)
    }
}

/// Records of which no two of one key and one time differ.
pub(super) struct History {
    pub(super) events: Vec<Event>,
}

impl History {
    /// Random objects and those of upstream's tests.
    pub(super) fn new(name: &str) -> Self {
        let folder = run::folder(name);
        let mut cases = oracle::cases_of(&oracle::test_objects(&folder));
        cases.extend(oracle::drawn_objects(&folder, seed::fresh(name), EACH));
        Self::of(&cases)
    }

    /// The same with objects in the forms of old records.
    pub(super) fn with_old_messages(name: &str) -> Self {
        let mut history = Self::new(name);
        let cases = cases::read(&paths::old_messages()).into_iter();
        let mut next_ms = history.end_ms();
        for case in cases.filter(|case| case.normal.is_some()) {
            // Each is later than the one before, because their keys do not tell which of them are of one object.
            next_ms += 1;
            history.events.push(event(&case, next_ms));
        }
        history
    }

    /// Each case of a key is later than the one before. Then a third of them comes again, a fifth of the keys is removed, and
    /// some of these come back.
    fn of(cases: &[Case]) -> Self {
        let mut rounds: BTreeMap<(&str, &[u8]), i64> = BTreeMap::new();
        let mut events: Vec<Event> = Vec::new();
        for case in cases {
            let round = rounds.entry((&case.object_type, &case.key)).or_default();
            events.push(event(case, FIRST_MS + *round * 1000));
            *round += 1;
        }
        let mut history = Self { events };
        let first = history.events.clone();
        let of_every = |step: usize| first.iter().step_by(step).cloned();
        let again_ms = history.end_ms() + 1;
        history.push(of_every(3), again_ms);
        let tombstones = of_every(5).map(|event| Event {
            value: None,
            normal: None,
            ..event
        });
        history.push(tombstones, again_ms + 1);
        history.push(of_every(15), again_ms + 2);
        history
    }

    /// Adds the first event of each key.
    fn push(&mut self, events: impl Iterator<Item = Event>, time_ms: i64) {
        let mut of_keys = BTreeMap::new();
        for event in events {
            let name = (event.object_type.clone(), event.key.clone());
            of_keys.entry(name).or_insert(Event { time_ms, ..event });
        }
        self.events.extend(of_keys.into_values());
    }

    fn end_ms(&self) -> i64 {
        let times = self.events.iter().map(|event| event.time_ms);
        times.max().expect("there are events")
    }

    /// Without objects with a U+0000 in a text, which PostgreSQL refuses.
    pub(super) fn without_nul(mut self) -> Self {
        self.events.retain(|event| {
            let mut value = event.value.as_deref().unwrap_or(&event.key);
            let value = rmpv::decode::read_value(&mut value).expect("it is msgpack");
            !has_nul(&value)
        });
        self
    }

    /// The events in another order, which is the same in each run.
    pub(super) fn shuffled(&self) -> Vec<Event> {
        let mixed = |index: usize| {
            let number = u64::try_from(index).expect("it fits");
            number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32
        };
        let mut shuffled: Vec<_> = self.events.iter().cloned().enumerate().collect();
        shuffled.sort_by_key(|(index, _)| mixed(*index));
        shuffled.into_iter().map(|(_, event)| event).collect()
    }

    /// Writes events to a recording.
    pub(super) fn record(&self, folder: &Path, name: &str, events: &[Event]) -> PathBuf {
        let path = folder.join(format!("{name}.journal"));
        self.write(&path, events, |event| event.value.as_deref());
        path
    }

    /// Writes all events to a recording, with the values that upstream writes after reading them.
    pub(super) fn record_as_upstream(&self, folder: &Path) -> PathBuf {
        let path = folder.join("upstream.journal");
        self.write(&path, &self.events, |event| event.normal.as_deref());
        path
    }

    fn write(&self, path: &Path, events: &[Event], value: impl Fn(&Event) -> Option<&[u8]>) {
        let mut topics: Vec<_> = self.events.iter().map(Event::topic).collect();
        topics.sort_unstable();
        topics.dedup();
        let names: Vec<_> = topics.iter().map(String::as_str).collect();
        let mut writer = Writer::create(path, &names).expect("a recording can be made");
        for event in events {
            let frame = Frame {
                topic: &event.topic(),
                key: &event.key,
                value: value(event),
                partition: None,
                offset: None,
                timestamp_ms: Some(event.time_ms),
            };
            writer.write(&frame).expect("a frame can be written");
        }
        writer.finish().expect("a recording can be ended");
    }
}

fn event(case: &Case, time_ms: i64) -> Event {
    // The SDK skips empty parents, so the case is of an object without it. The tables have it, as upstream reads it.
    let is_as_upstream = case.name == "revision_parent_empty";
    let normal = if is_as_upstream {
        Some(&case.value)
    } else {
        case.normal.as_ref()
    };
    Event {
        object_type: case.object_type.clone(),
        key: case.key.clone(),
        value: Some(case.value.clone()),
        normal: normal.cloned(),
        time_ms,
    }
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.as_bytes().contains(&0),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Map(pairs) => pairs
            .iter()
            .any(|(key, value)| has_nul(key) || has_nul(value)),
        _ => false,
    }
}
