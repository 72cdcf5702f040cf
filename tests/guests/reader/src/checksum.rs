//! What is left of all that was read.

use journal_plugin_sdk::Date;

/// A sum over everything that was read, so that two readers can be compared and none of their work is left out
/// by the compiler. It costs a few instructions a field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checksum(pub u64);

impl Checksum {
    /// Adds a number.
    #[inline]
    pub fn number(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(5) ^ number).wrapping_mul(0x517c_c1b7_2722_0a95);
    }

    /// Adds a number that may be negative.
    #[inline]
    pub fn signed(&mut self, number: i64) {
        self.number(number.cast_unsigned());
    }

    /// Adds bytes: their length and the first eight, so that those are fetched.
    #[inline]
    pub fn bytes(&mut self, bytes: &[u8]) {
        let first = bytes
            .first_chunk()
            .map_or(0, |first| u64::from_le_bytes(*first));
        self.number(first ^ bytes.len() as u64);
    }

    /// Adds the month of a date, in its own zone.
    #[inline]
    pub fn month(&mut self, date: &Date<'_>) {
        if let Some(time) = date.local() {
            self.number(u64::from(time.year) * 12 + u64::from(time.month));
        }
    }

    /// Adds what follows the last dot of a name.
    #[inline]
    pub fn extension(&mut self, name: &[u8]) {
        match name.iter().rposition(|&byte| byte == b'.') {
            Some(dot) => self.bytes(&name[dot + 1..]),
            None => self.number(0),
        }
    }

    /// Adds bytes that may be missing.
    #[inline]
    pub fn optional(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => self.bytes(bytes),
            None => self.number(u64::MAX),
        }
    }
}
