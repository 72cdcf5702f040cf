//! What the module `journal_host` calls in the runtime.

use std::cell::RefCell;
use std::collections::HashMap;
use std::mem;
use std::rc::Rc;

use journal_msgpack::{Cursor, Head};
use rquickjs::function::Opt;
use rquickjs::{Ctx, Exception, Function, Module, Object, Result, TypedArray, Value};

use crate::errors::Report;
use crate::layouts::Only;
use crate::modules::{Files, OURS};
use crate::objects::{Record, lazy};
use crate::raw::{Handle, Raw};
use crate::rows::{Packer, Rows, kind, quoted};
use crate::runner::{Batch, Call, Rejection};
use crate::texts::{self, Shown};
use crate::values::Engine;
use crate::{Host, Level};

/// The text of the module.
const SOURCE: &str = include_str!("journal_host.js");
/// The fields of each object type, as JSON.
const KNOWN_FIELDS: &str = include_str!("../../fields.json");
/// Rejections whose exception is logged with all its lines, and which differ.
const LOGGED: usize = 10;

/// The fields that a script reads of each object type, where it says.
type Fields = Rc<RefCell<HashMap<String, Only>>>;

/// Defines the module, and returns the functions that run a script.
pub(crate) fn define<'js>(
    ctx: &Ctx<'js>,
    call: &Rc<RefCell<Call>>,
    host: &Rc<dyn Host>,
    files: &Files,
) -> Result<Object<'js>> {
    let native = Object::new(ctx.clone())?;
    native.set("knownFields", KNOWN_FIELDS)?;
    define_texts(ctx, &native)?;
    define_log(ctx, &native, call, host, files)?;
    let engine = Rc::new(Engine::new(ctx)?);
    define_rows(ctx, &native, call, &engine)?;
    define_objects(ctx, &native, call, engine)?;
    let runner = Object::new(ctx.clone())?;
    let given = runner.clone();
    let take = move |functions: Object<'js>| given.set("functions", functions);
    native.set("runner", Function::new(ctx.clone(), take)?)?;
    ctx.globals().set("__native", native)?;
    let (_, promise) = Module::declare(ctx.clone(), OURS, SOURCE)?.eval()?;
    promise.finish::<()>()?;
    runner.get("functions")
}

fn define_texts<'js>(ctx: &Ctx<'js>, native: &Object<'js>) -> Result<()> {
    let text = |ctx: Ctx<'js>, bytes: Value<'js>| {
        let raw = Raw::new(&ctx);
        let made = Handle::of(&bytes).with_bytes(|bytes| raw.text(&String::from_utf8_lossy(bytes)));
        let Some(text) = made else {
            let what = format!("`text` takes a Uint8Array, and not {}", kind(&bytes));
            return Err(Exception::throw_type(&ctx, &what));
        };
        Ok(text?.into_value(&ctx))
    };
    native.set("text", Function::new(ctx.clone(), text)?.with_name("text")?)?;
    let bytes = |ctx: Ctx<'js>, text: Value<'js>| {
        if !text.is_string() {
            let what = format!("`bytes` takes a text, and not {}", kind(&text));
            return Err(Exception::throw_type(&ctx, &what));
        }
        TypedArray::<u8>::new_copy(ctx, texts::bytes(&text)?)
    };
    native.set(
        "bytes",
        Function::new(ctx.clone(), bytes)?.with_name("bytes")?,
    )
}

