//! From msgpack to values of JavaScript.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::rc::Rc;

use journal_msgpack::{Cursor, Fault, Head, timestamp};
use rquickjs::function::{Constructor, IntoArgs};
use rquickjs::qjs::{JSAtom, JSClassID};
use rquickjs::{Ctx, Exception, Function, Persistent, Result, Value};

use crate::layouts::{Layout, Layouts, Only};
use crate::objects::{self, Record, lazy};
use crate::raw::{Handle, Name, Raw};

/// Levels of arrays inside each other that are read.
const DEPTH: u32 = 200;
/// The largest integer that a number of JavaScript has exactly, as any below it.
const EXACT: u64 = (1 << 53) - 1;
/// Slots for the names of fields, and the longest name that is kept.
const SLOTS: usize = 512;
const NAME_BYTES: usize = 40;
/// The longest text that is kept, because it is one of a few, such as `file`.
const WORD_BYTES: usize = 8;
/// The most bytes of a map that is decoded whole, as a time is: making it lazy would cost more.
const SMALL_BYTES: usize = 128;

/// Where a value is. A list has many maps, such as the entries of a directory, of which a script reads few fields, so that
/// they are lazy also where they are small.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Field,
    List,
}

/// What decoding needs of the engine; one in each.
pub(crate) struct Engine {
    pub(crate) raw: Raw,
    /// The class of lazy objects.
    pub(crate) class: JSClassID,
    date: Persistent<Constructor<'static>>,
    /// From a list of UTF-16 units to a text.
    text_of_units: Persistent<Function<'static>>,
    /// From digits in hexadecimal to a `BigInt`, which is negative on request.
    big: Persistent<Function<'static>>,
    words: RefCell<Vec<Option<Word>>>,
    layouts: Layouts,
}

/// A name or a word that is made once.
struct Word {
    bytes: Box<[u8]>,
    name: Name,
    text: Handle,
}

impl Engine {
    pub(crate) fn new(ctx: &Ctx<'_>) -> Result<Self> {
        let words = std::iter::repeat_with(|| None).take(SLOTS).collect();
        let function = |text: &str| {
            let function: Function<'_> = ctx.eval(text)?;
            Ok::<_, rquickjs::Error>(Persistent::save(ctx, function))
        };
        let date: Constructor<'_> = ctx.globals().get("Date")?;
        Ok(Self {
            raw: Raw::new(ctx),
            class: objects::class(ctx)?,
            date: Persistent::save(ctx, date),
            text_of_units: function(
                "((fromCharCode) => (units) => { let text = ''; for (const unit of units) text += fromCharCode(unit); \
                 return text; })(String.fromCharCode)",
            )?,
            big: function(
                "((BigInt) => (digits, isNegative) => isNegative ? -BigInt(digits) : BigInt(digits))(BigInt)",
            )?,
            words: RefCell::new(words),
            layouts: Layouts::new(),
        })
    }

    /// Throws the exception that says why a value or an object cannot be read.
    pub(crate) fn damaged(&self, what: &str, fault: Fault) -> rquickjs::Error {
        let message = format!("the {what} {fault}");
        self.raw.with(|ctx| Exception::throw_range(ctx, &message))
    }

    /// Calls a function of the script's language.
    fn call(
        &self,
        function: &Persistent<Function<'static>>,
        arguments: impl for<'js> IntoArgs<'js>,
    ) -> Result<Handle> {
        self.raw.with(|ctx| {
            let value: Value<'_> = function.clone().restore(ctx)?.call(arguments)?;
            Ok(Handle::of(&value))
        })
    }

    /// Calls `use_word` with the word of these bytes.
    fn word<T>(&self, bytes: &[u8], use_word: impl FnOnce(&Word) -> T) -> Result<T> {
        let slot = slot(bytes);
        if let Some(word) = &self.words.borrow()[slot]
            && *word.bytes == *bytes
        {
            return Ok(use_word(word));
        }
        let text = self.text(bytes)?;
        let name = self.raw.name(&text)?;
        let bytes = bytes.into();
        let word = Word { bytes, name, text };
        let used = use_word(&word);
        self.words.borrow_mut()[slot] = Some(word);
        Ok(used)
    }

    /// The name of a field.
    pub(crate) fn name(&self, bytes: &[u8]) -> Result<Name> {
        if bytes.len() <= NAME_BYTES {
            return self.word(bytes, |word| word.name.clone());
        }
        self.raw.name(&self.text(bytes)?)
    }

