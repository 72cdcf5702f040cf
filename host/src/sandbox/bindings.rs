//! The contract's types on the host's side, made from the WIT.

wasmtime::component::bindgen!({
    path: "../crates/contract/wit",
    world: "plugin",
    // A batch is lent to the guest's copy: no column is cloned on the way.
    ownership: Borrowing { duplicate_if_necessary: false },
    imports: { default: trappable },
});
