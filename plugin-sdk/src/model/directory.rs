//! Directories.

use super::error::FieldError;
use super::field::{Field, choice};
use super::identify::identified;
use super::items::Items;
use super::object::object;
use super::reader::Reader;
use crate::Id;

object! {
    /// A directory: named entries that refer to other objects.
    ///
    /// ```
    /// use journal_plugin_sdk::{Directory, EntryType, Id, owned};
    ///
    /// let value = owned::Directory::new()
    ///     .entry("README.md", EntryType::File, Id([1; 20]), 0o100_644)
    ///     .encode();
    ///
    /// let directory = Directory::new(&value);
    /// for entry in directory.entries()? {
    ///     assert_eq!(entry?.name, b"README.md");
    /// }
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    Directory("directory", "directory"), fields FieldIndex {
        entries = "entries";
        id = "id";
        /// The bytes of the Git object with its header, if the other fields cannot reproduce them.
        raw_manifest = "raw_manifest": Option<&'a [u8]>;
    }
}

choice! {
    /// The type of an entry of a directory.
    EntryType: "entry type" {
        /// A file: a content.
        File = "file",
        /// A directory.
        Directory = "dir",
        /// A revision, such as a submodule of Git.
        Revision = "rev",
    }
}

/// An entry of a directory.
///
/// To emit the name in a row, use `Bytes::from(entry.name)`.
///
/// ```
/// use journal_plugin_sdk::{Entry, EntryType, Id};
///
/// let entry = Entry { name: b"lib.rs", entry_type: EntryType::File, target: Id([1; 20]), perms: 0o100_644 };
/// assert!(entry.name.ends_with(b".rs"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The name. Old records may have a name twice, or a name with a `/`.
    pub name: &'a [u8],
    /// The type of the entry.
    pub entry_type: EntryType,
    /// The identifier of the target.
    pub target: Id,
    /// The mode in the form of Git, such as `0o100644`.
    pub perms: u32,
}

impl<'a> Entry<'a> {
    /// The extension of the name: the part after the last dot, unless the name starts or ends with that dot.
    ///
    /// ```
    /// use journal_plugin_sdk::{Entry, EntryType, Id};
    ///
    /// let entry = |name| Entry { name, entry_type: EntryType::File, target: Id([1; 20]), perms: 0o100_644 };
    /// assert_eq!(entry(b"lib.rs").extension(), Some(&b"rs"[..]));
    /// assert_eq!(entry(b".gitignore").extension(), None);
    /// ```
    #[inline]
    #[must_use]
    pub fn extension(&self) -> Option<&'a [u8]> {
        let dot = last_dot(self.name)?;
        let extension = &self.name[dot + 1..];
        (dot > 0 && !extension.is_empty()).then_some(extension)
    }
}

/// The index of the last dot. It compares words instead of bytes, because in WebAssembly every iteration of a loop checks
/// the deadline.
#[inline]
fn last_dot(name: &[u8]) -> Option<usize> {
    let (rest, words) = name.as_rchunks::<8>();
    for (offset, word) in words.iter().enumerate().rev() {
        if let Some(dot) = last_dot_of_word(u64::from_le_bytes(*word)) {
            return Some(rest.len() + 8 * offset + dot);
        }
    }
    // The rest, which is shorter than a word.
    let (first, half) = rest.as_rchunks::<4>();
    if let [half] = half
        && let Some(dot) = last_dot_of_word(u32::from_le_bytes(*half).into())
    {
        return Some(first.len() + dot);
    }
    match first {
        [.., b'.'] => Some(first.len() - 1),
        [.., b'.', _] => Some(first.len() - 2),
        [b'.', _, _] => Some(0),
        _ => None,
    }
}

/// The index of the last dot among eight bytes in little-endian order.
#[inline]
fn last_dot_of_word(word: u64) -> Option<usize> {
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    const DOTS: u64 = 0x2e2e_2e2e_2e2e_2e2e;
    // A dot is 0 now. The addition sets the highest bit of every other byte, without a carry into the next byte.
    let others = word ^ DOTS;
    let dots = !((others & LOW).wrapping_add(LOW) | others | LOW);
    (dots != 0).then(|| 7 - dots.leading_zeros() as usize / 8)
}

