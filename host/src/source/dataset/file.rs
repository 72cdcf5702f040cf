//! A file of a table: the one module that names the reader of ORC.
//!
//! Times are read as microseconds. A stripe that names a time zone holds the clock of that zone, as ORC has it, and that
//! clock is what the row says: the zone of this machine does not matter.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::types::{Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, BinaryArray, PrimitiveArray, RecordBatch, StringArray};
use bytes::Bytes;
use orc_rust::arrow_reader::{ArrowReader, ArrowReaderBuilder};
use orc_rust::error::OrcError;
use orc_rust::projection::ProjectionMask;
use orc_rust::reader::ChunkReader;
use orc_rust::schema::TimestampPrecision;
use orc_rust::{RowSelection, RowSelector};

use super::error::Error;
use super::footer;
use super::row::Row;
use super::table::{Column, Kind};
use crate::panics;

/// Rows that are decoded together.
const BATCH: usize = 1024;
/// The member of a file's metadata with its UUID.
const UUID: &str = "swh_uuid";

/// A cell: the outer `None` is for a column that is not there, the inner one for NULL.
pub(super) type Cell<T> = Option<Option<T>>;

/// What a file says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct About {
    pub(super) rows: u64,
    /// The UUID that its metadata names.
    pub(super) uuid: Option<String>,
    /// The columns that are wanted and not there.
    pub(super) missing: Vec<&'static str>,
}

/// The rows of a file, one after another.
pub(super) struct Rows {
    path: PathBuf,
    columns: &'static [Column],
    reader: ArrowReader<Input>,
    cells: Vec<Cells>,
    /// The index of the current row among those that are decoded.
    index: usize,
    decoded: usize,
    /// The number of the current row.
    row: u64,
}

/// The cells of a column that are decoded.
#[derive(Clone, Debug)]
enum Cells {
    Missing,
    Text(StringArray),
    Bytes(BinaryArray),
    Byte(PrimitiveArray<Int8Type>),
    Short(PrimitiveArray<Int16Type>),
    Int(PrimitiveArray<Int32Type>),
    Long(PrimitiveArray<Int64Type>),
    Time(PrimitiveArray<TimestampMicrosecondType>),
}

/// A file whose lengths are checked before memory is taken for them.
struct Input {
    file: File,
    bytes: u64,
}

impl ChunkReader for Input {
    type T = BufReader<File>;

    fn len(&self) -> u64 {
        self.bytes
    }

    fn get_read(&self, offset_from_start: u64) -> io::Result<Self::T> {
        let mut file = self.file.try_clone()?;
        file.seek(SeekFrom::Start(offset_from_start))?;
        Ok(BufReader::new(file))
    }

    fn get_bytes(&self, offset_from_start: u64, length: u64) -> io::Result<Bytes> {
        let end = offset_from_start.checked_add(length);
        if end.is_none_or(|end| end > self.bytes) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut file = &self.file;
        file.seek(SeekFrom::Start(offset_from_start))?;
        let mut bytes = Vec::new();
        file.take(length).read_to_end(&mut bytes)?;
        if bytes.len() as u64 != length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(bytes.into())
    }
}

/// Runs the reader of ORC, which panics on some files that are damaged.
fn guarded<T, E: std::fmt::Display>(
    path: &Path,
    work: impl FnOnce() -> Result<T, E>,
) -> Result<T, Error> {
    let reason = match panics::caught(work) {
        Ok(Ok(done)) => return Ok(done),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "it is damaged".to_owned(),
    };
    let file = path.to_owned();
    Err(Error::File { file, reason })
}

fn open(path: &Path) -> Result<ArrowReaderBuilder<Input>, Error> {
    let cannot = |source| {
        let file = path.to_owned();
        Error::Open { file, source }
    };
    let file = File::open(path).map_err(cannot)?;
    let bytes = file.metadata().map_err(cannot)?.len();
    let input = Input { file, bytes };
    footer::check(&input).map_err(|reason| Error::File {
        file: path.to_owned(),
        reason: reason.to_owned(),
    })?;
    guarded::<_, OrcError>(path, || ArrowReaderBuilder::try_new(input))
}

/// The names of the columns.
fn names(builder: &ArrowReaderBuilder<Input>) -> impl Iterator<Item = &str> {
    let columns = builder.file_metadata().root_data_type().children();
    columns.iter().map(orc_rust::schema::NamedColumn::name)
}

impl About {
    /// Reads the footer of a file.
    pub(super) fn read(path: &Path, columns: &'static [Column]) -> Result<Self, Error> {
        let builder = open(path)?;
        let metadata = builder.file_metadata();
        let uuid = metadata.user_custom_metadata().get(UUID);
        let is_missing = |column: &&Column| !names(&builder).any(|name| name == column.name);
        let missing = columns.iter().filter(is_missing);
        Ok(Self {
            rows: metadata.number_of_rows(),
            uuid: uuid.map(|uuid| String::from_utf8_lossy(uuid).into_owned()),
            missing: missing.map(|column| column.name).collect(),
        })
    }
}

