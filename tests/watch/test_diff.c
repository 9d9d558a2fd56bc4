/* lock_sync_diff: the change for each difference of two results, which locks are compared, and that changes are
   copies. */
#include "../support/fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ADDED = LOCK_SYNC_CHANGE_ADDED,
    REMOVED = LOCK_SYNC_CHANGE_REMOVED,
    CONNECTED = LOCK_SYNC_CHANGE_CONNECTED,
    DISCONNECTED = LOCK_SYNC_CHANGE_DISCONNECTED,
    STATE = LOCK_SYNC_CHANGE_STATE,
    DOOR = LOCK_SYNC_CHANGE_DOOR,
    BATTERY = LOCK_SYNC_CHANGE_BATTERY,
    CHARGING = LOCK_SYNC_CHANGE_CHARGING,
    RESULT = LOCK_SYNC_CHANGE_RESULT,
    CONFIG = LOCK_SYNC_CHANGE_CONFIG
};

#define SCOPE_MAX 5

/* Results: the records, and the request (n 0: all; single > 0: this lock, by fetch_one). */
typedef struct fetched {
    const char *records;
    size_t n;
    int64_t ids[SCOPE_MAX];
    int64_t single;
} fetched;

static lock_sync_results *decode(lock_sync_ctx *ctx, const fetched *s)
{
    char body[1024];
    lock_sync_results *r;

    (void)snprintf(body, sizeof body, s->single > 0 ? "{\"result\":%s}" : "{\"result\":[%s]}", s->records);
    CHECK_OK(t_decode(ctx, &(t_response){.ids = s->ids, .n = s->n, .single = s->single, .body = body}, &r));
    return r;
}

/* Returns a text like "1:16 3:2 ": id and kinds of each change. */
static const char *changes_text(const lock_sync_changes *c)
{
    static char text[512];
    size_t size = 0;

    text[0] = '\0';
    for (size_t i = 0; i < lock_sync_changes_count(c); i++) {
        const lock_sync_change *change = lock_sync_changes_at(c, i);
        const lock_sync_lock *lock = change->after != NULL ? change->after : change->before;

        CHECK((change->before == NULL) == ((change->kinds & ADDED) != 0));
        CHECK((change->after == NULL) == ((change->kinds & REMOVED) != 0));
        CHECK(change->before == NULL || change->after == NULL || change->before->id == change->after->id);
        size += (size_t)snprintf(text + size, sizeof text - size, "%d:%u ", (int)lock->id, change->kinds);
    }
    return text;
}

static void check_diff(const fetched *before, const fetched *after, const char *want)
{
    lock_sync_ctx *ctx = t_ctx();
    lock_sync_results *b = decode(ctx, before);
    lock_sync_results *a = decode(ctx, after);
    lock_sync_changes *c = NULL;

    CHECK_OK(lock_sync_diff(b, a, &c));
    CHECK(c != NULL);
    CHECK_TEXT(changes_text(c), want);
    lock_sync_changes_free(c);
    lock_sync_results_free(b);
    lock_sync_results_free(a);
    lock_sync_ctx_free(ctx);
}

/* --- one lock --- */

#define AWAY "{\"id\":1,\"isConnected\":false,\"deviceState\":null}"
#define IN(state) "{\"id\":1,\"isConnected\":true,\"revision\":7,\"deviceState\":" state "}"
#define FULL                                                                                                           \
  IN("{\"state\":6,\"doorState\":3,\"isCharging\":false,\"batteryLevel\":50,\"stateChangeResult\":0,"                  \
     "\"lastStateChangedDate\":\"2024-01-02T03:04:05Z\"}")
#define GONE(state)                                                                                                    \
  "{\"id\":1,\"isConnected\":false,\"revision\":7,\"deviceState\":{\"state\":" state ",\"doorState\":3}}"
#define ALL_VALUES (STATE | DOOR | CHARGING | BATTERY | RESULT)

