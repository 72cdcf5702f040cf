//! Decodes whole objects.

use super::error::FieldError;
use super::metadata::Metadata;
use super::{content, directory, extid, extrinsic, origin, owned, release, revision, snapshot};
use crate::{Bytes, Date, Person};

/// The conversion of a borrowed field into an owned one.
trait IntoOwned<T> {
    fn owned(self) -> T;
}

impl<T, F: IntoOwned<T>> IntoOwned<Option<T>> for Option<F> {
    fn owned(self) -> Option<T> {
        self.map(IntoOwned::owned)
    }
}

impl IntoOwned<Vec<u8>> for &[u8] {
    fn owned(self) -> Vec<u8> {
        self.to_vec()
    }
}

impl IntoOwned<Vec<u8>> for Bytes<'_> {
    fn owned(self) -> Vec<u8> {
        self.0.into_owned()
    }
}

impl IntoOwned<String> for &str {
    fn owned(self) -> String {
        self.to_owned()
    }
}

impl<const SIZE: usize> IntoOwned<[u8; SIZE]> for &[u8; SIZE] {
    fn owned(self) -> [u8; SIZE] {
        *self
    }
}

impl IntoOwned<Person<'static>> for Person<'_> {
    fn owned(self) -> Person<'static> {
        self.into_owned()
    }
}

impl IntoOwned<Date<'static>> for Date<'_> {
    fn owned(self) -> Date<'static> {
        self.into_owned()
    }
}

impl IntoOwned<Metadata<'static>> for Metadata<'_> {
    fn owned(self) -> Metadata<'static> {
        self.into_owned()
    }
}

/// Declares `decode` of an object, with the expression for each owned field.
macro_rules! decoded {
    ($module:ident::$object:ident, $this:ident { $($field:ident: $read:expr,)* }) => {
        impl $module::$object<'_> {
            /// Decodes and checks the whole object.
            ///
            /// Reading a few fields with the accessors is several times faster.
            ///
            /// # Errors
            /// If a field is invalid, or if more bytes follow the object.
            ///
            /// ```
            #[doc = concat!("# use journal_plugin_sdk::{", stringify!($object), ", owned};")]
            #[doc = concat!("# let value = owned::", stringify!($object), "::default().encode();")]
            #[doc = concat!("let object: owned::", stringify!($object), " = ", stringify!($object), "::new(&value).decode()?;")]
            /// # Ok::<(), journal_plugin_sdk::FieldError>(())
            /// ```
            pub fn decode(&self) -> Result<owned::$object, FieldError> {
                let $this = self;
                let object = owned::$object { $($field: $read,)* };
                $this.finish()?;
                Ok(object)
            }
        }
    };
}

decoded!(
    content::Content,
    this {
        sha1: *this.sha1()?,
        sha1_git: this.sha1_git()?,
        sha256: *this.sha256()?,
        blake2s256: *this.blake2s256()?,
        length: this.length()?,
        status: this.status()?,
        data: this.data()?.owned(),
        ctime: this.ctime()?,
    }
);

decoded!(
    content::HashCollidingContent,
    this {
        sha1: *this.sha1()?,
        sha1_git: this.sha1_git()?,
        sha256: *this.sha256()?,
        blake2s256: *this.blake2s256()?,
        length: this.length()?,
        status: this.status()?,
        data: this.data()?.owned(),
        ctime: this.ctime()?,
    }
);

decoded!(
    content::SkippedContent,
    this {
        sha1: this.sha1()?.owned(),
        sha1_git: this.sha1_git()?,
        sha256: this.sha256()?.owned(),
        blake2s256: this.blake2s256()?.owned(),
        length: match this.length()? {
            None => -1,
            // It was read from an integer of this type.
            Some(length) => length.cast_signed(),
        },
        status: this.status()?,
        reason: this.reason()?.owned(),
        origin: this.origin()?.owned(),
        ctime: this.ctime()?,
    }
);

