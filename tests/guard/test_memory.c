/* The guard in memory, and the settings, references and arguments of all guards. */
#include "contexts.h"

#define BAD(call) CHECK_INT(call, LOCK_SYNC_E_INVALID_ARGUMENT)

static lock_sync_status good_or_bad(bool good)
{
    return good ? LOCK_SYNC_OK : LOCK_SYNC_E_INVALID_ARGUMENT;
}

TEST(a_new_guard_allows_one_and_then_waits)
{
    lock_sync_guard *g;
    int64_t slot = -1;
    int64_t none = -1;
    int64_t wait_ms = -1;

    MUST_OK(lock_sync_guard_new(&g));
    release_guard_later(g);
    CHECK_OK(lock_sync_guard_reserve(g, 1000, &wait_ms, &slot));
    CHECK(slot > 0);
    CHECK_INT(wait_ms, 0);
    CHECK_INT(lock_sync_guard_reserve(g, 1000, &wait_ms, &none), LOCK_SYNC_E_TOO_SOON);
    CHECK_INT(none, 0);
    CHECK_BETWEEN(wait_ms, 20001, 21000); /* the rest of the lease, and the 20 s */
    CHECK_OK(lock_sync_guard_settle(g, slot, LOCK_SYNC_SLOT_SENT, -1));
    CHECK_INT(lock_sync_guard_reserve(g, 1000, &wait_ms, NULL), LOCK_SYNC_E_TOO_SOON);
    CHECK_BETWEEN(wait_ms, 19001, 20000);
    CHECK_INT(lock_sync_guard_reserve(g, 1000, NULL, NULL), LOCK_SYNC_E_TOO_SOON);
}

TEST(each_kind_has_its_own_interval)
{
    static const int64_t interval_ms[] = {20000, 60000, 0};
    lock_sync_guard *g = test_guard(20000);
    int64_t wait_ms;

    for (lock_sync_request_kind kind = LOCK_SYNC_REQUEST_SYNC; kind <= LOCK_SYNC_REQUEST_OTHER; kind++) {
        t_row("kind %d", (int)kind);
        CHECK_OK(lock_sync_guard_reserve_for(g, kind, 0, &wait_ms, NULL));
        CHECK_INT(lock_sync_guard_reserve_for(g, kind, 0, &wait_ms, NULL),
                  interval_ms[kind] > 0 ? LOCK_SYNC_E_TOO_SOON : LOCK_SYNC_OK);
        CHECK_BETWEEN(wait_ms, interval_ms[kind] - 1000, interval_ms[kind]);
        CHECK_OK(lock_sync_guard_set_kind_interval_ms(g, kind, 3600000));
        CHECK_INT(lock_sync_guard_reserve_for(g, kind, 0, &wait_ms, NULL), LOCK_SYNC_E_TOO_SOON);
        CHECK(wait_ms > 3590000);
    }
}

/* The numbers of slots differ. */
TEST(the_default_budget_is_600)
{
    lock_sync_guard *g = test_guard(1);
    int64_t wait_ms = 0;
    int64_t slot = 0;
    int64_t before = 0;
    int granted = 0;

    while (lock_sync_guard_reserve_for(g, LOCK_SYNC_REQUEST_OTHER, 0, &wait_ms, &slot) == LOCK_SYNC_OK) {
        CHECK(slot > 0 && slot != before);
        before = slot;
        granted++;
    }
    CHECK_INT(granted, 600);
    CHECK_BETWEEN(wait_ms, 3590001, 3900000); /* an hour after the end of the cell, which has five minutes */
    CHECK_OK(lock_sync_guard_set_hourly_budget(g, 701, 100));
    CHECK_OK(lock_sync_guard_reserve(g, 0, NULL, NULL));
}

TEST(kinds_have_bounds)
{
    static const struct {
        lock_sync_request_kind kind;
        int64_t interval_ms;
        int64_t lease_ms;
        bool good_interval;
        bool good_lease;
    } rows[] = {
        {-1, 1, 1, false, false},
        {3, 1, 1, false, false},
        {INT32_MIN, 1, 1, false, false},
        {INT32_MAX, 1, 1, false, false},
        {LOCK_SYNC_REQUEST_SYNC, INT64_MIN, INT64_MAX, false, false},
        {LOCK_SYNC_REQUEST_SYNC, 0, -1, false, false},
        {LOCK_SYNC_REQUEST_SYNC, 3600000, 86400000, true, true},
        {LOCK_SYNC_REQUEST_DIRECTORY, 0, 86400001, false, false},
        {LOCK_SYNC_REQUEST_DIRECTORY, 3600001, 86400000, false, true},
        {LOCK_SYNC_REQUEST_DIRECTORY, 1, 0, true, true},
        {LOCK_SYNC_REQUEST_OTHER, -1, 300001, false, false},
        {LOCK_SYNC_REQUEST_OTHER, 0, 300000, true, true},
        {LOCK_SYNC_REQUEST_OTHER, INT64_MAX, 0, false, true},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        lock_sync_guard *g = test_guard(1);
        int64_t slot = 7;

        t_row("kind %d, %lld ms", (int)rows[i].kind, (long long)rows[i].lease_ms);
        CHECK_INT(lock_sync_guard_set_kind_interval_ms(g, rows[i].kind, rows[i].interval_ms),
                  good_or_bad(rows[i].good_interval));
        CHECK_INT(lock_sync_guard_reserve_for(g, rows[i].kind, rows[i].lease_ms, NULL, &slot),
                  good_or_bad(rows[i].good_lease));
        CHECK((slot > 0) == rows[i].good_lease);
    }
}

