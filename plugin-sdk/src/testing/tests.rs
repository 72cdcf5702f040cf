mod aggregates;
mod ignored;
#[cfg(feature = "recordings")]
mod recordings;
mod rows;
mod upserts;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::*;
use crate::{ANY, Batches, Bytes, Column, Failure, NoOptions, Out, Plan, Processor, reject};

/// Emits the metadata of each record, and rejects values that are not maps.
#[derive(Default)]
struct Echo;

impl Processor for Echo {
    const OBJECT_TYPES: &'static [&'static str] = ANY;

    fn plan(&self) -> Plan {
        Plan::new(ANY).tombstones().stateless()
    }

    fn process(&mut self, batches: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
        crate::info!("{} records", batches.records());
        batches.each(out, |record, out| {
            out.emit(&json!({
                "type": record.object_type(),
                "key": String::from_utf8_lossy(record.key()),
                "offset": record.offset(),
                "privileged": record.privileged(),
            }))?;
            if !record.is_tombstone() {
                record.decode::<serde_json::Map<String, Value>>()?;
            }
            Ok(())
        })
    }
}

fn echo() -> Harness<Echo> {
    Harness::new()
}

#[test]
fn run_has_rows_rejections_and_log() {
    let run = echo()
        .record("origin", "a", &json!({}))
        .record("origin", "b", &json!([1]))
        .tombstone("snapshot", "c")
        .run()
        .unwrap();
    let row = |object_type, key, offset| json!({"type": object_type, "key": key, "offset": offset, "privileged": false});
    assert_eq!(
        run.rows("rows"),
        [row("origin", "a", 0), row("snapshot", "c", 0)]
    );
    let rejected = &run.rejections()[0];
    assert_eq!(
        (&*rejected.object_type, &*rejected.key, rejected.offset),
        ("origin", &b"b"[..], 1)
    );
    assert!(
        rejected.reason.starts_with("the value cannot be decoded: "),
        "{}",
        rejected.reason
    );
    let line = LogLine {
        level: Level::Info,
        message: "3 records".to_owned(),
    };
    assert_eq!((run.log(), run.process_calls()), (&[line][..], 1));
}

#[test]
fn rows_can_be_decoded() {
    #[derive(Deserialize, PartialEq, Debug)]
    struct Row {
        offset: u64,
    }
    let run = echo().record("origin", "a", &json!({})).run().unwrap();
    assert_eq!(run.rows_as::<Row>("rows").unwrap(), [Row { offset: 0 }]);
    assert!(matches!(
        run.rows_as::<u8>("rows"),
        Err(Error::Decode { .. })
    ));
}

#[test]
fn calls_are_cut_by_records_and_bytes_as_the_host_does() {
    let small = (0..2500).fold(echo(), |harness, _| {
        harness.record("origin", "", &json!({}))
    });
    assert_eq!(small.run().unwrap().process_calls(), 3);
    let text = "x".repeat(700_000);
    let large = echo().record("origin", "", &json!({ "text": text }));
    let large = large.record("origin", "", &json!({ "text": text }));
    assert_eq!(large.run().unwrap().process_calls(), 2);
    let larger = echo().record("origin", "", &json!({ "text": text.repeat(2) }));
    assert_eq!(larger.run().unwrap().process_calls(), 1);
}

#[test]
fn random_splits_are_repeatable_and_different() {
    let calls = |seed| {
        let harness = (0..200).fold(echo(), |harness, _| harness.tombstone("origin", ""));
        harness.split_at_random(seed).run().unwrap().process_calls()
    };
    assert_eq!(calls(1), calls(1));
    let all: std::collections::BTreeSet<_> = (0..20).map(calls).collect();
    assert!(all.len() > 3, "{all:?}");
}

/// Emits the number of calls at each checkpoint, which depends on the split and should not.
#[derive(Default)]
struct Calls(u32);

impl Processor for Calls {
    const OBJECT_TYPES: &'static [&'static str] = &["origin"];

    fn process(&mut self, _: &Batches<'_>, _: &mut Out) -> Result<(), Failure> {
        self.0 += 1;
        Ok(())
    }

    fn checkpoint(&mut self, out: &mut Out) -> Result<(), Failure> {
        out.emit(&json!({"calls": std::mem::take(&mut self.0)}))?;
        Ok(())
    }
}

