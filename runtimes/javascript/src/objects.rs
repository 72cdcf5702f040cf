//! Objects of the journal, whose fields are decoded when a script reads them.
//!
//! The class is registered with the engine's own functions: those of `rquickjs` ask it for each property by a method that
//! returns safe values, and ask again whether a prototype has the property.

#![expect(
    unsafe_code,
    reason = "the engine calls the methods of the class from C"
)]

use std::cell::RefCell;
use std::ffi::{c_int, c_void};
use std::mem;
use std::ptr;
use std::rc::Rc;

use journal_msgpack::{Cursor, Fault, Head};
use rquickjs::qjs::{self, JSAtom, JSClassID, JSContext, JSRuntime, JSValue};
use rquickjs::{Ctx, Error, Exception, Object, Result};

use crate::layouts::{Layout, Only};
use crate::raw::{DIRECT, Handle, Raw};
use crate::values::{Engine, Place};

/// The bytes of an object of the journal, in the object and all lazy ones inside it. They are a copy of their own, so that
/// a script that keeps one does not keep a batch.
pub(crate) struct Record {
    pub(crate) engine: Rc<Engine>,
    pub(crate) bytes: Box<[u8]>,
    pub(crate) only: Option<Only>,
}

/// A map of msgpack as an object.
struct Lazy {
    record: Rc<Record>,
    /// Where its map begins.
    start: usize,
    state: RefCell<State>,
}

enum State {
    /// Nothing was read so far.
    Packed,
    /// Fields of this layout, some of which were decoded.
    Fields(Rc<Layout>, Vec<Slot>),
    /// The object has its fields as properties, because the script changed it.
    Plain,
}

enum Slot {
    /// The offset of the value.
    Packed(usize),
    Made(Handle),
}

/// The methods of the class. The engine keeps a pointer to them.
static METHODS: qjs::JSClassExoticMethods = qjs::JSClassExoticMethods {
    get_own_property: Some(get_own_property),
    get_own_property_names: Some(get_own_property_names),
    delete_property: Some(delete_property),
    define_own_property: Some(define_own_property),
    has_property: None,
    get_property: None,
    set_property: None,
};

/// Registers the class of lazy objects.
pub(crate) fn class(ctx: &Ctx<'_>) -> Result<JSClassID> {
    let prototype: Object<'_> = ctx.eval("Object.prototype")?;
    let context = ctx.as_raw().as_ptr();
    let definition = qjs::JSClassDef {
        class_name: c"Object".as_ptr(),
        finalizer: Some(finalize),
        gc_mark: Some(mark),
        call: None,
        exotic: (&raw const METHODS).cast_mut(),
    };
    let mut class = qjs::JS_INVALID_CLASS_ID;
    // SAFETY: the engine copies the definition, and does not write to the methods, which are static.
    unsafe {
        let runtime = qjs::JS_GetRuntime(context);
        qjs::JS_NewClassID(runtime, &raw mut class);
        if qjs::JS_NewClass(runtime, class, &raw const definition) != 0 {
            return Err(Error::Allocation);
        }
        let prototype = Handle::of(prototype.as_value());
        qjs::JS_SetClassProto(context, class, prototype.into_raw());
    }
    Ok(class)
}

/// The object whose map begins at `start` of a record.
pub(crate) fn lazy(record: &Rc<Record>, start: usize) -> Result<Handle> {
    let object = record.engine.raw.instance(record.engine.class)?;
    let lazy = Box::new(Lazy {
        record: Rc::clone(record),
        start,
        state: RefCell::new(State::Packed),
    });
    // SAFETY: the object is of the class, which frees this with the object.
    unsafe { qjs::JS_SetOpaque(object.as_raw(), Box::into_raw(lazy).cast::<c_void>()) };
    Ok(object)
}

impl Lazy {
    /// What an object of the class has, until the object is freed.
    unsafe fn of<'a>(object: JSValue) -> Option<&'a Self> {
        // SAFETY: an object of the class has a pointer to a `Lazy`, or none if it could not be made.
        unsafe {
            let mut class = qjs::JS_INVALID_CLASS_ID;
            let opaque = qjs::JS_GetAnyOpaque(object, &raw mut class);
            opaque.cast::<Self>().as_ref()
        }
    }

