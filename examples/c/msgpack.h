// Reads what revisions need of msgpack: maps with texts as keys, integers, and the skipping of anything else.

#ifndef MSGPACK_H
#define MSGPACK_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef enum { NIL, INTEGER, TEXT, ARRAY, MAP, OTHER } msgpack_kind;

// A value, whose content is next in the reader: the bytes of a text or another value, or the elements of a list or map.
typedef struct {
    msgpack_kind kind;
    // Of an integer. One above 2^63 - 1 does not fit, and is another value.
    int64_t integer;
    // Bytes, elements, or pairs.
    uint64_t count;
} msgpack_value;

typedef struct {
    const uint8_t *at;
    const uint8_t *end;
} msgpack_reader;

static bool msgpack_number(msgpack_reader *reader, int bytes, uint64_t *number) {
    if (reader->end - reader->at < bytes) return false;
    *number = 0;
    while (bytes-- > 0) *number = *number << 8 | *reader->at++;
    return true;
}

// Reads a value up to its content.
static bool msgpack_read(msgpack_reader *reader, msgpack_value *value) {
    if (reader->at == reader->end) return false;
    uint8_t head = *reader->at++;
    uint64_t number = 0;
    *value = (msgpack_value){.kind = OTHER};
    if (head <= 0x7f || head >= 0xe0) {
        value->kind = INTEGER;
        value->integer = (int8_t)head;
    } else if (head <= 0x8f) {
        value->kind = MAP;
        value->count = head & 0x0f;
    } else if (head <= 0x9f) {
        value->kind = ARRAY;
        value->count = head & 0x0f;
    } else if (head <= 0xbf) {
        value->kind = TEXT;
        value->count = head & 0x1f;
    } else if (head == 0xc0) {
        value->kind = NIL;
    } else if (head == 0xc1) {
        return false;
    } else if (head <= 0xc3) { // false, true
    } else if (head <= 0xc6) { // bytes
        return msgpack_number(reader, 1 << (head - 0xc4), &value->count);
    } else if (head <= 0xc9) { // extensions, with the byte of their type
        bool is_read = msgpack_number(reader, 1 << (head - 0xc7), &value->count);
        value->count++;
        return is_read;
    } else if (head <= 0xcb) { // floats
        value->count = head == 0xca ? 4 : 8;
    } else if (head <= 0xcf) {
        if (!msgpack_number(reader, 1 << (head - 0xcc), &number)) return false;
        if (number <= INT64_MAX) value->kind = INTEGER;
        value->integer = (int64_t)number;
    } else if (head <= 0xd3) {
        int bytes = 1 << (head - 0xd0);
        if (!msgpack_number(reader, bytes, &number)) return false;
        value->kind = INTEGER;
        value->integer = (int64_t)(number << (64 - 8 * bytes)) >> (64 - 8 * bytes);
    } else if (head <= 0xd8) { // extensions of 1 to 16 bytes
        value->count = 1 + (1 << (head - 0xd4));
    } else if (head <= 0xdb) {
        value->kind = TEXT;
        return msgpack_number(reader, 1 << (head - 0xd9), &value->count);
    } else if (head <= 0xdd) {
        value->kind = ARRAY;
        return msgpack_number(reader, head == 0xdc ? 2 : 4, &value->count);
    } else {
        value->kind = MAP;
        return msgpack_number(reader, head == 0xde ? 2 : 4, &value->count);
    }
    return true;
}

// Skips the content of a value.
static bool msgpack_skip(msgpack_reader *reader, msgpack_value value) {
    // No number of levels can exhaust the stack.
    for (uint64_t left = 1;;) {
        left--;
        if (value.kind == MAP) {
            left += 2 * value.count;
        } else if (value.kind == ARRAY) {
            left += value.count;
        } else {
            if ((uint64_t)(reader->end - reader->at) < value.count) return false;
            reader->at += value.count;
        }
        if (left == 0) return true;
        if (!msgpack_read(reader, &value)) return false;
    }
}

// Finds a key in a map whose pairs are next, and reads its value up to the content. It is nil where the map lacks the key.
static bool msgpack_find(msgpack_reader *reader, msgpack_value map, const char *key, msgpack_value *value) {
    if (map.kind != MAP) return false;
    for (uint64_t left = map.count; left > 0; left--) {
        if (!msgpack_read(reader, value)) return false;
        const uint8_t *name = reader->at;
        bool is_key = value->kind == TEXT && value->count == strlen(key);
        if (!msgpack_skip(reader, *value)) return false;
        is_key = is_key && memcmp(name, key, strlen(key)) == 0;
        if (!msgpack_read(reader, value)) return false;
        if (is_key) return true;
        if (!msgpack_skip(reader, *value)) return false;
    }
    *value = (msgpack_value){.kind = NIL};
    return true;
}

#endif
