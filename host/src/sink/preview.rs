//! A sink that keeps the first lines of each output in memory, and counts all of them: what an author looks at.

use std::sync::{Arc, Mutex, PoisonError};

use super::jsonl::{encoder, text_encoder};
use super::{Checkpoint, Committed, Encoder, Sink, SinkError, SinkFactory};
use crate::journal::plan::{Kind, Output, Plan};

/// How many lines of each output are kept.
pub const LINES: usize = 10;
/// The most bytes of a line that are kept.
const LINE_BYTES: usize = 16 << 10;

/// What a run has written to an output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The name of the output.
    pub output: String,
    /// Whether it is text, whose lines are no rows.
    pub is_text: bool,
    /// The number of its lines.
    pub count: u64,
    /// The first of them, in the order of the checkpoints.
    pub first: Vec<String>,
}

/// The first lines of a run's outputs. Its clones are one.
#[derive(Clone, Debug, Default)]
pub struct Preview {
    outputs: Arc<Mutex<Vec<Shown>>>,
}

impl Preview {
    /// What the run has written so far, by output.
    #[must_use]
    pub fn shown(&self) -> Vec<Shown> {
        let outputs = self.outputs.lock();
        outputs.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl SinkFactory for Preview {
    fn prepare(&self, plan: &Plan) -> Result<(), SinkError> {
        let shown = |output: &Output| Shown {
            output: output.name.clone(),
            is_text: output.kind == Kind::Text,
            count: 0,
            first: Vec::new(),
        };
        let mut outputs = self.outputs.lock().unwrap_or_else(PoisonError::into_inner);
        *outputs = plan.outputs.iter().map(shown).collect();
        Ok(())
    }

    fn encoder(&self, output: &Output) -> Box<dyn Encoder> {
        match output.kind {
            Kind::Text => text_encoder(),
            _ => encoder(None, output.row_types()),
        }
    }

    fn stream(&self, output: &Output) -> usize {
        let outputs = self.outputs.lock().unwrap_or_else(PoisonError::into_inner);
        let mut names = outputs.iter().map(|shown| &shown.output);
        names
            .position(|name| *name == output.name)
            .unwrap_or_default()
    }

    fn sink(&self, _worker: usize) -> Result<Box<dyn Sink>, SinkError> {
        Ok(Box::new(self.clone()))
    }
}

impl Sink for Preview {
    fn commit(&mut self, checkpoint: &Checkpoint<'_>) -> Result<Committed, SinkError> {
        let mut outputs = self.outputs.lock().unwrap_or_else(PoisonError::into_inner);
        for (shown, stream) in outputs.iter_mut().zip(checkpoint.rows) {
            for line in stream.bytes().split_inclusive(|byte| *byte == b'\n') {
                shown.count += 1;
                if shown.first.len() < LINES {
                    let line = &line[..line.len().min(LINE_BYTES)];
                    let line = String::from_utf8_lossy(line);
                    shown.first.push(line.trim_end_matches('\n').to_owned());
                }
            }
        }
        Ok(Committed::Done)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::journal::batch::Columns;
    use crate::journal::offsets::Offsets;
    use crate::journal::plan::Persons;
    use crate::journal::topics::ObjectTypes;
    use crate::sink::{Stream, Topics};

    fn plan(outputs: Vec<Output>) -> Plan {
        Plan {
            object_types: ObjectTypes::Any,
            columns: Columns::NONE,
            tombstones: false,
            persons: Persons::Useful,
            outputs,
        }
    }

    fn commit(preview: &mut Preview, rows: &[Stream]) {
        let none = Offsets::new();
        let checkpoint = Checkpoint {
            worker: 0,
            number: 1,
            from: &none,
            to: &none,
            topics: &Topics::new(),
            notes: &BTreeMap::new(),
            rows,
            membership: None,
        };
        preview.commit(&checkpoint).unwrap();
    }

    #[test]
    fn first_lines_are_kept_and_all_are_counted() {
        let mut preview = Preview::default();
        let outputs = vec![Output::untyped("a"), Output::untyped("b")];
        preview.prepare(&plan(outputs.clone())).unwrap();
        assert_eq!(preview.stream(&outputs[1]), 1);
        let lines = (0..8).map(|number| format!("{{\"n\":{number}}}\n"));
        let lines = lines.collect::<Vec<_>>().concat();
        for _ in 0..2 {
            commit(
                &mut preview,
                &[Stream::of(lines.as_bytes()), Stream::of(b"")],
            );
        }
        let shown = preview.shown();
        assert_eq!((shown[0].count, shown[1].count), (16, 0));
        assert_eq!(shown[0].first.len(), LINES);
        assert_eq!(shown[0].first[7..9], ["{\"n\":7}", "{\"n\":0}"]);
        assert!(shown[1].first.is_empty());
    }

    #[test]
    fn long_line_is_cut() {
        let mut preview = Preview::default();
        preview.prepare(&plan(vec![Output::untyped("a")])).unwrap();
        let line = "\u{e9}".repeat(LINE_BYTES) + "\nb\n";
        commit(&mut preview, &[Stream::of(line.as_bytes())]);
        let shown = &preview.shown()[0];
        assert_eq!((shown.count, shown.first[1].as_str()), (2, "b"));
        assert!(shown.first[0].len() <= LINE_BYTES);
    }
}