    /// The next key of a map: a text, bytes, or a number.
    fn key(&self, cursor: &mut Cursor<'_>) -> Result<Name> {
        let damaged = |fault: Fault| self.damaged("object", fault);
        match cursor.head().map_err(damaged)? {
            Head::Str(length) | Head::Bin(length) => {
                self.name(cursor.bytes(length).map_err(damaged)?)
            }
            Head::Uint(number) => self.name(number.to_string().as_bytes()),
            Head::Int(number) => self.name(number.to_string().as_bytes()),
            _ => {
                let message = "a key of the object is neither text nor bytes";
                Err(self.raw.with(|ctx| Exception::throw_range(ctx, message)))
            }
        }
    }

    /// The fields of the map whose pairs the cursor is on, and what `field_at` makes of the offset of each one's value.
    pub(crate) fn fields<T>(
        &self,
        mut cursor: Cursor<'_>,
        count: u32,
        only: Option<&Only>,
        field_at: impl Fn(usize) -> T,
    ) -> Result<(Rc<Layout>, Vec<T>)> {
        if let Some(read) = self.layouts.read(cursor, count, only, &field_at) {
            return Ok(read);
        }
        let start = cursor;
        let mut layout = Layout::new(only.cloned());
        let mut fields = Vec::new();
        for _ in 0..count {
            let from = cursor.offset();
            let name = self.key(&mut cursor)?;
            let offset = cursor.offset();
            let encoded = cursor.input().get(from..offset).unwrap_or_default();
            cursor
                .skip()
                .map_err(|fault| self.damaged("object", fault))?;
            match layout.add(encoded, name) {
                Some(field) if field == fields.len() => fields.push(field_at(offset)),
                // The last value of repeated keys counts.
                Some(field) => fields[field] = field_at(offset),
                None => {}
            }
        }
        let layout = Rc::new(layout);
        self.layouts.keep(&start, count, &layout);
        Ok((layout, fields))
    }

    /// A text, in which a byte that is not UTF-8 is the unit 0xDC00 above it, so that texts differ where bytes do.
    fn text(&self, bytes: &[u8]) -> Result<Handle> {
        if let Ok(text) = str::from_utf8(bytes) {
            return self.raw.text(text);
        }
        let mut units: Vec<u16> = Vec::with_capacity(bytes.len());
        for chunk in bytes.utf8_chunks() {
            units.extend(chunk.valid().encode_utf16());
            units.extend(chunk.invalid().iter().map(|byte| 0xDC00 + u16::from(*byte)));
        }
        self.call(&self.text_of_units, (units,))
    }

    /// The value of these bytes as `BigInt`.
    fn big(&self, big_endian: &[u8], is_negative: bool) -> Result<Handle> {
        let mut digits = String::from("0x0");
        for byte in big_endian {
            let _ = write!(digits, "{byte:02x}");
        }
        self.call(&self.big, (digits, is_negative))
    }

