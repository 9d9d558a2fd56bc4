/* The text of a lock, by which the fleet compares records. */
#include "../support/decoding.h"
#include "record.h"

#include <string.h>

#define ALL "\"state\":6,\"doorState\":3,\"isCharging\":false,\"batteryLevel\":81,\"stateChangeResult\":0"
#define MOVED "\"lastStateChangedDate\":\"2026-01-02T03:04:05.678Z\""

static const struct {
    const char *name;
    const char *record; /* as the service sends it */
    const char *text;
    const char *moved;
} table[] = {
    {"all values", "{\"id\":1,\"isConnected\":true,\"revision\":5,\"deviceState\":{" ALL "," MOVED "}}",
     "{\"connected\":true,\"state\":6,\"door\":3,\"battery\":81,\"charging\":false,\"result\":0,\"revision\":5}",
     "1767323045678"},
    {"no time", "{\"id\":1,\"isConnected\":true,\"revision\":5,\"deviceState\":{" ALL "}}",
     "{\"connected\":true,\"state\":6,\"door\":3,\"battery\":81,\"charging\":false,\"result\":0,\"revision\":5}", ""},
    {"out of reach", "{\"id\":1,\"isConnected\":false,\"revision\":23,\"deviceState\":null}",
     "{\"connected\":false,\"revision\":23}", ""},
    {"out of reach, with values that do not count", "{\"id\":1,\"isConnected\":false,\"deviceState\":{" ALL "}}",
     "{\"connected\":false}", ""},
    {"some values", "{\"id\":1,\"isConnected\":true,\"deviceState\":{\"state\":2,\"isCharging\":true}}",
     "{\"connected\":true,\"state\":2,\"charging\":true}", ""},
    {"nothing known", "{\"id\":1}", "{}", ""},
    {"the longest",
     "{\"id\":9223372036854775807,\"isConnected\":true,\"revision\":9223372036854775807,\"deviceState\":"
     "{\"state\":-2147483648,\"doorState\":-2147483648,\"isCharging\":false,\"batteryLevel\":100,"
     "\"stateChangeResult\":-2147483648}}",
     "{\"connected\":true,\"state\":-2147483648,\"door\":-2147483648,\"battery\":100,\"charging\":false,"
     "\"result\":-2147483648,\"revision\":9223372036854775807}",
     ""},
};

TEST_WITH_CTX(a_record_has_its_known_values)
{
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        lock_sync_results *results;
        const lock_sync_lock *lock = t_decode_record(ctx, table[i].record, &results);
        char text[RECORD_SIZE];

        t_row("%s", table[i].name);
        MUST(lock != NULL);
        record_write(lock, text);
        CHECK_TEXT(text, table[i].text);
        record_write_moved(lock, text);
        CHECK_TEXT(text, table[i].moved);
        lock_sync_results_free(results);
    }
}

/* Each pair of records: their texts differ if and only if the library reports a change. */
TEST_WITH_CTX(texts_differ_as_records_do)
{
    for (size_t i = 0; i < COUNT_OF(table); i++)
        for (size_t j = 0; j < COUNT_OF(table) - 1; j++) { /* the last one has another id */
            lock_sync_results *before, *after;
            lock_sync_changes *changes = NULL;
            const lock_sync_lock *b = t_decode_record(ctx, table[i].record, &before);
            const lock_sync_lock *a = t_decode_record(ctx, table[j].record, &after);
            char texts[2][RECORD_SIZE];

            t_row("%s, %s", table[i].name, table[j].name);
            MUST(b != NULL && a != NULL);
            record_write(b, texts[0]);
            record_write(a, texts[1]);
            MUST_OK(lock_sync_diff(before, after, &changes));
            CHECK((strcmp(texts[0], texts[1]) != 0) == (lock_sync_changes_count(changes) > 0));
            lock_sync_changes_free(changes);
            lock_sync_results_free(before);
            lock_sync_results_free(after);
        }
}
