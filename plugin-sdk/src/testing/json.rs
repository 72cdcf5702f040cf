//! Rows as the host writes them: the rules of its JSON sink, which is the strictest.

use rmp::Marker;
use serde_json::{Map, Number, Value};

use crate::{Bytes, Timestamp};

/// Maps and lists that a row may have inside of each other, itself included.
const MAX_DEPTH: usize = 128;

/// One row; an error is what is wrong with it.
pub(super) fn row(msgpack: &[u8]) -> Result<Value, String> {
    let mut reader = Reader { rest: msgpack };
    let row = reader.value(MAX_DEPTH)?;
    if reader.rest.is_empty() {
        Ok(row)
    } else {
        Err("goes on after the end of its map".to_owned())
    }
}

/// Reads msgpack strictly. That of `serde` neither tells bytes from text that is not UTF-8 nor where it stopped.
struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// One value, with so many levels of maps and lists.
    fn value(&mut self, depth: usize) -> Result<Value, String> {
        let [marker] = self.array()?;
        Ok(match Marker::from_u8(marker) {
            Marker::Null => Value::Null,
            Marker::False => false.into(),
            Marker::True => true.into(),
            Marker::FixPos(number) => number.into(),
            Marker::FixNeg(number) => number.into(),
            Marker::U8 => u8::from_be_bytes(self.array()?).into(),
            Marker::U16 => u16::from_be_bytes(self.array()?).into(),
            Marker::U32 => u32::from_be_bytes(self.array()?).into(),
            Marker::U64 => u64::from_be_bytes(self.array()?).into(),
            Marker::I8 => i8::from_be_bytes(self.array()?).into(),
            Marker::I16 => i16::from_be_bytes(self.array()?).into(),
            Marker::I32 => i32::from_be_bytes(self.array()?).into(),
            Marker::I64 => i64::from_be_bytes(self.array()?).into(),
            Marker::F32 => short_float(f32::from_be_bytes(self.array()?))?,
            Marker::F64 => float(f64::from_be_bytes(self.array()?))?,
            Marker::Reserved => return Err("is not valid msgpack: it has the byte c1".to_owned()),
            marker => return self.sized(marker, depth),
        })
    }

    /// A value that says how long it is.
    fn sized(&mut self, marker: Marker, depth: usize) -> Result<Value, String> {
        match marker {
            Marker::Bin8 | Marker::Bin16 | Marker::Bin32 => {
                let length = self.length(marker)?;
                Ok(Bytes::from(self.bytes(length)?).to_string().into())
            }
            Marker::FixArray(_) | Marker::Array16 | Marker::Array32 => {
                let (length, depth) = (self.length(marker)?, inside(depth)?);
                (0..length).map(|_| self.value(depth)).collect()
            }
            Marker::FixMap(_) | Marker::Map16 | Marker::Map32 => {
                let (length, depth) = (self.length(marker)?, inside(depth)?);
                let mut map = Map::new();
                for _ in 0..length {
                    map.insert(self.key()?, self.value(depth)?);
                }
                Ok(map.into())
            }
            Marker::FixStr(_) | Marker::Str8 | Marker::Str16 | Marker::Str32 => {
                Ok(self.text(marker, "has a text that is not UTF-8")?.into())
            }
            _ => self.extension(marker),
        }
    }

    /// A key, which must be text: the host takes no bytes for it either.
    fn key(&mut self) -> Result<String, String> {
        let [marker] = self.array()?;
        let marker = Marker::from_u8(marker);
        match marker {
            Marker::FixStr(_) | Marker::Str8 | Marker::Str16 | Marker::Str32 => {
                self.text(marker, "has a key that is not UTF-8")
            }
            _ => Err("has a key that is no text".to_owned()),
        }
    }

    fn text(&mut self, marker: Marker, not_utf8: &str) -> Result<String, String> {
        let length = self.length(marker)?;
        let text = std::str::from_utf8(self.bytes(length)?);
        Ok(text.map_err(|_| not_utf8)?.to_owned())
    }

    fn extension(&mut self, marker: Marker) -> Result<Value, String> {
        let length = self.length(marker)?;
        let kind = i8::from_be_bytes(self.array()?);
        if kind != -1 {
            return Err(format!("holds the msgpack extension {kind}"));
        }
        match Timestamp::from_msgpack(self.bytes(length)?) {
            Some(time) if time.has_four_digit_year() => Ok(time.to_string().into()),
            _ => Err("holds a time that RFC 3339 cannot write".to_owned()),
        }
    }

    /// Bytes, or entries of a map or list.
    fn length(&mut self, marker: Marker) -> Result<usize, String> {
        Ok(match marker {
            Marker::FixStr(length) | Marker::FixArray(length) | Marker::FixMap(length) => {
                length.into()
            }
            Marker::FixExt1 => 1,
            Marker::FixExt2 => 2,
            Marker::FixExt4 => 4,
            Marker::FixExt8 => 8,
            Marker::FixExt16 => 16,
            Marker::Str8 | Marker::Bin8 | Marker::Ext8 => u8::from_be_bytes(self.array()?).into(),
            Marker::Str16 | Marker::Bin16 | Marker::Ext16 | Marker::Array16 | Marker::Map16 => {
                u16::from_be_bytes(self.array()?).into()
            }
            _ => u32::from_be_bytes(self.array()?) as usize,
        })
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let (array, rest) = self.rest.split_first_chunk().ok_or_else(too_short)?;
        self.rest = rest;
        Ok(*array)
    }

    fn bytes(&mut self, length: usize) -> Result<&'a [u8], String> {
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or_else(too_short)?;
        self.rest = rest;
        Ok(bytes)
    }
}

