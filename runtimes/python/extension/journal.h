/* The parts of the extension: msgpack.c decodes values, dicts.c those with known keys, check.c passes over them, object.c has the
 * objects that decode their fields when they are asked for, pack.c encodes rows, and module.c is the module. */
#ifndef JOURNAL_H
#define JOURNAL_H
#include "cpython.h"

#define NONE (&_Py_NoneStruct)
#define TRUE ((PyObject *)&_Py_TrueStruct)
#define FALSE ((PyObject *)&_Py_FalseStruct)

/* What is left of a value, and how many levels of it surround this. */
typedef struct { const uint8_t *at, *end; int depth; } In;

/* Levels of a value inside each other; the reader of upstream's client has about twice as many. */
#define DEPTH 400

/* Python's functions for what is rare: extension(code, data) decodes an extension, pairs(dict) a map with keys of bytes, and
 * damaged(offset) stands for a value that is not msgpack. */
extern PyObject *extension, *pairs, *damaged;

/* kind: n nil, b bool, u, i, f, s str, B bin, a array, m map, e ext */
int head(In *in, char *kind, uint64_t *n);
/* Passes over the next value. */
int skip(In *in);
/* The next value; without one, an exception may be set, or none for bytes that are not msgpack. */
PyObject *value(In *in);
/* The rest of a map of n pairs, of which only those with a key of `fields` are kept, if it is given. */
PyObject *map(In *in, uint64_t n, PyObject *fields);
/* The end of a value that `value` is sure to decode, or NULL. */
const uint8_t *check(const uint8_t *at, const uint8_t *end, int depth);

int make_type(PyObject *module);
int is_object(PyObject *item);
/* Decodes what is not decoded yet; returns -1 with an exception. */
int fill(PyObject *self);
/* An object of the class `type` from a whole record, which decodes fields when they are asked for. Without one, an exception
 * may be set, or none for a record that has to be decoded at once. */
PyObject *lazy_object(PyTypeObject *type, const uint8_t *record, size_t size, PyObject *fields);
/* An object of the class `type` with these values. */
PyObject *object_of(PyTypeObject *type, PyObject *dict);

PyObject *pack(PyObject *self, PyObject *args);

void install_allocator(void);

static inline PyObject *new_ref(PyObject *item) { Py_INCREF(item); return item; }
#endif
