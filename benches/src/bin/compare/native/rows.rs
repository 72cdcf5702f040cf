//! Writes one JSON line for each revision, from structs that rmp-serde reads and `serde_json` writes.

use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, Write};
use std::path::Path;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::ser;

use super::Work;
use super::calendar::Calendar;
use super::structs::Date;
use crate::answer::Answer;

/// Lines are written in chunks of about this many bytes, which fit into the processor's cache.
const LOT_BYTES: usize = 128 << 10;
/// An identifier has at most this many bytes.
const LONGEST_ID: usize = 32;
const MICROSECONDS: u32 = 1_000_000;

static HEXADECIMAL: [[u8; 2]; 256] = digits(16);
static DECIMAL: [[u8; 2]; 100] = digits(10);

pub(super) struct Rows {
    file: File,
    lines: Vec<u8>,
}

#[derive(Deserialize)]
struct Revision<'a> {
    #[serde(borrow)]
    id: Id<'a>,
    #[serde(borrow)]
    directory: Id<'a>,
    #[serde(borrow)]
    parents: Parents<'a>,
    date: Option<Date>,
    committer_date: Option<Date>,
    #[serde(borrow)]
    message: Option<&'a [u8]>,
}

#[derive(Serialize)]
struct Row<'a> {
    id: Id<'a>,
    directory: Id<'a>,
    parents: &'a Parents<'a>,
    date: Option<Time>,
    committer_date: Option<Time>,
    subject: Option<Cow<'a, str>>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(transparent)]
struct Id<'a>(&'a [u8]);

/// Few revisions have more than two parents, so that in most cases no list is allocated.
struct Parents<'a> {
    first: [Id<'a>; 2],
    count: usize,
    others: Vec<Id<'a>>,
}

/// A time that a row can hold.
struct Time {
    calendar: Calendar,
    microseconds: u32,
}

/// JSON in which bytes are strings of hexadecimal digits.
struct Hexadecimal;

impl Rows {
    pub(super) fn create(path: &Path) -> Self {
        Self {
            file: File::create(path).expect("a folder of ours"),
            lines: Vec::with_capacity(2 * LOT_BYTES),
        }
    }

    fn write(&mut self) {
        self.file.write_all(&self.lines).expect("there is room");
        self.lines.clear();
    }
}

impl Work for Rows {
    /// All records are revisions.
    type Topic = ();

    fn topic(&mut self, _object_type: &str) {}

    fn record(&mut self, (): (), value: Option<&[u8]>) {
        let Some(value) = value else { return };
        let revision: Revision<'_> = rmp_serde::from_slice(value).expect("a revision is one");
        let row = Row {
            id: revision.id,
            directory: revision.directory,
            parents: &revision.parents,
            date: revision.date.as_ref().and_then(Time::of),
            committer_date: revision.committer_date.as_ref().and_then(Time::of),
            subject: revision.message.map(subject),
        };
        let mut json = serde_json::Serializer::with_formatter(&mut self.lines, Hexadecimal);
        row.serialize(&mut json).expect("a row is JSON");
        self.lines.push(b'\n');
        if self.lines.len() >= LOT_BYTES {
            self.write();
        }
    }

    fn make_durable(&mut self) {
        self.write();
        self.file.sync_data().expect("the disk is there");
    }

    /// The rows are compared in the file.
    fn answer(self) -> Answer {
        Answer::new()
    }
}

/// The first line of a message.
fn subject(message: &[u8]) -> Cow<'_, str> {
    let mut rest = message;
    let length = rest.skip_until(b'\n').expect("memory can be read");
    let line = &message[..length];
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    // This checks ASCII word by word, while `from_utf8_lossy` checks each byte.
    str::from_utf8(line).map_or_else(|_| String::from_utf8_lossy(line), Cow::Borrowed)
}

/// All numbers of two digits.
const fn digits<const COUNT: usize>(base: usize) -> [[u8; 2]; COUNT] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut pairs = [[0; 2]; COUNT];
    let mut number = 0;
    while number < COUNT {
        pairs[number] = [DIGITS[number / base], DIGITS[number % base]];
        number += 1;
    }
    pairs
}

impl ser::Formatter for Hexadecimal {
    #[inline]
    fn write_byte_array<W>(&mut self, writer: &mut W, value: &[u8]) -> io::Result<()>
    where
        W: ?Sized + Write,
    {
        let mut text = [b'"'; 2 + 2 * LONGEST_ID];
        let end = 1 + 2 * value.len();
        let (pairs, _) = text[1..end].as_chunks_mut::<2>();
        for (pair, &byte) in pairs.iter_mut().zip(value) {
            *pair = HEXADECIMAL[usize::from(byte)];
        }
        writer.write_all(&text[..=end])
    }
}

impl Serialize for Id<'_> {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

impl Serialize for Parents<'_> {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let first = &self.first[..self.count.min(2)];
        serializer.collect_seq(first.iter().chain(&self.others))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Parents<'a> {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ParentsVisitor)
    }
}

struct ParentsVisitor;

impl<'de> Visitor<'de> for ParentsVisitor {
    type Value = Parents<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of identifiers")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut ids: A) -> Result<Parents<'de>, A::Error> {
        let mut parents = Parents {
            first: [Id(&[]); 2],
            count: 0,
            others: Vec::new(),
        };
        while let Some(id) = ids.next_element()? {
            match parents.first.get_mut(parents.count) {
                Some(slot) => *slot = id,
                None => parents.others.push(id),
            }
            parents.count += 1;
        }
        Ok(parents)
    }
}

impl Time {
    #[inline]
    fn of(date: &Date) -> Option<Self> {
        let microseconds = date.timestamp.microseconds;
        let calendar = Calendar::of(date.timestamp.seconds)?;
        (microseconds < MICROSECONDS).then_some(Self {
            calendar,
            microseconds,
        })
    }
}

/// RFC 3339 in UTC, with as many digits of the second as needed.
impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Calendar {
            year,
            month,
            day,
            second,
        } = self.calendar;
        let mut text = *b"0000-00-00T00:00:00.000000Z";
        let mut put = |index: usize, number: u32| {
            text[index..index + 2].copy_from_slice(&DECIMAL[number as usize]);
        };
        put(0, year / 100);
        put(2, year % 100);
        put(5, month);
        put(8, day);
        put(11, second / 3600);
        put(14, second / 60 % 60);
        put(17, second % 60);
        let mut end = 19;
        if self.microseconds > 0 {
            put(20, self.microseconds / 10_000);
            put(22, self.microseconds / 100 % 100);
            put(24, self.microseconds % 100);
            end = 26;
            while text[end - 1] == b'0' {
                end -= 1;
            }
        }
        text[end] = b'Z';
        serializer.serialize_str(str::from_utf8(&text[..=end]).expect("it is ASCII"))
    }
}