TEST(budgets_have_bounds)
{
    static const struct {
        uint32_t requests;
        uint32_t unused;
        bool good;
    } rows[] = {{0, 0, false},           {1, 0, true},        {1, 1, false},          {1, 2, false},
                {700, 100, true},        {700, 699, true},    {700, 700, false},      {1000000, 0, true},
                {1000000, 999999, true}, {1000001, 0, false}, {UINT32_MAX, 0, false}, {0, UINT32_MAX, false}};
    lock_sync_guard *g = test_guard(1);

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        t_row("budget %u, unused %u", rows[i].requests, rows[i].unused);
        CHECK_INT(lock_sync_guard_set_hourly_budget(g, rows[i].requests, rows[i].unused), good_or_bad(rows[i].good));
    }
}

TEST(bad_arguments_are_rejected)
{
    lock_sync_guard *g = test_guard(3600000);
    lock_sync_allocator half = {.struct_size = sizeof half};
    lock_sync_guard *out = g;
    int64_t wait_ms = 7;
    int64_t slot = 7;
    char text[8] = "x";

    BAD(lock_sync_guard_new(NULL));
    BAD(lock_sync_guard_new_with_allocator(NULL, NULL));
    BAD(lock_sync_guard_new_with_allocator(&half, &out));
    CHECK(out == NULL);
    out = g;
    BAD(lock_sync_guard_open_file(NULL, &out));
    CHECK(out == NULL);
    BAD(lock_sync_guard_open_file("/tmp/x", NULL));
    BAD(lock_sync_guard_set_min_interval_ms(NULL, 1));
    BAD(lock_sync_guard_set_kind_interval_ms(NULL, LOCK_SYNC_REQUEST_SYNC, 1));
    BAD(lock_sync_guard_set_hourly_budget(NULL, 2, 1));
    BAD(lock_sync_guard_reserve_for(NULL, LOCK_SYNC_REQUEST_SYNC, 1, NULL, NULL));
    BAD(lock_sync_guard_reserve(NULL, 1, &wait_ms, &slot));
    CHECK_INT(wait_ms, 0);
    CHECK_INT(slot, 0);
    BAD(lock_sync_guard_reserve(g, -1, &wait_ms, &slot));
    BAD(lock_sync_guard_set_min_interval_ms(g, 0)); /* the interval is unchanged */
    CHECK_OK(lock_sync_guard_reserve(g, 1000, &wait_ms, &slot));
    BAD(lock_sync_guard_settle(NULL, slot, LOCK_SYNC_SLOT_SENT, 0));
    BAD(lock_sync_guard_settle(g, 0, LOCK_SYNC_SLOT_SENT, 0));
    BAD(lock_sync_guard_settle(g, -1, LOCK_SYNC_SLOT_SENT, 0));
    BAD(lock_sync_guard_settle(g, slot, -1, 0));
    BAD(lock_sync_guard_settle(g, slot, 3, 0));
    CHECK_OK(lock_sync_guard_settle(g, slot + 5, LOCK_SYNC_SLOT_SENT, 0)); /* of an ended or another guard's lease */
    CHECK_BETWEEN(wait_of(g), 3600001, 3601000);                           /* the lease is still live */
    CHECK_INT(lock_sync_guard_error_message(NULL, NULL, 0), 0);
    CHECK_INT(lock_sync_guard_error_message(NULL, text, sizeof text), 0);
    CHECK_TEXT(text, "");
    CHECK_INT(lock_sync_guard_error_message(g, NULL, 0), 0);
    CHECK(lock_sync_guard_ref(NULL) == NULL);
    lock_sync_guard_unref(NULL);
}

TEST(any_retry_after_is_accepted)
{
    static const struct {
        int64_t retry_after_ms;
        int64_t wait_ms;
    } rows[] = {{0, 20000},         {1, 20000},           {30000, 30000}, {3600000, 3600000},
                {3600001, 3600000}, {INT64_MAX, 3600000}, {-1, 40000},    {INT64_MIN, 40000}};

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        lock_sync_guard *g = test_guard(20000);
        int64_t slot = 0;

        t_row("Retry-After %lld ms", (long long)rows[i].retry_after_ms);
        CHECK_OK(lock_sync_guard_reserve(g, 1000, NULL, &slot));
        CHECK_OK(lock_sync_guard_settle(g, slot, LOCK_SYNC_SLOT_LIMITED, rows[i].retry_after_ms));
        CHECK_BETWEEN(wait_of(g), rows[i].wait_ms - 999, rows[i].wait_ms);
    }
}

TEST(sixteen_threads_share_one_guard)
{
    check_crowd(test_guard(1), 16, 1, 500);
}
