//! Copies and compares short byte strings without a loop.
//!
//! In WebAssembly the calls of `memcpy` and `memcmp` take longer than the work for a short key, and a loop checks the
//! deadline in every iteration. So a string is handled as its first and its last bytes, which overlap if it is shorter.

/// Above this many bytes the standard functions are faster.
const SHORT: usize = 32;

/// Appends `bytes` to `to`.
#[inline]
pub fn append(to: &mut Vec<u8>, bytes: &[u8]) {
    match bytes {
        [] => {}
        [one] => to.push(*one),
        _ if bytes.len() <= 4 => append_ends::<2>(to, bytes),
        _ if bytes.len() <= 8 => append_ends::<4>(to, bytes),
        _ if bytes.len() <= 16 => append_ends::<8>(to, bytes),
        _ if bytes.len() <= SHORT => append_ends::<16>(to, bytes),
        _ => to.extend_from_slice(bytes),
    }
}

/// Appends `N` to `2 * N` bytes.
#[inline]
fn append_ends<const N: usize>(to: &mut Vec<u8>, bytes: &[u8]) {
    if let (Some(first), Some(last)) = (bytes.first_chunk::<N>(), bytes.last_chunk::<N>()) {
        let end = to.len() + bytes.len();
        to.extend_from_slice(first);
        to.truncate(end - N);
        to.extend_from_slice(last);
    }
}

/// Whether both are equal.
#[inline]
#[must_use]
pub fn same(one: &[u8], two: &[u8]) -> bool {
    if one.len() != two.len() {
        return false;
    }
    match (one, two) {
        ([], []) => true,
        ([one], [two]) => one == two,
        _ if one.len() <= 4 => same_ends(one, two, |bytes| u16::from_ne_bytes(*bytes)),
        _ if one.len() <= 8 => same_ends(one, two, |bytes| u32::from_ne_bytes(*bytes)),
        _ if one.len() <= 16 => same_ends(one, two, |bytes| u64::from_ne_bytes(*bytes)),
        _ if one.len() <= SHORT => same_ends(one, two, |bytes| u128::from_ne_bytes(*bytes)),
        _ => one == two,
    }
}

/// Whether `N` to `2 * N` bytes are equal.
#[inline]
fn same_ends<const N: usize, T: PartialEq>(
    one: &[u8],
    two: &[u8],
    word: fn(&[u8; N]) -> T,
) -> bool {
    let ends = |bytes: &[u8]| Some((word(bytes.first_chunk()?), word(bytes.last_chunk()?)));
    ends(one) == ends(two)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_every_length_are_copied_and_compared() {
        let bytes: Vec<u8> = (0..100).collect();
        for length in 0..100 {
            let mut copy = vec![7];
            append(&mut copy, &bytes[..length]);
            assert_eq!(copy[1..], bytes[..length]);
            assert!(same(&copy[1..], &bytes[..length]));
            assert!(!same(&copy, &bytes[..length]));
            for index in 1..copy.len() {
                copy[index] ^= 1;
                assert!(!same(&copy[1..], &bytes[..length]));
                copy[index] ^= 1;
            }
        }
    }
}
