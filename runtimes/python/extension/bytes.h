/* Short runs of bytes, eight at a time: those of the journal are too short for functions of the C library. */
#ifndef BYTES_H
#define BYTES_H
#include <stdint.h>
#include <string.h>

static inline uint64_t load8(const uint8_t *at) { uint64_t word; memcpy(&word, at, 8); return word; }
static inline uint32_t load4(const uint8_t *at) { uint32_t word; memcpy(&word, at, 4); return word; }

/* The first and the last of up to eight bytes, which may overlap; a different word for different bytes of one length. */
static inline uint64_t load_short(const uint8_t *at, size_t n) {
  if (n >= 4) return load4(at) | (uint64_t)load4(at + n - 4) << 32;
  return n ? at[0] | at[n / 2] << 8 | at[n - 1] << 16 : 0;
}

static inline int same_bytes(const uint8_t *one, const uint8_t *other, size_t n) {
  if (n <= 8) return load_short(one, n) == load_short(other, n);
  for (size_t i = 0; i + 8 < n; i += 8) if (load8(one + i) != load8(other + i)) return 0;
  return load8(one + n - 8) == load8(other + n - 8);
}

static inline int is_ascii(const uint8_t *text, size_t n) {
  uint64_t all = 0;
  if (n <= 8) all = load_short(text, n);
  else {
    for (size_t i = 0; i + 8 < n; i += 8) all |= load8(text + i);
    all |= load8(text + n - 8);
  }
  return !(all & 0x8080808080808080);
}
#endif