#[test]
fn result_that_depends_on_the_split_is_found() {
    let harness = Harness::<Calls, _>::new();
    let harness = (0..9).fold(harness, |harness, _| {
        harness.record("origin", "", &json!({}))
    });
    let error = harness
        .same_for_any_split(10, Rows::InAnyOrder)
        .unwrap_err();
    let Error::DependsOnSplit { part, missing, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(part, "the rows of the output `rows`");
    assert_eq!(missing, [r#"{"calls":1}"#]);
}

#[test]
fn checkpoints_are_made_where_asked_and_at_the_end() {
    let run = Harness::<Calls, _>::new()
        .record("origin", "", &json!({}))
        .checkpoint()
        .record("origin", "", &json!({}))
        .run()
        .unwrap();
    assert_eq!(run.rows("rows"), [json!({"calls": 1}), json!({"calls": 1})]);
}

/// Declares that it is stateless, and holds a count.
#[derive(Default)]
struct Liar(u64);

impl Processor for Liar {
    const OBJECT_TYPES: &'static [&'static str] = &["origin"];

    fn plan(&self) -> Plan {
        Plan::new(Self::OBJECT_TYPES).stateless()
    }

    fn process(&mut self, batches: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
        batches.each(out, |_, out| {
            self.0 += 1;
            out.emit(&json!({"number": self.0}))
        })
    }
}

#[test]
fn processor_that_holds_state_and_denies_it_is_found() {
    let harness = Harness::<Liar, _>::new();
    let harness = (0..9).fold(harness, |harness, _| {
        harness.record("origin", "", &json!({}))
    });
    let error = harness.same_for_any_split(10, Rows::InOrder).unwrap_err();
    assert!(matches!(error, Error::DependsOnSplit { .. }), "{error}");
}

#[test]
fn error_of_a_test_is_printed_as_a_sentence_with_its_cause() {
    let error = Error::NotInPlan {
        object_type: "origin".to_owned(),
    };
    assert_eq!(
        format!("{error:?}"),
        "the plan does not ask for the object type `origin`"
    );
    #[cfg(feature = "recordings")]
    {
        let missing = Harness::<Liar, _>::new().recording("missing.journal.zst");
        let text = format!("{:?}", missing.run().unwrap_err());
        assert!(
            text.starts_with("the recording `missing.journal.zst` cannot be read: "),
            "{text}"
        );
    }
}

/// Does what its option asks for.
#[derive(Default)]
struct Told(String);

#[derive(Deserialize, JsonSchema)]
struct ToldOptions {
    what: String,
}

impl Processor<ToldOptions> for Told {
    const OBJECT_TYPES: &'static [&'static str] = &["origin"];

    fn start(options: ToldOptions) -> Result<Self, Failure> {
        if options.what == "refuse" {
            return Err(Failure::fatal("told to refuse"));
        }
        Ok(Self(options.what))
    }

    fn plan(&self) -> Plan {
        Plan::new(Self::OBJECT_TYPES).columns([Column::Values])
    }

    fn process(&mut self, batches: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
        match self.0.as_str() {
            "nan" => Ok(out.emit(&std::collections::BTreeMap::from([("x", f64::NAN)]))?),
            "key" => Ok(out.emit(&std::collections::BTreeMap::from([(1, 1)]))?),
            "longer" => Ok(out.emit(&Longer)?),
            "elsewhere" => Ok(out.emit_to("elsewhere", &json!({}))?),
            "fail" => Err(Failure::retry("told to fail")),
            "log and fail" => {
                crate::warn!("about to fail");
                Err(Failure::fatal("told to fail"))
            }
            "column" => batches.each(out, |record, _| {
                let _ = record.offset();
                Ok(())
            }),
            _ => Ok(()),
        }
    }
}

/// A map with more entries than it announces.
struct Longer;

impl Serialize for Longer {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry("a", &1)?;
        map.serialize_entry("b", &2)?;
        map.end()
    }
}

#[track_caller]
fn check_told(what: &str, expected: &str) {
    let harness = Harness::<Told, _>::new().options(json!({ "what": what }));
    let error = harness.record("origin", "", &json!({})).run().unwrap_err();
    let error = error.to_string();
    let without_line = error
        .split_once(" (at ")
        .map_or(&*error, |(before, _)| before);
    assert_eq!(without_line, expected);
}

#[test]
fn harness_fails_where_the_host_stops() {
    check_told("refuse", "`start` failed: told to refuse");
    check_told("fail", "`process` call 1 failed: told to fail");
    check_told(
        "nan",
        "a row for the output `rows` has the number NaN, which JSON lacks, in the field `x`",
    );
    check_told(
        "key",
        "a row for the output `rows` has a key that is not a text",
    );
    check_told(
        "longer",
        "a row for the output `rows` goes on after the end of its map",
    );
    check_told(
        "elsewhere",
        "`process` call 1 failed: the plan does not declare the output `elsewhere`: it declares `rows`",
    );
    check_told(
        "column",
        "`process` call 1 panicked: the column `offsets` was not asked for: name it in the plan's \
         columns",
    );
}

