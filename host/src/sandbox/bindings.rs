//! The contract's types on the host's side, generated from the WIT.

wasmtime::component::bindgen!({
    path: "../crates/contract/wit",
    world: "plugin",
    // A batch is borrowed while it is copied into the guest: no column is cloned.
    ownership: Borrowing { duplicate_if_necessary: false },
    imports: { default: trappable },
});
