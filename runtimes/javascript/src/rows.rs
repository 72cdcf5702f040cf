//! From what a script emits to rows in msgpack.

use std::fmt::Write as _;
use std::ops::Range;

use rquickjs::qjs::JSClassID;
use rquickjs::{Array, Atom, Ctx, Exception, Function, Object, Result, TypedArray, Value};

use crate::encode::{put_bytes, put_int, put_length, put_text, put_unsigned};
use crate::raw::Handle;
use crate::texts::Shown;

/// Levels of a row.
const DEPTH: u32 = 100;

/// Elements of a list that may be absent: more are a length that was set, and would take the rest of the call.
const ABSENT: u32 = 10_000;

/// Why a text from bytes that are not UTF-8 is not held, and what to do.
const TEXT_OF_BYTES: &str =
    "has a text that is not Unicode, from bytes that are not UTF-8: emit them with `bytes(name)`";
const NAME_OF_BYTES: &str = "has a name that is not Unicode, from bytes that are not UTF-8: emit them in a column with `bytes(name)`";

/// The years 0 to 9999, which others can hold, in milliseconds since 1970.
const YEARS: Range<f64> = -62_167_219_200_000.0..253_402_300_800_000.0;

/// What packing needs of the engine.
pub(crate) struct Packer<'js> {
    /// The classes of objects whose properties are all that they hold: those of a script, and those of the journal. Others
    /// hold what is no property, and would become empty.
    plain: [JSClassID; 2],
    date: JSClassID,
    /// The digits of a `BigInt` of 64 bits, unsigned or else signed; else null.
    digits: Function<'js>,
}

/// Whether a value was added to a row.
type Put = std::result::Result<(), Refused>;

/// Why a value cannot be in a row.
enum Refused {
    /// The reason.
    Because(String),
    /// A getter of the script threw.
    Thrown(rquickjs::Error),
}

impl From<rquickjs::Error> for Refused {
    fn from(error: rquickjs::Error) -> Self {
        Self::Thrown(error)
    }
}

impl From<&str> for Refused {
    fn from(reason: &str) -> Self {
        Self::Because(reason.to_owned())
    }
}

impl<'js> Packer<'js> {
    /// What packs rows, in which objects of the class `lazy` are those of the journal.
    pub(crate) fn new(ctx: &Ctx<'js>, lazy: JSClassID) -> Result<Self> {
        let class = |text: &str| {
            let made: Value<'js> = ctx.eval(text)?;
            Ok::<_, rquickjs::Error>(Handle::of(&made).class())
        };
        Ok(Self {
            plain: [class("({})")?, lazy],
            date: class("new Date(0)")?,
            digits: ctx.eval(
                "(({ asUintN, asIntN }, String) => (value) => asUintN(64, value) === value || asIntN(64, value) === value \
                 ? String(value) : null)({ asUintN: BigInt.asUintN, asIntN: BigInt.asIntN }, String)",
            )?,
        })
    }

    /// Adds a row to `into`.
    ///
    /// # Errors
    /// A `TypeError` of the script that names the column, and then `into` may have a part of the row.
    pub(crate) fn pack(&self, ctx: &Ctx<'js>, row: &Value<'js>, into: &mut Vec<u8>) -> Result<()> {
        let Some(object) = row.as_object().filter(|object| self.is_plain(object)) else {
            let what = format!(
                "a row is an object such as {{ id: revision.id }}, and not {}",
                kind(row)
            );
            return Err(Exception::throw_type(ctx, &what));
        };
        let keys = object.keys::<Atom<'js>>().collect::<Result<Vec<_>>>()?;
        put_length(into, keys.len(), 0x80, 16, None, 0xde);
        for key in keys {
            let put = put_atom(&key, into).and_then(|()| {
                let value: Value<'js> = object.get(key.clone())?;
                self.put(&value, into, 0)
            });
            match put {
                Ok(()) => {}
                Err(Refused::Thrown(error)) => return Err(error),
                Err(Refused::Because(reason)) => {
                    let Shown(name) = key.to_value()?.get()?;
                    let what = format!("the column `{name}` {reason}");
                    return Err(Exception::throw_type(ctx, &what));
                }
            }
        }
        Ok(())
    }

