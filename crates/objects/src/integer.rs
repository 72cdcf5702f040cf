//! Integers beyond 64 bits.

use std::fmt::Write as _;

/// Above this many bytes an integer is no longer written in decimal, because that takes time that grows with
/// the square of the size.
const MAX_BYTES: usize = 1024;

/// The decimal digits of a big-endian magnitude; nothing where it is too large.
pub(crate) fn decimal(negative: bool, magnitude: &[u8]) -> Option<String> {
    const LIMB: u32 = 1_000_000_000;
    if magnitude.len() > MAX_BYTES {
        return None;
    }
    // Limbs of nine decimal digits, the least significant first.
    let mut limbs = vec![0_u32];
    for &byte in magnitude {
        let mut carry = u64::from(byte);
        for limb in &mut limbs {
            let sum = u64::from(*limb) * 256 + carry;
            *limb = u32::try_from(sum % u64::from(LIMB)).ok()?;
            carry = sum / u64::from(LIMB);
        }
        if carry > 0 {
            limbs.push(u32::try_from(carry).ok()?);
        }
    }
    let (top, rest) = limbs.split_last()?;
    let is_zero = *top == 0;
    let mut digits = if negative && !is_zero {
        format!("-{top}")
    } else {
        top.to_string()
    };
    for limb in rest.iter().rev() {
        // Writing to a string does not fail.
        let _ = write!(digits, "{limb:09}");
    }
    Some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn magnitudes_are_written_in_decimal() {
        let two_to_the_64 = [1, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(
            decimal(false, &two_to_the_64).unwrap(),
            "18446744073709551616"
        );
        assert_eq!(
            decimal(true, &two_to_the_64).unwrap(),
            "-18446744073709551616"
        );
        assert_eq!(
            decimal(false, &1_000_000_000_u32.to_be_bytes()).unwrap(),
            "1000000000"
        );
        assert_eq!(
            decimal(false, &u128::MAX.to_be_bytes()).unwrap(),
            u128::MAX.to_string()
        );
    }

    #[test]
    fn zero_has_no_sign() {
        assert_eq!(decimal(true, &[]).unwrap(), "0");
        assert_eq!(decimal(true, &[0, 0]).unwrap(), "0");
    }

    #[test]
    fn integer_that_would_take_long_is_left_alone() {
        assert!(decimal(false, &[0xff; MAX_BYTES]).is_some());
        assert_eq!(decimal(false, &[0xff; MAX_BYTES + 1]), None);
    }
}
