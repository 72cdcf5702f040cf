//! `journal-host describe`: what a plugin is, reads, emits and may do.

use std::fmt::Write as _;
use std::fs;

use journal_aggregate::{Column, Shape};
use journal_options::{OptionDoc, OptionError};
use serde_json::{Value, json};

use super::args::{self, LimitArguments, PluginArguments};
use super::confined;
use super::hints::Explain as _;
use super::names::{self, Names};
use super::report::{self, Report};
use crate::config::options::OptionsError;
use crate::config::{Layer, PluginConfig, Setting};
use crate::journal::plan::{Kind, Output, Persons};
use crate::journal::topics::ObjectTypes;
use crate::pipeline::build::{self, BuildError, CompiledPlugin};
use crate::sandbox::{Explained, Plugin};
use crate::text::{MESSAGE_BYTES, clean, escape_json, plural};

/// Describes a plugin: what it is, which objects it reads, its options and its outputs, and what it may do.
///
/// The plugin is compiled and started, and reads no records. Options that change what it reads or emits are taken
/// into account.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    plugin: PluginArguments,

    #[command(flatten)]
    limits: LimitArguments,

    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
}

/// Loads and starts the plugin, and prints what it says.
pub(super) fn execute(arguments: Arguments) -> Result<(), Report> {
    let mut layer = Layer::default();
    arguments.plugin.add_to(&mut layer);
    arguments.limits.add_to(&mut layer);
    let (config, origins) = args::configure::<PluginConfig>(layer);
    let names = Names(&origins);
    let config = config.map_err(|error| Report::of(&error, names))?;
    // Its file cannot be looked at once the process is confined.
    let bytes = fs::metadata(&config.plugin).map_or(0, |metadata| metadata.len());
    let compiled = CompiledPlugin::at(&config.plugin, &config.script, &config.limits)
        .map_err(|error| Report::of(&error, names))?;
    confined::confine_plugin(&config);
    let limits = build::limits_without_source(&config.limits);
    let plugin = compiled
        .load(limits)
        .map_err(|error| Report::of(&error, names))?;
    let explained = build::plugin_options(&config.options, &plugin)
        .map_err(BuildError::from)
        .and_then(|options| Ok(Explained::of(&plugin, &options, limits)?));
    let described = Described {
        path: config.plugin.display().to_string(),
        bytes,
        plugin: &plugin,
        plan: explained.as_ref().map_err(|error| error.sentence(names)),
    };
    let text = if arguments.json {
        escape_json(&format!("{:#}\n", described.as_json()))
    } else {
        described.as_text()
    };
    report::print(&text).map_err(Report::of_standard_output)?;
    match explained {
        Err(error) if !needs_an_option(&error) => Err(Report::of(&error, names)),
        _ => Ok(()),
    }
}

/// Whether the plan is not known because the caller has not said yet which options the plugin gets.
fn needs_an_option(error: &BuildError) -> bool {
    let BuildError::Options(OptionsError::NotTaken(error)) = error else {
        return false;
    };
    matches!(error, OptionError::Missing { .. })
}

/// What is known of a plugin.
struct Described<'a> {
    path: String,
    bytes: u64,
    plugin: &'a Plugin,
    /// Its plan, or why that is not known.
    plan: Result<&'a Explained, String>,
}

