/* A guard over an application's store with `look` and `swap`: what they may report, and the guard's decisions.
   test_lineage.c tests the meaning of the records. */
#include "../support/fake.h"
#include "../support/kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW_US ((int64_t)1700000000 * 1000000)
#define HOUR_S 3600
#define SECOND_US ((int64_t)1000000)

/* One record in memory, what look and swap report, and a guard over it. */
typedef struct fake_store {
    lock_sync_guard *guard;
    unsigned char record[LOCK_SYNC_GUARD_RECORD_MAX];
    size_t size;
    int64_t now_us;
    int64_t empty_since_us;
    const char *warning; /* NULL: none; "": all bytes of the buffer are set */
    lock_sync_status look_ends;
    lock_sync_status swap_ends; /* it swaps, and reports this status */
    int beaten;                 /* how many swaps come too late */
    int looks;
    int swaps;
    int64_t expires_in_ms;
} fake_store;

static fake_store it;

static lock_sync_status look(void *user, lock_sync_guard_look *l)
{
    CHECK(user == &it);
    CHECK_INT(l->struct_size, sizeof *l);
    CHECK_INT(l->size, LOCK_SYNC_GUARD_RECORD_MAX);
    CHECK_INT(l->empty_since_us, INT64_MIN);
    CHECK_INT(l->warning[0], '\0');
    it.looks++;
    memcpy(l->record, it.record, it.size);
    l->size = it.size;
    l->now_us = it.now_us;
    l->empty_since_us = it.empty_since_us;
    if (it.warning != NULL)
        memset(l->warning, 'x', sizeof l->warning);
    if (it.warning != NULL && it.warning[0] != '\0')
        (void)snprintf(l->warning, sizeof l->warning, "%s", it.warning);
    return it.look_ends;
}

static lock_sync_status swap(void *user, const void *old_record, size_t old_size, const void *new_record,
                             size_t new_size, int64_t expires_in_ms, bool *replaced)
{
    (void)user;
    it.swaps++;
    it.expires_in_ms = expires_in_ms;
    *replaced = false;
    if (it.beaten > 0) {
        it.beaten--;
        return LOCK_SYNC_OK;
    }
    CHECK_INT(old_size, it.size);
    CHECK(memcmp(old_record, it.record, old_size) == 0);
    memcpy(it.record, new_record, new_size);
    it.size = new_size;
    *replaced = it.swap_ends == LOCK_SYNC_OK;
    return it.swap_ends;
}

static int begin(void **t_state)
{
    const lock_sync_guard_store store = {.struct_size = sizeof store, .user = &it, .look = look, .swap = swap};

    (void)t_state;
    it = (fake_store){.now_us = NOW_US, .empty_since_us = INT64_MIN};
    return lock_sync_guard_new_with_store(&store, &it.guard) == LOCK_SYNC_OK ? 0 : 1;
}

static int end(void **t_state)
{
    (void)t_state;
    lock_sync_guard_unref(it.guard);
    return 0;
}

static void pass(int64_t seconds)
{
    it.now_us += seconds * SECOND_US;
}

/* Requests a slot, and returns the wait; 0: there is a slot. */
static int64_t wait_ms(void)
{
    int64_t wait = 7;
    lock_sync_status status = lock_sync_guard_reserve(it.guard, 1000, &wait, NULL);

    CHECK_INT(status, wait == 0 ? LOCK_SYNC_OK : LOCK_SYNC_E_TOO_SOON);
    return wait;
}

static void check_fails(const char *why)
{
    char text[256];
    int64_t slot = 7;

    CHECK_INT(lock_sync_guard_reserve(it.guard, 1000, NULL, &slot), LOCK_SYNC_E_GUARD);
    CHECK_INT(slot, 0);
    (void)lock_sync_guard_error_message(it.guard, text, sizeof text);
    CHECK_TEXT(text, why);
}

TEST_IN(times_out_of_range_are_an_error, begin, end)
{
    static const int64_t times[] = {0, -1, INT64_MIN, INT64_MAX, ((int64_t)1 << 50) * 1000 + 1};

    for (size_t i = 0; i < COUNT_OF(times); i++) {
        t_row("%lld", (long long)times[i]);
        it.now_us = times[i];
        check_fails("the store's time is not usable");
    }
    it.now_us = 1;
    CHECK_INT(wait_ms(), 0);
}

/* A clock of microseconds. */
TEST_IN(the_wait_is_exact, begin, end)
{
    CHECK_INT(wait_ms(), 0);
    it.now_us += 20999000; /* the lease and the interval, without the last millisecond */
    CHECK_INT(wait_ms(), 1);
    it.now_us += 999;
    CHECK_INT(wait_ms(), 1);
    it.now_us += 1;
    CHECK_INT(wait_ms(), 0);
}

