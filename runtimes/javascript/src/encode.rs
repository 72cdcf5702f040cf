//! Values of msgpack.

/// The head of a value with a length, whose codes are these.
pub(crate) fn put_length(
    into: &mut Vec<u8>,
    length: usize,
    fixed: u8,
    below: usize,
    code8: Option<u8>,
    code16: u8,
) {
    match (u8::try_from(length), u16::try_from(length), code8) {
        (Ok(short), ..) if length < below => into.push(fixed | short),
        (Ok(short), _, Some(code8)) => into.extend([code8, short]),
        (_, Ok(short), _) => {
            into.push(code16);
            into.extend(short.to_be_bytes());
        }
        _ => {
            into.push(code16 + 1);
            into.extend(u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
        }
    }
}

pub(crate) fn put_text(into: &mut Vec<u8>, text: &str) {
    put_length(into, text.len(), 0xa0, 32, Some(0xd9), 0xda);
    into.extend(text.as_bytes());
}

pub(crate) fn put_bytes(into: &mut Vec<u8>, bytes: &[u8]) {
    put_length(into, bytes.len(), 0, 0, Some(0xc4), 0xc5);
    into.extend(bytes);
}

pub(crate) fn put_int(into: &mut Vec<u8>, value: i64) {
    if let Ok(small) = i8::try_from(value) {
        if small < -32 {
            into.push(0xd0);
        }
        into.extend(small.to_be_bytes());
    } else if let Ok(value) = u32::try_from(value) {
        into.push(0xce);
        into.extend(value.to_be_bytes());
    } else {
        into.push(0xd3);
        into.extend(value.to_be_bytes());
    }
}

/// An integer of 64 bits that is too large for a signed one.
pub(crate) fn put_unsigned(into: &mut Vec<u8>, value: u64) {
    into.push(0xcf);
    into.extend(value.to_be_bytes());
}
