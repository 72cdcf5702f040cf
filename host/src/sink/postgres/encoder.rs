//! Rows between their emission and their transaction: tuples of PostgreSQL's binary COPY.
//!
//! A tuple is the number of its fields, and for each the number of its bytes, or -1 for NULL, and the bytes.

use journal_aggregate::Merge;
use journal_msgpack::{Cursor, Head};
use journal_rows::{ColumnType, Error, ErrorKind, IsNil, RowTypes, append_value};

use crate::sink::tables::{Table, deciding};
use crate::sink::{EncodeError, Encoder, times};

/// What comes before the first tuple: the signature, no flags, and no extension.
pub(super) const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What comes after the last tuple.
pub(super) const TRAILER: &[u8] = &(-1_i16).to_be_bytes();
/// PostgreSQL's limit on the bytes of a field is 2^30 - 1, and a row has to fit into one message.
const MAX_ROW: usize = 500_000_000;
/// PostgreSQL's limit on the bytes of an entry in an index of 8 KiB pages.
const MAX_KEY: usize = 2704;
/// What an entry takes beside its values, at most: its own header, and that of each value with the bytes that align it.
const KEY_HEADER: usize = 16;
const FIELD_HEADER: usize = 12;
/// What stands for NULL.
const NULL: i32 = -1;
/// The first second of the years that PostgreSQL counts from.
const EPOCH: i64 = 946_684_800;

/// A field of the rows of one table.
#[derive(Clone, Copy, Debug)]
struct Field {
    column_type: ColumnType,
    /// It is stored as `numeric`.
    is_numeric: bool,
    is_key: bool,
    /// It decides which row is the latest, so that nothing of it may be lost, and equal values have equal bytes.
    decides: bool,
}

/// Encodes the rows of one table, and checks each value.
pub(super) struct TupleEncoder {
    types: RowTypes,
    fields: Vec<Field>,
    has_key: bool,
    /// The bytes of the values of the row at work, from its start.
    spans: Vec<Option<(usize, usize)>>,
    /// A row whose fields come in another order than those of the plan.
    reordered: Vec<u8>,
    max_row: usize,
}

impl TupleEncoder {
    pub(super) fn new(table: &Table) -> Self {
        let columns = table.row.columns();
        let key = table.key().unwrap_or_default();
        let deciding = match (table.shape.as_deref(), table.ranking()) {
            (Some(shape), _) => deciding(shape),
            (None, Some(ranking)) => ranking.iter().map(|column| &*column.name).collect(),
            (None, None) => Vec::new(),
        };
        let field = |column: &journal_rows::Column| Field {
            decides: deciding.contains(&&*column.name),
            column_type: column.column_type,
            is_numeric: is_numeric(table, column),
            is_key: key.iter().any(|one| one.name == column.name),
        };
        let fields: Vec<Field> = columns.iter().map(field).collect();
        Self {
            types: table.types.clone(),
            has_key: fields.iter().any(|field| field.is_key),
            spans: vec![None; fields.len()],
            fields,
            reordered: Vec::new(),
            max_row: MAX_ROW,
        }
    }

    fn check_key(&self) -> Result<(), EncodeError> {
        let keys = self
            .fields
            .iter()
            .zip(&self.spans)
            .filter(|(field, _)| field.is_key);
        let bytes = keys.map(|(_, span)| FIELD_HEADER + span.map_or(0, |(start, end)| end - start));
        let bytes: usize = KEY_HEADER + bytes.sum::<usize>();
        if bytes <= MAX_KEY {
            return Ok(());
        }
        Err(EncodeError::BadRow(format!(
            "has a key of {bytes} bytes, and an index of PostgreSQL takes {MAX_KEY}"
        )))
    }