TEST(each_difference_of_a_lock_is_its_kind_of_change)
{
    static const struct {
        const char *name, *before, *after;
        uint32_t kinds;
    } table[] = {
        {"nothing", FULL, FULL, 0},
        {"state", IN("{\"state\":6}"), IN("{\"state\":2}"), STATE},
        {"state 0", IN("{\"state\":6}"), IN("{\"state\":0}"), STATE},
        {"a state without a name", IN("{\"state\":6}"), IN("{\"state\":77}"), STATE},
        {"door", IN("{\"doorState\":3}"), IN("{\"doorState\":2}"), DOOR},
        {"battery", IN("{\"batteryLevel\":50}"), IN("{\"batteryLevel\":49}"), BATTERY},
        {"charging", IN("{\"isCharging\":false}"), IN("{\"isCharging\":true}"), CHARGING},
        {"charging over", IN("{\"isCharging\":true}"), IN("{\"isCharging\":false}"), CHARGING},
        {"result", IN("{\"stateChangeResult\":0}"), IN("{\"stateChangeResult\":1}"), RESULT},
        {"revision", "{\"id\":1,\"revision\":7}", "{\"id\":1,\"revision\":8}", CONFIG},
        {"an older revision", "{\"id\":1,\"revision\":7}", "{\"id\":1,\"revision\":6}", CONFIG},
        {"connected", "{\"id\":1,\"isConnected\":false}", "{\"id\":1,\"isConnected\":true}", CONNECTED},
        {"disconnected", "{\"id\":1,\"isConnected\":true}", "{\"id\":1,\"isConnected\":false}", DISCONNECTED},
        {"only the date", IN("{\"state\":6,\"lastStateChangedDate\":\"2024-01-02T03:04:05Z\"}"),
         IN("{\"state\":6,\"lastStateChangedDate\":\"2025-01-02T03:04:05Z\"}"), 0},
        {"several", IN("{\"state\":6,\"doorState\":3,\"batteryLevel\":50}"),
         IN("{\"state\":2,\"doorState\":2,\"batteryLevel\":50}"), STATE | DOOR},
        /* a value that was absent and is sent now, even 0 */
        {"state appears", IN("{}"), IN("{\"state\":0}"), STATE},
        {"door appears", IN("{}"), IN("{\"doorState\":0}"), DOOR},
        {"battery appears", IN("{}"), IN("{\"batteryLevel\":0}"), BATTERY},
        {"charging appears", IN("{}"), IN("{\"isCharging\":false}"), CHARGING},
        {"result appears", IN("{}"), IN("{\"stateChangeResult\":0}"), RESULT},
        {"revision appears", "{\"id\":1}", "{\"id\":1,\"revision\":0}", CONFIG},
        {"connection appears, true", "{\"id\":1}", "{\"id\":1,\"isConnected\":true}", CONNECTED},
        {"connection appears, false", "{\"id\":1}", "{\"id\":1,\"isConnected\":false}", DISCONNECTED},
        {"the date appears", IN("{}"), IN("{\"lastStateChangedDate\":\"2024-01-02T03:04:05Z\"}"), 0},
        /* a value that is no longer sent: it is unknown now */
        {"state disappears", IN("{\"state\":6}"), IN("{}"), STATE},
        {"door disappears", IN("{\"doorState\":3}"), IN("{}"), DOOR},
        {"battery becomes unknown", IN("{\"batteryLevel\":50}"), IN("{\"batteryLevel\":255}"), BATTERY},
        {"charging disappears", IN("{\"isCharging\":true}"), IN("{\"isCharging\":null}"), CHARGING},
        {"result disappears", IN("{\"stateChangeResult\":1}"), IN("{\"stateChangeResult\":null}"), RESULT},
        {"revision disappears", "{\"id\":1,\"revision\":7}", "{\"id\":1}", CONFIG},
        {"connection disappears, true", "{\"id\":1,\"isConnected\":true}", "{\"id\":1}", DISCONNECTED},
        {"connection disappears, false", "{\"id\":1,\"isConnected\":false}", "{\"id\":1}", DISCONNECTED},
        {"connection cannot be used", "{\"id\":1,\"isConnected\":true}", "{\"id\":1,\"isConnected\":2}", DISCONNECTED},
        {"zero, and unknown", IN("{\"state\":0}"), IN("{}"), STATE},
        {"all disappears, the state object too", FULL, IN("null"), ALL_VALUES},
        {"the date disappears", IN("{\"lastStateChangedDate\":\"2024-01-02T03:04:05Z\"}"), IN("{}"), 0},
        {"an empty state object", IN("{}"), IN("null"), 0},
        /* out of reach, and back */
        {"gets out of reach", FULL, AWAY, DISCONNECTED | CONFIG | ALL_VALUES},
        {"is back in reach", AWAY, FULL, CONNECTED | CONFIG | ALL_VALUES},
        {"stays out of reach", AWAY, AWAY, 0},
        {"gets out of reach with its state", FULL, GONE("6"), DISCONNECTED | ALL_VALUES},
        {"changes while out of reach", GONE("6"), GONE("2"), 0},
        {"is back in reach and unlocked", GONE("6"), IN("{\"state\":2}"), CONNECTED | STATE},
        {"connection disappears, with a state sent", IN("{\"state\":6}"),
         "{\"id\":1,\"revision\":7,\"deviceState\":{\"state\":6}}", DISCONNECTED | STATE},
        {"the old name of the state object", "{\"id\":1,\"isConnected\":true,\"lockProperties\":{\"state\":6}}",
         IN("{\"state\":6}"), CONFIG},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        char want[32] = "";

        t_row("%s", table[i].name);
        if (table[i].kinds != 0)
            (void)snprintf(want, sizeof want, "1:%u ", table[i].kinds);
        check_diff(&(fetched){.records = table[i].before}, &(fetched){.records = table[i].after}, want);
    }
}

