//! Dead letters as frames: lines of JSON, as `journal-host run --dead-letters FILE` writes them.

use std::collections::{HashMap, HashSet};
use std::io::{self, BufRead, BufReader, Read};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rmp::encode::{self, ByteBuf};
use serde::Deserialize;

use crate::reader::MAX_RECORD_BYTES;

/// The longest line: a record in base64, and what is said about it.
const MAX_LINE_BYTES: u64 = (MAX_RECORD_BYTES as u64 / 3 * 4) + (1 << 20);

/// The beginning of a line, which is looked at before the rest of a longer one is read.
const HEAD_BYTES: u64 = 1 << 20;

/// The members of a line that make a record.
#[derive(Deserialize)]
struct Letter {
    topic: String,
    /// The topic that the value is of, if that is another one.
    read_as: Option<String>,
    partition: u32,
    offset: u64,
    timestamp: Option<i64>,
    key: String,
    value: Option<String>,
}

/// Reads lines of dead letters as the frames of their records.
///
/// After a crash some letters may be there twice: of those with one topic, partition and offset, the first one counts.
pub(crate) struct LetterFrames<R: Read> {
    lines: BufReader<R>,
    line: Vec<u8>,
    number: u64,
    frame: ByteBuf,
    /// The bytes of the frame that were read.
    read: usize,
    topics: HashMap<String, usize>,
    seen: HashSet<(usize, u32, u64)>,
}

impl<R: Read> LetterFrames<R> {
    pub(crate) fn new(input: R) -> Self {
        Self {
            lines: BufReader::new(input),
            line: Vec::new(),
            number: 0,
            frame: ByteBuf::new(),
            read: 0,
            topics: HashMap::new(),
            seen: HashSet::new(),
        }
    }

    pub(crate) fn get_ref(&self) -> &R {
        self.lines.get_ref()
    }

    /// Makes a frame of the next line. False at the end.
    fn next(&mut self) -> io::Result<bool> {
        loop {
            self.line.clear();
            self.number += 1;
            if !self.read_line()? {
                return Ok(false);
            }
            let letter: Letter =
                serde_json::from_slice(&self.line).map_err(|error| self.wrong(error))?;
            let topics = self.topics.len();
            let topic = *self.topics.entry(letter.topic.clone()).or_insert(topics);
            if self.seen.insert((topic, letter.partition, letter.offset)) {
                self.write(&letter)?;
                return Ok(true);
            }
        }
    }

    /// Reads a line with its end. False at the end of the input.
    fn read_line(&mut self) -> io::Result<bool> {
        let mut head = self.lines.by_ref().take(HEAD_BYTES);
        if head.read_until(b'\n', &mut self.line)? == 0 {
            return Ok(false);
        }
        if self.line.last() == Some(&b'\n') {
            return Ok(true);
        }
        match serde_json::from_slice::<Letter>(&self.line) {
            Err(error) if !error.is_eof() => return Err(self.wrong(error)),
            _ => {}
        }
        let mut rest = self.lines.by_ref().take(MAX_LINE_BYTES - HEAD_BYTES);
        rest.read_until(b'\n', &mut self.line)?;
        if self.line.last() != Some(&b'\n') {
            return Err(self.wrong("it is cut short, or longer than any dead letter"));
        }
        Ok(true)
    }

    fn write(&mut self, letter: &Letter) -> io::Result<()> {
        let decode = |text: &str| STANDARD.decode(text).map_err(|error| self.wrong(error));
        let key = decode(&letter.key)?;
        let value = letter.value.as_deref().map(decode).transpose()?;
        self.read = 0;
        let frame = &mut self.frame;
        frame.as_mut_vec().clear();
        encode::write_array_len(frame, 6).map_err(io::Error::other)?;
        let topic = letter.read_as.as_ref().unwrap_or(&letter.topic);
        encode::write_str(frame, topic).map_err(io::Error::other)?;
        for bytes in [(!key.is_empty()).then_some(&key), value.as_ref()] {
            match bytes {
                Some(bytes) => encode::write_bin(frame, bytes).map_err(io::Error::other)?,
                None => encode::write_nil(frame).map_err(io::Error::other)?,
            }
        }
        encode::write_uint(frame, letter.partition.into()).map_err(io::Error::other)?;
        encode::write_uint(frame, letter.offset).map_err(io::Error::other)?;
        match letter.timestamp {
            Some(time) => drop(encode::write_sint(frame, time).map_err(io::Error::other)?),
            None => encode::write_nil(frame).map_err(io::Error::other)?,
        }
        Ok(())
    }

