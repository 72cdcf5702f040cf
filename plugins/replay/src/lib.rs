//! Replays the journal into relational tables, from which every object can be read back whole.
//!
//! Each object type has a table, which keeps the row of the latest record of each object. Lists in objects have tables of
//! their own, whose rows never change: each names the variant of the object that it belongs to. So the lists of an object are
//! those of the record whose row is kept, whatever comes first, and a removal hides them without knowing their length.

mod columns;
mod content;
mod directory;
mod extid;
mod extrinsic;
mod origin;
mod release;
mod removal;
mod revision;
mod snapshot;

use journal_plugin_sdk::{
    Batches, Column, Failure, Object, Out, Plan, Processor, Record, RecordError, Timestamp, export,
};
use schemars::JsonSchema;
use serde::Deserialize;

/// What a tombstone does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Tombstones {
    /// The object stays.
    #[default]
    Keep,
    /// The object is removed.
    Remove,
}

/// The options.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplayOptions {
    /// What a tombstone does to its object: `keep`, it stays in the tables, or `remove`, it is removed from them.
    #[serde(default)]
    tombstones: Tombstones,
}

/// Writes one row an object, and one an item of its lists. It is stateless.
#[derive(Debug, Default)]
pub struct Replay {
    options: ReplayOptions,
}

impl Processor<ReplayOptions> for Replay {
    const OBJECT_TYPES: &'static [&'static str] = &[
        "content",
        "skipped_content",
        "hash_colliding_content",
        "directory",
        "revision",
        "release",
        "snapshot",
        "origin",
        "origin_visit",
        "origin_visit_status",
        "extid",
        "metadata_authority",
        "metadata_fetcher",
        "raw_extrinsic_metadata",
    ];

    fn start(options: ReplayOptions) -> Result<Self, Failure> {
        Ok(Self { options })
    }

    fn plan(&self) -> Plan {
        let plan = Plan::new(Self::OBJECT_TYPES).stateless();
        let plan = match self.options.tombstones {
            Tombstones::Keep => plan.columns([Column::Values, Column::Timestamps]),
            Tombstones::Remove => plan
                .columns([Column::Values, Column::Keys, Column::Timestamps])
                .tombstones(),
        };
        let tables: [fn(Plan) -> Plan; 8] = [
            content::declare,
            directory::declare,
            revision::declare,
            release::declare,
            snapshot::declare,
            origin::declare,
            extid::declare,
            extrinsic::declare,
        ];
        tables.iter().fold(plan, |plan, declare| declare(plan))
    }

    fn process(&mut self, batches: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
        let removes = matches!(self.options.tombstones, Tombstones::Remove);
        batches.each(out, |record, out| {
            let recorded = columns::recorded(&record);
            if !record.is_tombstone() {
                write(&record, recorded, out)
            } else if removes {
                removal::remove(&record, recorded, out)
            } else {
                // It has no object to write.
                Ok(())
            }
        })
    }
}

fn write(record: &Record<'_>, recorded: Timestamp, out: &mut Out) -> Result<(), RecordError> {
    match record.object()? {
        Object::Content(content) => content::write(&content, recorded, out),
        Object::SkippedContent(content) => content::write_skipped(&content, recorded, out),
        Object::HashCollidingContent(content) => content::write_colliding(&content, recorded, out),
        Object::Directory(directory) => directory::write(&directory, recorded, out),
        Object::Revision(revision) => revision::write(&revision, recorded, out),
        Object::Release(release) => release::write(&release, recorded, out),
        Object::Snapshot(snapshot) => snapshot::write(&snapshot, recorded, out),
        Object::Origin(origin) => origin::write(&origin, recorded, out),
        Object::OriginVisit(visit) => origin::write_visit(&visit, recorded, out),
        Object::OriginVisitStatus(status) => origin::write_status(&status, recorded, out),
        Object::ExtId(extid) => extid::write(&extid, recorded, out),
        Object::MetadataAuthority(authority) => {
            extrinsic::write_authority(&authority, recorded, out)
        }
        Object::MetadataFetcher(fetcher) => extrinsic::write_fetcher(&fetcher, recorded, out),
        Object::RawExtrinsicMetadata(metadata) => extrinsic::write(&metadata, recorded, out),
        _ => Err(without_table(record.object_type())),
    }
}

/// The host passes only object types of the plan.
#[cold]
fn without_table(object_type: &str) -> RecordError {
    RecordError::reject(format!("no table has objects of the type `{object_type}`"))
}

export!(Replay);
