//! Releases.

use super::error::FieldError;
use super::field::{Field, no_choice};
use super::identify::identified;
use super::metadata::Metadata;
use super::object::object;
use super::reader::Reader;
use crate::{Date, Id, ObjectKind, Person};

object! {
    /// A release: a named object, such as an annotated tag of Git.
    ///
    /// ```
    /// use journal_plugin_sdk::{Release, owned};
    ///
    /// let value = owned::Release::new().name("v1.0").encode();
    /// assert_eq!(Release::new(&value).name()?, b"v1.0");
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    Release("release", "release"), fields FieldIndex {
        /// The name, such as `v1.0`.
        name = "name": &'a [u8];
        /// The message, if there is one.
        message = "message": Option<&'a [u8]>;
        /// The identifier of the target, if there is one.
        target = "target": Option<Id>;
        /// The type of the target.
        target_type = "target_type": ObjectKind;
        /// Whether the archive created it, for a version of a package, instead of its author.
        synthetic = "synthetic": bool;
        /// The author. Anonymised, unless the record comes from a privileged topic.
        author = "author": Option<Person<'a>>;
        /// The date of the release.
        date = "date": Option<Date<'a>>;
        id = "id";
        /// Metadata from the loader.
        metadata = "metadata": Option<Metadata<'a>>;
        /// The bytes of the Git object with its header, if the other fields cannot reproduce them.
        raw_manifest = "raw_manifest": Option<&'a [u8]>;
    }
}

impl Field<'_> for ObjectKind {
    #[inline]
    fn read(reader: &mut Reader<'_>) -> Result<Self, FieldError> {
        let offset = reader.offset();
        let name = reader.text()?;
        Self::from_name(name).ok_or_else(|| no_choice(offset, name, "kind of object"))
    }
}

identified!(Release("release"), FieldIndex);

impl Release<'_> {
    /// Whether the author is anonymised, which is the case in all public topics and in no privileged one.
    ///
    /// # Errors
    /// If a person is invalid.
    ///
    /// ```
    /// # use journal_plugin_sdk::{Release, owned};
    /// # let value = owned::Release::default().encode();
    /// assert!(!Release::new(&value).is_anonymised()?);
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    pub fn is_anonymised(&self) -> Result<bool, FieldError> {
        let hidden =
            |person: Option<Person<'_>>| person.is_some_and(|person| person.is_anonymised());
        Ok(!self.privileged && (hidden(self.author()?)))
    }
}
