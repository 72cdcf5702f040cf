//! Refuses footers whose tree of types the reader of ORC cannot walk: it recurses with the tree, and a stack that
//! overflows ends the process.
//!
//! Footers that are compressed by a method which the host has no other use for are not looked at.

use std::io::Read;

use orc_rust::reader::ChunkReader;

/// Types within types, at most. Upstream's columns are not nested.
const DEPTH: usize = 32;
/// Bytes of a footer, at most.
const BYTES: u64 = 64 << 20;

/// The reason why a footer is refused.
const DAMAGED: &str = "its footer is damaged";

/// Checks the footer of a file.
pub(super) fn check(input: &impl ChunkReader) -> Result<(), &'static str> {
    let Some(types) = types(input).ok_or(DAMAGED)? else {
        return Ok(());
    };
    let mut depths = vec![0; types.len()];
    for (index, subtypes) in types.iter().enumerate() {
        for &subtype in subtypes {
            // A type comes before those in it, and is in one other type.
            let is_new = subtype > index && depths.get(subtype) == Some(&0);
            if !is_new || depths[index] == DEPTH {
                return Err(DAMAGED);
            }
            depths[subtype] = depths[index] + 1;
        }
    }
    Ok(())
}

/// The indexes of the types in each type. The outer `None` is for a file that is damaged, the inner one for a footer that is
/// not looked at.
#[expect(
    clippy::option_option,
    reason = "a damaged file is not one that is passed over"
)]
fn types(input: &impl ChunkReader) -> Option<Option<Vec<Vec<usize>>>> {
    let bytes = input.len();
    let read = |from: u64, length: u64| input.get_bytes(from, length).ok();
    let length = u64::from(*read(bytes.checked_sub(1)?, 1)?.first()?);
    let end = bytes.checked_sub(1 + length)?;
    let postscript = read(end, length)?;
    let (mut footer, mut compression) = (0, 0);
    for field in Fields(&postscript) {
        match field? {
            (1, Field::Number(number)) => footer = number,
            (2, Field::Number(number)) => compression = number,
            _ => {}
        }
    }
    if footer > BYTES {
        return None;
    }
    let footer = read(end.checked_sub(footer)?, footer)?;
    let Some(footer) = decompressed(&footer, compression)? else {
        return Some(None);
    };
    let mut types = Vec::new();
    for field in Fields(&footer) {
        let (4, Field::Bytes(bytes)) = field? else {
            continue;
        };
        let mut subtypes = Vec::new();
        for field in Fields(bytes) {
            match field? {
                (2, Field::Number(number)) => subtypes.push(usize::try_from(number).ok()?),
                (2, Field::Bytes(mut packed)) => {
                    while !packed.is_empty() {
                        subtypes.push(usize::try_from(varint(&mut packed)?).ok()?);
                    }
                }
                _ => {}
            }
        }
        types.push(subtypes);
    }
    Some(Some(types))
}

/// The bytes of a footer, in the same two layers.
#[expect(
    clippy::option_option,
    reason = "a damaged file is not one that is passed over"
)]
fn decompressed(mut bytes: &[u8], compression: u64) -> Option<Option<Vec<u8>>> {
    if compression == 0 {
        return Some(Some(bytes.to_vec()));
    }
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let (header, rest) = bytes.split_first_chunk::<3>()?;
        let header = u32::from_le_bytes([header[0], header[1], header[2], 0]);
        let (chunk, rest) = rest.split_at_checked(header as usize >> 1)?;
        let limit = BYTES.checked_sub(all.len() as u64)?;
        match (header & 1, compression) {
            (1, _) => all.extend_from_slice(chunk),
            (_, 1) => {
                let limit = usize::try_from(limit).ok()?;
                let chunk = miniz_oxide::inflate::decompress_to_vec_with_limit(chunk, limit);
                all.extend(chunk.ok()?);
            }
            (_, 5) => {
                let chunk = zstd::Decoder::new(chunk).ok()?;
                chunk.take(limit).read_to_end(&mut all).ok()?;
            }
            _ => return Some(None),
        }
        bytes = rest;
    }
    Some(Some(all))
}

/// A field of a message of protobuf.
enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Fixed,
}

/// The fields of a message, each with its number; `None` where it is damaged.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Option<(u64, Field<'a>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field)
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Option<(u64, Field<'a>)> {
        let tag = varint(&mut self.0)?;
        let field = match tag & 7 {
            0 => Field::Number(varint(&mut self.0)?),
            1 => self.skip(8)?,
            2 => {
                let length = usize::try_from(varint(&mut self.0)?).ok()?;
                let (bytes, rest) = self.0.split_at_checked(length)?;
                self.0 = rest;
                Field::Bytes(bytes)
            }
            5 => self.skip(4)?,
            _ => return None,
        };
        Some((tag >> 3, field))
    }

    fn skip(&mut self, bytes: usize) -> Option<Field<'a>> {
        self.0 = self.0.get(bytes..)?;
        Some(Field::Fixed)
    }
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The end of a file whose types have these types in them.
    fn file(types: &[&[u8]]) -> bytes::Bytes {
        let mut footer = Vec::new();
        for subtypes in types {
            let length = u8::try_from(subtypes.len()).unwrap();
            footer.extend([4 << 3 | 2, length + 2, 2 << 3 | 2, length]);
            footer.extend_from_slice(subtypes);
        }
        let length = footer.len();
        let [low, high] =
            [length & 0x7f | 0x80, length >> 7].map(|seven| u8::try_from(seven).unwrap());
        footer.extend([1 << 3, low, high, 3]);
        footer.into()
    }

    #[test]
    fn types_that_are_in_themselves_are_refused() {
        assert_eq!(check(&file(&[&[1, 2], &[], &[3], &[]])), Ok(()));
        for types in [
            &[&[0][..]][..],
            &[&[1], &[0]],
            &[&[1], &[1]],
            // Two types have one type in them, which can go on for ever.
            &[&[1, 1], &[]],
            &[&[5]],
        ] {
            assert_eq!(check(&file(types)), Err(DAMAGED), "{types:?}");
        }
    }

    #[test]
    fn types_that_are_nested_too_deeply_are_refused() {
        let subtypes: Vec<Vec<u8>> = (1..=40).map(|index| vec![index]).collect();
        let nested = |depth: usize| {
            let mut types: Vec<&[u8]> = subtypes[..depth].iter().map(Vec::as_slice).collect();
            types.push(&[]);
            check(&file(&types))
        };
        assert_eq!(nested(DEPTH), Ok(()));
        assert_eq!(nested(DEPTH + 1), Err(DAMAGED));
    }
}
