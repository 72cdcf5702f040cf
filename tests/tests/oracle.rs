//! What upstream's packages are asked for has to be what we say that it is.

use journal_tests::{oracle, run};

#[test]
fn same_seed_draws_the_same_objects() {
    let folder = run::folder("drawn");
    let [once, again, other] = [1, 1, 2].map(|seed| {
        let cases = oracle::drawn_objects(&folder, seed, 5).into_iter();
        cases.map(|case| (case.key, case.value)).collect::<Vec<_>>()
    });
    assert!(once == again && once != other);
}