impl Rows {
    /// Opens a file at a row.
    pub(super) fn open(path: &Path, columns: &'static [Column], row: u64) -> Result<Self, Error> {
        let mut builder = open(path)?;
        let metadata = builder.file_metadata();
        let wanted: Vec<&str> = columns.iter().map(|column| column.name).collect();
        let projection = ProjectionMask::named_roots(metadata.root_data_type(), &wanted);
        let (mut before, mut offset) = (0, None);
        for stripe in metadata.stripe_metadatas() {
            let rows = stripe.number_of_rows();
            if row < before + rows {
                offset = Some(stripe.offset());
                break;
            }
            before += rows;
        }
        let all = metadata.number_of_rows();
        if row > 0 {
            // Nothing is read where no stripe has the row.
            let first = offset.unwrap_or(u64::MAX);
            let skipped = size(row.saturating_sub(before));
            builder = builder.with_file_byte_range(size(first)..usize::MAX);
            if skipped > 0 {
                let rest = size(all.saturating_sub(row));
                let selectors = vec![RowSelector::skip(skipped), RowSelector::select(rest)];
                builder = builder.with_row_selection(RowSelection::from(selectors));
            }
        }
        let builder = builder
            .with_projection(projection)
            .with_timestamp_precision(TimestampPrecision::Microsecond)
            .with_batch_size(BATCH);
        Ok(Self {
            path: path.to_owned(),
            columns,
            reader: builder.build(),
            cells: vec![Cells::Missing; columns.len()],
            index: 0,
            decoded: 0,
            row,
        })
    }

    /// The number of the current row, or of all rows at the end.
    pub(super) fn row(&self) -> u64 {
        self.row
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether there is a current row. Those that are needed for it are decoded.
    pub(super) fn has_row(&mut self) -> Result<bool, Error> {
        while self.index >= self.decoded {
            let reader = &mut self.reader;
            let next = guarded(&self.path, || reader.next().transpose())?;
            let Some(batch) = next else {
                return Ok(false);
            };
            self.take(&batch)?;
        }
        Ok(true)
    }

    /// Goes on to the next row.
    pub(super) fn advance(&mut self) {
        self.index += 1;
        self.row += 1;
    }

    fn take(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        for (cells, column) in self.cells.iter_mut().zip(self.columns) {
            *cells = match batch.column_by_name(column.name) {
                None => Cells::Missing,
                Some(array) => Cells::of(array, column.kind).ok_or_else(|| Error::ColumnType {
                    file: self.path.clone(),
                    column: column.name,
                    found: array.data_type().to_string(),
                })?,
            };
        }
        self.index = 0;
        self.decoded = batch.num_rows();
        Ok(())
    }

    fn cells(&self, column: &str) -> &Cells {
        let position = self.columns.iter().position(|one| one.name == column);
        position
            .and_then(|position| self.cells.get(position))
            .unwrap_or(&Cells::Missing)
    }

    /// A time, in microseconds since 1970.
    pub(super) fn time(&self, column: &str) -> Cell<i64> {
        match self.cells(column) {
            Cells::Time(array) => Some(array.is_valid(self.index).then(|| array.value(self.index))),
            _ => None,
        }
    }
}

impl Row for Rows {
    fn text(&self, column: &str) -> Cell<&str> {
        match self.cells(column) {
            Cells::Text(array) => Some(array.is_valid(self.index).then(|| array.value(self.index))),
            _ => None,
        }
    }

    fn bytes(&self, column: &str) -> Cell<&[u8]> {
        match self.cells(column) {
            Cells::Bytes(array) => {
                Some(array.is_valid(self.index).then(|| array.value(self.index)))
            }
            Cells::Text(array) => {
                let valid = array.is_valid(self.index);
                Some(valid.then(|| array.value(self.index).as_bytes()))
            }
            _ => None,
        }
    }

    fn integer(&self, column: &str) -> Cell<i64> {
        let at = self.index;
        match self.cells(column) {
            Cells::Byte(array) => Some(array.is_valid(at).then(|| array.value(at).into())),
            Cells::Short(array) => Some(array.is_valid(at).then(|| array.value(at).into())),
            Cells::Int(array) => Some(array.is_valid(at).then(|| array.value(at).into())),
            Cells::Long(array) => Some(array.is_valid(at).then(|| array.value(at))),
            _ => None,
        }
    }

    fn wrong(&self, column: &'static str, reason: &'static str) -> Error {
        Error::Cell {
            file: self.path.clone(),
            column,
            row: self.row,
            reason,
        }
    }
}

impl Cells {
    fn of(array: &ArrayRef, kind: Kind) -> Option<Self> {
        Some(match kind {
            Kind::Text => Self::Text(array.as_string_opt()?.clone()),
            Kind::Bytes => match array.as_binary_opt() {
                Some(bytes) => Self::Bytes(bytes.clone()),
                None => Self::Text(array.as_string_opt()?.clone()),
            },
            Kind::Time => Self::Time(array.as_primitive_opt()?.clone()),
            Kind::Integer => {
                let byte = array.as_primitive_opt().cloned().map(Self::Byte);
                let short = || array.as_primitive_opt().cloned().map(Self::Short);
                let int = || array.as_primitive_opt().cloned().map(Self::Int);
                let long = || array.as_primitive_opt().cloned().map(Self::Long);
                byte.or_else(short).or_else(int).or_else(long)?
            }
        })
    }
}

fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
