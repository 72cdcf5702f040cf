//! Directories.

use super::error::FieldError;
use super::field::{Field, choice};
use super::identify::identified;
use super::items::Items;
use super::object::object;
use super::reader::Reader;
use crate::Id;

object! {
    /// A directory: names, each with what it points at.
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
    Directory("directory", "directory"), fields Place {
        entries = "entries";
        id = "id";
        /// The Git object byte for byte, header included; it is there only when the other fields do not give it back.
        raw_manifest = "raw_manifest": Option<&'a [u8]>;
    }
}

choice! {
    /// What an entry of a directory is.
    EntryType: "entry type" {
        /// A file: a content.
        File = "file",
        /// A directory.
        Directory = "dir",
        /// A revision, such as a submodule of Git.
        Revision = "rev",
    }
}

/// One name in a directory.
///
/// To emit its name in a row, wrap it: `Bytes::from(entry.name)`.
///
/// ```
/// use journal_plugin_sdk::{Entry, EntryType, Id};
///
/// let entry = Entry { name: b"lib.rs", entry_type: EntryType::File, target: Id([1; 20]), perms: 0o100_644 };
/// assert!(entry.name.ends_with(b".rs"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The name. Old records may have the same name twice, or `/` in one.
    pub name: &'a [u8],
    /// What it is.
    pub entry_type: EntryType,
    /// The identifier of the object that it points at.
    pub target: Id,
    /// The mode as Git has it, such as `0o100644`.
    pub perms: u32,
}

impl<'a> Entry<'a> {
    /// The extension of its name: what follows the last dot, unless the name begins or ends with that dot.
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

/// The place of the last dot. It looks at words and not at bytes, because in WebAssembly a loop looks at its deadline in
/// every turn.
#[inline]
fn last_dot(name: &[u8]) -> Option<usize> {
    let (rest, words) = name.as_rchunks::<8>();
    for (place, word) in words.iter().enumerate().rev() {
        if let Some(dot) = last_dot_of_word(u64::from_le_bytes(*word)) {
            return Some(rest.len() + 8 * place + dot);
        }
    }
    // What is shorter than a word, as far as it goes.
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

/// The place of the last dot among eight bytes, of which the lowest comes first.
#[inline]
fn last_dot_of_word(word: u64) -> Option<usize> {
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    const DOTS: u64 = 0x2e2e_2e2e_2e2e_2e2e;
    // A byte that was a dot is 0 now; the highest bit of every other one gets set, and no carry leaves its byte.
    let others = word ^ DOTS;
    let dots = !((others & LOW).wrapping_add(LOW) | others | LOW);
    (dots != 0).then(|| 7 - dots.leading_zeros() as usize / 8)
}

impl<'a> Directory<'a> {
    /// The entries, in the writer's order, which is not that of Git.
    ///
    /// An entry is read whole.
    ///
    /// # Errors
    /// When there is no list of entries; each entry has an error of its own.
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
        self.items(Place::entries).map(Entries)
    }
}

/// The entries of a directory; made by [`Directory::entries`].
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
        // A claim of the value; an entry that cannot be read ends the iteration.
        (0, Some(self.0.left()))
    }
}

/// An entry as today's writer spells it.
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
    let place = reader.place();
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
    let missing = |field| FieldError::missing(place).within(field);
    Ok(Entry {
        name: name.ok_or_else(|| missing("name"))?,
        entry_type: entry_type.ok_or_else(|| missing("type"))?,
        target: target.ok_or_else(|| missing("target"))?,
        perms: perms.ok_or_else(|| missing("perms"))?,
    })
}

identified!(Directory("directory"), Place);

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
                // Its neighbours in ASCII, and it with the highest bit set, are no dots.
                name[first] = [b'-', b'/', b'.' | 0x80][first % 3];
            }
        }
    }
}