impl Described<'_> {
    fn as_json(&self) -> Value {
        let description = self.plugin.description();
        let interfaces = self.plugin.interfaces();
        let options = description.options.docs();
        let digests = self.plugin.script_digests();
        let mut json = json!({
            "name": description.name,
            "version": description.version,
            "summary": description.summary,
            "file": self.path,
            "bytes": self.bytes,
            "sha256": self.plugin.digest(),
            "runtime_sha256": digests.map(|digests| &digests.runtime),
            "script_sha256": digests.map(|digests| &digests.script),
            "interface": interfaces.processor,
            "imports": interfaces.imports,
            "options": options.iter().map(option_json).collect::<Vec<_>>(),
            "plan": null,
        });
        match &self.plan {
            Ok(explained) => json["plan"] = plan_json(explained),
            Err(reason) => json["plan_is_unknown_because"] = Value::from(reason.as_str()),
        }
        json
    }

    fn as_text(&self) -> String {
        let description = self.plugin.description();
        let interfaces = self.plugin.interfaces();
        let mut page = Page::default();
        page.line(&format!("{} {}", description.name, description.version));
        page.line(&description.summary);
        page.blank();
        page.fact("file", &self.path);
        page.fact("size", &plural(self.bytes, "byte"));
        page.fact("SHA-256", self.plugin.digest());
        if let Some(digests) = self.plugin.script_digests() {
            page.fact("runtime", &format!("SHA-256 {}", digests.runtime));
            page.fact("script", &format!("SHA-256 {}", digests.script));
        }
        page.fact("interface", &interfaces.processor);
        page.fact("imports", &interfaces.imports.join(", "));
        page.fact(
            "may do",
            "read its objects and options, write log lines, emit rows; it has no files, network, clock or randomness",
        );
        match &self.plan {
            Ok(explained) => page.plan(explained),
            Err(reason) => page.fact("reads", &format!("not known: {reason}")),
        }
        page.options(&description.options.docs());
        if let Ok(explained) = &self.plan {
            page.outputs(explained);
        }
        page.0
    }
}

fn option_json(option: &OptionDoc) -> Value {
    json!({
        "name": option.name,
        "type": option.kind,
        "repeated": option.repeated,
        "required": option.required,
        "default": option.default,
        "summary": option.summary,
    })
}

fn plan_json(explained: &Explained) -> Value {
    let Explained { plan, answer } = explained;
    let types = match &plan.object_types {
        ObjectTypes::Any => Value::from("any"),
        ObjectTypes::Named(names) => json!(names),
    };
    let outputs = plan.outputs.iter().enumerate().map(|(index, output)| {
        // What its author says, which may have members that this version does not know.
        let mut json = answer["outputs"][index].clone();
        if json.is_null() {
            json = json!({});
        }
        json["name"] = Value::from(output.name.as_str());
        json["kind"] = Value::from(kind(output));
        json
    });
    json!({
        "object_types": types,
        "columns": columns(explained),
        "tombstones": plan.tombstones,
        "persons": plan.persons.name(),
        "holds_state": holds_state(explained),
        "outputs": outputs.collect::<Vec<_>>(),
    })
}

fn kind(output: &Output) -> &'static str {
    match output.kind {
        Kind::Append => "append",
        Kind::Text => "text",
        Kind::Aggregate(_) => "aggregate",
        Kind::Unique(_) => "unique",
        Kind::Upsert(_) => "upsert",
    }
}

/// The columns that cross into the guest.
fn columns(explained: &Explained) -> Vec<&'static str> {
    let columns = explained.plan.columns;
    [
        (columns.values, "values"),
        (columns.value_ends && !columns.values, "value-ends"),
        (columns.keys, "keys"),
        (columns.partitions, "partitions"),
        (columns.offsets, "offsets"),
        (columns.timestamps, "timestamps"),
    ]
    .into_iter()
    .filter_map(|(is_read, name)| is_read.then_some(name))
    .collect()
}

/// Without a word of the plugin, it does.
fn holds_state(explained: &Explained) -> bool {
    explained.answer["holds-state"].as_bool().unwrap_or(true)
}

/// The text that is printed. Texts of the plugin forge no line.
#[derive(Default)]
struct Page(String);

impl Page {
    fn line(&mut self, text: &str) {
        if !text.is_empty() {
            self.0.push_str(clean(text, MESSAGE_BYTES).trim_end());
            self.blank();
        }
    }

    fn blank(&mut self) {
        self.0.push('\n');
    }

    fn fact(&mut self, name: &str, text: &str) {
        self.line(&format!("{name:<12}{text}"));
    }

    /// A named thing, with what its author says about it on the next line.
    fn entry(&mut self, name: &str, what: &str, summary: &str) {
        let name = clean(name, MESSAGE_BYTES);
        // Writing to a string cannot fail.
        let _ok = writeln!(self.0, "  {name}  {}", clean(what, MESSAGE_BYTES));
        if !summary.is_empty() {
            let _ok = writeln!(self.0, "      {}", one_line(summary));
        }
    }

