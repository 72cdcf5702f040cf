//! Recordings as input.

use journal_recording::{Frame, Writer};

use super::*;

/// A recording with a revision in both topics, an origin and a tombstone.
fn recording() -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    let value = msgpack(&json!({"a": 1})).unwrap();
    let frame = |topic: &'static str, value| Frame {
        topic,
        key: topic.as_bytes(),
        value,
        partition: None,
        offset: None,
        timestamp_ms: None,
    };
    let topics = ["p.revision", "p_privileged.revision", "p.origin"];
    let mut writer = Writer::new(file.reopen().unwrap(), &topics).unwrap();
    for topic in topics {
        writer.write(&frame(topic, Some(&value))).unwrap();
    }
    writer.write(&frame("p.origin", None)).unwrap();
    writer.finish().unwrap();
    file
}

fn keys(run: &Run) -> Vec<String> {
    run.rows("rows")
        .iter()
        .map(|row| format!("{} {}", row["key"], row["offset"]))
        .collect()
}

#[test]
fn recording_is_read_in_the_same_way_as_by_the_host() {
    let file = recording();
    let public = echo().recording(file.path()).run().unwrap();
    let expected = ["\"p.revision\" 0", "\"p.origin\" 0", "\"p.origin\" 1"];
    assert_eq!(keys(&public), expected);
    assert_eq!(public.rows("rows")[0]["privileged"], false);
    let privileged = echo().privileged().recording(file.path()).run().unwrap();
    let expected = [
        "\"p_privileged.revision\" 0",
        "\"p.origin\" 0",
        "\"p.origin\" 1",
    ];
    assert_eq!(keys(&privileged), expected);
    assert_eq!(privileged.rows("rows")[0]["privileged"], true);
}

#[test]
fn types_of_a_recording_that_the_plan_does_not_ask_for_are_skipped() {
    let run = Harness::<Calls, _>::new()
        .recording(recording().path())
        .run()
        .unwrap();
    assert_eq!(run.process_calls(), 1);
}

#[test]
fn invalid_recording_is_an_error_with_its_name() {
    let error = echo().recording("/nowhere/x.frames").run().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the recording `/nowhere/x.frames` cannot be read"
    );
}
