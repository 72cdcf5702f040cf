//! From msgpack to values of JavaScript.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::rc::Rc;

use journal_msgpack::{Cursor, Fault, Head, timestamp};
use rquickjs::function::Constructor;
use rquickjs::{
    Array, Atom, BigInt, Class, Ctx, Exception, Function, Object, Result, String as Text,
    TypedArray, Value,
};

use crate::objects::Lazy;

/// Levels of arrays inside each other that are read.
const DEPTH: u32 = 200;
/// The largest integer that a number of JavaScript has exactly, as any below it.
const EXACT: u64 = (1 << 53) - 1;
/// Slots for the names of fields, and the longest name that is kept.
const SLOTS: usize = 512;
const NAME_BYTES: usize = 40;
/// The longest text that is kept, because it is one of a few, such as `file`.
const WORD_BYTES: usize = 8;

/// What decoding needs of the engine; one in each.
pub(crate) struct Engine<'js> {
    /// The prototype of objects.
    pub(crate) prototype: Object<'js>,
    /// The prototype of everything.
    pub(crate) root: Object<'js>,
    pub(crate) date: Constructor<'js>,
    /// From a list of UTF-16 units to a text.
    text_of_units: Function<'js>,
    /// From digits in hexadecimal to a `BigInt`.
    big: Function<'js>,
    names: RefCell<Vec<Option<Name<'js>>>>,
}

/// A name or a word that is made once.
struct Name<'js> {
    bytes: Box<[u8]>,
    atom: Atom<'js>,
    text: Value<'js>,
}

impl<'js> Engine<'js> {
    pub(crate) fn new(ctx: &Ctx<'js>) -> Result<Self> {
        let names = std::iter::repeat_with(|| None).take(SLOTS).collect();
        let prototype = Class::<Lazy<'_>>::prototype(ctx)?;
        let root: Object<'js> = ctx.eval("Object.prototype")?;
        let prototype = prototype.unwrap_or_else(|| root.clone());
        prototype.set_prototype(Some(&root))?;
        Ok(Self {
            prototype,
            root,
            date: ctx.globals().get("Date")?,
            text_of_units: ctx.eval(
                "((fromCharCode) => (units) => { let text = ''; for (const unit of units) text += fromCharCode(unit); \
                 return text; })(String.fromCharCode)",
            )?,
            big: ctx.eval("((BigInt) => (digits) => BigInt(digits))(BigInt)")?,
            names: RefCell::new(names),
        })
    }

