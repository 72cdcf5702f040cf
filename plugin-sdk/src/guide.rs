//! The guide: how to write processors.
//!
//! 1. [`processors`]: the order of the calls, state and checkpoints
//! 2. [`reading`]: batches, records, lazy objects, lifetimes
//! 3. [`objects`]: a table of all object types
//! 4. [`identifiers`]: identifiers, SWHIDs and `verify`
//! 5. [`values`]: times, persons, names
//! 6. [`writing`]: rows, outputs, options
//! 7. [`aggregates`]: sums, minima, maxima and latest values by key
//! 8. [`failures`]: rejections, failures and the log
//! 9. [`testing`]: tests with the harness and owned objects
//! 10. [`speed`]: how to make a processor fast
//! 11. [`python`]: the names of swh.model and their equivalents here
//!
//! The guide is not part of the compiled crate.

macro_rules! chapters {
    ($($chapter:ident $file:literal;)*) => {
        $( #[doc = include_str!($file)] pub mod $chapter {} )*
    };
}

chapters! {
    processors "guide/processors.md";
    reading "guide/reading.md";
    objects "guide/objects.md";
    identifiers "guide/identifiers.md";
    values "guide/values.md";
    writing "guide/writing.md";
    aggregates "guide/aggregates.md";
    failures "guide/failures.md";
    testing "guide/testing.md";
    speed "guide/speed.md";
    python "guide/python.md";
}
