//! External identifiers and extrinsic metadata.

use super::object::{encoded_owned, identified_owned, keyed_by_id, owned};
use crate::model::encode::{self, Encode};
use crate::{AuthorityType, ExtendedSwhid, Id, Metadata, ObjectKind, Swhid, Timestamp};

owned! {
    /// An external identifier of an object.
    ExtId("extid") {
        /// The type of the identifier, such as `hg-nodeid`.
        extid_type = "extid_type": String = String::new(), set text;
        /// The external identifier.
        extid = "extid": Vec<u8> = Vec::new(), set bytes;
        /// The object in the archive.
        target = "target": Swhid = Swhid::new(ObjectKind::Content, Id([0; 20])), set value;
        /// The version of the type.
        extid_version = "extid_version": i64 = 0, set value;
        /// The type of the payload, if there is one.
        payload_type = "payload_type": Option<String> = None, set optional_text;
        /// The identifier of a content with more information, if there is one.
        payload = "payload": Option<Vec<u8>> = None, set optional_bytes;
        /// The identifier. It is computed from the other fields if it is not set.
        id = "id"[?]: Option<Id> = None, set optional;
    }
}
identified_owned!(ExtId);
keyed_by_id!(ExtId);

owned! {
    /// A metadata authority: the source of metadata.
    MetadataAuthority("metadata_authority") {
        /// The type of the authority.
        authority_type = "type": AuthorityType = AuthorityType::Forge, set value;
        /// Its URL.
        url = "url": String = String::new(), set text;
        /// More information about it.
        metadata = "metadata"[?]: Option<Metadata<'static>> = None, set metadata;
    }
}
encoded_owned!(MetadataAuthority);

owned! {
    /// A metadata fetcher: the tool that fetched metadata.
    MetadataFetcher("metadata_fetcher") {
        /// Its name.
        name = "name": String = String::new(), set text;
        /// Its version.
        version = "version": String = String::new(), set text;
        /// More information about it.
        metadata = "metadata"[?]: Option<Metadata<'static>> = None, set metadata;
    }
}
encoded_owned!(MetadataFetcher);

owned! {
    /// Extrinsic metadata: metadata about an object that is not part of it.
    RawExtrinsicMetadata("raw_extrinsic_metadata") {
        /// The object that the metadata is about.
        target = "target": ExtendedSwhid = Swhid::new(ObjectKind::Content, Id([0; 20])).into(), set value;
        /// When the metadata was found, in whole seconds.
        discovery_date = "discovery_date": Timestamp = Timestamp::from_millis(0), set value;
        /// The authority that it comes from.
        authority = "authority": MetadataAuthority = MetadataAuthority::new(), set value;
        /// The fetcher.
        fetcher = "fetcher": MetadataFetcher = MetadataFetcher::new(), set value;
        /// The format of the metadata.
        format = "format": String = String::new(), set text;
        /// The metadata itself.
        metadata = "metadata": Vec<u8> = Vec::new(), set bytes;
        /// The identifier. It is computed from the other fields if it is not set.
        id = "id"[?]: Option<Id> = None, set optional;
        /// The URL of the origin that the metadata was found in, if there is one.
        origin = "origin"[?]: Option<String> = None, set optional_text;
        /// The visit that the metadata was found in, if there is one.
        visit = "visit"[?]: Option<i64> = None, set optional;
        /// The snapshot that the metadata was found in, if there is one.
        snapshot = "snapshot"[?]: Option<Swhid> = None, set optional;
        /// The release that the metadata was found in, if there is one.
        release = "release"[?]: Option<Swhid> = None, set optional;
        /// The revision that the metadata was found in, if there is one.
        revision = "revision"[?]: Option<Swhid> = None, set optional;
        /// The directory that the metadata was found in, if there is one.
        directory = "directory"[?]: Option<Swhid> = None, set optional;
        /// The path that the metadata was found in, if there is one.
        path = "path"[?]: Option<Vec<u8>> = None, set optional_bytes;
    }
}
identified_owned!(RawExtrinsicMetadata);
keyed_by_id!(RawExtrinsicMetadata);

impl MetadataAuthority {
    /// The key of the record in the journal: the type and the URL.
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
    /// The key of the record in the journal: the name and the version.
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
