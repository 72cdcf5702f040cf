//! External identifiers.

use super::error::FieldError;
use super::field::Field;
use super::identify::identified;
use super::object::object;
use crate::Swhid;

object! {
    /// An external identifier of an object, such as the node of a Mercurial changeset.
    ///
    /// ```
    /// use journal_plugin_sdk::{ExtId, owned};
    ///
    /// let value = owned::ExtId::new().extid_type("hg-nodeid").extid([7; 20]).encode();
    /// assert_eq!(ExtId::new(&value).extid_type()?, "hg-nodeid");
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    ExtId("extid", "extid"), fields FieldIndex {
        /// The type of the identifier, such as `hg-nodeid`.
        extid_type = "extid_type": &'a str;
        /// The external identifier.
        extid = "extid": &'a [u8];
        /// The object in the archive.
        target = "target": Swhid;
        extid_version = "extid_version";
        /// The type of the payload, if there is one.
        payload_type = "payload_type": Option<&'a str>;
        /// The identifier of a content with more information, if there is one.
        payload = "payload": Option<&'a [u8]>;
        id = "id";
    }
}

impl ExtId<'_> {
    /// The version of the type; 0 if the record has none.
    ///
    /// # Errors
    /// If the field is missing, or has another type or an invalid value.
    ///
    /// ```
    /// # use journal_plugin_sdk::{ExtId, owned};
    /// let value = owned::ExtId::new().extid_version(1).encode();
    /// assert_eq!(ExtId::new(&value).extid_version()?, 1);
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    pub fn extid_version(&self) -> Result<i64, FieldError> {
        let version = self.read_with(FieldIndex::extid_version, Field::read)?;
        Ok(version.unwrap_or(0))
    }
}

identified!(ExtId("extid"), FieldIndex);
