//! A frame of zstd says how much memory it takes to decompress it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{Read, Write};

use journal_recording::{Error, Frame, Reader, Writer};
use zstd::stream::{Decoder, Encoder};

const TOPIC: &str = "swh.journal.objects.origin";

fn recording() -> Vec<u8> {
    let mut writer = Writer::compressed(Vec::new(), &[TOPIC]).unwrap();
    let frame = Frame {
        topic: TOPIC,
        key: b"key",
        value: Some(b"value"),
        partition: Some(3),
        offset: Some(4),
        timestamp_ms: Some(5),
    };
    writer.write(&frame).unwrap();
    writer.finish().unwrap()
}

/// The same recording in a frame with this window.
fn with_window(log: u32) -> Vec<u8> {
    let mut plain = Vec::new();
    Decoder::new(&*recording())
        .and_then(|mut decoder| decoder.read_to_end(&mut plain))
        .unwrap();
    let mut encoder = Encoder::new(Vec::new(), 3).unwrap();
    encoder.window_log(log).unwrap();
    encoder.write_all(&plain).unwrap();
    encoder.finish().unwrap()
}

fn read(bytes: &[u8]) -> Result<u64, Error> {
    Reader::new(bytes)?
        .count()
        .map(|counts| counts.into_values().sum())
}

#[test]
fn window_that_would_take_much_memory_is_refused() {
    assert_eq!(read(&with_window(27)).unwrap(), 1);
    let error = read(&with_window(28)).unwrap_err();
    assert!(matches!(error, Error::Compression { .. }), "{error}");
}

#[test]
fn recording_of_the_writer_has_a_small_window() {
    let recording = recording();
    let mut decoder = Decoder::new(&*recording).unwrap();
    decoder.window_log_max(21).unwrap();
    let mut plain = Vec::new();
    decoder.read_to_end(&mut plain).unwrap();
    assert!(!plain.is_empty());
}
