//! Texts for people: cleaned text from outside, names in quotes and lists, amounts with units.
//!
//! A topic's name, a key, or a text of a plugin or a broker may try to control a terminal, or to forge or reorder a
//! line of the log. [`clean`] is the one function that prevents this. The log and the command line's error report clean
//! everything that they write, so that no caller can forget to; callers clean the texts whose length they limit.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt::{self, Write as _};
use std::time::Duration;

/// The limit on a reason or a name, in bytes.
pub(crate) const REASON_BYTES: usize = 1024;
/// The limit on a log line, panic message or failure of a guest, in bytes.
pub(crate) const MESSAGE_BYTES: usize = 4096;
/// The limit on a line that the host writes to standard error, in bytes.
pub(crate) const LINE_BYTES: usize = 16 << 10;
/// The limit on the names in a list.
pub(crate) const LISTED: usize = 20;

/// `text` in one line, without anything that could control a terminal or reorder the text, and cut where the result
/// would exceed `limit` bytes.
///
/// A second call does not change the result.
pub(crate) fn clean(text: &str, limit: usize) -> String {
    let mut clean = String::with_capacity(text.len().min(limit));
    for c in text.chars() {
        let escaped = is_harmful(c).then(|| c.escape_default());
        let bytes = escaped
            .as_ref()
            .map_or(c.len_utf8(), ExactSizeIterator::len);
        if clean.len() + bytes > limit {
            clean.push('…');
            break;
        }
        match escaped {
            Some(escaped) => clean.extend(escaped),
            None => clean.push(c),
        }
    }
    clean
}

/// JSON with the same values, without anything that could control a terminal or reorder the text.
pub(crate) fn escape_json(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        // Line feeds are between values: in strings, JSON has escaped them already.
        if c == '\n' || !is_harmful(c) {
            escaped.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing to a string cannot fail.
            let _ok = write!(escaped, "\\u{unit:04x}");
        }
    }
    escaped
}

/// Control characters, marks of writing direction, invisible characters, and characters that some readers take for the
/// end of a line.
fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// A cleaned text from outside in backticks; a backtick in it cannot end the quotation.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = clean(self.0, REASON_BYTES);
        write!(f, "`{}`", text.replace('`', "\\u{60}"))
    }
}

/// Bytes as lowercase hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut digits = vec![0; 2 * bytes.len()];
    // The buffer has the right length, and digits are ASCII.
    let _ok = const_hex::encode_to_slice(bytes, &mut digits);
    String::from_utf8(digits).unwrap_or_default()
}

/// An error and its causes in one line.
#[must_use]
pub(crate) fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// A number of things with their unit: "1 record" or "5 records". All texts of the host count with it.
pub(crate) fn plural(count: impl TryInto<u64>, unit: &str) -> String {
    match count.try_into().unwrap_or(u64::MAX) {
        1 => format!("1 {unit}"),
        count => format!("{count} {unit}s"),
    }
}

/// Names in backticks, the first ones where there are many: "`a`, `b` and 3 more", or "none".
pub(crate) fn list<N: AsRef<str>>(names: impl IntoIterator<Item = N>) -> String {
    let mut names = names.into_iter();
    let shown: Vec<String> = names
        .by_ref()
        .take(LISTED)
        .map(|name| Quoted(name.as_ref()).to_string())
        .collect();
    let list = shown.join(", ");
    match names.count() {
        0 if shown.is_empty() => "none".to_owned(),
        0 => list,
        more => format!("{list} and {more} more"),
    }
}

/// As [`list`], in alphabetical order; if there are many, those that are most similar to `wanted`.
pub(crate) fn list_like<'a>(names: impl IntoIterator<Item = &'a str>, wanted: &str) -> String {
    let mut names: Vec<&str> = names
        .into_iter()
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let more = names.len().saturating_sub(LISTED);
    if more == 0 {
        return list(names);
    }
    names.sort_by_cached_key(|name| distance(name, wanted));
    names[..LISTED].sort_unstable();
    list(names)
}

/// The one of `names` that was probably meant by `name`: up to a third of it may differ.
pub(crate) fn nearest<'a>(name: &str, names: &[&'a str]) -> Option<&'a str> {
    let most = name.len() / 3;
    let distances = names.iter().map(|known| (distance(name, known), *known));
    distances
        .min()
        .filter(|&(distance, _)| distance <= most)
        .map(|(_, known)| known)
}

/// The number of bytes to insert, remove or replace to turn one text into the other; of very long texts only the
/// beginnings are compared.
fn distance(one: &str, other: &str) -> usize {
    const COMPARED: usize = 256;
    let [one, other] = [one, other].map(|text| &text.as_bytes()[..text.len().min(COMPARED)]);
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, byte) in one.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], index + 1);
        for (column, known) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(byte != known);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

/// An amount of memory, exactly.
pub(crate) struct Bytes(pub(crate) usize);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(usize, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
        for (size, unit) in UNITS {
            if self.0 >= size && self.0.is_multiple_of(size) {
                return write!(f, "{} {unit}", self.0 / size);
            }
        }
        write!(f, "{} B", self.0)
    }
}

