//! The frames of `CPython` in a memory.
//!
//! `CPython` keeps a table of the offsets of its structures for debuggers that read another process's memory:
//! `_Py_DebugOffsets` in `Include/internal/pycore_debug_offsets.h`. The lines of a function are in its table of locations:
//! `InternalDocs/code_objects.md`.

use super::ScriptLocation;

/// The first bytes of the table of offsets.
const COOKIE: &[u8] = b"xdebugpy";

/// The version of `CPython` whose table has the members at these places, without its last two bytes: 3.14.
const VERSION: u64 = 0x030e;

/// More frames than a guest's stack has room for.
const FRAMES: usize = 10_000;

/// The longest name that is read, in characters.
const NAME_CHARS: u32 = 1000;

/// How much of a table of locations is read, in bytes.
const LINES_BYTES: u32 = 1 << 20;

/// The bits of a reference to a code object that mark how it is counted.
const TAG_BITS: u64 = 3;

/// Frames with this owner and those above it stand for calls from C, and have no code.
const OWNED_BY_INTERPRETER: u8 = 3;

/// The size of an instruction in bytes.
const INSTRUCTION_BYTES: u64 = 2;
/// The size of a pointer in bytes.
const POINTER_BYTES: u64 = 4;
/// The bit of a text's state that says that it is ASCII.
const IS_ASCII: u32 = 1 << 6;
/// Where a text's state has the bytes that a character takes.
const WIDTH_SHIFT: u32 = 2;
const WIDTH_MASK: u32 = 7;

/// Members of the table, as numbers of its 64-bit words after the cookie.
#[derive(Clone, Copy, Debug)]
enum Member {
    Version = 0,
    Interpreters = 4,
    Threads = 8,
    CurrentFrame = 25,
    PreviousFrame = 31,
    Executable = 32,
    Instruction = 33,
    Owner = 35,
    FileName = 39,
    QualifiedName = 41,
    Lines = 42,
    FirstLine = 43,
    Code = 47,
    BytesSize = 74,
    Bytes = 75,
    TextState = 77,
    TextLength = 78,
    AsciiSize = 79,
}

/// The innermost frame whose file is accepted.
pub(super) fn innermost(memory: &[u8], accepts: impl Fn(&str) -> bool) -> Option<ScriptLocation> {
    let python = Python::find(memory)?;
    let mut frame = python.current_frame()?;
    for _ in 0..FRAMES {
        let named = python.code(frame).and_then(|code| {
            let file = python.text(python.pointer(code, Member::FileName)?)?;
            Some((code, file))
        });
        if let Some((code, file)) = named.filter(|(_, file)| accepts(file)) {
            let function = python.text(python.pointer(code, Member::QualifiedName)?)?;
            let line = python.line(frame, code);
            return Some(ScriptLocation {
                function,
                file,
                line,
                callee: None,
            });
        }
        frame = python.pointer(frame, Member::PreviousFrame)?;
    }
    None
}

/// A memory with `CPython` in it.
struct Python<'a> {
    memory: &'a [u8],
    /// The address of the runtime's state, which begins with the table.
    runtime: u64,
}

impl<'a> Python<'a> {
    fn find(memory: &'a [u8]) -> Option<Self> {
        let runtime = u64::try_from(memchr::memmem::find(memory, COOKIE)?).ok()?;
        let python = Self { memory, runtime };
        (python.member(Member::Version)? >> 16 == VERSION).then_some(python)
    }

    fn current_frame(&self) -> Option<u64> {
        let interpreter = self.pointer(self.runtime, Member::Interpreters)?;
        let thread = self.pointer(interpreter, Member::Threads)?;
        self.pointer(thread, Member::CurrentFrame)
    }

    /// The code object of a frame, unless it stands for a call from C.
    fn code(&self, frame: u64) -> Option<u64> {
        let [owner] = self.bytes(self.address(frame, Member::Owner)?)?;
        let code = self.pointer(frame, Member::Executable)? & !TAG_BITS;
        (owner < OWNED_BY_INTERPRETER).then_some(code)
    }

    fn line(&self, frame: u64, code: u64) -> Option<u32> {
        let instruction = self.pointer(frame, Member::Instruction)?;
        let first_instruction = self.address(code, Member::Code)?;
        let instructions = instruction.checked_sub(first_instruction)? / INSTRUCTION_BYTES;
        let first_line = self.word(self.address(code, Member::FirstLine)?)?;
        let lines = self.pointer(code, Member::Lines)?;
        let size = self.word(self.address(lines, Member::BytesSize)?)?;
        let size = size.min(LINES_BYTES);
        let lines = self.slice(self.address(lines, Member::Bytes)?, size.into())?;
        line_of(lines, first_line, instructions)
    }

