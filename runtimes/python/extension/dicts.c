/* Maps whose keys are those of an earlier one: the persons, dates and entries of the journal. */
#include "dicts.h"

#include "bytes.h"

#define MOST_KEYS 16
#define LONGEST_KEY 23
#define MAPS 64

/* The msgpack of the keys, and a dict that has None for each. A place that nothing can be remembered at has no template. */
typedef struct {
  uint32_t count;
  PyObject *template;
  struct { uint8_t size, raw[LONGEST_KEY + 1]; } keys[MOST_KEYS];
} Map;
static Map maps[MAPS];

int has_layout(PyObject *dict, PyObject *const *expected, uint32_t count) {
  static Py_ssize_t dict_size;
  if (!dict_size) {
    PyObject *size = PyObject_GetAttrString((PyObject *)&PyDict_Type, "__basicsize__");
    if (size) { dict_size = PyLong_AsLong(size); Py_DECREF(size); }
    PyErr_Clear();
  }
  if (dict_size != sizeof(Dict)) return 0;
  DictKeys *keys = ((Dict *)dict)->keys;
  if (!keys || ((Dict *)dict)->values || keys->kind != TEXTS || keys->entry_count != (Py_ssize_t)count) return 0;
  Entry *entries = entries_of(dict);
  for (uint32_t i = 0; i < count; i++) if (entries[i].key != expected[i] || entries[i].value != NONE) return 0;
  return 1;
}

/* There are two bytes or more. */
static Map *map_at(const uint8_t *at, uint64_t n) { return &maps[(n * 31 + at[0] * 7 + at[1] * 13) % MAPS]; }

static int is_key(const In *in, const Map *map, uint64_t i) {
  size_t size = map->keys[i].size;
  return (size_t)(in->end - in->at) >= size && same_bytes(in->at, map->keys[i].raw, size);
}

/* A dict of the first `count` values of another one. */
static PyObject *first_entries(PyObject *dict, uint64_t count) {
  PyObject *made = PyDict_New();
  Entry *entries = entries_of(dict);
  for (uint64_t i = 0; made && i < count; i++)
    if (PyDict_SetItem(made, entries[i].key, entries[i].value)) { Py_DECREF(made); made = NULL; }
  Py_DECREF(dict);
  return made;
}

PyObject *known_map(In *in, uint64_t *left) {
  uint64_t n = *left;
  if (!n || n > MOST_KEYS) return NULL;
  const Map *map = map_at(in->at, n);
  if (!map->template || map->count != n || !is_key(in, map, 0)) return NULL;
  PyObject *dict = PyDict_Copy(map->template);
  Entry *entries = dict ? entries_of(dict) : NULL;
  *left = 0;
  for (uint64_t i = 0; dict && i < n; i++) {
    if (!is_key(in, map, i)) {
      dict = first_entries(dict, i);
      if (dict) *left = n - i;
      return dict;
    }
    in->at += map->keys[i].size;
    PyObject *item = value(in);
    if (!item) { Py_DECREF(dict); return NULL; }
    entries[i].value = item;
  }
  return dict;
}

/* Makes a template for the keys of a dict, which are interned texts in the order of the msgpack. */
static PyObject *template_of(PyObject *dict, uint64_t n) {
  PyObject *keys[MOST_KEYS], *key, *item, *template = PyDict_New();
  Py_ssize_t at = 0;
  for (uint64_t i = 0; template && i < n; i++)
    if (!PyDict_Next(dict, &at, &key, &item) || PyDict_SetItem(template, keys[i] = key, NONE)) goto bad;
  PyObject *copy = template ? PyDict_Copy(template) : NULL;
  int is_known = copy && has_layout(copy, keys, n);
  if (copy) Py_DECREF(copy);
  if (is_known) return template;
bad:
  if (template) Py_DECREF(template);
  PyErr_Clear();
  return NULL;
}

void remember_map(const uint8_t *at, const uint8_t *end, uint64_t n, PyObject *dict) {
  if (!n || n > MOST_KEYS || PyDict_Size(dict) != (Py_ssize_t)n) return;
  Map *map = map_at(at, n);
  if (map->count) return;
  map->count = n;
  In in = { at, end, 0 };
  for (uint64_t i = 0; i < n; i++) {
    size_t size = *in.at & 31;
    if ((*in.at & 0xe0) != 0xa0 || size > LONGEST_KEY) return;
    map->keys[i].size = 1 + size;
    memcpy(map->keys[i].raw, in.at, 1 + size);
    in.at += 1 + size;
    if (!skip(&in)) return;
  }
  map->template = template_of(dict, n);
}
