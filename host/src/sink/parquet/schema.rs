//! The schema of a table's files, and what they say about it.

use std::path::Path;
use std::sync::Arc;

use journal_rows::{Column, ColumnType};
use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical, ZstdLevel};
use parquet::errors::Result;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesPtr};
use parquet::schema::types::{ColumnPath, Type, TypePtr};

use super::ParquetError;
use super::encoder::ID;
use crate::sink::tables::{Owner, Table};

/// What all files of a table have in common.
#[derive(Clone, Debug)]
pub(super) struct FileType {
    pub(super) schema: TypePtr,
    pub(super) properties: WriterPropertiesPtr,
}

impl FileType {
    /// The files of this table in `folder`.
    pub(super) fn new(table: &Table, owner: &Owner, folder: &Path) -> Result<Self, ParquetError> {
        let schema = schema(table.row.columns());
        Ok(Self {
            schema: schema.map_err(|error| ParquetError::encoding(folder, error))?,
            properties: Arc::new(properties(table, owner)),
        })
    }
}

fn schema(columns: &[Column]) -> Result<TypePtr> {
    let fields: Result<Vec<_>> = columns.iter().map(field).collect();
    let schema = Type::group_type_builder("row").with_fields(fields?);
    Ok(Arc::new(schema.build()?))
}

fn field(column: &Column) -> Result<TypePtr> {
    let (physical, logical) = types(column.column_type);
    let repetition = if column.nullable {
        Repetition::OPTIONAL
    } else {
        Repetition::REQUIRED
    };
    let mut field = Type::primitive_type_builder(&column.name, physical)
        .with_repetition(repetition)
        .with_logical_type(logical);
    if physical == Physical::FIXED_LEN_BYTE_ARRAY {
        field = field.with_length(i32::try_from(ID)?);
    }
    Ok(Arc::new(field.build()?))
}

/// How values are stored, and what they stand for.
fn types(column_type: ColumnType) -> (Physical, Option<LogicalType>) {
    match column_type {
        ColumnType::Bool => (Physical::BOOLEAN, None),
        ColumnType::Int => (Physical::INT64, Some(LogicalType::integer(64, true))),
        ColumnType::Uint => (Physical::INT64, Some(LogicalType::integer(64, false))),
        ColumnType::Float => (Physical::DOUBLE, None),
        // JSON is text, so that every reader has it.
        ColumnType::Text | ColumnType::Json => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        ColumnType::Bytes => (Physical::BYTE_ARRAY, None),
        ColumnType::Id => (Physical::FIXED_LEN_BYTE_ARRAY, None),
        ColumnType::Timestamp => {
            let micros = LogicalType::timestamp(true, TimeUnit::MICROS);
            (Physical::INT64, Some(micros))
        }
    }
}

fn properties(table: &Table, owner: &Owner) -> WriterProperties {
    let columns = table.row.columns().iter();
    // Least and greatest values that are as good as random let no reader skip anything.
    let random = columns.filter(|column| {
        let kinds = [ColumnType::Id, ColumnType::Bytes, ColumnType::Json];
        kinds.contains(&column.column_type)
    });
    let builder = random.fold(WriterProperties::builder(), |builder, column| {
        let path = ColumnPath::from(column.name.as_str());
        builder.set_column_statistics_enabled(path, EnabledStatistics::None)
    });
    builder
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_created_by(concat!("journal-host version ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_key_value_metadata(Some(metadata(table, owner)))
        .build()
}

/// What is said in each file: Parquet has no comments on columns.
fn metadata(table: &Table, owner: &Owner) -> Vec<KeyValue> {
    // Columns are names, words and texts.
    let columns = serde_json::to_string(table.row.columns()).unwrap_or_default();
    let provenance = &owner.provenance;
    [
        ("journal.plugin", &owner.plugin),
        ("journal.version", &provenance.version),
        ("journal.digest", &provenance.digest),
        ("journal.options_digest", &provenance.options_digest),
        ("journal.output", &table.output),
        ("journal.summary", &table.summary),
        ("journal.columns", &columns),
    ]
    .into_iter()
    .map(|(key, value)| KeyValue::new(key.to_owned(), value.clone()))
    .collect()
}
