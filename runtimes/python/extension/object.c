/* `Object`: a dict that decodes a field when it is asked for.
 *
 * It is a subclass of dict, whose storage has the values that were asked for, and never a wrong one. What looks at more than
 * one field, or changes it, decodes all of them first, in the order of the record; from then on it is like any other dict.
 * CPython passes the methods of a subclass by in a few places:
 *
 * - dict(o), {**o}, dict.update and `|` copy the storage unless the subclass iterates in its own way, which this does.
 * - The encoder of `json` writes {} for an empty storage, and calls `items` for another: one field is always decoded.
 * - `{} == o` compares by the subclass. Another subclass of dict on the left, such as defaultdict, compares the storage.
 * - `pprint` knows a dict by its `__repr__`: `_pretty.py` of the runtime shows it what this is. */
#include "bytes.h"
#include "dicts.h"

/* Records with more fields, or larger ones, are decoded at once. */
#define MOST_FIELDS 32
#define LARGEST (1 << 20)
/* As many as there are types of objects, in several versions. Further ones are decoded at once. */
#define SHAPES 64

/* The fields of records that have the same ones in the same order. */
typedef struct {
  uint32_t count, kept, first, kept_bits;
  /* The fields that the script asks for, or NULL for all; `template` is a dict of them. `first` is always decoded. */
  PyObject *fields, *template;
  struct { PyObject *key; int is_kept; uint8_t size, raw[32]; } of[MOST_FIELDS];
} Shape;
static Shape shapes[SHAPES];
static uint32_t shape_count, last_shape;

/* The msgpack of an object, whose fields begin at these offsets: a copy, so that an object that a script keeps does not keep all
 * values of its call. A function of Python that decodes a value may look at the same object: the record has two holders then. */
typedef struct { uint32_t holders, size, offsets[]; } Record;

/* What an object has after those of dict. `record` is NULL when all fields are decoded. `decoded` has a bit for each field in the
 * storage, which is in the order of the record unless `is_mixed`. */
typedef struct { Record *record; const Shape *shape; uint32_t decoded; int is_mixed; } Rest;

static PyTypeObject *object_type;
static PyObject *no_arguments;
static Py_ssize_t dict_size;
static newfunc dict_new;
static destructor dict_dealloc;
static unaryfunc dict_iter, dict_repr;
static lenfunc dict_length;
static binaryfunc dict_subscript, dict_or, dict_inplace_or;
static objobjproc dict_contains;
static objobjargproc dict_ass_subscript;
static richcmpfunc dict_richcompare;

static Rest *rest_of(PyObject *self) { return (Rest *)((char *)self + dict_size); }
int is_object(PyObject *item) { return PyType_IsSubtype(Py_TYPE(item), object_type); }

/* -- Records ------------------------------------------------------------------------------------------------------------ */

static int is_shape(const Shape *shape, uint64_t n, const uint8_t **keys, PyObject *fields) {
  if (shape->count != n || shape->fields != fields) return 0;
  for (uint64_t i = 0; i < n; i++)
    if (*shape->of[i].raw != *keys[i] || !same_bytes(shape->of[i].raw, keys[i], shape->of[i].size)) return 0;   /* It has the size. */
  return 1;
}

static int is_wanted(PyObject *fields, PyObject *key) {
  if (!fields) return 1;
  for (Py_ssize_t i = 0, count = PyTuple_Size(fields); i < count; i++)
    if (PyTuple_GetItem(fields, i) == key) return 1;   /* Both are interned. */
  return 0;
}

static void clear_shape(Shape *shape) {
  for (uint32_t i = 0; i < MOST_FIELDS; i++) if (shape->of[i].key) Py_DECREF(shape->of[i].key);
  if (shape->template) Py_DECREF(shape->template);
  if (shape->fields) Py_DECREF(shape->fields);
  memset(shape, 0, sizeof *shape);
}

