//! One worker's rows and one sink, combined as the pipeline combines them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::{
    BoundOutput, Checkpoint, Committed, EncodeError, Encoder, HeldRows, RowError, RowLimits, Sink,
    SinkError, SinkFactory, Topics,
};
use crate::journal::offsets::Offsets;
use crate::journal::plan::{Output, Plan};

/// Outputs of kind append with these names.
pub(crate) fn outputs(names: &[&str]) -> Vec<Output> {
    let output = |&name: &&str| Output::untyped(name);
    names.iter().map(output).collect()
}

/// Rows that are held for one sink.
pub(crate) struct Bound {
    pub(crate) rows: HeldRows,
    sink: Box<dyn Sink>,
    number: u64,
}

impl Bound {
    pub(crate) fn new(factory: &dyn SinkFactory, outputs: &[Output], limits: RowLimits) -> Self {
        let bound = outputs.iter().map(|output| BoundOutput {
            output,
            sink: 0,
            stream: factory.stream(output),
            encoder: factory.encoder(output),
        });
        Self {
            rows: HeldRows::new(bound.collect(), limits),
            sink: factory.sink(0).unwrap(),
            number: 0,
        }
    }

    /// Makes the held rows durable.
    pub(crate) fn flush(&mut self) -> Result<(), SinkError> {
        self.rows.seal().expect("merged rows can be encoded");
        self.number += 1;
        let (from, to) = (Offsets::new(), Offsets::new());
        let committed = self.sink.commit(&Checkpoint {
            notes: &BTreeMap::new(),
            worker: 0,
            number: self.number,
            from: &from,
            to: &to,
            topics: &Topics::new(),
            rows: self.rows.streams(0),
            membership: None,
        })?;
        assert_eq!(committed, Committed::Done);
        self.rows.clear();
        Ok(())
    }

    pub(crate) fn emit(
        &mut self,
        output: usize,
        rows: &[u8],
        ends: &[u32],
    ) -> Result<(), RowError> {
        self.rows.emit(output, rows, ends)
    }
}

/// A destination that stores rows unchanged, for tests to read. It refuses rows that begin with 0xc1, which msgpack
/// does not use.
#[derive(Clone, Default)]
pub(crate) struct Memory(Arc<Mutex<Written>>);

#[derive(Default)]
pub(crate) struct Written {
    /// The outputs of the plan, in their order, which is that of the streams.
    pub(crate) names: Vec<String>,
    /// The rows of each checkpoint, by stream.
    pub(crate) checkpoints: Vec<Vec<Vec<u8>>>,
    /// Results that commits return before they succeed.
    pub(crate) answers: Vec<Result<Committed, SinkError>>,
    /// The number of rows that the encoders got.
    pub(crate) encoded: usize,
    /// The output whose rows are refused.
    pub(crate) refuses: Option<String>,
}

impl Memory {
    pub(crate) fn written(&self) -> std::sync::MutexGuard<'_, Written> {
        self.0.lock().unwrap()
    }

    /// Rows for these outputs, which are committed to this destination.
    pub(crate) fn bound(&self, outputs: &[Output], limits: RowLimits) -> Bound {
        self.written().names = outputs.iter().map(|output| output.name.clone()).collect();
        Bound::new(self, outputs, limits)
    }
}

impl SinkFactory for Memory {
    fn prepare(&self, _plan: &Plan) -> Result<(), SinkError> {
        Ok(())
    }

    fn encoder(&self, output: &Output) -> Box<dyn Encoder> {
        Box::new(Raw {
            memory: self.clone(),
            output: output.name.clone(),
        })
    }

    fn stream(&self, output: &Output) -> usize {
        let names = &self.written().names;
        names
            .iter()
            .position(|name| *name == output.name)
            .unwrap_or(0)
    }

    fn sink(&self, _worker: usize) -> Result<Box<dyn Sink>, SinkError> {
        Ok(Box::new(self.clone()))
    }
}

impl Sink for Memory {
    fn commit(&mut self, checkpoint: &Checkpoint<'_>) -> Result<Committed, SinkError> {
        let mut written = self.written();
        if let Some(answer) = written.answers.pop() {
            return answer;
        }
        let rows = checkpoint.rows.iter();
        let rows = rows.map(|stream| stream.bytes().to_vec()).collect();
        written.checkpoints.push(rows);
        Ok(Committed::Done)
    }
}

struct Raw {
    memory: Memory,
    output: String,
}

impl Encoder for Raw {
    fn encode(
        &mut self,
        row: &[u8],
        encoded: &mut Vec<u8>,
        limit: usize,
    ) -> Result<(), EncodeError> {
        let mut written = self.memory.written();
        written.encoded += 1;
        if row.first() == Some(&0xc1) || written.refuses.as_ref() == Some(&self.output) {
            return Err(EncodeError::BadRow("is not msgpack".to_owned()));
        }
        if encoded.len() + row.len() > limit {
            return Err(EncodeError::TooLong);
        }
        encoded.extend_from_slice(row);
        Ok(())
    }
}
