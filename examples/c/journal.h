// The contract of plugins (`swh:journal@0.1.0`, crates/contract/wit/journal.wit) for C.
//
// Include it in one file of a plugin, and define `describe`, `start`, `process` and `checkpoint`. The structures have the
// layout of the Component Model's canonical ABI, which for 32 bits is that of C.

#ifndef JOURNAL_H
#define JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// Bytes, or a text in UTF-8.
typedef struct {
    const uint8_t *at;
    size_t size;
} journal_bytes;

// Numbers of 32 bits, such as the offsets at which values end.
typedef struct {
    const uint32_t *at;
    size_t count;
} journal_numbers;

typedef struct {
    const uint64_t *at;
    size_t count;
} journal_offsets;

typedef struct {
    const int64_t *at;
    size_t count;
} journal_timestamps;

// Records of one object type, as columns. A column that the plan does not request is empty.
typedef struct {
    journal_bytes object_type;
    bool privileged;
    uint32_t records;
    journal_bytes values;
    journal_numbers value_ends;
    journal_bytes keys;
    journal_numbers key_ends;
    journal_numbers partitions;
    journal_offsets offsets;
    journal_timestamps timestamps;
} journal_batch;

// A record that is refused: its batch, its index in there, and why.
typedef struct {
    uint32_t batch;
    uint32_t index;
    journal_bytes reason;
} journal_rejection;

// The result of a call: the answer of `start`, the rejections of `process`, or a failure. What it points to must stay until
// the next call.
typedef struct {
    bool is_failure;
    union {
        journal_bytes answer;
        struct {
            const journal_rejection *at;
            size_t count;
        } rejections;
        struct {
            // Else the same call may succeed later.
            bool is_fatal;
            journal_bytes text;
        } failure;
    };
} journal_result;

enum { JOURNAL_ERROR, JOURNAL_WARN, JOURNAL_INFO, JOURNAL_DEBUG };

#define JOURNAL_IMPORT(interface, function) \
    __attribute__((import_module("swh:journal/" interface "@0.1.0"), import_name(function)))
#define JOURNAL_EXPORT(function) __attribute__((export_name("swh:journal/processor@0.1.0#" function)))

// What a plugin may call.
JOURNAL_IMPORT("log", "log") void journal_log(uint32_t level, const char *text, size_t size);
// Rows end to end, each a msgpack map, and the offsets at which they end.
JOURNAL_IMPORT("outputs", "emit")
void journal_emit(uint32_t output, const uint8_t *rows, size_t size, const uint32_t *ends, size_t count);
JOURNAL_IMPORT("outputs", "savepoint") void journal_savepoint(void);
JOURNAL_IMPORT("outputs", "rollback") void journal_rollback(void);

// What a plugin defines.
const char *describe(void);
journal_result start(journal_bytes options);
journal_result process(const journal_batch *batches, size_t count);
journal_result checkpoint(void);

static inline journal_bytes journal_text(const char *text) {
    return (journal_bytes){(const uint8_t *)text, strlen(text)};
}

static inline journal_result journal_answer(const char *json) {
    return (journal_result){.answer = journal_text(json)};
}

static inline journal_result journal_fatal(const char *reason) {
    return (journal_result){.is_failure = true, .failure = {true, journal_text(reason)}};
}

// The memory that the host asks for to pass arguments. It has no bytes where nothing is passed.
__attribute__((export_name("cabi_realloc"))) void *cabi_realloc(void *old, size_t old_size, size_t align, size_t size) {
    (void)old_size;
    if (size == 0) return (void *)align;
    void *at = realloc(old, size);
    if (at == NULL) abort();
    return at;
}

static inline void journal_free(const void *at, size_t count) {
    if (count > 0) free((void *)at);
}

JOURNAL_EXPORT("describe") const journal_bytes *journal_export_describe(void) {
    static journal_bytes answer;
    answer = journal_text(describe());
    return &answer;
}

JOURNAL_EXPORT("start") const journal_result *journal_export_start(const uint8_t *options, size_t size) {
    static journal_result result;
    result = start((journal_bytes){options, size});
    journal_free(options, size);
    return &result;
}

JOURNAL_EXPORT("process") const journal_result *journal_export_process(const journal_batch *batches, size_t count) {
    static journal_result result;
    result = process(batches, count);
    for (const journal_batch *batch = batches; batch < batches + count; batch++) {
        journal_free(batch->object_type.at, batch->object_type.size);
        journal_free(batch->values.at, batch->values.size);
        journal_free(batch->value_ends.at, batch->value_ends.count);
        journal_free(batch->keys.at, batch->keys.size);
        journal_free(batch->key_ends.at, batch->key_ends.count);
        journal_free(batch->partitions.at, batch->partitions.count);
        journal_free(batch->offsets.at, batch->offsets.count);
        journal_free(batch->timestamps.at, batch->timestamps.count);
    }
    journal_free(batches, count);
    return &result;
}

JOURNAL_EXPORT("checkpoint") const journal_result *journal_export_checkpoint(void) {
    static journal_result result;
    result = checkpoint();
    return &result;
}

#endif
