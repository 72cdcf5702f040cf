//! The tables of snapshots and their branches.

use journal_plugin_sdk::{Bytes, Columns, Id, Out, Plan, RecordError, Snapshot, Target, Timestamp};
use serde::Serialize;

use crate::columns::{RECORDED, variant};

const BRANCH: &str = "snapshot_branch";

#[derive(Serialize, Columns)]
struct SnapshotRow {
    /// The identifier.
    id: Id,
    /// The variant of the snapshot, which its branches have, too.
    variant: i64,
    /// When the record was written.
    recorded: Timestamp,
}

#[derive(Serialize, Columns)]
struct BranchRow<'a> {
    /// The snapshot.
    snapshot: Id,
    /// The variant of the snapshot.
    variant: i64,
    /// The number of the branch in the record, from 0.
    position: usize,
    /// The name, such as `refs/heads/main`.
    name: Bytes<'a>,
    /// The type of the target: `content`, `directory`, `revision`, `release`, `snapshot` or `alias`. NULL for a dangling branch.
    target_type: Option<&'static str>,
    /// The identifier of the target, if it is an object.
    target: Option<Id>,
    /// The name of the branch that an alias refers to.
    alias: Option<Bytes<'a>>,
}

pub(crate) fn declare(plan: Plan) -> Plan {
    plan.output(
        Snapshot::OBJECT_TYPE,
        "Snapshots: the branches of an origin at the time of a visit",
    )
    .row::<SnapshotRow>()
    .upsert_by(["id"], RECORDED)
    .output(BRANCH, "The branches of snapshots")
    .row::<BranchRow<'_>>()
    .unique_by(["snapshot", "variant", "position"])
}

pub(crate) fn write(
    snapshot: &Snapshot<'_>,
    recorded: Timestamp,
    out: &mut Out,
) -> Result<(), RecordError> {
    let id = snapshot.id()?;
    let variant = variant(snapshot.value());
    for (position, branch) in snapshot.branches()?.enumerate() {
        let branch = branch?;
        let (target_type, target, alias) = match branch.target {
            None => (None, None, None),
            Some(Target::Object(kind, id)) => (Some(kind.name()), Some(id), None),
            Some(Target::Alias(name)) => (Some("alias"), None, Some(name)),
        };
        let row = BranchRow {
            snapshot: id,
            variant,
            position,
            name: branch.name.into(),
            target_type,
            target,
            alias: alias.map(Bytes::from),
        };
        out.emit_to(BRANCH, &row)?;
    }
    let row = SnapshotRow {
        id,
        variant,
        recorded,
    };
    out.emit_to(Snapshot::OBJECT_TYPE, &row)
}
