//! Identifiers from elsewhere.

use super::error::FieldError;
use super::field::Field;
use super::identify::identified;
use super::object::object;
use crate::Swhid;

object! {
    /// An identifier that an object has elsewhere, such as the node of a Mercurial changeset.
    ///
    /// ```
    /// use journal_plugin_sdk::{ExtId, owned};
    ///
    /// let value = owned::ExtId::new().extid_type("hg-nodeid").extid([7; 20]).encode();
    /// assert_eq!(ExtId::new(&value).extid_type()?, "hg-nodeid");
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    ExtId("extid", "extid"), fields Place {
        /// The kind of identifier, such as `hg-nodeid`.
        extid_type = "extid_type": &'a str;
        /// The identifier elsewhere.
        extid = "extid": &'a [u8];
        /// The object of the archive.
        target = "target": Swhid;
        extid_version = "extid_version";
        /// What the payload holds, where there is one.
        payload_type = "payload_type": Option<&'a str>;
        /// The identifier of a content that says more, where there is one.
        payload = "payload": Option<&'a [u8]>;
        id = "id";
    }
}

impl ExtId<'_> {
    /// Which version of its kind it is; 0 where the record does not say.
    ///
    /// # Errors
    /// When the field has another type or makes no sense, or is missing where it has to be.
    ///
    /// ```
    /// # use journal_plugin_sdk::{ExtId, owned};
    /// let value = owned::ExtId::new().extid_version(1).encode();
    /// assert_eq!(ExtId::new(&value).extid_version()?, 1);
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    pub fn extid_version(&self) -> Result<i64, FieldError> {
        let version = self.read_with(Place::extid_version, Field::read)?;
        Ok(version.unwrap_or(0))
    }
}

identified!(ExtId("extid"), Place);