    /// The columns of an output's rows, with what its author says about them.
    fn row(&mut self, output: &Output) {
        let Some(row) = &output.row else {
            return;
        };
        let column = |column: &journal_rows::Column| {
            let name = clean(&column.name, MESSAGE_BYTES);
            (name, held(column, &output.kind), one_line(&column.summary))
        };
        let columns: Vec<(String, String, String)> = row.columns().iter().map(column).collect();
        let names = columns.iter().map(|(name, ..)| name.len()).max();
        let types = columns.iter().map(|(_, held, _)| held.len()).max();
        let (names, types) = (names.unwrap_or_default(), types.unwrap_or_default());
        for (name, held, summary) in columns {
            let line = format!("        {name:<names$}  {held:<types$}  {summary}");
            // Writing to a string cannot fail.
            let _ok = writeln!(self.0, "{}", line.trim_end());
        }
    }

    fn plan(&mut self, explained: &Explained) {
        let plan = &explained.plan;
        match &plan.object_types {
            ObjectTypes::Any => self.fact("reads", "any object type"),
            ObjectTypes::Named(names) => self.fact("reads", &names.join(", ")),
        }
        let mut columns = columns(explained).join(", ");
        if columns.is_empty() {
            columns.push_str("none, only the number of records");
        }
        self.fact("columns", &columns);
        let tombstones = if plan.tombstones {
            "read"
        } else {
            "passed over"
        };
        self.fact("tombstones", tombstones);
        let persons = match plan.persons {
            Persons::Required => "needs names: reads privileged topics only",
            Persons::Useful => "may use names where there are some",
            Persons::None => "uses no names",
        };
        self.fact("persons", persons);
        let state = if holds_state(explained) {
            "may keep something from one call to the next"
        } else {
            "keeps nothing from one call to the next"
        };
        self.fact("state", state);
    }

    fn options(&mut self, options: &[OptionDoc]) {
        self.blank();
        if options.is_empty() {
            return self.line("It has no options.");
        }
        self.line(&format!(
            "Options, as {} NAME=VALUE:",
            names::flag(Setting::Options)
        ));
        for option in options {
            let summary = option.summary.as_deref().unwrap_or_default();
            self.entry(&option.name, &option.takes(), summary);
        }
    }

    fn outputs(&mut self, explained: &Explained) {
        self.blank();
        let outputs = &explained.plan.outputs;
        if outputs.is_empty() {
            return self.line("It has no outputs.");
        }
        self.line("Outputs:");
        for (index, output) in outputs.iter().enumerate() {
            let summary = explained.answer["outputs"][index]["summary"].as_str();
            let what = combined(&output.kind);
            self.entry(&output.name, &what, summary.unwrap_or_default());
            self.row(output);
        }
    }
}

/// A text of the plugin without its line breaks, and without anything that could control a terminal.
fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    clean(&words.join(" "), MESSAGE_BYTES)
}

/// The values of a column, and how they are merged: "timestamp or null", "uint, sum".
fn held(column: &journal_rows::Column, kind: &Kind) -> String {
    let mut held = column.column_type.to_string();
    if column.nullable {
        held.push_str(" or null");
    }
    if let Kind::Aggregate(shape) = kind
        && let Some(merged) = shape
            .columns
            .iter()
            .find(|merged| merged.name == column.name)
    {
        let _ok = write!(held, ", {}", merged.merge);
    }
    held
}

/// How rows are combined.
fn combined(kind: &Kind) -> String {
    match kind {
        Kind::Append => "one row per emission".to_owned(),
        Kind::Text => "printed text".to_owned(),
        Kind::Aggregate(shape) => merged(shape),
        Kind::Unique(key) => format!("one row for each {}", names_in(key)),
        Kind::Upsert(upsert) => format!(
            "the latest row for each {}, by `{}`",
            names_in(&upsert.key),
            upsert.order
        ),
    }
}

