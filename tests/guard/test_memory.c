/* The guard in memory, and what all guards have in common: settings, references, arguments. */
#include "../support/fake.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

static int64_t now_us(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static lock_sync_guard *new_guard(int64_t interval_ms)
{
    lock_sync_guard *g;

    MUST_OK(lock_sync_guard_new(&g));
    MUST_OK(lock_sync_guard_set_min_interval_ms(g, interval_ms));
    return g;
}

TEST(a_new_guard_allows_one_and_then_waits)
{
    lock_sync_guard *g;
    int64_t slot = -1;
    int64_t none = -1;
    int64_t wait_ms = -1;

    MUST_OK(lock_sync_guard_new(&g));
    CHECK_OK(lock_sync_guard_reserve(g, 1000, &wait_ms, &slot));
    CHECK(slot > 0);
    CHECK_INT(wait_ms, 0);
    CHECK_INT(lock_sync_guard_reserve(g, 1000, &wait_ms, &none), LOCK_SYNC_E_TOO_SOON);
    CHECK_INT(none, 0);
    CHECK(wait_ms > 20000 && wait_ms <= 21000); /* what is left of the hold, and the 20 s */
    CHECK_OK(lock_sync_guard_settle(g, slot, LOCK_SYNC_SLOT_SENT, -1));
    CHECK_INT(lock_sync_guard_reserve(g, 1000, &wait_ms, NULL), LOCK_SYNC_E_TOO_SOON);
    CHECK(wait_ms > 19000 && wait_ms <= 20000);
    CHECK_INT(lock_sync_guard_reserve(g, 1000, NULL, NULL), LOCK_SYNC_E_TOO_SOON);
    lock_sync_guard_unref(g);
}

TEST(each_kind_has_its_own_interval)
{
    static const int64_t interval_ms[] = {20000, 60000, 0};
    lock_sync_guard *g;
    int64_t wait_ms;

    MUST_OK(lock_sync_guard_new(&g));
    for (lock_sync_request_kind kind = LOCK_SYNC_REQUEST_SYNC; kind <= LOCK_SYNC_REQUEST_OTHER; kind++) {
        t_row("kind %d", (int)kind);
        CHECK_OK(lock_sync_guard_reserve_for(g, kind, 0, &wait_ms, NULL));
        CHECK_INT(lock_sync_guard_reserve_for(g, kind, 0, &wait_ms, NULL),
                  interval_ms[kind] > 0 ? LOCK_SYNC_E_TOO_SOON : LOCK_SYNC_OK);
        CHECK(wait_ms <= interval_ms[kind] && wait_ms >= interval_ms[kind] - 1000);
        CHECK_OK(lock_sync_guard_set_kind_interval_ms(g, kind, 3600000));
        CHECK_INT(lock_sync_guard_reserve_for(g, kind, 0, &wait_ms, NULL), LOCK_SYNC_E_TOO_SOON);
        CHECK(wait_ms > 3590000);
    }
    lock_sync_guard_unref(g);
}

TEST(each_slot_is_another)
{
    lock_sync_guard *g = new_guard(1000);
    int64_t before = 0;

    for (int i = 0; i < 100; i++) {
        int64_t slot;

        CHECK_OK(lock_sync_guard_reserve_for(g, LOCK_SYNC_REQUEST_OTHER, 0, NULL, &slot));
        CHECK(slot > 0 && slot != before);
        before = slot;
    }
    lock_sync_guard_unref(g);
}

TEST(a_429_blocks_all_kinds)
{
    for (lock_sync_request_kind limited = LOCK_SYNC_REQUEST_SYNC; limited <= LOCK_SYNC_REQUEST_OTHER; limited++) {
        lock_sync_guard *g = new_guard(1000);
        int64_t wait_ms;
        int64_t slot;

        t_row("kind %d", (int)limited);
        CHECK_OK(lock_sync_guard_reserve_for(g, limited, 1000, NULL, &slot));
        CHECK_OK(lock_sync_guard_settle(g, slot, LOCK_SYNC_SLOT_LIMITED, 600000));
        for (lock_sync_request_kind kind = LOCK_SYNC_REQUEST_SYNC; kind <= LOCK_SYNC_REQUEST_OTHER; kind++) {
            CHECK_INT(lock_sync_guard_reserve_for(g, kind, 1000, &wait_ms, NULL), LOCK_SYNC_E_TOO_SOON);
            CHECK(wait_ms > 590000);
        }
        lock_sync_guard_unref(g);
    }
}

TEST(kinds_have_bounds)
{
    static const struct {
        lock_sync_request_kind kind;
        int64_t interval_ms;
        int64_t hold_ms;
        bool good_interval;
        bool good_hold;
    } rows[] = {
        {-1, 1, 1, false, false},
        {3, 1, 1, false, false},
        {INT32_MIN, 1, 1, false, false},
        {INT32_MAX, 1, 1, false, false},
        {LOCK_SYNC_REQUEST_SYNC, 0, -1, false, false},
        {LOCK_SYNC_REQUEST_SYNC, 3600000, 86400000, true, true},
        {LOCK_SYNC_REQUEST_DIRECTORY, 0, 86400001, false, false},
        {LOCK_SYNC_REQUEST_DIRECTORY, 3600001, 86400000, false, true},
        {LOCK_SYNC_REQUEST_OTHER, -1, 300001, false, false},
        {LOCK_SYNC_REQUEST_OTHER, 0, 300000, true, true},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        lock_sync_guard *g = new_guard(1);
        int64_t slot = 7;

        t_row("kind %d, %lld ms", (int)rows[i].kind, (long long)rows[i].hold_ms);
        CHECK_INT(lock_sync_guard_set_kind_interval_ms(g, rows[i].kind, rows[i].interval_ms),
                  rows[i].good_interval ? LOCK_SYNC_OK : LOCK_SYNC_E_INVALID_ARGUMENT);
        CHECK_INT(lock_sync_guard_reserve_for(g, rows[i].kind, rows[i].hold_ms, NULL, &slot),
                  rows[i].good_hold ? LOCK_SYNC_OK : LOCK_SYNC_E_INVALID_ARGUMENT);
        CHECK((slot > 0) == rows[i].good_hold);
        lock_sync_guard_unref(g);
    }
    CHECK_INT(lock_sync_guard_set_kind_interval_ms(NULL, LOCK_SYNC_REQUEST_SYNC, 1), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_guard_reserve_for(NULL, LOCK_SYNC_REQUEST_SYNC, 1, NULL, NULL), LOCK_SYNC_E_INVALID_ARGUMENT);
}

TEST(the_default_budget_is_600)
{
    lock_sync_guard *g = new_guard(1);
    const struct timespec pause = {0, 1100000};
    int64_t wait_ms;
    int granted = 0;

    while (granted < 700 && (lock_sync_guard_reserve(g, 0, &wait_ms, NULL) == LOCK_SYNC_OK || wait_ms <= 1)) {
        granted += wait_ms == 0;
        (void)nanosleep(&pause, NULL);
    }
    CHECK_INT(granted, 600);
    CHECK(wait_ms > 3590000 && wait_ms <= 3900000); /* an hour after the end of a cell of five minutes */
    CHECK_OK(lock_sync_guard_set_hourly_budget(g, 701, 100));
    CHECK_OK(lock_sync_guard_reserve(g, 0, NULL, NULL));
    lock_sync_guard_unref(g);
}

TEST(settings_have_bounds)
{
    static const struct {
        int64_t ms;
        bool good;
    } intervals[] = {{INT64_MIN, false}, {-1, false}, {0, false}, {1, true}, {20000, true}, {3600000, true},
                     {3600001, false}, {INT64_MAX, false}};
    static const struct {
        uint32_t requests;
        uint32_t reserve;
        bool good;
    } budgets[] = {{0, 0, false},       {1, 0, true},         {1, 1, false},       {1, 2, false},
                   {700, 100, true},    {700, 699, true},     {700, 700, false},   {1000000, 0, true},
                   {1000000, 999999, true}, {1000001, 0, false}, {UINT32_MAX, 0, false}, {0, UINT32_MAX, false}};
    lock_sync_guard *g = new_guard(1);

    for (size_t i = 0; i < COUNT_OF(intervals); i++) {
        t_row("interval %lld", (long long)intervals[i].ms);
        CHECK_INT(lock_sync_guard_set_min_interval_ms(g, intervals[i].ms),
                  intervals[i].good ? LOCK_SYNC_OK : LOCK_SYNC_E_INVALID_ARGUMENT);
    }
    for (size_t i = 0; i < COUNT_OF(budgets); i++) {
        t_row("budget %u, reserve %u", budgets[i].requests, budgets[i].reserve);
        CHECK_INT(lock_sync_guard_set_hourly_budget(g, budgets[i].requests, budgets[i].reserve),
                  budgets[i].good ? LOCK_SYNC_OK : LOCK_SYNC_E_INVALID_ARGUMENT);
    }
    lock_sync_guard_unref(g);
}

TEST(a_refused_setting_changes_nothing)
{
    lock_sync_guard *g = new_guard(3600000);
    int64_t wait_ms;

    CHECK_INT(lock_sync_guard_set_min_interval_ms(g, 0), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_OK(lock_sync_guard_reserve(g, 0, NULL, NULL));
    CHECK_INT(lock_sync_guard_reserve(g, 0, &wait_ms, NULL), LOCK_SYNC_E_TOO_SOON);
    CHECK(wait_ms > 3590000);
    lock_sync_guard_unref(g);
}

TEST(bad_arguments_are_refused)
{
    lock_sync_guard *g = new_guard(1);
    lock_sync_allocator half = {.struct_size = sizeof half};
    lock_sync_guard *out = g;
    int64_t wait_ms = 7;
    int64_t slot = 7;
    char text[8] = "x";

    CHECK_INT(lock_sync_guard_new(NULL), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_guard_new_with_allocator(NULL, NULL), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_guard_new_with_allocator(&half, &out), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK(out == NULL);
    out = g;
    CHECK_INT(lock_sync_guard_open_file(NULL, &out), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK(out == NULL);
    CHECK_INT(lock_sync_guard_open_file("/tmp/x", NULL), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_guard_set_min_interval_ms(NULL, 1), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_guard_set_hourly_budget(NULL, 2, 1), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_guard_reserve(NULL, 1, &wait_ms, &slot), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(wait_ms, 0);
    CHECK_INT(slot, 0);
    CHECK_INT(lock_sync_guard_reserve(g, -1, &wait_ms, &slot), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_guard_reserve(g, 86400001, &wait_ms, &slot), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_guard_reserve(g, INT64_MAX, &wait_ms, &slot), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(slot, 0);
    CHECK_OK(lock_sync_guard_reserve(g, 86400000, &wait_ms, &slot));
    CHECK_INT(lock_sync_guard_settle(NULL, slot, LOCK_SYNC_SLOT_SENT, 0), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_guard_settle(g, 0, LOCK_SYNC_SLOT_SENT, 0), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_guard_settle(g, -1, LOCK_SYNC_SLOT_SENT, 0), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_guard_settle(g, slot, -1, 0), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_guard_settle(g, slot, 3, 0), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_OK(lock_sync_guard_settle(g, slot + 5, LOCK_SYNC_SLOT_SENT, 0)); /* is over, or another's */
    CHECK_INT(lock_sync_guard_error_message(NULL, NULL, 0), 0);
    CHECK_INT(lock_sync_guard_error_message(NULL, text, sizeof text), 0);
    CHECK_TEXT(text, "");
    CHECK_INT(lock_sync_guard_error_message(g, NULL, 0), 0);
    CHECK(lock_sync_guard_ref(NULL) == NULL);
    lock_sync_guard_unref(NULL);
    lock_sync_guard_unref(g);
}

TEST(any_retry_after_is_taken)
{
    static const struct {
        int64_t retry_after_ms;
        int64_t from_ms;
        int64_t to_ms;
    } rows[] = {{0, 19000, 20000}, {1, 19000, 20000}, {30000, 29000, 30000}, {3600000, 3599000, 3600000},
                {3600001, 3599000, 3600000}, {INT64_MAX, 3599000, 3600000}, {-1, 39000, 40000},
                {INT64_MIN, 39000, 40000}};

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        lock_sync_guard *g = new_guard(20000);
        int64_t wait_ms = -1;
        int64_t slot = 0;

        t_row("Retry-After %lld ms", (long long)rows[i].retry_after_ms);
        CHECK_OK(lock_sync_guard_reserve(g, 1000, NULL, &slot));
        CHECK_OK(lock_sync_guard_settle(g, slot, LOCK_SYNC_SLOT_LIMITED, rows[i].retry_after_ms));
        CHECK_INT(lock_sync_guard_reserve(g, 1000, &wait_ms, NULL), LOCK_SYNC_E_TOO_SOON);
        CHECK(wait_ms > rows[i].from_ms && wait_ms <= rows[i].to_ms);
        lock_sync_guard_unref(g);
    }
}

/* Told wait_ms, one who sleeps that long is let in: rounded up, never down. */
TEST(the_wait_that_is_told_is_long_enough)
{
    lock_sync_guard *g = new_guard(3);
    int64_t wait_ms;
    int64_t slot;
    int again = 0;

    CHECK_OK(lock_sync_guard_reserve(g, 10, NULL, &slot));
    for (int i = 0; i < 100; i++) {
        CHECK_OK(lock_sync_guard_settle(g, slot, LOCK_SYNC_SLOT_SENT, -1));
        if (lock_sync_guard_reserve(g, 10, &wait_ms, &slot) != LOCK_SYNC_E_TOO_SOON)
            continue; /* a slow machine */
        (void)nanosleep(&(struct timespec){0, (long)wait_ms * 1000000}, NULL);
        again += lock_sync_guard_reserve(g, 10, &wait_ms, &slot) != LOCK_SYNC_OK;
    }
    CHECK_INT(again, 0);
    lock_sync_guard_unref(g);
}

TEST(memory_is_the_hosts_and_all_is_given_back)
{
    t_heap heap = {0};
    lock_sync_allocator memory = t_heap_allocator(&heap);
    lock_sync_guard *g;

    MUST_OK(lock_sync_guard_new_with_allocator(&memory, &g));
    CHECK(heap.blocks > 0);
    CHECK_OK(lock_sync_guard_reserve(g, 1, NULL, NULL));
    CHECK(lock_sync_guard_ref(g) == g);
    lock_sync_guard_unref(g);
    CHECK(heap.blocks > 0);
    CHECK_OK(lock_sync_guard_set_min_interval_ms(g, 1));
    lock_sync_guard_unref(g);
    t_heap_check_empty(&heap);
    for (size_t n = 0; n < 2; n++) {
        t_heap_fail_in(&heap, n);
        CHECK_INT(lock_sync_guard_new_with_allocator(&memory, &g), LOCK_SYNC_E_NO_MEMORY);
        CHECK(g == NULL);
        t_heap_check_empty(&heap);
    }
}

/* --- threads --- */

#define THREADS 16
#define SLOTS 300

typedef struct crowd {
    lock_sync_guard *guard;
    int64_t until_us;
    atomic_int inside; /* holders at the same time */
    _Atomic int64_t last_end_us;
    atomic_int slots;
    atomic_int together;
    atomic_int too_close;
    atomic_int failures;
} crowd;

static void hold_a_slot(crowd *c, int64_t slot, unsigned *odd)
{
    int64_t begin_us = now_us();
    bool sent = ++*odd % 4 != 0;

    atomic_fetch_add(&c->slots, 1);
    atomic_fetch_add(&c->together, atomic_fetch_add(&c->inside, 1) > 0);
    atomic_fetch_add(&c->too_close, begin_us - atomic_load(&c->last_end_us) < 1000);
    (void)nanosleep(&(struct timespec){0, 200000}, NULL);
    if (sent) /* before the guard notes it */
        atomic_store(&c->last_end_us, now_us());
    atomic_fetch_sub(&c->inside, 1);
    if (lock_sync_guard_settle(c->guard, slot, sent ? LOCK_SYNC_SLOT_SENT : LOCK_SYNC_SLOT_NOT_SENT, -1) != LOCK_SYNC_OK)
        atomic_fetch_add(&c->failures, 1);
}

static void *come_and_go(void *user)
{
    crowd *c = user;
    lock_sync_guard *g = lock_sync_guard_ref(c->guard);
    unsigned odd = 0;
    char text[64];

    while (atomic_load(&c->slots) < SLOTS && now_us() < c->until_us) {
        int64_t wait_ms = 0;
        int64_t slot = 0;
        lock_sync_status status = lock_sync_guard_reserve(g, 60000, &wait_ms, &slot);

        if (status == LOCK_SYNC_OK)
            hold_a_slot(c, slot, &odd);
        else if (status != LOCK_SYNC_E_TOO_SOON)
            atomic_fetch_add(&c->failures, 1);
        atomic_fetch_add(&c->failures, lock_sync_guard_error_message(g, text, sizeof text) != 0);
        (void)lock_sync_guard_set_hourly_budget(g, 1000000, 0);
        (void)nanosleep(&(struct timespec){0, 100000}, NULL);
    }
    lock_sync_guard_unref(g);
    return NULL;
}

TEST(sixteen_threads_share_one_guard)
{
    crowd c = {.guard = new_guard(1), .until_us = now_us() + 60000000};
    pthread_t threads[THREADS];

    CHECK_OK(lock_sync_guard_set_hourly_budget(c.guard, 1000000, 0));
    for (size_t i = 0; i < THREADS; i++)
        MUST_INT(pthread_create(&threads[i], NULL, come_and_go, &c), 0);
    for (size_t i = 0; i < THREADS; i++)
        MUST_INT(pthread_join(threads[i], NULL), 0);
    CHECK(c.slots >= SLOTS);
    CHECK_INT(c.together, 0);
    CHECK_INT(c.too_close, 0);
    CHECK_INT(c.failures, 0);
    lock_sync_guard_unref(c.guard);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(a_new_guard_allows_one_and_then_waits),
        T(each_kind_has_its_own_interval),
        T(each_slot_is_another),
        T(a_429_blocks_all_kinds),
        T(kinds_have_bounds),
        T(the_default_budget_is_600),
        T(settings_have_bounds),
        T(a_refused_setting_changes_nothing),
        T(bad_arguments_are_refused),
        T(any_retry_after_is_taken),
        T(the_wait_that_is_told_is_long_enough),
        T(memory_is_the_hosts_and_all_is_given_back),
        T(sixteen_threads_share_one_guard),
    };

    return T_MAIN(tests);
}
