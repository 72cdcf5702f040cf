//! Rows between their emission and their transaction: values that SQLite takes as they are.
//!
//! A row is its values, in any order, and [`END`] after them. A value is the index of its column, its type and its bytes.
//! A column without a value is NULL.

use journal_msgpack::{Cursor, Head};
use journal_rows::{ColumnType, Error, ErrorKind, IsNil, RowTypes, append_value};

use crate::sink::{EncodeError, Encoder};

/// Follows the last value of a row. It is no index of a column.
const END: u8 = 0xff;
/// SQLite's limit on the bytes of a row is 10^9, its header included.
const MAX_ROW: usize = 900_000_000;

const INTEGER: u8 = 0;
const REAL: u8 = 1;
const TEXT: u8 = 2;
const BLOB: u8 = 3;

/// A value as SQLite stores it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value<'a> {
    Integer(i64),
    Real(f64),
    /// It is UTF-8.
    Text(&'a [u8]),
    Blob(&'a [u8]),
}

/// Encodes the rows of one table, and checks each value.
pub(super) struct RowEncoder {
    types: RowTypes,
    max_row: usize,
}

impl RowEncoder {
    pub(super) fn new(types: RowTypes) -> Self {
        Self {
            types,
            max_row: MAX_ROW,
        }
    }
}

impl Encoder for RowEncoder {
    fn encode(
        &mut self,
        row: &[u8],
        encoded: &mut Vec<u8>,
        limit: usize,
    ) -> Result<(), EncodeError> {
        let start = encoded.len();
        let is_removal = self.types.is_removal(row)?;
        let row_type = self.types.of(is_removal);
        let columns = row_type.columns();
        row_type.read(row, |index, cursor| {
            let column_type = columns[index].column_type;
            // There are at most 64 columns.
            let index = u8::try_from(index).unwrap_or(END);
            let is_nil = append(index, column_type, cursor, encoded, limit)?;
            if encoded.len() > limit {
                return Err(ErrorKind::TooLong.into());
            }
            Ok(is_nil)
        })?;
        if encoded.len() - start > self.max_row {
            let max = self.max_row;
            return Err(EncodeError::BadRow(format!(
                "has more than {max} bytes, which SQLite cannot store"
            )));
        }
        if let Some(removed) = self.types.removed().filter(|_| !is_removal) {
            integer(u8::try_from(removed).unwrap_or(END), 0, encoded);
            if encoded.len() > limit {
                return Err(EncodeError::TooLong);
            }
        }
        encoded.push(END);
        Ok(())
    }
}

fn append(
    index: u8,
    column_type: ColumnType,
    cursor: &mut Cursor<'_>,
    encoded: &mut Vec<u8>,
    limit: usize,
) -> Result<IsNil, Error> {
    let before = *cursor;
    let head = cursor.head()?;
    let is_nil = column_type.check(head)?;
    if is_nil.0 {
        return Ok(is_nil);
    }
    match (column_type, head) {
        (ColumnType::Json, _) => {
            *cursor = before;
            as_json(index, cursor, encoded, limit)?;
        }
        (ColumnType::Timestamp, _) => {
            *cursor = before;
            as_json(index, cursor, encoded, limit)?;
            // A timestamp is a text in quotes.
            unquote(encoded);
        }
        (_, Head::Bool(value)) => integer(index, i64::from(value), encoded),
        (_, Head::Int(number)) => integer(index, number, encoded),
        (_, Head::Uint(number)) => {
            let number = i64::try_from(number).map_err(|_| {
                let reason = "has an integer of 2^63 or more, which SQLite cannot store";
                ErrorKind::Unfit(reason)
            })?;
            integer(index, number, encoded);
        }
        (_, Head::F32(number)) => real(index, f64::from(number), encoded),
        (_, Head::F64(number)) => real(index, number, encoded),
        (_, Head::Str(length)) => {
            let text = cursor.bytes(length)?;
            if std::str::from_utf8(text).is_err() {
                return Err(ErrorKind::NotUtf8.into());
            }
            bytes(index, TEXT, text, encoded, limit)?;
        }
        (_, Head::Bin(length)) => bytes(index, BLOB, cursor.bytes(length)?, encoded, limit)?,
        // The check has refused all others.
        _ => return Err(ErrorKind::NotAMap.into()),
    }
    Ok(is_nil)
}

fn integer(index: u8, number: i64, encoded: &mut Vec<u8>) {
    encoded.extend_from_slice(&[index, INTEGER]);
    encoded.extend_from_slice(&number.to_le_bytes());
}

fn real(index: u8, number: f64, encoded: &mut Vec<u8>) {
    encoded.extend_from_slice(&[index, REAL]);
    encoded.extend_from_slice(&number.to_le_bytes());
}

fn bytes(
    index: u8,
    kind: u8,
    bytes: &[u8],
    encoded: &mut Vec<u8>,
    limit: usize,
) -> Result<(), ErrorKind> {
    let length = u32::try_from(bytes.len()).map_err(|_| ErrorKind::TooLong)?;
    if bytes.len() > limit.saturating_sub(encoded.len()) {
        return Err(ErrorKind::TooLong);
    }
    encoded.extend_from_slice(&[index, kind]);
    encoded.extend_from_slice(&length.to_le_bytes());
    encoded.extend_from_slice(bytes);
    Ok(())
}

fn as_json(
    index: u8,
    cursor: &mut Cursor<'_>,
    encoded: &mut Vec<u8>,
    limit: usize,
) -> Result<(), Error> {
    encoded.extend_from_slice(&[index, TEXT]);
    let length_at = encoded.len();
    encoded.extend_from_slice(&[0; 4]);
    append_value(cursor, encoded, limit)?;
    set_length(encoded, length_at)
}

fn set_length(encoded: &mut [u8], length_at: usize) -> Result<(), Error> {
    let length = u32::try_from(encoded.len() - length_at - 4).map_err(|_| ErrorKind::TooLong)?;
    encoded[length_at..length_at + 4].copy_from_slice(&length.to_le_bytes());
    Ok(())
}

/// Removes the quotes of the text that ends here, which is short and has no escape.
fn unquote(encoded: &mut Vec<u8>) {
    encoded.pop();
    let text = encoded.iter().rposition(|&byte| byte == b'"');
    if let Some(quote) = text {
        encoded.remove(quote);
        let length = u32::try_from(encoded.len() - quote).unwrap_or_default();
        encoded[quote - 4..quote].copy_from_slice(&length.to_le_bytes());
    }
}

/// The rows of encoded bytes.
pub(super) struct Rows<'a>(pub(super) &'a [u8]);

