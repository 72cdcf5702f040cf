//! For random values, the SDK returns an object or an error, and never panics.

use std::time::{Duration, Instant};

use journal_tests::{fuzz, seed};

const TIME: Duration = Duration::from_secs(10);

#[test]
fn mutated_values_are_objects_or_errors() {
    let start = Instant::now();
    let seed = seed::fresh("fuzzer");
    let mut fuzzer = fuzz::Fuzzer::new(seed, fuzz::initial_inputs());
    let first = fuzzer.corpus().len();
    while start.elapsed() < TIME {
        (0..1000).for_each(|_| fuzzer.step());
    }
    assert!(
        fuzzer.corpus().len() > first,
        "seed {seed} finds no new outcome"
    );
}
