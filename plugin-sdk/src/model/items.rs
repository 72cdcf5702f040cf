//! Iterates over the items of a list or a map.

use std::cell::Cell;

use super::error::FieldError;
use super::fields::Walk;
use super::reader::Reader;

/// The remaining items of a list or a map in an object.
#[derive(Clone, Debug)]
pub(crate) struct Items<'f, 'a> {
    reader: Reader<'a>,
    left: u32,
    index: usize,
    /// The offset of the list or map, and the walk that learns its end.
    begin: usize,
    walk: Option<&'f Cell<Walk>>,
    /// The field and the object, for error messages.
    field: &'static str,
    object: &'static str,
}

impl<'f, 'a> Items<'f, 'a> {
    /// The `count` items that follow `reader`, which is after their head.
    #[inline]
    pub(crate) fn new(
        reader: Reader<'a>,
        begin: usize,
        count: u32,
        walk: &'f Cell<Walk>,
        (field, object): (&'static str, &'static str),
    ) -> Self {
        if count == 0 {
            Walk::passed(walk, begin, reader.offset());
        }
        Self {
            reader,
            left: count,
            index: 0,
            begin,
            walk: Some(walk),
            field,
            object,
        }
    }

    /// Items that are stored in another field, whose walk does not need their end.
    #[cold]
    pub(crate) fn of_copy(
        reader: Reader<'a>,
        count: u32,
        (field, object): (&'static str, &'static str),
    ) -> Self {
        Self {
            reader,
            left: count,
            field,
            object,
            ..Self::none()
        }
    }

    /// No items.
    pub(crate) fn none() -> Self {
        Self {
            reader: Reader::at(&[], 0),
            left: 0,
            index: 0,
            begin: 0,
            walk: None,
            field: "",
            object: "",
        }
    }

    /// The number of remaining items according to the value.
    #[inline]
    pub(crate) fn left(&self) -> usize {
        self.left as usize
    }

    /// Reads the next item with `usual`, or with `any` if its encoding is another. After an error there are no more.
    #[inline]
    pub(crate) fn next_usual<T>(
        &mut self,
        usual: impl FnOnce(&mut Reader<'a>) -> Option<T>,
        any: impl FnOnce(&mut Reader<'a>) -> Result<T, FieldError>,
    ) -> Option<Result<T, FieldError>> {
        if self.left == 0 {
            return None;
        }
        let start = self.reader;
        // The usual item returns early: where branches join, WebAssembly would move it through memory.
        if let Some(item) = usual(&mut self.reader) {
            self.pass_item();
            return Some(Ok(item));
        }
        self.reader = start;
        self.next_unusual(any)
    }

    #[cold]
    #[inline(never)]
    fn next_unusual<T>(
        &mut self,
        any: impl FnOnce(&mut Reader<'a>) -> Result<T, FieldError>,
    ) -> Option<Result<T, FieldError>> {
        self.next_with(any)
    }

    /// Reads the next item. After an error there are no more.
    #[inline]
    pub(crate) fn next_with<T>(
        &mut self,
        read: impl FnOnce(&mut Reader<'a>) -> Result<T, FieldError>,
    ) -> Option<Result<T, FieldError>> {
        if self.left == 0 {
            return None;
        }
        match read(&mut self.reader) {
            Ok(item) => {
                self.pass_item();
                Some(Ok(item))
            }
            Err(error) => Some(Err(self.fail(error))),
        }
    }

    /// Records that the reader is after an item.
    #[inline]
    fn pass_item(&mut self) {
        self.left -= 1;
        self.index += 1;
        if self.left == 0
            && let Some(walk) = self.walk
        {
            Walk::passed(walk, self.begin, self.reader.offset());
        }
    }

    /// Ends the iteration at an item that cannot be read.
    #[cold]
    fn fail(&mut self, error: FieldError) -> FieldError {
        self.left = 0;
        let error = error.within_item(self.index).within(self.field);
        error.of(self.object)
    }
}
