//! Rows in the harness are those of the host, byte by byte.

use serde::ser::SerializeMap as _;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::json;

use crate::testing::output::OutputRows;
use crate::testing::{Error, Harness};
use crate::{Batches, Bytes, Failure, NoOptions, Out, Plan, Processor};

#[derive(Deserialize)]
struct Case<'a> {
    about: String,
    #[serde(borrow)]
    row: Bytes<'a>,
    json: Option<String>,
    error: Option<String>,
}

/// The output of a plan that names none.
fn output() -> OutputRows {
    let plan = Plan::new(["origin"]).outputs();
    OutputRows::new(plan.into_iter().next().unwrap())
}

#[test]
fn odd_rows_are_what_the_host_makes_of_them() {
    // The host's sink has the same test with the same list.
    let list = include_str!("../../../../crates/rows/tests/odd_rows.json");
    let cases: Vec<Case<'_>> = serde_json::from_str(list).unwrap();
    assert!(cases.len() > 30);
    for case in cases {
        let mut output = output();
        let taken = output.take(&case.row, &[u32::try_from(case.row.len()).unwrap()]);
        let made = match taken {
            Ok(()) => Ok(output.rows[0].json.clone()),
            Err(Error::Row { reason, .. }) => Err(reason),
            Err(error) => panic!("{error}"),
        };
        assert_eq!(
            made,
            case.json.ok_or_else(|| case.error.unwrap()),
            "{}",
            case.about
        );
        if let [row] = &output.rows[..] {
            // Every line can be read back, the deepest ones included.
            assert!(row.value().is_object(), "{}", case.about);
        }
    }
}

/// A row whose key comes twice, and that has a number with all of its digits.
struct Twice;

impl Serialize for Twice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("b", &1)?;
        map.serialize_entry("a", &(0.1 + 0.2))?;
        map.serialize_entry("b", &2)?;
        map.end()
    }
}

#[derive(Default)]
struct Emitter;

impl Processor<NoOptions> for Emitter {
    const OBJECT_TYPES: &'static [&'static str] = &["origin"];

    fn process(&mut self, _: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
        Ok(out.emit(&Twice)?)
    }
}

#[test]
fn lines_have_both_values_of_a_key_that_comes_twice_and_rows_the_last() {
    let run = Harness::<Emitter, _>::new().record("origin", "", &json!({}));
    let run = run.run().unwrap();
    assert_eq!(
        run.lines("rows"),
        [r#"{"b":1,"a":0.30000000000000004,"b":2}"#]
    );
    assert_eq!(run.rows("rows"), [json!({"a": 0.1 + 0.2, "b": 2})]);
}
