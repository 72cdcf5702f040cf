//! Misbehaves in the way that a test asks for. Otherwise it emits one row per record.

use std::hint::black_box;

use journal_plugin_sdk::{ANY, Batches, Failure, Out, Persons, Plan, Processor, RecordError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The options of a test.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// What `start` does.
    start: Mischief,
    /// What `process` does.
    process: Mischief,
    /// What `checkpoint` does.
    checkpoint: Mischief,
    /// The number of the `process` call that does it, from 1. All calls if absent.
    at_call: Option<u64>,
    /// The object types of the plan, which may be invalid. Any if absent.
    object_types: Vec<String>,
    /// The outputs of the plan. `rows` if absent.
    outputs: Vec<String>,
    /// The number of bytes of rows that one `hoard` emits.
    emitted_bytes: usize,
    /// Of so many offsets, the last one is poison: the call that has it does one mischief after the other. None if
    /// absent.
    poison_every: Option<u64>,
    /// Whether the plan says that names of persons are needed.
    needs_names: bool,
    /// A number, to pass an option of a wrong type.
    number: Option<u32>,
}

/// What a call does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Mischief {
    /// Nothing wrong.
    #[default]
    None,
    /// Never returns.
    Loop,
    /// Allocates memory without end.
    Eat,
    /// Calls itself without end.
    Recurse,
    /// Panics.
    Panic,
    /// Panics with a very long message with terminal control sequences.
    PanicLoudly,
    /// Executes `unreachable` without a message.
    Trap,
    /// Returns a failure that may not occur again.
    Retry,
    /// Returns a fatal failure.
    Fatal,
    /// Rejects every record with an even offset.
    RejectEven,
    /// Emits a number that JSON does not have.
    Nan,
    /// Emits what is not a map.
    NoMap,
    /// Emits what is not msgpack.
    NoMsgpack,
    /// Emits rows with wrong ends.
    BadEnds,
    /// Emits to an output that the plan does not have, without the SDK.
    NoOutput,
    /// Emits to an output that the plan does not declare, and ignores the error.
    LoseRows,
    /// Emits without end.
    Flood,
    /// Logs 10,000 lines.
    Chatter,
    /// Allocates all memory that there is, and emits as many bytes as the test asks for.
    Hoard,
}

/// The hostile processor.
#[derive(Debug, Default)]
pub struct Hostile {
    options: Options,
    calls: u64,
}

#[derive(Serialize)]
struct Row<'a> {
    object_type: &'a str,
    offset: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    partition: Option<u32>,
}

impl Processor<Options> for Hostile {
    const OBJECT_TYPES: &'static [&'static str] = ANY;

    fn start(options: Options) -> Result<Self, Failure> {
        options.start.act(options.emitted_bytes)?;
        Ok(Self { options, calls: 0 })
    }

    fn plan(&self) -> Plan {
        let mut plan = Plan::new(&self.options.object_types);
        if self.options.needs_names {
            plan = plan.persons(Persons::Required);
        }
        self.options
            .outputs
            .iter()
            .fold(plan, |plan, name| plan.output(name, ""))
    }

    fn process(&mut self, batches: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
        self.calls += 1;
        let mischief = match self.options.at_call {
            Some(call) if call != self.calls => Mischief::None,
            _ => self.options.process,
        };
        let output = self.options.outputs.first().map_or("rows", String::as_str);
        batches.each(out, |record, out| {
            let offset = record.offset();
            let row = Row {
                object_type: record.object_type(),
                offset,
                partition: self.options.poison_every.map(|_| record.partition()),
            };
            if mischief == Mischief::LoseRows {
                let _ = out.emit_to("typo", &row);
            } else {
                out.emit_to(output, &row)?;
            }
            if let Some(every) = self.options.poison_every
                && offset % every == every - 1
            {
                poison(offset / every)?;
            }
            if mischief == Mischief::RejectEven && offset.is_multiple_of(2) {
                return Err(RecordError::reject("its offset is even"));
            }
            Ok(())
        })?;
        mischief.act(self.options.emitted_bytes)
    }

    fn checkpoint(&mut self, out: &mut Out) -> Result<(), Failure> {
        if self.options.checkpoint == Mischief::LoseRows {
            let row = Row {
                object_type: "none",
                offset: 0,
                partition: None,
            };
            let _ = out.emit_to("typo", &row);
        }
        self.options.checkpoint.act(self.options.emitted_bytes)
    }
}

