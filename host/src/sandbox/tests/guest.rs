//! Guests in WebAssembly's text format: a well-behaved skeleton, and bodies that are not.
//!
//! The skeleton's `cabi_realloc` allocates from a growing end, aborts when it cannot grow, and starts from the
//! beginning again after a call's results were read. A body returns a result by calling `$ok` or `$fail`.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use journal_contract::WIT;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::journal::batch::{Batches, Columns, RecordRef, Topic};
use crate::journal::plan::Plan;
use crate::sandbox::{CallError, Compiler, Engine, Limits, LoadError, Plugin, Processor};

/// Limits for a small guest.
pub(super) const LIMITS: Limits = Limits {
    deadline: std::time::Duration::from_secs(20),
    wall: std::time::Duration::from_secs(80),
    memory_bytes: 4 << 20,
    emit_bytes: 4 << 20,
};

/// The parts of a guest that a test may replace.
pub(super) struct Guest {
    pub(super) describe_answer: String,
    pub(super) plan: String,
    /// Code that runs before the answers and in the calls, in WAT; `$at` and `$len` are the address and length of the
    /// batches.
    pub(super) describe: &'static str,
    pub(super) start: &'static str,
    pub(super) process: &'static str,
    pub(super) checkpoint: &'static str,
    /// Code that runs where the host asks for memory, which it does while it passes arguments.
    pub(super) realloc: &'static str,
    /// More of the module.
    pub(super) extra: &'static str,
    pub(super) memory_pages: u32,
    pub(super) wit: String,
    pub(super) types: bool,
    /// The contract's version in the names of core code.
    pub(super) version: &'static str,
}

impl Default for Guest {
    fn default() -> Self {
        Self {
            describe_answer: r#"{"name": "guest", "version": "1"}"#.to_owned(),
            plan: r#"{"object-types": "any"}"#.to_owned(),
            describe: "",
            start: "",
            process: "",
            checkpoint: "",
            realloc: "",
            extra: "",
            memory_pages: 2,
            wit: WIT.to_owned(),
            types: true,
            version: journal_contract::VERSION,
        }
    }
}

/// The contract in another version.
pub(super) fn wit_of_version(version: &str) -> String {
    WIT.replace("@0.1.0", &format!("@{version}"))
}

/// The contract with one more import in the world, of `wasi:cli`.
pub(super) fn wit_with_environment() -> String {
    let world = WIT.replace(
        "  import log;",
        "  import log;\n  import wasi:cli/environment@0.2.0;",
    );
    world + "\npackage wasi:cli@0.2.0 { interface environment { count: func() -> u32; } }\n"
}

/// The contract with one more export in the world.
pub(super) fn wit_with_more_exports() -> String {
    WIT.replace(
        "  export processor;",
        "  export processor;\n  export init: func();",
    )
}

