//! Seeds of tests that draw what they try.

use std::env;
use std::hash::{BuildHasher as _, RandomState};
use std::io::Write as _;

/// A seed that no run had before, or the one that `JOURNAL_TESTS_SEED` gives; it is printed, whether the test
/// passes or not.
///
/// # Panics
/// When the variable holds no number of 32 bits.
#[must_use]
pub fn fresh(what: &str) -> u32 {
    let given = env::var("JOURNAL_TESTS_SEED").ok().map(|seed| {
        seed.parse()
            .unwrap_or_else(|_| panic!("JOURNAL_TESTS_SEED is `{seed}`, which is no number"))
    });
    // The standard library seeds its hash tables from the system's randomness.
    #[expect(clippy::cast_possible_truncation, reason = "any 32 bits of it will do")]
    let seed = given.unwrap_or_else(|| RandomState::new().hash_one(what) as u32);
    // Not by a macro, whose lines the test harness keeps to itself when the test passes.
    let _ = writeln!(
        std::io::stderr(),
        "{what}: seed {seed}; again with JOURNAL_TESTS_SEED={seed}"
    );
    seed
}
