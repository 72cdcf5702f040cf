//! Rows as columns: what is written to a file at a time.

use std::io::Write;

use journal_rows::{Column, ColumnType};
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DoubleType, FixedLenByteArray, FixedLenByteArrayType,
    Int64Type,
};
use parquet::errors::{ParquetError, Result};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};

use super::encoder::{END, ID, NUMBER};

/// The memory of columns at which a group is full, in bytes. The columns of a group are compressed one after the other.
pub(super) const FULL: usize = 16 << 20;
/// Values that are passed to the encoder at a time: each is an object then.
const PIECE: usize = 1024;
/// The level of a value that is there, and of one that is not.
const PRESENT: i16 = 1;
const NULL: i16 = 0;

/// The columns of some rows.
pub(super) struct RowGroup {
    columns: Vec<Values>,
    rows: usize,
    bytes: usize,
    full: usize,
    /// What a row takes beside its bytes: the levels of the columns that can be null.
    bytes_per_row: usize,
}

/// The values of a column.
struct Values {
    kind: Kind,
    /// Whether each row has a value, where it need not have one.
    levels: Option<Vec<i16>>,
}

enum Kind {
    Bool(Vec<bool>),
    Int(Vec<i64>),
    Float(Vec<f64>),
    Id(Vec<u8>),
    /// The bytes of all values, and the end of each.
    Bytes(Vec<u8>, Vec<u32>),
}

impl RowGroup {
    pub(super) fn new(columns: &[Column]) -> Self {
        let nullable = columns.iter().filter(|column| column.nullable).count();
        Self {
            columns: columns.iter().map(Values::new).collect(),
            rows: 0,
            bytes: 0,
            full: FULL,
            bytes_per_row: nullable * size_of::<i16>(),
        }
    }

    /// A group that has fewer rows.
    #[cfg(test)]
    pub(super) fn with_limit(columns: &[Column], full: usize) -> Self {
        Self {
            full,
            ..Self::new(columns)
        }
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Takes encoded rows from the beginning of `rows` until the group is full, and answers the rest. `None` where the
    /// bytes are no rows.
    pub(super) fn fill<'a>(&mut self, mut rows: &'a [u8]) -> Option<&'a [u8]> {
        while self.bytes < self.full && !rows.is_empty() {
            let rest = self.take(rows)?;
            self.bytes += rows.len() - rest.len() + self.bytes_per_row;
            rows = rest;
        }
        Some(rows)
    }

    fn take<'a>(&mut self, row: &'a [u8]) -> Option<&'a [u8]> {
        let mut left = row;
        loop {
            let (&index, value) = left.split_first()?;
            if index == END {
                self.rows += 1;
                return Some(value);
            }
            let column = self.columns.get_mut(usize::from(index))?;
            left = column.take(self.rows, value)?;
        }
    }

    /// Writes the rows, and forgets them.
    pub(super) fn write<W: Write + Send>(
        &mut self,
        file: &mut SerializedFileWriter<W>,
    ) -> Result<()> {
        let mut group = file.next_row_group()?;
        for column in &mut self.columns {
            let writer = group.next_column()?;
            let mut writer = writer.ok_or_else(|| ParquetError::General("no column".to_owned()))?;
            column.write(&mut writer, self.rows)?;
            writer.close()?;
        }
        group.close()?;
        (self.rows, self.bytes) = (0, 0);
        Ok(())
    }
}

impl Values {
    fn new(column: &Column) -> Self {
        let kind = match column.column_type {
            ColumnType::Bool => Kind::Bool(Vec::new()),
            ColumnType::Int | ColumnType::Uint | ColumnType::Timestamp => Kind::Int(Vec::new()),
            ColumnType::Float => Kind::Float(Vec::new()),
            ColumnType::Id => Kind::Id(Vec::new()),
            ColumnType::Text | ColumnType::Bytes | ColumnType::Json => {
                Kind::Bytes(Vec::new(), Vec::new())
            }
        };
        Self {
            kind,
            levels: column.nullable.then(Vec::new),
        }
    }

