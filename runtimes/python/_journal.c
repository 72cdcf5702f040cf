/* A Python extension for CPython 3.14 on wasm32-wasi: the journal's msgpack in C.
 *
 * decode(values: bytes, ends: list[int], fields: tuple[str, ...] | None) -> list of objects; for a value that is not
 * msgpack, the offset at which it goes wrong, as an instance of the type that `setup` got.
 * pack(row, other) -> bytes; what is no plain value is given to other(value), which returns its msgpack.
 * setup(extension, pairs, Damaged): extension(code, data) decodes an extension, pairs(dict) a map with keys of bytes.
 *
 * There are no headers of CPython for this target, so the names of its stable ABI are declared by hand. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>
typedef struct _object PyObject;
typedef int32_t Py_ssize_t;
typedef PyObject *(*PyCFunction)(PyObject *, PyObject *);
typedef struct { const char *name; PyCFunction meth; int flags; const char *doc; } PyMethodDef;
typedef struct { Py_ssize_t refcnt; void *type; void *init; Py_ssize_t index; PyObject *copy;
  const char *name; const char *doc; Py_ssize_t size; PyMethodDef *methods; void *slots, *traverse, *clear, *free; } PyModuleDef;
extern PyObject _Py_NoneStruct, _Py_TrueStruct, _Py_FalseStruct;
PyObject *PyModule_Create2(PyModuleDef *, int);
int PyArg_ParseTuple(PyObject *, const char *, ...);
int PyBytes_AsStringAndSize(PyObject *, char **, Py_ssize_t *);
PyObject *PyBytes_FromStringAndSize(const char *, Py_ssize_t);
PyObject *PyUnicode_DecodeUTF8(const char *, Py_ssize_t, const char *);
const char *PyUnicode_AsUTF8AndSize(PyObject *, Py_ssize_t *);
void PyUnicode_InternInPlace(PyObject **);
PyObject *PyDict_New(void); int PyDict_SetItem(PyObject *, PyObject *, PyObject *);
PyObject *PyList_New(Py_ssize_t); int PyList_SetItem(PyObject *, Py_ssize_t, PyObject *);
Py_ssize_t PyList_Size(PyObject *); PyObject *PyList_GetItem(PyObject *, Py_ssize_t);
Py_ssize_t PyTuple_Size(PyObject *); PyObject *PyTuple_GetItem(PyObject *, Py_ssize_t);
PyObject *PyLong_FromLongLong(long long); PyObject *PyLong_FromUnsignedLongLong(unsigned long long);
long PyLong_AsLong(PyObject *); long long PyLong_AsLongLong(PyObject *); unsigned long long PyLong_AsUnsignedLongLong(PyObject *);
PyObject *PyObject_CallFunctionObjArgs(PyObject *, ...); PyObject *PyObject_Type(PyObject *); double PyFloat_AsDouble(PyObject *);
int PyDict_Next(PyObject *, Py_ssize_t *, PyObject **, PyObject **); Py_ssize_t PyDict_Size(PyObject *);
void PyErr_SetString(PyObject *, const char *); int Py_EnterRecursiveCall(const char *); void Py_LeaveRecursiveCall(void);
extern PyObject PyUnicode_Type, PyBytes_Type, PyLong_Type, PyFloat_Type, PyDict_Type, PyList_Type, PyTuple_Type;
extern PyObject *PyExc_ValueError, *PyExc_MemoryError;
void *PyMem_Realloc(void *, size_t); void PyMem_Free(void *);
long PyLong_AsLong(PyObject *); PyObject *PyFloat_FromDouble(double);
void Py_IncRef(PyObject *); void Py_DecRef(PyObject *); void PyErr_Clear(void); PyObject *PyErr_Occurred(void);
typedef struct { const uint8_t *at, *end; int depth; } In;
/* Levels of a value inside each other; the reader of upstream's client has about twice as many. */
#define DEPTH 400
static PyObject *extension, *pairs, *damaged;

