//! The records of a test, and their conversion to batches.

use crate::batch::RawBatch;
use crate::{Column, Plan};

/// The host's default limits of one call.
const CALL_RECORDS: usize = 1000;
const CALL_BYTES: usize = 1 << 20;

/// One record, owned by the test.
#[derive(Clone, Debug)]
pub(super) struct TestRecord {
    pub(super) object_type: String,
    pub(super) privileged: bool,
    pub(super) key: Vec<u8>,
    /// Empty for a tombstone.
    pub(super) value: Vec<u8>,
    pub(super) partition: u32,
    pub(super) offset: u64,
    /// -1 if there is none.
    pub(super) timestamp_ms: i64,
    /// Whether the test added the record itself; the plan must then ask for its object type.
    pub(super) explicit: bool,
}

/// The number of records that the host passes in the first call.
pub(super) fn call_length(records: &[&TestRecord]) -> usize {
    let mut bytes = 0;
    let fits = records.iter().take(CALL_RECORDS).take_while(|record| {
        bytes += record.key.len() + record.value.len();
        bytes <= CALL_BYTES
    });
    // A record above the limit gets its own call.
    fits.count().max(1)
}

/// The records of one call as columns: one batch for each object type, in the order of their first records. Each batch
/// comes with its records.
pub(super) fn batches<'t>(
    records: &[&'t TestRecord],
    plan: &Plan,
) -> Vec<(RawBatch, Vec<&'t TestRecord>)> {
    let mut batches: Vec<(RawBatch, Vec<&TestRecord>)> = Vec::new();
    for &record in records {
        let index = batches.iter().position(|(_, rows)| {
            rows[0].object_type == record.object_type && rows[0].privileged == record.privileged
        });
        let index = index.unwrap_or_else(|| {
            let batch = RawBatch {
                object_type: record.object_type.clone(),
                privileged: record.privileged,
                ..RawBatch::default()
            };
            batches.push((batch, Vec::new()));
            batches.len() - 1
        });
        let (batch, rows) = &mut batches[index];
        push(batch, record, plan);
        rows.push(record);
    }
    batches
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a call is cut at a megabyte, far below 4 GiB"
)]
fn push(batch: &mut RawBatch, record: &TestRecord, plan: &Plan) {
    batch.records += 1;
    if plan.wants(Column::Values) {
        batch.values.extend_from_slice(&record.value);
    }
    if plan.wants(Column::ValueEnds) {
        let before = batch.value_ends.last().copied().unwrap_or(0);
        batch.value_ends.push(before + record.value.len() as u32);
    }
    if plan.wants(Column::Keys) {
        batch.keys.extend_from_slice(&record.key);
        batch.key_ends.push(batch.keys.len() as u32);
    }
    if plan.wants(Column::Partitions) {
        batch.partitions.push(record.partition);
    }
    if plan.wants(Column::Offsets) {
        batch.offsets.push(record.offset);
    }
    if plan.wants(Column::Timestamps) {
        batch.timestamps.push(record.timestamp_ms);
    }
}
