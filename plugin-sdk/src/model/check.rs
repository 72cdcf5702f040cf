//! Checks whole objects without decoding them.

use super::error::FieldError;
use super::{content, directory, extid, extrinsic, origin, release, revision, snapshot};

/// Declares `check` of an object, with the fields to read, those that are lists, and those that are objects.
macro_rules! checked {
    ($module:ident::$object:ident { $($field:ident)* $(, in $($items:ident)*)? $(, of $($nested:ident)*)? }) => {
        impl $module::$object<'_> {
            /// Checks every field of the object without copying it. Accepts the same objects as [`decode`](Self::decode).
            ///
            /// # Errors
            /// If a field is invalid, or if more bytes follow the object.
            ///
            /// ```
            #[doc = concat!("# use journal_plugin_sdk::{", stringify!($object), ", owned};")]
            #[doc = concat!("let value = owned::", stringify!($object), "::default().encode();")]
            #[doc = concat!(stringify!($object), "::new(&value).check()?;")]
            #[doc = concat!("assert!(", stringify!($object), "::new(&value[1..]).check().is_err());")]
            /// # Ok::<(), journal_plugin_sdk::FieldError>(())
            /// ```
            pub fn check(&self) -> Result<(), FieldError> {
                $( self.$field()?; )*
                $($(
                    for item in self.$items()? {
                        item?;
                    }
                )*)?
                $($(
                    let nested = self.$nested()?.check();
                    nested.map_err(|error| error.within(stringify!($nested)))?;
                )*)?
                self.finish()
            }
        }
    };
}

checked!(content::Content { sha1 sha1_git sha256 blake2s256 length status data ctime });
checked!(content::HashCollidingContent { sha1 sha1_git sha256 blake2s256 length status data ctime });
checked!(content::SkippedContent { sha1 sha1_git sha256 blake2s256 length status reason origin ctime });
checked!(directory::Directory { id raw_manifest, in entries });
checked!(revision::Revision {
    message author committer date committer_date revision_type directory synthetic metadata id raw_manifest,
    in parents extra_headers
});
checked!(release::Release {
    name message target target_type synthetic author date id metadata raw_manifest
});
checked!(snapshot::Snapshot { id, in branches });
checked!(origin::Origin { url id });
checked!(origin::OriginVisit { origin date visit_type visit });
checked!(origin::OriginVisitStatus { origin visit date status snapshot visit_type metadata });
checked!(extid::ExtId { extid_type extid target extid_version payload_type payload id });
checked!(extrinsic::MetadataAuthority { authority_type url metadata });
checked!(extrinsic::MetadataFetcher { name version metadata });
checked!(extrinsic::RawExtrinsicMetadata {
    target discovery_date format metadata id origin visit snapshot release revision directory path,
    of authority fetcher
});

#[cfg(test)]
mod tests {
    use crate::model::*;
    use crate::{Date, Id, Person};

    /// Every value that differs in one bit, and every one that ends early or late.
    fn damaged(value: &[u8]) -> impl Iterator<Item = Vec<u8>> {
        let flipped = (0..value.len() * 8).map(|bit| {
            let mut value = value.to_vec();
            value[bit / 8] ^= 1 << (bit % 8);
            value
        });
        let cut = (0..value.len()).map(|end| value[..end].to_vec());
        flipped.chain(cut).chain([[value, b"\xc0"].concat()])
    }

    macro_rules! agree {
        ($($object:ident: $owned:expr;)*) => {
            $(
                let value = $owned.encode();
                assert_eq!($object::new(&value).check(), Ok(()));
                for value in damaged(&value) {
                    let decoded = $object::new(&value).decode();
                    assert_eq!($object::new(&value).check().is_ok(), decoded.is_ok(), "{value:02x?}");
                }
            )*
        };
    }

    #[test]
    fn check_accepts_what_decode_reads_and_nothing_else() {
        let jane = Person::from_fullname("Jane <jane@example.org>");
        let date = Date::new(1_700_000_000, 0, &b"+0100"[..]);
        let revision = owned::Revision::new()
            .message("m")
            .author(jane.clone())
            .date(date.clone());
        agree! {
            Content: owned::Content::new();
            HashCollidingContent: owned::HashCollidingContent::new().data("bytes");
            SkippedContent: owned::SkippedContent::new().reason("Content too large");
            Directory: owned::Directory::new().entry("src", EntryType::Directory, Id([1; 20]), 0o40_000);
            Revision: revision.parent(Id([1; 20])).extra_header("encoding", "latin-1");
            Release: owned::Release::new().name("v1").target(Id([1; 20])).author(jane).date(date);
            Snapshot: owned::Snapshot::new().branch("HEAD", Target::Alias(b"refs/heads/main"));
            Origin: owned::Origin::new().url("https://example.org");
            OriginVisit: owned::OriginVisit::new().origin("https://example.org");
            OriginVisitStatus: owned::OriginVisitStatus::new().origin("https://example.org");
            ExtId: owned::ExtId::new().extid_type("hg-nodeid").extid("0123");
            MetadataAuthority: owned::MetadataAuthority::new().url("https://example.org");
            MetadataFetcher: owned::MetadataFetcher::new().name("fetcher");
            RawExtrinsicMetadata: owned::RawExtrinsicMetadata::new().format("json").metadata("{}");
        }
    }
}
