//! Fuzzes the SDK's objects: `fuzz-objects INPUTS [CORPUS]` tries this number of values, and writes the shortest value
//! for each outcome to a recording. `JOURNAL_TESTS_SEED` repeats a run.

use std::path::PathBuf;
use std::time::Instant;

use guest_objects::OBJECT_TYPES;
use journal_recording::{Frame, Writer};
use journal_tests::{fuzz, seed};

#[expect(clippy::print_stdout, reason = "the count is the data of this program")]
fn main() {
    let mut arguments = std::env::args_os().skip(1);
    let inputs = arguments
        .next()
        .and_then(|inputs| inputs.into_string().ok());
    let inputs: u64 = inputs
        .and_then(|inputs| inputs.parse().ok())
        .expect("usage: fuzz-objects INPUTS [CORPUS]");
    let start = Instant::now();
    let mut fuzzer = fuzz::Fuzzer::new(seed::fresh("fuzzer"), fuzz::initial_inputs());
    for _ in 0..inputs {
        fuzzer.step();
    }
    let corpus = fuzzer.corpus();
    println!(
        "{inputs} inputs in {:.0} s, {} kinds of answers, no panic",
        start.elapsed().as_secs_f64(),
        corpus.len()
    );
    let Some(path) = arguments.next().map(PathBuf::from) else {
        return;
    };
    let topic = |object_type: &str| format!("swh.journal.objects.{object_type}");
    let topics = OBJECT_TYPES.map(topic);
    let topics = topics.each_ref().map(String::as_str);
    let mut writer = Writer::create(&path, &topics).expect("the file can be made");
    for input in corpus {
        let frame = Frame {
            topic: &topic(input.object_type),
            key: b"",
            value: Some(&input.value),
            partition: None,
            offset: None,
            timestamp_ms: None,
        };
        writer.write(&frame).expect("there is room");
    }
    writer.finish().expect("there is room");
}
