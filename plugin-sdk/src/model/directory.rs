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
