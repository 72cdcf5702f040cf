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
    // Those that build on it allow it, too.
    (
        WasmFeatures::FUNCTION_REFERENCES
            .union(WasmFeatures::GC)
            .union(WasmFeatures::STACK_SWITCHING),
        "typed function references",
    ),
];

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
    REFUSED
        .iter()
        .filter(|(proposal, _)| !is_valid(WasmFeatures::all().difference(*proposal)))
        .map(|(_, words)| (*words).to_owned())
        .collect()
}
