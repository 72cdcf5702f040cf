//! Texts of JavaScript, which may have surrogates that are alone, as Rust has them.
//!
//! A byte of the journal that is not UTF-8 is the unit 0xDC00 above it in a text, which is such a surrogate.

use std::ops::RangeInclusive;

use rquickjs::{Ctx, FromJs, Result, Value};

use crate::raw::Handle;

/// The units that are bytes which are not UTF-8.
const OF_BYTES: RangeInclusive<u16> = 0xDC80..=0xDCFF;
/// U+FFFD in UTF-8.
const UNKNOWN: [u8; 3] = [0xef, 0xbf, 0xbd];

/// The text of any value, in which a surrogate that is alone is U+FFFD.
pub(crate) struct Shown(pub(crate) String);

impl<'js> FromJs<'js> for Shown {
    fn from_js(_: &Ctx<'js>, value: Value<'js>) -> Result<Self> {
        let shown = Handle::of(&value).with_text(|text| replaced(text, |_| None));
        Ok(Self(String::from_utf8_lossy(&shown?).into_owned()))
    }
}

/// The bytes that a text is of: those that the journal has, where it is from there, or else its UTF-8.
pub(crate) fn bytes(text: &Value<'_>) -> Result<Vec<u8>> {
    let byte = |unit: u16| OF_BYTES.contains(&unit).then(|| unit.to_le_bytes()[0]);
    Handle::of(text).with_text(|text| replaced(text, byte))
}

/// The engine's UTF-8, with the byte of each surrogate that is alone, or else U+FFFD.
fn replaced(text: &[u8], byte: impl Fn(u16) -> Option<u8>) -> Vec<u8> {
    let mut made = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, others)) = rest.split_first() {
        // The engine writes such a surrogate as it writes other characters, which UTF-8 does not have.
        if let ([0xed, second @ 0xa0..=0xbf, third, ..], Some(after)) = (rest, rest.get(3..)) {
            let unit = 0xd000 | u16::from(second & 0x3f) << 6 | u16::from(third & 0x3f);
            match byte(unit) {
                Some(byte) => made.push(byte),
                None => made.extend(UNKNOWN),
            }
            rest = after;
        } else {
            made.push(*first);
            rest = others;
        }
    }
    made
}
