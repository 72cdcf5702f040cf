//! Reads msgpack piece by piece, borrowed and without building a tree.

use std::fmt::{self, Display, Formatter};

use rmp::Marker;

/// One value, or the beginning of one that has parts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Head<'a> {
    Nil,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    /// Text, not yet checked to be UTF-8.
    Text(&'a [u8]),
    Bytes(&'a [u8]),
    /// That many values follow.
    Array(u32),
    /// That many pairs of values follow.
    Map(u32),
    /// An extension: its type and its data.
    Extension(i8, &'a [u8]),
}

/// Why bytes are not the msgpack of one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Malformed {
    EndsEarly,
    ReservedByte,
    TrailingBytes,
    TooDeep,
    KeyWithParts,
}

impl Display for Malformed {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::EndsEarly => "the value ends early",
            Self::ReservedByte => "the value has a byte that msgpack reserves",
            Self::TrailingBytes => "the value goes on behind its end",
            Self::TooDeep => "the value is nested too deeply",
            Self::KeyWithParts => "the value has a list or map as the key of a map",
        })
    }
}

/// What is left to read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a>(pub(crate) &'a [u8]);

impl<'a> Cursor<'a> {
    /// Reads one value, or the beginning of one that has parts.
    pub(crate) fn head(&mut self) -> Result<Head<'a>, Malformed> {
        Ok(match Marker::from_u8(self.number(u8::from_be_bytes)?) {
            Marker::Null => Head::Nil,
            Marker::False => Head::Bool(false),
            Marker::True => Head::Bool(true),
            Marker::FixPos(number) => Head::Unsigned(number.into()),
            Marker::FixNeg(number) => Head::Signed(number.into()),
            Marker::U8 => Head::Unsigned(self.number(u8::from_be_bytes)?.into()),
            Marker::U16 => Head::Unsigned(self.number(u16::from_be_bytes)?.into()),
            Marker::U32 => Head::Unsigned(self.number(u32::from_be_bytes)?.into()),
            Marker::U64 => Head::Unsigned(self.number(u64::from_be_bytes)?),
            Marker::I8 => Head::Signed(self.number(i8::from_be_bytes)?.into()),
            Marker::I16 => Head::Signed(self.number(i16::from_be_bytes)?.into()),
            Marker::I32 => Head::Signed(self.number(i32::from_be_bytes)?.into()),
            Marker::I64 => Head::Signed(self.number(i64::from_be_bytes)?),
            Marker::F32 => Head::Float(self.number(f32::from_be_bytes)?.into()),
            Marker::F64 => Head::Float(self.number(f64::from_be_bytes)?),
            Marker::FixStr(length) => Head::Text(self.take(length.into())?),
            Marker::Str8 => Head::Text(self.sized(1)?),
            Marker::Str16 => Head::Text(self.sized(2)?),
            Marker::Str32 => Head::Text(self.sized(4)?),
            Marker::Bin8 => Head::Bytes(self.sized(1)?),
            Marker::Bin16 => Head::Bytes(self.sized(2)?),
            Marker::Bin32 => Head::Bytes(self.sized(4)?),
            Marker::FixArray(length) => Head::Array(length.into()),
            Marker::Array16 => Head::Array(self.size(2)?),
            Marker::Array32 => Head::Array(self.size(4)?),
            Marker::FixMap(length) => Head::Map(length.into()),
            Marker::Map16 => Head::Map(self.size(2)?),
            Marker::Map32 => Head::Map(self.size(4)?),
            Marker::FixExt1 => self.extension(1)?,
            Marker::FixExt2 => self.extension(2)?,
            Marker::FixExt4 => self.extension(4)?,
            Marker::FixExt8 => self.extension(8)?,
            Marker::FixExt16 => self.extension(16)?,
            Marker::Ext8 => self.sized_extension(1)?,
            Marker::Ext16 => self.sized_extension(2)?,
            Marker::Ext32 => self.sized_extension(4)?,
            Marker::Reserved => return Err(Malformed::ReservedByte),
        })
    }

    fn take(&mut self, length: u32) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self
            .0
            .split_at_checked(length as usize)
            .ok_or(Malformed::EndsEarly)?;
        self.0 = rest;
        Ok(taken)
    }

    fn number<const N: usize, T>(&mut self, from: fn([u8; N]) -> T) -> Result<T, Malformed> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(Malformed::EndsEarly)?;
        self.0 = rest;
        Ok(from(*bytes))
    }

    /// A length that is written in this many bytes.
    fn size(&mut self, width: u32) -> Result<u32, Malformed> {
        Ok(self
            .take(width)?
            .iter()
            .fold(0, |size, &byte| size << 8 | u32::from(byte)))
    }

    fn sized(&mut self, width: u32) -> Result<&'a [u8], Malformed> {
        let length = self.size(width)?;
        self.take(length)
    }

    fn extension(&mut self, length: u32) -> Result<Head<'a>, Malformed> {
        let extension_type = self.number(i8::from_be_bytes)?;
        Ok(Head::Extension(extension_type, self.take(length)?))
    }

    fn sized_extension(&mut self, width: u32) -> Result<Head<'a>, Malformed> {
        let length = self.size(width)?;
        self.extension(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], expected: Head<'_>) {
        let mut cursor = Cursor(bytes);
        assert_eq!(cursor.head(), Ok(expected));
        assert_eq!(cursor.0, b"");
        assert_eq!(
            Cursor(&bytes[..bytes.len() - 1]).head(),
            Err(Malformed::EndsEarly)
        );
    }

    #[test]
    fn every_form_is_read_and_a_missing_byte_is_noticed() {
        check(&[0xc0], Head::Nil);
        check(&[0xc2], Head::Bool(false));
        check(&[0xc3], Head::Bool(true));
        check(&[0x7f], Head::Unsigned(127));
        check(&[0xff], Head::Signed(-1));
        check(&[0xcc, 0xff], Head::Unsigned(255));
        check(&[0xcd, 1, 0], Head::Unsigned(256));
        check(&[0xce, 1, 0, 0, 0], Head::Unsigned(1 << 24));
        check(
            &[0xcf, 0xff, 0, 0, 0, 0, 0, 0, 0],
            Head::Unsigned(0xff << 56),
        );
        check(&[0xd0, 0x80], Head::Signed(-128));
        check(&[0xd1, 0xff, 0x7f], Head::Signed(-129));
        check(&[0xd2, 0xff, 0xff, 0xff, 0xfe], Head::Signed(-2));
        check(
            &[0xd3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe],
            Head::Signed(-2),
        );
        check(&[0xca, 0x3f, 0, 0, 0], Head::Float(0.5));
        check(&[0xcb, 0x3f, 0xe0, 0, 0, 0, 0, 0, 0], Head::Float(0.5));
        check(&[0xa1, b'x'], Head::Text(b"x"));
        check(&[0xd9, 1, b'x'], Head::Text(b"x"));
        check(&[0xda, 0, 1, b'x'], Head::Text(b"x"));
        check(&[0xdb, 0, 0, 0, 1, b'x'], Head::Text(b"x"));
        check(&[0xc4, 1, b'x'], Head::Bytes(b"x"));
        check(&[0xc5, 0, 1, b'x'], Head::Bytes(b"x"));
        check(&[0xc6, 0, 0, 0, 1, b'x'], Head::Bytes(b"x"));
        check(&[0x92], Head::Array(2));
        check(&[0xdc, 1, 0], Head::Array(256));
        check(&[0xdd, 0, 1, 0, 0], Head::Array(1 << 16));
        check(&[0x82], Head::Map(2));
        check(&[0xde, 1, 0], Head::Map(256));
        check(&[0xdf, 0, 1, 0, 0], Head::Map(1 << 16));
        check(&[0xd4, 5, b'x'], Head::Extension(5, b"x"));
        check(&[0xd5, 5, 0, 0], Head::Extension(5, &[0; 2]));
        check(&[0xd6, 0xff, 0, 0, 0, 0], Head::Extension(-1, &[0; 4]));
        check(
            &[&[0xd7, 5][..], &[0; 8]].concat(),
            Head::Extension(5, &[0; 8]),
        );
        check(
            &[&[0xd8, 5][..], &[0; 16]].concat(),
            Head::Extension(5, &[0; 16]),
        );
        check(&[0xc7, 1, 5, b'x'], Head::Extension(5, b"x"));
        check(&[0xc8, 0, 1, 5, b'x'], Head::Extension(5, b"x"));
        check(&[0xc9, 0, 0, 0, 1, 5, b'x'], Head::Extension(5, b"x"));
    }

    #[test]
    fn reserved_byte_is_malformed() {
        assert_eq!(Cursor(&[0xc1]).head(), Err(Malformed::ReservedByte));
    }
}
