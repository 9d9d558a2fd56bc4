/* A guard over an application's store that has `look` and `swap`: what they may report, and what it makes of that. */
#include "../support/decoding.h"
#include "guard/view.h"

#include <stdio.h>
#include <string.h>

#define NOW_US ((int64_t)1700000000 * 1000000)

/* One record in memory, and what is reported of it. */
typedef struct shelf {
    unsigned char record[LOCK_SYNC_GUARD_RECORD_MAX];
    size_t size;
    int64_t now_us;
    unsigned char source[LOCK_SYNC_GUARD_SOURCE_SIZE];
    int64_t empty_since_us;
    const char *warning; /* NULL: none */
    lock_sync_status look_ends;
    lock_sync_status swap_ends;
    bool loses_the_reply; /* it swaps, and reports a failure */
    int beaten;           /* so many swaps come too late */
    int looks;
    int swaps;
    int64_t expires_in_ms;
} shelf;

static lock_sync_status look(void *user, lock_sync_guard_look *l)
{
    shelf *s = user;

    s->looks++;
    CHECK_INT(l->struct_size, sizeof *l);
    CHECK_INT(l->size, LOCK_SYNC_GUARD_RECORD_MAX);
    CHECK_INT(l->empty_since_us, INT64_MIN);
    CHECK_INT(l->warning[0], '\0');
    memcpy(l->record, s->record, s->size);
    l->size = s->size;
    l->now_us = s->now_us;
    memcpy(l->source, s->source, sizeof l->source);
    l->empty_since_us = s->empty_since_us;
    if (s->warning != NULL)
        memset(l->warning, 'x', sizeof l->warning); /* without a NUL */
    if (s->warning != NULL && s->warning[0] != '\0')
        (void)snprintf(l->warning, sizeof l->warning, "%s", s->warning);
    return s->look_ends;
}

static lock_sync_status swap(void *user, const void *old_record, size_t old_size, const void *new_record,
                             size_t new_size, int64_t expires_in_ms, bool *replaced)
{
    shelf *s = user;

    s->swaps++;
    s->expires_in_ms = expires_in_ms;
    *replaced = false;
    if (s->beaten > 0) {
        s->beaten--;
        return s->swap_ends;
    }
    CHECK_INT(old_size, s->size);
    CHECK(memcmp(old_record, s->record, old_size) == 0);
    if (s->swap_ends == LOCK_SYNC_OK || s->loses_the_reply) {
        memcpy(s->record, new_record, new_size);
        s->size = new_size;
        *replaced = s->swap_ends == LOCK_SYNC_OK;
    }
    return s->swap_ends;
}

static lock_sync_guard *guard_over(shelf *s)
{
    const lock_sync_guard_store store = {.struct_size = sizeof store, .user = s, .look = look, .swap = swap};
    lock_sync_guard *g;

    MUST_OK(lock_sync_guard_new_with_store(&store, &g));
    return g;
}

static shelf new_shelf(void)
{
    return (shelf){.now_us = NOW_US, .empty_since_us = INT64_MIN};
}

static void check_fails(lock_sync_guard *g, const char *why)
{
    char text[256];
    int64_t slot = 7;

    CHECK_INT(lock_sync_guard_reserve(g, 1000, NULL, &slot), LOCK_SYNC_E_GUARD);
    CHECK_INT(slot, 0);
    (void)lock_sync_guard_error_message(g, text, sizeof text);
    CHECK_TEXT(text, why);
}

TEST(times_that_are_none)
{
    static const int64_t times[] = {0, -1, INT64_MIN, INT64_MAX, ((int64_t)1 << 50) * 1000 + 1};

    for (size_t i = 0; i < COUNT_OF(times); i++) {
        shelf s = new_shelf();
        lock_sync_guard *g = guard_over(&s);

        t_row("%lld", (long long)times[i]);
        s.now_us = times[i];
        check_fails(g, "the store's time is not usable");
        s.now_us = 1;
        CHECK_OK(lock_sync_guard_reserve(g, 1000, NULL, NULL));
        lock_sync_guard_unref(g);
    }
}

/* A clock of microseconds: the wait is exact. */
TEST(the_wait_is_exact)
{
    shelf s = new_shelf();
    lock_sync_guard *g = guard_over(&s);
    int64_t wait_ms = 0;

    CHECK_OK(lock_sync_guard_reserve(g, 0, NULL, NULL));
    s.now_us += 19999000;
    CHECK_INT(lock_sync_guard_reserve(g, 0, &wait_ms, NULL), LOCK_SYNC_E_TOO_SOON);
    CHECK_INT(wait_ms, 1);
    s.now_us += 999;
    CHECK_INT(lock_sync_guard_reserve(g, 0, &wait_ms, NULL), LOCK_SYNC_E_TOO_SOON);
    s.now_us += 1;
    CHECK_OK(lock_sync_guard_reserve(g, 0, NULL, NULL));
    lock_sync_guard_unref(g);
}

