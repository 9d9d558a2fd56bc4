/* Results: only the requested locks, in the service's order, each lock once; the missing ids; look-ups. */
#include "base/memory.h"
#include "../support/decoding.h"
#include "wire/results.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ID INT64_C(9223372036854775807)

/* A list of ids that ends in 0. */
typedef int64_t id_list[9];

static size_t length(const int64_t *ids)
{
    size_t n = 0;

    while (ids[n] != 0)
        n++;
    return n;
}

/* Makes {"result":[{"id":5,"revision":10},...]}; free() it. The revision depends on the id, so that duplicates are
   equal. */
static char *write_body(const int64_t *ids, size_t n)
{
    size_t room = 64 + n * 64;
    char *body = malloc(room);
    size_t size;

    MUST(body != NULL);
    size = (size_t)snprintf(body, room, "{\"result\":[");
    for (size_t i = 0; i < n; i++)
        size += (size_t)snprintf(body + size, room - size, "%s{\"id\":%" PRId64 ",\"revision\":%" PRId64 "}",
                                 i == 0 ? "" : ",", ids[i], ids[i] % 1000 * 2);
    (void)snprintf(body + size, room - size, "]}");
    return body;
}

TEST_WITH_CTX(only_requested_locks_are_kept_once_each_in_the_services_order)
{
    static const struct {
        const char *name;
        id_list asked; /* empty: all */
        id_list sent;  /* by the service */
        id_list kept;
        id_list missing;
    } table[] = {
        {"all, ascending", {0}, {1, 2, 3}, {1, 2, 3}, {0}},
        {"all, the service's order", {0}, {3, 1, 2}, {3, 1, 2}, {0}},
        {"all, descending", {0}, {9, 5, 1}, {9, 5, 1}, {0}},
        {"all, none sent", {0}, {0}, {0}, {0}},
        {"all, duplicates", {0}, {2, 1, 2, 1, 2}, {2, 1}, {0}},
        {"all, a duplicate of the last", {0}, {1, 2, 3, 3}, {1, 2, 3}, {0}},
        {"all, the same eight times", {0}, {4, 4, 4, 4, 4, 4, 4, 4}, {4}, {0}},
        {"all, duplicates of several", {0}, {5, 4, 5, 6, 4, 6, 5, 1}, {5, 4, 6, 1}, {0}},
        {"asked and sent", {1, 2}, {1, 2}, {1, 2}, {0}},
        {"the service's order, not that of the request", {1, 2, 3}, {3, 1, 2}, {3, 1, 2}, {0}},
        {"more than asked", {2}, {1, 2, 3}, {2}, {0}},
        {"no requested lock", {7, 8}, {1, 2, 3}, {0}, {7, 8}},
        {"none sent", {7, 8}, {0}, {0}, {7, 8}},
        {"missing in the order asked", {9, 1, 8, 2, 7}, {2, 1}, {2, 1}, {9, 8, 7}},
        {"missing once each", {9, 9, 1, 9, 8, 8}, {1}, {1}, {9, 8}},
        {"asked twice, sent once", {1, 1}, {1}, {1}, {0}},
        {"duplicates of locks that were not requested", {5}, {1, 1, 5, 1, 5, 1}, {5}, {0}},
        {"duplicates of requested locks", {5, 6}, {6, 5, 6, 5}, {6, 5}, {0}},
        {"the greatest id", {MAX_ID, 1}, {MAX_ID}, {MAX_ID}, {1}},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        size_t kept = length(table[i].kept);
        size_t missing = length(table[i].missing);
        char *body = write_body(table[i].sent, length(table[i].sent));
        lock_sync_results *r;

        t_row("%s", table[i].name);
        CHECK_OK(t_decode(ctx, &(t_response){.ids = table[i].asked, .n = length(table[i].asked), .body = body}, &r));
        CHECK_INT(lock_sync_results_count(r), kept);
        for (size_t k = 0; k < kept && k < lock_sync_results_count(r); k++) {
            const lock_sync_lock *lock = lock_sync_results_at(r, k);

            CHECK_INT(lock->id, table[i].kept[k]);
            CHECK_INT(lock->revision, lock->id % 1000 * 2);
            CHECK(lock_sync_results_find(r, lock->id) == lock);
        }
        CHECK(lock_sync_results_at(r, kept) == NULL);
        CHECK(lock_sync_results_at(r, SIZE_MAX) == NULL);
        CHECK_INT(lock_sync_results_missing_count(r), missing);
        for (size_t k = 0; k < missing; k++) {
            CHECK_INT(lock_sync_results_missing_at(r, k), table[i].missing[k]);
            CHECK(lock_sync_results_find(r, table[i].missing[k]) == NULL);
        }
        CHECK(lock_sync_results_find(r, 0) == NULL && lock_sync_results_find(r, INT64_MIN) == NULL);
        CHECK(lock_sync_results_find(r, 10) == NULL && lock_sync_results_find(r, MAX_ID - 1) == NULL);
        CHECK_INT(lock_sync_results_missing_at(r, missing), 0);
        CHECK_INT(lock_sync_results_missing_at(r, SIZE_MAX), 0);
        CHECK(!lock_sync_results_is_cached(r));
        lock_sync_results_free(r);
        free(body);
    }
}

