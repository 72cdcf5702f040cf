//! Finds the fields of an object on demand.

use std::cell::Cell;

use super::error::FieldError;
use super::field::Field;
use super::items::Items;
use super::reader::Reader;

/// Fields that a source may lack in all of its objects: an export of the archive has no column for the first one, and its
/// operator may leave out the tables of the others.
const LACKED_BY_SOURCES: [&str; 4] = ["synthetic", "parents", "entries", "branches"];

/// The fields of one map.
///
/// The map is walked once, and only up to the requested field. The offsets of the fields on the way are remembered.
#[derive(Clone, Debug)]
pub(crate) struct Fields<'a> {
    value: &'a [u8],
    names: &'static Names,
    /// The offset of each field's value; 0, where the head of the map is, if the field was not found yet.
    // The size is the same for all objects so that they share code, which keeps plugins small.
    offsets: [Cell<u32>; Names::MOST],
    walk: Cell<Walk>,
}

/// The progress of the walk.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Walk {
    /// The offset of the next name, or of the value that is not skipped yet; 0 before the start.
    offset: u32,
    /// The number of pairs whose name was not read yet.
    left: u32,
    /// The field that follows in the usual order.
    expected: u8,
    /// Whether the value of the last field must still be skipped.
    in_value: bool,
}

impl Walk {
    /// Records that the value at `start` ends at `end`, so that it is not skipped again.
    #[inline]
    pub(crate) fn passed(walk: &Cell<Self>, start: usize, end: usize) {
        let before = walk.get();
        if before.in_value && before.offset as usize == start {
            walk.set(Self {
                offset: fit(end),
                in_value: false,
                ..before
            });
        }
    }
}

/// The name of an object type and those of its fields, in the order of the journal's writer.
#[derive(Debug)]
pub(crate) struct Names {
    /// The name in error messages.
    pub(crate) object: &'static str,
    pub(crate) fields: &'static [Name],
}

impl Names {
    /// No object has more fields.
    const MOST: usize = 15;

    pub(crate) const fn new(object: &'static str, fields: &'static [Name]) -> Self {
        assert!(fields.len() <= Self::MOST);
        Self { object, fields }
    }
}

/// The name of a field, as text and as msgpack.
#[derive(Debug)]
pub(crate) struct Name {
    pub(crate) text: &'static str,
    pub(crate) encoded: &'static [u8],
}

impl<'a> Fields<'a> {
    #[inline]
    pub(crate) fn new(value: &'a [u8], names: &'static Names) -> Self {
        Self {
            value,
            names,
            offsets: [const { Cell::new(0) }; Names::MOST],
            walk: Cell::new(Walk::default()),
        }
    }

    /// The bytes of the whole object.
    #[inline]
    pub(crate) fn value(&self) -> &'a [u8] {
        self.value
    }

    /// A reader at the value of a field. `None` if the field is missing.
    #[inline]
    pub(crate) fn find(&self, field: usize) -> Result<Option<Reader<'a>>, FieldError> {
        match self.offsets[field].get() {
            0 => self.walk_to(field).map_err(|error| self.of_object(error)),
            offset => Ok(Some(Reader::at(self.value, offset as usize))),
        }
    }

    /// Reads a field with `read`. `None` if the field is missing.
    #[inline]
    pub(crate) fn read_with<T>(
        &self,
        field: usize,
        read: impl FnOnce(&mut Reader<'a>) -> Result<T, FieldError>,
    ) -> Result<Option<T>, FieldError> {
        let Some(mut reader) = self.find(field)? else {
            return Ok(None);
        };
        let start = reader.offset();
        match read(&mut reader) {
            Ok(value) => {
                Walk::passed(&self.walk, start, reader.offset());
                Ok(Some(value))
            }
            Err(error) => Err(self.within(field, error)),
        }
    }

    /// Reads a field.
    #[inline]
    pub(crate) fn read<T: Field<'a>>(&self, field: usize) -> Result<T, FieldError> {
        match self.read_with(field, T::read)? {
            Some(value) => Ok(value),
            None => T::absent().ok_or_else(|| self.missing(field)),
        }
    }

    /// The items of a list or a map; `head` reads its head.
    #[inline]
    pub(crate) fn items(
        &self,
        field: usize,
        head: impl FnOnce(&mut Reader<'a>) -> Result<u32, FieldError>,
    ) -> Result<Items<'_, 'a>, FieldError> {
        let Some(mut reader) = self.find(field)? else {
            return Err(self.missing(field));
        };
        let begin = reader.offset();
        let count = head(&mut reader).map_err(|error| self.within(field, error))?;
        let described = (self.names.fields[field].text, self.names.object);
        Ok(Items::new(reader, begin, count, &self.walk, described))
    }

    /// The error for a required field that is missing.
    #[cold]
    pub(crate) fn missing(&self, field: usize) -> FieldError {
        let end = self.value.len();
        let error = if LACKED_BY_SOURCES.contains(&self.names.fields[field].text) {
            FieldError::absent(end)
        } else {
            FieldError::missing(end)
        };
        self.within(field, error)
    }

    /// The error in this field of this object.
    #[cold]
    pub(crate) fn within(&self, field: usize, error: FieldError) -> FieldError {
        self.of_object(error.within(self.names.fields[field].text))
    }

    /// The error in this object.
    #[cold]
    pub(crate) fn of_object(&self, error: FieldError) -> FieldError {
        error.of(self.names.object)
    }

    #[inline(never)]
    fn walk_to(&self, field: usize) -> Result<Option<Reader<'a>>, FieldError> {
        let mut walk = self.walk.get();
        let mut reader = Reader::at(self.value, walk.offset as usize);
        if walk.offset == 0 {
            walk.left = reader.map()?;
        } else if walk.in_value {
            reader.skip()?;
            walk.in_value = false;
        }
        while walk.left > 0 {
            walk.left -= 1;
            let found = next_name(&mut reader, usize::from(walk.expected), self.names.fields)?;
            let Some(found) = found else {
                reader.skip()?;
                continue;
            };
            // A repeated name is ignored, so that a field does not depend on the order of reading.
            if self.offsets[found].get() == 0 {
                self.offsets[found].set(fit(reader.offset()));
            }
            walk.expected = u8::try_from(found + 1).unwrap_or(0);
            if found == field {
                walk.in_value = true;
                walk.offset = fit(reader.offset());
                self.walk.set(walk);
                return Ok(Some(reader));
            }
            reader.skip()?;
        }
        walk.offset = fit(reader.offset());
        self.walk.set(walk);
        Ok(None)
    }

    /// Walks to the end, and checks that nothing follows it.
    pub(crate) fn finish(&self) -> Result<(), FieldError> {
        // No field has this index, so the walk continues to the end.
        self.walk_to(Names::MOST)
            .map_err(|error| self.of_object(error))?;
        match self.walk.get().offset as usize {
            end if end == self.value.len() => Ok(()),
            end => Err(self.of_object(FieldError::wrong(end, "continues after its end"))),
        }
    }
}

/// Reads the next name and returns the index of its field, if any.
#[inline]
fn next_name(
    reader: &mut Reader<'_>,
    expected: usize,
    names: &[Name],
) -> Result<Option<usize>, FieldError> {
    if let Some(name) = names.get(expected)
        && reader.pass(name.encoded)
    {
        return Ok(Some(expected));
    }
    let key = reader.key()?;
    Ok(key.and_then(|key| names.iter().position(|name| name.text.as_bytes() == key)))
}

/// An offset in a value, which Kafka limits to less than 1 GiB.
#[inline]
fn fit(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}
