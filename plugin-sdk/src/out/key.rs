//! Serializes a field of a row into a part of its key.

use journal_aggregate::bytes;
use rmp_serde::config::{DefaultConfig, StructMapConfig};
use rmp_serde::encode::Error;
use serde::ser::{Serialize, Serializer};

/// Writes msgpack with structs as maps.
type Msgpack<'a> = rmp_serde::Serializer<&'a mut Vec<u8>, StructMapConfig<DefaultConfig>>;

/// Appends a value to a key as msgpack. Short texts and integers take a faster path than in `rmp_serde`.
pub(super) fn write<T: Serialize + ?Sized>(key: &mut Vec<u8>, part: &T) -> Result<(), Error> {
    let mut msgpack = rmp_serde::Serializer::new(key).with_struct_map();
    part.serialize(KeySerializer(&mut msgpack))
}

struct KeySerializer<'a, 'b>(&'a mut Msgpack<'b>);

macro_rules! integers {
    ($($method:ident: $type:ty;)*) => {
        $(
            #[inline]
            fn $method(self, number: $type) -> Result<(), Error> {
                match u64::try_from(number) {
                    Ok(number) => unsigned(self.0.get_mut(), number),
                    Err(_) => self.0.$method(number)?,
                }
                Ok(())
            }
        )*
    };
}

/// Appends an integer in its shortest form.
#[inline]
fn unsigned(key: &mut Vec<u8>, number: u64) {
    if let Ok(byte) = u8::try_from(number) {
        if byte >= 0x80 {
            key.push(0xcc);
        }
        key.push(byte);
    } else if let Ok(number) = u16::try_from(number) {
        key.push(0xcd);
        key.extend_from_slice(&number.to_be_bytes());
    } else if let Ok(number) = u32::try_from(number) {
        key.push(0xce);
        key.extend_from_slice(&number.to_be_bytes());
    } else {
        key.push(0xcf);
        key.extend_from_slice(&number.to_be_bytes());
    }
}

/// Methods that call `rmp_serde`.
macro_rules! delegate {
    ($($method:ident($($name:ident: $type:ty),*) -> $result:ty;)*) => {
        $(
            #[inline]
            fn $method(self, $($name: $type),*) -> Result<$result, Error> {
                self.0.$method($($name),*)
            }
        )*
    };
}

impl<'a, 'b> Serializer for KeySerializer<'a, 'b> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = <&'a mut Msgpack<'b> as Serializer>::SerializeSeq;
    type SerializeTuple = <&'a mut Msgpack<'b> as Serializer>::SerializeTuple;
    type SerializeTupleStruct = <&'a mut Msgpack<'b> as Serializer>::SerializeTupleStruct;
    type SerializeTupleVariant = <&'a mut Msgpack<'b> as Serializer>::SerializeTupleVariant;
    type SerializeMap = <&'a mut Msgpack<'b> as Serializer>::SerializeMap;
    type SerializeStruct = <&'a mut Msgpack<'b> as Serializer>::SerializeStruct;
    type SerializeStructVariant = <&'a mut Msgpack<'b> as Serializer>::SerializeStructVariant;

    #[inline]
    fn serialize_str(self, text: &str) -> Result<(), Error> {
        let Ok(length @ 0..32) = u8::try_from(text.len()) else {
            return self.0.serialize_str(text);
        };
        let key = self.0.get_mut();
        key.push(0xa0 | length);
        bytes::append(key, text.as_bytes());
        Ok(())
    }

    integers! {
        serialize_i8: i8;
        serialize_i16: i16;
        serialize_i32: i32;
        serialize_i64: i64;
        serialize_u8: u8;
        serialize_u16: u16;
        serialize_u32: u32;
        serialize_u64: u64;
    }

    delegate! {
        serialize_bool(value: bool) -> ();
        serialize_i128(number: i128) -> ();
        serialize_u128(number: u128) -> ();
        serialize_f32(number: f32) -> ();
        serialize_f64(number: f64) -> ();
        serialize_char(character: char) -> ();
        serialize_bytes(bytes: &[u8]) -> ();
        serialize_none() -> ();
        serialize_unit() -> ();
        serialize_unit_struct(name: &'static str) -> ();
        serialize_unit_variant(name: &'static str, index: u32, variant: &'static str) -> ();
        serialize_seq(length: Option<usize>) -> Self::SerializeSeq;
        serialize_tuple(length: usize) -> Self::SerializeTuple;
        serialize_tuple_struct(name: &'static str, length: usize) -> Self::SerializeTupleStruct;
        serialize_tuple_variant(name: &'static str, index: u32, variant: &'static str, length: usize)
            -> Self::SerializeTupleVariant;
        serialize_map(length: Option<usize>) -> Self::SerializeMap;
        serialize_struct(name: &'static str, length: usize) -> Self::SerializeStruct;
        serialize_struct_variant(name: &'static str, index: u32, variant: &'static str, length: usize)
            -> Self::SerializeStructVariant;
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.0.serialize_newtype_struct(name, value)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.0
            .serialize_newtype_variant(name, index, variant, value)
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Bytes, Timestamp};

    #[track_caller]
    fn check<T: Serialize>(part: &T) {
        let mut key = vec![7];
        write(&mut key, part).unwrap();
        assert_eq!(key[1..], rmp_serde::to_vec_named(part).unwrap());
    }

    #[test]
    fn parts_are_encoded_as_by_rmp_serde() {
        for bits in 0..64 {
            for number in [(1_u64 << bits) - 1, 1 << bits, (1 << bits) + 1] {
                check(&number);
                check(&number.cast_signed());
                check(&number.wrapping_neg().cast_signed());
            }
        }
        check(&(
            u64::MAX,
            i64::MIN,
            -1_i8,
            200_u8,
            60_000_u16,
            70_000_u32,
            1_u128,
        ));
        for length in 0..70 {
            check(&"é".repeat(length));
        }
        check(&json!({"a": [1, null, true, 0.5, "x"]}));
        check(&(Some('x'), None::<u8>, 0.5_f32, Bytes::from(&b"x"[..])));
        check(&Timestamp::new(-1, 5));
    }
}
