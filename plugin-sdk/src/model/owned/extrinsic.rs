//! Identifiers from elsewhere, and metadata from outside of the source code.

use super::object::{encoded_owned, identified_owned, keyed_by_id, owned};
use crate::model::encode::{self, Encode};
use crate::{AuthorityType, ExtendedSwhid, Id, Metadata, ObjectKind, Swhid, Timestamp};

owned! {
    /// An identifier that an object has elsewhere.
    ExtId("extid") {
        /// The kind of identifier, such as `hg-nodeid`.
        extid_type = "extid_type": String = String::new(), set text;
        /// The identifier elsewhere.
        extid = "extid": Vec<u8> = Vec::new(), set bytes;
        /// The object of the archive.
        target = "target": Swhid = Swhid::new(ObjectKind::Content, Id([0; 20])), set value;
        /// Which version of its kind it is.
        extid_version = "extid_version": i64 = 0, set value;
        /// What the payload holds, where there is one.
        payload_type = "payload_type": Option<String> = None, set optional_text;
        /// The identifier of a content that says more, where there is one.
        payload = "payload": Option<Vec<u8>> = None, set optional_bytes;
        /// Its identifier; without one it gets that which the other fields give.
        id = "id"[?]: Option<Id> = None, set optional;
    }
}
identified_owned!(ExtId);
keyed_by_id!(ExtId);

owned! {
    /// Who metadata comes from.
    MetadataAuthority("metadata_authority") {
        /// What kind of authority it is.
        authority_type = "type": AuthorityType = AuthorityType::Forge, set value;
        /// Its URL.
        url = "url": String = String::new(), set text;
        /// What else is known of it.
        metadata = "metadata"[?]: Option<Metadata<'static>> = None, set metadata;
    }
}
encoded_owned!(MetadataAuthority);

owned! {
    /// The tool that fetched metadata.
    MetadataFetcher("metadata_fetcher") {
        /// Its name.
        name = "name": String = String::new(), set text;
        /// Its version.
        version = "version": String = String::new(), set text;
        /// What else is known of it.
        metadata = "metadata"[?]: Option<Metadata<'static>> = None, set metadata;
    }
}
encoded_owned!(MetadataFetcher);

owned! {
    /// Metadata on an object, from outside of it.
    RawExtrinsicMetadata("raw_extrinsic_metadata") {
        /// What the metadata is on.
        target = "target": ExtendedSwhid = Swhid::new(ObjectKind::Content, Id([0; 20])).into(), set value;
        /// When it was found, in whole seconds.
        discovery_date = "discovery_date": Timestamp = Timestamp::from_millis(0), set value;
        /// Who it comes from.
        authority = "authority": MetadataAuthority = MetadataAuthority::new(), set value;
        /// What fetched it.
        fetcher = "fetcher": MetadataFetcher = MetadataFetcher::new(), set value;
        /// Which format it has.
        format = "format": String = String::new(), set text;
        /// The metadata itself.
        metadata = "metadata": Vec<u8> = Vec::new(), set bytes;
        /// Its identifier; without one it gets that which the other fields give.
        id = "id"[?]: Option<Id> = None, set optional;
        /// The URL of the origin in whose context it holds, where there is one.
        origin = "origin"[?]: Option<String> = None, set optional_text;
        /// The visit in whose context it holds, where there is one.
        visit = "visit"[?]: Option<i64> = None, set optional;
        /// The snapshot in whose context it holds, where there is one.
        snapshot = "snapshot"[?]: Option<Swhid> = None, set optional;
        /// The release in whose context it holds, where there is one.
        release = "release"[?]: Option<Swhid> = None, set optional;
        /// The revision in whose context it holds, where there is one.
        revision = "revision"[?]: Option<Swhid> = None, set optional;
        /// The directory in whose context it holds, where there is one.
        directory = "directory"[?]: Option<Swhid> = None, set optional;
        /// The path in whose context it holds, where there is one.
        path = "path"[?]: Option<Vec<u8>> = None, set optional_bytes;
    }
}
identified_owned!(RawExtrinsicMetadata);
keyed_by_id!(RawExtrinsicMetadata);

impl MetadataAuthority {
    /// The key of its record in the journal: the type and the URL.
    ///
    /// ```
    /// use journal_plugin_sdk::owned;
    ///
    /// assert_eq!(owned::MetadataAuthority::new().key(), b"\x82\xa4type\xa5forge\xa3url\xa0");
    /// ```
    #[must_use]
    pub fn key(&self) -> Vec<u8> {
        let mut key = Vec::new();
        encode::map(&mut key, 2);
        encode::pair(&mut key, "type", &self.authority_type);
        encode::pair(&mut key, "url", &self.url);
        key
    }
}

impl MetadataFetcher {
    /// The key of its record in the journal: the name and the version.
    ///
    /// ```
    /// use journal_plugin_sdk::owned;
    ///
    /// assert_eq!(owned::MetadataFetcher::new().key(), b"\x82\xa4name\xa0\xa7version\xa0");
    /// ```
    #[must_use]
    pub fn key(&self) -> Vec<u8> {
        let mut key = Vec::new();
        encode::map(&mut key, 2);
        encode::pair(&mut key, "name", &self.name);
        encode::pair(&mut key, "version", &self.version);
        key
    }
}

impl Encode for AuthorityType {
    fn encode(&self, value: &mut Vec<u8>) {
        encode::text(value, self.as_str());
    }
}

impl Encode for MetadataAuthority {
    fn encode(&self, value: &mut Vec<u8>) {
        self.write(value);
    }
}

impl Encode for MetadataFetcher {
    fn encode(&self, value: &mut Vec<u8>) {
        self.write(value);
    }
}