    /// A text, where it is one.
    fn text(&self, text: u64) -> Option<String> {
        let length = self.word(self.address(text, Member::TextLength)?)?;
        let length = length.min(NAME_CHARS);
        let state = self.word(self.address(text, Member::TextState)?)?;
        let ascii_size = self.member(Member::AsciiSize)?;
        // Texts that are not ASCII have the size and the address of their UTF-8 form before their characters.
        let other_form = if state & IS_ASCII == 0 {
            2 * POINTER_BYTES
        } else {
            0
        };
        let start = text.checked_add(ascii_size)?.checked_add(other_form)?;
        let width = state >> WIDTH_SHIFT & WIDTH_MASK;
        let characters = self.slice(start, u64::from(length * width))?;
        let character = |bytes: &[u8]| {
            let number = bytes
                .iter()
                .rev()
                .fold(0, |sum, byte| sum << 8 | u32::from(*byte));
            char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER)
        };
        let width = usize::try_from(width).ok().filter(|width| *width > 0)?;
        Some(characters.chunks_exact(width).map(character).collect())
    }

    /// A member of the table.
    fn member(&self, member: Member) -> Option<u64> {
        let words = self.runtime + COOKIE.len() as u64;
        self.bytes(words + 8 * member as u64)
            .map(u64::from_le_bytes)
    }

    /// The address of a member of the structure at `base`; no structure is at 0.
    fn address(&self, base: u64, member: Member) -> Option<u64> {
        (base != 0)
            .then_some(base)?
            .checked_add(self.member(member)?)
    }

    /// The pointer in a member of the structure at `base`.
    fn pointer(&self, base: u64, member: Member) -> Option<u64> {
        self.word(self.address(base, member)?).map(u64::from)
    }

    fn word(&self, address: u64) -> Option<u32> {
        self.bytes(address).map(u32::from_le_bytes)
    }

    fn bytes<const N: usize>(&self, address: u64) -> Option<[u8; N]> {
        self.slice(address, N as u64)?.try_into().ok()
    }

    fn slice(&self, address: u64, size: u64) -> Option<&'a [u8]> {
        let start = usize::try_from(address).ok()?;
        let end = start.checked_add(usize::try_from(size).ok()?)?;
        self.memory.get(start..end)
    }
}

/// The line of the instruction with this number, from a table of locations.
fn line_of(table: &[u8], first_line: u32, instruction: u64) -> Option<u32> {
    let mut table = table.iter().copied();
    let mut line = i64::from(first_line);
    let mut end = 0;
    while let Some(first) = table.next() {
        end += u64::from(first & 7) + 1;
        let kind = first >> 3 & 15;
        let has_line = kind != 15;
        match kind {
            0..=9 => _ = table.next(),
            10..=12 => {
                line += i64::from(kind) - 10;
                _ = table.nth(1);
            }
            13 => line = line.checked_add(signed(&mut table)?)?,
            14 => {
                line = line.checked_add(signed(&mut table)?)?;
                for _ in 0..3 {
                    unsigned(&mut table)?;
                }
            }
            _ => {}
        }
        if instruction < end {
            return has_line.then(|| u32::try_from(line).ok()).flatten();
        }
    }
    None
}

/// A number in groups of six bits, the lowest first; all but the last have the seventh bit set.
fn unsigned(bytes: &mut impl Iterator<Item = u8>) -> Option<u64> {
    let mut number = 0;
    for shift in (0..60).step_by(6) {
        let byte = bytes.next()?;
        number |= u64::from(byte & 63) << shift;
        if byte & 64 == 0 {
            return Some(number);
        }
    }
    None
}

/// A number whose lowest bit is its sign.
fn signed(bytes: &mut impl Iterator<Item = u8>) -> Option<i64> {
    let number = unsigned(bytes)?;
    let magnitude = i64::try_from(number >> 1).ok()?;
    Some(if number & 1 == 0 {
        magnitude
    } else {
        -magnitude
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two instructions on the first line, one without a line, three on the line after it with a long entry, and one on
    /// the line before that.
    const TABLE: [u8; 11] = [
        0x80 | 10 << 3 | 1,
        0,
        0,
        0x80 | 15 << 3,
        0x80 | 14 << 3 | 2,
        0b10,
        0,
        0b100_0001,
        0b10,
        0x80 | 13 << 3,
        0b11,
    ];

    #[test]
    fn table_of_locations_has_a_line_for_each_instruction() {
        let lines: Vec<_> = (0..8).map(|number| line_of(&TABLE, 7, number)).collect();
        let [first, next] = [Some(7), Some(8)];
        assert_eq!(lines, [first, first, None, next, next, next, None, None]);
    }

    #[test]
    fn no_memory_makes_the_search_fail() {
        let mut memory = vec![0xff; 4096];
        for start in [0, 64, 3000, 4080] {
            memory.fill(0xff);
            memory[start..start + 8].copy_from_slice(COOKIE);
            assert_eq!(innermost(&memory, |_| true), None);
        }
        // Each structure is at 2000, and the only frame is the caller of itself.
        memory.fill(0);
        memory[64..72].copy_from_slice(COOKIE);
        memory[2000..2004].copy_from_slice(&2000_u32.to_le_bytes());
        let members = [
            (Member::Version, VERSION << 16),
            (Member::Interpreters, 2000 - 64),
            (Member::Owner, 100),
            (Member::FileName, 100),
        ];
        for (member, value) in members {
            let start = 72 + 8 * member as usize;
            memory[start..start + 8].copy_from_slice(&value.to_le_bytes());
        }
        let python = Python::find(&memory).unwrap();
        assert_eq!(python.current_frame(), Some(2000));
        assert_eq!(python.pointer(2000, Member::PreviousFrame), Some(2000));
        assert_eq!(innermost(&memory, |_| true), None);
    }
}
