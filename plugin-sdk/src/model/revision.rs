//! Revisions.

use journal_msgpack::Head;

use super::error::FieldError;
use super::field::{Field, choice};
use super::identify::identified;
use super::items::Items;
use super::metadata::{self, Metadata};
use super::object::object;
use super::reader::{Reader, unexpected};
use crate::{Bytes, Date, Id, Person};

object! {
    /// A revision: a state of a project's source, such as a commit of Git.
    ///
    /// ```
    /// use journal_plugin_sdk::{Date, Revision, owned};
    ///
    /// let value = owned::Revision::new()
    ///     .date(Date::new(1_700_000_000, 0, &b"+0100"[..]))
    ///     .encode();
    ///
    /// let date = Revision::new(&value).date()?.expect("it was set");
    /// assert_eq!(date.local().map(|local| local.hour), Some(23));
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    Revision("revision", "revision"), fields FieldIndex {
        /// The message, if there is one.
        message = "message": Option<&'a [u8]>;
        /// The author. Anonymised, unless the record comes from a privileged topic.
        author = "author": Option<Person<'a>>;
        /// The committer. Anonymised, unless the record comes from a privileged topic.
        committer = "committer": Option<Person<'a>>;
        /// When the author wrote the change.
        date = "date": Option<Date<'a>>;
        /// When the revision was committed.
        committer_date = "committer_date": Option<Date<'a>>;
        /// The type of version control system or package, such as Git: the field `type`.
        revision_type = "type": RevisionType;
        /// The identifier of the root directory.
        directory = "directory": Id;
        /// Whether the archive created it, for source code without its own history, such as a tarball.
        synthetic = "synthetic": bool;
        metadata = "metadata";
        parents = "parents";
        id = "id";
        extra_headers = "extra_headers";
        /// The bytes of the Git object with its header, if the other fields cannot reproduce them.
        raw_manifest = "raw_manifest": Option<&'a [u8]>;
    }
}

choice! {
    /// The type of version control system or package that a revision comes from.
    RevisionType: "revision type" {
        /// A commit of Git.
        Git = "git",
        /// A tarball or another archive.
        Tar = "tar",
        /// A source package of Debian.
        Dsc = "dsc",
        /// A revision of Subversion.
        Subversion = "svn",
        /// A changeset of Mercurial.
        Mercurial = "hg",
        /// A changeset of CVS.
        Cvs = "cvs",
        /// A revision of Bazaar.
        Bazaar = "bzr",
    }
}

impl<'a> Revision<'a> {
    /// The identifiers of the parents: none for a first revision, several for a merge. Empty identifiers are skipped.
    ///
    /// # Errors
    /// If the field is not a list. An invalid parent is an error of its item.
    ///
    /// ```
    /// # use journal_plugin_sdk::{Revision, owned};
    /// # let value = owned::Revision::default().encode();
    /// # let revision = Revision::new(&value);
    /// let is_merge = revision.parents()?.collect::<Result<Vec<_>, _>>()?.len() > 1;
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    #[inline]
    pub fn parents(&self) -> Result<Parents<'_, 'a>, FieldError> {
        self.items(FieldIndex::parents).map(Parents)
    }

    /// Headers of the Git object that have no field, in the order of the Git object. Old records keep them in the metadata.
    ///
    /// # Errors
    /// If the field is not a list. An invalid header is an error of its item.
    ///
    /// ```
    /// # use journal_plugin_sdk::{Revision, owned};
    /// # let value = owned::Revision::default().encode();
    /// # let revision = Revision::new(&value);
    /// for header in revision.extra_headers()? {
    ///     let (name, value) = header?;
    ///     let is_signed = name == b"gpgsig";
    /// }
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    pub fn extra_headers(&self) -> Result<ExtraHeaders<'_, 'a>, FieldError> {
        let field = self.fields.find(FieldIndex::extra_headers as usize);
        if field?.is_some() {
            let headers = self.items(FieldIndex::extra_headers)?;
            if headers.left() > 0 {
                return Ok(ExtraHeaders(headers));
            }
        }
        self.old_extra_headers()
    }

    fn old_extra_headers(&self) -> Result<ExtraHeaders<'_, 'a>, FieldError> {
        let found = self.read_with(FieldIndex::metadata, metadata::extra_headers)?;
        let Some(mut reader) = found.flatten() else {
            return Ok(ExtraHeaders(Items::none()));
        };
        let named = ("metadata.extra_headers", "revision");
        let count = reader
            .array()
            .map_err(|error| error.within(named.0).of(named.1))?;
        Ok(ExtraHeaders(Items::of_copy(reader, count, named)))
    }

