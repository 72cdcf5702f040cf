//! The guide: how to write processors, a chapter for each part.
//!
//! 1. [`processors`]: what a processor is, the life of a call, state and checkpoints
//! 2. [`reading`]: batches, records, lazy objects, and what is borrowed from what
//! 3. [`objects`]: a table of all object types
//! 4. [`identifiers`]: identifiers, SWHIDs and `verify`
//! 5. [`values`]: times, persons, names
//! 6. [`writing`]: rows, outputs, options
//! 7. [`aggregates`]: sums, smallest and largest values by key
//! 8. [`failures`]: rejections, failures and the log
//! 9. [`testing`]: tests with the harness and owned objects
//! 10. [`speed`]: what costs what
//! 11. [`python`]: the names of swh.model beside the names here
//!
//! It is documentation alone, and not part of what is compiled.

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