#define LIKE                                                                                                           \
  "{\"id\":1,\"isConnected\":true,\"revision\":2,\"deviceState\":{\"state\":6,\"doorState\":3,"                        \
  "\"batteryLevel\":50,"                                                                                               \
  "\"isCharging\":false,\"stateChangeResult\":0,\"lastStateChangedDate\":\"2021-04-26T06:02:04Z\"}}"
#define IN(values) "{\"id\":1,\"isConnected\":true,\"deviceState\":{" values "}}"
#define RECORDS(text) "{\"result\":[" text "]}"

/* Equal records of one lock count once. Their values are compared, not their texts. */
TEST_WITH_CTX(two_records_of_one_lock_must_be_equal)
{
    static const struct {
        const char *name;
        const char *records;
        const char *says; /* NULL: they are equal */
    } table[] = {
        {"equal", LIKE "," LIKE, NULL},
        {"equal, under the old name",
         LIKE ",{\"revision\":2,\"id\":1,\"x\":[],\"isConnected\":1,\"lockProperties\":{\"state\":6,"
              "\"doorState\":3,\"batteryLevel\":50,\"isCharging\":0,\"stateChangeResult\":0,"
              "\"lastStateChangedDate\":\"2021-04-26T06:02:04+00:00\"}}",
         NULL},
        {"equal, because both are out of reach",
         "{\"id\":1,\"deviceState\":{\"state\":2}},{\"id\":1,\"deviceState\":{\"state\":6}}", NULL},
        {"another connection", "{\"id\":1,\"isConnected\":true},{\"id\":1,\"isConnected\":false}", "record 2 of 2"},
        {"connection known once", "{\"id\":1},{\"id\":1,\"isConnected\":false}", "record 2 of 2"},
        {"another revision", "{\"id\":1,\"revision\":1},{\"id\":2},{\"id\":1,\"revision\":2}", "record 3 of 3"},
        {"a revision of 0 and none", "{\"id\":2},{\"id\":1,\"revision\":0},{\"id\":1},{\"id\":3}", "record 3 of 4"},
        {"another state", IN("\"state\":6") "," IN("\"state\":2"), "record 2 of 2"},
        {"another door", IN("\"doorState\":2") "," IN("\"doorState\":3"), "record 2 of 2"},
        {"another battery", IN("\"batteryLevel\":2") "," IN("\"batteryLevel\":3"), "record 2 of 2"},
        {"another charging", IN("\"isCharging\":true") "," IN("\"isCharging\":false"), "record 2 of 2"},
        {"another result", IN("\"stateChangeResult\":0") "," IN("\"stateChangeResult\":1"), "record 2 of 2"},
        {"another date",
         IN("\"lastStateChangedDate\":\"2021-04-26T06:02:04Z\"") "," IN(
             "\"lastStateChangedDate\":\"2021-04-26T06:02:05Z\""),
         "record 2 of 2"},
        {"the first of two contradictions", "{\"id\":2},{\"id\":1},{\"id\":1,\"revision\":1},{\"id\":2,\"revision\":1}",
         "record 3 of 4"},
        {"the third of one lock", "{\"id\":1},{\"id\":1},{\"id\":2},{\"id\":1,\"revision\":1}", "record 4 of 4"},
    };
    static const int64_t asked[] = {3, 2, 1};

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        for (size_t n = 0; n <= 3; n += 3) {
            char body[1000];
            lock_sync_results *r;

            t_row("%s, %s", table[i].name, n == 0 ? "all" : "by id");
            (void)snprintf(body, sizeof body, RECORDS("%s"), table[i].records);
            CHECK_INT(t_decode(ctx, &(t_response){.ids = asked, .n = n, .body = body}, &r),
                      table[i].says == NULL ? LOCK_SYNC_OK : LOCK_SYNC_E_MALFORMED);
            CHECK_INT(lock_sync_results_count(r), table[i].says == NULL);
            CHECK_HOLDS(t_error_message(ctx), table[i].says == NULL ? "" : table[i].says);
            CHECK_INT(t_error_offset(ctx), -1);
            lock_sync_results_free(r);
        }
    }
}

