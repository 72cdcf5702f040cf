//! The records of a recording.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use journal_recording::{Format, Reader};

use super::error::Error;
use super::records::TestRecord;

/// The suffix of the topic prefix of records that are not anonymised.
const PRIVILEGED: &str = "_privileged";

/// Reads a recording in the same way as the host.
pub(super) fn read(path: &Path, privileged: bool) -> Result<Vec<TestRecord>, Error> {
    let wrong = |source| Error::Recording {
        path: path.to_owned(),
        source,
    };
    let mut reader = Reader::open(path).map_err(wrong)?;
    let format = reader.format();
    let mut records = Vec::new();
    // The number of records so far in each topic. It is the offset of a record without one.
    let mut ordinals: HashMap<String, u64> = HashMap::new();
    while let Some(frame) = reader.next_frame().map_err(wrong)? {
        let ordinal = ordinals.entry(frame.topic.to_owned()).or_default();
        let (object_type, is_privileged) = match format {
            Format::Stream => (frame.topic, false),
            Format::Frames => split_topic(frame.topic),
        };
        records.push(TestRecord {
            object_type: object_type.to_owned(),
            privileged: is_privileged,
            key: frame.key.to_owned(),
            value: frame.value.unwrap_or_default().to_owned(),
            partition: frame.partition.unwrap_or(0),
            offset: frame.offset.unwrap_or(*ordinal),
            timestamp_ms: frame.timestamp_ms.unwrap_or(-1),
            explicit: false,
        });
        *ordinal += 1;
    }
    Ok(one_topic_a_type(records, privileged))
}

fn split_topic(topic: &str) -> (&str, bool) {
    match topic.rsplit_once('.') {
        Some((prefix, object_type)) => (object_type, prefix.ends_with(PRIVILEGED)),
        None => (topic, false),
    }
}

/// For object types with a privileged and an anonymised topic, keeps the records of one of them.
fn one_topic_a_type(mut records: Vec<TestRecord>, privileged: bool) -> Vec<TestRecord> {
    let with_privileged: BTreeSet<String> = records
        .iter()
        .filter(|record| privileged && record.privileged)
        .map(|record| record.object_type.clone())
        .collect();
    records.retain(|record| record.privileged == with_privileged.contains(&record.object_type));
    records
}
