//! Short runs of bytes, copied and compared in words.
//!
//! In WebAssembly `memcpy` and `memcmp` are calls that cost more than what they do to the few bytes of a key.

/// Beyond this many bytes the ordinary functions are faster.
const SHORT: usize = 32;

/// Appends `bytes` to `to`.
#[inline]
pub fn append(to: &mut Vec<u8>, bytes: &[u8]) {
    if bytes.len() > SHORT {
        to.extend_from_slice(bytes);
        return;
    }
    to.reserve(SHORT);
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        to.extend_from_slice(word);
    }
    let (halves, rest) = rest.as_chunks::<4>();
    for half in halves {
        to.extend_from_slice(half);
    }
    for &byte in rest {
        to.push(byte);
    }
}

/// Whether both are the same.
#[inline]
#[must_use]
pub fn same(one: &[u8], two: &[u8]) -> bool {
    if one.len() != two.len() {
        return false;
    }
    if one.len() > SHORT {
        return one == two;
    }
    let ((ones, one), (twos, two)) = (one.as_chunks::<8>(), two.as_chunks::<8>());
    let words =
        |(one, two): (&[u8; 8], &[u8; 8])| u64::from_ne_bytes(*one) == u64::from_ne_bytes(*two);
    let ((one_half, one), (two_half, two)) = (one.as_chunks::<4>(), two.as_chunks::<4>());
    let halves =
        |(one, two): (&[u8; 4], &[u8; 4])| u32::from_ne_bytes(*one) == u32::from_ne_bytes(*two);
    ones.iter().zip(twos).all(words)
        && one_half.iter().zip(two_half).all(halves)
        && one.iter().zip(two).all(|(one, two)| one == two)
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
            for place in 1..copy.len() {
                copy[place] ^= 1;
                assert!(!same(&copy[1..], &bytes[..length]));
                copy[place] ^= 1;
            }
        }
    }
}