    fn is_plain(&self, object: &Object<'js>) -> bool {
        self.plain.contains(&Handle::of(object).class())
    }

    fn put(&self, value: &Value<'js>, into: &mut Vec<u8>, depth: u32) -> Put {
        if let Some(value) = value.as_int() {
            put_int(into, value.into());
        } else if let Some(text) = value.as_string() {
            let text = text.to_string();
            put_text(into, &text.map_err(|_| TEXT_OF_BYTES)?);
        } else if let Some(value) = value.as_bool() {
            into.push(0xc2 + u8::from(value));
        } else if value.is_null() || value.is_undefined() {
            into.push(0xc0);
        } else if let Some(number) = value.as_float() {
            put_number(into, number)?;
        } else if value.is_big_int() {
            self.put_big(value, into)?;
        } else if let (Some(object), false) = (value.as_object(), value.is_function()) {
            if depth == DEPTH {
                return Err("nests too deeply".into());
            }
            self.put_object(object, into, depth + 1)?;
        } else {
            return Err(unfit(value));
        }
        Ok(())
    }

    fn put_object(&self, object: &Object<'js>, into: &mut Vec<u8>, depth: u32) -> Put {
        if let Some(bytes) = object.as_typed_array::<u8>() {
            put_bytes(into, &bytes_of(bytes));
        } else if let Some(list) = object.as_array() {
            self.put_list(list, into, depth)?;
        } else if Handle::of(object).class() == self.date {
            put_time(object, into)?;
        } else if !self.is_plain(object) {
            return Err(unfit(object));
        } else {
            let keys = object.keys::<Atom<'js>>().collect::<Result<Vec<_>>>()?;
            put_length(into, keys.len(), 0x80, 16, None, 0xde);
            for key in keys {
                put_atom(&key, into)?;
                self.put(&object.get(key)?, into, depth)?;
            }
        }
        Ok(())
    }

    fn put_list(&self, list: &Array<'js>, into: &mut Vec<u8>, depth: u32) -> Put {
        // Not `Array::len`, which panics above 2^31.
        let length: f64 = list.as_object().get("length")?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a list has less than 2^32 elements"
        )]
        let length = length as u32;
        put_length(into, length as usize, 0x90, 16, None, 0xdc);
        let mut absent = 0;
        for index in 0..length {
            let value: Value<'js> = list.get(index as usize)?;
            if value.is_undefined() && !list.as_object().contains_key(index)? {
                absent += 1;
                if absent > ABSENT {
                    return Err(Refused::Because(format!(
                        "has a list of the length {length}, of which more than {ABSENT} elements are absent"
                    )));
                }
            }
            self.put(&value, into, depth)?;
        }
        Ok(())
    }

    fn put_big(&self, value: &Value<'js>, into: &mut Vec<u8>) -> Put {
        let digits: Option<String> = self.digits.call((value.clone(),))?;
        let digits = digits.ok_or("has an integer of more than 64 bits")?;
        if let Ok(value) = digits.parse::<i64>() {
            put_int(into, value);
        } else {
            let value: u64 = digits
                .parse()
                .map_err(|_| "has a BigInt that cannot be read")?;
            put_unsigned(into, value);
        }
        Ok(())
    }
}

/// A copy of the bytes of an array.
pub(crate) fn bytes_of(array: &TypedArray<'_, u8>) -> Vec<u8> {
    // SAFETY: the slice is copied at once, and nothing of the script runs meanwhile.
    #[expect(
        unsafe_code,
        reason = "the engine has no copy of an array's bytes without it"
    )]
    let bytes = unsafe { array.as_bytes() };
    bytes.unwrap_or_default().to_vec()
}

/// What a value is, for messages: `a Promise`, `an Int32Array`, `a symbol`, `null`.
pub(crate) fn kind(value: &Value<'_>) -> String {
    let name = if value.is_null() || value.is_undefined() {
        return value.type_name().to_owned();
    } else if value.is_object() && !value.is_function() {
        match Handle::of(value).class_name().as_str() {
            class @ ("Number" | "String" | "Boolean" | "Symbol" | "BigInt") => {
                format!("{class} object")
            }
            class => class.to_owned(),
        }
    } else if value.is_number() {
        "number".to_owned()
    } else {
        value.type_name().to_owned()
    };
    // `a Uint8Array`, because the sound counts.
    let is_vowel = name.starts_with(['A', 'E', 'I', 'O', 'a', 'e', 'i', 'o']);
    format!("{} {name}", if is_vowel { "an" } else { "a" })
}

