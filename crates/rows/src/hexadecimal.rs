//! Bytes as hexadecimal digits, from a table.

/// Bytes whose digits are written at once: the length of most identifiers.
const STRETCH: usize = 20;

/// The two digits of each byte.
static DIGITS: [[u8; 2]; 256] = digits();

/// Appends two lowercase digits for each byte.
pub(crate) fn append(text: &mut Vec<u8>, bytes: &[u8]) {
    // A stretch at a time, so that the loop writes to a place of known size.
    for stretch in bytes.chunks(STRETCH) {
        let mut digits = [[0; 2]; STRETCH];
        for (pair, &byte) in digits.iter_mut().zip(stretch) {
            *pair = DIGITS[usize::from(byte)];
        }
        text.extend_from_slice(digits[..stretch.len()].as_flattened());
    }
}

const fn digits() -> [[u8; 2]; 256] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < pairs.len() {
        pairs[byte] = [DIGITS[byte >> 4], DIGITS[byte & 0x0f]];
        byte += 1;
    }
    pairs
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::append;

    #[test]
    fn every_byte_has_its_digits_in_runs_of_every_length() {
        let bytes: Vec<u8> = (0..=255).collect();
        for length in 0..=bytes.len() {
            let mut text = Vec::new();
            append(&mut text, &bytes[..length]);
            let mut expected = String::new();
            for byte in &bytes[..length] {
                write!(expected, "{byte:02x}").expect("a string takes everything");
            }
            assert_eq!(text, expected.as_bytes());
        }
    }
}