    /// Takes the value of this row, and answers what follows it.
    #[inline]
    fn take<'a>(&mut self, row: usize, bytes: &'a [u8]) -> Option<&'a [u8]> {
        if let Some(levels) = &mut self.levels {
            levels.resize(row, NULL);
            levels.push(PRESENT);
        }
        match &mut self.kind {
            Kind::Bool(values) => {
                let (&value, rest) = bytes.split_first()?;
                values.push(value != 0);
                Some(rest)
            }
            Kind::Int(values) => {
                let (&value, rest) = bytes.split_first_chunk::<NUMBER>()?;
                values.push(i64::from_le_bytes(value));
                Some(rest)
            }
            Kind::Float(values) => {
                let (&value, rest) = bytes.split_first_chunk::<NUMBER>()?;
                values.push(f64::from_le_bytes(value));
                Some(rest)
            }
            Kind::Id(values) => {
                let (value, rest) = bytes.split_at_checked(ID)?;
                values.extend_from_slice(value);
                Some(rest)
            }
            Kind::Bytes(values, ends) => {
                let (&length, rest) = bytes.split_first_chunk()?;
                let (value, rest) = rest.split_at_checked(u32::from_le_bytes(length) as usize)?;
                values.extend_from_slice(value);
                ends.push(u32::try_from(values.len()).ok()?);
                Some(rest)
            }
        }
    }

    fn write(&mut self, writer: &mut SerializedColumnWriter<'_>, rows: usize) -> Result<()> {
        if let Some(levels) = &mut self.levels {
            levels.resize(rows, NULL);
        }
        let levels = self.levels.as_deref();
        match &mut self.kind {
            Kind::Bool(values) => {
                writer
                    .typed::<BoolType>()
                    .write_batch(values, levels, None)?;
                values.clear();
            }
            Kind::Int(values) => {
                writer
                    .typed::<Int64Type>()
                    .write_batch(values, levels, None)?;
                values.clear();
            }
            Kind::Float(values) => {
                writer
                    .typed::<DoubleType>()
                    .write_batch(values, levels, None)?;
                values.clear();
            }
            Kind::Id(values) => {
                let (count, bytes) = (values.len() / ID, ByteArray::from(std::mem::take(values)));
                let writer = writer.typed::<FixedLenByteArrayType>();
                let mut start = 0;
                in_pieces(levels, count, |levels, count| {
                    let ids = (start..start + count).map(|one| bytes.slice(one * ID, ID));
                    let ids: Vec<FixedLenByteArray> = ids.map(FixedLenByteArray::from).collect();
                    start += count;
                    writer.write_batch(&ids, levels, None).map(drop)
                })?;
            }
            Kind::Bytes(values, ends) => {
                let bytes = ByteArray::from(std::mem::take(values));
                let writer = writer.typed::<ByteArrayType>();
                let (mut first, mut start) = (0, 0);
                in_pieces(levels, ends.len(), |levels, count| {
                    let value = |&end: &u32| {
                        let value = bytes.slice(start, end as usize - start);
                        start = end as usize;
                        value
                    };
                    let values: Vec<_> = ends[first..first + count].iter().map(value).collect();
                    first += count;
                    writer.write_batch(&values, levels, None).map(drop)
                })?;
                ends.clear();
            }
        }
        if let Some(levels) = &mut self.levels {
            levels.clear();
        }
        Ok(())
    }
}

/// Calls `write` for some rows at a time, with their levels and the number of their values.
fn in_pieces(
    levels: Option<&[i16]>,
    values: usize,
    mut write: impl FnMut(Option<&[i16]>, usize) -> Result<()>,
) -> Result<()> {
    let Some(levels) = levels else {
        let starts = (0..values).step_by(PIECE);
        let mut counts = starts.map(|start| PIECE.min(values - start));
        return counts.try_for_each(|count| write(None, count));
    };
    levels.chunks(PIECE).try_for_each(|piece| {
        let count = piece.iter().filter(|level| **level == PRESENT).count();
        write(Some(piece), count)
    })
}
