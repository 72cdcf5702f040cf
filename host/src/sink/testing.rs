//! One worker's rows and one sink, combined as the pipeline combines them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use journal_aggregate::Shape;
use journal_rows::{ColumnType, RowType};

use super::tables::Owner;
use super::tables::tests::column;
use super::{
    BoundOutput, Checkpoint, Committed, EncodeError, Encoder, HeldRows, RowError, RowLimits, Sink,
    SinkError, SinkFactory, Topics,
};
use crate::journal::offsets::Offsets;
use crate::journal::plan::{Kind, Output, Persons, Plan};

/// Outputs of kind append with these names.
pub(crate) fn outputs(names: &[&str]) -> Vec<Output> {
    let output = |&name: &&str| Output::untyped(name);
    names.iter().map(output).collect()
}

/// A value of a row.
#[derive(Clone, Copy)]
pub(crate) enum V<'a> {
    Nil,
    N(i64),
    U(u64),
    F(f64),
    S(&'a str),
    Yes,
    B(&'a [u8]),
    /// Seconds, and nanoseconds.
    T(i64, u32),
}

/// A row as a plugin emits it.
pub(crate) fn row(fields: &[(&str, V<'_>)]) -> Vec<u8> {
    let short = |length: usize| u8::try_from(length).unwrap();
    let mut row = vec![0x80 | short(fields.len())];
    for (name, value) in fields {
        row.push(0xa0 | short(name.len()));
        row.extend(name.as_bytes());
        match value {
            V::Nil => row.push(0xc0),
            V::Yes => row.push(0xc3),
            V::N(number) => {
                row.push(0xd3);
                row.extend(number.to_be_bytes());
            }
            V::U(number) => {
                row.push(0xcf);
                row.extend(number.to_be_bytes());
            }
            V::F(number) => {
                row.push(0xcb);
                row.extend(number.to_be_bytes());
            }
            V::S(text) => {
                row.extend([0xd9, short(text.len())]);
                row.extend(text.as_bytes());
            }
            V::B(bytes) => {
                row.extend([0xc4, short(bytes.len())]);
                row.extend(*bytes);
            }
            V::T(seconds, nanoseconds) => {
                row.extend([0xc7, 12, 0xff]);
                row.extend(nanoseconds.to_be_bytes());
                row.extend(seconds.to_be_bytes());
            }
        }
    }
    row
}

/// A typed output.
pub(crate) fn output(
    name: &str,
    columns: &[(&str, ColumnType, bool)],
    shape: Option<Shape>,
) -> Output {
    let columns = columns
        .iter()
        .map(|&(name, column_type, nullable)| column(name, column_type, nullable));
    Output {
        name: name.to_owned(),
        kind: shape.map_or(Kind::Append, |shape| Kind::Aggregate(Arc::new(shape))),
        row: Some(Arc::new(RowType::new(columns.collect()).unwrap())),
        summary: "One row".to_owned(),
    }
}

/// An owner with this group.
pub(crate) fn owner(group: Option<&str>) -> Owner {
    Owner {
        plugin: "p".to_owned(),
        group: group.map(str::to_owned),
        ..Owner::default()
    }
}

/// A plan with these outputs.
pub(crate) fn plan(outputs: &[Output]) -> Plan {
    Plan {
        object_types: crate::journal::topics::ObjectTypes::Any,
        columns: crate::journal::batch::Columns::ALL,
        tombstones: false,
        persons: Persons::default(),
        outputs: outputs.to_vec(),
    }
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
        let checkpoint = Checkpoint {
            notes: &BTreeMap::new(),
            worker: 0,
            number: self.number,
            from: &from,
            to: &to,
            topics: &Topics::new(),
            rows: self.rows.streams(0),
            membership: None,
        };
        loop {
            match self.sink.commit(&checkpoint)? {
                Committed::Done => break,
                Committed::Again(_) => {}
                Committed::Stale => panic!("nobody else writes"),
            }
        }
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
