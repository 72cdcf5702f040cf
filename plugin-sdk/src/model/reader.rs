//! Reads the msgpack values of fields.

use journal_msgpack::{Cursor, Fault, Head};

use super::error::{FieldError, Reason};

/// A position in the value of an object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    cursor: Cursor<'a>,
}

impl<'a> Reader<'a> {
    #[inline]
    pub(crate) fn at(value: &'a [u8], offset: usize) -> Self {
        Self {
            cursor: Cursor::at(value, offset),
        }
    }

    /// The whole value.
    #[inline]
    pub(crate) fn value(&self) -> &'a [u8] {
        self.cursor.input()
    }

    #[inline]
    pub(crate) fn offset(&self) -> usize {
        self.cursor.offset()
    }

    /// Skips `expected` if it comes next. The journal's writer encodes every map in the same way, so a comparison finds
    /// most names.
    #[inline]
    pub(crate) fn pass(&mut self, expected: &[u8]) -> bool {
        self.cursor.pass(expected)
    }

    #[inline]
    pub(crate) fn head(&mut self) -> Result<Head, FieldError> {
        let offset = self.offset();
        self.cursor.head().map_err(|fault| malformed(offset, fault))
    }

    /// The head of the next value, without advancing.
    #[inline]
    pub(crate) fn peek(&self) -> Result<Head, FieldError> {
        let mut ahead = *self;
        ahead.head()
    }

    #[inline]
    pub(crate) fn skip(&mut self) -> Result<(), FieldError> {
        let offset = self.offset();
        self.cursor.skip().map_err(|fault| malformed(offset, fault))
    }

    /// Skips nil if it comes next.
    #[inline]
    pub(crate) fn nil(&mut self) -> bool {
        self.pass(&[0xc0])
    }

    #[inline]
    pub(crate) fn take(&mut self, length: u32) -> Result<&'a [u8], FieldError> {
        let offset = self.offset();
        self.cursor
            .bytes(length)
            .map_err(|fault| malformed(offset, fault))
    }

    /// Reads bytes whose length is encoded in one byte. `None` if another value comes next.
    #[inline]
    pub(crate) fn short_bytes(&mut self) -> Option<&'a [u8]> {
        self.cursor.short_bytes()
    }

    /// Reads an unsigned integer of up to 32 bits. `None` if another value comes next.
    #[inline]
    pub(crate) fn short_uint(&mut self) -> Option<u32> {
        self.cursor.short_uint()
    }

    #[inline]
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], FieldError> {
        match self.short_bytes() {
            Some(bytes) => Ok(bytes),
            None => self.other_bytes(),
        }
    }

    fn other_bytes(&mut self) -> Result<&'a [u8], FieldError> {
        let offset = self.offset();
        match self.head()? {
            Head::Bin(length) => self.take(length),
            other => Err(unexpected(offset, other, "bytes")),
        }
    }

    #[inline]
    pub(crate) fn text(&mut self) -> Result<&'a str, FieldError> {
        let offset = self.offset();
        match self.head()? {
            Head::Str(length) => {
                let bytes = self.take(length)?;
                str::from_utf8(bytes).map_err(|_| FieldError::wrong(offset, "is not UTF-8"))
            }
            other => Err(unexpected(offset, other, "a text")),
        }
    }

    #[inline]
    pub(crate) fn array(&mut self) -> Result<u32, FieldError> {
        let offset = self.offset();
        match self.head()? {
            Head::Array(count) => Ok(count),
            other => Err(unexpected(offset, other, "a list")),
        }
    }

    #[inline]
    pub(crate) fn map(&mut self) -> Result<u32, FieldError> {
        let offset = self.offset();
        match self.head()? {
            Head::Map(count) => Ok(count),
            other => Err(unexpected(offset, other, "a map")),
        }
    }

    /// The text or bytes of a map's key. `None` for a key of another type, which no field has.
    pub(crate) fn key(&mut self) -> Result<Option<&'a [u8]>, FieldError> {
        match self.peek()? {
            Head::Str(length) | Head::Bin(length) => {
                self.head()?;
                self.take(length).map(Some)
            }
            _ => self.skip().map(|()| None),
        }
    }

    /// Reads a map's key and returns which of these it is, if any. They are given in the writer's encoding, with their
    /// length byte, and found in any encoding.
    #[inline]
    pub(crate) fn key_of<const COUNT: usize>(
        &mut self,
        names: [&[u8]; COUNT],
    ) -> Result<Option<usize>, FieldError> {
        for (index, name) in names.iter().enumerate() {
            if self.pass(name) {
                return Ok(Some(index));
            }
        }
        self.other_key_of(&names)
    }

    #[cold]
    fn other_key_of(&mut self, names: &[&[u8]]) -> Result<Option<usize>, FieldError> {
        let key = self.key()?;
        Ok(key.and_then(|key| names.iter().position(|name| &name[1..] == key)))
    }

    /// The bytes from `start` to the current position.
    #[inline]
    pub(crate) fn since(&self, start: usize) -> &'a [u8] {
        &self.value()[start..self.offset()]
    }
}

#[cold]
fn malformed(offset: usize, fault: Fault) -> FieldError {
    FieldError::new(offset, Reason::Malformed(fault))
}

#[cold]
pub(crate) fn unexpected(offset: usize, found: Head, expected: &'static str) -> FieldError {
    let found = match found {
        Head::Nil => return FieldError::new(offset, Reason::Missing),
        Head::Bool(_) => "a boolean",
        Head::Uint(_) | Head::Int(_) => "an integer",
        Head::F32(_) | Head::F64(_) => "a float",
        Head::Str(_) => "a text",
        Head::Bin(_) => "bytes",
        Head::Array(_) => "a list",
        Head::Map(_) => "a map",
        Head::Ext(..) => "an extension",
    };
    FieldError::new(offset, Reason::Kind { found, expected })
}