    /// Brings the fields of the row that starts here into the order of the plan.
    fn reorder(&mut self, encoded: &mut Vec<u8>, start: usize) {
        self.reordered.clear();
        self.reordered.extend_from_slice(&encoded[start..]);
        encoded.truncate(start + size_of::<i16>());
        for span in &self.spans {
            match *span {
                // The number of bytes comes before the bytes.
                Some((from, to)) => {
                    encoded.extend_from_slice(&self.reordered[from - size_of::<i32>()..to]);
                }
                None => encoded.extend_from_slice(&NULL.to_be_bytes()),
            }
        }
        self.reordered.shrink_to(1 << 20);
    }
}

/// Whether a column is stored as `numeric`: sums of unsigned integers have no limit.
pub(super) fn is_numeric(table: &Table, column: &journal_rows::Column) -> bool {
    let shape = table.shape.as_deref();
    let mut merges = shape
        .map(|shape| shape.columns.iter())
        .into_iter()
        .flatten();
    column.column_type == ColumnType::Uint
        && merges.any(|one| one.name == column.name && one.merge == Merge::Sum)
}

impl Encoder for TupleEncoder {
    fn encode(
        &mut self,
        row: &[u8],
        encoded: &mut Vec<u8>,
        limit: usize,
    ) -> Result<(), EncodeError> {
        let start = encoded.len();
        let is_removal = self.types.is_removal(row)?;
        let Self {
            types,
            fields,
            spans,
            ..
        } = self;
        spans.fill(None);
        // A removal says so in its first field, so that its order is another one.
        let removed = types.removed().filter(|_| !is_removal);
        let last = removed.unwrap_or(fields.len());
        // There are at most 64 columns.
        let count = i16::try_from(fields.len()).unwrap_or(i16::MAX);
        encoded.extend_from_slice(&count.to_be_bytes());
        let (mut next, mut is_in_order) = (0, true);
        types.of(is_removal).read(row, |index, cursor| {
            is_in_order &= index >= next;
            if is_in_order {
                for _ in next..index {
                    encoded.extend_from_slice(&NULL.to_be_bytes());
                }
                next = index + 1;
            }
            let before = encoded.len() + size_of::<i32>() - start;
            let is_nil = append(fields[index], cursor, encoded, limit)?;
            if !is_nil.0 {
                spans[index] = Some((before, encoded.len() - start));
            }
            if encoded.len() > limit {
                return Err(ErrorKind::TooLong.into());
            }
            Ok(is_nil)
        })?;
        if is_in_order {
            for _ in next..last {
                encoded.extend_from_slice(&NULL.to_be_bytes());
            }
        }
        if let Some(index) = removed {
            let before = encoded.len() + size_of::<i32>() - start;
            fixed([0], encoded);
            spans[index] = Some((before, encoded.len() - start));
        }
        if !is_in_order {
            self.reorder(encoded, start);
        }
        if encoded.len() > limit {
            return Err(EncodeError::TooLong);
        }
        if self.has_key {
            self.check_key()?;
        }
        if encoded.len() - start > self.max_row {
            let max = self.max_row;
            return Err(EncodeError::BadRow(format!(
                "has more than {max} bytes, which PostgreSQL cannot store"
            )));
        }
        Ok(())
    }
}

