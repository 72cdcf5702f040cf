//! Recordings, plain and compressed.

use journal_recording::{Frame, Reader, Writer};

use super::{Target, kind};

/// Reads recordings to their end.
pub(super) struct Recordings;

impl Target for Recordings {
    fn seeds(&self) -> Vec<Vec<u8>> {
        let topic = "swh.journal.objects.origin";
        let frame = |number: u32| Frame {
            topic,
            key: b"k",
            value: (number != 1).then_some(b"\x81\xa3url\xa1u"),
            partition: (number != 2).then_some(number),
            offset: (number != 3).then_some(number.into()),
            timestamp_ms: (number != 4).then_some(number.into()),
        };
        let mut plain = Writer::new(Vec::new(), &[topic]).expect("memory can be written");
        let mut compressed =
            Writer::compressed(Vec::new(), &[topic]).expect("memory can be written");
        for number in 0..6 {
            plain.write(&frame(number)).expect("memory can be written");
            compressed
                .write(&frame(number))
                .expect("memory can be written");
        }
        let plain = plain.finish().expect("memory can be written");
        let without_header = plain[53..].to_vec();
        vec![
            compressed.finish().expect("memory can be written"),
            without_header,
            b"\x92\xa6origin\x81\xa3url\xa1u".to_vec(),
            plain,
            Vec::new(),
        ]
    }

    fn take(&mut self, input: &[u8]) -> String {
        let mut reader = match Reader::new(input) {
            Ok(reader) => reader,
            Err(error) => return kind(&error.to_string()),
        };
        let mut records = 0;
        loop {
            match reader.next_frame() {
                Ok(Some(frame)) => {
                    records += 1;
                    assert!(!frame.topic.is_empty(), "a topic has a name");
                }
                Ok(None) => return format!("{:?} of {} records", reader.format(), records.min(9)),
                Err(error) => return kind(&error.to_string()),
            }
        }
    }
}