/// An amount of memory in MiB, rounded up, so that a limit of this size is enough.
pub(crate) struct RoundedUp(pub(crate) usize);

impl fmt::Display for RoundedUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} MiB", self.0.div_ceil(1 << 20))
    }
}

/// A length of time.
pub(crate) struct Span(pub(crate) Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.subsec_nanos() == 0 {
            write!(f, "{} s", self.0.as_secs())
        } else {
            write!(f, "{} ms", self.0.as_millis())
        }
    }
}

/// A length of time in its two largest units.
pub(crate) fn rough_time(time: Duration) -> String {
    let seconds = time.as_secs();
    match (
        seconds / 86_400,
        seconds / 3600 % 24,
        seconds / 60 % 60,
        seconds % 60,
    ) {
        (0, 0, 0, seconds) => format!("{seconds} s"),
        (0, 0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (0, hours, minutes, _) => format!("{hours} h {minutes} min"),
        (days, hours, ..) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_and_direction_marks_are_escaped() {
        assert_eq!(
            clean("a\x1b[31m\n\u{202e}é", 100),
            "a\\u{1b}[31m\\n\\u{202e}é"
        );
    }

    #[test]
    fn every_line_end_bidi_mark_and_control_character_is_escaped() {
        let controls = ('\0'..='\u{1f}').chain('\u{7f}'..='\u{9f}');
        let bidi = "\u{61c}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}";
        let all: String = controls
            .chain(bidi.chars())
            .chain(['\u{2028}', '\u{2029}'])
            .collect();
        let clean = clean(&all, usize::MAX);
        assert!(
            clean.is_ascii() && !clean.chars().any(char::is_control),
            "{clean}"
        );
    }

    #[test]
    fn clean_text_is_cleaned_to_itself() {
        let once = clean("a\\n\n\u{202e}`é`", 100);
        assert_eq!(clean(&once, 100), once);
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(clean("éé", 3), "é…");
        assert_eq!(clean("éé", 4), "éé");
    }

    #[test]
    fn escapes_count_with_their_own_length_and_are_never_cut_apart() {
        assert_eq!(clean("\0\0\0", 10), "\\u{0}\\u{0}…");
        assert_eq!(clean("\0\0\0", 9), "\\u{0}…");
        assert_eq!(
            clean(&"\u{202e}".repeat(10_000), 100).len(),
            96 + '…'.len_utf8()
        );
    }

    #[test]
    fn quotation_ends_only_at_its_end() {
        assert_eq!(Quoted("a` b\n").to_string(), "`a\\u{60} b\\n`");
    }

    #[test]
    fn list_names_the_first_and_counts_the_others() {
        assert_eq!(list(Vec::<String>::new()), "none");
        assert_eq!(list(["a"]), "`a`");
        assert_eq!(list(["a", "b\n"]), "`a`, `b\\n`");
        let many: Vec<String> = (0..LISTED + 3).map(|number| number.to_string()).collect();
        let list = list(&many);
        assert!(list.starts_with("`0`, `1`, "), "{list}");
        assert!(list.ends_with("`19` and 3 more"), "{list}");
    }

    #[test]
    fn long_list_has_the_names_that_are_most_like_the_wanted_one() {
        assert_eq!(list_like(["b", "a", "b"], "z"), "`a`, `b`");
        let many: Vec<String> = (100..200).map(|number| format!("topic-{number}")).collect();
        let names = many.iter().map(String::as_str).chain(["zebra"]);
        let list = list_like(names, "zebras");
        assert!(list.contains("`zebra` and 81 more"), "{list}");
    }

    #[test]
    fn nearest_name_is_a_typing_error_away() {
        let names = ["sasl.password", "sasl.username", "client.id"];
        assert_eq!(nearest("sasl.pasword", &names), Some("sasl.password"));
        assert_eq!(nearest("client_id", &names), Some("client.id"));
        assert_eq!(nearest("nonsense", &names), None);
        assert_eq!(nearest("", &names), None);
    }

    #[test]
    fn distance_counts_insertions_removals_and_replacements() {
        for (one, other, expected) in [
            ("", "abc", 3),
            ("abc", "abc", 0),
            ("kitten", "sitting", 3),
            ("ab", "ba", 2),
        ] {
            assert_eq!(distance(one, other), expected, "{one} {other}");
            assert_eq!(distance(other, one), expected, "{other} {one}");
        }
    }

    #[test]
    fn amounts_have_units() {
        assert_eq!(Bytes(512 << 20).to_string(), "512 MiB");
        assert_eq!(Bytes(1000).to_string(), "1000 B");
        assert_eq!(RoundedUp((3 << 20) + 1).to_string(), "4 MiB");
        assert_eq!(Span(Duration::from_secs(30)).to_string(), "30 s");
        assert_eq!(Span(Duration::from_millis(50)).to_string(), "50 ms");
    }

    #[test]
    fn times_are_shown_in_their_two_largest_units() {
        for (seconds, expected) in [
            (0, "0 s"),
            (61, "1 min 1 s"),
            (7260, "2 h 1 min"),
            (90_000, "1 d 1 h"),
        ] {
            assert_eq!(rough_time(Duration::from_secs(seconds)), expected);
        }
    }
}