impl<'a> Iterator for Rows<'a> {
    type Item = &'a [u8];

    /// The next row, without its end.
    fn next(&mut self) -> Option<&'a [u8]> {
        if self.0.is_empty() {
            return None;
        }
        let mut values = Values(self.0);
        while values.next().is_some() {}
        let length = self.0.len() - values.0.len();
        let row = &self.0[..length];
        self.0 = values.0.get(1..).unwrap_or_default();
        Some(row)
    }
}

/// The values of a row, each with the index of its column.
pub(super) struct Values<'a>(pub(super) &'a [u8]);

impl<'a> Iterator for Values<'a> {
    type Item = (usize, Value<'a>);

    fn next(&mut self) -> Option<(usize, Value<'a>)> {
        let (&[index, kind], rest) = self.0.split_first_chunk::<2>()?;
        if index == END {
            return None;
        }
        let (value, rest) = if kind == INTEGER || kind == REAL {
            let (&number, rest) = rest.split_first_chunk::<8>()?;
            let value = if kind == INTEGER {
                Value::Integer(i64::from_le_bytes(number))
            } else {
                Value::Real(f64::from_le_bytes(number))
            };
            (value, rest)
        } else {
            let (&length, rest) = rest.split_first_chunk::<4>()?;
            let (bytes, rest) = rest.split_at_checked(u32::from_le_bytes(length) as usize)?;
            let value = if kind == TEXT {
                Value::Text(bytes)
            } else {
                Value::Blob(bytes)
            };
            (value, rest)
        };
        self.0 = rest;
        Some((usize::from(index), value))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use journal_rows::{Column, RowType};

    use super::*;

    fn encoder(types: &[(&str, ColumnType)]) -> RowEncoder {
        let column = |&(name, column_type): &(&str, ColumnType)| Column {
            name: name.to_owned(),
            column_type,
            nullable: true,
            summary: String::new(),
        };
        let row = RowType::new(types.iter().map(column).collect()).unwrap();
        RowEncoder::new(RowTypes::One(Arc::new(row)))
    }

    fn refused(encoder: &mut RowEncoder, row: &[u8]) -> String {
        match encoder.encode(row, &mut Vec::new(), 1 << 20) {
            Err(EncodeError::BadRow(reason)) => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn values_come_back_as_sqlite_stores_them() {
        let mut rows = encoder(&[
            ("a", ColumnType::Bool),
            ("b", ColumnType::Int),
            ("c", ColumnType::Float),
            ("d", ColumnType::Text),
            ("e", ColumnType::Bytes),
            ("f", ColumnType::Timestamp),
            ("g", ColumnType::Json),
        ]);
        let first = b"\x87\xa1a\xc3\xa1b\xff\xa1c\xca\x3f\0\0\0\xa1d\xa1\xff\xa1e\xc4\x01\xff\xa1f\xd6\xff\0\0\0\0\xa1g\x92\x01\xc0";
        let first = {
            let mut row = first.to_vec();
            let at = row.iter().position(|&byte| byte == b'd').unwrap();
            row[at + 2] = b'"';
            row
        };
        let mut encoded = Vec::new();
        rows.encode(&first, &mut encoded, 1 << 20).unwrap();
        // Another order, and fewer columns.
        rows.encode(b"\x83\xa1e\xc4\0\xa1a\xc2\xa1b\xc0", &mut encoded, 1 << 20)
            .unwrap();
        rows.encode(b"\x80", &mut encoded, 1 << 20).unwrap();
        let found: Vec<Vec<_>> = Rows(&encoded).map(|row| Values(row).collect()).collect();
        let expected = [
            vec![
                (0, Value::Integer(1)),
                (1, Value::Integer(-1)),
                (2, Value::Real(0.5)),
                (3, Value::Text(b"\"")),
                (4, Value::Blob(b"\xff")),
                (5, Value::Text(b"1970-01-01T00:00:00Z")),
                (6, Value::Text(b"[1,null]")),
            ],
            vec![(4, Value::Blob(b"")), (0, Value::Integer(0))],
            vec![],
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn what_sqlite_cannot_store_is_refused_when_it_is_emitted() {
        let mut rows = encoder(&[("a", ColumnType::Uint), ("b", ColumnType::Text)]);
        let largest = b"\x81\xa1a\xcf\x7f\xff\xff\xff\xff\xff\xff\xff";
        assert!(rows.encode(largest, &mut Vec::new(), 100).is_ok());
        let reason = refused(&mut rows, b"\x81\xa1a\xcf\x80\0\0\0\0\0\0\0");
        assert!(
            reason.contains("2^63 or more, which SQLite cannot store"),
            "{reason}"
        );
        assert!(reason.contains("field `a`"), "{reason}");
        let reason = refused(&mut rows, b"\x81\xa1b\xa1\xff");
        assert!(reason.contains("not UTF-8"), "{reason}");
        rows.max_row = 10;
        let reason = refused(&mut rows, b"\x81\xa1b\xa8aaaaaaaa");
        assert!(reason.contains("more than 10 bytes"), "{reason}");
        let long = [b"\x81\xa1b\xda\x40\0", [b'a'; 0x4000].as_slice()].concat();
        let refused = rows.encode(&long, &mut Vec::new(), 0x3fff);
        assert!(matches!(refused, Err(EncodeError::TooLong)));
    }
}
