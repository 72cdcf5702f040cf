//! Encodes values in the same way as the journal's writer: maps in the order of their fields, and every head in its
//! shortest form.

use crate::{Bytes, Date, Id, Person, Timestamp};

/// A type that a field can be written as.
pub(crate) trait Encode {
    fn encode(&self, value: &mut Vec<u8>);

    /// Whether the value is absent. An optional field is then left out.
    fn is_absent(&self) -> bool {
        false
    }
}

// Writing to a vector does not fail, so the results below are ignored.

pub(crate) fn map(value: &mut Vec<u8>, pairs: u32) {
    let _ = rmp::encode::write_map_len(value, pairs);
}

pub(crate) fn array(value: &mut Vec<u8>, items: usize) {
    let _ = rmp::encode::write_array_len(value, length(items));
}

pub(crate) fn text(value: &mut Vec<u8>, text: &str) {
    let _ = rmp::encode::write_str(value, text);
}

pub(crate) fn bytes(value: &mut Vec<u8>, bytes: &[u8]) {
    let _ = rmp::encode::write_bin(value, bytes);
}

pub(crate) fn nil(value: &mut Vec<u8>) {
    let _ = rmp::encode::write_nil(value);
}

/// One pair of a map.
pub(crate) fn pair(value: &mut Vec<u8>, name: &str, field: &impl Encode) {
    text(value, name);
    field.encode(value);
}

/// msgpack has no longer lists.
fn length(items: usize) -> u32 {
    u32::try_from(items).unwrap_or(u32::MAX)
}

impl<T: Encode> Encode for Option<T> {
    fn encode(&self, value: &mut Vec<u8>) {
        match self {
            Some(field) => field.encode(value),
            None => nil(value),
        }
    }

    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

impl Encode for Vec<u8> {
    fn encode(&self, value: &mut Vec<u8>) {
        bytes(value, self);
    }
}

impl Encode for Bytes<'_> {
    fn encode(&self, value: &mut Vec<u8>) {
        bytes(value, self);
    }
}

impl<const SIZE: usize> Encode for [u8; SIZE] {
    fn encode(&self, value: &mut Vec<u8>) {
        bytes(value, self);
    }
}

impl Encode for Id {
    fn encode(&self, value: &mut Vec<u8>) {
        bytes(value, &self.0);
    }
}

impl Encode for String {
    fn encode(&self, value: &mut Vec<u8>) {
        text(value, self);
    }
}

impl Encode for bool {
    fn encode(&self, value: &mut Vec<u8>) {
        let _ = rmp::encode::write_bool(value, *self);
    }
}

impl Encode for i64 {
    fn encode(&self, value: &mut Vec<u8>) {
        let _ = rmp::encode::write_sint(value, *self);
    }
}

impl Encode for u64 {
    fn encode(&self, value: &mut Vec<u8>) {
        let _ = rmp::encode::write_uint(value, *self);
    }
}

impl Encode for u32 {
    fn encode(&self, value: &mut Vec<u8>) {
        u64::from(*self).encode(value);
    }
}

impl Encode for Timestamp {
    fn encode(&self, value: &mut Vec<u8>) {
        let (bytes, length) = self.to_msgpack();
        // Four, eight or twelve bytes of the extension.
        let _ = rmp::encode::write_ext_meta(value, u32::from(length), -1);
        value.extend_from_slice(&bytes[..usize::from(length)]);
    }
}

impl Encode for Person<'_> {
    fn encode(&self, value: &mut Vec<u8>) {
        map(value, 3);
        pair(value, "fullname", &self.fullname);
        pair(value, "name", &self.name);
        pair(value, "email", &self.email);
    }
}

impl Encode for Date<'_> {
    fn encode(&self, value: &mut Vec<u8>) {
        map(value, 2);
        text(value, "timestamp");
        map(value, 2);
        pair(value, "seconds", &self.seconds);
        pair(value, "microseconds", &self.microseconds);
        text(value, "offset_bytes");
        bytes(value, &self.offset_bytes);
    }
}

impl Encode for super::Metadata<'_> {
    fn encode(&self, value: &mut Vec<u8>) {
        value.extend_from_slice(self.as_raw().as_msgpack());
    }
}

impl Encode for crate::Swhid {
    fn encode(&self, value: &mut Vec<u8>) {
        text(value, &self.to_string());
    }
}

impl Encode for crate::ExtendedSwhid {
    fn encode(&self, value: &mut Vec<u8>) {
        text(value, &self.to_string());
    }
}
