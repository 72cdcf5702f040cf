//! The heads of msgpack values, read from a slice: enough to walk values without decoding them.
//!
//! The format: <https://github.com/msgpack/msgpack/blob/master/spec.md>.

/// The head of a value. Lengths and counts are as the input claims them, unchecked against it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Head {
    /// Nothing.
    Nil,
    /// True or false.
    Bool(bool),
    /// An integer that is not negative.
    Uint(u64),
    /// A negative integer, or one that was written as signed.
    Int(i64),
    /// A number of 32 bits.
    F32(f32),
    /// A number of 64 bits.
    F64(f64),
    /// A text of this many bytes follows.
    Str(u32),
    /// This many bytes follow.
    Bin(u32),
    /// This many values follow.
    Array(u32),
    /// This many pairs of values follow.
    Map(u32),
    /// An extension of this type; this many bytes follow.
    Ext(i8, u32),
}

/// Why there is no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The input ends inside the value.
    #[error("ends inside a value")]
    Incomplete,
    /// The byte 0xc1, which msgpack does not use.
    #[error("holds the byte 0xc1")]
    Reserved,
}

/// A place in a slice of msgpack.
///
/// After an error the place is unspecified.
#[derive(Clone, Copy, Debug)]
pub struct Cursor<'a> {
    bytes: &'a [u8],
    place: usize,
}

impl<'a> Cursor<'a> {
    /// At the beginning of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, place: 0 }
    }

    /// At `place`, counted from the beginning of `bytes`.
    #[must_use]
    #[inline]
    pub fn at(bytes: &'a [u8], place: usize) -> Self {
        Self { bytes, place }
    }

    /// All that there is to read, what is passed included.
    #[must_use]
    #[inline]
    pub fn input(&self) -> &'a [u8] {
        self.bytes
    }

    /// What is left.
    #[must_use]
    #[inline]
    pub fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.place..).unwrap_or_default()
    }

    /// Passes `expected`, if it comes next.
    #[inline]
    pub fn pass(&mut self, expected: &[u8]) -> bool {
        let next = self.rest().get(..expected.len());
        let comes = next.is_some_and(|next| are_equal(next, expected));
        if comes {
            self.place += expected.len();
        }
        comes
    }

    /// Bytes passed so far.
    #[must_use]
    #[inline]
    pub fn place(&self) -> usize {
        self.place
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn at_end(&self) -> bool {
        self.place == self.bytes.len()
    }

    /// Passes `count` bytes, which are handed out.
    ///
    /// # Errors
    /// When fewer are left.
    #[inline]
    pub fn bytes(&mut self, count: u32) -> Result<&'a [u8], Fault> {
        let end = self
            .place
            .checked_add(count as usize)
            .ok_or(Fault::Incomplete)?;
        let bytes = self.bytes.get(self.place..end).ok_or(Fault::Incomplete)?;
        self.place = end;
        Ok(bytes)
    }

    /// Passes bytes with a length of one byte, as most are written, and hands them out. Passes nothing where
    /// something else comes next.
    #[inline]
    pub fn short_bytes(&mut self) -> Option<&'a [u8]> {
        match self.rest() {
            [0xc4, length, rest @ ..] => {
                let bytes = rest.get(..usize::from(*length))?;
                self.place += 2 + bytes.len();
                Some(bytes)
            }
            _ => None,
        }
    }

    /// Passes an integer that is written in up to 32 bits without a sign, as most are, and hands it out. Passes
    /// nothing where something else comes next.
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
        self.place += size;
        Some(value)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let rest = self.bytes.get(self.place..).ok_or(Fault::Incomplete)?;
        let bytes = *rest.first_chunk::<N>().ok_or(Fault::Incomplete)?;
        self.place += N;
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

    /// Passes the head of the next value. What follows it, the bytes of a text or the items of an
    /// array, is for the caller to pass.
    ///
    /// # Errors
    /// When the input ends inside the head, or the head is no msgpack.
    // One copy for all who call it: what is read often has a shorter way before it comes to this.
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

    /// Passes one whole value with all that is in it, however deep, without recursion.
    ///
    /// # Errors
    /// When the input ends inside the value, or the value is no msgpack.
    #[inline]
    pub fn skip(&mut self) -> Result<(), Fault> {
        self.skip_many(1)
    }

    /// Passes one whole value, which is handed out as it stands there.
    ///
    /// # Errors
    /// When the input ends inside the value, or the value is no msgpack.
    #[inline]
    pub fn value(&mut self) -> Result<&'a [u8], Fault> {
        let start = self.place;
        self.skip()?;
        self.bytes.get(start..self.place).ok_or(Fault::Incomplete)
    }

    /// Passes `count` whole values.
    ///
    /// # Errors
    /// When the input ends inside one, or one is no msgpack.
    pub fn skip_many(&mut self, count: u64) -> Result<(), Fault> {
        // Values still to pass. It grows by at most 2^33 for each 5 bytes, so it cannot overflow.
        let mut left = count;
        while left > 0 {
            left -= 1;
            let &first = self.bytes.get(self.place).ok_or(Fault::Incomplete)?;
            match FIXED_SIZES[usize::from(first)] {
                // Bytes and texts with a length of one byte are most of what there is to pass.
                0 if matches!(first, 0xc4 | 0xd9) => {
                    let &length = self.bytes.get(self.place + 1).ok_or(Fault::Incomplete)?;
                    self.place += 2 + usize::from(length);
                }
                0 => left += self.skip_sized()?,
                size => self.place += usize::from(size),
            }
        }
        // The last value of a fixed size may have led beyond the end.
        if self.place > self.bytes.len() {
            return Err(Fault::Incomplete);
        }
        Ok(())
    }

    /// Passes a head and the bytes that belong to it; answers how many values follow as its parts.
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

