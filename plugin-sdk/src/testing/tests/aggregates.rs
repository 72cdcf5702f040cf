//! Outputs whose rows are merged.

use super::*;
use crate::Aggregate;

/// Merges the lengths of origins by their first letter, and refuses those without a letter.
#[derive(Default)]
struct Lengths;

#[derive(Deserialize)]
struct Origin<'a> {
    url: &'a str,
}

#[derive(Deserialize, Serialize, Debug, PartialEq)]
struct Length {
    letter: char,
    origins: u64,
    longest: usize,
}

impl Processor for Lengths {
    const OBJECT_TYPES: &'static [&'static str] = &["origin"];

    fn plan(&self) -> Plan {
        let lengths = Aggregate::by(["letter"]).sum("origins").max("longest");
        Plan::new(Self::OBJECT_TYPES)
            .stateless()
            .aggregate("lengths", "", lengths)
    }

    fn process(&mut self, batches: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
        batches.each(out, |record, out| {
            let url = record.decode::<Origin<'_>>()?.url;
            for letter in url.chars() {
                if !letter.is_alphabetic() {
                    reject!("`{letter}` is not a letter");
                }
                out.merge(
                    "lengths",
                    &Length {
                        letter,
                        origins: 1,
                        longest: url.len(),
                    },
                )?;
            }
            Ok(())
        })
    }
}

fn lengths(urls: &[&str]) -> Harness<Lengths> {
    let add =
        |harness: Harness<Lengths>, url: &&str| harness.record("origin", url, &json!({"url": url}));
    urls.iter().fold(Harness::new(), add)
}

fn length(letter: char, origins: u64, longest: usize) -> Length {
    Length {
        letter,
        origins,
        longest,
    }
}

#[test]
fn aggregate_has_one_row_per_key_at_each_checkpoint_for_any_split() {
    let run = lengths(&["ab", "b1", "b", "xyb", "a"])
        .checkpoint()
        .record("origin", "6", &json!({"url": "bb"}))
        .same_for_any_split(50, Rows::InOrder)
        .unwrap();
    let expected = [
        length('a', 2, 2),
        length('b', 3, 3),
        length('x', 1, 3),
        length('y', 1, 3),
        length('b', 2, 2),
    ];
    assert_eq!(run.rows_as::<Length>("lengths").unwrap(), expected);
    assert_eq!(
        run.rows("lengths")[0],
        json!({"letter": "a", "origins": 2, "longest": 2})
    );
    assert_eq!(run.rejections().len(), 1);
    assert_eq!(run.rejections()[0].reason, "`1` is not a letter");
}

#[test]
fn sum_that_leaves_64_bits_over_several_calls_fails_as_in_the_host() {
    #[derive(Default)]
    struct Large;
    impl Processor for Large {
        const OBJECT_TYPES: &'static [&'static str] = &["origin"];

        fn plan(&self) -> Plan {
            let sum = Aggregate::by([""; 0]).sum("n");
            Plan::new(Self::OBJECT_TYPES)
                .stateless()
                .aggregate("sum", "", sum)
        }

        fn process(&mut self, _: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
            Ok(out.merge("sum", &json!({"n": u64::MAX}))?)
        }
    }
    let records = || {
        let harness = Harness::<Large, _>::new().record("origin", "1", &1);
        harness.record("origin", "2", &2)
    };
    assert_eq!(
        records().run().unwrap().rows("sum"),
        [json!({"n": u64::MAX})]
    );
    let error = (0..100).find_map(|seed| records().split_at_random(seed).run().err());
    assert_eq!(
        error.unwrap().to_string(),
        "a row for the output `sum` takes the sum in the column `n` of the key [] out of the range of 64 bits"
    );
}
