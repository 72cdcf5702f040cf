//! Encoded rows, and counts of rows and bytes, with what a call adds to them until it has returned.

/// glibc maps whatever is larger than 32 MiB from the system and gives it back whole when it is freed. A smaller
/// buffer comes from the heap, where other allocations may split it before it is asked for again.
pub(super) const MAPPED_BYTES: usize = 33 << 20;

/// Rows or bytes of an output since the last checkpoint.
#[derive(Clone, Copy, Default)]
pub(super) struct Count {
    /// Of calls that returned well.
    pub(super) held: u64,
    /// Of the call at work.
    pub(super) emitted: u64,
    /// Those that the call had emitted at its savepoint.
    before_savepoint: u64,
}

impl Count {
    pub(super) fn end_call(&mut self) {
        self.held += self.emitted;
        self.rollback_call();
    }

    pub(super) fn rollback_call(&mut self) {
        self.emitted = 0;
        self.before_savepoint = 0;
    }

    pub(super) fn savepoint(&mut self) {
        self.before_savepoint = self.emitted;
    }

    pub(super) fn rollback_to_savepoint(&mut self) {
        self.emitted = self.before_savepoint;
    }
}

/// Encoded rows of one or more outputs, in the order in which they were emitted.
#[derive(Debug, Default)]
pub struct Stream {
    pub(super) bytes: Vec<u8>,
    /// The end of the rows of calls that returned well.
    pub(super) held: usize,
    /// The end of the rows before the savepoint of the call at work.
    pub(super) before_savepoint: usize,
}

impl Stream {
    /// Rows as if they were held.
    #[cfg(test)]
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self {
            bytes: bytes.to_vec(),
            held: bytes.len(),
            before_savepoint: bytes.len(),
        }
    }

    /// The encoded rows, end to end.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn emitted_bytes(&self) -> usize {
        self.bytes.len() - self.held
    }

    pub(super) fn end_call(&mut self) {
        self.held = self.bytes.len();
        self.before_savepoint = self.held;
    }

    pub(super) fn rollback_call(&mut self) {
        self.bytes.truncate(self.held);
        self.before_savepoint = self.held;
    }
}

impl Stream {
    pub(super) fn reserve(&mut self, most_bytes: Option<usize>) {
        if let (0, Some(most)) = (self.bytes.capacity(), most_bytes) {
            self.bytes.reserve_exact(most.max(MAPPED_BYTES));
        }
    }
}