TEST(a_change_has_both_records)
{
    static const fetched before = {
        .records = "{\"id\":1,\"isConnected\":true,\"revision\":3,\"deviceState\":{\"state\":6}},{\"id\":2}"};
    static const fetched after = {
        .records = "{\"id\":3},{\"id\":1,\"isConnected\":true,\"revision\":4,\"deviceState\":null}"};
    lock_sync_ctx *ctx = t_ctx();
    lock_sync_results *b = decode(ctx, &before);
    lock_sync_results *a = decode(ctx, &after);
    const lock_sync_change *change;
    lock_sync_changes *c;

    CHECK_OK(lock_sync_diff(b, a, &c));
    CHECK_TEXT(changes_text(c), "1:528 2:2 3:1 ");
    change = lock_sync_changes_at(c, 0);
    CHECK_INT(change->before->revision, 3);
    CHECK_INT(change->before->state, 6);
    CHECK_INT(change->before->fields, LOCK_SYNC_FIELD_CONNECTED | LOCK_SYNC_FIELD_REVISION |
                                          LOCK_SYNC_FIELD_DEVICE_STATE | LOCK_SYNC_FIELD_STATE);
    CHECK_INT(change->after->revision, 4);
    CHECK_INT(change->after->fields, LOCK_SYNC_FIELD_CONNECTED | LOCK_SYNC_FIELD_REVISION);
    CHECK_INT(lock_sync_change_kinds(change), CONFIG | STATE);
    CHECK(lock_sync_change_before(change) == change->before);
    CHECK(lock_sync_change_after(change) == change->after);
    CHECK(lock_sync_changes_at(c, 3) == NULL);
    CHECK(lock_sync_changes_at(c, SIZE_MAX) == NULL);
    lock_sync_changes_free(c);
    lock_sync_results_free(a);
    lock_sync_results_free(b);
    lock_sync_ctx_free(ctx);
}

/* --- several --- */

#define L1 "{\"id\":1}"
#define L2 "{\"id\":2}"
#define L3 "{\"id\":3}"
#define L4 "{\"id\":4}"

TEST(only_locks_of_both_requests_are_compared)
{
    static const struct {
        const char *name;
        fetched before, after;
        const char *want;
    } table[] = {
        {"none, none", {.records = ""}, {.records = ""}, ""},
        {"none, some", {.records = ""}, {.records = L2 "," L1}, "1:1 2:1 "},
        {"some, none", {.records = L2 "," L1}, {.records = ""}, "1:2 2:2 "},
        {"in another order", {.records = L1 "," L2 "," L3}, {.records = L3 "," L1 "," L2}, ""},
        {"another order, and one new", {.records = L3 "," L1}, {.records = L3 "," L2 "," L1}, "2:1 "},
        {"both ends", {.records = L1 "," L2 "," L3}, {.records = L2 "," L3 "," L4}, "1:2 4:1 "},
        {"two equal records count once",
         {.records = "{\"id\":1,\"revision\":1}," L2},
         {.records = L2 ",{\"id\":1,\"revision\":1},{\"id\":1,\"revision\":1}"},
         ""},
        {"all, then some", {.records = L1 "," L2 "," L3}, {.records = L2, .n = 1, .ids = {2}}, ""},
        {"all, then some, one of them removed",
         {.records = L1 "," L2 "," L3},
         {.records = L2, .n = 2, .ids = {3, 2}},
         "3:2 "},
        {"all, then some, one of them new", {.records = L1}, {.records = L2 "," L1, .n = 2, .ids = {2, 1}}, "2:1 "},
        {"some, then all", {.records = L2, .n = 1, .ids = {2}}, {.records = L1 "," L2 "," L3}, ""},
        {"some, then all, one of them new",
         {.records = L2, .n = 2, .ids = {4, 2}},
         {.records = L1 "," L2 "," L4},
         "4:1 "},
        {"some, then all, one of them removed",
         {.records = L2 "," L3, .n = 2, .ids = {3, 2}},
         {.records = L1 "," L2},
         "3:2 "},
        {"others", {.records = L1, .n = 1, .ids = {1}}, {.records = L2, .n = 1, .ids = {2}}, ""},
        {"some in common",
         {.records = L1 "," L2 "," L3, .n = 4, .ids = {3, 2, 1, 4}},
         {.records = L4 "," L3, .n = 3, .ids = {4, 2, 3}},
         "2:2 4:1 "},
        {"added and removed with their known values",
         {.records = FULL},
         {.records = "{\"id\":2,\"isConnected\":false,"
                     "\"revision\":1},{\"id\":3,\"isConnected\":true,\"deviceState\":{\"state\":0}}"},
         "1:1018 2:521 3:21 "},
        {"an id twice in the request",
         {.records = L1, .n = 3, .ids = {1, 2, 1}},
         {.records = L2, .n = 2, .ids = {2, 1}},
         "1:2 2:1 "},
        {"more locks than requested",
         {.records = L1, .n = 1, .ids = {1}},
         {.records = L2 "," L1 "," L3, .n = 1, .ids = {1}},
         ""},
        {"one lock, then all", {.records = L2, .single = 2}, {.records = L1 "," L3}, "2:2 "},
        {"all, then one lock", {.records = L1 "," L2}, {.records = "{\"id\":2,\"revision\":1}", .single = 2}, "2:512 "},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        t_row("%s", table[i].name);
        check_diff(&table[i].before, &table[i].after, table[i].want);
    }
}