/* Fills a new shape. It is of no use for keys that are no texts of ASCII, or not different, or if no field is kept. */
static int make_shape(Shape *shape, uint64_t n, const uint8_t **keys, PyObject *fields) {
  if (fields) Py_INCREF(fields);
  shape->fields = fields;
  shape->template = PyDict_New();
  for (uint64_t i = 0; shape->template && i < n; i++) {
    uint8_t size = *keys[i] & 31;
    PyObject *key = PyUnicode_DecodeUTF8((const char *)keys[i] + 1, size, "strict");
    if (!key) return 0;
    PyUnicode_InternInPlace(&key);
    shape->of[i].key = key;
    shape->of[i].size = size + 1;
    memcpy(shape->of[i].raw, keys[i], size + 1);
    for (uint64_t j = 0; j < i; j++) if (shape->of[j].key == key) return 0;
    if (!is_wanted(fields, key)) continue;
    shape->of[i].is_kept = 1;
    shape->kept_bits |= 1u << i;
    if (!shape->kept++ || (size == 2 && !memcmp(keys[i] + 1, "id", 2))) shape->first = i;
    if (PyDict_SetItem(shape->template, key, NONE)) return 0;
  }
  shape->count = n;
  return shape->kept > 0;
}

static const Shape *find_shape(uint64_t n, const uint8_t **keys, PyObject *fields) {
  if (last_shape < shape_count && is_shape(&shapes[last_shape], n, keys, fields)) return &shapes[last_shape];
  for (uint32_t i = 0; i < shape_count; i++)
    if (is_shape(&shapes[i], n, keys, fields)) return &shapes[last_shape = i];
  if (shape_count == SHAPES) return NULL;
  Shape *shape = &shapes[shape_count];
  if (!make_shape(shape, n, keys, fields)) {
    clear_shape(shape);
    if (PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_MemoryError)) PyErr_Clear();
    return NULL;
  }
  return &shapes[last_shape = shape_count++];
}

/* Checks a whole record, and finds the offset of each field. */
static const Shape *scan(const uint8_t *record, size_t size, PyObject *fields, uint32_t *offsets) {
  In in = { record, record + size, 0 };
  const uint8_t *keys[MOST_FIELDS];
  char kind; uint64_t n;
  if (!head(&in, &kind, &n) || kind != 'm' || n > MOST_FIELDS) return NULL;
  for (uint64_t i = 0; i < n; i++) {
    keys[i] = in.at;
    if (in.at == in.end || (*in.at & 0xe0) != 0xa0 || in.end - in.at < 1 + (*in.at & 31)) return NULL;
    in.at += 1 + (*in.at & 31);
    offsets[i] = in.at - record;
    if (!(in.at = check(in.at, in.end, 1))) return NULL;
  }
  return in.at == in.end ? find_shape(n, keys, fields) : NULL;
}

static void drop_record(Record *record) { if (!--record->holders) PyMem_Free(record); }

static PyObject *decode_field(const Rest *rest, uint32_t i) {
  Record *record = rest->record;
  const uint8_t *bytes = (uint8_t *)&record->offsets[rest->shape->count];
  In in = { bytes + record->offsets[i], bytes + record->size, 1 };
  record->holders++;
  PyObject *item = value(&in);
  drop_record(record);
  if (!item && !PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "a field is not msgpack");
  return item;
}

/* Decodes a field, and keeps it. */
static PyObject *load_field(PyObject *self, Rest *rest, uint32_t i) {
  const Shape *shape = rest->shape;
  PyObject *item = decode_field(rest, i);
  if (!item) return NULL;
  if (PyDict_SetItem(self, shape->of[i].key, item)) { Py_DECREF(item); return NULL; }
  rest->is_mixed |= (shape->kept_bits & ((1u << i) - 1) & ~rest->decoded) != 0;
  rest->decoded |= 1u << i;
  return item;
}

static int store_field(PyObject *self, Rest *rest, uint32_t i) {
  PyObject *item = load_field(self, rest, i);
  if (!item) return -1;
  Py_DECREF(item);
  return 0;
}

PyObject *lazy_object(PyTypeObject *type, const uint8_t *bytes, size_t size, PyObject *fields) {
  uint32_t offsets[MOST_FIELDS];
  const Shape *shape = size > LARGEST ? NULL : scan(bytes, size, fields, offsets);
  if (!shape) return NULL;
  size_t offsets_size = shape->count * sizeof *offsets;
  Record *record = PyMem_Malloc(sizeof *record + offsets_size + size);
  if (!record) return PyErr_NoMemory();
  record->holders = 1;
  record->size = size;
  memcpy(record->offsets, offsets, offsets_size);
  memcpy(&record->offsets[shape->count], bytes, size);
  PyObject *self = dict_new(type, no_arguments, NULL);
  if (!self) { drop_record(record); return NULL; }
  Rest *rest = rest_of(self);
  rest->record = record; rest->shape = shape;
  if (store_field(self, rest, shape->first)) { Py_DECREF(self); return NULL; }
  return self;
}

