//! One row for each revision as JSON lines, from structs that rmp-serde fills and `serde_json` writes.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use serde::{Deserialize, Serialize, Serializer};

use super::Work;
use super::months::date;
use super::structs::Date;
use crate::answer::Answer;

/// Lines reach the system in lots of this many bytes.
const BUFFER_BYTES: usize = 1 << 20;
const DAY_SECONDS: i64 = 86_400;

pub(super) struct Rows {
    lines: BufWriter<File>,
}

#[derive(Deserialize)]
struct Revision<'a> {
    id: &'a [u8],
    directory: &'a [u8],
    #[serde(borrow)]
    parents: Vec<&'a [u8]>,
    date: Option<Date>,
    committer_date: Option<Date>,
    #[serde(borrow)]
    message: Option<&'a [u8]>,
}

#[derive(Serialize)]
struct Row<'a> {
    id: Hexadecimal<'a>,
    directory: Hexadecimal<'a>,
    parents: &'a [Hexadecimal<'a>],
    date: Option<Time>,
    committer_date: Option<Time>,
    subject: Option<Cow<'a, str>>,
}

#[derive(Clone, Copy)]
struct Hexadecimal<'a>(&'a [u8]);

struct Time(Date);

impl Rows {
    pub(super) fn create(path: &Path) -> Self {
        let file = File::create(path).expect("a folder of ours");
        Self {
            lines: BufWriter::with_capacity(BUFFER_BYTES, file),
        }
    }
}

impl Work for Rows {
    fn record(&mut self, _object_type: &str, value: Option<&[u8]>) {
        let Some(value) = value else { return };
        let revision: Revision<'_> = rmp_serde::from_slice(value).expect("a revision is one");
        let parents: Vec<_> = revision.parents.into_iter().map(Hexadecimal).collect();
        let row = Row {
            id: Hexadecimal(revision.id),
            directory: Hexadecimal(revision.directory),
            parents: &parents,
            date: revision.date.map(Time),
            committer_date: revision.committer_date.map(Time),
            subject: revision.message.map(subject),
        };
        serde_json::to_writer(&mut self.lines, &row).expect("there is room");
        self.lines.write_all(b"\n").expect("there is room");
    }

    fn make_durable(&mut self) {
        self.lines.flush().expect("there is room");
        self.lines.get_ref().sync_data().expect("the disk is there");
    }

    /// The rows are compared where they lie.
    fn answer(self) -> Answer {
        Answer::new()
    }
}

/// The first line of a message.
fn subject(message: &[u8]) -> Cow<'_, str> {
    let line = message
        .split(|&byte| byte == b'\n')
        .next()
        .unwrap_or_default();
    String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line))
}

impl Serialize for Hexadecimal<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; 64];
        let pairs = text.chunks_exact_mut(2).zip(self.0);
        for (pair, byte) in pairs {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        let text = &text[..2 * self.0.len()];
        serializer.serialize_str(std::str::from_utf8(text).expect("digits are ASCII"))
    }
}

/// RFC 3339 in UTC, with the digits of the second that it has.
impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let moment = &self.0.timestamp;
        let (year, month, day) = date(moment.seconds.div_euclid(DAY_SECONDS));
        let second = moment.seconds.rem_euclid(DAY_SECONDS);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        if moment.microseconds == 0 {
            serializer.collect_str(&format_args!(
                "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"
            ))
        } else {
            let fraction = format!("{:06}", moment.microseconds);
            let fraction = fraction.trim_end_matches('0');
            serializer.collect_str(&format_args!(
                "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction}Z"
            ))
        }
    }
}
