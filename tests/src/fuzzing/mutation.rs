//! Changes inputs at random.

use rand::Rng as _;
use rand::rngs::StdRng;

/// Bytes with a meaning in msgpack, in WebAssembly, in JSON or for terminals, with extreme lengths and values.
const PARTS: [&[u8]; 40] = [
    b"\xc0",
    b"\xc1",
    b"\xc3",
    b"\x00",
    b"\x7f",
    b"\x80",
    b"\x81\xa1a",
    b"\x90",
    b"\x93",
    b"\xa0",
    b"\xc4\x00",
    b"\xc4\xff",
    b"\xc6\xff\xff\xff\xff",
    b"\xca\x7f\xc0\x00\x00",
    b"\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00",
    b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\xd3\x80\x00\x00\x00\x00\x00\x00\x00",
    b"\xd6\xff\xff\xff\xff\xff",
    b"\xd7\xff\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\xc7\x0c\xff\x3b\x9a\xc9\xff\x7f\xff\xff\xff\xff\xff\xff\xff",
    b"\xdb\xff\xff\xff\xff",
    b"\xdd\xff\xff\xff\xff",
    b"\xdf\xff\xff\xff\xff",
    b"\xff\xff\xff\xff\x0f",
    b"\x03\x40",
    b"\x02\x40",
    b"\x0b",
    b"\x0c\x00",
    b"\x10\x00",
    b"\x28\xb5\x2f\xfd",
    b"{}",
    b"[]",
    b"[[[[[[[[",
    b"\"a\":",
    b"null",
    b"1e999",
    b"-0",
    b"\\ud800",
    b"\x1b[2J",
    b"\xe2\x80\xae",
];

/// Changes one part of an input.
pub(super) fn mutate(input: &mut Vec<u8>, other: &[u8], random: &mut StdRng) {
    let length = input.len();
    let index = random.random_range(0..=length);
    match random.random_range(0..9) {
        0 if index < length => input[index] ^= 1 << random.random_range(0..8),
        1 if index < length => input[index] = random.random(),
        2 => input.truncate(index),
        3 => {
            let end = (index + random.random_range(0..32)).min(length);
            input.drain(index..end);
        }
        4 => {
            let end = (index + random.random_range(0..64)).min(length);
            let repeated = input[index..end].repeat(random.random_range(1..8));
            input.splice(index..index, repeated);
        }
        5 => {
            let from = random.random_range(0..=other.len());
            let to = (from + random.random_range(0..64)).min(other.len());
            input.splice(index..index, other[from..to].iter().copied());
        }
        6 => {
            let from = random.random_range(0..=other.len());
            input.truncate(index);
            input.extend_from_slice(&other[from..]);
        }
        kind => {
            let part = PARTS[random.random_range(0..PARTS.len())];
            let replaced = if kind == 7 { part.len() } else { 0 };
            let end = (index + replaced).min(length);
            input.splice(index..end, part.iter().copied());
        }
    }
}
