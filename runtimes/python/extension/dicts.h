/* Dicts with known keys. CPython has no function that makes such a dict at once: it looks each key up, which is a fifth of the
 * time of decoding. A copy of a dict with the same keys has room for all values in the order of the keys, and this writes them
 * there. `has_layout` has to be asked first whether CPython's structures are those of this file. */
#ifndef DICTS_H
#define DICTS_H
#include "journal.h"

typedef struct { PyObject *key, *value; } Entry;
typedef struct {
  Py_ssize_t references;
  uint8_t log2_size, log2_index_bytes, kind;
  uint32_t version;
  Py_ssize_t usable, entry_count;
  uint8_t indices[];
} DictKeys;
typedef struct { PyObject base; Py_ssize_t used; uint64_t watchers; DictKeys *keys; void *values; } Dict;

/* The kind of keys that are all texts, whose entries have no hash. */
#define TEXTS 1

static inline Entry *entries_of(PyObject *dict) {
  DictKeys *keys = ((Dict *)dict)->keys;
  return (Entry *)(keys->indices + ((size_t)1 << keys->log2_index_bytes));
}

/* Whether `dict`, which may be of a subclass, has nothing but None for these keys in this order, at the places that `entries_of`
 * gives. None is immortal, so it can be overwritten. */
int has_layout(PyObject *dict, PyObject *const *keys, uint32_t count);
/* The rest of a map of *left pairs, as far as it has the keys of a map that was remembered; *left is what follows. Without a dict,
 * no key was read, or if *left is 0, a value is not msgpack. */
PyObject *known_map(In *in, uint64_t *left);
/* Remembers the keys of a map of n pairs that was decoded. */
void remember_map(const uint8_t *at, const uint8_t *end, uint64_t n, PyObject *dict);
#endif