TEST(null_arguments_are_rejected_or_empty)
{
    lock_sync_ctx *ctx = t_ctx();
    lock_sync_results *r = decode(ctx, &(fetched){.records = L1});
    lock_sync_changes *c = (lock_sync_changes *)(void *)ctx;

    CHECK_INT(lock_sync_diff(r, r, NULL), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_diff(NULL, r, &c), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK(c == NULL);
    c = (lock_sync_changes *)(void *)ctx;
    CHECK_INT(lock_sync_diff(r, NULL, &c), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK(c == NULL);
    CHECK_OK(lock_sync_diff(r, r, &c));
    CHECK_INT(lock_sync_changes_count(c), 0);
    CHECK(lock_sync_changes_at(c, 0) == NULL);
    lock_sync_changes_free(c);
    lock_sync_changes_free(NULL);
    CHECK_INT(lock_sync_changes_count(NULL), 0);
    CHECK(lock_sync_changes_at(NULL, 0) == NULL);
    CHECK_INT(lock_sync_change_kinds(NULL), 0);
    CHECK(lock_sync_change_before(NULL) == NULL && lock_sync_change_after(NULL) == NULL);
    lock_sync_results_free(r);
    lock_sync_ctx_free(ctx);
}

/* --- memory --- */

TEST(changes_are_one_block_that_outlives_its_results_and_context)
{
    t_heap heap = {0};
    lock_sync_allocator memory = t_heap_allocator(&heap);
    lock_sync_results *b, *a;
    lock_sync_changes *c = (lock_sync_changes *)(void *)&heap;
    lock_sync_status status;
    lock_sync_ctx *ctx;
    size_t blocks, n = 0;

    MUST_OK(lock_sync_ctx_new_with_allocator(&memory, &ctx));
    CHECK_OK(lock_sync_set_personal_key(ctx, "k"));
    b = decode(ctx, &(fetched){.records = "{\"id\":1,\"revision\":1}," L2});
    a = decode(ctx, &(fetched){.records = "{\"id\":1,\"revision\":2}," L3});
    blocks = heap.blocks;
    do {
        t_heap_fail_in(&heap, n++);
        status = lock_sync_diff(b, a, &c);
        CHECK((c != NULL) == (status == LOCK_SYNC_OK));
        CHECK_INT(heap.blocks, blocks + (c != NULL));
    } while (status == LOCK_SYNC_E_NO_MEMORY);
    heap.fail_at = 0;
    CHECK_INT(status, LOCK_SYNC_OK);
    CHECK(n > 1);
    lock_sync_results_free(b);
    lock_sync_results_free(a);
    lock_sync_ctx_free(ctx);
    CHECK_INT(heap.blocks, 1);
    CHECK_TEXT(changes_text(c), "1:512 2:2 3:1 ");
    CHECK_INT(lock_sync_changes_at(c, 0)->before->revision, 1);
    CHECK_INT(lock_sync_changes_at(c, 0)->after->revision, 2);
    lock_sync_changes_free(c);
    t_heap_check_empty(&heap);
}
