//! Rows between their emission and their checkpoint: the values of each column as Parquet stores them.
//!
//! A row is its values, in any order, and [`END`] after them. A value is the index of its column and its bytes. Their
//! number comes before them, unless all values of the type have the same. A column without a value is null.

use journal_msgpack::{Cursor, Head};
use journal_rows::{Column, ColumnType, Error, ErrorKind, IsNil, RowTypes, append_value};

use crate::sink::tables::{Table, deciding};
use crate::sink::{EncodeError, Encoder, times};

/// Follows the last value of a row. It is no index of a column.
pub(super) const END: u8 = 0xff;
/// The bytes of a value before which their number does not come.
pub(super) const NUMBER: usize = 8;
pub(super) const ID: usize = 20;
/// The bytes of a page of Parquet are counted in 31 bits, and so are those of a group in some readers.
const MAX_ROW: usize = 500_000_000;

/// A column of the rows of one table.
#[derive(Clone, Copy, Debug)]
struct Field {
    column_type: ColumnType,
    /// It decides which row is the latest, so that nothing of it may be lost.
    decides: bool,
}

/// Encodes the rows of one table, and checks each value.
pub(super) struct RowEncoder {
    types: RowTypes,
    fields: Vec<Field>,
    max_row: usize,
}

impl RowEncoder {
    pub(super) fn new(table: &Table) -> Self {
        let deciding = table.shape.as_deref().map(deciding).unwrap_or_default();
        let field = |column: &Column| Field {
            column_type: column.column_type,
            decides: deciding.contains(&&*column.name),
        };
        Self {
            types: table.types.clone(),
            fields: table.row.columns().iter().map(field).collect(),
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
        let Self { types, fields, .. } = self;
        // Rows of outputs that have removals do not come here.
        types.of(false).read(row, |index, cursor| {
            let field = fields[index];
            // There are at most 64 columns.
            let index = u8::try_from(index).unwrap_or(END);
            let is_nil = append(index, field, cursor, encoded, limit)?;
            if encoded.len() >= limit {
                return Err(ErrorKind::TooLong.into());
            }
            Ok(is_nil)
        })?;
        if encoded.len() >= limit {
            return Err(EncodeError::TooLong);
        }
        encoded.push(END);
        if encoded.len() - start > self.max_row {
            let max = self.max_row;
            return Err(EncodeError::BadRow(format!(
                "has more than {max} bytes, which readers of Parquet may refuse"
            )));
        }
        Ok(())
    }
}

#[inline]
fn append(
    index: u8,
    field: Field,
    cursor: &mut Cursor<'_>,
    encoded: &mut Vec<u8>,
    limit: usize,
) -> Result<IsNil, Error> {
    let before = *cursor;
    let head = cursor.head()?;
    let is_nil = field.column_type.check(head)?;
    if is_nil.0 {
        return Ok(is_nil);
    }
    encoded.push(index);
    match (field.column_type, head) {
        (ColumnType::Json, _) => {
            *cursor = before;
            let length_at = encoded.len();
            encoded.extend_from_slice(&[0; 4]);
            append_value(cursor, encoded, limit)?;
            let length = length(encoded.len() - length_at - 4)?;
            encoded[length_at..length_at + 4].copy_from_slice(&length);
        }
        (ColumnType::Timestamp, Head::Ext(_, length)) => {
            let (seconds, nanoseconds) = times::read(cursor.bytes(length)?)?;
            if field.decides && nanoseconds % 1000 != 0 {
                let reason = "has a time with nanoseconds, of which Parquet files have microseconds only, where times \
                              decide which row is the latest";
                return Err(ErrorKind::Unfit(reason).into());
            }
            // Times before 1970 have nanoseconds after their second, too: this is the microsecond before.
            let micros = seconds * 1_000_000 + i64::from(nanoseconds / 1000);
            encoded.extend_from_slice(&micros.to_le_bytes());
        }
        (_, Head::Bool(value)) => encoded.push(u8::from(value)),
        // The check has refused what is not in the range of the column.
        (_, Head::Int(number)) => encoded.extend_from_slice(&number.to_le_bytes()),
        (_, Head::Uint(number)) => encoded.extend_from_slice(&number.to_le_bytes()),
        (_, Head::F32(number)) => encoded.extend_from_slice(&f64::from(number).to_le_bytes()),
        (_, Head::F64(number)) => encoded.extend_from_slice(&number.to_le_bytes()),
        // 20 bytes.
        (ColumnType::Id, Head::Bin(length)) => encoded.extend_from_slice(cursor.bytes(length)?),
        (_, Head::Str(length)) => {
            let text = cursor.bytes(length)?;
            if std::str::from_utf8(text).is_err() {
                return Err(ErrorKind::NotUtf8.into());
            }
            bytes(text, encoded, limit)?;
        }
        (_, Head::Bin(length)) => bytes(cursor.bytes(length)?, encoded, limit)?,
        // The check has refused all others.
        _ => return Err(ErrorKind::NotAMap.into()),
    }
    Ok(is_nil)
}

#[inline]
fn bytes(bytes: &[u8], encoded: &mut Vec<u8>, limit: usize) -> Result<(), ErrorKind> {
    if bytes.len() > limit.saturating_sub(encoded.len()) {
        return Err(ErrorKind::TooLong);
    }
    encoded.extend_from_slice(&length(bytes.len())?);
    encoded.extend_from_slice(bytes);
    Ok(())
}

fn length(bytes: usize) -> Result<[u8; 4], ErrorKind> {
    let length = u32::try_from(bytes).map_err(|_| ErrorKind::TooLong)?;
    Ok(length.to_le_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::tables::tests::{column, latest, table};

    fn encoder(types: &[(&str, ColumnType)]) -> RowEncoder {
        let column = |&(name, column_type): &(&str, ColumnType)| column(name, column_type, true);
        RowEncoder::new(&table(types.iter().map(column).collect(), None))
    }

    fn refused(encoder: &mut RowEncoder, row: &[u8]) -> String {
        match encoder.encode(row, &mut Vec::new(), 1 << 20) {
            Err(EncodeError::BadRow(reason)) => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_value_is_its_column_and_its_bytes() {
        let mut numbers = encoder(&[("a", ColumnType::Int), ("b", ColumnType::Text)]);
        let mut encoded = Vec::new();
        // Another order, nil, and no field at all.
        for row in [&b"\x82\xa1b\xa1x\xa1a\xff"[..], b"\x81\xa1b\xc0", b"\x80"] {
            numbers.encode(row, &mut encoded, 1 << 20).unwrap();
        }
        let mut expected = b"\x01\x01\0\0\0x\0".to_vec();
        expected.extend((-1_i64).to_le_bytes());
        expected.extend([END, END, END]);
        assert_eq!(encoded, expected);
    }

    #[test]
    fn row_never_passes_the_limit() {
        let row = b"\x83\xa1a\x01\xa1b\xa4abcd\xa1c\xc3";
        let types = [
            ("a", ColumnType::Int),
            ("b", ColumnType::Text),
            ("c", ColumnType::Bool),
        ];
        let mut whole = Vec::new();
        encoder(&types).encode(row, &mut whole, 1 << 20).unwrap();
        for limit in 0..whole.len() {
            let mut encoded = Vec::new();
            let refused = encoder(&types).encode(row, &mut encoded, limit);
            assert!(matches!(refused, Err(EncodeError::TooLong)), "{limit}");
        }
        let mut encoded = Vec::new();
        encoder(&types)
            .encode(row, &mut encoded, whole.len())
            .unwrap();
        assert_eq!(encoded, whole);
    }

    #[test]
    fn values_that_no_file_has_are_refused() {
        let mut floats = encoder(&[("a", ColumnType::Float)]);
        let nan = [&b"\x81\xa1a\xcb"[..], &f64::NAN.to_be_bytes()].concat();
        assert!(refused(&mut floats, &nan).contains("NaN"));
        let mut texts = encoder(&[("a", ColumnType::Text)]);
        assert!(refused(&mut texts, b"\x81\xa1a\xa1\xff").contains("UTF-8"));
        // The year 294277.
        let mut times = encoder(&[("a", ColumnType::Timestamp)]);
        let late = [
            &b"\x81\xa1a\xc7\x0c\xff\0\0\0\0"[..],
            &9_224_318_016_000_i64.to_be_bytes(),
        ];
        assert!(
            refused(&mut times, &late.concat()).contains("year"),
            "{}",
            refused(&mut times, &late.concat())
        );
        let mut small = encoder(&[("a", ColumnType::Text)]);
        small.max_row = 4;
        assert!(refused(&mut small, b"\x81\xa1a\xa4abcd").contains("more than 4 bytes"));
    }

    #[test]
    fn times_that_decide_lose_nothing() {
        let columns = vec![
            column("k", ColumnType::Text, false),
            column("t", ColumnType::Timestamp, true),
            column("v", ColumnType::Timestamp, true),
        ];
        let mut decide = RowEncoder::new(&table(columns, Some(latest(&["k"], "t", &["v"]))));
        let mut only = encoder(&[("t", ColumnType::Timestamp)]);
        // 1,500 nanoseconds after 1970 began.
        let time = b"\xd7\xff\0\0\x17\x70\0\0\0\0";
        let row = [&b"\x82\xa1k\xa1a\xa1t"[..], time].concat();
        assert!(refused(&mut decide, &row).contains("nanoseconds"));
        let row = [&b"\x81\xa1t"[..], time].concat();
        let mut encoded = Vec::new();
        only.encode(&row, &mut encoded, 1 << 20).unwrap();
        assert_eq!(encoded[1..9], 1_i64.to_le_bytes());
    }
}