/// Compares two slices of one length by words: WebAssembly has no instruction that compares memory, and the call
/// that stands in for it goes byte by byte. Where the length is known, as that of a name is, a few
/// instructions are left.
#[inline]
fn are_equal(one: &[u8], other: &[u8]) -> bool {
    // The words at both ends overlap, and so have every byte between them.
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

/// How many bytes a value takes whose first byte is the index, where that byte alone says so; otherwise 0.
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
mod tests {
    use super::{Cursor, Fault, Head, timestamp};

    fn head(bytes: &[u8]) -> Result<Head, Fault> {
        Cursor::new(bytes).head()
    }

    #[test]
    fn every_marker_has_its_head() {
        assert_eq!(head(&[0x7f]), Ok(Head::Uint(127)));
        assert_eq!(head(&[0xe0]), Ok(Head::Int(-32)));
        assert_eq!(head(&[0x82]), Ok(Head::Map(2)));
        assert_eq!(head(&[0x93]), Ok(Head::Array(3)));
        assert_eq!(head(&[0xbf]), Ok(Head::Str(31)));
        assert_eq!(head(&[0xc0]), Ok(Head::Nil));
        assert_eq!(head(&[0xc1]), Err(Fault::Reserved));
        assert_eq!(head(&[0xc3]), Ok(Head::Bool(true)));
        assert_eq!(head(&[0xc5, 1, 0]), Ok(Head::Bin(256)));
        assert_eq!(head(&[0xc7, 12, 0xff]), Ok(Head::Ext(-1, 12)));
        assert_eq!(head(&[0xca, 0x3f, 0x80, 0, 0]), Ok(Head::F32(1.0)));
        assert_eq!(
            head(&[0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
            Ok(Head::Uint(u64::MAX))
        );
        assert_eq!(
            head(&[0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0]),
            Ok(Head::Int(i64::MIN))
        );
        assert_eq!(head(&[0xd8, 5]), Ok(Head::Ext(5, 16)));
        assert_eq!(head(&[0xdf, 0, 1, 0, 0]), Ok(Head::Map(65536)));
    }

    #[test]
    fn only_what_comes_next_is_passed() {
        let bytes: Vec<u8> = (0..40).collect();
        for length in 0..bytes.len() {
            let mut expected = bytes[..length].to_vec();
            let mut cursor = Cursor::new(&bytes);
            assert!(cursor.pass(&expected));
            assert_eq!(cursor.place(), length);
            for wrong in 0..length {
                expected[wrong] ^= 0x80;
                assert!(!Cursor::new(&bytes).pass(&expected), "{wrong} of {length}");
                expected[wrong] ^= 0x80;
            }
            assert!(!Cursor::new(&bytes[..length]).pass(&bytes));
        }
    }

    #[test]
    fn short_values_are_passed_whole_or_not_at_all() {
        for (bytes, value, place) in [
            (&[0x7f][..], Some(127), 1),
            (&[0xcc, 0xff], Some(255), 2),
            (&[0xcd, 1, 0], Some(256), 3),
            (&[0xce, 0xff, 0, 0, 0], Some(0xff00_0000), 5),
            (&[0xce, 0, 0, 0], None, 0),
            (&[0xcf, 0, 0, 0, 0, 0, 0, 0, 1], None, 0),
            (&[0xff], None, 0),
            (&[], None, 0),
        ] {
            let mut cursor = Cursor::new(bytes);
            assert_eq!((cursor.short_uint(), cursor.place()), (value, place));
        }
        let mut cursor = Cursor::new(&[0xc4, 2, 7, 8, 9]);
        assert_eq!(
            (cursor.short_bytes(), cursor.place()),
            (Some(&[7, 8][..]), 4)
        );
        let mut cursor = Cursor::new(&[0xc4, 2, 7]);
        assert_eq!((cursor.short_bytes(), cursor.place()), (None, 0));
    }

    #[test]
    fn head_that_is_cut_is_incomplete() {
        for bytes in [
            &[][..],
            &[0xc4],
            &[0xc7, 1],
            &[0xcb, 0, 0],
            &[0xdd, 0, 0, 0],
        ] {
            assert_eq!(head(bytes), Err(Fault::Incomplete), "{bytes:?}");
        }
    }

    /// The first byte of every kind of value, with what must follow.
    fn one_of_each_first_byte() -> impl Iterator<Item = Vec<u8>> {
        (0..=u8::MAX).filter(|&first| first != 0xc1).map(|first| {
            let mut bytes = vec![first];
            bytes.resize(40, 0);
            bytes
        })
    }

    #[test]
    fn skipping_passes_what_the_heads_say() {
        for bytes in one_of_each_first_byte() {
            let mut by_head = Cursor::new(&bytes);
            let mut left = 1;
            while left > 0 {
                left -= 1;
                match by_head.head().unwrap() {
                    Head::Str(length) | Head::Bin(length) | Head::Ext(_, length) => {
                        by_head.bytes(length).unwrap();
                    }
                    Head::Array(count) => left += count,
                    Head::Map(count) => left += 2 * count,
                    _ => {}
                }
            }
            let mut skipping = Cursor::new(&bytes);
            skipping.skip().unwrap();
            assert_eq!(skipping.place(), by_head.place(), "{:#x}", bytes[0]);
            let cut = &bytes[..skipping.place() - 1];
            assert_eq!(
                Cursor::new(cut).skip(),
                Err(Fault::Incomplete),
                "{:#x}",
                bytes[0]
            );
        }
        assert_eq!(Cursor::new(&[0xc1]).skip(), Err(Fault::Reserved));
    }

    #[test]
    fn timestamps_of_every_form_are_read() {
        let long = |seconds: i64, nanoseconds: u32| {
            let data = [&nanoseconds.to_be_bytes()[..], &seconds.to_be_bytes()].concat();
            timestamp(&data)
        };
        assert_eq!(timestamp(&[0xff; 4]), Some((u32::MAX.into(), 0)));
        let both = (500_000_000_u64 << 34) + (1 << 34) - 1;
        let half = Some(((1 << 34) - 1, 500_000_000));
        assert_eq!(timestamp(&both.to_be_bytes()), half);
        assert_eq!(long(i64::MIN, 999_999_999), Some((i64::MIN, 999_999_999)));
        assert_eq!(
            (long(0, 1_000_000_000), timestamp(&[0xff; 8])),
            (None, None)
        );
        for length in (0..20).filter(|length| ![4, 8, 12].contains(length)) {
            assert_eq!(timestamp(&vec![0; length]), None);
        }
    }

    #[test]
    fn deep_nesting_is_passed_without_recursion() {
        let mut bytes = vec![0x91; 5_000_000];
        assert_eq!(Cursor::new(&bytes).skip(), Err(Fault::Incomplete));
        bytes.extend([0xc0, 0xc0]);
        let mut cursor = Cursor::new(&bytes);
        assert_eq!(cursor.value(), Ok(&bytes[..5_000_001]));
        assert!(!cursor.at_end());
    }

    #[test]
    fn claimed_counts_cost_nothing() {
        assert_eq!(
            Cursor::new(&[0xdf, 0xff, 0xff, 0xff, 0xff]).skip(),
            Err(Fault::Incomplete)
        );
        assert_eq!(
            Cursor::new(&[0xc6, 0xff, 0xff, 0xff, 0xff]).skip(),
            Err(Fault::Incomplete)
        );
    }
}