decoded!(
    directory::Directory,
    this {
        entries: this
            .entries()?
            .map(|entry| {
                entry.map(|entry| owned::Entry {
                    name: entry.name.to_vec(),
                    entry_type: entry.entry_type,
                    target: entry.target,
                    perms: entry.perms,
                })
            })
            .collect::<Result<_, _>>()?,
        id: Some(this.id()?),
        raw_manifest: this.raw_manifest()?.owned(),
    }
);

decoded!(
    revision::Revision,
    this {
        message: this.message()?.owned(),
        author: this.author()?.owned(),
        committer: this.committer()?.owned(),
        date: this.date()?.owned(),
        committer_date: this.committer_date()?.owned(),
        revision_type: this.revision_type()?,
        directory: this.directory()?,
        synthetic: this.synthetic()?,
        metadata: this.metadata()?.owned(),
        parents: this.parents()?.collect::<Result<_, _>>()?,
        id: Some(this.id()?),
        extra_headers: this
            .extra_headers()?
            .map(|header| header.map(|(name, value)| (name.to_vec(), value.owned())))
            .collect::<Result<_, _>>()?,
        raw_manifest: this.raw_manifest()?.owned(),
    }
);

decoded!(
    release::Release,
    this {
        name: this.name()?.owned(),
        message: this.message()?.owned(),
        target: this.target()?,
        target_type: this.target_type()?,
        synthetic: this.synthetic()?,
        author: this.author()?.owned(),
        date: this.date()?.owned(),
        id: Some(this.id()?),
        metadata: this.metadata()?.owned(),
        raw_manifest: this.raw_manifest()?.owned(),
    }
);

decoded!(
    snapshot::Snapshot,
    this {
        branches: this
            .branches()?
            .map(|branch| {
                branch.map(|branch| owned::Branch {
                    name: branch.name.to_vec(),
                    target: branch.target.map(owned::Target::from),
                })
            })
            .collect::<Result<_, _>>()?,
        id: Some(this.id()?),
    }
);

decoded!(
    origin::Origin,
    this {
        url: this.url()?.owned(),
        id: Some(this.id()?),
    }
);

decoded!(
    origin::OriginVisit,
    this {
        origin: this.origin()?.owned(),
        date: this.date()?,
        visit_type: this.visit_type()?.owned(),
        visit: this.visit()?,
    }
);

decoded!(
    origin::OriginVisitStatus,
    this {
        origin: this.origin()?.owned(),
        visit: this.visit()?,
        date: this.date()?,
        status: this.status()?,
        snapshot: this.snapshot()?,
        visit_type: this.visit_type()?.owned(),
        metadata: this.metadata()?.owned(),
    }
);

decoded!(
    extid::ExtId,
    this {
        extid_type: this.extid_type()?.owned(),
        extid: this.extid()?.owned(),
        target: this.target()?,
        extid_version: this.extid_version()?,
        payload_type: this.payload_type()?.owned(),
        payload: this.payload()?.owned(),
        id: Some(this.id()?),
    }
);

decoded!(
    extrinsic::MetadataAuthority,
    this {
        authority_type: this.authority_type()?,
        url: this.url()?.owned(),
        metadata: this.metadata()?.owned(),
    }
);

decoded!(
    extrinsic::MetadataFetcher,
    this {
        name: this.name()?.owned(),
        version: this.version()?.owned(),
        metadata: this.metadata()?.owned(),
    }
);

decoded!(
    extrinsic::RawExtrinsicMetadata,
    this {
        target: this.target()?,
        discovery_date: this.discovery_date()?,
        authority: this.of_authority(extrinsic::MetadataAuthority::decode)?,
        fetcher: this.of_fetcher(extrinsic::MetadataFetcher::decode)?,
        format: this.format()?.owned(),
        metadata: this.metadata()?.owned(),
        id: Some(this.id()?),
        origin: this.origin()?.owned(),
        visit: this.visit()?,
        snapshot: this.snapshot()?,
        release: this.release()?,
        revision: this.revision()?,
        directory: this.directory()?,
        path: this.path()?.owned(),
    }
);
