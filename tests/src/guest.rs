//! Plugins in WebAssembly's text format that behave well but for the parts that a case replaces.

use std::fmt::Write as _;

use journal_contract::WIT;
use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// The address of the text that `describe` returns, and that of the plan.
const DESCRIPTION_AT: u32 = 1 << 20;
const PLAN_AT: u32 = 4 << 20;
/// The first address of what `cabi_realloc` gives out.
const HEAP_AT: u32 = 8 << 20;
/// The size of the memory, in pages of 64 KiB.
const PAGES: u32 = 9 << 4;

/// The parts of a plugin. Code is WAT; `$at` and `$len` are the address and the number of the batches.
#[derive(Clone, Debug)]
pub struct Guest {
    /// What `describe` returns.
    pub description: Vec<u8>,
    /// What `start` returns.
    pub plan: Vec<u8>,
    /// Code of `describe`.
    pub describe: String,
    /// Code of `start`.
    pub start: String,
    /// Code of `process`.
    pub process: String,
    /// Code of `checkpoint`.
    pub checkpoint: String,
    /// Code of `cabi_realloc`.
    pub realloc: String,
    /// More items of the module.
    pub extra: String,
    /// The contract.
    pub wit: String,
}

impl Default for Guest {
    fn default() -> Self {
        Self {
            description: br#"{"name": "guest", "version": "1"}"#.to_vec(),
            plan: br#"{"object-types": "any"}"#.to_vec(),
            describe: String::new(),
            start: String::new(),
            process: String::new(),
            checkpoint: String::new(),
            realloc: String::new(),
            extra: String::new(),
            wit: WIT.to_owned(),
        }
    }
}

/// A plugin that describes itself so.
///
/// # Panics
/// When the text is no plugin.
#[must_use]
pub fn described(description: impl Into<Vec<u8>>) -> Vec<u8> {
    let description = description.into();
    Guest {
        description,
        ..Guest::default()
    }
    .module()
}

/// A plugin with this plan.
///
/// # Panics
/// When the text is no plugin.
#[must_use]
pub fn planned(plan: impl Into<Vec<u8>>) -> Vec<u8> {
    let plan = plan.into();
    Guest {
        plan,
        ..Guest::default()
    }
    .module()
}

/// A plugin whose `process` does this.
///
/// # Panics
/// When the text is no plugin.
#[must_use]
pub fn processing(process: &str) -> Vec<u8> {
    Guest {
        process: process.to_owned(),
        ..Guest::default()
    }
    .module()
}

/// A plugin with an aggregate output `sums`, with the key `k` and the columns `n`, a sum, and `m`, a maximum.
///
/// # Panics
/// When the text is no plugin.
#[must_use]
pub fn aggregating(process: &str) -> Vec<u8> {
    let plan = r#"{"object-types": "any", "outputs": [{"name": "sums", "kind": "aggregate", "key": ["k"],
        "columns": [{"name": "n", "merge": "sum"}, {"name": "m", "merge": "max"}]}]}"#;
    Guest {
        plan: plan.into(),
        process: process.to_owned(),
        ..Guest::default()
    }
    .module()
}

/// Code that emits these rows to output 0.
#[must_use]
pub fn emit(rows: &[&[u8]]) -> String {
    let mut code = String::new();
    let (mut at, mut ends) = (2048, String::new());
    for (index, row) in rows.iter().enumerate() {
        for byte in *row {
            let _ = write!(code, "(i32.store8 (i32.const {at}) (i32.const {byte}))");
            at += 1;
        }
        let end = at - 2048;
        let index = 512 + 4 * index;
        let _ = write!(ends, "(i32.store (i32.const {index}) (i32.const {end}))");
    }
    let (bytes, count) = (at - 2048, rows.len());
    code + &ends
        + &format!(
            "(call $emit (i32.const 0) (i32.const 2048) (i32.const {bytes}) (i32.const 512) (i32.const {count}))"
        )
}