fn append(
    field: Field,
    cursor: &mut Cursor<'_>,
    encoded: &mut Vec<u8>,
    limit: usize,
) -> Result<IsNil, Error> {
    let before = *cursor;
    let head = cursor.head()?;
    let is_nil = field.column_type.check(head)?;
    if is_nil.0 {
        encoded.extend_from_slice(&NULL.to_be_bytes());
        return Ok(is_nil);
    }
    match (field.column_type, head) {
        (ColumnType::Json, _) => {
            *cursor = before;
            let length_at = encoded.len();
            encoded.extend_from_slice(&[0; 4]);
            append_value(cursor, encoded, limit)?;
            let length = length(encoded.len() - length_at - 4)?;
            encoded[length_at..length_at + 4].copy_from_slice(&length.to_be_bytes());
        }
        (ColumnType::Timestamp, Head::Ext(_, length)) => {
            let (seconds, nanoseconds) = times::read(cursor.bytes(length)?)?;
            if field.decides && nanoseconds % 1000 != 0 {
                let reason = "has a time with nanoseconds, of which PostgreSQL keeps microseconds only, where times \
                              decide which row is the latest";
                return Err(ErrorKind::Unfit(reason).into());
            }
            // Times before 1970 have nanoseconds after their second, too: this is the microsecond before.
            let micros = (seconds - EPOCH) * 1_000_000 + i64::from(nanoseconds / 1000);
            fixed(micros.to_be_bytes(), encoded);
        }
        (_, Head::Bool(value)) => fixed([u8::from(value)], encoded),
        (_, Head::Int(number)) if !field.is_numeric => fixed(number.to_be_bytes(), encoded),
        (_, Head::Uint(number)) if field.is_numeric => numeric(number, encoded),
        (_, Head::Int(number)) => {
            // The check has refused what is below zero.
            numeric(u64::try_from(number).unwrap_or_default(), encoded);
        }
        (_, Head::Uint(number)) => {
            let number = i64::try_from(number).map_err(|_| {
                let reason =
                    "has an integer of 2^63 or more, which a bigint of PostgreSQL cannot store";
                ErrorKind::Unfit(reason)
            })?;
            fixed(number.to_be_bytes(), encoded);
        }
        (_, Head::F32(number)) => float(field, f64::from(number), encoded),
        (_, Head::F64(number)) => float(field, number, encoded),
        (_, Head::Str(length)) => {
            let text = cursor.bytes(length)?;
            if std::str::from_utf8(text).is_err() {
                return Err(ErrorKind::NotUtf8.into());
            }
            if text.contains(&0) {
                let reason = "has a text with the character U+0000, which PostgreSQL cannot store";
                return Err(ErrorKind::Unfit(reason).into());
            }
            bytes(text, encoded, limit)?;
        }
        (_, Head::Bin(length)) => bytes(cursor.bytes(length)?, encoded, limit)?,
        // The check has refused all others.
        _ => return Err(ErrorKind::NotAMap.into()),
    }
    Ok(is_nil)
}

fn length(bytes: usize) -> Result<i32, ErrorKind> {
    i32::try_from(bytes).map_err(|_| ErrorKind::TooLong)
}

/// -0.0 equals 0.0, so that which of the two is kept would depend on which comes first.
fn float(field: Field, number: f64, encoded: &mut Vec<u8>) {
    let number = if field.decides { number + 0.0 } else { number };
    fixed(number.to_be_bytes(), encoded);
}

fn fixed<const N: usize>(value: [u8; N], encoded: &mut Vec<u8>) {
    // At most 8.
    let length = i32::try_from(N).unwrap_or(i32::MAX);
    encoded.extend_from_slice(&length.to_be_bytes());
    encoded.extend_from_slice(&value);
}

fn bytes(bytes: &[u8], encoded: &mut Vec<u8>, limit: usize) -> Result<(), ErrorKind> {
    if bytes.len() > limit.saturating_sub(encoded.len()) {
        return Err(ErrorKind::TooLong);
    }
    encoded.extend_from_slice(&length(bytes.len())?.to_be_bytes());
    encoded.extend_from_slice(bytes);
    Ok(())
}

