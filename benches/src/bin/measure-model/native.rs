//! The workload as native code, on a copy of the columns that the sandbox would get.

use std::collections::BTreeMap;
use std::time::Duration;

use guest_reader::{Checksum, Work};
use journal_benches::measure::thread_cpu_time;
use journal_host::journal::batch::{Batch, Batches};

use crate::Calls;
use crate::report::{Native, per_record};

/// One measurement of native code.
pub(crate) struct Measured {
    pub(crate) work: Work,
    /// Copying the columns, for all passes.
    pub(crate) copying: Duration,
    /// Reading the copies: the time and the records of each object type.
    pub(crate) reading: BTreeMap<String, (Duration, usize)>,
    /// The checksum of everything that was read.
    pub(crate) sum: Checksum,
}

impl Measured {
    /// The times per record.
    pub(crate) fn per_record(&self, records: usize) -> Native {
        Native {
            copying: per_record(self.copying, records),
            reading: per_record(self.reading.values().map(|(time, _)| *time).sum(), records),
            by_type: self
                .reading
                .iter()
                .map(|(object_type, (time, records))| {
                    (object_type.clone(), per_record(*time, *records))
                })
                .collect(),
        }
    }
}

/// The columns of a batch as a guest gets them.
#[derive(Default)]
struct Copy {
    values: Vec<u8>,
    value_ends: Vec<u32>,
}

/// Does `work` for all records, `passes` times.
pub(crate) fn measure(work: Work, calls: &Calls, passes: usize) -> Measured {
    let mut measured = Measured {
        work,
        copying: Duration::ZERO,
        reading: BTreeMap::new(),
        sum: Checksum::default(),
    };
    let mut copy = Copy::default();
    for _ in 0..passes {
        for batch in calls.calls.iter().flat_map(Batches::as_slice) {
            let (copying, ()) = thread_cpu_time(|| copy.take(batch));
            let object_type = &batch.topic.object_type;
            let (reading, ()) = thread_cpu_time(|| copy.read(work, object_type, &mut measured.sum));
            measured.copying += copying;
            let of_type = measured.reading.entry(object_type.clone()).or_default();
            of_type.0 += reading;
            of_type.1 += batch.records();
        }
    }
    measured
}

impl Copy {
    fn take(&mut self, batch: &Batch) {
        self.values.clear();
        self.values.extend_from_slice(&batch.values);
        self.value_ends.clear();
        self.value_ends.extend_from_slice(&batch.value_ends);
    }

    fn read(&self, work: Work, object_type: &str, sum: &mut Checksum) {
        let mut start = 0;
        for &end in &self.value_ends {
            let value = &self.values[start..end as usize];
            work.read(object_type, value, sum)
                .expect("the recording can be read");
            start = end as usize;
        }
    }
}
