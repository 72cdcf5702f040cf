//! The headers and the message of a commit or a tag.

use std::borrow::Cow;

/// A commit or a tag: headers, each of which may have several lines, and a message.
#[derive(Debug)]
pub(super) struct Headers<'a> {
    /// Names and values, in their order.
    pub(super) all: Vec<(&'a [u8], Cow<'a, [u8]>)>,
    /// What follows the first empty line, if there is one.
    pub(super) message: Option<&'a [u8]>,
}

impl<'a> Headers<'a> {
    /// Reads any bytes. A line without a space is the name of a header without a value.
    pub(super) fn read(bytes: &'a [u8]) -> Self {
        let mut all: Vec<(&[u8], Cow<'_, [u8]>)> = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            let end = rest.iter().position(|&byte| byte == b'\n');
            let end = end.map_or(rest.len(), |end| end + 1);
            let (line, after) = rest.split_at(end);
            rest = after;
            if line == b"\n" {
                strip_last(&mut all);
                return Self {
                    all,
                    message: Some(rest),
                };
            }
            if let Some(more) = line.strip_prefix(b" ") {
                // Before the first header it continues nothing.
                if let Some((_, value)) = all.last_mut() {
                    value.to_mut().extend_from_slice(more);
                }
                continue;
            }
            strip_last(&mut all);
            match line.iter().position(|&byte| byte == b' ') {
                Some(space) => all.push((&line[..space], Cow::Borrowed(&line[space + 1..]))),
                None => all.push((line.strip_suffix(b"\n").unwrap_or(line), Cow::default())),
            }
        }
        strip_last(&mut all);
        Self { all, message: None }
    }

    /// The values of a header.
    pub(super) fn values(&self, name: &[u8]) -> impl Iterator<Item = &Cow<'a, [u8]>> {
        let named = self.all.iter().filter(move |(known, _)| *known == name);
        named.map(|(_, value)| value)
    }
}

/// Removes the line feed at the end of the last value, which is whole now.
fn strip_last(all: &mut [(&[u8], Cow<'_, [u8]>)]) {
    let Some((_, value)) = all.last_mut() else {
        return;
    };
    match value {
        Cow::Borrowed(bytes) => *bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes),
        Cow::Owned(bytes) => {
            if bytes.last() == Some(&b'\n') {
                bytes.pop();
            }
        }
    }
}

/// Appends a header as git has it.
pub(super) fn write(into: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    into.extend_from_slice(name);
    into.push(b' ');
    for (number, line) in value.split(|&byte| byte == b'\n').enumerate() {
        if number > 0 {
            into.extend_from_slice(b"\n ");
        }
        into.extend_from_slice(line);
    }
    into.push(b'\n');
}

/// Appends an empty line and a message, if there is one.
pub(super) fn write_message(into: &mut Vec<u8>, message: Option<&[u8]>) {
    if let Some(message) = message {
        into.push(b'\n');
        into.extend_from_slice(message);
    }
}

/// Reads an identifier of 40 hexadecimal digits.
pub(super) fn id(text: &[u8]) -> Option<[u8; 20]> {
    let mut id = [0; 20];
    // The library would also take digits after `0x`.
    if text.len() != 2 * id.len() {
        return None;
    }
    const_hex::decode_to_slice(text, &mut id).ok()?;
    Some(id)
}

/// An identifier as hexadecimal digits.
pub(super) fn digits(id: &[u8; 20]) -> String {
    const_hex::Buffer::<20>::new().format(id).to_owned()
}

/// Appends an identifier as hexadecimal digits.
pub(super) fn write_id(into: &mut Vec<u8>, id: &[u8; 20]) {
    into.extend_from_slice(const_hex::Buffer::<20>::new().format(id).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<(String, String)>, Option<String>) {
        let headers = Headers::read(text.as_bytes());
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let all = headers.all.iter();
        let all = all.map(|(name, value)| (text(name), text(value)));
        (all.collect(), headers.message.map(text))
    }

    #[test]
    fn headers_have_lines_and_the_message_is_optional() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        for (text, headers, message) in [
            ("", vec![], None),
            ("\n", vec![], Some("")),
            ("a b\n", vec![pair("a", "b")], None),
            ("a b", vec![pair("a", "b")], None),
            ("a b\n\n\nm\n", vec![pair("a", "b")], Some("\nm\n")),
            (
                "a b\n c\n \nd e\n\n",
                vec![pair("a", "b\nc\n"), pair("d", "e")],
                Some(""),
            ),
            (" x\na\n\nm", vec![pair("a", "")], Some("m")),
        ] {
            assert_eq!(
                read(text),
                (headers, message.map(str::to_owned)),
                "{text:?}"
            );
        }
    }

    #[test]
    fn identifier_has_40_digits() {
        let text = b"0123456789abcdefABCD0123456789abcdef0123";
        let mut written = Vec::new();
        write_id(&mut written, &id(text).unwrap());
        assert_eq!(written, text.to_ascii_lowercase());
        for bad in [&text[..39], b"g123456789abcdefABCD0123456789abcdef0123"] {
            assert_eq!(id(bad), None);
        }
    }
}