/* When an absent record opens: a hold of 30 s at the least and the interval after `empty_since_us`. */
TEST(an_absent_record_opens_in_time)
{
    static const struct {
        int64_t since_us; /* before now */
        int64_t wait_ms;
    } rows[] = {
        {0, 50000}, {10000000, 40000}, {49999001, 1}, {50000000, 0}, {NOW_US, 0}, {INT64_MAX, 0},
        {-1, 50000}, {-3600000000, 50000}, {-INT64_MAX + NOW_US, 50000}, /* a time to come is now */
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        shelf s = new_shelf();
        lock_sync_guard *g = guard_over(&s);
        int64_t wait_ms = 7;

        t_row("%lld", (long long)rows[i].since_us);
        s.empty_since_us = NOW_US - rows[i].since_us;
        CHECK_INT(lock_sync_guard_reserve(g, 1000, &wait_ms, NULL),
                  rows[i].wait_ms == 0 ? LOCK_SYNC_OK : LOCK_SYNC_E_TOO_SOON);
        CHECK_INT(wait_ms, rows[i].wait_ms);
        s.now_us += 50000000;
        CHECK_OK(lock_sync_guard_reserve(g, 1000, NULL, NULL)); /* what was written can be read */
        lock_sync_guard_unref(g);
    }
}

TEST(another_source_closes_the_account)
{
    shelf s = new_shelf();
    lock_sync_guard *g = guard_over(&s);
    int64_t wait_ms = 0;

    s.source[0] = 1;
    CHECK_OK(lock_sync_guard_reserve(g, 0, NULL, NULL));
    s.now_us += 3600 * (int64_t)1000000;
    s.source[19] = 1;
    for (int i = 0; i < 2; i++) {
        CHECK_INT(lock_sync_guard_reserve(g, 1000, &wait_ms, NULL), LOCK_SYNC_E_TOO_SOON);
        CHECK_INT(wait_ms, 50000);
    }
    s.source[0] = 0;
    s.source[19] = 0; /* it does not say any more: that is no loss */
    s.now_us += 50000000;
    CHECK_OK(lock_sync_guard_reserve(g, 1000, NULL, NULL));
    lock_sync_guard_unref(g);
}

/* --- swaps --- */

TEST(a_swap_that_comes_too_late_is_decided_anew)
{
    shelf s = new_shelf();
    lock_sync_guard *g = guard_over(&s);
    int64_t slot = 0;

    s.beaten = 99;
    CHECK_OK(lock_sync_guard_reserve(g, 1000, NULL, &slot));
    CHECK(slot > 0);
    CHECK_INT(s.looks, 100);
    CHECK_OK(lock_sync_guard_settle(g, slot, LOCK_SYNC_SLOT_SENT, -1));
    s.now_us += 3600 * (int64_t)1000000;
    s.beaten = 100;
    check_fails(g, "others changed the store's record 100 times in a row");
    lock_sync_guard_unref(g);
}

TEST(a_store_that_fails)
{
    shelf s = new_shelf();
    lock_sync_guard *g = guard_over(&s);

    s.look_ends = LOCK_SYNC_E_TIMEOUT;
    check_fails(g, "the store's load failed: LOCK_SYNC_E_TIMEOUT");
    s.look_ends = LOCK_SYNC_OK;
    s.swap_ends = LOCK_SYNC_E_CONNECT;
    check_fails(g, "the store's replace failed: LOCK_SYNC_E_CONNECT");
    CHECK_INT(s.swaps, 1); /* it is not tried again: it may have been carried out */
    lock_sync_guard_unref(g);
}

/* A slot that was written without anybody's knowing is taken, and its lease runs out. */
TEST(a_lost_reply_counts_as_taken)
{
    shelf s = new_shelf();
    lock_sync_guard *g = guard_over(&s);
    int64_t wait_ms = 0;

    s.swap_ends = LOCK_SYNC_E_TIMEOUT;
    s.loses_the_reply = true;
    check_fails(g, "the store's replace failed: LOCK_SYNC_E_TIMEOUT");
    s.swap_ends = LOCK_SYNC_OK;
    CHECK_INT(lock_sync_guard_reserve(g, 1000, &wait_ms, NULL), LOCK_SYNC_E_TOO_SOON);
    CHECK_INT(wait_ms, 21000);
    s.now_us += 21000000;
    CHECK_OK(lock_sync_guard_reserve(g, 1000, NULL, NULL));
    lock_sync_guard_unref(g);
}

