//! Values of the engine through its C functions.
//!
//! A script over the journal makes hundreds of values for each call of its own function. The safe types of `rquickjs` count
//! a reference to the context in each value, define an element of a list as any property, and make bytes in two steps
//! through the constructor that scripts call. Here, a value is owned by a `Handle`, and each kind is made by the function
//! that is made for it: reading all fields takes half the time.

#![expect(unsafe_code, reason = "the functions of the engine are in C")]

use std::ffi::{CStr, c_int};
use std::mem;
use std::ptr::NonNull;

use rquickjs::qjs;
use rquickjs::{Ctx, Error, Exception, Result, Value};

/// Defines a property also on an object whose class has methods for that.
#[expect(clippy::cast_possible_wrap, reason = "the flags are small")]
pub(crate) const DIRECT: c_int = qjs::JS_PROP_NO_EXOTIC as c_int;

/// What the engine says of a `Uint8Array`.
#[expect(clippy::cast_possible_wrap, reason = "the number is small")]
const UINT8: c_int = qjs::JSTypedArrayEnum_JS_TYPED_ARRAY_UINT8 as c_int;

/// The context of the engine. It lives as long as the engine, which is never freed.
#[derive(Clone, Copy)]
pub(crate) struct Raw(NonNull<qjs::JSContext>);

/// A value that is freed when this is dropped.
pub(crate) struct Handle {
    value: qjs::JSValue,
    raw: Raw,
}

/// The name of a property, which is freed when this is dropped.
pub(crate) struct Name {
    atom: qjs::JSAtom,
    raw: Raw,
}

/// Values that become a list.
pub(crate) struct Values {
    list: Vec<qjs::JSValue>,
    raw: Raw,
}

impl Raw {
    pub(crate) fn new(ctx: &Ctx<'_>) -> Self {
        Self(ctx.as_raw())
    }

    pub(crate) fn context(self) -> *mut qjs::JSContext {
        self.0.as_ptr()
    }

    /// The context for the safe functions.
    pub(crate) fn with<T>(self, work: impl FnOnce(&Ctx<'_>) -> T) -> T {
        // SAFETY: the context lives as long as the engine, and values of `work` cannot leave it.
        let ctx = unsafe { Ctx::from_raw(self.0) };
        work(&ctx)
    }

    /// Takes a value that a function of the engine has made.
    ///
    /// # Errors
    /// Where it has thrown instead.
    fn take(self, value: qjs::JSValue) -> Result<Handle> {
        // SAFETY: it only looks at the tag.
        if unsafe { qjs::JS_IsException(value) } {
            return Err(Error::Exception);
        }
        Ok(Handle { value, raw: self })
    }

    fn plain(self, value: qjs::JSValue) -> Handle {
        Handle { value, raw: self }
    }

    pub(crate) fn null(self) -> Handle {
        self.plain(qjs::JS_NULL)
    }

    pub(crate) fn boolean(self, value: bool) -> Handle {
        self.plain(qjs::JS_MKVAL(qjs::JS_TAG_BOOL, value.into()))
    }

    pub(crate) fn int(self, value: i32) -> Handle {
        self.plain(qjs::JS_MKVAL(qjs::JS_TAG_INT, value))
    }

    pub(crate) fn float(self, value: f64) -> Handle {
        self.plain(qjs::JS_NewFloat64(value))
    }

    pub(crate) fn big_int(self, value: i64) -> Result<Handle> {
        // SAFETY: the context is alive.
        self.take(unsafe { qjs::JS_NewBigInt64(self.context(), value) })
    }

    /// A `Uint8Array` that owns a copy of the bytes.
    pub(crate) fn bytes(self, bytes: &[u8]) -> Result<Handle> {
        let length = bytes.len() as qjs::size_t;
        // SAFETY: the engine copies this many bytes from there.
        self.take(unsafe { qjs::JS_NewUint8ArrayCopy(self.context(), bytes.as_ptr(), length) })
    }

    pub(crate) fn text(self, text: &str) -> Result<Handle> {
        let length = text.len() as qjs::size_t;
        // SAFETY: the engine copies this many bytes from there, which are UTF-8.
        self.take(unsafe { qjs::JS_NewStringLen(self.context(), text.as_ptr().cast(), length) })
    }

    /// A `Date` of these milliseconds since 1970.
    pub(crate) fn date(self, milliseconds: f64) -> Result<Handle> {
        // SAFETY: the context is alive.
        self.take(unsafe { qjs::JS_NewDate(self.context(), milliseconds) })
    }

    /// An object without properties.
    pub(crate) fn object(self) -> Result<Handle> {
        // SAFETY: the context is alive.
        self.take(unsafe { qjs::JS_NewObject(self.context()) })
    }

    /// An object of a class.
    pub(crate) fn instance(self, class: qjs::JSClassID) -> Result<Handle> {
        // SAFETY: the context is alive, and the class was registered with it.
        self.take(unsafe { qjs::JS_NewObjectClass(self.context(), class) })
    }

    pub(crate) fn values(self, capacity: usize) -> Values {
        let list = Vec::with_capacity(capacity);
        Values { list, raw: self }
    }

    /// A function in C, without arguments.
    pub(crate) fn function(self, function: qjs::JSCFunction, name: &CStr) -> Result<Handle> {
        // SAFETY: the context is alive, and the engine copies the name.
        self.take(unsafe {
            let kind = qjs::JSCFunctionEnum_JS_CFUNC_generic;
            qjs::JS_NewCFunction2(self.context(), function, name.as_ptr(), 0, kind, 0)
        })
    }

    /// The name of a property.
    pub(crate) fn name(self, text: &Handle) -> Result<Name> {
        // SAFETY: both are alive.
        let atom = unsafe { qjs::JS_ValueToAtom(self.context(), text.value) };
        if atom == 0 {
            return Err(Error::Exception);
        }
        Ok(Name { atom, raw: self })
    }

    /// Runs the next job of a promise, if there is one.
    ///
    /// # Errors
    /// Where the job has thrown. A promise that fails is none of that: the engine was out of memory, or `queueMicrotask` was
    /// given a function that throws.
    pub(crate) fn run_job(self) -> Result<bool> {
        let mut context = std::ptr::null_mut();
        // SAFETY: the engine is alive, and has one context, in which the exception is.
        let done = unsafe {
            qjs::JS_ExecutePendingJob(qjs::JS_GetRuntime(self.context()), &raw mut context)
        };
        if done < 0 {
            return Err(Error::Exception);
        }
        Ok(done > 0)
    }

    /// What a method of a class returns after this error, with the exception that says why.
    pub(crate) fn thrown(self, error: &Error) -> c_int {
        if !matches!(error, Error::Exception) {
            self.with(|ctx| Exception::throw_internal(ctx, &error.to_string()));
        }
        -1
    }
}

impl Handle {
    /// Flags of a property that a script sets.
    #[expect(clippy::cast_possible_wrap, reason = "the flags are small")]
    pub(crate) const PLAIN: c_int = qjs::JS_PROP_C_W_E as c_int;