fn too_short() -> String {
    "is not valid msgpack: it ends too early".to_owned()
}

/// The levels that are left inside of a map or list.
fn inside(depth: usize) -> Result<usize, String> {
    let left = depth.checked_sub(1);
    left.ok_or_else(|| format!("is nested deeper than {MAX_DEPTH} levels"))
}

fn short_float(value: f32) -> Result<Value, String> {
    // In the shortest text that reads back as the same 32 bits, which has its own nearest 64 bits.
    let shortest = value.to_string().parse();
    float(shortest.unwrap_or_else(|_| f64::from(value)))
}

fn float(value: f64) -> Result<Value, String> {
    let number = Number::from_f64(value).map(Value::Number);
    number.ok_or_else(|| format!("holds the number {value}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn nested(levels: usize) -> Vec<u8> {
        let lists = [vec![0x91; levels - 2], vec![0x90]].concat();
        [b"\x81\xa1a".to_vec(), lists].concat()
    }

    #[test]
    fn depth_is_bounded_as_in_the_host() {
        assert!(row(&nested(128)).is_ok());
        assert_eq!(
            row(&nested(129)).unwrap_err(),
            "is nested deeper than 128 levels"
        );
    }

    #[test]
    fn short_floats_are_written_shortly() {
        assert_eq!(
            row(b"\x81\xa1a\xca\x3d\xcc\xcc\xcd").unwrap(),
            json!({"a": 0.1})
        );
    }

    #[test]
    fn what_json_lacks_is_refused() {
        let refused = |value: &[u8]| row(&[b"\x81\xa1a", value].concat()).unwrap_err();
        assert_eq!(refused(b"\xca\x7f\x80\x00\x00"), "holds the number inf");
        assert_eq!(refused(b"\xd4\x05x"), "holds the msgpack extension 5");
        assert_eq!(
            refused(b"\xd4\xffx"),
            "holds a time that RFC 3339 cannot write"
        );
        assert_eq!(refused(b"\x81\xc4\x00\x01"), "has a key that is no text");
        assert!(refused(b"\xa5x").starts_with("is not valid msgpack: "));
        assert!(refused(b"\xc1").starts_with("is not valid msgpack: "));
    }

    #[test]
    fn map_that_is_longer_or_shorter_than_it_says_is_refused() {
        assert_eq!(
            row(b"\x81\xa1a\x01\xa1b\x02").unwrap_err(),
            "goes on after the end of its map"
        );
        assert_eq!(
            row(b"\x82\xa1a\x01").unwrap_err(),
            "is not valid msgpack: it ends too early"
        );
    }

    #[test]
    fn text_that_is_not_utf8_is_refused_and_such_bytes_are_not() {
        let refused = |row_: &[u8]| row(row_).unwrap_err();
        assert_eq!(
            refused(b"\x81\xa1a\xa1\xff"),
            "has a text that is not UTF-8"
        );
        assert_eq!(refused(b"\x81\xa1\xff\x01"), "has a key that is not UTF-8");
        assert_eq!(row(b"\x81\xa1a\xc4\x01\xff").unwrap(), json!({"a": "ff"}));
    }

    #[test]
    fn lengths_and_numbers_of_every_size_are_read() {
        let value = json!({
            "integers": [0, 127, 255, 65535, u32::MAX, u64::MAX, -1, -128, -32768, i32::MIN, i64::MIN],
            "floats": [0.25, f64::MAX],
            "texts": ["", "x".repeat(31), "x".repeat(255), "x".repeat(65535), "x".repeat(65536)],
            "lists": [vec![1; 15], vec![1; 65535], vec![1; 65536]],
            "others": [null, true, false, {}],
        });
        assert_eq!(row(&rmp_serde::to_vec(&value).unwrap()).unwrap(), value);
    }
}
