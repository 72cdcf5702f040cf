//! What upstream's packages are asked for has to be what we say that it is.

use std::collections::BTreeSet;
use std::fs;

use journal_tests::{cases, oracle, paths, run};

#[test]
fn corpus_of_old_messages_is_what_upstream_makes_of_it() {
    let made = oracle::old_messages(&run::folder("old-messages"));
    let [made, kept] =
        [&made, &paths::old_messages()].map(|path| fs::read(path).expect("is there"));
    assert!(
        made == kept,
        "run tests/oracle/old_messages.py for {} again, and look at what changed",
        paths::old_messages().display()
    );
}

#[test]
fn every_old_message_has_a_name_of_its_own() {
    let cases = cases::read(&paths::old_messages());
    let names: BTreeSet<_> = cases.iter().filter_map(|case| case.name.as_ref()).collect();
    assert_eq!(names.len(), cases.len());
    assert!(cases.iter().any(|case| case.normal.is_none()));
}

#[test]
fn same_seed_draws_the_same_objects() {
    let folder = run::folder("drawn");
    let [once, again, other] = [1, 1, 2].map(|seed| {
        let cases = oracle::drawn_objects(&folder, seed, 5).into_iter();
        cases.map(|case| (case.key, case.value)).collect::<Vec<_>>()
    });
    assert!(once == again && once != other);
}