/// Why a row cannot have this value at all.
fn unfit(value: &Value<'_>) -> Refused {
    let kind = kind(value);
    let instead = match kind.as_str() {
        "a Map" => ": use `Object.fromEntries(map)`",
        "a Set" => ": use `[...set]`",
        "a Promise" => ": nothing waits for it",
        array if array.ends_with("Array") => ": use `[...array]`",
        iterator if iterator.ends_with("Iterator") || iterator == "a Generator" => {
            ": use `[...iterator]`"
        }
        _ => "",
    };
    Refused::Because(format!("is {kind}, which a row cannot hold{instead}"))
}

fn put_atom(name: &Atom<'_>, into: &mut Vec<u8>) -> Put {
    let name = name.to_js_string()?.to_string();
    put_text(into, &name.map_err(|_| NAME_OF_BYTES)?);
    Ok(())
}

/// A number without a fraction is an integer where 64 bits hold it.
fn put_number(into: &mut Vec<u8>, number: f64) -> Put {
    const ABOVE_SIGNED: f64 = 9_223_372_036_854_775_808.0;
    const ABOVE_UNSIGNED: f64 = 18_446_744_073_709_551_616.0;
    if !number.is_finite() {
        return Err("has a number that is not finite".into());
    }
    if number.fract() != 0.0 || !(-ABOVE_SIGNED..ABOVE_UNSIGNED).contains(&number) {
        into.push(0xcb);
        into.extend(number.to_be_bytes());
    } else if number < ABOVE_SIGNED {
        #[expect(clippy::cast_possible_truncation, reason = "checked above")]
        put_int(into, number as i64);
    } else {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "checked above"
        )]
        put_unsigned(into, number as u64);
    }
    Ok(())
}

/// A `Date`, with the microseconds that a date of an object has below its milliseconds.
fn put_time(date: &Object<'_>, into: &mut Vec<u8>) -> Put {
    let get: Function<'_> = date.get("getTime")?;
    let milliseconds: f64 = get.call((rquickjs::function::This(date.clone()),))?;
    if !milliseconds.is_finite() {
        return Err("has an invalid date".into());
    }
    if !YEARS.contains(&milliseconds) {
        return Err("has a date outside the years 0 to 9999".into());
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a date has less than 2^53 milliseconds"
    )]
    let milliseconds = milliseconds as i64;
    let microseconds: Option<u32> = date.get("microseconds").unwrap_or_default();
    let below = microseconds.filter(|below| *below < 1000).unwrap_or(0);
    let nanoseconds =
        u32::try_from(milliseconds.rem_euclid(1000)).unwrap_or(0) * 1_000_000 + below * 1000;
    into.extend([0xc7, 12, 0xff]);
    into.extend(nanoseconds.to_be_bytes());
    into.extend(milliseconds.div_euclid(1000).to_be_bytes());
    Ok(())
}

/// Rows of an output that a call has emitted.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub(crate) bytes: Vec<u8>,
    pub(crate) ends: Vec<u32>,
}

impl Rows {
    /// Where the rows end now.
    pub(crate) fn savepoint(&self) -> (usize, usize) {
        (self.bytes.len(), self.ends.len())
    }

    pub(crate) fn rollback(&mut self, (bytes, ends): (usize, usize)) {
        self.bytes.truncate(bytes);
        self.ends.truncate(ends);
    }

    /// Drops all rows, and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    /// Ends the row that was added to the bytes.
    pub(crate) fn end(&mut self) {
        self.ends
            .push(u32::try_from(self.bytes.len()).unwrap_or(u32::MAX));
    }
}

/// The name of an output in a message.
pub(crate) fn quoted(names: &[String]) -> String {
    let mut text = String::new();
    for (index, name) in names.iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        let _ = write!(text, "{comma}`{name}`");
    }
    text
}
