/* A Python extension for CPython 3.14 on wasm32-wasi: the journal's msgpack in C. `_journal.py` of the wheel is the same in
 * Python, with objects that are decoded at once.
 *
 * decode(values: bytes, ends: list[int], fields: tuple[str, ...] | None, type: type[Object] | None) -> list of objects, of this
 * type or dicts; for a value that is not msgpack, what `damaged` of setup gives for the offset at which it goes wrong.
 * pack(row, other) -> bytes; what is no plain value is given to other(value), which returns its msgpack.
 * setup(extension, pairs, damaged) */
#include "journal.h"

static PyObject *damaged_at(Py_ssize_t offset) {
  PyObject *at = PyLong_FromLongLong(offset), *made = NULL;
  if (at) { made = PyObject_CallFunctionObjArgs(damaged, at, NULL); Py_DECREF(at); }
  return made;
}

static PyObject *decode_at_once(In *in, PyObject *fields, PyTypeObject *type) {
  const uint8_t *start = in->at;
  PyObject *made = NULL; char kind; uint64_t n;
  if (!fields) made = value(in);
  else if (head(in, &kind, &n) && kind == 'm') made = map(in, n, fields);
  if (!made || in->at != in->end) {
    if (made) Py_DECREF(made);
    /* It is not the record's fault. */
    if (PyErr_Occurred() && PyErr_ExceptionMatches(PyExc_MemoryError)) return NULL;
    PyErr_Clear();
    return damaged_at(in->at - start);
  }
  if (!type || Py_TYPE(made) != &PyDict_Type) return made;
  PyObject *object = object_of(type, made);
  Py_DECREF(made);
  return object;
}

static PyObject *decode_all(const uint8_t *bytes, PyObject *ends, PyObject *fields, PyTypeObject *type) {
  Py_ssize_t count = PyList_Size(ends), start = 0;
  PyObject *list = PyList_New(count);
  for (Py_ssize_t i = 0; list && i < count; i++) {
    Py_ssize_t end = PyLong_AsLong(PyList_GetItem(ends, i));
    PyObject *object = type ? lazy_object(type, bytes + start, end - start, fields) : NULL;
    if (!object && !PyErr_Occurred()) {
      In in = { bytes + start, bytes + end, 0 };
      object = decode_at_once(&in, fields, type);
    }
    if (!object) { Py_DECREF(list); return NULL; }
    PyList_SetItem(list, i, object);
    start = end;
  }
  return list;
}

static PyObject *decode(PyObject *self, PyObject *args) {
  PyObject *values, *ends, *fields, *type; char *bytes; Py_ssize_t size;
  if (!PyArg_ParseTuple(args, "OOOO", &values, &ends, &fields, &type) || PyBytes_AsStringAndSize(values, &bytes, &size)) return NULL;
  /* Nothing becomes garbage meanwhile, and the collector would look at each new object several times. */
  int collects = PyGC_Disable();
  PyObject *list = decode_all((uint8_t *)bytes, ends, fields == NONE ? NULL : fields, type == NONE ? NULL : (PyTypeObject *)type);
  if (collects) PyGC_Enable();
  return list;
}

static PyObject *setup(PyObject *self, PyObject *args) {
  if (!PyArg_ParseTuple(args, "OOO", &extension, &pairs, &damaged)) return NULL;
  Py_INCREF(extension); Py_INCREF(pairs); Py_INCREF(damaged);
  return new_ref(NONE);
}

static PyMethodDef methods[] = {
  { "decode", decode, METH_VARARGS, "Objects from a column of values." },
  { "pack", pack, METH_VARARGS, "The msgpack of a row." },
  { "setup", setup, METH_VARARGS, "Sets what decodes unusual values." },
  { 0 } };
static PyModuleDef module = { .m_base = PyModuleDef_HEAD_INIT, .m_name = "_journal", .m_size = -1, .m_methods = methods };

__attribute__((visibility("default"))) PyObject *PyInit__journal(void) {
#ifdef __wasm__
  install_allocator();   /* Elsewhere, CPython has one. */
#endif
  PyObject *made = PyModule_Create2(&module, 1013);
  if (made && make_type(made)) { Py_DECREF(made); return NULL; }
  return made;
}
