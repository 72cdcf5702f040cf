//! Counts of months and extensions, for the structs and the lazy model.

use hashbrown::HashMap;

use super::calendar::Calendar;
use crate::answer::{self, Answer};

/// An extension has at most this many bytes.
const LONGEST_EXTENSION: usize = 16;
/// The months of the years 0 to 9999.
const MONTHS: usize = 12 * 10_000;

/// The object type of a record, by its topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Directory,
    Revision,
}

impl Kind {
    pub(super) fn of(object_type: &str) -> Self {
        match object_type {
            "directory" => Self::Directory,
            "revision" => Self::Revision,
            other => panic!("`{other}` was not requested"),
        }
    }
}

/// Revisions by month in UTC and files by extension.
pub(super) struct MonthsAndExtensions {
    /// Indexed by the months since the year 0. Pages that are never touched take no memory.
    months: Vec<u64>,
    without_month: u64,
    /// Extensions of at most seven bytes, as nearly all are. A key has the extension in lower case, with its first byte
    /// in the least significant byte, and its length in the most significant one.
    extensions: Tally,
    long_extensions: HashMap<Vec<u8>, u64>,
    without_extension: u64,
}

impl Default for MonthsAndExtensions {
    fn default() -> Self {
        Self {
            months: vec![0; MONTHS],
            without_month: 0,
            extensions: Tally::default(),
            long_extensions: HashMap::new(),
            without_extension: 0,
        }
    }
}

impl MonthsAndExtensions {
    /// Counts a revision with a date.
    pub(super) fn revision(&mut self, seconds: i64) {
        let month = Calendar::of(seconds).map(|time| 12 * time.year + time.month - 1);
        match month.and_then(|month| self.months.get_mut(month as usize)) {
            Some(count) => *count += 1,
            None => self.without_month += 1,
        }
    }

    /// Counts a file by the part of its name after the last dot, in lower case. If the name begins or ends with that
    /// dot, it has no extension.
    pub(super) fn file(&mut self, name: &[u8]) {
        let end = last_word(name);
        let dots = dots(end);
        if dots == 0 {
            self.file_without_late_dot(name);
            return;
        }
        // The bytes after the last dot: at most seven.
        let length = dots.leading_zeros() / 8;
        if length == 0 || name.len() == length as usize + 1 {
            self.without_extension += 1;
            return;
        }
        let extension = lower_case(end >> (64 - 8 * length));
        self.extensions.add(extension | (u64::from(length) << 56));
    }

    /// Counts a file whose last eight bytes have no dot.
    #[inline(never)]
    fn file_without_late_dot(&mut self, name: &[u8]) {
        let begin = name.len().saturating_sub(LONGEST_EXTENSION + 1);
        let searched = &name[begin..name.len().saturating_sub(8).max(begin)];
        let dot = searched.iter().rposition(|&byte| byte == b'.');
        match dot.map(|dot| begin + dot) {
            Some(dot) if dot > 0 => {
                let extension = name[dot + 1..].to_ascii_lowercase();
                *self.long_extensions.entry(extension).or_default() += 1;
            }
            _ => self.without_extension += 1,
        }
    }

    pub(super) fn answer(self) -> Answer {
        let mut all = Answer::new();
        let months = (0_u32..).zip(self.months);
        for (month, count) in months.filter(|(_, count)| *count > 0) {
            let text = format!("{:04}-{:02}", month / 12, month % 12 + 1);
            all.insert(answer::month(Some(&text)), count);
        }
        if self.without_month > 0 {
            all.insert(answer::month(None), self.without_month);
        }
        let mut add = |extension: &[u8], count: u64| {
            let text = String::from_utf8_lossy(extension);
            *all.entry(answer::extension(Some(&text))).or_default() += count;
        };
        for (key, count) in self.extensions.counts() {
            let bytes = key.to_le_bytes();
            add(&bytes[..usize::from(bytes[7])], count);
        }
        for (extension, &count) in &self.long_extensions {
            add(extension, count);
        }
        all.insert(answer::extension(None), self.without_extension);
        all
    }
}

/// The last eight bytes of a name, with the last one as the most significant byte, padded with zeros.
#[inline]
fn last_word(name: &[u8]) -> u64 {
    if let Some(last) = name.last_chunk::<8>() {
        return u64::from_le_bytes(*last);
    }
    if let (Some(first), Some(last)) = (name.first_chunk::<4>(), name.last_chunk::<4>()) {
        // Where the two overlap, they have the same bytes.
        let free = 8 * (8 - name.len());
        let first = u64::from(u32::from_le_bytes(*first)) << free;
        return first | (u64::from(u32::from_le_bytes(*last)) << 32);
    }
    let bytes = name.iter().rev().zip([56_u32, 48, 40]);
    bytes.fold(0_u64, |word, (&byte, shift)| {
        word | (u64::from(byte) << shift)
    })
}

/// The highest bit of each byte that is a dot.
#[inline]
fn dots(word: u64) -> u64 {
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    // A byte that was a dot is 0 now. The addition sets the highest bit of every other byte, without a carry between
    // bytes.
    let others = word ^ each(b'.');
    !((others & LOW).wrapping_add(LOW) | others | LOW)
}

/// Eight bytes with ASCII letters in lower case.
#[inline]
fn lower_case(word: u64) -> u64 {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let low = word & !HIGH;
    // The highest bit of a byte shows whether it is at least `A`, and whether it is greater than `Z`.
    let from_a = low.wrapping_add(each(0x80 - b'A'));
    let after_z = low.wrapping_add(each(0x7f - b'Z'));
    let upper = from_a & !after_z & !word & HIGH;
    word | (upper >> 2)
}

#[inline]
fn each(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// Counts by key, in most cases with one comparison.
struct Tally {
    /// Each key has one slot, which belongs to the first key that used it. No key is 0.
    slots: Box<[(u64, u64); 256]>,
    /// The counts of keys whose slot belongs to another key.
    others: HashMap<u64, u64>,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            slots: Box::new([(0, 0); 256]),
            others: HashMap::new(),
        }
    }
}

impl Tally {
    #[inline]
    fn add(&mut self, key: u64) {
        // The golden ratio: the highest byte of the product depends on all of the key.
        let [slot, ..] = key.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
        let (owner, count) = &mut self.slots[usize::from(slot)];
        if *owner == key {
            *count += 1;
        } else if *owner == 0 {
            (*owner, *count) = (key, 1);
        } else {
            *self.others.entry(key).or_default() += 1;
        }
    }

    fn counts(&self) -> impl Iterator<Item = (u64, u64)> {
        let used = self.slots.iter().filter(|(_, count)| *count > 0).copied();
        used.chain(self.others.iter().map(|(&key, &count)| (key, count)))
    }
}
