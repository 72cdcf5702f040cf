//! The second pass: one process of git that hands out the bytes of objects.
//!
//! It is asked for many at a time, so that it works on the next ones while the host works on these. It executes requests
//! only after it has read all of them, and the host never waits to write while git waits to write.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use rustix::event::{PollFd, PollFlags, poll};

use super::Error;
use super::command::{Git, never_wait, piped, spawn};
use super::headers;
use super::listing::Kind;
use super::stderr::Said;

/// The size of the buffer for answers.
const BUFFER_BYTES: usize = 256 << 10;
/// The longest first line of an answer.
const LINE_BYTES: usize = 200;
const CALL: [&str; 3] = ["cat-file", "--batch-command", "--buffer"];

/// What is asked of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// Its type and size.
    Info,
    /// Its bytes, too.
    Contents,
}

/// The first line of an answer; none where there is no such object.
pub(super) type Answer = Option<(Kind, u64)>;

/// The process.
pub(super) struct Objects {
    git: Git,
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: ChildStdout,
    said: Said,
    /// Requests that are not written yet.
    unsent: Vec<u8>,
    sent: usize,
    /// The objects whose answers have not been read, in their order.
    outstanding: VecDeque<([u8; 20], Question)>,
    /// Bytes of the answer at hand, with the line feed after them, that have not been read.
    left: u64,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl Objects {
    /// Starts the process.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(super) fn start(git: &Git) -> Result<Self, Error> {
        let mut child = spawn(git.call(&CALL).stdin(Stdio::piped()))?;
        let stdin = piped(child.stdin.take())?;
        never_wait(&stdin)?;
        Ok(Self {
            git: git.clone(),
            stdin: Some(stdin),
            stdout: piped(child.stdout.take())?,
            said: Said::of(piped(child.stderr.take())?)?,
            child,
            unsent: Vec::new(),
            sent: 0,
            outstanding: VecDeque::new(),
            left: 0,
            buffer: vec![0; BUFFER_BYTES],
            start: 0,
            end: 0,
        })
    }

    /// The number of objects whose answers have not been read.
    pub(super) fn outstanding(&self) -> usize {
        self.outstanding.len()
    }

    /// Asks for these objects. The answers come in the same order.
    pub(super) fn ask(&mut self, question: Question, ids: impl Iterator<Item = [u8; 20]>) {
        let word: &[u8] = match question {
            Question::Info => b"info ",
            Question::Contents => b"contents ",
        };
        if self.sent == self.unsent.len() {
            self.unsent.clear();
            self.sent = 0;
        }
        for id in ids {
            self.unsent.extend_from_slice(word);
            headers::write_id(&mut self.unsent, &id);
            self.unsent.push(b'\n');
            self.outstanding.push_back((id, question));
        }
        self.unsent.extend_from_slice(b"flush\n");
    }

    /// The first line of the next answer. Where it has bytes they are read next, all of them.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn answer(&mut self) -> Result<Answer, Error> {
        let Some((id, question)) = self.outstanding.pop_front() else {
            return Err(Error::Answer(String::new()));
        };
        let end = loop {
            let known = &self.buffer[self.start..self.end];
            if let Some(end) = known.iter().position(|&byte| byte == b'\n') {
                break end;
            }
            if known.len() > LINE_BYTES {
                return Err(self.unexpected(known.len()));
            }
            self.read_more()?;
        };
        let line = &self.buffer[self.start..self.start + end];
        let mut digits = Vec::with_capacity(40);
        headers::write_id(&mut digits, &id);
        let answer = match line.strip_prefix(&digits[..]) {
            Some(b" missing") => Some(None),
            Some(rest) => info(rest).map(Some),
            None => None,
        };
        let Some(answer) = answer else {
            return Err(self.unexpected(end));
        };
        self.start += end + 1;
        if let Some((_, size)) = answer
            && question == Question::Contents
        {
            self.left = size + 1;
        }
        Ok(answer)
    }

    fn unexpected(&self, bytes: usize) -> Error {
        let line = &self.buffer[self.start..self.start + bytes.min(LINE_BYTES)];
        Error::Answer(String::from_utf8_lossy(line).into_owned())
    }

    /// Hands out the bytes of the answer at hand in parts.
    ///
    /// # Errors
    /// When they do not come.
    pub(super) fn bytes(&mut self, mut part: impl FnMut(&[u8])) -> Result<(), Error> {
        while self.left > 0 {
            if self.start == self.end {
                self.read_more()?;
            }
            let known = &self.buffer[self.start..self.end];
            let count = known
                .len()
                .min(usize::try_from(self.left).unwrap_or(usize::MAX));
            // The last one is the line feed.
            let is_last = count as u64 == self.left;
            part(&known[..count - usize::from(is_last)]);
            self.start += count;
            self.left -= count as u64;
        }
        Ok(())
    }

    /// Passes over all answers that were not read.
    ///
    /// # Errors
    /// When they do not come.
    pub(super) fn forget(&mut self) -> Result<(), Error> {
        self.bytes(|_| {})?;
        while !self.outstanding.is_empty() {
            self.answer()?;
            self.bytes(|_| {})?;
        }
        Ok(())
    }

    /// Reads more of the answers, and writes what can be written of the requests.
    fn read_more(&mut self) -> Result<(), Error> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        loop {
            self.write();
            self.said.read();
            let mut ready = [
                PollFd::new(&self.stdout, PollFlags::IN),
                PollFd::new(&self.stdout, PollFlags::empty()),
            ];
            if let Some(stdin) = &self.stdin
                && self.sent < self.unsent.len()
            {
                ready[1] = PollFd::new(stdin, PollFlags::OUT);
            }
            match poll(&mut ready, None) {
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => return Err(Error::Pipe(error.into())),
                Ok(_) if ready[0].revents().is_empty() => continue,
                Ok(_) => {}
            }
            let count = self.stdout.read(&mut self.buffer[self.end..])?;
            self.end += count;
            if count == 0 {
                return Err(self.ended());
            }
            return Ok(());
        }
    }

    /// Writes as many requests as fit into the pipe.
    fn write(&mut self) {
        while let Some(stdin) = &mut self.stdin
            && self.sent < self.unsent.len()
        {
            match stdin.write(&self.unsent[self.sent..]) {
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                // It has ended: reading says so, too.
                Err(_) => self.stdin = None,
            }
        }
    }

    fn ended(&mut self) -> Error {
        let _status = self.child.wait();
        self.said.read();
        self.git.failed(&CALL, self.said.text())
    }
}

/// Reads ` TYPE SIZE`.
fn info(text: &[u8]) -> Option<(Kind, u64)> {
    let mut words = text.strip_prefix(b" ")?.split(|&byte| byte == b' ');
    let kind = Kind::of(words.next()?)?;
    let size = std::str::from_utf8(words.next()?).ok()?.parse().ok()?;
    Some((kind, size))
}

impl Drop for Objects {
    fn drop(&mut self) {
        self.stdin = None;
        // It may have ended already.
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}
