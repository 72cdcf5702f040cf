//! Snapshots.

use super::error::FieldError;
use super::field::{Field, bytes_or_text};
use super::identify::identified;
use super::items::Items;
use super::object::object;
use super::reader::Reader;
use crate::{Id, ObjectKind};

object! {
    /// A snapshot: the branches of an origin at the time of a visit.
    ///
    /// ```
    /// use journal_plugin_sdk::{Id, Snapshot, Target, ObjectKind, owned};
    ///
    /// let value = owned::Snapshot::new()
    ///     .branch("refs/heads/main", Target::Object(ObjectKind::Revision, Id([1; 20])))
    ///     .branch("HEAD", Target::Alias(b"refs/heads/main"))
    ///     .encode();
    ///
    /// let mut names = Vec::new();
    /// for branch in Snapshot::new(&value).branches()? {
    ///     names.push(branch?.name.to_owned());
    /// }
    /// assert_eq!(names, [&b"refs/heads/main"[..], b"HEAD"]);
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    Snapshot("snapshot", "snapshot"), fields FieldIndex {
        branches = "branches";
        id = "id";
    }
}

/// A branch of a snapshot.
///
/// ```
/// use journal_plugin_sdk::{Branch, Target};
///
/// let branch = Branch { name: b"HEAD", target: Some(Target::Alias(b"refs/heads/main")) };
/// assert!(branch.target.is_some());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Branch<'a> {
    /// The name, such as `refs/heads/main`.
    pub name: &'a [u8],
    /// The target, or `None` for a dangling branch.
    pub target: Option<Target<'a>>,
}

/// The target of a branch.
///
/// ```
/// use journal_plugin_sdk::{Id, Target, ObjectKind};
///
/// fn revision(target: Target<'_>) -> Option<Id> {
///     match target {
///         Target::Object(ObjectKind::Revision, id) => Some(id),
///         _ => None,
///     }
/// }
/// assert_eq!(revision(Target::Alias(b"refs/heads/main")), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// An object in the archive.
    Object(ObjectKind, Id),
    /// Another branch of the snapshot, by its name. There may be no such branch.
    Alias(&'a [u8]),
}

impl<'a> Snapshot<'a> {
    /// The branches, in the order of the journal's writer.
    ///
    /// # Errors
    /// If the field is not a map. An invalid branch is an error of its item.
    ///
    /// ```
    /// # use journal_plugin_sdk::{Snapshot, owned};
    /// # let value = owned::Snapshot::default().encode();
    /// # let snapshot = Snapshot::new(&value);
    /// for branch in snapshot.branches()? {
    ///     let is_dangling = branch?.target.is_none();
    /// }
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    #[inline]
    pub fn branches(&self) -> Result<Branches<'_, 'a>, FieldError> {
        self.fields
            .items(FieldIndex::branches as usize, Reader::map)
            .map(Branches)
    }
}

/// The branches of a snapshot, returned by [`Snapshot::branches`].
///
/// ```
/// # use journal_plugin_sdk::{Snapshot, owned};
/// let value = owned::Snapshot::default().encode();
/// assert_eq!(Snapshot::new(&value).branches()?.count(), 0);
/// # Ok::<(), journal_plugin_sdk::FieldError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Branches<'f, 'a>(Items<'f, 'a>);

impl<'a> Iterator for Branches<'_, 'a> {
    type Item = Result<Branch<'a>, FieldError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.0.next_with(|reader| {
            let name = bytes_or_text(reader)?;
            let target = if reader.nil() {
                None
            } else {
                read_target(reader)?
            };
            Ok(Branch { name, target })
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.0.left()))
    }
}

/// The target of a branch. An empty map means that there is none, as in swh.model.
fn read_target<'a>(reader: &mut Reader<'a>) -> Result<Option<Target<'a>>, FieldError> {
    let offset = reader.offset();
    let (mut target, mut target_type) = (None, None);
    let pairs = reader.map()?;
    if pairs == 0 {
        return Ok(None);
    }
    for _ in 0..pairs {
        match reader.key_of([b"\xa6target", b"\xabtarget_type"])? {
            // Its length depends on the type, which may follow later.
            Some(0) => target = Some(*reader),
            Some(_) => target_type = Some(*reader),
            None => {}
        }
        reader.skip()?;
    }
    let missing = |field| FieldError::missing(offset).within(field);
    let mut target = target.ok_or_else(|| missing("target"))?;
    let mut target_type = target_type.ok_or_else(|| missing("target_type"))?;
    if target_type.pass(b"\xa5alias") {
        let name = target.bytes().map_err(|error| error.within("target"))?;
        return Ok(Some(Target::Alias(name)));
    }
    let kind = ObjectKind::read(&mut target_type).map_err(|error| error.within("target_type"))?;
    let id = Id::read(&mut target).map_err(|error| error.within("target"))?;
    Ok(Some(Target::Object(kind, id)))
}

identified!(Snapshot("snapshot"), FieldIndex);
