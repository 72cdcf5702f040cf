//! A fuzzer of the SDK's objects that runs on stable Rust: values are bent at random, and what is answered in a
//! way not met before is bent further.
//!
//! It has no instrumentation to tell what code ran. The answer stands in for that: the field that an error
//! names and the kind of its reason, or how the identifier was verified.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use guest_objects::{OBJECT_TYPES, read_as};
use journal_msgpack::Cursor;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};

use crate::cases;

/// A value, and the type that it is read as.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Input {
    /// The object type.
    pub object_type: &'static str,
    /// The value.
    pub value: Vec<u8>,
}

/// Longer ones show nothing more, and cost time.
const MOST_BYTES: usize = 2048;

/// The first bytes of values of every kind, at the edges of what they hold.
const HEADS: [&[u8]; 24] = [
    b"\xc0",
    b"\xc1",
    b"\xc2",
    b"\xc3",
    b"\x00",
    b"\x7f",
    b"\xff",
    b"\x80",
    b"\x90",
    b"\xa0",
    b"\xc4\x00",
    b"\xc4\xff",
    b"\xc6\xff\xff\xff\xff",
    b"\xca\x7f\xc0\x00\x00",
    b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\xd3\x80\x00\x00\x00\x00\x00\x00\x00",
    b"\xd6\xff\xff\xff\xff\xff",
    b"\xd7\xff\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\xc7\x0c\xff\x3b\x9a\xc9\xff\x7f\xff\xff\xff\xff\xff\xff\xff",
    b"\xc7\x00\x01",
    b"\xdb\xff\xff\xff\xff",
    b"\xdd\xff\xff\xff\xff",
    b"\xdf\xff\xff\xff\xff",
    b"\x82\xc4\x07swhtype\xa8datetime\xc4\x01d\xb92020-01-02T03:04:05+00:00",
];

/// Bends values and keeps one of each answer.
#[derive(Debug)]
pub struct Fuzzer {
    random: StdRng,
    pool: Vec<Input>,
    /// The shortest input of each answer.
    kept: BTreeMap<String, Input>,
}

impl Fuzzer {
    /// A fuzzer that begins with these inputs; the same seed does the same.
    ///
    /// # Panics
    /// When one of them makes the SDK panic.
    #[must_use]
    pub fn new(seed: u32, inputs: Vec<Input>) -> Self {
        let mut fuzzer = Self {
            random: StdRng::seed_from_u64(seed.into()),
            pool: inputs.clone(),
            kept: BTreeMap::new(),
        };
        for input in inputs {
            fuzzer.tried(input);
        }
        fuzzer
    }

    /// Bends one input and tries it.
    ///
    /// # Panics
    /// When it makes the SDK panic; the input is printed.
    pub fn step(&mut self) {
        let Some(mut input) = self.pool.choose(&mut self.random).cloned() else {
            return;
        };
        for _ in 0..self.random.random_range(1..5) {
            self.bend(&mut input.value);
        }
        input.value.truncate(MOST_BYTES);
        if self.random.random_range(0..8) == 0 {
            input.object_type = OBJECT_TYPES[self.random.random_range(0..OBJECT_TYPES.len())];
        }
        self.tried(input);
    }

    /// One input for each answer that was met.
    #[must_use]
    pub fn corpus(&self) -> Vec<Input> {
        let mut inputs: Vec<_> = self.kept.values().cloned().collect();
        inputs.retain(|input| !input.value.is_empty());
        inputs.sort();
        inputs.dedup();
        inputs
    }

    fn tried(&mut self, input: Input) {
        let answer = answer(&input);
        match self.kept.get_mut(&answer) {
            None => {
                self.pool.push(input.clone());
                self.kept.insert(answer, input);
            }
            Some(kept) if input.value.len() < kept.value.len() => *kept = input,
            Some(_) => {}
        }
    }

    fn bend(&mut self, value: &mut Vec<u8>) {
        let length = value.len();
        let place = self.random.random_range(0..=length);
        match self.random.random_range(0..9) {
            0 if place < length => value[place] ^= 1 << self.random.random_range(0..8),
            1 if place < length => value[place] = self.random.random(),
            2 => value.truncate(place),
            3 => {
                let end = (place + self.random.random_range(0..32)).min(length);
                value.drain(place..end);
            }
            4 => {
                let end = (place + self.random.random_range(0..64)).min(length);
                let again = value[place..end].to_vec();
                value.splice(place..place, again);
            }
            5 => {
                let other = self.pool.choose(&mut self.random).cloned();
                let other = other.map(|input| input.value).unwrap_or_default();
                let from = self.random.random_range(0..=other.len());
                value.truncate(place);
                value.extend_from_slice(&other[from..]);
            }
            _ => self.replace(value),
        }
    }

    /// Puts one whole value in the place of another, so that what is around it still reads.
    fn replace(&mut self, value: &mut Vec<u8>) {
        let starts = starts(value);
        let Some(&start) = starts.choose(&mut self.random) else {
            return;
        };
        let mut cursor = Cursor::at(value, start);
        if cursor.skip().is_err() {
            return;
        }
        let end = cursor.offset();
        let new = if self.random.random() {
            HEADS[self.random.random_range(0..HEADS.len())].to_vec()
        } else {
            let other = self.pool.choose(&mut self.random).cloned();
            let other = other.map(|input| input.value).unwrap_or_default();
            let Some(&from) = self::starts(&other).choose(&mut self.random) else {
                return;
            };
            let mut cursor = Cursor::at(&other, from);
            match cursor.skip() {
                Ok(()) => other[from..cursor.offset()].to_vec(),
                Err(_) => return,
            }
        };
        value.splice(start..end, new);
    }
}

/// Where the values begin, those inside of others too.
fn starts(value: &[u8]) -> Vec<usize> {
    use journal_msgpack::Head;

    let mut cursor = Cursor::new(value);
    let mut starts = Vec::new();
    while !cursor.at_end() && starts.len() < 500 {
        starts.push(cursor.offset());
        let passed = match cursor.head() {
            Ok(Head::Str(length) | Head::Bin(length) | Head::Ext(_, length)) => {
                cursor.bytes(length).is_ok()
            }
            Ok(_) => true,
            Err(_) => false,
        };
        if !passed {
            break;
        }
    }
    starts
}

/// What the SDK answers, without what differs from value to value.
fn answer(input: &Input) -> String {
    let Input { object_type, value } = input;
    let Ok(read) = catch_unwind(AssertUnwindSafe(|| read_as(object_type, value))) else {
        panic!("{object_type} of {value:02x?} makes it panic");
    };
    match read {
        Ok(verification) => {
            let verification = format!("{verification:?}");
            let kind = verification.split(' ').next().unwrap_or_default();
            format!("{object_type}: {kind}")
        }
        Err(error) => {
            let message = error.to_string();
            // Behind a colon, and between ticks, stands what the value holds.
            let reason = message.split("` of the").nth(1).unwrap_or(&message);
            let reason = reason.split([':', '`', '(']).next().unwrap_or_default();
            let text = format!("{object_type}: {} {reason}", error.field());
            text.replace(|character: char| character.is_ascii_digit(), "")
        }
    }
}

/// What a fuzzer begins with: the corpus of old messages.
///
/// # Panics
/// When the corpus is not there.
#[must_use]
pub fn beginnings() -> Vec<Input> {
    let cases = cases::read(&crate::paths::old_messages()).into_iter();
    cases
        .filter_map(|case| {
            let known = OBJECT_TYPES
                .iter()
                .find(|known| **known == case.object_type);
            known.map(|object_type| Input {
                object_type,
                value: case.value,
            })
        })
        .collect()
}
