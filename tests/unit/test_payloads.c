/* Whole bodies from files: those of tests/data, and real and published ones in the folder of LOCKSYNC_PAYLOADS. Each
   decodes to the values written here, or fails at or soon after the byte that another parser reported. */
#include "../support/decoding.h"
#include "../support/kit.h"

#include <stdlib.h>

#ifndef T_SOURCE_ROOT
#  error "T_SOURCE_ROOT is the path of the source tree"
#endif

#define NO_DATE INT64_MIN
#define DATE_2021 INT64_C(1619416924197) /* 2021-04-26T06:02:04.197Z */

/* A record. A value that was not sent is -1, a date NO_DATE. */
typedef struct record {
    int64_t id;
    int connected, state, door, charging, battery, result;
    int64_t revision;
    int64_t date;
} record;

typedef struct file_row {
    const char *name;
    lock_sync_status want;
    int64_t offset;    /* of the first wrong byte; -1: it is sound JSON */
    record records[2]; /* those with an id */
    int64_t single;    /* > 0: a request to the endpoint for one lock */
} file_row;

#define STATELESS(id, revision)                                                                                        \
  {                                                                                                                    \
    id, 0, -1, -1, -1, -1, -1, revision, NO_DATE                                                                       \
  }

static const file_row own_files[] = {
    {"sync-v37-two-locks.json",
     LOCK_SYNC_OK,
     -1,
     {{4101, 1, 6, 3, 0, 81, 0, 12, INT64_C(1740787199250)}, {4102, 1, 2, 2, 1, 7, 1, 3, INT64_C(1709164800500)}},
     0},
    {"sync-v37-disconnected.json", LOCK_SYNC_OK, -1, {STATELESS(4101, 12)}, 0},
    {"sync-v1.25-live-shape.json", LOCK_SYNC_OK, -1, {{4101, 1, 18, -1, 0, -1, -1, -1, INT64_C(1679797800070)}}, 0},
    {"sync-v1.16-first-shape.json", LOCK_SYNC_OK, -1, {{4101, 1, 3, -1, 1, 100, -1, -1, NO_DATE}}, 0},
    {"sync-single-v37.json", LOCK_SYNC_OK, -1, {{4101, 1, 255, 1, 0, 0, 0, 12, INT64_C(1735689600123)}}, 4101},
    {"sync-broken-missing-comma.json", LOCK_SYNC_E_MALFORMED, 56, {{0}}, 0},
    {"sync-refused-not-modified.json", LOCK_SYNC_E_API, -1, {{0}}, 0},
};

static const file_row other_files[] = {
    {"aiotedee-fixture-cloud-sync.json", LOCK_SYNC_OK, -1, {{12345, 1, 2, 3, 0, 60, 0, -1, NO_DATE}}, 0},
    {"andrzejchm-v1.25-sync.json", LOCK_SYNC_OK, -1, {{12248, 1, 6, -1, 0, 45, -1, -1, INT64_C(1655999791440)}}, 0},
    {"docs-v1.15-sync-connected.json", LOCK_SYNC_E_MALFORMED, 25, {{0}}, 0},
    {"docs-v1.16-sync-connected.json", LOCK_SYNC_OK, -1, {{1, 1, 3, -1, 0, 54, -1, -1, NO_DATE}}, 0},
    {"docs-v1.16-sync-disconnected.json", LOCK_SYNC_OK, -1, {STATELESS(1, -1)}, 0},
    {"docs-v1.17-sync-connected.json", LOCK_SYNC_OK, -1, {{1, 1, 3, -1, 0, 54, 0, -1, DATE_2021}}, 0},
    {"docs-v1.17-sync-disconnected.json", LOCK_SYNC_OK, -1, {STATELESS(1, -1)}, 0},
    {"docs-v1.17-sync-single-connected.json", LOCK_SYNC_E_MALFORMED, 300, {{0}}, 1},
    {"docs-v1.17-sync-single-disconnected.json", LOCK_SYNC_E_MALFORMED, 106, {{0}}, 1},
    {"docs-v1.33-sync-connected.json", LOCK_SYNC_OK, -1, {{123, 1, 3, -1, 0, 54, 0, 1, DATE_2021}}, 0},
    {"docs-v1.33-sync-disconnected.json", LOCK_SYNC_OK, -1, {STATELESS(123, 1)}, 0},
    {"docs-v1.33-sync-doorstate-connected.json", LOCK_SYNC_OK, -1, {{123, 1, 6, 3, 0, 54, 0, 1, DATE_2021}}, 0},
    {"docs-v1.33-sync-doorstate-disconnected.json", LOCK_SYNC_OK, -1, {STATELESS(123, 1)}, 0},
    {"docs-v37-sync-connected.json", LOCK_SYNC_OK, -1, {{123, 1, 6, 3, 0, 54, 0, 1, DATE_2021}}, 0},
    {"docs-v37-sync-disconnected.json", LOCK_SYNC_OK, -1, {STATELESS(123, 1)}, 0},
    {"docs-v37-sync-single-connected.json", LOCK_SYNC_E_MALFORMED, 350, {{0}}, 123},
    {"docs-v37-sync-single-disconnected.json", LOCK_SYNC_E_MALFORMED, 128, {{0}}, 123},
    {"docs-v37-sync-two-locks.json",
     LOCK_SYNC_OK,
     -1,
     {{1, 1, 6, 3, 0, 54, 0, 1, DATE_2021}, {2, 1, 2, 2, 1, 80, 0, 1, DATE_2021}},
     0},
    /* bodies of other endpoints */
    {"docs-error-304-list-up-to-date.json", LOCK_SYNC_E_API, -1, {{0}}, 0},
    {"andrzejchm-bad-envelope.json", LOCK_SYNC_E_MALFORMED, -1, {{0}}, 0},
    {"aiotedee-fixture-local-lock.json", LOCK_SYNC_E_MALFORMED, -1, {{0}}, 0},
};

