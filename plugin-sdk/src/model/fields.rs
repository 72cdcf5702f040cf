//! Finds the fields of an object as they are asked for.

use std::cell::Cell;

use super::error::FieldError;
use super::field::Field;
use super::items::Items;
use super::reader::Reader;

/// The fields of one map, found as far as they were asked for.
///
/// The map is walked once, from its beginning, and no further than to the field asked for: what is
/// neither read nor passed costs nothing, and what was passed is found again by its place.
#[derive(Clone, Debug)]
pub(crate) struct Fields<'a> {
    value: &'a [u8],
    names: &'static Names,
    /// Where the values of the fields found so far begin; 0: not found yet, since a map's head is there.
    // Of one size for all objects, so that they share their code: a plugin's size is that of its code.
    places: [Cell<u32>; Names::MOST],
    walk: Cell<Walk>,
}

/// How far the map was walked.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Walk {
    /// Where the next name, or the value not yet passed, begins; 0: not begun.
    place: u32,
    /// Pairs of which not even the name was read.
    left: u32,
    /// The field that follows the last one found, if the writer kept to the usual order.
    expected: u8,
    /// Whether the value of the last field found is still to be passed.
    in_value: bool,
}

impl Walk {
    /// Notes that the value at `start` ends at `end`, so that it need not be passed once more.
    #[inline]
    pub(crate) fn passed(walk: &Cell<Self>, start: usize, end: usize) {
        let before = walk.get();
        if before.in_value && before.place as usize == start {
            walk.set(Self {
                place: fit(end),
                in_value: false,
                ..before
            });
        }
    }
}

/// What an object is called, and the names of its fields in the order of the journal's writer.
#[derive(Debug)]
pub(crate) struct Names {
    /// In the messages of errors.
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

/// The name of a field: as text, and as msgpack writes it.
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
            places: [const { Cell::new(0) }; Names::MOST],
            walk: Cell::new(Walk::default()),
        }
    }

    /// The whole object, as it is in the journal.
    #[inline]
    pub(crate) fn value(&self) -> &'a [u8] {
        self.value
    }

    /// At the value of a field; `None` where there is no such field.
    #[inline]
    pub(crate) fn find(&self, field: usize) -> Result<Option<Reader<'a>>, FieldError> {
        match self.places[field].get() {
            0 => self.walk_to(field).map_err(|error| self.told(error)),
            place => Ok(Some(Reader::at(self.value, place as usize))),
        }
    }

    /// Reads a field with `read`; `None` where there is no such field.
    #[inline]
    pub(crate) fn read_with<T>(
        &self,
        field: usize,
        read: impl FnOnce(&mut Reader<'a>) -> Result<T, FieldError>,
    ) -> Result<Option<T>, FieldError> {
        let Some(mut reader) = self.find(field)? else {
            return Ok(None);
        };
        let start = reader.place();
        match read(&mut reader) {
            Ok(value) => {
                Walk::passed(&self.walk, start, reader.place());
                Ok(Some(value))
            }
            Err(error) => Err(self.within(field, error)),
        }
    }

    /// Reads a field of a type that knows how.
    #[inline]
    pub(crate) fn read<T: Field<'a>>(&self, field: usize) -> Result<T, FieldError> {
        match self.read_with(field, T::read)? {
            Some(value) => Ok(value),
            None => T::absent().ok_or_else(|| self.missing(field)),
        }
    }

    /// The items of a field that is a list or, where `head` passes that of a map, a map.
    #[inline]
    pub(crate) fn items(
        &self,
        field: usize,
        head: impl FnOnce(&mut Reader<'a>) -> Result<u32, FieldError>,
    ) -> Result<Items<'_, 'a>, FieldError> {
        let Some(mut reader) = self.find(field)? else {
            return Err(self.missing(field));
        };
        let begin = reader.place();
        let count = head(&mut reader).map_err(|error| self.within(field, error))?;
        let described = (self.names.fields[field].text, self.names.object);
        Ok(Items::new(reader, begin, count, &self.walk, described))
    }

    /// The error of a field that has to be there and is not.
    #[cold]
    pub(crate) fn missing(&self, field: usize) -> FieldError {
        self.within(field, FieldError::missing(self.value.len()))
    }

    /// The error, in this field of this object.
    #[cold]
    pub(crate) fn within(&self, field: usize, error: FieldError) -> FieldError {
        self.told(error.within(self.names.fields[field].text))
    }

    /// The error, in this object.
    #[cold]
    pub(crate) fn told(&self, error: FieldError) -> FieldError {
        error.of(self.names.object)
    }

    #[inline(never)]
    fn walk_to(&self, field: usize) -> Result<Option<Reader<'a>>, FieldError> {
        let mut walk = self.walk.get();
        let mut reader = Reader::at(self.value, walk.place as usize);
        if walk.place == 0 {
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
            // A name that comes once more does not count, so that a field is the same whenever it is read.
            if self.places[found].get() == 0 {
                self.places[found].set(fit(reader.place()));
            }
            walk.expected = u8::try_from(found + 1).unwrap_or(0);
            if found == field {
                walk.in_value = true;
                walk.place = fit(reader.place());
                self.walk.set(walk);
                return Ok(Some(reader));
            }
            reader.skip()?;
        }
        walk.place = fit(reader.place());
        self.walk.set(walk);
        Ok(None)
    }

    /// Walks to the end, and checks that nothing follows it.
    pub(crate) fn finish(&self) -> Result<(), FieldError> {
        // No field has this number, so that the walk goes on to the end.
        self.walk_to(Names::MOST)
            .map_err(|error| self.told(error))?;
        match self.walk.get().place as usize {
            end if end == self.value.len() => Ok(()),
            end => Err(self.told(FieldError::wrong(end, "goes on behind its end"))),
        }
    }
}

/// Passes the next name and answers which field it is, if any.
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

/// A place in a value, which Kafka keeps under 1 GiB.
#[inline]
fn fit(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}
