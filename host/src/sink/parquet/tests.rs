//! The sink over a folder whose files are read again.

mod changes;
mod crashes;
mod positions;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use journal_rows::ColumnType;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::{Field, Row};
use tempfile::TempDir;

use super::manifest::Manifest;
use super::*;
use crate::sink::files::SystemFiles;
use crate::sink::tables::{SchemaChange, TableError};
use crate::sink::testing::{Bound, V, output, owner, plan, row};
use crate::sink::{RowLimits, Stream, Topics};

const LIMITS: RowLimits = RowLimits {
    call_bytes: 1 << 20,
    most_bytes: None,
};

struct World {
    _temporary: TempDir,
    path: PathBuf,
}

impl World {
    fn new() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("rows.parquet");
        Self {
            _temporary: temporary,
            path,
        }
    }

    fn open_with(
        &self,
        files: &Arc<dyn Files>,
        outputs: &[Output],
        owner: &Owner,
    ) -> Result<Folder, SinkError> {
        let tables: Vec<_> = outputs.iter().map(|output| (output, None)).collect();
        let folder = Folder::open(files, &self.path, &tables, owner.clone())?;
        SinkFactory::prepare(&folder, &plan(outputs))?;
        Ok(folder)
    }

    fn open_as(&self, outputs: &[Output], owner: &Owner) -> Result<Folder, SinkError> {
        let files: Arc<dyn Files> = Arc::new(SystemFiles);
        self.open_with(&files, outputs, owner)
    }

    fn open(&self, outputs: &[Output]) -> Folder {
        self.open_as(outputs, &owner(None)).unwrap()
    }

    /// The manifests of all groups.
    fn manifests(&self) -> Vec<(PathBuf, Manifest)> {
        let mut found = Vec::new();
        for folder in read_dir(&self.path.join("_journal")) {
            for path in read_dir(&folder) {
                let name = path.file_name().unwrap().to_str().unwrap();
                if let Some(number) = Layout::manifest_number(name) {
                    found.push((
                        path.clone(),
                        Manifest::read(&path, number).unwrap().unwrap(),
                    ));
                }
            }
        }
        found
    }

    /// The files of a table that manifests name.
    fn named(&self, table: &str) -> Vec<PathBuf> {
        let files = self.manifests().into_iter().flat_map(|(_, one)| one.files);
        let files = files.filter(|file| file.table == table);
        files.map(|file| self.path.join(file.path)).collect()
    }

    /// The rows of a table, in the files that manifests name.
    fn rows(&self, table: &str) -> Vec<Row> {
        self.named(table)
            .iter()
            .flat_map(|file| rows(file))
            .collect()
    }

    /// All files of a table, named by a manifest or not, whole or not.
    fn files(&self, table: &str) -> usize {
        read_dir(&self.path.join(table)).len()
    }
}

