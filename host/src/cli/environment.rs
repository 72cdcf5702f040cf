//! What a process stands on outside of itself, for tests to replace.

use std::sync::Arc;

use crate::sink::files::{Files, SystemFiles};

/// The parts of the system that a run is given.
#[derive(Clone, Debug)]
pub struct Environment {
    /// Takes the durable steps of files.
    pub files: Arc<dyn Files>,
}

impl Default for Environment {
    fn default() -> Self {
        Self {
            files: Arc::new(SystemFiles),
        }
    }
}