PyObject *object_of(PyTypeObject *type, PyObject *dict) {
  PyObject *self = dict_new(type, no_arguments, NULL);
  if (self && PyDict_Update(self, dict)) { Py_DECREF(self); return NULL; }
  return self;
}

/* -- Fields ------------------------------------------------------------------------------------------------------------- */

static void end_record(Rest *rest) {
  Record *record = rest->record;
  rest->record = NULL;
  drop_record(record);
}

/* Decodes the fields that follow those in the storage. */
static int append_fields(PyObject *self) {
  Rest *rest = rest_of(self);
  for (uint32_t i = 0; rest->record && i < rest->shape->count; i++)
    if (rest->shape->kept_bits & ~rest->decoded & 1u << i && store_field(self, rest, i)) return -1;
  if (rest->record) end_record(rest);
  return 0;
}

/* Puts the fields that the items are given for in the storage, which is empty; takes the references to them. */
static int store_fields(PyObject *self, const Shape *shape, PyObject **items) {
  PyObject *keys[MOST_FIELDS], *kept[MOST_FIELDS];
  uint32_t count = 0;
  for (uint32_t i = 0; i < shape->count; i++)
    if (shape->of[i].is_kept) { keys[count] = shape->of[i].key; kept[count++] = items[i]; }
  /* The template brings the order, and the room. */
  int failed = PyDict_Update(self, shape->template);
  if (!failed && has_layout(self, keys, count)) {
    Entry *entries = entries_of(self);
    for (uint32_t i = 0; i < count; i++) entries[i].value = kept[i];
    return 0;
  }
  for (uint32_t i = 0; i < count; i++) {
    failed = failed || PyDict_SetItem(self, keys[i], kept[i]);
    Py_DECREF(kept[i]);
  }
  return failed;
}

/* Decodes all fields, and puts them in the storage anew. */
static int replace_fields(PyObject *self) {
  Rest *rest = rest_of(self);
  const Shape *shape = rest->shape;
  PyObject *items[MOST_FIELDS] = { 0 };
  int failed = 0;
  for (uint32_t i = 0; !failed && i < shape->count; i++) {
    if (!shape->of[i].is_kept) continue;
    items[i] = rest->decoded & 1u << i ? PyDict_GetItemWithError(self, shape->of[i].key) : NULL;
    if (items[i]) Py_INCREF(items[i]);
    else if (rest->record) items[i] = decode_field(rest, i);
    failed = !items[i];
  }
  if (failed || !rest->record) {
    for (uint32_t i = 0; i < shape->count; i++) if (items[i]) Py_DECREF(items[i]);
    if (!rest->record) return 0;   /* Decoding a field has filled it. */
  } else {
    PyDict_Clear(self);
    failed = store_fields(self, shape, items);
  }
  if (failed) {
    PyDict_Clear(self);   /* It may have the values of the template. */
    rest->decoded = 0; rest->is_mixed = 0;
    return -1;
  }
  end_record(rest);
  return 0;
}

/* A dict of more fields than these grows while they come. */
#define FIRST_ROOM 5

int fill(PyObject *self) {
  Rest *rest = rest_of(self);
  if (!rest->record) return 0;
  return rest->is_mixed || rest->shape->kept > FIRST_ROOM ? replace_fields(self) : append_fields(self);
}

#define ABSENT -1
#define FAILED -2
/* The index of a field that is not decoded yet, or ABSENT. A key that is no text, or a text of another type, has a hash and
 * an equality of its own: for it, all fields are decoded. */
static int index_of(PyObject *self, PyObject *key) {
  const Rest *rest = rest_of(self);
  if (!rest->record) return ABSENT;
  const Shape *shape = rest->shape;
  for (uint32_t i = 0; i < shape->count; i++)
    if (shape->of[i].key == key && shape->of[i].is_kept) return i;
  if (Py_TYPE(key) != &PyUnicode_Type) return fill(self) ? FAILED : ABSENT;
  for (uint32_t i = 0; i < shape->count; i++)
    if (shape->of[i].is_kept && !PyUnicode_Compare(shape->of[i].key, key)) return i;
  return ABSENT;
}