    /// The time as a `Date`, with its microseconds where it has any below milliseconds.
    fn time(&self, seconds: i64, nanoseconds: u32) -> Result<Handle> {
        #[expect(
            clippy::cast_precision_loss,
            reason = "a date ends long before numbers are inexact"
        )]
        let milliseconds = seconds as f64 * 1000.0 + f64::from(nanoseconds / 1_000_000);
        let date = self.raw.date(milliseconds)?;
        let microseconds = nanoseconds / 1000 % 1000;
        if microseconds > 0 {
            let name = self.name(b"microseconds")?;
            date.define(name.atom(), self.unsigned(microseconds.into())?)?;
        }
        Ok(date)
    }

    /// The next value of `cursor`, which is on the bytes of a record. Maps become lazy objects, unless they are small.
    pub(crate) fn value(
        &self,
        record: &Rc<Record>,
        cursor: &mut Cursor<'_>,
        place: Place,
        depth: u32,
    ) -> Result<Handle> {
        let start = cursor.offset();
        let damaged = |fault: Fault| self.damaged("value", fault);
        if let Some(bytes) = cursor.short_bytes() {
            return self.raw.bytes(bytes);
        }
        Ok(match cursor.head().map_err(damaged)? {
            Head::Nil => self.raw.null(),
            Head::Bool(value) => self.raw.boolean(value),
            Head::Uint(value) => self.unsigned(value)?,
            Head::Int(value) => self.signed(value)?,
            Head::F32(value) => self.raw.float(value.into()),
            Head::F64(value) => self.raw.float(value),
            Head::Str(length) => {
                let bytes = cursor.bytes(length).map_err(damaged)?;
                if bytes.len() <= WORD_BYTES {
                    self.word(bytes, |word| word.text.duplicate())?
                } else {
                    self.text(bytes)?
                }
            }
            Head::Bin(length) => self.raw.bytes(cursor.bytes(length).map_err(damaged)?)?,
            Head::Array(count) => self.list(record, cursor, count, depth)?,
            Head::Map(count) => {
                let pairs = *cursor;
                cursor.skip_many(2 * u64::from(count)).map_err(damaged)?;
                let is_small = cursor.offset() - start <= SMALL_BYTES;
                if let Some(time) = self.old_time(pairs, count)? {
                    time
                } else if is_small && place == Place::Field && depth < DEPTH {
                    self.whole(record, pairs, count, depth)?
                } else {
                    lazy(record, start)?
                }
            }
            Head::Ext(kind, length) => {
                let bytes = cursor.bytes(length).map_err(damaged)?;
                match (kind, timestamp(bytes)) {
                    (1, _) => self.big(bytes, false)?,
                    (2, _) => self.big(bytes, true)?,
                    (-1, Some((seconds, nanoseconds))) => self.time(seconds, nanoseconds)?,
                    _ => {
                        let what = format!("the extension {kind} of msgpack is unknown");
                        return Err(self.raw.with(|ctx| Exception::throw_range(ctx, &what)));
                    }
                }
            }
        })
    }

    fn list(
        &self,
        record: &Rc<Record>,
        cursor: &mut Cursor<'_>,
        count: u32,
        depth: u32,
    ) -> Result<Handle> {
        if depth == DEPTH {
            let message = "the value nests too deeply";
            return Err(self.raw.with(|ctx| Exception::throw_range(ctx, message)));
        }
        // Each element has a byte at least, so that a count without elements takes no memory.
        let mut values = self.raw.values((count as usize).min(cursor.rest().len()));
        for _ in 0..count {
            values.push(self.value(record, cursor, Place::List, depth + 1)?);
        }
        values.into_list()
    }

    /// The map whose pairs the cursor is on, as an object that is decoded now.
    fn whole(
        &self,
        record: &Rc<Record>,
        mut cursor: Cursor<'_>,
        count: u32,
        depth: u32,
    ) -> Result<Handle> {
        let layout = match self.layouts.candidate(&cursor, count) {
            Some(layout) => {
                layout.keep_prefixes(self.raw)?;
                layout
            }
            None => self.fields(cursor, count, None, |_| ())?.0,
        };
        let object = self.raw.object()?;
        for index in 0..count as usize {
            let other;
            let name: JSAtom = if let Some(name) = layout.pass(index, &mut cursor) {
                name
            } else {
                other = self.key(&mut cursor)?;
                other.atom()
            };
            let value = self.value(record, &mut cursor, Place::Field, depth + 1)?;
            object.define(name, value)?;
        }
        Ok(object)
    }

    /// The time in the form of old records: a map of bytes, `d` and `swhtype`.
    fn old_time(&self, mut cursor: Cursor<'_>, count: u32) -> Result<Option<Handle>> {
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
        let text = self.text(text)?;
        self.raw.with(|ctx| {
            let date = self.date.clone().restore(ctx)?;
            let date: Value<'_> = date.construct((text.into_value(ctx),))?;
            Ok(Some(Handle::of(&date)))
        })
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "the number is small enough to be exact"
    )]
    fn unsigned(&self, value: u64) -> Result<Handle> {
        if let Ok(small) = i32::try_from(value) {
            return Ok(self.raw.int(small));
        }
        match i64::try_from(value) {
            _ if value <= EXACT => Ok(self.raw.float(value as f64)),
            Ok(value) => self.raw.big_int(value),
            Err(_) => self.big(&value.to_be_bytes(), false),
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "the number is small enough to be exact"
    )]
    fn signed(&self, value: i64) -> Result<Handle> {
        if let Ok(small) = i32::try_from(value) {
            return Ok(self.raw.int(small));
        }
        if value.unsigned_abs() <= EXACT {
            return Ok(self.raw.float(value as f64));
        }
        self.raw.big_int(value)
    }
}

/// A slot by the length and some of the bytes, which tell the names of objects apart.
#[inline]
fn slot(bytes: &[u8]) -> usize {
    let at = |index: usize| bytes.get(index).copied().map_or(0, usize::from);
    let length = bytes.len();
    (length * 31 + at(0) * 7 + at(length.wrapping_sub(1)) * 13 + at(length / 2) * 101) % SLOTS
}