impl<'a> Directory<'a> {
    /// The entries, in the order of the journal's writer, which is not that of Git.
    ///
    /// Each item is a whole entry.
    ///
    /// # Errors
    /// If the field is not a list. An invalid entry is an error of its item.
    ///
    /// ```
    /// # use journal_plugin_sdk::{Directory, owned};
    /// # let value = owned::Directory::default().encode();
    /// # let directory = Directory::new(&value);
    /// for entry in directory.entries()? {
    ///     let entry = entry?;
    ///     let extension = entry.name.rsplit(|&byte| byte == b'.').next();
    /// }
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    #[inline]
    pub fn entries(&self) -> Result<Entries<'_, 'a>, FieldError> {
        self.items(FieldIndex::entries).map(Entries)
    }
}

/// The entries of a directory, returned by [`Directory::entries`].
///
/// ```
/// # use journal_plugin_sdk::{Directory, owned};
/// let value = owned::Directory::default().encode();
/// assert_eq!(Directory::new(&value).entries()?.count(), 0);
/// # Ok::<(), journal_plugin_sdk::FieldError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Entries<'f, 'a>(Items<'f, 'a>);

impl<'a> Iterator for Entries<'_, 'a> {
    type Item = Result<Entry<'a>, FieldError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.0.next_usual(read_usual_entry, read_any_entry)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // The value claims this number. An entry that cannot be read ends the iteration earlier.
        (0, Some(self.0.left()))
    }
}

/// An entry in the usual encoding of the journal's writer.
#[inline]
fn read_usual_entry<'a>(reader: &mut Reader<'a>) -> Option<Entry<'a>> {
    if !reader.pass(b"\x84\xa4name") {
        return None;
    }
    let name = reader.bytes().ok()?;
    let entry_type = if reader.pass(b"\xa4type\xa4file") {
        EntryType::File
    } else if reader.pass(b"\xa4type\xa3dir") {
        EntryType::Directory
    } else if reader.pass(b"\xa4type\xa3rev") {
        EntryType::Revision
    } else {
        return None;
    };
    if !reader.pass(b"\xa6target\xc4\x14") {
        return None;
    }
    let target: &[u8; 20] = reader.take(20).ok()?.first_chunk()?;
    if !reader.pass(b"\xa5perms") {
        return None;
    }
    let perms = reader.short_uint()?;
    Some(Entry {
        name,
        entry_type,
        target: Id(*target),
        perms,
    })
}

#[cold]
fn read_any_entry<'a>(reader: &mut Reader<'a>) -> Result<Entry<'a>, FieldError> {
    let offset = reader.offset();
    let (mut name, mut entry_type, mut target, mut perms) = (None, None, None, None);
    for _ in 0..reader.map()? {
        match reader.key()? {
            Some(b"name") => name = Some(reader.bytes().map_err(|error| error.within("name"))?),
            Some(b"type") => {
                entry_type = Some(EntryType::read(reader).map_err(|error| error.within("type"))?);
            }
            Some(b"target") => {
                target = Some(Id::read(reader).map_err(|error| error.within("target"))?);
            }
            Some(b"perms") => {
                perms = Some(u32::read(reader).map_err(|error| error.within("perms"))?);
            }
            _ => reader.skip()?,
        }
    }
    let missing = |field| FieldError::missing(offset).within(field);
    Ok(Entry {
        name: name.ok_or_else(|| missing("name"))?,
        entry_type: entry_type.ok_or_else(|| missing("type"))?,
        target: target.ok_or_else(|| missing("target"))?,
        perms: perms.ok_or_else(|| missing("perms"))?,
    })
}

identified!(Directory("directory"), FieldIndex);

#[cfg(test)]
mod tests {
    use super::last_dot;

    #[test]
    fn last_dot_is_found_in_names_of_every_length() {
        for length in 0..40 {
            let mut name = vec![b'/'; length];
            assert_eq!(last_dot(&name), None);
            for first in 0..length {
                name[first] = b'.';
                for last in first..length {
                    let before = std::mem::replace(&mut name[last], b'.');
                    assert_eq!(last_dot(&name), Some(last));
                    name[last] = before;
                }
                // The neighbours of a dot in ASCII, and a dot with the highest bit set, are not dots.
                name[first] = [b'-', b'/', b'.' | 0x80][first % 3];
            }
        }
    }
}