static void object_dealloc(PyObject *self) {
  PyTypeObject *type = Py_TYPE(self);
  if (rest_of(self)->record) end_record(rest_of(self));
  dict_dealloc(self);
  Py_DECREF((PyObject *)type);
}

/* The value of this key if it is decoded now; NULL, maybe with an exception, if it is to be looked for. */
static PyObject *load_key(PyObject *self, PyObject *key) {
  int index = index_of(self, key);
  if (index < 0 || rest_of(self)->decoded & 1u << index) return NULL;
  return load_field(self, rest_of(self), index);
}

static PyObject *object_subscript(PyObject *self, PyObject *key) {
  PyObject *item = load_key(self, key);
  return item || PyErr_Occurred() ? item : dict_subscript(self, key);
}

static int object_contains(PyObject *self, PyObject *key) {
  int index = index_of(self, key);
  if (index == FAILED) return -1;
  return index == ABSENT ? dict_contains(self, key) : 1;
}

static Py_ssize_t object_length(PyObject *self) {
  return rest_of(self)->record ? (Py_ssize_t)rest_of(self)->shape->kept : dict_length(self);
}

/* -- What decodes all fields, and is then as it is of a dict -------------------------------------------------------------- */

static int fill_if_object(PyObject *item) { return is_object(item) ? fill(item) : 0; }

static PyObject *object_iter(PyObject *self) { return fill(self) ? NULL : dict_iter(self); }
static PyObject *object_repr(PyObject *self) { return fill(self) ? NULL : dict_repr(self); }
static int object_ass_subscript(PyObject *self, PyObject *key, PyObject *item) {
  return fill(self) ? -1 : dict_ass_subscript(self, key, item);
}
static PyObject *object_richcompare(PyObject *self, PyObject *other, int operation) {
  int is_dict = PyType_IsSubtype(Py_TYPE(other), &PyDict_Type);
  return is_dict && (fill(self) || fill_if_object(other)) ? NULL : dict_richcompare(self, other, operation);
}
static PyObject *object_or(PyObject *left, PyObject *right) {
  return fill_if_object(left) || fill_if_object(right) ? NULL : dict_or(left, right);
}
static PyObject *object_inplace_or(PyObject *self, PyObject *other) {
  return fill(self) ? NULL : dict_inplace_or(self, other);
}

/* Calls a method of dict, which `method` keeps. */
static PyObject *call_dict(PyObject **method, const char *name, PyObject *self, PyObject *args, PyObject *keywords) {
  if (fill(self)) return NULL;
  if (!*method && !(*method = PyObject_GetAttrString((PyObject *)&PyDict_Type, name))) return NULL;
  if (!args) return PyObject_CallFunctionObjArgs(*method, self, NULL);
  Py_ssize_t count = PyTuple_Size(args);
  PyObject *all = PyTuple_New(count + 1);
  if (!all) return NULL;
  PyTuple_SetItem(all, 0, new_ref(self));
  for (Py_ssize_t i = 0; i < count; i++) PyTuple_SetItem(all, i + 1, new_ref(PyTuple_GetItem(args, i)));
  PyObject *made = PyObject_Call(*method, all, keywords);
  Py_DECREF(all);
  return made;
}
static PyObject *object_get(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *names) {
  if (names || count < 1 || count > 2) {   /* That of dict raises. */
    PyObject *all = PyTuple_New(count), *keywords = names ? PyDict_New() : NULL, *made = NULL;
    if (all) for (Py_ssize_t i = 0; i < PyTuple_Size(all); i++) PyTuple_SetItem(all, i, new_ref(args[i]));
    if (all && keywords) PyDict_SetItem(keywords, PyTuple_GetItem(names, 0), NONE);
    static PyObject *method;
    if (all && !PyErr_Occurred()) made = call_dict(&method, "get", self, all, keywords);
    if (all) Py_DECREF(all);
    if (keywords) Py_DECREF(keywords);
    return made;
  }
  PyObject *item = load_key(self, args[0]);
  if (item || PyErr_Occurred()) return item;
  PyObject *found = PyDict_GetItemWithError(self, args[0]);
  if (!found && PyErr_Occurred()) return NULL;
  return new_ref(found ? found : count == 2 ? args[1] : NONE);
}