    /// The value without its owner, who is now the caller.
    pub(crate) fn into_raw(self) -> qjs::JSValue {
        let value = self.value;
        mem::forget(self);
        value
    }

    pub(crate) fn as_raw(&self) -> qjs::JSValue {
        self.value
    }

    pub(crate) fn of(value: &Value<'_>) -> Self {
        let raw = Raw::new(value.ctx());
        // SAFETY: the value is alive. It keeps a reference of its own.
        let value = unsafe { qjs::JS_DupValue(raw.context(), value.as_raw()) };
        Self { value, raw }
    }

    /// The value for the safe functions.
    pub(crate) fn into_value<'js>(self, ctx: &Ctx<'js>) -> Value<'js> {
        // SAFETY: the value is of this engine, and its reference is handed over.
        unsafe { Value::from_raw(ctx.clone(), self.into_raw()) }
    }

    /// Where an object is, which tells it from others as long as it is alive.
    pub(crate) fn identity(&self) -> usize {
        // SAFETY: the value is alive, and the address is not followed.
        unsafe { qjs::JS_VALUE_GET_PTR(self.value) as usize }
    }

    /// The engine's class of an object, which a script cannot change.
    pub(crate) fn class(&self) -> qjs::JSClassID {
        // SAFETY: the value is alive.
        unsafe { qjs::JS_GetClassID(self.value) }
    }

    /// The name of that class, such as `Promise`.
    pub(crate) fn class_name(&self) -> String {
        // SAFETY: the value is alive.
        if unsafe { qjs::JS_IsProxy(self.value) } {
            return "Proxy".to_owned();
        }
        let context = self.raw.context();
        // SAFETY: the context is alive, and the name is freed with `name`.
        let atom = unsafe { qjs::JS_GetClassName(qjs::JS_GetRuntime(context), self.class()) };
        let name = Name {
            atom,
            raw: self.raw,
        };
        // SAFETY: the name is alive.
        let text = self
            .raw
            .take(unsafe { qjs::JS_AtomToString(context, name.atom) });
        let text = text.map(|text| self.raw.with(|ctx| text.into_value(ctx).get::<String>()));
        text.ok().and_then(Result::ok).unwrap_or_default()
    }

    pub(crate) fn duplicate(&self) -> Self {
        // SAFETY: the value is alive.
        let value = unsafe { qjs::JS_DupValue(self.raw.context(), self.value) };
        Self {
            value,
            raw: self.raw,
        }
    }

    /// Calls `use_bytes` with the bytes of a `Uint8Array`, if it is one whose memory is there.
    pub(crate) fn with_bytes<T>(&self, use_bytes: impl FnOnce(&[u8]) -> T) -> Option<T> {
        // SAFETY: the value is alive.
        if unsafe { qjs::JS_GetTypedArrayType(self.value) } != UINT8 {
            return None;
        }
        let context = self.raw.context();
        let mut length = 0;
        // SAFETY: the value is alive.
        let start = unsafe { qjs::JS_GetUint8Array(context, &raw mut length, self.value) };
        if start.is_null() {
            // The array is of no bytes, or its memory went to another one, which the engine reports.
            // SAFETY: the context is alive.
            drop(self.raw.plain(unsafe { qjs::JS_GetException(context) }));
            return Some(use_bytes(&[]));
        }
        let length = usize::try_from(length).unwrap_or_default();
        // SAFETY: there are this many bytes, and nothing of the script runs while they are borrowed.
        let bytes = unsafe { std::slice::from_raw_parts(start, length) };
        Some(use_bytes(bytes))
    }

    /// Calls `use_text` with the text of the value, in UTF-8 except for surrogates that are alone.
    ///
    /// # Errors
    /// Where the value has no text, such as a symbol.
    pub(crate) fn with_text<T>(&self, use_text: impl FnOnce(&[u8]) -> T) -> Result<T> {
        let context = self.raw.context();
        let mut length = 0;
        // SAFETY: the value is alive.
        let start = unsafe { qjs::JS_ToCStringLen2(context, &raw mut length, self.value, false) };
        if start.is_null() {
            return Err(Error::Exception);
        }
        let length = usize::try_from(length).unwrap_or_default();
        // SAFETY: there are this many bytes, which nothing changes, until they are freed below.
        let used = use_text(unsafe { std::slice::from_raw_parts(start.cast(), length) });
        // SAFETY: the engine has made them above.
        unsafe { qjs::JS_FreeCString(context, start) };
        Ok(used)
    }

    /// Gives the object a property, or an existing one this value.
    pub(crate) fn define(&self, name: qjs::JSAtom, value: Self) -> Result<()> {
        let context = self.raw.context();
        // SAFETY: the object and the name are alive, and the function takes the value also where it fails.
        let done = unsafe {
            qjs::JS_DefinePropertyValue(context, self.value, name, value.into_raw(), Self::PLAIN)
        };
        if done < 0 {
            Err(Error::Exception)
        } else {
            Ok(())
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: this owns one reference. Most values of objects have none to count.
        unsafe {
            if qjs::JS_VALUE_HAS_REF_COUNT(self.value) {
                qjs::JS_FreeValue(self.raw.context(), self.value);
            }
        }
    }
}

