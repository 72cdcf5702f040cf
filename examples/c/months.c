// Counts revisions by the month in which they were written, in UTC, as the output `months` of commit-activity does.

#include <stdio.h>
#include <time.h>

#include "journal.h"
#include "msgpack.h"

const char *describe(void) {
    return "{\"name\": \"months\", \"version\": \"1\", \"summary\": \"Counts revisions by month\"}";
}

journal_result start(journal_bytes options) {
    (void)options; // Without a schema in the description, it is `{}`.
    return journal_answer(
        "{\"object-types\": [\"revision\"], \"columns\": [\"values\"], \"holds-state\": false, \"persons\": \"none\","
        " \"outputs\": [{\"name\": \"months\", \"kind\": \"aggregate\", \"key\": [\"month\"],"
        "  \"columns\": [{\"name\": \"revisions\", \"merge\": \"sum\"}],"
        "  \"row\": [{\"name\": \"month\", \"type\": \"text\", \"nullable\": true},"
        "            {\"name\": \"revisions\", \"type\": \"uint\"}]}]}");
}

// The largest row: a map of two, with a text of seven bytes and a one.
#define ROW_BYTES (1 + 6 + 8 + 10 + 1)

static uint8_t *rows;
static uint32_t *ends;
static size_t row_bytes, row_count, row_room;
static journal_rejection *rejections;
static size_t rejection_count;

// Makes room for a row and a rejection for each record. What was there is of no use any more.
static bool make_room(size_t records) {
    row_bytes = row_count = rejection_count = 0;
    if (records <= row_room) return true;
    free(rows);
    free(ends);
    free(rejections);
    // Unlike a product of one's own, `calloc` notices a size beyond 32 bits.
    rows = calloc(records, ROW_BYTES);
    ends = calloc(records, sizeof *ends);
    rejections = calloc(records, sizeof *rejections);
    bool has_room = rows != NULL && ends != NULL && rejections != NULL;
    row_room = has_room ? records : 0;
    return has_room;
}

static void put(const char *bytes, size_t size) {
    memcpy(rows + row_bytes, bytes, size);
    row_bytes += size;
}

static void count_month(int64_t seconds) {
    char month[32] = "\xa7";
    time_t time = seconds;
    struct tm utc;
    bool has_month = gmtime_r(&time, &utc) != NULL && utc.tm_year >= -1900 && utc.tm_year <= 9999 - 1900;
    if (has_month) snprintf(month + 1, sizeof month - 1, "%04d-%02d", utc.tm_year + 1900, utc.tm_mon + 1);
    put("\x82\xa5month", 7);
    put(has_month ? month : "\xc0", has_month ? 8 : 1);
    put("\xa9revisions\x01", 11);
    ends[row_count++] = row_bytes;
}

// Counts a revision by its `date.timestamp.seconds`. Revisions of tarballs may have no date.
static bool count_revision(msgpack_reader reader) {
    msgpack_value value;
    if (!msgpack_read(&reader, &value) || !msgpack_find(&reader, value, "date", &value)) return false;
    if (value.kind == NIL) return true;
    if (!msgpack_find(&reader, value, "timestamp", &value)) return false;
    if (!msgpack_find(&reader, value, "seconds", &value) || value.kind != INTEGER) return false;
    count_month(value.integer);
    return true;
}

static void process_batch(const journal_batch *batch, uint32_t index) {
    const uint8_t *at = batch->values.at;
    for (uint32_t record = 0; record < batch->records; record++) {
        const uint8_t *end = batch->values.at + batch->value_ends.at[record];
        if (!count_revision((msgpack_reader){at, end})) {
            journal_bytes reason = journal_text("it is not a revision in msgpack");
            rejections[rejection_count++] = (journal_rejection){index, record, reason};
        }
        at = end;
    }
}

journal_result process(const journal_batch *batches, size_t count) {
    size_t records = 0;
    for (size_t index = 0; index < count; index++) records += batches[index].records;
    if (!make_room(records)) return journal_fatal("there is too little memory for the rows of the call");
    for (size_t index = 0; index < count; index++) process_batch(&batches[index], index);
    journal_emit(0, rows, row_bytes, ends, row_count);
    return (journal_result){.rejections = {rejections, rejection_count}};
}

journal_result checkpoint(void) {
    return (journal_result){0};
}