    fn raw(&self) -> Raw {
        self.record.engine.raw
    }

    /// Finds the fields at the first use.
    fn find_fields(&self) -> Result<()> {
        if !matches!(*self.state.borrow(), State::Packed) {
            return Ok(());
        }
        let (layout, slots) = self.read()?;
        self.state.replace(State::Fields(layout, slots));
        Ok(())
    }

    fn read(&self) -> Result<(Rc<Layout>, Vec<Slot>)> {
        let engine = &self.record.engine;
        let damaged = |fault: Fault| engine.damaged("object", fault);
        let mut cursor = Cursor::at(&self.record.bytes, self.start);
        let Head::Map(count) = cursor.head().map_err(damaged)? else {
            let throw = |ctx: &Ctx<'_>| Exception::throw_range(ctx, "the object is no map");
            return Err(engine.raw.with(throw));
        };
        // The script's choice of fields is for whole objects.
        let only = self.record.only.as_ref().filter(|_| self.start == 0);
        engine.fields(cursor, count, only, Slot::Packed)
    }

    /// Calls `use_value` with the value of a field, which stays the same value.
    fn get<T>(&self, name: JSAtom, use_value: impl FnOnce(&Handle) -> T) -> Result<Option<T>> {
        self.find_fields()?;
        let (index, offset) = match &*self.state.borrow() {
            State::Fields(layout, slots) => match layout.find(name) {
                Some(index) => match &slots[index] {
                    Slot::Made(value) => return Ok(Some(use_value(value))),
                    Slot::Packed(offset) => (index, *offset),
                },
                None => return Ok(None),
            },
            State::Packed | State::Plain => return Ok(None),
        };
        // Nothing is borrowed here: the engine may look for cycles, and ask for the values of this object.
        let mut cursor = Cursor::at(&self.record.bytes, offset);
        let engine = &self.record.engine;
        let value = engine.value(&self.record, &mut cursor, Place::Field, 0)?;
        let used = use_value(&value);
        if let State::Fields(_, slots) = &mut *self.state.borrow_mut() {
            slots[index] = Slot::Made(value);
        }
        Ok(Some(used))
    }

    /// Gives the object all its fields as properties, after which it is as any other.
    fn become_plain(&self, object: JSValue) -> Result<()> {
        self.find_fields()?;
        let layout = match &*self.state.borrow() {
            State::Fields(layout, _) => Rc::clone(layout),
            State::Packed | State::Plain => return Ok(()),
        };
        let mut values = Vec::with_capacity(layout.names().len());
        for name in layout.names() {
            values.extend(self.get(name.atom(), Handle::duplicate)?);
        }
        let state = self.state.replace(State::Plain);
        let context = self.raw().context();
        for (name, value) in layout.names().iter().zip(values) {
            let flags = DIRECT | Handle::PLAIN;
            // SAFETY: all are alive, and the function takes the value also where it fails.
            let done = unsafe {
                qjs::JS_DefinePropertyValue(context, object, name.atom(), value.into_raw(), flags)
            };
            if done < 0 {
                return Err(Error::Exception);
            }
        }
        drop(state);
        Ok(())
    }

    fn has(&self, name: JSAtom) -> Result<bool> {
        self.find_fields()?;
        Ok(match &*self.state.borrow() {
            State::Fields(layout, _) => layout.find(name).is_some(),
            State::Packed | State::Plain => false,
        })
    }
}

unsafe extern "C" fn get_own_property(
    _: *mut JSContext,
    descriptor: *mut qjs::JSPropertyDescriptor,
    object: JSValue,
    name: JSAtom,
) -> c_int {
    // SAFETY: the engine calls this with an object of the class, which it keeps meanwhile.
    let Some(lazy) = (unsafe { Lazy::of(object) }) else {
        return 0;
    };
    if descriptor.is_null() {
        let found = lazy.has(name);
        return found.map_or_else(|error| lazy.raw().thrown(&error), c_int::from);
    }
    match lazy.get(name, Handle::duplicate) {
        Ok(Some(value)) => {
            let made = qjs::JSPropertyDescriptor {
                flags: Handle::PLAIN,
                value: value.into_raw(),
                getter: qjs::JS_UNDEFINED,
                setter: qjs::JS_UNDEFINED,
            };
            // SAFETY: the engine has room for a descriptor there.
            unsafe { descriptor.write(made) };
            1
        }
        Ok(None) => 0,
        Err(error) => lazy.raw().thrown(&error),
    }
}

