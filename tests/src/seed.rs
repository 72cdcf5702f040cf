//! Seeds of randomized tests.

use std::env;
use std::hash::{BuildHasher as _, RandomState};
use std::io::Write as _;

/// A random seed, or the value of `JOURNAL_TESTS_SEED`. It is printed, whether the test passes or not.
///
/// # Panics
/// When the variable is not a 32-bit number.
#[must_use]
pub fn fresh(what: &str) -> u32 {
    let given = env::var("JOURNAL_TESTS_SEED").ok().map(|seed| {
        seed.parse()
            .unwrap_or_else(|_| panic!("JOURNAL_TESTS_SEED is `{seed}`, which is no number"))
    });
    // The standard library seeds its hash tables from the system's randomness.
    #[expect(clippy::cast_possible_truncation, reason = "any 32 bits of it will do")]
    let seed = given.unwrap_or_else(|| RandomState::new().hash_one(what) as u32);
    // Not with `eprintln!`, whose output the test harness hides when the test passes.
    let _ = writeln!(
        std::io::stderr(),
        "{what}: seed {seed}; again with JOURNAL_TESTS_SEED={seed}"
    );
    seed
}
