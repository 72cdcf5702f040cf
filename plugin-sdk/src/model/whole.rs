//! Whole objects in rows.

use journal_objects::Readable;
use serde::{Serialize, Serializer};

use super::{Object, Raw};
use crate::Columns;

/// What [`Out::emit_object`](crate::Out::emit_object) takes: a [`Record`](crate::Record), or a view of an object such as
/// [`Revision`](crate::Revision). It cannot be implemented outside of this crate.
pub trait WholeObject: sealed::Encoded {}

impl<T: sealed::Encoded> WholeObject for T {}

pub(crate) mod sealed {
    /// An object with its type and its msgpack.
    pub trait Encoded {
        fn type_name(&self) -> &str;

        fn msgpack(&self) -> &[u8];
    }
}

/// The rows of [`Out::emit_object`](crate::Out::emit_object), to name them in the plan with
/// [`Plan::row`](crate::Plan::row).
#[derive(Debug, Serialize, Columns)]
pub struct ObjectRow<'a> {
    /// The last part of the topic's name.
    object_type: &'a str,
    /// All of its fields; null if the value of the record is nil.
    #[column(json)]
    object: Option<Readable<'a>>,
}

impl<'a> ObjectRow<'a> {
    pub(crate) fn new(object: &'a impl WholeObject) -> Self {
        Self {
            object_type: object.type_name(),
            object: Some(Readable::new(object.msgpack())),
        }
    }
}

/// Serializes all fields of the object that is encoded so.
pub(crate) fn serialize<S: Serializer>(value: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    Readable::new(value).serialize(serializer)
}

/// All fields, as [`Out::emit_object`](crate::Out::emit_object) writes them.
impl Serialize for Raw<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize(self.as_msgpack(), serializer)
    }
}

/// All fields, as [`Out::emit_object`](crate::Out::emit_object) writes them.
impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize(self.value(), serializer)
    }
}

impl<'a> Object<'a> {
    /// The msgpack of the object.
    ///
    /// ```
    /// use journal_plugin_sdk::{Object, owned};
    ///
    /// let value = owned::Origin::new().url("https://example.org").encode();
    /// assert_eq!(Object::new("origin", &value)?.value(), value);
    /// # Ok::<(), journal_plugin_sdk::FieldError>(())
    /// ```
    #[must_use]
    pub fn value(&self) -> &'a [u8] {
        match self {
            Self::Content(content) => content.value(),
            Self::SkippedContent(content) => content.value(),
            Self::HashCollidingContent(content) => content.value(),
            Self::Directory(directory) => directory.value(),
            Self::Revision(revision) => revision.value(),
            Self::Release(release) => release.value(),
            Self::Snapshot(snapshot) => snapshot.value(),
            Self::Origin(origin) => origin.value(),
            Self::OriginVisit(visit) => visit.value(),
            Self::OriginVisitStatus(status) => status.value(),
            Self::ExtId(extid) => extid.value(),
            Self::MetadataAuthority(authority) => authority.value(),
            Self::MetadataFetcher(fetcher) => fetcher.value(),
            Self::RawExtrinsicMetadata(metadata) => metadata.value(),
            Self::Other(raw) => raw.as_msgpack(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::{Date, Id, Object, Person, owned};

    #[derive(serde::Deserialize)]
    struct Dated {
        date: crate::Timestamp,
    }

    fn revision() -> owned::Revision {
        owned::Revision::new()
            .message("Mend the fence\n")
            .author(Person::from_fullname("Jane Doe <jane@example.org>"))
            .date(Date::new(1_700_000_000, 0, &b"+0100"[..]))
            .parent(Id([1; 20]))
    }

    #[test]
    fn view_owned_object_and_any_object_serialize_to_the_same_fields() {
        let owned = revision();
        let value = owned.encode();
        let of_owned = serde_json::to_value(&owned).unwrap();
        let view = crate::Revision::new(&value);
        assert_eq!(serde_json::to_value(&view).unwrap(), of_owned);
        let any = Object::new("revision", &value).unwrap();
        assert_eq!(serde_json::to_value(&any).unwrap(), of_owned);
        assert_eq!(of_owned["message"], json!("Mend the fence\n"));
        assert_eq!(of_owned["parents"], json!([Id([1; 20]).to_string()]));
        assert_eq!(of_owned["author"]["email"], json!("jane@example.org"));
    }

    #[test]
    fn time_is_rfc_3339_in_json_and_stays_a_time_in_msgpack() {
        let time = crate::Timestamp::new(1_700_000_000, 500_000_000).unwrap();
        let visit = owned::OriginVisit::new()
            .origin("https://example.org")
            .date(time);
        let json: Value = serde_json::to_value(&visit).unwrap();
        assert_eq!(json["date"], json!("2023-11-14T22:13:20.5Z"));
        let row = rmp_serde::to_vec_named(&visit).unwrap();
        let read: Dated = rmp_serde::from_slice(&row).unwrap();
        assert_eq!(read.date, time);
    }
}