/// Poison of each kind in turn.
fn poison(number: u64) -> Result<(), RecordError> {
    const KINDS: [Mischief; 6] = [
        Mischief::RejectEven,
        Mischief::Panic,
        Mischief::Loop,
        Mischief::Eat,
        Mischief::Recurse,
        Mischief::Flood,
    ];
    let kind = KINDS[usize::try_from(number % 6).unwrap_or_default()];
    if kind == Mischief::RejectEven {
        return Err(RecordError::reject("it is poison"));
    }
    Ok(kind.act(0)?)
}

impl Mischief {
    fn act(self, emitted_bytes: usize) -> Result<(), Failure> {
        const BIN_8: u8 = 0xc4;
        const FIXMAP_OF_1: u8 = 0x81;
        const FLOAT_64: u8 = 0xcb;
        const FIXSTR_OF_1: u8 = 0xa1;
        const NIL: u8 = 0xc0;
        match self {
            Self::None | Self::RejectEven | Self::LoseRows => {}
            Self::Loop => loop {
                black_box(());
            },
            Self::Eat => {
                let mut eaten = Vec::new();
                loop {
                    eaten.push(black_box(vec![1_u8; 1 << 20]));
                }
            }
            Self::Recurse => {
                recurse(0);
            }
            Self::Panic => panic!("the test wants a panic"),
            Self::PanicLoudly => panic!("\u{1b}[2Jloud\nerror: {}", "!".repeat(100_000)),
            Self::Trap => trap(),
            Self::Retry => return Err(Failure::retry("the test wants another try")),
            Self::Fatal => return Err(Failure::fatal("the test wants a failure")),
            Self::Nan => {
                let mut row = vec![FIXMAP_OF_1, FIXSTR_OF_1, b'n', FLOAT_64];
                row.extend_from_slice(&f64::NAN.to_be_bytes());
                emit(0, &row, &[12]);
            }
            Self::NoMap => emit(0, &[NIL], &[1]),
            Self::NoMsgpack => emit(0, &[FIXMAP_OF_1, FIXSTR_OF_1, b'n', BIN_8, 200], &[5]),
            Self::BadEnds => emit(0, &[FIXMAP_OF_1, FIXSTR_OF_1, b'n', NIL], &[7]),
            Self::NoOutput => emit(64, &[FIXMAP_OF_1, FIXSTR_OF_1, b'n', NIL], &[4]),
            Self::Flood => loop {
                emit(0, &[FIXMAP_OF_1, FIXSTR_OF_1, b'n', NIL], &[4]);
            },
            Self::Hoard => hoard(emitted_bytes),
            Self::Chatter => {
                for line in 0..10_000 {
                    journal_plugin_sdk::info!("line {line}");
                }
            }
        }
        Ok(())
    }
}

/// The memory is free again at the end, but linear memory does not shrink.
fn hoard(emitted_bytes: usize) {
    const CHUNK: usize = 1 << 16;
    const STR_16: u8 = 0xda;
    let mut hoard = Vec::new();
    loop {
        let mut chunk: Vec<u8> = Vec::new();
        if hoard.try_reserve(1).is_err() || chunk.try_reserve_exact(CHUNK).is_err() {
            break;
        }
        chunk.resize(CHUNK, 1);
        hoard.push(black_box(chunk));
    }
    drop(hoard);
    // A row with its end is not longer than its JSON, `{"n":"xxx"}` and a line feed.
    let mut left = emitted_bytes;
    while left > CHUNK {
        let length = u16::try_from(CHUNK / 2).unwrap_or_default();
        let mut row = vec![0x81, 0xa1, b'n', STR_16];
        row.extend_from_slice(&length.to_be_bytes());
        row.resize(row.len() + usize::from(length), b'x');
        let end = u32::try_from(row.len()).unwrap_or_default();
        emit(0, &row, &[end]);
        left -= row.len() + 16;
    }
}

/// Recurses with a frame that the compiler cannot turn into a loop. It is so small that the engine's stack is full before
/// the one in memory.
fn recurse(depth: u64) -> u64 {
    if depth == u64::MAX {
        return depth;
    }
    let frame = black_box([depth; 2]);
    black_box(recurse(frame[1] + 1)) + frame[0]
}

/// Emits without the SDK, which refuses invalid rows.
#[cfg(target_family = "wasm")]
fn emit(output: u32, rows: &[u8], ends: &[u32]) {
    journal_plugin_sdk::guest::bindings::swh::journal::outputs::emit(output, rows, ends);
}

#[cfg(target_family = "wasm")]
fn trap() -> ! {
    core::arch::wasm32::unreachable()
}

#[cfg(not(target_family = "wasm"))]
fn emit(_output: u32, _rows: &[u8], _ends: &[u32]) {
    unreachable!("natively it is only compiled");
}

#[cfg(not(target_family = "wasm"))]
fn trap() -> ! {
    std::process::abort()
}

journal_plugin_sdk::export!(Hostile);
