//! The outputs of a plan.

use std::sync::Arc;

use journal_aggregate::{Column, Merge, Shape};
use journal_rows::{ColumnType, RowType, UpsertTypes};

use super::super::AnswerError;
use super::super::answer::Part;
use super::super::describe::check_summary;
use crate::journal::plan::{Kind, Output, Upsert};

/// The limits on the number of outputs and on the length of their names, in characters.
const OUTPUTS: usize = 64;
const OUTPUT_CHARS: usize = 63;

pub(super) fn outputs(part: &Part<'_>) -> Result<Vec<Output>, AnswerError> {
    let mut outputs: Vec<Output> = Vec::new();
    for part in part.list(0..=OUTPUTS)? {
        let output = output(&part)?;
        if outputs.iter().any(|other| other.name == output.name) {
            let rule = format!("\"{}\" is the name of another output already", output.name);
            return Err(part.refuse_inside("/name", &rule, None));
        }
        outputs.push(output);
    }
    Ok(outputs)
}

fn output(part: &Part<'_>) -> Result<Output, AnswerError> {
    part.object(&["name", "kind", "summary", "row", "key", "order", "columns"])?;
    let what = "a letter a-z and up to 62 of a-z, 0-9, _ and -";
    let name = part.need("name")?.text_that(is_output, what)?;
    let kind = part.get("kind").map_or(Ok("append"), |kind| {
        kind.one_of(&["append", "aggregate", "text", "unique", "upsert"])
    })?;
    let row = part.get("row").map(|part| row(&part)).transpose()?;
    let row = row.map(Arc::new);
    let has_columns = kind == "aggregate";
    for (name, is_known, kinds) in [
        ("columns", has_columns, "\"aggregate\" alone"),
        (
            "key",
            has_columns || kind == "unique" || kind == "upsert",
            "\"aggregate\", \"unique\" and \"upsert\" alone",
        ),
        ("order", kind == "upsert", "\"upsert\" alone"),
    ] {
        if let Some(part) = part.get(name).filter(|_| !is_known) {
            return Err(part.refuse(&format!("it goes with the kind {kinds}")));
        }
    }
    let kind = if kind == "append" {
        Kind::Append
    } else if kind == "text" {
        if let Some(part) = part.get("row") {
            return Err(part.refuse("a row of the kind \"text\" has one field, `text`"));
        }
        Kind::Text
    } else if kind == "unique" {
        Kind::Unique(unique(part, row.as_deref())?)
    } else if kind == "upsert" {
        Kind::Upsert(Arc::new(upsert(part, row.as_ref())?))
    } else {
        let shape = shape(part)?;
        if let Some(rule) = row.as_deref().and_then(|row| shape.broken_by_types(row)) {
            let rule = format!("the aggregate {rule}");
            return Err(part.refuse_inside("/row", &rule, None));
        }
        Kind::Aggregate(Arc::new(shape))
    };
    Ok(Output {
        name: name.to_owned(),
        kind,
        row,
        summary: check_summary(part)?.to_owned(),
    })
}

/// The key of rows of which one is kept. Only tables keep one, and those need types.
fn unique(part: &Part<'_>, row: Option<&RowType>) -> Result<Arc<[String]>, AnswerError> {
    let names = part.need("key")?;
    let names = key(&names, 1)?;
    part.need("row")?;
    match row.and_then(|row| row.broken_by_key(&names)) {
        Some(rule) => Err(part.refuse_inside("/key", &format!("the unique output {rule}"), None)),
        None => Ok(names.into()),
    }
}

/// How rows replace each other. Whoever reads them needs their types.
fn upsert(part: &Part<'_>, row: Option<&Arc<RowType>>) -> Result<Upsert, AnswerError> {
    let names = part.need("key")?;
    let key = key(&names, 1)?;
    let order = field(&part.need("order")?)?.to_owned();
    let row_part = part.need("row")?;
    let row = row.ok_or_else(|| row_part.is_not("a list of columns"))?;
    match UpsertTypes::new(row, &key, &order) {
        Ok(types) => Ok(Upsert {
            key,
            order,
            types: Arc::new(types),
        }),
        Err(rule) => Err(part.refuse_inside("/row", &format!("the upsert {rule}"), None)),
    }
}

/// The names of the fields of a key.
fn key(part: &Part<'_>, at_least: usize) -> Result<Vec<String>, AnswerError> {
    let names = part.list(at_least..=Shape::MAX_KEY)?;
    let names: Vec<&str> = names.iter().map(field).collect::<Result<_, _>>()?;
    part.check_unique(&names)?;
    Ok(names.into_iter().map(str::to_owned).collect())
}

/// The columns of typed rows.
fn row(part: &Part<'_>) -> Result<RowType, AnswerError> {
    let items = part.list(1..=RowType::MAX_COLUMNS)?;
    let columns = items.iter().map(row_column);
    let columns: Vec<_> = columns.collect::<Result<_, _>>()?;
    RowType::new(columns).map_err(|rule| part.refuse(&format!("the row {rule}")))
}

fn row_column(part: &Part<'_>) -> Result<journal_rows::Column, AnswerError> {
    part.object(&["name", "type", "nullable", "summary"])?;
    let name = field(&part.need("name")?)?.to_owned();
    let type_part = part.need("type")?;
    let known = ColumnType::ALL.map(ColumnType::name);
    let column_type = ColumnType::of_name(type_part.one_of(&known)?);
    Ok(journal_rows::Column {
        name,
        column_type: column_type.ok_or_else(|| type_part.is_not("a type"))?,
        nullable: part.get("nullable").map_or(Ok(false), |part| part.flag())?,
        summary: check_summary(part)?.to_owned(),
    })
}

fn is_output(name: &str) -> bool {
    let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
    name.len() <= OUTPUT_CHARS
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(allowed)
}

/// The fields of an aggregate's rows. All names differ, those of the key and of the columns together.
fn shape(part: &Part<'_>) -> Result<Shape, AnswerError> {
    let key = part
        .get("key")
        .map_or(Ok(Vec::new()), |part| key(&part, 0))?;
    let columns = part.need("columns")?;
    let shape = Shape {
        key,
        columns: columns
            .list(1..=Shape::MAX_COLUMNS)?
            .iter()
            .map(column)
            .collect::<Result<_, _>>()?,
    };
    if let Some(name) = shape.repeated_name() {
        return Err(columns.refuse(&format!(
            "\"{name}\" is the name of another column or part of the key already"
        )));
    }
    match shape.broken_by_orders() {
        None => Ok(shape),
        Some(rule) => Err(columns.refuse(&format!("the aggregate {rule}"))),
    }
}

fn column(part: &Part<'_>) -> Result<Column, AnswerError> {
    const MERGES: [&str; 4] = ["sum", "min", "max", "latest"];
    part.object(&["name", "merge", "by"])?;
    let name = field(&part.need("name")?)?.to_owned();
    let merge = match part.need("merge")?.one_of(&MERGES)? {
        "sum" => Merge::Sum,
        "min" => Merge::Min,
        "max" => Merge::Max,
        _ => Merge::Latest,
    };
    let by = if merge == Merge::Latest {
        Some(field(&part.need("by")?)?.to_owned())
    } else if let Some(part) = part.get("by") {
        return Err(part.refuse("it goes with the merge \"latest\" alone"));
    } else {
        None
    };
    Ok(Column { name, merge, by })
}

fn field<'a>(part: &Part<'a>) -> Result<&'a str, AnswerError> {
    let what = "a letter or _ and up to 62 of A-Z, a-z, 0-9, _ and -";
    part.text_that(Shape::is_name, what)
}