unsafe extern "C" fn get_own_property_names(
    context: *mut JSContext,
    table: *mut *mut qjs::JSPropertyEnum,
    length: *mut u32,
    object: JSValue,
) -> c_int {
    // SAFETY: the engine calls this with an object of the class, which it keeps meanwhile, and frees the table of names, or
    // none.
    unsafe {
        table.write(ptr::null_mut());
        length.write(0);
        let Some(lazy) = Lazy::of(object) else {
            return 0;
        };
        if let Err(error) = lazy.find_fields() {
            return lazy.raw().thrown(&error);
        }
        let State::Fields(layout, _) = &*lazy.state.borrow() else {
            return 0;
        };
        let names = layout.names();
        let size = mem::size_of::<qjs::JSPropertyEnum>() * names.len().max(1);
        let made = qjs::js_malloc(context, size as qjs::size_t).cast::<qjs::JSPropertyEnum>();
        if made.is_null() {
            return -1;
        }
        for (index, name) in names.iter().enumerate() {
            made.add(index).write(qjs::JSPropertyEnum {
                is_enumerable: true,
                atom: qjs::JS_DupAtom(context, name.atom()),
            });
        }
        table.write(made);
        length.write(u32::try_from(names.len()).unwrap_or(u32::MAX));
    }
    0
}

unsafe extern "C" fn delete_property(
    context: *mut JSContext,
    object: JSValue,
    name: JSAtom,
) -> c_int {
    // SAFETY: the engine calls this with an object of the class, which it keeps meanwhile.
    let Some(lazy) = (unsafe { Lazy::of(object) }) else {
        return 1;
    };
    match lazy.has(name) {
        Ok(true) => match lazy.become_plain(object) {
            // SAFETY: all are alive. The name is that of a property now, so that this is not called again.
            Ok(()) => unsafe { qjs::JS_DeleteProperty(context, object, name, 0) },
            Err(error) => lazy.raw().thrown(&error),
        },
        Ok(false) => 1,
        Err(error) => lazy.raw().thrown(&error),
    }
}

unsafe extern "C" fn define_own_property(
    context: *mut JSContext,
    object: JSValue,
    name: JSAtom,
    value: JSValue,
    getter: JSValue,
    setter: JSValue,
    flags: c_int,
) -> c_int {
    // SAFETY: the engine calls this with an object of the class, which it keeps meanwhile, as it keeps the values.
    unsafe {
        if let Some(lazy) = Lazy::of(object)
            && let Err(error) = lazy.become_plain(object)
        {
            return lazy.raw().thrown(&error);
        }
        qjs::JS_DefineProperty(context, object, name, value, getter, setter, flags | DIRECT)
    }
}

unsafe extern "C" fn finalize(_: *mut JSRuntime, object: JSValue) {
    // SAFETY: the object is of the class, and is not used any more.
    unsafe {
        if let Some(lazy) = Lazy::of(object) {
            drop(Box::from_raw(ptr::from_ref(lazy).cast_mut()));
        }
    }
}

unsafe extern "C" fn mark(runtime: *mut JSRuntime, object: JSValue, visit: qjs::JS_MarkFunc) {
    // SAFETY: the object is of the class. Its state is not borrowed where the engine may look for cycles.
    unsafe {
        let Some(lazy) = Lazy::of(object) else {
            return;
        };
        if let State::Fields(_, slots) = &*lazy.state.borrow() {
            for slot in slots {
                if let Slot::Made(value) = slot {
                    qjs::JS_MarkValue(runtime, value.as_raw(), visit);
                }
            }
        }
    }
}