#[test]
fn log_of_a_run_that_fails_is_printed() {
    let harness = Harness::<Told, _>::new().options(json!({"what": "log and fail"}));
    let harness = harness.record("origin", "", &json!({}));
    let (result, printed) = crate::log::capture(|| harness.run());
    assert!(result.is_err());
    assert_eq!(printed, [(Level::Warn, "about to fail".to_owned())]);
}

#[test]
fn options_are_checked_against_their_description() {
    let told = |options| {
        Harness::<Told, _>::new()
            .options(options)
            .run()
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        told(json!({"what": "", "wat": 1})),
        "the plugin has no option `wat`; the plugin's options are\n  `what` (string, required)"
    );
    assert_eq!(
        told(json!({})),
        "the option `what` is missing; the plugin's options are\n  `what` (string, required)"
    );
    assert_eq!(
        told(json!({"what": 1})),
        "the option `what` breaks a rule of the plugin: 1 is not of type \"string\"; the plugin takes `what` \
         (string, required)"
    );
    assert!(told(json!([])).starts_with("the options are not a JSON object; "));
    let none = echo().options(json!({"a": 1})).run().unwrap_err();
    assert_eq!(
        none.to_string(),
        "the plugin has no option `a`; the plugin takes no options"
    );
}

/// Takes options that the host takes in no schema.
#[derive(Default)]
struct Shapes;

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only the schema is looked at")]
struct ShapeOptions {
    shape: Shape,
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only the schema is looked at")]
enum Shape {
    Circle(f64),
    Square(f64),
}

impl Processor<ShapeOptions> for Shapes {
    const OBJECT_TYPES: &'static [&'static str] = &["origin"];

    fn process(&mut self, _: &Batches<'_>, _: &mut Out) -> Result<(), Failure> {
        Ok(())
    }
}

#[test]
fn struct_of_options_that_the_host_would_refuse_fails_in_the_harness() {
    let error = Harness::<Shapes, _>::new().run().unwrap_err().to_string();
    assert!(
        error.starts_with(
            "the host takes no such options: `oneOf` is not supported in a schema of options, at \
             `/properties/shape/oneOf` of their schema; "
        ),
        "{error}"
    );
}

/// Takes options of any name.
#[derive(Default)]
struct Open(BTreeMap<String, Value>);

#[derive(Deserialize, JsonSchema)]
struct OpenOptions {
    #[serde(flatten)]
    extra: BTreeMap<String, Value>,
}

impl Processor<OpenOptions> for Open {
    const OBJECT_TYPES: &'static [&'static str] = &["origin"];

    fn start(options: OpenOptions) -> Result<Self, Failure> {
        Ok(Self(options.extra))
    }

    fn process(&mut self, _: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
        Ok(out.emit(&self.0)?)
    }
}

#[test]
fn options_that_the_schema_allows_without_naming_them_are_taken() {
    let run = Harness::<Open, _>::new()
        .options(json!({"any": 1}))
        .record("origin", "", &json!({}))
        .run()
        .unwrap();
    assert_eq!(run.rows("rows"), [json!({"any": 1})]);
}

#[test]
fn record_of_a_type_that_the_plan_does_not_ask_for_is_an_error() {
    let error = Harness::<Calls, _>::new()
        .record("person", "", &json!({}))
        .run()
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the plan does not ask for the object type `person`"
    );
}

#[test]
fn tombstones_reach_only_processors_that_ask_for_them() {
    let run = Harness::<Calls, _>::new()
        .tombstone("origin", "")
        .run()
        .unwrap();
    assert_eq!(run.process_calls(), 0);
}

#[test]
fn value_that_is_empty_or_cannot_be_serialized_is_an_error_of_the_test() {
    struct Broken;
    impl Serialize for Broken {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("broken"))
        }
    }
    assert!(matches!(
        echo().raw_record("origin", "", []).run(),
        Err(Error::EmptyValue)
    ));
    assert!(matches!(
        echo().record("origin", "", &Broken).run(),
        Err(Error::Encode(_))
    ));
}

#[test]
fn bytes_and_times_of_rows_are_as_the_host_writes_them() {
    #[derive(Default)]
    struct Typed;
    impl Processor<NoOptions> for Typed {
        const OBJECT_TYPES: &'static [&'static str] = &["origin"];
        fn process(&mut self, _: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
            #[derive(Serialize)]
            struct Row {
                bytes: Bytes<'static>,
                time: crate::Timestamp,
            }
            let time = crate::Timestamp::from_millis(1500);
            Ok(out.emit(&Row {
                bytes: vec![0, 0xff].into(),
                time,
            })?)
        }
    }
    let run = Harness::<Typed, _>::new()
        .record("origin", "", &json!({}))
        .run()
        .unwrap();
    let expected = json!({"bytes": "00ff", "time": "1970-01-01T00:00:01.5Z"});
    assert_eq!(run.rows("rows"), [expected]);
}