/// How rows are merged: "rows merged by `weekday`: sum of `commits`, max of `latest`".
fn merged(shape: &Shape) -> String {
    let columns = shape.columns.iter().map(|column| {
        let Column { name, merge, by } = column;
        match by {
            Some(order) => format!("{merge} `{name}` by `{order}`"),
            None => format!("{merge} of `{name}`"),
        }
    });
    let columns = columns.collect::<Vec<_>>().join(", ");
    if shape.key.is_empty() {
        return format!("one row: {columns}");
    }
    format!("rows merged by {}: {columns}", names_in(&shape.key))
}

fn names_in(key: &[String]) -> String {
    let names = key.iter().map(|name| format!("`{name}`"));
    names.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use journal_aggregate::Merge;
    use journal_rows::{RowType, UpsertTypes};

    use super::*;
    use crate::journal::plan::Upsert;

    #[test]
    fn aggregate_is_described_by_its_key_and_columns() {
        let column = |name: &str, merge, by: Option<&str>| Column {
            name: name.to_owned(),
            merge,
            by: by.map(str::to_owned),
        };
        let mut shape = Shape {
            key: vec!["day".to_owned(), "hour".to_owned()],
            columns: vec![
                column("commits", Merge::Sum, None),
                column("last", Merge::Max, None),
                column("status", Merge::Latest, Some("last")),
            ],
        };
        assert_eq!(
            merged(&shape),
            "rows merged by `day`, `hour`: sum of `commits`, max of `last`, latest `status` by `last`"
        );
        shape.key.clear();
        shape.columns.truncate(1);
        assert_eq!(merged(&shape), "one row: sum of `commits`");
    }

    #[test]
    fn unique_output_is_described_by_its_key() {
        let key = ["origin".to_owned(), "visit".to_owned()];
        let text = combined(&Kind::Unique(key.into()));
        assert_eq!(text, "one row for each `origin`, `visit`");
    }

    #[test]
    fn upsert_is_described_by_its_key_and_order() {
        let columns = ["origin", "date"].map(|name| journal_rows::Column {
            name: name.to_owned(),
            column_type: journal_rows::ColumnType::Text,
            nullable: false,
            summary: String::new(),
        });
        let row = Arc::new(RowType::new(columns.into()).unwrap());
        let key = vec!["origin".to_owned()];
        let upsert = Upsert {
            types: Arc::new(UpsertTypes::new(&row, &key, "date").unwrap()),
            order: "date".to_owned(),
            key,
        };
        let text = combined(&Kind::Upsert(Arc::new(upsert)));
        assert_eq!(text, "the latest row for each `origin`, by `date`");
    }

    #[test]
    fn columns_have_their_types_how_they_merge_and_what_they_stand_for() {
        let column = |name: &str, column_type, nullable, summary: &str| journal_rows::Column {
            name: name.to_owned(),
            column_type,
            nullable,
            summary: summary.to_owned(),
        };
        let columns = vec![
            column("day", journal_rows::ColumnType::Text, true, "a\n\x1b[2Jb"),
            column("commits", journal_rows::ColumnType::Uint, false, ""),
        ];
        let sum = Column {
            name: "commits".to_owned(),
            merge: Merge::Sum,
            by: None,
        };
        let shape = Shape {
            key: vec!["day".to_owned()],
            columns: vec![sum],
        };
        let mut output = Output {
            kind: Kind::Aggregate(Arc::new(shape)),
            row: Some(Arc::new(RowType::new(columns).unwrap())),
            ..Output::untyped("days")
        };
        let mut page = Page::default();
        page.row(&output);
        assert_eq!(
            page.0,
            "        day      text or null  a \\u{1b}[2Jb\n        commits  uint, sum\n"
        );
        output.row = None;
        let mut page = Page::default();
        page.row(&output);
        assert_eq!(page.0, "");
    }

    #[test]
    fn texts_of_a_plugin_forge_no_line() {
        let mut page = Page::default();
        page.fact("imports", "a\nb");
        page.entry("n\u{202e}", "string", "first\n\x1b[2Jsecond");
        assert_eq!(
            page.0,
            "imports     a\\nb\n  n\\u{202e}  string\n      first \\u{1b}[2Jsecond\n"
        );
    }
}
