//! A fuzzer of the SDK's objects that runs on stable Rust. It mutates values at random, and adds each value with a new
//! outcome to the pool of values to mutate.
//!
//! It has no coverage instrumentation. The outcome replaces it: the field that an error names and the kind of its
//! reason, or how the identifier was verified.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use guest_objects::{OBJECT_TYPES, read_as};
use journal_msgpack::Cursor;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};

use crate::cases;

/// A value, and the object type as which it is read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Input {
    /// The object type.
    pub object_type: &'static str,
    /// The value.
    pub value: Vec<u8>,
}

/// Longer values find nothing more and take more time.
const MAX_BYTES: usize = 2048;

/// The first bytes of values of every msgpack type, with extreme lengths and values.
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

/// Mutates values, and keeps the shortest one for each outcome.
#[derive(Debug)]
pub struct Fuzzer {
    random: StdRng,
    pool: Vec<Input>,
    /// The shortest input for each outcome.
    kept: BTreeMap<String, Input>,
}

impl Fuzzer {
    /// A fuzzer that starts with these inputs. The same seed gives the same run.
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
            fuzzer.try_input(input);
        }
        fuzzer
    }

    /// Mutates one input and tries it.
    ///
    /// # Panics
    /// When it makes the SDK panic; the input is printed.
    pub fn step(&mut self) {
        let Some(mut input) = self.pool.choose(&mut self.random).cloned() else {
            return;
        };
        for _ in 0..self.random.random_range(1..5) {
            self.mutate(&mut input.value);
        }
        input.value.truncate(MAX_BYTES);
        if self.random.random_range(0..8) == 0 {
            input.object_type = OBJECT_TYPES[self.random.random_range(0..OBJECT_TYPES.len())];
        }
        self.try_input(input);
    }

    /// One input for each outcome so far.
    #[must_use]
    pub fn corpus(&self) -> Vec<Input> {
        let mut inputs: Vec<_> = self.kept.values().cloned().collect();
        inputs.retain(|input| !input.value.is_empty());
        inputs.sort();
        inputs.dedup();
        inputs
    }

    fn try_input(&mut self, input: Input) {
        let outcome = outcome(&input);
        match self.kept.get_mut(&outcome) {
            None => {
                self.pool.push(input.clone());
                self.kept.insert(outcome, input);
            }
            Some(kept) if input.value.len() < kept.value.len() => *kept = input,
            Some(_) => {}
        }
    }

    fn mutate(&mut self, value: &mut Vec<u8>) {
        let length = value.len();
        let index = self.random.random_range(0..=length);
        match self.random.random_range(0..9) {
            0 if index < length => value[index] ^= 1 << self.random.random_range(0..8),
            1 if index < length => value[index] = self.random.random(),
            2 => value.truncate(index),
            3 => {
                let end = (index + self.random.random_range(0..32)).min(length);
                value.drain(index..end);
            }
            4 => {
                let end = (index + self.random.random_range(0..64)).min(length);
                let repeated = value[index..end].to_vec();
                value.splice(index..index, repeated);
            }
            5 => {
                let other = self.pool.choose(&mut self.random).cloned();
                let other = other.map(|input| input.value).unwrap_or_default();
                let from = self.random.random_range(0..=other.len());
                value.truncate(index);
                value.extend_from_slice(&other[from..]);
            }
            _ => self.replace(value),
        }
    }

    /// Replaces one whole value by another, so that the values around it can still be read.
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

/// The offsets at which values begin, nested ones included.
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

/// The result of the SDK, without the parts that differ from value to value.
fn outcome(input: &Input) -> String {
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
            // The contents of the value are after a colon or between backticks.
            let reason = message.split("` of the").nth(1).unwrap_or(&message);
            let reason = reason.split([':', '`', '(']).next().unwrap_or_default();
            let text = format!("{object_type}: {} {reason}", error.field());
            text.replace(|character: char| character.is_ascii_digit(), "")
        }
    }
}

/// The inputs that a fuzzer starts with: the corpus of old messages.
///
/// # Panics
/// When the corpus does not exist.
#[must_use]
pub fn initial_inputs() -> Vec<Input> {
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
