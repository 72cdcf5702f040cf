/* From rows to msgpack. */
#include "journal.h"

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
/* As many as the package msgpack packs. */
#define MOST_DEPTH 511
static int depth;
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
  Py_DECREF(packed); return done;
}
static int put_items(PyObject *item, PyTypeObject *type, PyObject *other) {
  if (type != &PyList_Type && type != &PyTuple_Type) {
    Py_ssize_t at = 0; PyObject *key, *one;
    if (!put_length(PyDict_Size(item), 0x80, 16, 0, 0xde)) return 0;
    while (PyDict_Next(item, &at, &key, &one)) {
      if (Py_TYPE(key) != &PyUnicode_Type) { PyErr_SetString(PyExc_ValueError, "the keys of a map are texts"); return 0; }
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
  if (item == NONE) return put_head(0xc0, 0, 0);
  if (item == TRUE) return put_head(0xc3, 0, 0);
  if (item == FALSE) return put_head(0xc2, 0, 0);
  PyTypeObject *type = Py_TYPE(item);
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
  int is_lazy = is_object(item);
  if (is_lazy && fill(item)) return 0;
  if (is_lazy || type == &PyDict_Type || type == &PyList_Type || type == &PyTuple_Type) {
    /* Where it runs, CPython does not know how much of the stack is left. */
    if (depth == MOST_DEPTH) { PyErr_SetString(PyExc_RecursionError, "a row nests too deeply"); return 0; }
    depth++;
    int done = put_items(item, type, other);
    depth--; return done;
  }
  return put_other(item, other);
}
PyObject *pack(PyObject *self, PyObject *args) {
  PyObject *row, *other;
  if (!PyArg_ParseTuple(args, "OO", &row, &other)) return NULL;
  out.length = 0;
  return put_value(row, other) ? PyBytes_FromStringAndSize((const char *)out.bytes, out.length) : NULL;
}
