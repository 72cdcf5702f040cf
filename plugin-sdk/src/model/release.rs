//! Releases.

use super::error::FieldError;
use super::field::{Field, no_choice};
use super::identify::identified;
use super::metadata::Metadata;
use super::object::object;
use super::reader::Reader;
use crate::{Date, Id, ObjectKind, Person};

object! {
    /// A release: a name given to an object, such as an annotated tag of Git.
    ///
    /// ```
    /// use journal_plugin_sdk::{Release, owned};
    ///
    /// let value = owned::Release::new().name("v1.0").encode();
    /// assert_eq!(Release::new(&value).name()?, b"v1.0");
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    Release("release", "release"), fields Place {
        /// The name, such as `v1.0`.
        name = "name": &'a [u8];
        /// The message, where there is one.
        message = "message": Option<&'a [u8]>;
        /// The identifier of the object that it names, where there is one.
        target = "target": Option<Id>;
        /// Which type of object the target is.
        target_type = "target_type": ObjectKind;
        /// Whether the archive made it, for a version of a package; otherwise it is as its author made it.
        synthetic = "synthetic": bool;
        /// The author. Anonymised, unless it comes from a privileged topic.
        author = "author": Option<Person<'a>>;
        /// When it was made.
        date = "date": Option<Date<'a>>;
        id = "id";
        /// What the loader noted beside the Git object.
        metadata = "metadata": Option<Metadata<'a>>;
        /// The Git object byte for byte, header included; it is there only when the other fields do not give it back.
        raw_manifest = "raw_manifest": Option<&'a [u8]>;
    }
}

impl Field<'_> for ObjectKind {
    #[inline]
    fn read(reader: &mut Reader<'_>) -> Result<Self, FieldError> {
        let place = reader.place();
        let name = reader.text()?;
        Self::from_name(name).ok_or_else(|| no_choice(place, name, "kind of object"))
    }
}

identified!(Release("release"), Place);

impl Release<'_> {
    /// Whether its author is anonymised, as they are in all public topics. An object of a privileged topic
    /// never is.
    ///
    /// # Errors
    /// When a person is not what it should be.
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
