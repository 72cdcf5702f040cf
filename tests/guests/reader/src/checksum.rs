//! A checksum of everything that was read.

use journal_plugin_sdk::Date;

/// A checksum of everything that was read. It shows that two readers read the same, and keeps the compiler from removing
/// their work. It takes a few instructions per field.
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

    /// Adds the length and the first eight bytes, so that they are read from memory.
    #[inline]
    pub fn bytes(&mut self, bytes: &[u8]) {
        let first = bytes
            .first_chunk()
            .map_or(0, |first| u64::from_le_bytes(*first));
        self.number(first ^ bytes.len() as u64);
    }

    /// Adds the month of a date, in its time zone.
    #[inline]
    pub fn month(&mut self, date: &Date<'_>) {
        if let Some(time) = date.local() {
            self.number(u64::from(time.year) * 12 + u64::from(time.month));
        }
    }

    /// Adds the part of a name after the last dot.
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
