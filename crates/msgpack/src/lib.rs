//! Reads the heads of msgpack values from a slice, to walk over values without decoding them.
//!
//! The format: <https://github.com/msgpack/msgpack/blob/master/spec.md>.

mod walker;

pub use walker::{Item, Walker};

/// The head of a value. Lengths and counts are those in the input, and may exceed it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Head {
    /// Nil.
    Nil,
    /// A boolean.
    Bool(bool),
    /// A non-negative integer.
    Uint(u64),
    /// A negative integer, or one that is encoded as signed.
    Int(i64),
    /// A 32-bit float.
    F32(f32),
    /// A 64-bit float.
    F64(f64),
    /// A text; this many bytes follow.
    Str(u32),
    /// Bytes; this many follow.
    Bin(u32),
    /// An array; this many values follow.
    Array(u32),
    /// A map; this many pairs of values follow.
    Map(u32),
    /// An extension of this type; this many bytes follow.
    Ext(i8, u32),
}

/// Why a value cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The input ends inside the value.
    #[error("ends inside a value")]
    Incomplete,
    /// The byte 0xc1, which msgpack does not use.
    #[error("holds the byte 0xc1")]
    Reserved,
}

/// A position in a slice of msgpack.
///
/// After an error the position is unspecified.
#[derive(Clone, Copy, Debug)]
pub struct Cursor<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Cursor<'a> {
    /// A cursor at the start of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0 }
    }

    /// A cursor at this offset of `bytes`.
    #[must_use]
    #[inline]
    pub fn at(bytes: &'a [u8], offset: usize) -> Self {
        Self { bytes, offset }
    }

    /// The whole input.
    #[must_use]
    #[inline]
    pub fn input(&self) -> &'a [u8] {
        self.bytes
    }

    /// The remaining bytes.
    #[must_use]
    #[inline]
    pub fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.offset..).unwrap_or_default()
    }

    /// Skips `expected` if it comes next. Returns whether it did.
    #[inline]
    pub fn pass(&mut self, expected: &[u8]) -> bool {
        let next = self.rest().get(..expected.len());
        let comes = next.is_some_and(|next| are_equal(next, expected));
        if comes {
            self.offset += expected.len();
        }
        comes
    }

    /// The offset from the start of the input.
    #[must_use]
    #[inline]
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Whether the cursor is at the end of the input.
    #[must_use]
    pub fn at_end(&self) -> bool {
        self.offset == self.bytes.len()
    }

    /// Reads `count` bytes.
    ///
    /// # Errors
    /// If fewer are left.
    #[inline]
    pub fn bytes(&mut self, count: u32) -> Result<&'a [u8], Fault> {
        let end = self
            .offset
            .checked_add(count as usize)
            .ok_or(Fault::Incomplete)?;
        let bytes = self.bytes.get(self.offset..end).ok_or(Fault::Incomplete)?;
        self.offset = end;
        Ok(bytes)
    }

    /// Reads bytes whose length is encoded in one byte, which is the most frequent form. If another value comes next,
    /// returns `None` and does not advance.
    #[inline]
    pub fn short_bytes(&mut self) -> Option<&'a [u8]> {
        match self.rest() {
            [0xc4, length, rest @ ..] => {
                let bytes = rest.get(..usize::from(*length))?;
                self.offset += 2 + bytes.len();
                Some(bytes)
            }
            _ => None,
        }
    }

    /// Reads an integer that is encoded as unsigned in up to 32 bits, which is the most frequent form. If another value
    /// comes next, returns `None` and does not advance.
    #[inline]
    pub fn short_uint(&mut self) -> Option<u32> {
        let (value, size) = match *self.rest() {
            [value @ 0..=0x7f, ..] => (value.into(), 1),
            [0xcc, value, ..] => (value.into(), 2),
            [0xcd, high, low, ..] => (u16::from_be_bytes([high, low]).into(), 3),
            [0xce, first, second, third, last, ..] => {
                (u32::from_be_bytes([first, second, third, last]), 5)
            }
            _ => return None,
        };
        self.offset += size;
        Some(value)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let rest = self.bytes.get(self.offset..).ok_or(Fault::Incomplete)?;
        let bytes = *rest.first_chunk::<N>().ok_or(Fault::Incomplete)?;
        self.offset += N;
        Ok(bytes)
    }

    #[inline]
    fn u8(&mut self) -> Result<u8, Fault> {
        self.array().map(|[byte]| byte)
    }

    #[inline]
    fn length8(&mut self) -> Result<u32, Fault> {
        self.u8().map(u32::from)
    }

    #[inline]
    fn length16(&mut self) -> Result<u32, Fault> {
        self.array().map(u16::from_be_bytes).map(u32::from)
    }

    #[inline]
    fn length32(&mut self) -> Result<u32, Fault> {
        self.array().map(u32::from_be_bytes)
    }

    /// Reads the head of the next value. The caller must read what follows it, such as the bytes of a text or the items of
    /// an array.
    ///
    /// # Errors
    /// If the input ends inside the head, or the head is not msgpack.
    // Not inlined, to keep plugins small: frequent values have a faster path before this one.
    #[inline(never)]
    pub fn head(&mut self) -> Result<Head, Fault> {
        Ok(match self.u8()? {
            byte @ 0x00..=0x7f => Head::Uint(u64::from(byte)),
            byte @ 0x80..=0x8f => Head::Map(u32::from(byte & 0x0f)),
            byte @ 0x90..=0x9f => Head::Array(u32::from(byte & 0x0f)),
            byte @ 0xa0..=0xbf => Head::Str(u32::from(byte & 0x1f)),
            0xc0 => Head::Nil,
            0xc1 => return Err(Fault::Reserved),
            0xc2 => Head::Bool(false),
            0xc3 => Head::Bool(true),
            0xc4 => Head::Bin(self.length8()?),
            0xc5 => Head::Bin(self.length16()?),
            0xc6 => Head::Bin(self.length32()?),
            0xc7 => self.length8().and_then(|length| self.ext(length))?,
            0xc8 => self.length16().and_then(|length| self.ext(length))?,
            0xc9 => self.length32().and_then(|length| self.ext(length))?,
            0xca => Head::F32(f32::from_be_bytes(self.array()?)),
            0xcb => Head::F64(f64::from_be_bytes(self.array()?)),
            0xcc => Head::Uint(u64::from(self.u8()?)),
            0xcd => Head::Uint(u64::from(u16::from_be_bytes(self.array()?))),
            0xce => Head::Uint(u64::from(u32::from_be_bytes(self.array()?))),
            0xcf => Head::Uint(u64::from_be_bytes(self.array()?)),
            0xd0 => Head::Int(i64::from(i8::from_be_bytes(self.array()?))),
            0xd1 => Head::Int(i64::from(i16::from_be_bytes(self.array()?))),
            0xd2 => Head::Int(i64::from(i32::from_be_bytes(self.array()?))),
            0xd3 => Head::Int(i64::from_be_bytes(self.array()?)),
            0xd4 => self.ext(1)?,
            0xd5 => self.ext(2)?,
            0xd6 => self.ext(4)?,
            0xd7 => self.ext(8)?,
            0xd8 => self.ext(16)?,
            0xd9 => Head::Str(self.length8()?),
            0xda => Head::Str(self.length16()?),
            0xdb => Head::Str(self.length32()?),
            0xdc => Head::Array(self.length16()?),
            0xdd => Head::Array(self.length32()?),
            0xde => Head::Map(self.length16()?),
            0xdf => Head::Map(self.length32()?),
            byte @ 0xe0..=0xff => Head::Int(i64::from(i8::from_be_bytes([byte]))),
        })
    }

    #[inline]
    fn ext(&mut self, length: u32) -> Result<Head, Fault> {
        let [kind] = self.array()?;
        Ok(Head::Ext(i8::from_be_bytes([kind]), length))
    }

    /// Skips one whole value, of any depth, without recursion.
    ///
    /// # Errors
    /// If the input ends inside the value, or the value is not msgpack.
    #[inline]
    pub fn skip(&mut self) -> Result<(), Fault> {
        self.skip_many(1)
    }

    /// Skips one whole value and returns its bytes.
    ///
    /// # Errors
    /// If the input ends inside the value, or the value is not msgpack.
    #[inline]
    pub fn value(&mut self) -> Result<&'a [u8], Fault> {
        let start = self.offset;
        self.skip()?;
        self.bytes.get(start..self.offset).ok_or(Fault::Incomplete)
    }

    /// Skips `count` whole values.
    ///
    /// # Errors
    /// If the input ends inside one, or one is not msgpack.
    pub fn skip_many(&mut self, count: u64) -> Result<(), Fault> {
        // The number of values to skip. It grows by at most 2^33 for each 5 bytes, so it cannot overflow.
        let mut left = count;
        while left > 0 {
            left -= 1;
            let &first = self.bytes.get(self.offset).ok_or(Fault::Incomplete)?;
            match FIXED_SIZES[usize::from(first)] {
                // Most values are bytes and texts with a length of one byte.
                0 if matches!(first, 0xc4 | 0xd9) => {
                    let &length = self.bytes.get(self.offset + 1).ok_or(Fault::Incomplete)?;
                    self.offset += 2 + usize::from(length);
                }
                0 => left += self.skip_sized()?,
                size => self.offset += usize::from(size),
            }
        }
        // The last value of a fixed size may end beyond the input.
        if self.offset > self.bytes.len() {
            return Err(Fault::Incomplete);
        }
        Ok(())
    }

    /// Skips a head and its bytes. Returns how many values follow as its items.
    #[inline]
    fn skip_sized(&mut self) -> Result<u64, Fault> {
        match self.head()? {
            Head::Str(length) | Head::Bin(length) | Head::Ext(_, length) => {
                self.bytes(length)?;
                Ok(0)
            }
            Head::Array(count) => Ok(u64::from(count)),
            Head::Map(count) => Ok(2 * u64::from(count)),
            Head::Nil
            | Head::Bool(_)
            | Head::Uint(_)
            | Head::Int(_)
            | Head::F32(_)
            | Head::F64(_) => Ok(0),
        }
    }
}