/* A later time counts as now. */
TEST_IN(an_absent_record_closes_the_guard_since_the_first_use, begin, end)
{
    static const struct {
        int64_t since_us; /* before now */
        int64_t wait_ms;
    } rows[] = {{0, 50000},
                {49999001, 1},
                {50000000, 0},
                {NOW_US, 0},
                {INT64_MAX, 0},
                {-1, 50000},
                {-INT64_MAX + NOW_US, 50000}};

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        t_row("%lld", (long long)rows[i].since_us);
        it.empty_since_us = NOW_US - rows[i].since_us;
        CHECK_INT(wait_ms(), rows[i].wait_ms);
        (void)end(NULL);
        (void)begin(NULL);
    }
}

/* --- swaps --- */

TEST_IN(a_decision_whose_swap_comes_too_late_is_repeated, begin, end)
{
    it.beaten = 99;
    CHECK_INT(wait_ms(), 0);
    CHECK_INT(it.looks, 100);
    pass(HOUR_S);
    it.beaten = 100;
    check_fails("others changed the store's record 100 times in a row");
}

/* After a lost reply no user has the slot. It counts until its lease ends. */
TEST_IN(a_slot_whose_reply_is_lost_counts_until_its_lease_ends, begin, end)
{
    it.look_ends = LOCK_SYNC_E_TIMEOUT;
    check_fails("the store's load failed: LOCK_SYNC_E_TIMEOUT");
    it.look_ends = LOCK_SYNC_OK;
    it.swap_ends = LOCK_SYNC_E_CONNECT;
    check_fails("the store's replace failed: LOCK_SYNC_E_CONNECT");
    CHECK_INT(it.swaps, 1); /* no second try, because the swap may have been carried out */
    it.swap_ends = LOCK_SYNC_OK;
    CHECK_INT(wait_ms(), 21000);
    pass(21);
    CHECK_INT(wait_ms(), 0);
}

/* A record expires a minute after it is stale. */
TEST_IN(a_record_expires_after_it_is_stale, begin, end)
{
    int64_t slot = 0;

    CHECK_OK(lock_sync_guard_reserve(it.guard, 86400000, NULL, &slot));
    CHECK_BETWEEN(it.expires_in_ms, (86400 + HOUR_S + 60) * 1000, (86400 + HOUR_S + 300 + 60) * 1000);
    CHECK_OK(lock_sync_guard_settle(it.guard, slot, LOCK_SYNC_SLOT_NOT_SENT, -1));
    CHECK_INT(it.expires_in_ms, 60000); /* as without the slot */
    pass(3 * HOUR_S);
    CHECK_OK(lock_sync_guard_settle(it.guard, slot, LOCK_SYNC_SLOT_LIMITED, 1800000));
    CHECK_INT(it.expires_in_ms, (1800 + 60) * 1000);
}

/* --- warnings --- */

static void check_warning(const char *text)
{
    char got[300];
    lock_sync_status any = lock_sync_guard_reserve(it.guard, 0, NULL, NULL);

    (void)any;
    CHECK_INT(lock_sync_guard_warning(it.guard, got, sizeof got), strlen(text));
    CHECK_TEXT(got, text);
}

TEST_IN(a_warning_is_one_line_of_bounded_length, begin, end)
{
    char *longest = t_repeat('x', 255);

    it.warning = "two\nlines\x1b[31m";
    check_warning("two lines [31m");
    it.warning = NULL;
    check_warning("two lines [31m"); /* it stays */
    it.warning = "";
    check_warning(longest);
    it.warning = "beside a damaged record";
    it.size = 3;
    check_fails("the store's record is damaged");
    check_warning("beside a damaged record");
    free(longest);
}

TEST_IN(a_context_logs_each_warning_once, begin, end)
{
    static const t_step good = {.http = 200, .body = "{\"result\":[]}"};
    t_fake fake = {.steps = &good, .step_count = 1};
    lock_sync_transport transport = t_fake_transport(&fake);
    lock_sync_ctx *ctx = t_ctx();
    t_log log = {0};

    MUST_OK(lock_sync_set_transport(ctx, &transport));
    MUST_OK(lock_sync_set_guard(ctx, it.guard));
    MUST_OK(lock_sync_set_logger(ctx, t_log_line, &log));
    it.warning = "it forgets";
    CHECK_OK(t_fetch_status(ctx));
    CHECK_INT(t_fetch_status(ctx), LOCK_SYNC_E_TOO_SOON);
    it.warning = "it is old";
    CHECK_INT(t_fetch_status(ctx), LOCK_SYNC_E_TOO_SOON);
    CHECK_INT(kit_count(log.text, "it forgets"), 1);
    CHECK_INT(kit_count(log.text, "it is old"), 1);
    lock_sync_ctx_free(ctx);
}
