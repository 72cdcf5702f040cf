//! The SWHIDs of objects.

use super::{Content, Directory, Entry, EntryType, Origin, Release, Revision, Snapshot};
use crate::{ExtendedObjectKind, ExtendedSwhid, FieldError, ObjectKind, Swhid};

/// Declares the SWHID of an object. It does not compute missing identifiers, which would add that code to every plugin,
/// except that of an origin, which is a single hash and is missing in old records.
macro_rules! swhid {
    ($($object:ident by $id:ident is $swhid:ident of $kind:expr, $errors:literal;)*) => {$(
        impl $object<'_> {
            /// The SWHID.
            ///
            /// # Errors
            #[doc = $errors]
            ///
            /// ```
            #[doc = concat!("# use journal_plugin_sdk::{", stringify!($object), ", owned};")]
            #[doc = concat!("# let value = owned::", stringify!($object), "::default().encode();")]
            #[doc = concat!("# let object = ", stringify!($object), "::new(&value);")]
            /// assert_eq!(object.swhid()?.to_string().len(), 50);
            /// # Ok::<(), journal_plugin_sdk::FieldError>(())
            /// ```
            #[inline]
            pub fn swhid(&self) -> Result<$swhid, FieldError> {
                self.$id().map(|id| $swhid::new($kind, id))
            }
        }
    )*};
}

swhid! {
    Content by sha1_git is Swhid of ObjectKind::Content, "If the field is invalid.";
    Directory by required_id is Swhid of ObjectKind::Directory, "When it claims no identifier.";
    Revision by required_id is Swhid of ObjectKind::Revision, "When it claims no identifier.";
    Release by required_id is Swhid of ObjectKind::Release, "When it claims no identifier.";
    Snapshot by required_id is Swhid of ObjectKind::Snapshot, "When it claims no identifier.";
    Origin by id is ExtendedSwhid of ExtendedObjectKind::Origin, "When a field is not what it should be.";
}

impl Entry<'_> {
    /// The SWHID of the target.
    ///
    /// ```
    /// use journal_plugin_sdk::{Entry, EntryType, Id};
    ///
    /// let entry = Entry { name: b"src", entry_type: EntryType::Directory, target: Id([1; 20]), perms: 0o040_000 };
    /// assert!(entry.swhid().to_string().starts_with("swh:1:dir:0101"));
    /// ```
    #[must_use]
    #[inline]
    pub fn swhid(&self) -> Swhid {
        let kind = match self.entry_type {
            EntryType::File => ObjectKind::Content,
            EntryType::Directory => ObjectKind::Directory,
            EntryType::Revision => ObjectKind::Revision,
        };
        Swhid::new(kind, self.target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Id, owned};

    #[track_caller]
    fn check(swhid: impl std::fmt::Display, code: &str) {
        assert_eq!(
            swhid.to_string(),
            format!("swh:1:{code}:{}", "07".repeat(20))
        );
    }

    #[test]
    fn swhid_has_the_kind_of_the_object_and_its_identifier() {
        let id = Id([7; 20]);
        check(
            Content::new(&owned::Content::new().sha1_git(id).encode())
                .swhid()
                .unwrap(),
            "cnt",
        );
        check(
            Directory::new(&owned::Directory::new().id(id).encode())
                .swhid()
                .unwrap(),
            "dir",
        );
        check(
            Revision::new(&owned::Revision::new().id(id).encode())
                .swhid()
                .unwrap(),
            "rev",
        );
        check(
            Release::new(&owned::Release::new().id(id).encode())
                .swhid()
                .unwrap(),
            "rel",
        );
        check(
            Snapshot::new(&owned::Snapshot::new().id(id).encode())
                .swhid()
                .unwrap(),
            "snp",
        );
        check(
            Origin::new(&owned::Origin::new().id(id).encode())
                .swhid()
                .unwrap(),
            "ori",
        );
    }

    #[test]
    fn swhid_of_an_entry_has_the_kind_of_its_target() {
        let entry = |entry_type| Entry {
            name: b"",
            entry_type,
            target: Id([7; 20]),
            perms: 0,
        };
        check(entry(EntryType::File).swhid(), "cnt");
        check(entry(EntryType::Directory).swhid(), "dir");
        check(entry(EntryType::Revision).swhid(), "rev");
    }
}