/// Seconds since 1970 began in UTC and the nanoseconds above them, from the data of an extension of type -1, which has
/// three forms. Nothing where the length is another, or the nanoseconds are a second or more.
#[must_use]
pub fn timestamp(data: &[u8]) -> Option<(i64, u32)> {
    let (seconds, nanoseconds) = match data.len() {
        4 => (u32::from_be_bytes(data.try_into().ok()?).into(), 0),
        8 => {
            let both = u64::from_be_bytes(data.try_into().ok()?);
            let seconds = i64::try_from(both & ((1 << 34) - 1)).ok()?;
            (seconds, u32::try_from(both >> 34).ok()?)
        }
        12 => {
            let (nanoseconds, seconds) = data.split_first_chunk()?;
            let seconds = i64::from_be_bytes(seconds.try_into().ok()?);
            (seconds, u32::from_be_bytes(*nanoseconds))
        }
        _ => return None,
    };
    (nanoseconds < 1_000_000_000).then_some((seconds, nanoseconds))
}

/// Compares two slices of the same length in words: WebAssembly has no instruction to compare memory, and its `memcmp`
/// compares single bytes. If the length is a constant, as for a name, this compiles to a few instructions.
#[inline]
fn are_equal(one: &[u8], other: &[u8]) -> bool {
    // The words at both ends overlap, so they contain every byte.
    match one.len() {
        0..4 => one.iter().zip(other).all(|(one, other)| one == other),
        4..8 => ends::<4>(one) == ends::<4>(other),
        8..=16 => ends::<8>(one) == ends::<8>(other),
        _ => one == other,
    }
}