impl Guest {
    /// The text of the core module.
    #[must_use]
    pub fn wat(&self) -> String {
        let interface = "swh:journal/processor@0.1.0";
        let (described, planned) = (self.description.len(), self.plan.len());
        let mut wat = format!(
            r#"(module
  (import "swh:journal/log@0.1.0" "log" (func $log (param i32 i32 i32)))
  (import "swh:journal/log@0.1.0" "panicked" (func $panicked (param i32 i32 i32 i32)))
  (import "swh:journal/outputs@0.1.0" "emit" (func $emit (param i32 i32 i32 i32 i32)))
  (import "swh:journal/outputs@0.1.0" "savepoint" (func $savepoint))
  (import "swh:journal/outputs@0.1.0" "rollback" (func $rollback))
  {extra}
  (memory (export "memory") {PAGES})
  (global $heap (mut i32) (i32.const {HEAP_AT}))
  ;; result: ok, with a list or a string
  (func $ok (param $at i32) (param $len i32) (result i32)
    (i32.store (i32.const 16) (i32.const 0))
    (i32.store (i32.const 20) (local.get $at))
    (i32.store (i32.const 24) (local.get $len))
    (i32.const 16))
  ;; result: err, with a fatal failure
  (func $fail (param $at i32) (param $len i32) (result i32)
    (i32.store (i32.const 16) (i32.const 1))
    (i32.store (i32.const 20) (i32.const 1))
    (i32.store (i32.const 24) (local.get $at))
    (i32.store (i32.const 28) (local.get $len))
    (i32.const 16))
  (func (export "cabi_realloc") (param $old i32) (param $old_size i32) (param $align i32) (param $size i32)
    (result i32)
    (local $at i32)
    {realloc}
    (local.set $at (i32.and
      (i32.sub (i32.add (global.get $heap) (local.get $align)) (i32.const 1))
      (i32.sub (i32.const 0) (local.get $align))))
    (global.set $heap (i32.add (local.get $at) (local.get $size)))
    (local.get $at))
  (func (export "{interface}#describe") (result i32)
    {describe}
    (i32.store (i32.const 16) (i32.const {DESCRIPTION_AT}))
    (i32.store (i32.const 20) (i32.const {described}))
    (i32.const 16))
  (func (export "{interface}#start") (param $at i32) (param $len i32) (result i32)
    {start}
    (call $ok (i32.const {PLAN_AT}) (i32.const {planned})))
  (func $process (export "{interface}#process") (param $at i32) (param $len i32) (result i32)
    (local $i i32) (local $n i32)
    {process}
    (call $ok (i32.const 8) (i32.const 0)))
  (func (export "{interface}#checkpoint") (result i32)
    {checkpoint}
    (call $ok (i32.const 8) (i32.const 0)))
  (data (i32.const {DESCRIPTION_AT}) "{description}")
  (data (i32.const {PLAN_AT}) "{plan}")
"#,
            extra = self.extra,
            realloc = self.realloc,
            describe = self.describe,
            start = self.start,
            process = self.process,
            checkpoint = self.checkpoint,
            description = escaped(&self.description),
            plan = escaped(&self.plan),
        );
        for name in ["describe", "start", "process", "checkpoint"] {
            let free = format!("(global.set $heap (i32.const {HEAP_AT}))");
            let _ = writeln!(
                wat,
                r#"  (func (export "cabi_post_{interface}#{name}") (param i32) {free})"#
            );
        }
        wat + ")"
    }

    /// The core module with the types of the contract.
    ///
    /// # Panics
    /// When the text is no module.
    #[must_use]
    pub fn module(&self) -> Vec<u8> {
        with_types(&self.wat(), &self.wit)
    }
}

/// A core module with the types of a world `plugin`.
///
/// # Panics
/// When the text is no module, or the types are no world.
#[must_use]
pub fn with_types(wat: &str, wit: &str) -> Vec<u8> {
    let mut module = wat::parse_str(wat).unwrap_or_else(|error| panic!("{error}"));
    let mut resolve = Resolve::default();
    let package = resolve.push_source("journal.wit", wit).expect("it is WIT");
    let world = resolve
        .select_world(&[package], Some("plugin"))
        .expect("it has the world");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)
        .expect("the types can be embedded");
    module
}

fn escaped(data: &[u8]) -> String {
    data.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "\\{byte:02x}");
        text
    })
}