/// A `numeric`: the number of its digits to the base 10,000, the power of the first one, no sign, no digits after the
/// point, and the digits.
fn numeric(mut number: u64, encoded: &mut Vec<u8>) {
    const BASE: u64 = 10_000;
    let mut digits = [0_u16; 5];
    let mut first = digits.len();
    while number > 0 {
        first -= 1;
        digits[first] = u16::try_from(number % BASE).unwrap_or_default();
        number /= BASE;
    }
    let digits = &digits[first..];
    // At most 5.
    let count = i16::try_from(digits.len()).unwrap_or_default();
    encoded.extend_from_slice(&(8 + 2 * i32::from(count)).to_be_bytes());
    encoded.extend_from_slice(&count.to_be_bytes());
    encoded.extend_from_slice(&(count - 1).max(0).to_be_bytes());
    encoded.extend_from_slice(&[0; 4]);
    for digit in digits {
        encoded.extend_from_slice(&digit.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use journal_rows::Column;

    use super::*;
    use crate::sink::tables::tests::{latest, sums, table, table_of, upsert};

    fn columns(types: &[(&str, ColumnType)]) -> Vec<Column> {
        let column = |&(name, column_type): &(&str, ColumnType)| Column {
            name: name.to_owned(),
            column_type,
            nullable: true,
            summary: String::new(),
        };
        types.iter().map(column).collect()
    }

    fn encoder(types: &[(&str, ColumnType)]) -> TupleEncoder {
        TupleEncoder::new(&table(columns(types), None))
    }

    fn refused(encoder: &mut TupleEncoder, row: &[u8]) -> String {
        match encoder.encode(row, &mut Vec::new(), 1 << 20) {
            Err(EncodeError::BadRow(reason)) => reason,
            other => panic!("{other:?}"),
        }
    }

    /// The fields of the tuples of these bytes.
    fn fields(mut bytes: &[u8]) -> Vec<Vec<Option<Vec<u8>>>> {
        let mut tuples = Vec::new();
        while let Some((count, rest)) = bytes.split_first_chunk::<2>() {
            bytes = rest;
            let mut fields = Vec::new();
            for _ in 0..i16::from_be_bytes(*count) {
                let (length, rest) = bytes.split_first_chunk::<4>().unwrap();
                bytes = rest;
                fields.push(
                    usize::try_from(i32::from_be_bytes(*length))
                        .ok()
                        .map(|length| {
                            let (field, rest) = bytes.split_at(length);
                            bytes = rest;
                            field.to_vec()
                        }),
                );
            }
            tuples.push(fields);
        }
        tuples
    }

    #[test]
    fn every_type_has_the_bytes_of_postgresql() {
        let mut rows = encoder(&[
            ("a", ColumnType::Bool),
            ("b", ColumnType::Int),
            ("c", ColumnType::Float),
            ("d", ColumnType::Text),
            ("e", ColumnType::Bytes),
            ("f", ColumnType::Timestamp),
            ("g", ColumnType::Json),
        ]);
        let whole = b"\x87\xa1a\xc3\xa1b\xff\xa1c\xca\x3f\0\0\0\xa1d\xa1\"\xa1e\xc4\x01\xff\xa1f\xd6\xff\0\0\0\0\xa1g\x92\x01\xc0";
        let mut encoded = Vec::new();
        rows.encode(whole, &mut encoded, 1 << 20).unwrap();
        // Another order, and fewer columns; then in order, with gaps; then none.
        rows.encode(b"\x83\xa1e\xc4\0\xa1a\xc2\xa1b\xc0", &mut encoded, 1 << 20)
            .unwrap();
        rows.encode(b"\x82\xa1b\x05\xa1d\xa1x", &mut encoded, 1 << 20)
            .unwrap();
        rows.encode(b"\x80", &mut encoded, 1 << 20).unwrap();
        let some = |bytes: &[u8]| Some(bytes.to_vec());
        let none = || None;
        let expected = [
            vec![
                some(&[1]),
                some(&(-1_i64).to_be_bytes()),
                some(&0.5_f64.to_be_bytes()),
                some(b"\""),
                some(b"\xff"),
                some(&(-946_684_800_000_000_i64).to_be_bytes()),
                some(b"[1,null]"),
            ],
            vec![
                some(&[0]),
                none(),
                none(),
                none(),
                some(b""),
                none(),
                none(),
            ],
            vec![
                none(),
                some(&5_i64.to_be_bytes()),
                none(),
                some(b"x"),
                none(),
                none(),
                none(),
            ],
            vec![None; 7],
        ];
        assert_eq!(fields(&encoded), expected);
    }

    #[test]
    fn microseconds_are_floored() {
        let mut rows = encoder(&[("a", ColumnType::Timestamp)]);
        let mut micros = |seconds: i64, nanoseconds: u32| {
            let time = [&nanoseconds.to_be_bytes()[..], &seconds.to_be_bytes()].concat();
            let row = [b"\x81\xa1a\xc7\x0c\xff", &time[..]].concat();
            let mut encoded = Vec::new();
            rows.encode(&row, &mut encoded, 100).unwrap();
            let field = fields(&encoded)[0][0].clone().unwrap();
            i64::from_be_bytes(field.try_into().unwrap())
        };
        assert_eq!(micros(EPOCH, 1999), 1);
        assert_eq!(micros(EPOCH - 1, 999_999_999), -1);
        assert_eq!(micros(EPOCH - 1, 1), -1_000_000);
        assert_eq!(
            micros(times::YEARS.end - 1, 0),
            (times::YEARS.end - 1 - EPOCH) * 1_000_000
        );
        let row = |seconds: i64| {
            let time = [&0_u32.to_be_bytes()[..], &seconds.to_be_bytes()].concat();
            [b"\x81\xa1a\xc7\x0c\xff", &time[..]].concat()
        };
        let mut rows = encoder(&[("a", ColumnType::Timestamp)]);
        for seconds in [times::YEARS.end, times::YEARS.start - 1, i64::MAX, i64::MIN] {
            let reason = refused(&mut rows, &row(seconds));
            assert!(reason.contains("timestamp"), "{reason}");
        }
    }

    #[test]
    fn times_that_decide_which_row_is_the_latest_have_microseconds() {
        let types = [("o", ColumnType::Timestamp), ("v", ColumnType::Timestamp)];
        let row = |name: u8, nanoseconds: u32| {
            let time = [&nanoseconds.to_be_bytes()[..], &[0; 8]].concat();
            [b"\x81\xa1", &[name][..], b"\xc7\x0c\xff", &time].concat()
        };
        let shape = latest(&[], "o", &["v"]);
        let mut rows = TupleEncoder::new(&table(columns(&types), Some(shape)));
        for name in [b'o', b'v'] {
            rows.encode(&row(name, 1000), &mut Vec::new(), 100).unwrap();
            let reason = refused(&mut rows, &row(name, 1001));
            assert!(
                reason.contains("decide which row is the latest"),
                "{reason}"
            );
        }
        let shape = sums(&[], &[("o", Merge::Max), ("v", Merge::Min)]);
        let mut rows = TupleEncoder::new(&table(columns(&types), Some(shape)));
        rows.encode(&row(b'o', 1001), &mut Vec::new(), 100).unwrap();
    }

    #[test]
    fn rows_and_removals_say_whether_they_remove() {
        let types = [
            ("v", ColumnType::Float),
            ("k", ColumnType::Text),
            ("o", ColumnType::Timestamp),
        ];
        let mut columns = columns(&types);
        columns[2].nullable = false;
        let kind = upsert(columns.clone(), &["k"], "o");
        let mut rows = TupleEncoder::new(&table_of(columns, kind));
        let mut encoded = Vec::new();
        let removal = b"\x83\xa8_removed\xc3\xa1o\xd6\xff\0\0\0\0\xa1k\xa1a";
        let in_order = b"\x83\xa1v\xca\x80\0\0\0\xa1k\xa1a\xa1o\xd6\xff\0\0\0\0";
        let other_order = b"\x82\xa1o\xd6\xff\0\0\0\0\xa1k\xa1a";
        for row in [&removal[..], in_order, other_order] {
            rows.encode(row, &mut encoded, 1 << 20).unwrap();
        }
        let epoch = Some((-946_684_800_000_000_i64).to_be_bytes().to_vec());
        let tuple = |value: Option<&[u8]>, is_removed: u8| {
            let key = Some(b"a".to_vec());
            let value = value.map(<[u8]>::to_vec);
            vec![value, key, epoch.clone(), Some(vec![is_removed])]
        };
        // -0.0 is 0.0, which would equal it.
        let expected = [tuple(None, 1), tuple(Some(&[0; 8]), 0), tuple(None, 0)];
        assert_eq!(fields(&encoded), expected);
        let precise = b"\x82\xa1k\xa1a\xa1o\xd7\xff\0\0\0\x04\0\0\0\0";
        let reason = refused(&mut rows, precise);
        assert!(
            reason.contains("decide which row is the latest"),
            "{reason}"
        );
    }

    #[test]
    fn what_postgresql_cannot_store_is_refused_when_it_is_emitted() {
        let mut rows = encoder(&[("a", ColumnType::Uint), ("b", ColumnType::Text)]);
        let largest = b"\x81\xa1a\xcf\x7f\xff\xff\xff\xff\xff\xff\xff";
        assert!(rows.encode(largest, &mut Vec::new(), 100).is_ok());
        for (row, part, field) in [
            (
                &b"\x81\xa1a\xcf\x80\0\0\0\0\0\0\0"[..],
                "2^63 or more",
                "field `a`",
            ),
            (b"\x81\xa1b\xa1\xff", "not UTF-8", "field `b`"),
            (b"\x81\xa1b\xa3a\0b", "U+0000", "field `b`"),
        ] {
            let reason = refused(&mut rows, row);
            assert!(reason.contains(part) && reason.contains(field), "{reason}");
        }
        rows.max_row = 10;
        let reason = refused(&mut rows, b"\x81\xa1b\xa8aaaaaaaa");
        assert!(reason.contains("more than 10 bytes"), "{reason}");
        let long = [b"\x81\xa1b\xda\x40\0", [b'a'; 0x4000].as_slice()].concat();
        let refused = rows.encode(&long, &mut Vec::new(), 0x3fff);
        assert!(matches!(refused, Err(EncodeError::TooLong)));
    }

    #[test]
    fn keys_fit_into_an_index_and_sums_of_unsigned_integers_have_no_limit() {
        let types = [("k", ColumnType::Text), ("n", ColumnType::Uint)];
        let shape = sums(&["k"], &[("n", Merge::Sum)]);
        let mut rows = TupleEncoder::new(&table(columns(&types), Some(shape)));
        let row = |key: usize, number: u64| {
            let length = u16::try_from(key).unwrap().to_be_bytes();
            let key = vec![b'k'; key];
            [
                b"\x82\xa1k\xda",
                &length[..],
                &key,
                b"\xa1n\xcf",
                &number.to_be_bytes(),
            ]
            .concat()
        };
        let largest = MAX_KEY - KEY_HEADER - FIELD_HEADER;
        let mut encoded = Vec::new();
        for number in [0, 7, 10_000, u64::MAX] {
            rows.encode(&row(largest, number), &mut encoded, 1 << 20)
                .unwrap();
        }
        let sums: Vec<_> = fields(&encoded)
            .into_iter()
            .map(|row| row[1].clone().unwrap())
            .collect();
        assert_eq!(sums[0], [0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(sums[1], [0, 1, 0, 0, 0, 0, 0, 0, 0, 7]);
        assert_eq!(sums[2], [0, 2, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0]);
        let digits = [0, 5, 0, 4, 0, 0, 0, 0];
        let largest_sum: Vec<u8> = [1844, 6744, 737, 955, 1615_u16]
            .iter()
            .flat_map(|one| one.to_be_bytes())
            .collect();
        assert_eq!(sums[3], [&digits[..], &largest_sum].concat());
        let reason = refused(&mut rows, &row(largest + 1, 0));
        assert!(reason.contains("has a key of 2705 bytes"), "{reason}");
    }
}