static int64_t value_of(const lock_sync_lock *lock, uint32_t bit, int64_t value)
{
    return (lock->fields & bit) != 0 ? value : -1;
}

static void check_record(const lock_sync_lock *lock, const record *want)
{
    bool has_date = want->date != NO_DATE;

    CHECK_INT(lock->id, want->id);
    CHECK_INT(value_of(lock, LOCK_SYNC_FIELD_CONNECTED, lock->is_connected), want->connected);
    CHECK_INT(value_of(lock, LOCK_SYNC_FIELD_REVISION, lock->revision), want->revision);
    CHECK_INT(value_of(lock, LOCK_SYNC_FIELD_STATE, lock->state), want->state);
    CHECK_INT(value_of(lock, LOCK_SYNC_FIELD_DOOR_STATE, lock->door_state), want->door);
    CHECK_INT(value_of(lock, LOCK_SYNC_FIELD_CHARGING, lock->is_charging), want->charging);
    CHECK_INT(value_of(lock, LOCK_SYNC_FIELD_BATTERY_LEVEL, lock->battery_level), want->battery);
    CHECK_INT(value_of(lock, LOCK_SYNC_FIELD_STATE_CHANGE_RESULT, lock->state_change_result), want->result);
    CHECK_INT((lock->fields & LOCK_SYNC_FIELD_LAST_STATE_CHANGED) != 0, has_date);
    CHECK_INT(lock->last_state_changed_ms, has_date ? want->date : 0);
    CHECK_INT((lock->fields & LOCK_SYNC_FIELD_DEVICE_STATE) != 0, want->state >= 0);
}

static void check_file(lock_sync_ctx *ctx, const char *folder, const file_row *row)
{
    char *path = kit_text("%s/%s", folder, row->name);
    char *body = kit_read_file(path);
    size_t count = row->records[0].id == 0 ? 0 : row->records[1].id == 0 ? 1 : 2;
    lock_sync_results *r;

    t_row("%s", row->name);
    CHECK_INT(t_decode(ctx, &(t_response){.single = row->single, .body = body}, &r), row->want);
    if (row->offset == -1)
        CHECK_INT(t_error_offset(ctx), -1);
    else /* the parser stops after the wrong token */
        CHECK(t_error_offset(ctx) >= row->offset && t_error_offset(ctx) < row->offset + 40);
    if (CHECK_INT(lock_sync_results_count(r), count))
        for (size_t i = 0; i < count; i++)
            check_record(lock_sync_results_at(r, i), &row->records[i]);
    lock_sync_results_free(r);
    free(body);
    free(path);
}

TEST_WITH_CTX(bodies_in_the_source_tree_are_decoded)
{
    for (size_t i = 0; i < COUNT_OF(own_files); i++)
        check_file(ctx, T_SOURCE_ROOT "/tests/data", &own_files[i]);
}

TEST(bodies_of_the_service_are_decoded)
{
    const char *folder = getenv("LOCKSYNC_PAYLOADS");
    lock_sync_ctx *ctx;

    t_need(folder != NULL && *folder != '\0', "LOCKSYNC_PAYLOADS is not set to a folder");
    ctx = t_ctx();
    for (size_t i = 0; i < COUNT_OF(other_files); i++)
        check_file(ctx, folder, &other_files[i]);
    lock_sync_ctx_free(ctx);
}
