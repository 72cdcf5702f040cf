//! Walks msgpack item by item.

use crate::{Cursor, Fault, Head};

/// A value, or the beginning of one that has parts.
///
/// ```
/// use journal_msgpack::{Item, Walker};
///
/// let mut walker = Walker::new(b"\xc4\x02ab");
/// assert_eq!(walker.item()?, Item::Bin(b"ab"));
/// # Ok::<(), journal_msgpack::Fault>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Item<'a> {
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
    /// A text, which may not be UTF-8.
    Str(&'a [u8]),
    /// Bytes.
    Bin(&'a [u8]),
    /// This many values follow.
    Array(u32),
    /// This many pairs of values follow.
    Map(u32),
    /// An extension: its type and its data.
    Ext(i8, &'a [u8]),
}

/// Walks the items of msgpack. A copy of it looks ahead.
///
/// ```
/// use journal_msgpack::{Item, Walker};
///
/// let mut walker = Walker::new(b"\x81\xa5title\x93\x01\x02\x03"); // {"title": [1, 2, 3]}
/// assert_eq!(walker.item()?, Item::Map(1));
/// assert_eq!(walker.item()?, Item::Str(b"title"));
/// walker.skip()?;
/// assert!(walker.is_at_end());
/// # Ok::<(), journal_msgpack::Fault>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Walker<'a>(Cursor<'a>);

impl<'a> Walker<'a> {
    /// A walker at the beginning of `msgpack`.
    ///
    /// ```
    /// use journal_msgpack::Walker;
    ///
    /// assert!(Walker::new(b"").is_at_end());
    /// ```
    #[must_use]
    pub fn new(msgpack: &'a [u8]) -> Self {
        Self(Cursor::new(msgpack))
    }

    /// The next item. The parts of an array or map are the items that follow. Counts are as the input claims them: a
    /// list of four billion may end after one.
    ///
    /// # Errors
    /// When the input ends inside the item, or the item is no msgpack.
    ///
    /// ```
    /// use journal_msgpack::{Fault, Item, Walker};
    ///
    /// let mut walker = Walker::new(b"\x92\x01");
    /// assert_eq!(walker.item(), Ok(Item::Array(2)));
    /// assert_eq!(walker.item(), Ok(Item::Uint(1)));
    /// assert_eq!(walker.item(), Err(Fault::Incomplete));
    /// ```
    pub fn item(&mut self) -> Result<Item<'a>, Fault> {
        Ok(match self.0.head()? {
            Head::Nil => Item::Nil,
            Head::Bool(value) => Item::Bool(value),
            Head::Uint(number) => Item::Uint(number),
            Head::Int(number) => Item::Int(number),
            Head::F32(number) => Item::F32(number),
            Head::F64(number) => Item::F64(number),
            Head::Str(length) => Item::Str(self.0.bytes(length)?),
            Head::Bin(length) => Item::Bin(self.0.bytes(length)?),
            Head::Array(count) => Item::Array(count),
            Head::Map(count) => Item::Map(count),
            Head::Ext(kind, length) => Item::Ext(kind, self.0.bytes(length)?),
        })
    }

    /// Skips a whole value with all of its parts, however deep, without recursion.
    ///
    /// # Errors
    /// When the input ends inside the value, or the value is no msgpack.
    ///
    /// ```
    /// use journal_msgpack::{Item, Walker};
    ///
    /// let mut walker = Walker::new(b"\x92\x01\x02\x03");
    /// walker.skip()?;
    /// assert_eq!(walker.item()?, Item::Uint(3));
    /// # Ok::<(), journal_msgpack::Fault>(())
    /// ```
    pub fn skip(&mut self) -> Result<(), Fault> {
        self.0.skip()
    }

    /// Whether nothing is left.
    ///
    /// ```
    /// use journal_msgpack::Walker;
    ///
    /// assert!(!Walker::new(b"\xc0").is_at_end());
    /// ```
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        self.0.at_end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_have_their_bytes_and_a_missing_byte_is_noticed() {
        for (bytes, expected) in [
            (&b"\xc0"[..], Item::Nil),
            (b"\xc3", Item::Bool(true)),
            (b"\xcd\x01\0", Item::Uint(256)),
            (b"\xff", Item::Int(-1)),
            (b"\xca\x3f\0\0\0", Item::F32(0.5)),
            (b"\xcb\x3f\xe0\0\0\0\0\0\0", Item::F64(0.5)),
            (b"\xd9\x01\xff", Item::Str(b"\xff")),
            (b"\xc5\0\x01x", Item::Bin(b"x")),
            (b"\xdd\0\x01\0\0", Item::Array(1 << 16)),
            (b"\x82", Item::Map(2)),
            (b"\xd6\xff\0\0\0\x01", Item::Ext(-1, &[0, 0, 0, 1])),
        ] {
            let mut walker = Walker::new(bytes);
            assert_eq!(walker.item(), Ok(expected));
            assert!(walker.is_at_end());
            let cut = Walker::new(&bytes[..bytes.len() - 1]).item();
            assert_eq!(cut, Err(Fault::Incomplete));
        }
        assert_eq!(Walker::new(b"\xc1").item(), Err(Fault::Reserved));
    }
}