const RETURN: &str = "
  ;; result: ok, with a list or a string
  (func $ok (param $at i32) (param $len i32) (result i32)
    (i32.store (i32.const 16) (i32.const 0))
    (i32.store (i32.const 20) (local.get $at))
    (i32.store (i32.const 24) (local.get $len))
    (i32.const 16))
  ;; result: err, with a failure
  (func $fail (param $retry i32) (param $at i32) (param $len i32) (result i32)
    (i32.store (i32.const 16) (i32.const 1))
    (i32.store (i32.const 20) (i32.eqz (local.get $retry)))
    (i32.store (i32.const 24) (local.get $at))
    (i32.store (i32.const 28) (local.get $len))
    (i32.const 16))
  (func (export \"cabi_realloc\") (param $old i32) (param $old_size i32) (param $align i32) (param $size i32)
    (result i32)
    (local $at i32)
    ;; CODE
    (local.set $at (i32.and
      (i32.sub (i32.add (global.get $heap) (local.get $align)) (i32.const 1))
      (i32.sub (i32.const 0) (local.get $align))))
    (global.set $heap (i32.add (local.get $at) (local.get $size)))
    (block $fits (loop $grow
      (br_if $fits (i32.le_u (global.get $heap) (i32.mul (memory.size) (i32.const 65536))))
      (br_if $grow (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))
      unreachable))
    (local.get $at))
";

impl Guest {
    fn wat(&self) -> String {
        let interface = format!("swh:journal/processor@{}", self.version);
        let (log, outputs) = (
            format!("swh:journal/log@{}", self.version),
            format!("swh:journal/outputs@{}", self.version),
        );
        let (pages, functions) = (self.memory_pages, RETURN.replace(";; CODE", self.realloc));
        let mut wat = format!(
            r#"(module
  (import "{log}" "log" (func $log (param i32 i32 i32)))
  (import "{log}" "panicked" (func $panicked (param i32 i32 i32 i32)))
  (import "{outputs}" "emit" (func $emit (param i32 i32 i32 i32 i32)))
  {extra}
  (memory (export "memory") {pages})
  (global $heap (mut i32) (i32.const 65536))
  {functions}
  (func (export "{interface}#describe") (result i32)
    {describe}
    (i32.store (i32.const 16) (i32.const 1024))
    (i32.store (i32.const 20) (i32.const {describe_bytes}))
    (i32.const 16))
  (func (export "{interface}#start") (param $at i32) (param $len i32) (result i32)
    {start}
    (call $ok (i32.const 32768) (i32.const {plan_bytes})))
  (func $process (export "{interface}#process") (param $at i32) (param $len i32) (result i32)
    {process}
    (call $ok (i32.const 8) (i32.const 0)))
  (func (export "{interface}#checkpoint") (result i32)
    {checkpoint}
    (call $ok (i32.const 8) (i32.const 0)))
  (data (i32.const 1024) "{describe_data}")
  (data (i32.const 32768) "{plan_data}")
"#,
            extra = self.extra,
            describe = self.describe,
            start = self.start,
            process = self.process,
            checkpoint = self.checkpoint,
            describe_bytes = self.describe_answer.len(),
            plan_bytes = self.plan.len(),
            describe_data = escaped(&self.describe_answer),
            plan_data = escaped(&self.plan),
        );
        for name in ["describe", "start", "process", "checkpoint"] {
            let free = "(global.set $heap (i32.const 65536))";
            writeln!(
                wat,
                r#"  (func (export "cabi_post_{interface}#{name}") (param i32) {free})"#
            )
            .unwrap();
        }
        wat + ")"
    }

    /// The core module, with an embedded component type unless that was removed.
    pub(super) fn module(&self) -> Vec<u8> {
        let mut module = wat::parse_str(self.wat()).unwrap();
        if self.types {
            let mut resolve = Resolve::default();
            let package = resolve.push_source("journal.wit", &self.wit).unwrap();
            let world = resolve.select_world(&[package], Some("plugin")).unwrap();
            embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
        }
        module
    }

    /// The same as a component.
    pub(super) fn component(&self) -> Vec<u8> {
        let mut encoder = ComponentEncoder::default().module(&self.module()).unwrap();
        encoder.encode().unwrap()
    }

    pub(super) fn load(&self, limits: Limits) -> Result<Plugin, LoadError> {
        load(&self.module(), limits)
    }

    /// A started processor.
    pub(super) fn started(&self, limits: Limits) -> (Processor, Plan) {
        let plugin = self.load(limits).unwrap();
        Processor::start(&plugin, "{}", limits).unwrap()
    }

    /// Its memory is above the limit from the beginning.
    pub(super) fn assert_describing_takes_too_much_memory(&self) {
        let error = self.load(LIMITS).err().unwrap();
        assert!(
            matches!(
                error,
                LoadError::Describe {
                    source: CallError::Memory { .. },
                    ..
                }
            ),
            "{error:?}"
        );
    }
}

fn escaped(data: &str) -> String {
    data.bytes().fold(String::new(), |mut text, byte| {
        write!(text, "\\{byte:02x}").unwrap();
        text
    })
}

/// Loads the bytes from a file of their own, without a cache.
pub(super) fn load(bytes: &[u8], limits: Limits) -> Result<Plugin, LoadError> {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("guest.wasm");
    std::fs::write(&path, bytes).unwrap();
    Plugin::load_with(&Engine::new(Compiler::Here).unwrap(), &path, limits, None)
}

/// A batch of records with these values.
pub(super) fn batches(values: &[&[u8]]) -> Batches {
    let topic = Arc::new(Topic {
        name: "p.revision".to_owned(),
        object_type: "revision".to_owned(),
        privileged: false,
    });
    let mut batches = Batches::new(Columns::ALL);
    for (offset, value) in (0..).zip(values) {
        let record = RecordRef {
            partition: 0,
            offset,
            timestamp_ms: -1,
            key: b"k",
            value,
        };
        batches.push(&topic, record).unwrap();
    }
    batches
}
