//! Values that nobody wrote: the SDK answers with an object or an error, and never panics.

use std::time::{Duration, Instant};

use journal_tests::{fuzz, seed};

const TIME: Duration = Duration::from_secs(10);

#[test]
fn bent_values_are_objects_or_errors() {
    let begun = Instant::now();
    let seed = seed::fresh("fuzzer");
    let mut fuzzer = fuzz::Fuzzer::new(seed, fuzz::beginnings());
    let first = fuzzer.corpus().len();
    while begun.elapsed() < TIME {
        (0..1000).for_each(|_| fuzzer.step());
    }
    assert!(fuzzer.corpus().len() > first, "seed {seed} bends nothing");
}