/* A minute after nothing of the record matters any more. */
TEST(when_the_record_may_be_dropped)
{
    shelf s = new_shelf();
    lock_sync_guard *g = guard_over(&s);
    int64_t slot = 0;

    CHECK_OK(lock_sync_guard_reserve(g, 86400000, NULL, &slot));
    CHECK(s.expires_in_ms >= (86400 + 3600 + 60) * 1000 && s.expires_in_ms <= (86400 + 3600 + 300 + 60) * 1000);
    CHECK_OK(lock_sync_guard_settle(g, slot, LOCK_SYNC_SLOT_NOT_SENT, -1));
    CHECK_INT(s.expires_in_ms, 60000); /* as if it had not been */
    s.now_us += 3 * 3600 * (int64_t)1000000;
    CHECK_OK(lock_sync_guard_settle(g, slot, LOCK_SYNC_SLOT_LIMITED, 1800000));
    CHECK_INT(s.expires_in_ms, (1800 + 60) * 1000);
    lock_sync_guard_unref(g);
}

/* --- what the guard has seen --- */

static const lsync_guard_limits limits = {{20000000, 60000000, 0}, 600, 0};

static bool reserve(void *user, lsync_guard_record *r, const lsync_guard_limits *these, int64_t now_us, int64_t slot)
{
    const lsync_guard_request request = {LOCK_SYNC_REQUEST_SYNC, 0, slot};
    lsync_guard_verdict *verdict = user;

    *verdict = lsync_guard_reserve(r, these, &request, now_us);
    return verdict->slot != 0;
}

/* Decides on an absent record; how long the wait is. */
static int64_t decide_on_nothing(lsync_guard_view *v, int64_t us)
{
    lsync_guard_holding h = {.now_us = NOW_US + us, .own_now_us = us, .source = {.empty_since_us = 1}};
    lsync_guard_verdict verdict;
    const lsync_guard_decision decision = {reserve, &verdict, &limits, 0};
    unsigned char bytes[LSYNC_GUARD_RECORD_SIZE];

    CHECK(lsync_guard_view_decide(v, &h, &decision, 1, bytes));
    lsync_guard_view_see(v, &h);
    return verdict.wait_us;
}

/* A store may drop a record once nothing of it matters, also one that the guard has seen: that is no loss. */
TEST(a_record_that_was_dropped_is_no_loss)
{
    static const struct {
        int64_t later_us;
        int64_t wait_us;
    } rows[] = {{(3600 + 300) * (int64_t)1000000, 0}, {3599 * (int64_t)1000000, 50000000}};

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        lsync_guard_view v;

        t_row("%lld", (long long)rows[i].later_us);
        lsync_guard_view_init(&v);
        CHECK_INT(decide_on_nothing(&v, 0), 0);
        CHECK_INT(decide_on_nothing(&v, rows[i].later_us), rows[i].wait_us);
    }
}

/* --- warnings --- */

TEST(a_warning_is_one_line_and_ends)
{
    static const struct {
        const char *warning;
        const char *text;
    } rows[] = {
        {"it loses records", "it loses records"},
        {"two\nlines\x1b[31m", "two lines [31m"},
    };
    shelf s = new_shelf();
    lock_sync_guard *g = guard_over(&s);
    char text[300];

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        s.warning = rows[i].warning;
        s.look_ends = LOCK_SYNC_OK;
        (void)lock_sync_guard_reserve(g, 0, NULL, NULL);
        CHECK_INT(lock_sync_guard_warning(g, text, sizeof text), strlen(rows[i].text));
        CHECK_TEXT(text, rows[i].text);
        s.warning = NULL;
        (void)lock_sync_guard_reserve(g, 0, NULL, NULL);
        CHECK_INT(lock_sync_guard_warning(g, text, sizeof text), strlen(rows[i].text)); /* it stays */
    }
    s.warning = "";
    (void)lock_sync_guard_reserve(g, 0, NULL, NULL);
    CHECK_INT(lock_sync_guard_warning(g, text, sizeof text), 255);
    s.warning = "beside a damaged record";
    s.size = 3;
    CHECK_INT(lock_sync_guard_reserve(g, 0, NULL, NULL), LOCK_SYNC_E_GUARD);
    (void)lock_sync_guard_warning(g, text, sizeof text);
    CHECK_TEXT(text, "beside a damaged record");
    lock_sync_guard_unref(g);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(times_that_are_none),
        T(the_wait_is_exact),
        T(an_absent_record_opens_in_time),
        T(another_source_closes_the_account),
        T(a_swap_that_comes_too_late_is_decided_anew),
        T(a_store_that_fails),
        T(a_lost_reply_counts_as_taken),
        T(when_the_record_may_be_dropped),
        T(a_record_that_was_dropped_is_no_loss),
        T(a_warning_is_one_line_and_ends),
    };

    return T_MAIN(tests);
}