/* Keys are made once and interned; a small table by length and first byte finds them again. */
#define SLOTS 512
static struct { uint32_t length; char text[36]; PyObject *key; } keys[SLOTS];
static PyObject *key_of(const uint8_t *text, uint32_t length) {
  if (length == 0 || length > 36) return PyUnicode_DecodeUTF8((const char *)text, length, "strict");
  uint32_t h = length * 31 + text[0] * 7 + text[length - 1] * 13 + text[length / 2] * 101; h %= SLOTS;
  if (keys[h].key && keys[h].length == length && !memcmp(keys[h].text, text, length)) { Py_IncRef(keys[h].key); return keys[h].key; }
  PyObject *key = PyUnicode_DecodeUTF8((const char *)text, length, "strict");
  if (!key) return NULL;
  PyUnicode_InternInPlace(&key);
  if (keys[h].key) Py_DecRef(keys[h].key);
  Py_IncRef(key); keys[h].key = key; keys[h].length = length; memcpy(keys[h].text, text, length);
  return key;
}
static int need(In *in, uint32_t n) { return (size_t)(in->end - in->at) >= n; }
static int uint_be(In *in, int n, uint64_t *out) {
  if (!need(in, n)) return 0;
  uint64_t v = 0; for (int i = 0; i < n; i++) v = v << 8 | *in->at++; *out = v; return 1;
}
/* kind: n nil, b bool, u, i, f, s str, B bin, a array, m map, e ext */
static int head(In *in, char *kind, uint64_t *n) {
  if (!need(in, 1)) return 0;
  uint8_t b = *in->at++; *n = 0;
  if (b < 0x80) { *kind = 'u'; *n = b; return 1; }
  if (b < 0x90) { *kind = 'm'; *n = b & 15; return 1; }
  if (b < 0xa0) { *kind = 'a'; *n = b & 15; return 1; }
  if (b < 0xc0) { *kind = 's'; *n = b & 31; return 1; }
  if (b >= 0xe0) { *kind = 'i'; *n = (uint64_t)(int64_t)(int8_t)b; return 1; }
  switch (b) {
    case 0xc0: *kind = 'n'; return 1;
    case 0xc2: case 0xc3: *kind = 'b'; *n = b & 1; return 1;
    case 0xc4: case 0xc5: case 0xc6: *kind = 'B'; return uint_be(in, 1 << (b - 0xc4), n);
    case 0xc7: case 0xc8: case 0xc9: *kind = 'e'; return uint_be(in, 1 << (b - 0xc7), n);
    case 0xca: *kind = 'f'; if (!uint_be(in, 4, n)) return 0; { uint32_t w = (uint32_t)*n; float f; memcpy(&f, &w, 4); double d = f; memcpy(n, &d, 8); } return 1;
    case 0xcb: *kind = 'f'; return uint_be(in, 8, n);
    case 0xcc: case 0xcd: case 0xce: case 0xcf: *kind = 'u'; return uint_be(in, 1 << (b - 0xcc), n);
    case 0xd0: if (!uint_be(in, 1, n)) return 0; *kind = 'i'; *n = (uint64_t)(int64_t)(int8_t)*n; return 1;
    case 0xd1: if (!uint_be(in, 2, n)) return 0; *kind = 'i'; *n = (uint64_t)(int64_t)(int16_t)*n; return 1;
    case 0xd2: if (!uint_be(in, 4, n)) return 0; *kind = 'i'; *n = (uint64_t)(int64_t)(int32_t)*n; return 1;
    case 0xd3: *kind = 'i'; return uint_be(in, 8, n);
    case 0xd4: case 0xd5: case 0xd6: case 0xd7: case 0xd8: *kind = 'e'; *n = 1u << (b - 0xd4); return 1;
    case 0xd9: case 0xda: case 0xdb: *kind = 's'; return uint_be(in, 1 << (b - 0xd9), n);
    case 0xdc: case 0xdd: *kind = 'a'; return uint_be(in, b == 0xdc ? 2 : 4, n);
    case 0xde: case 0xdf: *kind = 'm'; return uint_be(in, b == 0xde ? 2 : 4, n);
  }
  return 0;
}
static int skip(In *in) {
  uint64_t left = 1;
  while (left--) {
    char kind; uint64_t n;
    if (!head(in, &kind, &n)) return 0;
    if (kind == 's' || kind == 'B' || kind == 'e') { if (kind == 'e') n++; if (n > (uint64_t)(in->end - in->at)) return 0; in->at += n; }
    else if (kind == 'a') left += n; else if (kind == 'm') left += 2 * n;
  }
  return 1;
}
static PyObject *value(In *in);
static PyObject *map(In *in, uint64_t n, PyObject *fields) {
  if (n * 2 > (uint64_t)(in->end - in->at)) return NULL;
  PyObject *dict = PyDict_New();
  int has_bytes = 0;
  while (dict && n--) {
    char kind; uint64_t length; PyObject *key, *item;
    const uint8_t *before = in->at;
    if (!head(in, &kind, &length)) goto bad;
    if (kind == 's') { if (length > (uint64_t)(in->end - in->at)) goto bad; key = key_of(in->at, length); in->at += length; }
    else { has_bytes |= kind == 'B'; in->at = before; key = value(in); }
    if (!key) goto bad;
    if (fields) {
      Py_ssize_t i, count = PyTuple_Size(fields);   /* both interned, so they are the same object */
      for (i = 0; i < count && PyTuple_GetItem(fields, i) != key; i++) {}
      if (i == count) { Py_DecRef(key); if (!skip(in)) goto bad; continue; }
    }
    item = value(in);
    if (!item) { Py_DecRef(key); goto bad; }
    int failed = PyDict_SetItem(dict, key, item);
    Py_DecRef(key); Py_DecRef(item);
    if (failed) goto bad;
  }
  if (dict && has_bytes) {
    PyObject *made = PyObject_CallFunctionObjArgs(pairs, dict, NULL);
    Py_DecRef(dict);
    return made;
  }
  return dict;
bad:
  Py_DecRef(dict); return NULL;
}
static PyObject *value(In *in) {
  char kind; uint64_t n; double d; PyObject *made = NULL;
  if (in->depth > DEPTH || !head(in, &kind, &n)) return NULL;
  switch (kind) {
    case 'n': Py_IncRef(&_Py_NoneStruct); return &_Py_NoneStruct;
    case 'b': made = n ? &_Py_TrueStruct : &_Py_FalseStruct; Py_IncRef(made); return made;
    case 'u': return PyLong_FromUnsignedLongLong(n);
    case 'i': return PyLong_FromLongLong((int64_t)n);
    case 'f': memcpy(&d, &n, 8); return PyFloat_FromDouble(d);
    case 'e': {
      if (n + 1 > (uint64_t)(in->end - in->at)) return NULL;
      PyObject *code = PyLong_FromLongLong((int8_t)*in->at);
      PyObject *data = PyBytes_FromStringAndSize((const char *)in->at + 1, n);
      if (code && data) made = PyObject_CallFunctionObjArgs(extension, code, data, NULL);
      Py_DecRef(code); Py_DecRef(data);
      in->at += n + 1;
      return made;
    }
    case 's': case 'B':
      if (n > (uint64_t)(in->end - in->at)) return NULL;
      made = kind == 's' ? PyUnicode_DecodeUTF8((const char *)in->at, n, "strict") : PyBytes_FromStringAndSize((const char *)in->at, n);
      in->at += n; return made;
    case 'a':
      if (n > (uint64_t)(in->end - in->at)) return NULL;
      made = PyList_New((Py_ssize_t)n); in->depth++;
      for (uint64_t i = 0; made && i < n; i++) {
        PyObject *item = value(in);
        if (!item) { Py_DecRef(made); return NULL; }
        PyList_SetItem(made, (Py_ssize_t)i, item);
      }
      in->depth--; return made;
    case 'm': in->depth++; made = map(in, n, NULL); in->depth--; return made;
  }
  return NULL;
}
static PyObject *decode(PyObject *self, PyObject *args) {
  PyObject *values, *ends, *fields; char *bytes; Py_ssize_t size;
  if (!PyArg_ParseTuple(args, "OOO", &values, &ends, &fields) || PyBytes_AsStringAndSize(values, &bytes, &size)) return NULL;
  if (fields == &_Py_NoneStruct) fields = NULL;
  Py_ssize_t count = PyList_Size(ends), start = 0;
  PyObject *list = PyList_New(count);
  for (Py_ssize_t i = 0; list && i < count; i++) {
    Py_ssize_t end = PyLong_AsLong(PyList_GetItem(ends, i));
    In in = { (uint8_t *)bytes + start, (uint8_t *)bytes + end, 0 };
    PyObject *object = NULL; char kind; uint64_t n;
    if (fields) { if (head(&in, &kind, &n) && kind == 'm') object = map(&in, n, fields); } else object = value(&in);
    if (!object || in.at != in.end) { if (object) Py_DecRef(object); PyErr_Clear(); PyObject *at = PyLong_FromLongLong(in.at - (uint8_t *)bytes - start); object = PyObject_CallFunctionObjArgs(damaged, at, NULL); Py_DecRef(at); if (!object) { Py_DecRef(list); return NULL; } }
    PyList_SetItem(list, i, object);
    start = end;
  }
  return list;
}
static PyObject *setup(PyObject *self, PyObject *args) {
  if (!PyArg_ParseTuple(args, "OOO", &extension, &pairs, &damaged)) return NULL;
  Py_IncRef(extension); Py_IncRef(pairs); Py_IncRef(damaged);
  Py_IncRef(&_Py_NoneStruct); return &_Py_NoneStruct;
}

