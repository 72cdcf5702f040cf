//! The limits on the resources of one store.

use wasmtime::ResourceLimiter;

/// Core instances, tables and memories of one component. Tools add some instances (adapters, shims, one for each shared
/// library of an interpreter); no known toolchain comes near a hundred.
pub(super) const INSTANCES: usize = 100;
const TABLES: usize = 100;
/// Each memory reserves 4 GiB of addresses, and the limit in bytes holds for all of them together.
const MEMORIES: usize = 8;
/// Elements of all tables together: 8 bytes each on the host. Python, the largest guest known, has about ten thousand.
const TABLE_ELEMENTS: usize = 1 << 20;
/// Memory for one element of a table, in bytes: tables have at most a 64th of the instance's memory, so that a small
/// limit bounds them, too.
const BYTES_PER_ELEMENT: usize = 64 * 8;

/// What the parts of an instance may take on the host before it counts as memory of the instance. Usual plugins take
/// some hundred kilobytes.
const FREE_BYTES: usize = 1 << 20;

/// Counts what a store allocates, and remembers whether a growth was refused.
///
/// By the WebAssembly standard a refused growth returns -1, so that a guest can handle it. Most do not: they abort
/// without a message, and [`refused`](Self::refused) distinguishes that from any other trap.
pub(super) struct Limiter {
    memory_limit: usize,
    memory: usize,
    table_elements: usize,
    last_growth: usize,
    refused: bool,
}

impl Limiter {
    pub(super) fn new(memory_limit: usize) -> Self {
        Self {
            memory_limit,
            memory: 0,
            table_elements: 0,
            last_growth: 0,
            refused: false,
        }
    }

    /// Takes what the parts of the instance need on the host, in bytes, off the limit.
    pub(super) fn reserve(&mut self, instance_bytes: usize) {
        let counted = instance_bytes.saturating_sub(FREE_BYTES);
        self.memory_limit = self.memory_limit.saturating_sub(counted);
    }

    /// Linear memory of all memories, in bytes.
    pub(super) fn memory(&self) -> usize {
        self.memory
    }

    /// Whether a growth of memory was refused since [`forget`](Self::forget).
    pub(super) fn refused(&self) -> bool {
        self.refused
    }

    pub(super) fn forget(&mut self) {
        self.refused = false;
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let growth = desired.saturating_sub(current);
        match self.memory.checked_add(growth) {
            Some(memory) if memory <= self.memory_limit => {
                self.memory = memory;
                self.last_growth = growth;
                Ok(true)
            }
            _ => {
                self.refused = true;
                self.last_growth = 0;
                Ok(false)
            }
        }
    }

    /// The system refused a growth that the limit allowed.
    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.memory = self.memory.saturating_sub(self.last_growth);
        self.last_growth = 0;
        self.refused = true;
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let elements = self
            .table_elements
            .saturating_add(desired.saturating_sub(current));
        if elements > TABLE_ELEMENTS.min(self.memory_limit / BYTES_PER_ELEMENT) {
            return Ok(false);
        }
        self.table_elements = elements;
        Ok(true)
    }

    fn instances(&self) -> usize {
        INSTANCES
    }

    fn tables(&self) -> usize {
        TABLES
    }

    fn memories(&self) -> usize {
        MEMORIES
    }
}