#define MANY 100000

/* Returns an uneven number for each n, shuffled and without repetition: 77777 has no common factor with MANY. */
static int64_t shuffled(size_t n)
{
    return 2 * (int64_t)((uint64_t)n * 77777 % MANY) + 1;
}

TEST_WITH_CTX(a_hundred_thousand_locks_are_found_in_any_order)
{
    int64_t *ids = malloc(MANY * sizeof *ids);
    char *body;
    size_t wrong = 0;
    lock_sync_results *r;

    MUST(ids != NULL);
    for (size_t i = 0; i < MANY; i++)
        ids[i] = shuffled(i);
    body = write_body(ids, MANY);
    CHECK_OK(t_decode(ctx, &(t_response){.body = body}, &r));
    CHECK_INT(lock_sync_results_count(r), MANY);
    for (size_t i = 0; i < MANY; i++) {
        const lock_sync_lock *lock = lock_sync_results_at(r, i);

        wrong += lock == NULL || lock->id != ids[i] || lock_sync_results_find(r, ids[i]) != lock ||
                 lock_sync_results_find(r, ids[i] + 1) != NULL;
    }
    CHECK_INT(wrong, 0);
    lock_sync_results_free(r);

    t_row("asked for by id, in another order, every second one twice");
    for (size_t i = 0; i < MANY; i++)
        ids[i] = i % 2 == 0 ? 2 * (int64_t)i + 1 : 2 * (int64_t)(i - 1) + 1; /* 1 1 5 5 9 9 ... */
    ids[0] = 2;                                                              /* not there */
    CHECK_OK(t_decode(ctx, &(t_response){.ids = ids, .n = MANY, .body = body}, &r));
    CHECK_INT(lock_sync_results_count(r), MANY / 2);
    CHECK_INT(lock_sync_results_missing_count(r), 1);
    CHECK_INT(lock_sync_results_missing_at(r, 0), 2);
    CHECK(lock_sync_results_find(r, 1) != NULL && lock_sync_results_find(r, 3) == NULL);
    lock_sync_results_free(r);
    free(body);
    free(ids);
}

