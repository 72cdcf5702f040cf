//! Reads the pieces that fields are made of.

use journal_msgpack::{Cursor, Fault, Head};

use super::error::{FieldError, Reason};

/// A place in the value of an object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    cursor: Cursor<'a>,
}

impl<'a> Reader<'a> {
    #[inline]
    pub(crate) fn at(value: &'a [u8], place: usize) -> Self {
        Self {
            cursor: Cursor::at(value, place),
        }
    }

    /// The whole value.
    #[inline]
    pub(crate) fn value(&self) -> &'a [u8] {
        self.cursor.input()
    }

    #[inline]
    pub(crate) fn place(&self) -> usize {
        self.cursor.place()
    }

    /// Passes `expected`, if it comes next. The journal's writer spells every map in the same way, so that a
    /// comparison finds most names.
    #[inline]
    pub(crate) fn pass(&mut self, expected: &[u8]) -> bool {
        self.cursor.pass(expected)
    }

    #[inline]
    pub(crate) fn head(&mut self) -> Result<Head, FieldError> {
        let place = self.place();
        self.cursor.head().map_err(|fault| malformed(place, fault))
    }

    /// The head of the next value, which is not passed.
    #[inline]
    pub(crate) fn peek(&self) -> Result<Head, FieldError> {
        let mut ahead = *self;
        ahead.head()
    }

    #[inline]
    pub(crate) fn skip(&mut self) -> Result<(), FieldError> {
        let place = self.place();
        self.cursor.skip().map_err(|fault| malformed(place, fault))
    }

    /// Passes nil, if it comes next.
    #[inline]
    pub(crate) fn nil(&mut self) -> bool {
        self.pass(&[0xc0])
    }

    #[inline]
    pub(crate) fn take(&mut self, length: u32) -> Result<&'a [u8], FieldError> {
        let place = self.place();
        self.cursor
            .bytes(length)
            .map_err(|fault| malformed(place, fault))
    }

    /// Passes bytes with a length of one byte; nothing where something else comes next.
    #[inline]
    pub(crate) fn short_bytes(&mut self) -> Option<&'a [u8]> {
        self.cursor.short_bytes()
    }

    /// Passes an integer of up to 32 bits that is not negative; nothing where something else comes next.
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
        let place = self.place();
        match self.head()? {
            Head::Bin(length) => self.take(length),
            other => Err(unexpected(place, other, "bytes")),
        }
    }

    #[inline]
    pub(crate) fn text(&mut self) -> Result<&'a str, FieldError> {
        let place = self.place();
        match self.head()? {
            Head::Str(length) => {
                let bytes = self.take(length)?;
                str::from_utf8(bytes).map_err(|_| FieldError::wrong(place, "is not UTF-8"))
            }
            other => Err(unexpected(place, other, "a text")),
        }
    }

    #[inline]
    pub(crate) fn array(&mut self) -> Result<u32, FieldError> {
        let place = self.place();
        match self.head()? {
            Head::Array(count) => Ok(count),
            other => Err(unexpected(place, other, "a list")),
        }
    }

    #[inline]
    pub(crate) fn map(&mut self) -> Result<u32, FieldError> {
        let place = self.place();
        match self.head()? {
            Head::Map(count) => Ok(count),
            other => Err(unexpected(place, other, "a map")),
        }
    }

    /// The text or bytes of a map's key; nothing where it is of another kind, which no field has.
    pub(crate) fn key(&mut self) -> Result<Option<&'a [u8]>, FieldError> {
        match self.peek()? {
            Head::Str(length) | Head::Bin(length) => {
                self.head()?;
                self.take(length).map(Some)
            }
            _ => self.skip().map(|()| None),
        }
    }

    /// Passes a map's key and answers which of these it is, if any. They are given as the writer spells them,
    /// with the byte of their length, and found in any spelling.
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

    /// What stands between two places of the value.
    #[inline]
    pub(crate) fn since(&self, start: usize) -> &'a [u8] {
        &self.value()[start..self.place()]
    }
}

#[cold]
fn malformed(place: usize, fault: Fault) -> FieldError {
    FieldError::new(place, Reason::Malformed(fault))
}

#[cold]
pub(crate) fn unexpected(place: usize, found: Head, expected: &'static str) -> FieldError {
    let found = match found {
        Head::Nil => return FieldError::new(place, Reason::Missing),
        Head::Bool(_) => "a boolean",
        Head::Uint(_) | Head::Int(_) => "an integer",
        Head::F32(_) | Head::F64(_) => "a number with a point",
        Head::Str(_) => "a text",
        Head::Bin(_) => "bytes",
        Head::Array(_) => "a list",
        Head::Map(_) => "a map",
        Head::Ext(..) => "an extension",
    };
    FieldError::new(place, Reason::Kind { found, expected })
}
