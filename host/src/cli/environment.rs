//! The parts of the system that tests replace.

use std::sync::Arc;

use crate::sink::files::{Files, SystemFiles};

/// The parts of the system that a run is given.
#[derive(Clone, Debug)]
pub struct Environment {
    /// Performs the durable operations on files.
    pub files: Arc<dyn Files>,
    /// Called once the process of a run is confined.
    pub confined: fn(),
}

impl Default for Environment {
    fn default() -> Self {
        Self {
            files: Arc::new(SystemFiles),
            confined: || {},
        }
    }
}