fn define_log<'js>(
    ctx: &Ctx<'js>,
    native: &Object<'js>,
    call: &Rc<RefCell<Call>>,
    host: &Rc<dyn Host>,
    files: &Files,
) -> Result<()> {
    let to = Rc::clone(host);
    let log = move |level: u8, Shown(text): Shown| {
        let levels = [Level::Error, Level::Warn, Level::Info];
        let level = levels.get(usize::from(level)).copied();
        to.log(level.unwrap_or(Level::Debug), &text);
    };
    native.set("log", Function::new(ctx.clone(), log)?)?;
    let held = Rc::clone(call);
    let print = move |Shown(text): Shown| held.borrow_mut().printed.push_str(&text);
    native.set("print", Function::new(ctx.clone(), print)?)?;
    let known = Rc::clone(files);
    let short = move |thrown: Value<'js>| Report::of_value(&thrown, &known).short();
    native.set("short", Function::new(ctx.clone(), short)?)?;
    let known = Rc::clone(files);
    let lines = move |thrown: Value<'js>| Report::of_value(&thrown, &known).lines();
    native.set("lines", Function::new(ctx.clone(), lines)?)?;
    let (to, held, known) = (Rc::clone(host), Rc::clone(call), Rc::clone(files));
    let rejected = move |thrown: Value<'js>| {
        let report = Report::of_value(&thrown, &known);
        let short = report.short();
        let logged = &mut held.borrow_mut().logged;
        if logged.len() < LOGGED && !logged.contains(&short) {
            logged.push(short);
            to.log(Level::Warn, &report.lines().join("\n"));
        }
    };
    native.set("rejected", Function::new(ctx.clone(), rejected)?)?;
    let is_fatal = |thrown: Value<'js>| Report::is_out_of_memory(&thrown);
    native.set("isFatal", Function::new(ctx.clone(), is_fatal)?)
}

fn define_rows<'js>(
    ctx: &Ctx<'js>,
    native: &Object<'js>,
    call: &Rc<RefCell<Call>>,
    engine: &Engine,
) -> Result<()> {
    let held = Rc::clone(call);
    let outputs = move |names: Vec<String>, prints: bool, has_emit: bool| {
        let mut call = held.borrow_mut();
        // Printed text is the last one.
        let count = names.len() + usize::from(prints);
        call.rows = (0..count).map(|_| Rows::default()).collect();
        call.outputs = names;
        call.has_emit = has_emit;
    };
    native.set("outputs", Function::new(ctx.clone(), outputs)?)?;
    let packer = Packer::new(ctx, engine.class)?;
    let held = Rc::clone(call);
    let emit = move |ctx: Ctx<'js>, row: Opt<Value<'js>>, output: Opt<Value<'js>>| {
        let row = row.0.unwrap_or_else(|| Value::new_undefined(ctx.clone()));
        let index = output_of(&ctx, &held.borrow(), output.0.as_ref())?;
        // A getter of the row may emit another one, so the rows are not borrowed meanwhile.
        let mut bytes = Vec::new();
        packer.pack(&ctx, &row, &mut bytes)?;
        let mut call = held.borrow_mut();
        if let Some(rows) = call.rows.get_mut(index) {
            rows.bytes.extend(bytes);
            rows.end();
        }
        Ok::<_, rquickjs::Error>(())
    };
    native.set("emit", Function::new(ctx.clone(), emit)?.with_name("emit")?)?;
    let held = Rc::clone(call);
    let savepoint = move || {
        let call = &mut *held.borrow_mut();
        call.savepoint = (
            call.rows.iter().map(Rows::savepoint).collect(),
            call.printed.len(),
        );
    };
    native.set("savepoint", Function::new(ctx.clone(), savepoint)?)?;
    let held = Rc::clone(call);
    let rollback = move || {
        let call = &mut *held.borrow_mut();
        for (rows, savepoint) in call.rows.iter_mut().zip(&call.savepoint.0) {
            rows.rollback(*savepoint);
        }
        call.printed.truncate(call.savepoint.1);
    };
    native.set("rollback", Function::new(ctx.clone(), rollback)?)
}

