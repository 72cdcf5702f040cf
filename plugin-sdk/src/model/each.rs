//! A closure for the objects of each type.

use super::{
    Content, Directory, ExtId, HashCollidingContent, MetadataAuthority, MetadataFetcher, Origin,
    OriginVisit, OriginVisitStatus, RawExtrinsicMetadata, Release, Revision, SkippedContent,
    Snapshot, Typed,
};
use crate::{Batches, Failure, Out, RecordError};

/// Makes the method that has a closure handle all objects of a type.
macro_rules! each {
    ($each:ident, $object:ident, $objects:literal, $example:literal) => {
        each!(@ $each, $object, $objects, $example, each_typed, "");
    };
    ($each:ident, $object:ident, $objects:literal, $example:literal, $by:ident, $more:literal) => {
        each!(@ $each, $object, $objects, $example, $by, $more);
    };
    (@ $each:ident, $object:ident, $objects:literal, $example:literal, $by:ident, $more:literal) => {
        #[doc = concat!("Handles all ", $objects, " with `handle`, and leaves batches of other types alone.", $more)]
        ///
        /// `?` on a field rejects that record alone, as in [`each`](Self::each); a tombstone has no object and
        /// is passed over.
        ///
        /// # Errors
        /// When `handle` answers with a [`Failure`]. The call then fails even if you ignore the error.
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

/// Objects by their types.
impl<'a> Batches<'a> {
    each!(
        each_content,
        Content,
        "contents",
        "length()?",
        each_present,
        " Skipped contents, which old records have in the same topic, are passed over."
    );
    each!(
        each_skipped_content,
        SkippedContent,
        "skipped contents",
        "reason()?",
        each_absent,
        " Those that old records have in the topic of contents are among them, where the plan asks for it."
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
        "statuses of visits",
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