/* The row that is being packed. */
static struct { uint8_t *bytes; size_t length, room; } out;
static int put(const void *bytes, size_t length) {
  if (out.room - out.length < length) {
    size_t room = (out.length + length) * 2 + 256;
    uint8_t *grown = PyMem_Realloc(out.bytes, room);
    if (!grown) { PyErr_SetString(PyExc_MemoryError, "a row is too large"); return 0; }
    out.bytes = grown; out.room = room;
  }
  memcpy(out.bytes + out.length, bytes, length); out.length += length; return 1;
}
static int put_head(uint8_t code, uint64_t n, int size) {
  uint8_t head[9] = { code };
  for (int i = 0; i < size; i++) head[1 + i] = n >> 8 * (size - 1 - i);
  return put(head, 1 + size);
}
static int put_length(uint64_t n, uint8_t fix, uint64_t below, uint8_t code8, uint8_t code16) {
  if (n < below) return put_head(fix | n, 0, 0);
  if (code8 && n < 256) return put_head(code8, n, 1);
  if (n < 65536) return put_head(code16, n, 2);
  return put_head(code16 + 1, n, 4);
}
static int put_int(PyObject *number) {
  long long n = PyLong_AsLongLong(number);
  if (n == -1 && PyErr_Occurred()) {
    PyErr_Clear();
    unsigned long long u = PyLong_AsUnsignedLongLong(number);
    if (u == (unsigned long long)-1 && PyErr_Occurred()) return 0;
    return put_head(0xcf, u, 8);
  }
  if (n >= 0) {
    if (n < 128) return put_head(n, 0, 0);
    if (n < 256) return put_head(0xcc, n, 1);
    if (n < 65536) return put_head(0xcd, n, 2);
    if (n < 4294967296) return put_head(0xce, n, 4);
    return put_head(0xcf, n, 8);
  }
  if (n >= -32) return put_head(n, 0, 0);
  if (n >= -128) return put_head(0xd0, n, 1);
  if (n >= -32768) return put_head(0xd1, n, 2);
  if (n >= -2147483648LL) return put_head(0xd2, n, 4);
  return put_head(0xd3, n, 8);
}
static int put_text(PyObject *text) {
  Py_ssize_t size; const char *utf8 = PyUnicode_AsUTF8AndSize(text, &size);
  return utf8 && put_length(size, 0xa0, 32, 0xd9, 0xda) && put(utf8, size);
}
static int put_value(PyObject *item, PyObject *other);
static int put_other(PyObject *item, PyObject *other) {
  /* It may pack a row of its own meanwhile: what was packed so far is put aside. */
  size_t before = out.length; uint8_t *bytes = out.bytes; size_t room = out.room;
  out.bytes = NULL; out.length = out.room = 0;
  PyObject *packed = PyObject_CallFunctionObjArgs(other, item, NULL);
  if (out.bytes) PyMem_Free(out.bytes);
  out.bytes = bytes; out.length = before; out.room = room;
  char *made; Py_ssize_t size;
  if (!packed) return 0;
  int done = !PyBytes_AsStringAndSize(packed, &made, &size) && put(made, size);
  Py_DecRef(packed); return done;
}
static int put_items(PyObject *item, PyObject *type, PyObject *other) {
  if (type == &PyDict_Type) {
    Py_ssize_t at = 0; PyObject *key, *one;
    if (!put_length(PyDict_Size(item), 0x80, 16, 0, 0xde)) return 0;
    while (PyDict_Next(item, &at, &key, &one)) {
      PyObject *kind = PyObject_Type(key); Py_DecRef(kind);
      if (kind != &PyUnicode_Type) { PyErr_SetString(PyExc_ValueError, "the keys of a map are texts"); return 0; }
      if (!put_text(key) || !put_value(one, other)) return 0;
    }
    return 1;
  }
  int is_list = type == &PyList_Type;
  Py_ssize_t count = is_list ? PyList_Size(item) : PyTuple_Size(item);
  if (!put_length(count, 0x90, 16, 0, 0xdc)) return 0;
  for (Py_ssize_t i = 0; i < count; i++)
    if (!put_value(is_list ? PyList_GetItem(item, i) : PyTuple_GetItem(item, i), other)) return 0;
  return 1;
}
static int put_value(PyObject *item, PyObject *other) {
  if (item == &_Py_NoneStruct) return put_head(0xc0, 0, 0);
  if (item == &_Py_TrueStruct) return put_head(0xc3, 0, 0);
  if (item == &_Py_FalseStruct) return put_head(0xc2, 0, 0);
  PyObject *type = PyObject_Type(item); Py_DecRef(type);
  if (type == &PyUnicode_Type) return put_text(item);
  if (type == &PyLong_Type) return put_int(item);
  if (type == &PyBytes_Type) {
    char *bytes; Py_ssize_t size;
    if (PyBytes_AsStringAndSize(item, &bytes, &size)) return 0;
    return (size < 256 ? put_head(0xc4, size, 1) : size < 65536 ? put_head(0xc5, size, 2) : put_head(0xc6, size, 4)) && put(bytes, size);
  }
  if (type == &PyFloat_Type) {
    double d = PyFloat_AsDouble(item); uint64_t n; memcpy(&n, &d, 8);
    if (d - d != 0) { PyErr_SetString(PyExc_ValueError, "a number of a row is finite"); return 0; }
    return put_head(0xcb, n, 8);
  }
  if (type == &PyDict_Type || type == &PyList_Type || type == &PyTuple_Type) {
    if (Py_EnterRecursiveCall(" while packing a row")) return 0;
    int done = put_items(item, type, other);
    Py_LeaveRecursiveCall(); return done;
  }
  return put_other(item, other);
}
static PyObject *pack(PyObject *self, PyObject *args) {
  PyObject *row, *other;
  if (!PyArg_ParseTuple(args, "OO", &row, &other)) return NULL;
  out.length = 0;
  return put_value(row, other) ? PyBytes_FromStringAndSize((const char *)out.bytes, out.length) : NULL;
}
static PyMethodDef methods[] = {
  { "decode", decode, 1, "Objects from a column of values." }, { "pack", pack, 1, "The msgpack of a row." },
  { "setup", setup, 1, "Sets what decodes unusual values." }, { 0 } };
static PyModuleDef module = { 1, 0, 0, 0, 0, "_journal", 0, -1, methods };
__attribute__((visibility("default"))) PyObject *PyInit__journal(void) { return PyModule_Create2(&module, 1013); }
