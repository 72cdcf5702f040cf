//! A process whose memory is too small for its parts.

use super::Explain;
use crate::cli::names::Names;
use crate::config::Setting;
use crate::config::memory::{TooLittle, Workers};
use crate::text::RoundedUp;

impl Explain for TooLittle {
    fn sentence(&self, names: Names<'_>) -> String {
        format!(
            "{} of {} is too little for {}: {}",
            names.of(Setting::ProcessMemory),
            RoundedUp(self.process),
            Workers(self.workers),
            self.needed()
        )
    }

    fn hint(&self, _names: Names<'_>) -> Option<String> {
        let mut ways = vec![format!("set it to at least {}", self.enough())];
        let fitting = self.fitting();
        if fitting.0 > 0 {
            ways.push(format!("take {fitting} at the most"));
        }
        if self.given {
            ways.push("lower the limits of parts that are given".to_owned());
        }
        Some(ways.join(", or "))
    }

    fn is_wrong_use(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Origins;
    use crate::config::memory::{MemoryPlan, MemoryRequest};

    #[test]
    fn ways_out_are_those_that_there_are() {
        let hint = |process: usize, guest: Option<usize>| {
            let request = MemoryRequest {
                process: process << 20,
                workers: 4,
                records: 1000,
                guest,
                ..MemoryRequest::default()
            };
            let error = MemoryPlan::within(&request).unwrap_err();
            error.hint(Names(&Origins::default())).unwrap()
        };
        let some = hint(100, None);
        assert!(some.starts_with("set it to at least "), "{some}");
        assert!(some.ends_with(", or take 1 worker at the most"), "{some}");
        let none = hint(1, None);
        assert!(!none.contains("at the most"), "{none}");
        let given = hint(512, Some(512 << 20));
        assert!(
            given.ends_with("or lower the limits of parts that are given"),
            "{given}"
        );
    }
}
