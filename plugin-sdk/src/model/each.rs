//! The methods of [`Batches`] that call a closure for the objects of one type.

use super::{
    Content, Directory, ExtId, HashCollidingContent, MetadataAuthority, MetadataFetcher, Origin,
    OriginVisit, OriginVisitStatus, RawExtrinsicMetadata, Release, Revision, SkippedContent,
    Snapshot, Typed,
};
use crate::{Batches, Failure, Out, RecordError};

/// Declares the method for one object type.
macro_rules! each {
    ($each:ident, $object:ident, $objects:literal, $example:literal) => {
        each!(@ $each, $object, $objects, $example, each_typed, "");
    };
    ($each:ident, $object:ident, $objects:literal, $example:literal, $by:ident, $more:literal) => {
        each!(@ $each, $object, $objects, $example, $by, $more);
    };
    (@ $each:ident, $object:ident, $objects:literal, $example:literal, $by:ident, $more:literal) => {
        #[doc = concat!("Calls `handle` for all ", $objects, ", and skips batches of other types.", $more)]
        ///
        /// `?` on a field rejects only that record, as in [`each`](Self::each). Tombstones are skipped.
        ///
        /// # Errors
        /// If `handle` returns a [`Failure`], no other record follows. The call then fails even if you ignore the error.
        ///
        /// ```
        /// # use journal_plugin_sdk::{Batches, Failure, Out};
        /// # fn process(batches: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
        #[doc = concat!("batches.", stringify!($each), "(out, |object, out| {")]
        #[doc = concat!("    let field = object.", $example, ";")]
        /// #   let _ = (field, out);
        ///     Ok(())
        /// })
        /// # }
        /// ```
        #[track_caller]
        pub fn $each<F>(&self, out: &mut Out, handle: F) -> Result<(), Failure>
        where
            F: FnMut($object<'a>, &mut Out) -> Result<(), RecordError>,
        {
            self.$by(out, handle)
        }
    };
}

/// The objects of one type.
impl<'a> Batches<'a> {
    each!(
        each_content,
        Content,
        "contents",
        "length()?",
        each_present,
        " Skips old records of skipped contents, which are in the same topic."
    );
    each!(
        each_skipped_content,
        SkippedContent,
        "skipped contents",
        "reason()?",
        each_absent,
        " Includes the old ones in the topic of contents, if the plan asks for that type."
    );
    each!(
        each_hash_colliding_content,
        HashCollidingContent,
        "contents with colliding hashes",
        "data()?"
    );
    each!(each_directory, Directory, "directories", "entries()?");
    each!(each_revision, Revision, "revisions", "date()?");
    each!(each_release, Release, "releases", "name()?");
    each!(each_snapshot, Snapshot, "snapshots", "branches()?");
    each!(each_origin, Origin, "origins", "url()?");
    each!(each_origin_visit, OriginVisit, "visits", "visit_type()?");
    each!(
        each_origin_visit_status,
        OriginVisitStatus,
        "visit statuses",
        "snapshot()?"
    );
    each!(each_extid, ExtId, "extids", "target()?");
    each!(
        each_metadata_authority,
        MetadataAuthority,
        "metadata authorities",
        "url()?"
    );
    each!(
        each_metadata_fetcher,
        MetadataFetcher,
        "metadata fetchers",
        "name()?"
    );
    each!(
        each_raw_extrinsic_metadata,
        RawExtrinsicMetadata,
        "raw extrinsic metadata",
        "target()?"
    );

    #[inline]
    #[track_caller]
    fn each_typed<T: Typed<'a>, F>(&self, out: &mut Out, mut handle: F) -> Result<(), Failure>
    where
        F: FnMut(T, &mut Out) -> Result<(), RecordError>,
    {
        for batch in self {
            if batch.object_type() != T::OBJECT_TYPE {
                continue;
            }
            let privileged = batch.privileged();
            for record in batch.records() {
                let value = record.value();
                if !value.is_empty() {
                    record.handle_with(out, |out| handle(T::of_record(value, privileged), out))?;
                }
            }
        }
        Ok(())
    }

    #[track_caller]
    fn each_present<F>(&self, out: &mut Out, mut handle: F) -> Result<(), Failure>
    where
        F: FnMut(Content<'a>, &mut Out) -> Result<(), RecordError>,
    {
        self.each_typed(out, |content: Content<'a>, out| {
            match content.as_skipped()? {
                None => handle(content, out),
                Some(_) => Ok(()),
            }
        })
    }

    #[track_caller]
    fn each_absent<F>(&self, out: &mut Out, mut handle: F) -> Result<(), Failure>
    where
        F: FnMut(SkippedContent<'a>, &mut Out) -> Result<(), RecordError>,
    {
        self.each_typed(out, |content: Content<'a>, out| {
            match content.as_skipped()? {
                None => Ok(()),
                Some(skipped) => handle(skipped, out),
            }
        })?;
        self.each_typed(out, handle)
    }
}