    fn wrong(&self, reason: impl std::fmt::Display) -> io::Error {
        let text = format!("line {} is not a dead letter: {reason}", self.number);
        io::Error::new(io::ErrorKind::InvalidData, text)
    }
}

impl<R: Read> Read for LetterFrames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.read == self.frame.as_vec().len() && !self.next()? {
            return Ok(0);
        }
        let left = &self.frame.as_vec()[self.read..];
        let count = left.len().min(buffer.len());
        buffer[..count].copy_from_slice(&left[..count]);
        self.read += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Read};

    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::HEAD_BYTES;
    use crate::{Error, Reader};

    fn letter(offset: u64, value: &str) -> String {
        format!(
            "{{\"topic\":\"t.origin\",\"partition\":3,\"offset\":{offset},\"timestamp\":-5,\"kind\":\"rejected\",\"key\":\"Zm9v\",\"value\":{value}}}\n"
        )
    }

    #[test]
    fn letters_are_records_and_each_counts_once() {
        let text = [
            letter(7, "\"Zg==\""),
            letter(9, "null"),
            letter(7, "\"Zg==\""),
        ]
        .concat();
        let mut reader = Reader::new(text.as_bytes()).unwrap();
        let mut found = Vec::new();
        while let Some(frame) = reader.next_frame().unwrap() {
            assert_eq!((frame.topic, frame.key), ("t.origin", &b"foo"[..]));
            assert_eq!((frame.partition, frame.timestamp_ms), (Some(3), Some(-5)));
            found.push((frame.offset.unwrap(), frame.value.map(<[u8]>::to_vec)));
        }
        assert_eq!(found, [(7, Some(b"f".to_vec())), (9, None)]);
    }

    #[test]
    fn value_longer_than_the_head_of_its_line_is_whole() {
        let value: Vec<u8> = (0..=u8::MAX).cycle().take(3 << 20).collect();
        let text = letter(1, &format!("\"{}\"", STANDARD.encode(&value)));
        let mut reader = Reader::new(text.as_bytes()).unwrap();
        let frame = reader.next_frame().unwrap().unwrap();
        assert_eq!(frame.value, Some(&*value));
    }

    #[test]
    fn long_line_that_is_no_dead_letter_is_not_read_to_its_end() {
        let first = letter(1, "null");
        let mut rest = io::repeat(b'x').take(1 << 40);
        let text = first.as_bytes().chain(b"{".as_slice());
        let mut reader = Reader::new(text.chain(&mut rest)).unwrap();
        assert!(reader.next_frame().unwrap().is_some());
        assert!(reader.next_frame().is_err());
        drop(reader);
        assert!((1 << 40) - rest.limit() < 2 * HEAD_BYTES);
    }

    #[test]
    fn line_that_is_no_dead_letter_is_named() {
        let whole = letter(1, "null");
        for (text, line) in [
            (
                format!("{whole}{{}}\n"),
                "line 2 is not a dead letter: missing field",
            ),
            (
                format!("{whole}{}", &whole[..20]),
                "line 2 is not a dead letter: it is cut short",
            ),
            (
                format!("{whole}{}", letter(2, "\"%\"")),
                "line 2 is not a dead letter: Invalid",
            ),
        ] {
            let mut reader = Reader::new(text.as_bytes()).unwrap();
            assert!(reader.next_frame().unwrap().is_some());
            let Err(Error::Read { source, .. }) = reader.next_frame() else {
                panic!("{text}");
            };
            assert!(source.to_string().starts_with(line), "{source}");
        }
    }
}
