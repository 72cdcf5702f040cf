//! Proposals of WebAssembly that this host refuses, and which of them a file uses.

use wasmparser::{Validator, WasmFeatures};

/// What is refused, with the words for it. No toolchain for plugins needs these, and each adds code to the compiler and to
/// the runtime that a hostile guest could reach.
pub(super) const REFUSED: [(WasmFeatures, &str); 13] = [
    (WasmFeatures::MULTI_MEMORY, "several memories in one module"),
    (WasmFeatures::MEMORY64, "64-bit memories"),
    (WasmFeatures::THREADS, "threads and shared memories"),
    (
        WasmFeatures::SHARED_EVERYTHING_THREADS,
        "shared tables and globals",
    ),
    (WasmFeatures::GC, "garbage collection"),
    (WasmFeatures::EXCEPTIONS, "exceptions"),
    (WasmFeatures::LEGACY_EXCEPTIONS, "legacy exceptions"),
    (WasmFeatures::TAIL_CALL, "tail calls"),
    (WasmFeatures::STACK_SWITCHING, "stack switching"),
    (WasmFeatures::RELAXED_SIMD, "relaxed SIMD"),
    (WasmFeatures::WIDE_ARITHMETIC, "wide arithmetic"),
    (WasmFeatures::CUSTOM_PAGE_SIZES, "custom page sizes"),
    (REFERENCES_AND_MORE, "typed function references"),
];

/// What allows typed function references: the proposal, and those that build on it.
const REFERENCES_AND_MORE: WasmFeatures = WasmFeatures::FUNCTION_REFERENCES
    .union(WasmFeatures::GC)
    .union(WasmFeatures::STACK_SWITCHING);

/// Whether a panic of wasmtime says that the module is not valid which it makes of two memories, where components with a
/// memory each pass data to each other. It has no error for this.
pub(super) fn is_joined(panic: &str) -> bool {
    panic.starts_with("invalid adapter module generated")
}

/// The refused proposals that a module or a component uses: those without which it is not valid. None if it is not valid
/// with all of them.
pub(super) fn used(bytes: &[u8]) -> Vec<String> {
    let is_valid = |features| {
        let mut validator = Validator::new_with_features(features);
        validator.validate_all(bytes).is_ok()
    };
    if !is_valid(WasmFeatures::all()) {
        return Vec::new();
    }
    let mut needed: Vec<_> = REFUSED
        .into_iter()
        .filter(|(proposal, _)| !is_valid(WasmFeatures::all().difference(*proposal)))
        .collect();
    // Without the last entry a proposal that builds on references is missing, too, and has an entry that says more.
    let says_more =
        |other: WasmFeatures| other != REFERENCES_AND_MORE && REFERENCES_AND_MORE.contains(other);
    if needed.iter().any(|(proposal, _)| says_more(*proposal)) {
        needed.retain(|(proposal, _)| *proposal != REFERENCES_AND_MORE);
    }
    needed
        .into_iter()
        .map(|(_, words)| words.to_owned())
        .collect()
}