#define WITH_ARGUMENTS(name) \
  static PyObject *object_##name(PyObject *self, PyObject *args, PyObject *keywords) { \
    static PyObject *method; return call_dict(&method, #name, self, args, keywords); \
  }
#define WITHOUT(name) \
  static PyObject *object_##name(PyObject *self, PyObject *unused) { \
    static PyObject *method; return call_dict(&method, #name, self, NULL, NULL); \
  }
#define METHOD(name, flags) { #name, (PyCFunction)(void *)object_##name, flags, NULL }
WITH_ARGUMENTS(pop) WITH_ARGUMENTS(setdefault) WITH_ARGUMENTS(update)
WITHOUT(__reversed__) WITHOUT(clear) WITHOUT(copy) WITHOUT(items) WITHOUT(keys) WITHOUT(popitem) WITHOUT(values)

static PyMethodDef methods[] = {
  METHOD(__reversed__, METH_NOARGS), METHOD(clear, METH_NOARGS), METHOD(copy, METH_NOARGS), METHOD(items, METH_NOARGS),
  METHOD(keys, METH_NOARGS), METHOD(popitem, METH_NOARGS), METHOD(values, METH_NOARGS),
  METHOD(get, METH_FASTCALL | METH_KEYWORDS), METHOD(pop, METH_VARARGS | METH_KEYWORDS),
  METHOD(setdefault, METH_VARARGS | METH_KEYWORDS), METHOD(update, METH_VARARGS | METH_KEYWORDS), { 0 } };
static PyType_Slot slots[] = {
  { Py_mp_ass_subscript, object_ass_subscript }, { Py_mp_length, object_length }, { Py_mp_subscript, object_subscript },
  { Py_nb_inplace_or, object_inplace_or }, { Py_nb_or, object_or }, { Py_sq_contains, object_contains },
  { Py_tp_dealloc, object_dealloc }, { Py_tp_iter, object_iter }, { Py_tp_methods, methods }, { Py_tp_repr, object_repr },
  { Py_tp_richcompare, object_richcompare }, { 0 } };
static PyType_Spec spec = { "journal_host._journal.Object", 0, 0, Py_TPFLAGS_BASETYPE, slots };

int make_type(PyObject *module) {
  PyTypeObject *dict = &PyDict_Type;
  dict_new = (newfunc)PyType_GetSlot(dict, Py_tp_new);
  dict_dealloc = (destructor)PyType_GetSlot(dict, Py_tp_dealloc);
  dict_iter = (unaryfunc)PyType_GetSlot(dict, Py_tp_iter);
  dict_repr = (unaryfunc)PyType_GetSlot(dict, Py_tp_repr);
  dict_length = (lenfunc)PyType_GetSlot(dict, Py_mp_length);
  dict_subscript = (binaryfunc)PyType_GetSlot(dict, Py_mp_subscript);
  dict_or = (binaryfunc)PyType_GetSlot(dict, Py_nb_or);
  dict_inplace_or = (binaryfunc)PyType_GetSlot(dict, Py_nb_inplace_or);
  dict_contains = (objobjproc)PyType_GetSlot(dict, Py_sq_contains);
  dict_ass_subscript = (objobjargproc)PyType_GetSlot(dict, Py_mp_ass_subscript);
  dict_richcompare = (richcmpfunc)PyType_GetSlot(dict, Py_tp_richcompare);
  PyObject *size = PyObject_GetAttrString((PyObject *)dict, "__basicsize__");
  if (!size) return -1;
  dict_size = (PyLong_AsLong(size) + 7) / 8 * 8;
  Py_DECREF(size);
  spec.basicsize = dict_size + sizeof(Rest);
  no_arguments = PyTuple_New(0);
  PyObject *bases = PyTuple_New(1);
  if (!no_arguments || !bases) return -1;
  PyTuple_SetItem(bases, 0, new_ref((PyObject *)dict));
  object_type = (PyTypeObject *)PyType_FromSpecWithBases(&spec, bases);
  Py_DECREF(bases);
  return object_type ? PyModule_AddObjectRef(module, "Object", (PyObject *)object_type) : -1;
}
