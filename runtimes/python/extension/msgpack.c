/* From msgpack to Python's values. */
#include "bytes.h"
#include "dicts.h"

PyObject *extension, *pairs, *damaged;

/* Keys and short texts are made once and interned; a small table by length and some bytes finds them again. */
#define SLOTS 512
#define SHORT 10
static struct { uint32_t length; uint8_t text[36]; PyObject *key; } keys[SLOTS];
/* Keys mostly follow each other as they did before: the slot of the one that followed the key of a slot. */
static uint16_t slot_after[SLOTS];
static uint32_t slot_of(const uint8_t *text, uint32_t length) {
  return (length * 31 + text[0] * 7 + text[length - 1] * 13 + text[length / 2] * 101) % SLOTS;
}
static PyObject *key_of(const uint8_t *text, uint32_t length) {
  if (length == 0 || length > 36) return PyUnicode_DecodeUTF8((const char *)text, length, "strict");
  uint32_t h = slot_of(text, length);
  if (keys[h].key && keys[h].length == length && same_bytes(keys[h].text, text, length)) return new_ref(keys[h].key);
  PyObject *key = PyUnicode_DecodeUTF8((const char *)text, length, "strict");
  if (!key) return NULL;
  PyUnicode_InternInPlace(&key);
  if (keys[h].key) Py_DECREF(keys[h].key);
  Py_INCREF(key); keys[h].key = key; keys[h].length = length; memcpy(keys[h].text, text, length);
  return key;
}
static int need(In *in, uint32_t n) { return (size_t)(in->end - in->at) >= n; }
static int uint_be(In *in, int n, uint64_t *out) {
  if (!need(in, n)) return 0;
  uint64_t v = 0; for (int i = 0; i < n; i++) v = v << 8 | *in->at++; *out = v; return 1;
}
int head(In *in, char *kind, uint64_t *n) {
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
int skip(In *in) {
  uint64_t left = 1;
  while (left--) {
    char kind; uint64_t n;
    if (!head(in, &kind, &n)) return 0;
    if (kind == 's' || kind == 'B' || kind == 'e') { if (kind == 'e') n++; if (n > (uint64_t)(in->end - in->at)) return 0; in->at += n; }
    else if (kind == 'a') left += n; else if (kind == 'm') left += 2 * n;
  }
  return 1;
}
PyObject *map(In *in, uint64_t n, PyObject *fields) {
  if (n * 2 > (uint64_t)(in->end - in->at)) return NULL;
  const uint8_t *start = in->at;
  uint64_t count = n;
  PyObject *dict = fields ? NULL : known_map(in, &n);
  if (dict && !n) return dict;
  if (!dict && !(dict = count && !n ? NULL : PyDict_New())) return NULL;
  int has_bytes = 0, is_new = n == count && !fields;
  uint32_t slot = n % SLOTS;
  while (n--) {
    char kind; uint64_t length; PyObject *key, *item;
    const uint8_t *before = in->at;
    uint32_t next = slot_after[slot], size = keys[next].length;
    if (size && size < 32 && need(in, 1 + size) && *before == (0xa0 | size) && same_bytes(before + 1, keys[next].text, size)) {
      key = new_ref(keys[next].key); in->at += 1 + size; slot = next;
    } else {
      if (!head(in, &kind, &length)) goto bad;
      if (kind == 's') {
        if (length > (uint64_t)(in->end - in->at)) goto bad;
        key = key_of(in->at, length);
        if (length) { next = slot_of(in->at, length); slot_after[slot] = next; slot = next; }
        in->at += length;
      } else { has_bytes |= kind == 'B'; in->at = before; key = value(in); }
    }
    if (!key) goto bad;
    if (fields) {
      Py_ssize_t i, count = PyTuple_Size(fields);   /* both interned, so they are the same object */
      for (i = 0; i < count && PyTuple_GetItem(fields, i) != key; i++) {}
      if (i == count) { Py_DECREF(key); if (!skip(in)) goto bad; continue; }
    }
    item = value(in);
    if (!item) { Py_DECREF(key); goto bad; }
    int failed = PyDict_SetItem(dict, key, item);
    Py_DECREF(key); Py_DECREF(item);
    if (failed) goto bad;
  }
  if (has_bytes) {
    PyObject *made = PyObject_CallFunctionObjArgs(pairs, dict, NULL);
    Py_DECREF(dict);
    return made;
  }
  if (is_new) remember_map(start, in->end, count, dict);
  return dict;
bad:
  Py_DECREF(dict); return NULL;
}
/* Names of entries and identifiers of objects come again and again. */
static PyObject *bytes_of(const uint8_t *at, size_t n) {
  static struct { uint32_t length; uint8_t text[32]; PyObject *bytes; } kept[2048];
  if (n == 0 || n > 32) return PyBytes_FromStringAndSize((const char *)at, n);
  uint64_t first = n <= 8 ? load_short(at, n) : load8(at), last = n <= 8 ? n : load8(at + n - 8);
  uint32_t slot = (first * 0x9e3779b97f4a7c15 ^ last) * 0x9e3779b97f4a7c15 >> 53;
  if (kept[slot].length != n || !same_bytes(kept[slot].text, at, n)) {
    PyObject *bytes = PyBytes_FromStringAndSize((const char *)at, n), *old = kept[slot].bytes;
    if (!bytes) return NULL;
    kept[slot].bytes = bytes; kept[slot].length = n; memcpy(kept[slot].text, at, n);
    if (old) Py_DECREF(old);
  }
  return new_ref(kept[slot].bytes);
}
/* The modes of files are few and frequent. */
static PyObject *small_uint(uint64_t n) {
  static struct { uint64_t n; PyObject *number; } numbers[64];
  if (n >= 1 << 16) return PyLong_FromUnsignedLongLong(n);
  uint32_t slot = (n ^ n >> 8) % 64;
  if (!numbers[slot].number || numbers[slot].n != n) {
    PyObject *number = PyLong_FromUnsignedLongLong(n);
    if (!number) return NULL;
    if (numbers[slot].number) Py_DECREF(numbers[slot].number);
    numbers[slot].number = number; numbers[slot].n = n;
  }
  return new_ref(numbers[slot].number);
}

static PyObject *list_of(In *in, uint64_t n) {
  if (n > (uint64_t)(in->end - in->at)) return NULL;
  PyObject *made = PyList_New((Py_ssize_t)n);
  in->depth++;
  for (uint64_t i = 0; made && i < n; i++) {
    PyObject *item = value(in);
    if (!item) { Py_DECREF(made); return NULL; }
    PyList_SetItem(made, (Py_ssize_t)i, item);
  }
  in->depth--;
  return made;
}

static PyObject *extension_of(In *in, uint64_t n) {
  if (n + 1 > (uint64_t)(in->end - in->at)) return NULL;
  PyObject *code = PyLong_FromLongLong((int8_t)*in->at), *made = NULL;
  PyObject *data = PyBytes_FromStringAndSize((const char *)in->at + 1, n);
  if (code && data) made = PyObject_CallFunctionObjArgs(extension, code, data, NULL);
  if (code) Py_DECREF(code);
  if (data) Py_DECREF(data);
  in->at += n + 1;
  return made;
}

static PyObject *any_value(In *in) {
  char kind; uint64_t n; double d; PyObject *made = NULL;
  if (in->depth > DEPTH || !head(in, &kind, &n)) return NULL;
  switch (kind) {
    case 'n': return new_ref(NONE);
    case 'b': return new_ref(n ? TRUE : FALSE);
    case 'u': return small_uint(n);
    case 'i': return PyLong_FromLongLong((int64_t)n);
    case 'f': memcpy(&d, &n, 8); return PyFloat_FromDouble(d);
    case 'e': return extension_of(in, n);
    case 's': case 'B':
      if (n > (uint64_t)(in->end - in->at)) return NULL;
      if (kind == 'B') made = bytes_of(in->at, n);
      else made = n <= SHORT ? key_of(in->at, n) : PyUnicode_DecodeUTF8((const char *)in->at, n, "strict");
      in->at += n; return made;
    case 'a': return list_of(in, n);
    case 'm': in->depth++; made = map(in, n, NULL); in->depth--; return made;
  }
  return NULL;
}

/* The most frequent ones first. */
PyObject *value(In *in) {
  const uint8_t *at = in->at;
  size_t room = in->end - at;
  if (room < 3 || in->depth > DEPTH) return any_value(in);
  if (*at == 0xc4 && room >= 2u + at[1]) {
    in->at += 2 + at[1];
    return bytes_of(at + 2, at[1]);
  }
  if (*at > 0xa0 && *at <= (0xa0 | SHORT) && room > *at - 0xa0u) {
    in->at += 1 + *at - 0xa0;
    return key_of(at + 1, *at - 0xa0);
  }
  if (*at == 0xcd) { in->at += 3; return small_uint(at[1] << 8 | at[2]); }
  if (*at < 0x80) { in->at++; return small_uint(*at); }
  if (*at < 0x90) {
    in->at++; in->depth++;
    PyObject *made = map(in, *at & 15, NULL);
    in->depth--;
    return made;
  }
  if (*at == 0xc0) { in->at++; return new_ref(NONE); }
  return any_value(in);
}