TEST_WITH_CTX(the_response_for_one_lock_is_one_object_with_its_id)
{
    static const struct {
        const char *name;
        const char *body;
        lock_sync_status want;
    } table[] = {
        {"good", "{\"result\":{\"id\":7,\"isConnected\":true,\"deviceState\":{\"state\":6}},\"success\":true}",
         LOCK_SYNC_OK},
        {"disconnected", "{\"result\":{\"id\":7,\"isConnected\":false,\"deviceState\":null}}", LOCK_SYNC_OK},
        {"another id", "{\"result\":{\"id\":8}}", LOCK_SYNC_E_MALFORMED},
        {"another id, with space", "{ \"x\":{\"id\":7}, \"result\" : {\"id\":8} }", LOCK_SYNC_E_MALFORMED},
        {"no id", "{\"result\":{\"isConnected\":true}}", LOCK_SYNC_E_MALFORMED},
        {"id as text", "{\"result\":{\"id\":\"7\"}}", LOCK_SYNC_E_MALFORMED},
        {"empty object", "{\"result\":{}}", LOCK_SYNC_E_MALFORMED},
        {"array of that lock", "{\"result\":[{\"id\":7}]}", LOCK_SYNC_E_MALFORMED},
        {"empty array", "{\"result\":[]}", LOCK_SYNC_E_MALFORMED},
        {"null", "{\"result\":null}", LOCK_SYNC_E_MALFORMED},
        {"text", "{\"result\":\"7\"}", LOCK_SYNC_E_MALFORMED},
        {"number", "{\"result\":7}", LOCK_SYNC_E_MALFORMED},
        {"absent", "{\"success\":true}", LOCK_SYNC_E_MALFORMED},
        {"record without envelope", "{\"id\":7,\"isConnected\":true}", LOCK_SYNC_E_MALFORMED},
        {"success false", "{\"success\":false,\"statusCode\":404}", LOCK_SYNC_E_NOT_FOUND},
    };
    lock_sync_results *r;

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        t_row("%s", table[i].name);
        CHECK_INT(t_decode(ctx, &(t_response){.single = 7, .body = table[i].body}, &r), table[i].want);
        CHECK_INT(t_error_offset(ctx), -1);
        CHECK_INT(lock_sync_results_count(r), table[i].want == LOCK_SYNC_OK);
        CHECK_INT(lock_sync_results_missing_count(r), 0);
        if (r != NULL)
            CHECK_INT(lock_sync_lock_id(lock_sync_results_find(r, 7)), 7);
        lock_sync_results_free(r);
    }
    t_row("404");
    CHECK_INT(t_decode_status(ctx, &(t_response){.single = 7, .http = 404}), LOCK_SYNC_E_NOT_FOUND);
    t_row("an object where several locks were asked for");
    CHECK_INT(t_decode_status(ctx, &(t_response){.body = "{\"result\":{\"id\":7}}"}), LOCK_SYNC_E_MALFORMED);
}

TEST(more_than_can_be_addressed_is_out_of_memory)
{
    static const lsync_scope all = {NULL, NULL, 0};
    static const lsync_scope too_many = {NULL, NULL, SIZE_MAX / 8};
    lock_sync_allocator memory;
    lock_sync_results *r;

    MUST(lsync_allocator_init(&memory, NULL));
    CHECK(lsync_results_new(&memory, &all, SIZE_MAX / 8, 1) == NULL);
    CHECK(lsync_results_new(&memory, &too_many, 1, 1) == NULL);
    r = lsync_results_new(&memory, &all, 1, 1);
    MUST(r != NULL);
    r->capacity = SIZE_MAX / sizeof(lock_sync_lock) / 2; /* as if it had grown so far */
    CHECK(lsync_results_grow(r) == NULL);
    lock_sync_results_free(r);
}

TEST(getters_of_results_accept_null)
{
    CHECK_INT(lock_sync_results_count(NULL), 0);
    CHECK(lock_sync_results_at(NULL, 0) == NULL);
    CHECK(lock_sync_results_find(NULL, 1) == NULL);
    CHECK_INT(lock_sync_results_missing_count(NULL), 0);
    CHECK_INT(lock_sync_results_missing_at(NULL, 0), 0);
    CHECK_INT(lock_sync_results_fetched_at_ms(NULL), 0);
    CHECK(!lock_sync_results_is_cached(NULL));
    lock_sync_results_free(NULL);
}