/// What is in a folder, in the order of the names; nothing where it is none.
fn read_dir(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn rows(file: &Path) -> Vec<Row> {
    let reader = SerializedFileReader::new(File::open(file).unwrap()).unwrap();
    let rows = reader.get_row_iter(None).unwrap();
    rows.map(Result::unwrap).collect()
}

fn fields(row: &Row) -> Vec<Field> {
    row.get_column_iter()
        .map(|(_, field)| field.clone())
        .collect()
}

/// A row of each of these numbers, as its sink gets it.
fn numbers(range: std::ops::Range<i64>) -> Vec<Stream> {
    let outputs = [only_numbers()];
    let columns = outputs[0].row.as_ref().unwrap();
    let table = Table::of(&outputs[0], None).unwrap();
    assert_eq!(columns.columns(), table.row.columns());
    let mut rows_of = RowEncoder::new(&table);
    let mut encoded = Vec::new();
    for number in range {
        let row = row(&[("n", V::N(number))]);
        rows_of.encode(&row, &mut encoded, usize::MAX).unwrap();
    }
    vec![Stream::of(&encoded)]
}

fn only_numbers() -> Output {
    output("numbers", &[("n", ColumnType::Int, false)], None)
}

fn emit(bound: &mut Bound, output: usize, rows: &[Vec<u8>]) {
    for row in rows {
        let end = u32::try_from(row.len()).unwrap();
        bound.emit(output, row, &[end]).unwrap();
        bound.rows.end_call();
    }
}

/// Commits until it is said how that ended.
fn finish(sink: &mut dyn Sink, checkpoint: &Checkpoint<'_>) -> Result<Committed, SinkError> {
    loop {
        match sink.commit(checkpoint)? {
            Committed::Again(_) => {}
            ended => return Ok(ended),
        }
    }
}

fn every_type() -> Output {
    output(
        "all",
        &[
            ("bool", ColumnType::Bool, true),
            ("int", ColumnType::Int, false),
            ("uint", ColumnType::Uint, true),
            ("float", ColumnType::Float, true),
            ("text", ColumnType::Text, true),
            ("bytes", ColumnType::Bytes, true),
            ("id", ColumnType::Id, true),
            ("time", ColumnType::Timestamp, true),
            ("json", ColumnType::Json, true),
        ],
        None,
    )
}

#[test]
fn values_of_every_type_come_back() {
    let world = World::new();
    let outputs = [every_type()];
    let mut bound = Bound::new(&world.open(&outputs), &outputs, LIMITS);
    emit(
        &mut bound,
        0,
        &[
            row(&[
                ("bool", V::Yes),
                ("int", V::N(i64::MIN)),
                ("uint", V::U(u64::MAX)),
                ("float", V::F(-0.0)),
                ("text", V::S("a\0\u{e9}")),
                ("bytes", V::B(b"\0\xff")),
                ("id", V::B(&[7; 20])),
                // The last second that rows have.
                ("time", V::T(253_402_300_799, 999_999_999)),
                ("json", V::S("\0")),
            ]),
            // Another order; before 1970, and a part of a microsecond.
            row(&[
                ("time", V::T(-1, 1)),
                ("text", V::S("")),
                ("int", V::N(i64::MAX)),
                ("bool", V::Nil),
            ]),
            row(&[("int", V::N(0))]),
        ],
    );
    bound.flush().unwrap();
    let rows = world.rows("all");
    assert_eq!(
        fields(&rows[0]),
        [
            Field::Bool(true),
            Field::Long(i64::MIN),
            Field::ULong(u64::MAX),
            Field::Double(-0.0),
            Field::Str("a\0\u{e9}".to_owned()),
            Field::Bytes(b"\0\xff".to_vec().into()),
            Field::Bytes(vec![7; 20].into()),
            Field::TimestampMicros(253_402_300_799_999_999),
            Field::Str("\"\\u0000\"".to_owned()),
        ]
    );
    let Field::Double(zero) = fields(&rows[0])[3] else {
        panic!("it is a float");
    };
    assert!(zero.is_sign_negative());
    assert_eq!(fields(&rows[1])[1], Field::Long(i64::MAX));
    assert_eq!(fields(&rows[1])[4], Field::Str(String::new()));
    assert_eq!(fields(&rows[1])[7], Field::TimestampMicros(-1_000_000));
    assert_eq!(fields(&rows[1])[0], Field::Null);
    let nulls = fields(&rows[2])
        .iter()
        .filter(|one| **one == Field::Null)
        .count();
    assert_eq!((rows.len(), nulls), (3, 8));
}

#[test]
fn files_say_what_is_in_them() {
    let world = World::new();
    let outputs = [every_type()];
    let mut by = owner(None);
    by.provenance.version = "1.2.3".to_owned();
    let folder = world.open_as(&outputs, &by).unwrap();
    let mut bound = Bound::new(&folder, &outputs, LIMITS);
    emit(&mut bound, 0, &[row(&[("int", V::N(0))])]);
    bound.flush().unwrap();
    let file = File::open(&world.named("all")[0]).unwrap();
    let reader = SerializedFileReader::new(file).unwrap();
    let metadata = reader.metadata().file_metadata();
    let types: Vec<String> = metadata
        .schema_descr()
        .columns()
        .iter()
        .map(|column| {
            let logical = column.logical_type_ref();
            format!("{} {logical:?}", column.physical_type())
        })
        .collect();
    for (index, expected) in [
        (0, "BOOLEAN None"),
        (2, "INT64 Some(Integer"),
        (3, "DOUBLE None"),
        (4, "BYTE_ARRAY Some(String)"),
        (5, "BYTE_ARRAY None"),
        (6, "FIXED_LEN_BYTE_ARRAY None"),
        (7, "INT64 Some(Timestamp"),
        (8, "BYTE_ARRAY Some(String)"),
    ] {
        assert!(types[index].starts_with(expected), "{types:?}");
    }
    assert_eq!(metadata.schema_descr().column(6).type_length(), 20);
    // Of values in an order, there are the least and the greatest one.
    let group = reader.metadata().row_group(0);
    let has_statistics = |column: usize| group.column(column).statistics().is_some();
    assert!(has_statistics(1) && has_statistics(4) && !has_statistics(6) && !has_statistics(8));
    let said: BTreeMap<_, _> = metadata
        .key_value_metadata()
        .unwrap()
        .iter()
        .map(|one| (&*one.key, one.value.as_deref().unwrap_or_default()))
        .collect();
    assert_eq!(
        (said["journal.plugin"], said["journal.version"]),
        ("p", "1.2.3")
    );
    assert_eq!(
        (said["journal.output"], said["journal.summary"]),
        ("all", "One row")
    );
    assert!(said["journal.columns"].contains(r#"{"name":"id","type":"id","nullable":true}"#));
}

#[test]
fn groups_of_rows_are_bounded_and_keep_the_order() {
    let columns = [
        crate::sink::tables::tests::column("n", ColumnType::Int, false),
        crate::sink::tables::tests::column("t", ColumnType::Text, true),
    ];
    let table = crate::sink::tables::tests::table(columns.to_vec(), None);
    let mut rows_of = RowEncoder::new(&table);
    let mut encoded = Vec::new();
    for number in 0..5000 {
        let text = number.to_string();
        let mut fields = vec![("n", V::N(number))];
        if number % 3 > 0 {
            fields.push(("t", V::S(&text)));
        }
        rows_of
            .encode(&row(&fields), &mut encoded, usize::MAX)
            .unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let file_type = FileType::new(&table, &owner(None), &path).unwrap();
    let mut writer = parquet::file::writer::SerializedFileWriter::new(
        File::create(&path).unwrap(),
        file_type.schema,
        file_type.properties,
    )
    .unwrap();
    let mut group = row_group::RowGroup::with_limit(&columns, 16 << 10);
    let mut left = &encoded[..];
    let mut groups = 0;
    while !left.is_empty() {
        left = group.fill(left).unwrap();
        group.write(&mut writer).unwrap();
        groups += 1;
    }
    writer.close().unwrap();
    assert!((5..20).contains(&groups), "{groups}");
    let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
    assert_eq!(reader.metadata().num_row_groups(), groups);
    for (number, row) in (0..).zip(rows(&path)) {
        let text = if number % 3 > 0 {
            Field::Str(number.to_string())
        } else {
            Field::Null
        };
        assert_eq!(fields(&row), [Field::Long(number), text]);
    }
    assert!(group.fill(b"\x07").is_none(), "there is no such column");
    assert!(group.fill(b"\x00\x01").is_none(), "half a number");
}

#[test]
fn outputs_of_one_folder_have_a_file_each_and_one_manifest() {
    let world = World::new();
    let outputs = [
        only_numbers(),
        output("texts", &[("t", ColumnType::Text, false)], None),
    ];
    let folder = world.open(&outputs);
    let mut bound = Bound::new(&folder, &outputs, LIMITS);
    emit(&mut bound, 1, &[row(&[("t", V::S("a"))])]);
    bound.flush().unwrap();
    // Nothing to write is no manifest.
    bound.flush().unwrap();
    emit(&mut bound, 0, &[row(&[("n", V::N(1))])]);
    emit(&mut bound, 1, &[row(&[("t", V::S("b"))])]);
    bound.flush().unwrap();
    assert_eq!(world.manifests().len(), 2);
    assert_eq!(
        (world.rows("numbers").len(), world.rows("texts").len()),
        (1, 2)
    );
    let (_, last) = &world.manifests()[1];
    let files = last.files.iter().map(|file| (&*file.table, file.rows));
    assert_eq!(files.collect::<Vec<_>>(), [("numbers", 1), ("texts", 1)]);
}