fn define_objects<'js>(
    ctx: &Ctx<'js>,
    native: &Object<'js>,
    call: &Rc<RefCell<Call>>,
    engine: Rc<Engine>,
) -> Result<()> {
    let fields = Fields::default();
    let known = Rc::clone(&fields);
    let of = Rc::clone(&engine);
    let set_fields = move |kind: String, names: Vec<String>| {
        let names = names.iter().map(|name| of.name(name.as_bytes()));
        known
            .borrow_mut()
            .insert(kind, names.collect::<Result<_>>()?);
        Ok::<_, rquickjs::Error>(())
    };
    native.set("fields", Function::new(ctx.clone(), set_fields)?)?;
    let held = Rc::clone(call);
    let count = move || held.borrow().batches.len();
    native.set("count", Function::new(ctx.clone(), count)?)?;
    let held = Rc::clone(call);
    let kind = move |batch: usize| {
        let call = held.borrow();
        call.batches
            .get(batch)
            .map(|batch| batch.object_type.clone())
    };
    native.set("type", Function::new(ctx.clone(), kind)?)?;
    let held = Rc::clone(call);
    let objects = move |ctx: Ctx<'js>, batch: usize| {
        let mut found = Batch::default();
        if let Some(batch) = held.borrow_mut().batches.get_mut(batch) {
            found.values = mem::take(&mut batch.values);
            found.value_ends = mem::take(&mut batch.value_ends);
            found.object_type.clone_from(&batch.object_type);
        }
        let only = fields.borrow().get(&found.object_type).cloned();
        list(&ctx, &engine, &held, batch, &found, only.as_ref())
    };
    native.set("objects", Function::new(ctx.clone(), objects)?)?;
    let held = Rc::clone(call);
    let reject = move |batch: usize, at: usize, Shown(reason): Shown| {
        let call = &mut *held.borrow_mut();
        let index = call
            .indices
            .get(&batch)
            .and_then(|indices| indices.get(at).copied());
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        call.rejections.push(Rejection {
            batch: number(batch),
            index: index.unwrap_or_else(|| number(at)),
            reason,
        });
    };
    native.set("reject", Function::new(ctx.clone(), reject)?)
}

/// The objects of a batch. A record that is no object is rejected.
fn list<'js>(
    ctx: &Ctx<'js>,
    engine: &Rc<Engine>,
    call: &RefCell<Call>,
    number: usize,
    batch: &Batch,
    only: Option<&Only>,
) -> Result<Value<'js>> {
    let mut objects = engine.raw.values(batch.value_ends.len());
    let mut damaged = Vec::new();
    let mut indices = Vec::new();
    let mut start = 0;
    for (index, end) in (0..).zip(&batch.value_ends) {
        let end = *end as usize;
        let value = batch.values.get(start..end).unwrap_or_default();
        start = end;
        if let Some(reason) = fault(value) {
            damaged.push((index, reason));
            continue;
        }
        let record = Rc::new(Record {
            engine: Rc::clone(engine),
            bytes: value.into(),
            only: only.cloned(),
        });
        objects.push(lazy(&record, 0)?);
        indices.push(index);
    }
    if !damaged.is_empty() {
        let call = &mut *call.borrow_mut();
        call.indices.insert(number, indices);
        let batch = u32::try_from(number).unwrap_or(u32::MAX);
        let rejections = damaged.into_iter().map(|(index, reason)| Rejection {
            batch,
            index,
            reason,
        });
        call.rejections.extend(rejections);
    }
    Ok(objects.into_list()?.into_value(ctx))
}

/// Why a value is no object.
fn fault(value: &[u8]) -> Option<String> {
    let mut cursor = Cursor::new(value);
    let head = cursor.head();
    let mut whole = Cursor::new(value);
    match (head, whole.skip()) {
        (Err(fault), _) | (_, Err(fault)) => Some(format!("its value {fault}")),
        (Ok(Head::Map(_)), Ok(())) if whole.at_end() => None,
        (Ok(Head::Map(_)), Ok(())) => Some(format!(
            "its value is followed by more, at byte {}",
            whole.offset()
        )),
        _ => Some("its value is no map".to_owned()),
    }
}

/// The index of the output that is named, or of the only one.
fn output_of<'js>(ctx: &Ctx<'js>, call: &Call, output: Option<&Value<'js>>) -> Result<usize> {
    let names = &call.outputs;
    let name = output.filter(|output| !output.is_undefined());
    let found = match name {
        None if names.len() == 1 => Some(0),
        None => None,
        Some(name) => {
            let name = name.as_string().and_then(|name| name.to_string().ok());
            names.iter().position(|one| Some(one) == name.as_ref())
        }
    };
    found.ok_or_else(|| {
        let what = match (names.is_empty(), call.has_emit) {
            (true, false) => "the function declares no parameter `emit`, without a default, so the script has no output".to_owned(),
            (true, true) => "OUTPUTS is empty, so the script has no output".to_owned(),
            (false, _) => format!("`emit(row, output)` takes one of the outputs {}", quoted(names)),
        };
        Exception::throw_type(ctx, &what)
    })
}