    /// Metadata from the loader. The extra headers that old records keep in it are left out.
    ///
    /// # Errors
    /// If it is not a map.
    ///
    /// ```
    /// # use journal_plugin_sdk::{Revision, owned};
    /// # let value = owned::Revision::default().encode();
    /// # let revision = Revision::new(&value);
    /// if let Some(metadata) = revision.metadata()? {
    ///     let original = metadata.as_raw().get("original_artifact");
    /// }
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    pub fn metadata(&self) -> Result<Option<Metadata<'a>>, FieldError> {
        let Some(metadata) = self
            .read_with(FieldIndex::metadata, Option::<Metadata<'a>>::read)?
            .flatten()
        else {
            return Ok(None);
        };
        if metadata.get("extra_headers").is_none() {
            return Ok(Some(metadata));
        }
        let mut headers = self.fields.find(FieldIndex::extra_headers as usize)?;
        // Only the head is read, so the end of the list is not known to the walk.
        let are_in_metadata = match &mut headers {
            None => true,
            Some(headers) => {
                let count = headers.array();
                count.map_err(|error| {
                    self.fields
                        .within(FieldIndex::extra_headers as usize, error)
                })? == 0
            }
        };
        if are_in_metadata {
            let others = metadata.without("extra_headers");
            let others =
                others.map_err(|error| self.fields.within(FieldIndex::metadata as usize, error));
            others.map(Some)
        } else {
            Ok(Some(metadata))
        }
    }
}

/// The parents of a revision, returned by [`Revision::parents`].
///
/// ```
/// # use journal_plugin_sdk::{Id, Revision, owned};
/// let value = owned::Revision::new().parent(Id([1; 20])).encode();
/// let parents: Result<Vec<Id>, _> = Revision::new(&value).parents()?.collect();
/// assert_eq!(parents?, [Id([1; 20])]);
/// # Ok::<(), journal_plugin_sdk::FieldError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Parents<'f, 'a>(Items<'f, 'a>);

impl Iterator for Parents<'_, '_> {
    type Item = Result<Id, FieldError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let parent = self.0.next_with(|reader| {
                if reader.pass(&[0xc4, 0]) {
                    return Ok(None);
                }
                Id::read(reader).map(Some)
            })?;
            if let Some(parent) = parent.transpose() {
                return Some(parent);
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.0.left()))
    }
}

/// The extra headers of a revision, each a name and a value, returned by [`Revision::extra_headers`].
///
/// ```
/// # use journal_plugin_sdk::{Revision, owned};
/// let value = owned::Revision::new().extra_header("encoding", "latin-1").encode();
/// let headers: Result<Vec<_>, _> = Revision::new(&value).extra_headers()?.collect();
/// assert_eq!(headers?[0].0, b"encoding");
/// # Ok::<(), journal_plugin_sdk::FieldError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ExtraHeaders<'f, 'a>(Items<'f, 'a>);

impl<'a> Iterator for ExtraHeaders<'_, 'a> {
    type Item = Result<(&'a [u8], Bytes<'a>), FieldError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.0.next_with(read_header)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.0.left()))
    }
}

fn read_header<'a>(reader: &mut Reader<'a>) -> Result<(&'a [u8], Bytes<'a>), FieldError> {
    let offset = reader.offset();
    match reader.array()? {
        2 => {}
        count => {
            let reason = format!("has {count} parts where a name and a value are expected");
            return Err(FieldError::wrong(offset, reason));
        }
    }
    let name = super::field::bytes_or_text(reader).map_err(|error| error.within_item(0))?;
    let value = header_value(reader).map_err(|error| error.within_item(1))?;
    Ok((name, value))
}

/// Old records also have texts and integers.
fn header_value<'a>(reader: &mut Reader<'a>) -> Result<Bytes<'a>, FieldError> {
    let offset = reader.offset();
    match reader.peek()? {
        Head::Bin(_) | Head::Str(_) => Bytes::read(reader),
        Head::Uint(_) | Head::Int(_) => {
            i64::read(reader).map(|number| number.to_string().into_bytes().into())
        }
        other => Err(unexpected(offset, other, "bytes")),
    }
}

identified!(Revision("revision"), FieldIndex);

impl Revision<'_> {
    /// Whether the author or the committer is anonymised, which is the case in all public topics and in no privileged one.
    ///
    /// # Errors
    /// If a person is invalid.
    ///
    /// ```
    /// # use journal_plugin_sdk::{Revision, owned};
    /// # let value = owned::Revision::default().encode();
    /// assert!(!Revision::new(&value).is_anonymised()?);
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    pub fn is_anonymised(&self) -> Result<bool, FieldError> {
        let hidden =
            |person: Option<Person<'_>>| person.is_some_and(|person| person.is_anonymised());
        Ok(!self.privileged && (hidden(self.author()?) || hidden(self.committer()?)))
    }
}
