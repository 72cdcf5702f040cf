//! Verifies objects: reads each one completely, recomputes its identifier, and compares it with the key. Damaged records
//! become rows of the output `corrupt`, and all records are counted in `checked`.
//!
//! A record that cannot be read is a row too, not a rejection, so that the run continues and finds the others.

mod key;
mod model;

use journal_plugin_sdk::{
    ANY, Aggregate, Batch, Batches, Column, Columns, Failure, FieldError, Id, Object, Out, Plan,
    Processor, Record, RecordError, Verification,
};
use serde::Serialize;

/// Emits a row for each damaged record, and counts all records. It is stateless.
#[derive(Debug, Default)]
pub struct VerifyObjects;

/// A row of the output `corrupt`: a damaged record.
#[derive(Serialize, Columns)]
struct Corrupt<'a> {
    /// The last part of the topic's name.
    object_type: &'a str,
    /// Whether the record is in a privileged topic, which is not anonymised.
    privileged: bool,
    /// The partition of the record.
    partition: u32,
    /// Its offset in the partition.
    offset: u64,
    /// The kind of damage.
    damage: &'static str,
    /// The identifier in the object.
    id: Option<Id>,
    /// The identifier computed from the fields.
    expected_id: Option<Id>,
    /// The identifier in the key of the record.
    key_id: Option<Id>,
    /// The rule of upstream's model that refuses the object.
    rule: Option<&'static str>,
    /// Why the object cannot be read, or is refused.
    reason: Option<String>,
}

/// A row of the output `checked`: the number of records of one object type, by result.
#[derive(Serialize, Columns)]
struct Checked<'a> {
    /// The last part of the topic's name.
    object_type: &'a str,
    /// Records whose identifier is right.
    verified: u64,
    /// Records that are damaged.
    corrupt: u64,
    /// Records whose identifier cannot be computed, because names were removed.
    anonymised: u64,
    /// Records of types without an identifier.
    without_identifier: u64,
}

/// The kind of damage.
enum Damage {
    /// The identifier computed from the fields is not the one in the object.
    Identifier { claimed: Id, computed: Id },
    /// The key names another object.
    Key { id: Option<Id> },
    /// The value cannot be read.
    Unreadable { reason: String },
    /// Upstream's model refuses the object, although its identifier and its key are right.
    RefusedByModel {
        id: Option<Id>,
        rule: model::Rule,
        reason: String,
    },
}

impl Processor for VerifyObjects {
    const OBJECT_TYPES: &'static [&'static str] = ANY;

    fn plan(&self) -> Plan {
        let counts = Aggregate::by(["object_type"])
            .sum("verified")
            .sum("corrupt")
            .sum("anonymised")
            .sum("without_identifier");
        Plan::new(Self::OBJECT_TYPES)
            .columns([
                Column::Values,
                Column::Keys,
                Column::Partitions,
                Column::Offsets,
            ])
            .stateless()
            .output("corrupt", "Records that are damaged")
            .row::<Corrupt<'_>>()
            .aggregate(
                "checked",
                "Records that were checked, by object type",
                counts,
            )
            .row::<Checked<'_>>()
    }

    fn process(&mut self, batches: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
        for batch in batches {
            verify_batch(&batch, out)?;
        }
        Ok(())
    }
}

fn verify_batch(batch: &Batch<'_>, out: &mut Out) -> Result<(), RecordError> {
    let mut checked = Checked {
        object_type: batch.object_type(),
        verified: 0,
        corrupt: 0,
        anonymised: 0,
        without_identifier: 0,
    };
    for record in batch.records() {
        let count = match verify(&record) {
            Ok(Verification::Anonymised) => &mut checked.anonymised,
            Ok(Verification::WithoutIdentifier) => &mut checked.without_identifier,
            Ok(_) => &mut checked.verified,
            Err(damage) => {
                out.emit_to("corrupt", &damage.row(&record))?;
                &mut checked.corrupt
            }
        };
        *count += 1;
    }
    out.merge("checked", &checked)
}

/// Reads, verifies and compares one record.
fn verify(record: &Record<'_>) -> Result<Verification, Damage> {
    let object = record.object().map_err(|error| Damage::Unreadable {
        reason: error.to_string(),
    })?;
    let verification = object.verify()?;
    let is_usual = model::is_usual(record.object_type(), record.value());
    if !is_usual {
        object.check()?;
    }
    if let Verification::Corrupt { claimed, computed } = verification {
        return Err(Damage::Identifier { claimed, computed });
    }
    if let (Object::Release(_), Verification::WithoutIdentifier) = (&object, verification) {
        return Err(Damage::Unreadable {
            reason: "the release has neither a target nor a raw manifest".to_owned(),
        });
    }
    if !key::names(record.key(), &object)? {
        return Err(Damage::Key { id: object.id()? });
    }
    if !is_usual {
        check_model(record, &object)?;
    }
    Ok(verification)
}

/// Checks an object that was read against the rules of upstream's model.
fn check_model(record: &Record<'_>, object: &Object<'_>) -> Result<(), Damage> {
    let Err(finding) = model::check(object) else {
        return Ok(());
    };
    let reason = finding.reason(record.object_type());
    Err(match finding.rule {
        Some(rule) => Damage::RefusedByModel {
            id: object.id()?,
            rule,
            reason,
        },
        None => Damage::Unreadable { reason },
    })
}

impl Damage {
    fn row<'a>(self, record: &Record<'a>) -> Corrupt<'a> {
        let corrupt = |damage, id| Corrupt {
            object_type: record.object_type(),
            privileged: record.privileged(),
            partition: record.partition(),
            offset: record.offset(),
            damage,
            id,
            expected_id: None,
            key_id: key::id(record.key()),
            rule: None,
            reason: None,
        };
        match self {
            Self::Identifier { claimed, computed } => Corrupt {
                expected_id: Some(computed),
                ..corrupt("identifier", Some(claimed))
            },
            Self::Key { id } => corrupt("key", id),
            Self::Unreadable { reason } => Corrupt {
                reason: Some(reason),
                ..corrupt("unreadable", None)
            },
            Self::RefusedByModel { id, rule, reason } => Corrupt {
                rule: Some(rule.name()),
                reason: Some(reason),
                ..corrupt("refused-by-model", id)
            },
        }
    }
}

impl From<FieldError> for Damage {
    fn from(error: FieldError) -> Self {
        Self::Unreadable {
            reason: error.to_string(),
        }
    }
}

journal_plugin_sdk::export!(VerifyObjects);