/// The first and the last `N` bytes as numbers.
#[inline]
fn ends<const N: usize>(bytes: &[u8]) -> Option<(u64, u64)> {
    let word = |bytes: &[u8; N]| {
        let mut word = [0; 8];
        word[..N].copy_from_slice(bytes);
        u64::from_le_bytes(word)
    };
    Some((word(bytes.first_chunk()?), word(bytes.last_chunk()?)))
}

/// The size of a value by its first byte, if that byte determines it; otherwise 0.
const FIXED_SIZES: [u8; 256] = fixed_sizes();

const fn fixed_sizes() -> [u8; 256] {
    let mut sizes = [0; 256];
    let mut first: u8 = 0;
    loop {
        sizes[first as usize] = match first {
            0x00..=0x7f | 0xc0 | 0xc2 | 0xc3 | 0xe0..=0xff => 1,
            0xa0..=0xbf => 1 + (first & 0x1f),
            0xcc | 0xd0 => 2,
            0xcd | 0xd1 | 0xd4 => 3,
            0xd5 => 4,
            0xca | 0xce | 0xd2 => 5,
            0xd6 => 6,
            0xcb | 0xcf | 0xd3 => 9,
            0xd7 => 10,
            0xd8 => 18,
            _ => 0,
        };
        if first == u8::MAX {
            return sizes;
        }
        first += 1;
    }
}

#[cfg(test)]
mod tests;