    /// Calls `use_name` with the name of these bytes.
    fn named<T>(
        &self,
        ctx: &Ctx<'js>,
        bytes: &[u8],
        use_name: impl FnOnce(&Name<'js>) -> T,
    ) -> Result<T> {
        let slot = slot(bytes);
        let mut names = self.names.borrow_mut();
        let name = &mut names[slot];
        match name {
            Some(name) if *name.bytes == *bytes => Ok(use_name(name)),
            _ => {
                let text = self.text(ctx, bytes)?;
                let atom = Atom::from_value(ctx.clone(), &text)?;
                let bytes = bytes.into();
                Ok(use_name(name.insert(Name { bytes, atom, text })))
            }
        }
    }

    /// The name of a field.
    #[inline]
    pub(crate) fn atom(&self, ctx: &Ctx<'js>, bytes: &[u8]) -> Result<Atom<'js>> {
        if bytes.len() <= NAME_BYTES {
            return self.named(ctx, bytes, |name| name.atom.clone());
        }
        Atom::from_value(ctx.clone(), &self.text(ctx, bytes)?)
    }

    /// A text, in which a byte that is not UTF-8 is the unit 0xDC00 above it, so that texts differ where bytes do.
    fn text(&self, ctx: &Ctx<'js>, bytes: &[u8]) -> Result<Value<'js>> {
        if let Ok(text) = str::from_utf8(bytes) {
            return Ok(Text::from_str(ctx.clone(), text)?.into_value());
        }
        let mut units: Vec<u16> = Vec::with_capacity(bytes.len());
        for chunk in bytes.utf8_chunks() {
            units.extend(chunk.valid().encode_utf16());
            units.extend(chunk.invalid().iter().map(|byte| 0xDC00 + u16::from(*byte)));
        }
        self.text_of_units.call((units,))
    }

    /// The value of these bytes as `BigInt`.
    fn big(&self, big_endian: &[u8], is_negative: bool) -> Result<Value<'js>> {
        let mut digits = String::from("0x0");
        for byte in big_endian {
            let _ = write!(digits, "{byte:02x}");
        }
        let value: Value<'js> = self.big.call((digits,))?;
        if !is_negative {
            return Ok(value);
        }
        let negate: Function<'js> = value.ctx().eval("(value) => -value")?;
        negate.call((value,))
    }

    /// The time as a `Date`, with its microseconds where it has any below milliseconds.
    fn time(&self, seconds: i64, nanoseconds: u32) -> Result<Value<'js>> {
        #[expect(
            clippy::cast_precision_loss,
            reason = "a date ends long before numbers are inexact"
        )]
        let milliseconds = seconds as f64 * 1000.0 + f64::from(nanoseconds / 1_000_000);
        let date: Object<'js> = self.date.construct((milliseconds,))?;
        let microseconds = nanoseconds / 1000 % 1000;
        if microseconds > 0 {
            date.set("microseconds", microseconds)?;
        }
        Ok(date.into_value())
    }

    /// The next value of `cursor`, which is on the bytes of an object. Maps become lazy objects.
    pub(crate) fn value(
        &self,
        of: &Source<'_, 'js>,
        cursor: &mut Cursor<'_>,
        depth: u32,
    ) -> Result<Value<'js>> {
        let ctx = of.ctx;
        let start = cursor.offset();
        let damaged = |fault: Fault| Exception::throw_range(ctx, &format!("the value {fault}"));
        let head = cursor.head().map_err(damaged)?;
        Ok(match head {
            Head::Nil => Value::new_null(ctx.clone()),
            Head::Bool(value) => Value::new_bool(ctx.clone(), value),
            Head::Uint(value) => unsigned(ctx, self, value)?,
            Head::Int(value) => signed(ctx, value)?,
            Head::F32(value) => Value::new_float(ctx.clone(), value.into()),
            Head::F64(value) => Value::new_float(ctx.clone(), value),
            Head::Str(length) => {
                let bytes = cursor.bytes(length).map_err(damaged)?;
                if bytes.len() <= WORD_BYTES {
                    self.named(ctx, bytes, |name| name.text.clone())?
                } else {
                    self.text(ctx, bytes)?
                }
            }
            Head::Bin(length) => {
                let bytes = cursor.bytes(length).map_err(damaged)?;
                TypedArray::new_copy(ctx.clone(), bytes)?.into_value()
            }
            Head::Array(count) => {
                if depth == DEPTH {
                    return Err(Exception::throw_range(ctx, "the value nests too deeply"));
                }
                let list = Array::new(ctx.clone())?;
                for index in 0..count as usize {
                    list.set(index, self.value(of, cursor, depth + 1)?)?;
                }
                list.into_value()
            }
            Head::Map(count) => {
                if let Some(time) = self.old_time(ctx, *cursor, count)? {
                    cursor.skip_many(2 * u64::from(count)).map_err(damaged)?;
                    return Ok(time);
                }
                cursor.skip_many(2 * u64::from(count)).map_err(damaged)?;
                self.object(of, start, None)?
            }
            Head::Ext(kind, length) => {
                let bytes = cursor.bytes(length).map_err(damaged)?;
                match (kind, timestamp(bytes)) {
                    (1, _) => self.big(bytes, false)?,
                    (2, _) => self.big(bytes, true)?,
                    (-1, Some((seconds, nanoseconds))) => self.time(seconds, nanoseconds)?,
                    _ => {
                        let what = format!("the extension {kind} of msgpack is unknown");
                        return Err(Exception::throw_range(ctx, &what));
                    }
                }
            }
        })
    }

    /// The object whose map begins at `start`. With `only`, it has these fields and no others.
    pub(crate) fn object(
        &self,
        of: &Source<'_, 'js>,
        start: usize,
        only: Option<Rc<[Atom<'js>]>>,
    ) -> Result<Value<'js>> {
        let object = Lazy::new(Rc::clone(of.engine), Rc::clone(of.bytes), start, only);
        Ok(Class::instance_proto(object, self.prototype.clone())?.into_value())
    }

    /// The time in the form of old records: a map of bytes, `d` and `swhtype`.
    fn old_time(
        &self,
        ctx: &Ctx<'js>,
        mut cursor: Cursor<'_>,
        count: u32,
    ) -> Result<Option<Value<'js>>> {
        if count != 2 || !matches!(cursor.rest().first(), Some(0xc4)) {
            return Ok(None);
        }
        let mut found = [None, None];
        for one in &mut found {
            let Some(key) = cursor.short_bytes() else {
                return Ok(None);
            };
            let Ok(Head::Str(length) | Head::Bin(length)) = cursor.head() else {
                return Ok(None);
            };
            let Ok(value) = cursor.bytes(length) else {
                return Ok(None);
            };
            *one = Some((key, value));
        }
        found.sort_unstable();
        let [Some((b"d", text)), Some((b"swhtype", b"datetime"))] = found else {
            return Ok(None);
        };
        let text = self.text(ctx, text)?;
        self.date.construct((text,)).map(Some)
    }
}

/// Where a value comes from.
pub(crate) struct Source<'a, 'js> {
    pub(crate) ctx: &'a Ctx<'js>,
    pub(crate) engine: &'a Rc<Engine<'js>>,
    /// The whole object.
    pub(crate) bytes: &'a Rc<[u8]>,
}

#[expect(
    clippy::cast_precision_loss,
    reason = "the number is small enough to be exact"
)]
fn unsigned<'js>(ctx: &Ctx<'js>, engine: &Engine<'js>, value: u64) -> Result<Value<'js>> {
    if let Ok(small) = i32::try_from(value) {
        return Ok(Value::new_int(ctx.clone(), small));
    }
    match i64::try_from(value) {
        _ if value <= EXACT => Ok(Value::new_float(ctx.clone(), value as f64)),
        Ok(value) => Ok(BigInt::from_i64(ctx.clone(), value)?.into_value()),
        Err(_) => engine.big(&value.to_be_bytes(), false),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "the number is small enough to be exact"
)]
fn signed<'js>(ctx: &Ctx<'js>, value: i64) -> Result<Value<'js>> {
    if let Ok(small) = i32::try_from(value) {
        return Ok(Value::new_int(ctx.clone(), small));
    }
    if value.unsigned_abs() <= EXACT {
        return Ok(Value::new_float(ctx.clone(), value as f64));
    }
    Ok(BigInt::from_i64(ctx.clone(), value)?.into_value())
}

/// A slot by the length and some of the bytes, which tell the names of objects apart.
#[inline]
fn slot(bytes: &[u8]) -> usize {
    let at = |index: usize| bytes.get(index).copied().map_or(0, usize::from);
    let length = bytes.len();
    (length * 31 + at(0) * 7 + at(length.wrapping_sub(1)) * 13 + at(length / 2) * 101) % SLOTS
}
