/* Passes over values, and says whether they are sure to be decoded. */
#include "bytes.h"
#include "journal.h"

/* The bytes of values that have no length: integers, numbers, true, false and none. */
static const uint8_t fixed_size[256] = {
  [0x00 ... 0x7f] = 1, [0xc0] = 1, [0xc2 ... 0xc3] = 1, [0xca] = 5, [0xcb] = 9, [0xcc] = 2, [0xcd] = 3, [0xce] = 5, [0xcf] = 9,
  [0xd0] = 2, [0xd1] = 3, [0xd2] = 5, [0xd3] = 9, [0xe0 ... 0xff] = 1 };

/* Whether an extension is a number, or a time of the years 1 to 9999. */
static int check_extension(const uint8_t *at, uint64_t n) {
  int code = (int8_t)*at++;
  if (code == 1 || code == 2) return 1;
  if (code != -1) return 0;
  if (n == 4) return 1;
  if (n != 8 && n != 12) return 0;
  uint64_t nanoseconds = 0, seconds = 0;
  for (int i = 0; i < 4; i++) nanoseconds = nanoseconds << 8 | at[i];
  if (n == 8) return nanoseconds >> 2 < 1000000000;
  for (int i = 4; i < 12; i++) seconds = seconds << 8 | at[i];
  return nanoseconds < 1000000000 && (int64_t)seconds >= -62135596800 && (int64_t)seconds < 253402300800;
}

static const uint8_t *check_other(const uint8_t *at, const uint8_t *end, int depth);

static inline const uint8_t *check_value(const uint8_t *at, const uint8_t *end, int depth) {
  if (at == end) return NULL;
  uint8_t code = *at;
  size_t size;
  if (fixed_size[code]) size = fixed_size[code];
  else if (code == 0xc4 && end - at > 1) size = 2 + at[1];
  else if ((code & 0xe0) == 0xa0) {
    size = 1 + (code & 31);
    if (size > (size_t)(end - at) || !is_ascii(at + 1, size - 1)) return NULL;
  } else return check_other(at, end, depth);
  return size <= (size_t)(end - at) ? at + size : NULL;
}

static const uint8_t *check_key(const uint8_t *at, const uint8_t *end) {
  if (at == end) return NULL;
  if ((*at & 0xe0) == 0xa0) {
    size_t size = 1 + (*at & 31);
    return size <= (size_t)(end - at) && is_ascii(at + 1, size - 1) ? at + size : NULL;
  }
  In in = { at, end, 0 };
  char kind; uint64_t length;
  if (!head(&in, &kind, &length) || (kind != 's' && kind != 'B') || length > (uint64_t)(end - in.at)) return NULL;
  /* The map may be a time of old records, which `pairs` may refuse. */
  if (kind == 's' ? !is_ascii(in.at, length) : length == 7 && same_bytes(in.at, (const uint8_t *)"swhtype", 7)) return NULL;
  return in.at + length;
}

/* What is longer, or has values inside. */
static const uint8_t *check_other(const uint8_t *at, const uint8_t *end, int depth) {
  In in = { at, end, depth };
  char kind; uint64_t n;
  if (depth > DEPTH || !head(&in, &kind, &n)) return NULL;
  at = in.at;
  switch (kind) {
    case 's': case 'B': case 'e':
      if (kind == 'e') n++;
      if (n > (uint64_t)(end - at)) return NULL;
      return kind == 'B' || (kind == 's' ? is_ascii(at, n) : check_extension(at, n - 1)) ? at + n : NULL;
    case 'a':
      if (n > (uint64_t)(end - at) || (n && depth == DEPTH)) return NULL;
      for (; n && at; n--) at = check_value(at, end, depth + 1);
      return at;
    case 'm':
      if (n * 2 > (uint64_t)(end - at) || (n && depth == DEPTH)) return NULL;
      for (; n && at; n--) {
        at = check_key(at, end);
        if (at) at = check_value(at, end, depth + 1);
      }
      return at;
  }
  return NULL;
}

const uint8_t *check(const uint8_t *at, const uint8_t *end, int depth) { return check_value(at, end, depth); }
