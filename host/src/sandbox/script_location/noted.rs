//! The line that a runtime noted in its memory while the script was at work.

use journal_contract::SCRIPT_LOCATION;

use super::ScriptLocation;

/// The longest note, in bytes.
const NOTE_BYTES: usize = 1000;

/// Reads a note about a file that is accepted: the mark, the length of the text in four bytes, and the text.
pub(super) fn read(memory: &[u8], accepts: impl Fn(&str) -> bool) -> Option<ScriptLocation> {
    let start = memchr::memmem::find(memory, SCRIPT_LOCATION.as_bytes())? + SCRIPT_LOCATION.len();
    let (length, text) = memory.get(start..)?.split_first_chunk()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let text = text.get(..length.min(NOTE_BYTES))?;
    let text = String::from_utf8_lossy(text);
    let mut parts = text.splitn(4, '\n');
    let file = parts.next().filter(|file| accepts(file))?.to_owned();
    let line = parts.next()?.parse().ok();
    let function = parts.next()?.to_owned();
    Some(ScriptLocation {
        function,
        file,
        line,
        callee: parts.next().map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(text: &str, length: u32) -> Vec<u8> {
        let mut memory = b"before".to_vec();
        memory.extend(SCRIPT_LOCATION.as_bytes());
        memory.extend(length.to_le_bytes());
        memory.extend(text.as_bytes());
        memory
    }

    fn read_text(text: &str, length: u32) -> Option<ScriptLocation> {
        read(&memory(text, length), |file| file == "a.js")
    }

    #[test]
    fn note_names_file_line_function_and_callee() {
        let text = "a.js\n12\nslow";
        let length = u32::try_from(text.len()).unwrap();
        let location = read_text(text, length).unwrap();
        assert_eq!(location.to_string(), "`slow` at a.js:12");
        let text = "a.js\n12\nprocess\nslow";
        let length = u32::try_from(text.len()).unwrap();
        let location = read_text(text, length).unwrap();
        assert_eq!(
            location.to_string(),
            "`slow`, called by `process` at a.js:12"
        );
    }

    #[test]
    fn note_that_is_empty_cut_or_of_another_file_says_nothing() {
        for (text, length) in [
            ("", 0),
            ("a.js", 4),
            ("a.js\n1\nf", 4000),
            ("b.js\n1\nf", 8),
        ] {
            assert_eq!(read_text(text, length), None, "{text:?}");
        }
    }
}
