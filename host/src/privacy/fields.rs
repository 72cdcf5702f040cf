//! Walks over the members of a msgpack map without decoding them.

use journal_msgpack::{Cursor, Fault, Head};

/// Why the members of a value or a key cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unreadable {
    /// It is not msgpack.
    #[error("it {0}")]
    Damaged(#[from] Fault),
    /// It is something else than one map.
    #[error("it is not one map")]
    NoMap,
    /// A person has another form.
    #[error("its `{0}` is not a person")]
    Person(&'static str),
    /// A member has another form.
    #[error("its `{0}` has another type")]
    Member(&'static str),
    /// What identifies the object is missing.
    #[error("it holds no `{0}`")]
    Missing(&'static str),
    /// Only revisions and releases are known to hold persons.
    #[error("persons in this object type are not known")]
    ObjectType,
}

/// The number of pairs of the map at the cursor, which moves to its first pair.
pub(super) fn map(cursor: &mut Cursor<'_>) -> Result<u32, Unreadable> {
    match cursor.head()? {
        Head::Map(count) => Ok(count),
        _ => Err(Unreadable::NoMap),
    }
}

/// Reads a name of a member: a text, or the same in bytes. Another value is skipped, and no name.
pub(super) fn name<'a>(cursor: &mut Cursor<'a>) -> Result<&'a [u8], Fault> {
    let before = *cursor;
    match cursor.head()? {
        Head::Str(length) | Head::Bin(length) => cursor.bytes(length),
        _ => {
            *cursor = before;
            cursor.skip()?;
            Ok(&[])
        }
    }
}

/// Reads a text or bytes. Another value is skipped, and none.
pub(super) fn bytes<'a>(cursor: &mut Cursor<'a>) -> Result<Option<&'a [u8]>, Fault> {
    let before = *cursor;
    if let Head::Str(length) | Head::Bin(length) = cursor.head()? {
        return cursor.bytes(length).map(Some);
    }
    *cursor = before;
    cursor.skip()?;
    Ok(None)
}

/// Calls `found` at the value of each member of this name, whatever its type is. The input must be one map and nothing
/// more. Readers differ in which of two members of one name they take, so both count.
pub(super) fn each<'a>(
    input: &'a [u8],
    wanted: &[u8],
    mut found: impl FnMut(Cursor<'a>) -> Result<(), Unreadable>,
) -> Result<(), Unreadable> {
    let mut cursor = Cursor::new(input);
    for _ in 0..map(&mut cursor)? {
        let name = name(&mut cursor)?;
        if name == wanted {
            found(cursor)?;
        }
        cursor.skip()?;
    }
    if cursor.at_end() {
        Ok(())
    } else {
        Err(Unreadable::NoMap)
    }
}