impl Name {
    pub(crate) fn atom(&self) -> qjs::JSAtom {
        self.atom
    }
}

impl Clone for Name {
    fn clone(&self) -> Self {
        // SAFETY: the name is alive.
        let atom = unsafe { qjs::JS_DupAtom(self.raw.context(), self.atom) };
        Self {
            atom,
            raw: self.raw,
        }
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        // SAFETY: this owns one reference.
        unsafe { qjs::JS_FreeAtom(self.raw.context(), self.atom) };
    }
}

impl Values {
    pub(crate) fn push(&mut self, value: Handle) {
        self.list.push(value.into_raw());
    }

    /// A list with these elements.
    pub(crate) fn into_list(mut self) -> Result<Handle> {
        let values = mem::take(&mut self.list);
        let too_long = |_| {
            self.raw
                .with(|ctx| Exception::throw_range(ctx, "the list is too long"))
        };
        let count = c_int::try_from(values.len()).map_err(too_long)?;
        // SAFETY: there are this many values, which the function takes also where it fails.
        let list = unsafe { qjs::JS_NewArrayFrom(self.raw.context(), count, values.as_ptr()) };
        self.raw.take(list)
    }
}

impl Drop for Values {
    fn drop(&mut self) {
        for value in self.list.drain(..) {
            // Dropped one after another, as handles are.
            drop(self.raw.plain(value));
        }
    }
}
