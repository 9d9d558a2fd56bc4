/* A watch and its context's guard: in every mode but OFF it polls only as fast as the guard allows. It waits for the
   guard without a limit, and shares it with others. */
#include "pull.h"

#define POLLS 4

static int64_t polled_us[POLLS + 1];
static size_t polls;

static void note_time(void *user, const lock_sync_request *q, lock_sync_response *s)
{
    (void)user, (void)q, (void)s;
    if (polls <= POLLS)
        polled_us[polls++] = kit_now_us();
}

static bool has_polled(pull *p)
{
    int64_t until_us = kit_now_us() + KIT_PATIENCE_MS * 1000;

    while (polls < POLLS && kit_now_us() < until_us)
        (void)pull_next(p, 10);
    return polls >= POLLS;
}

TEST(polls_keep_to_interval_and_guard_in_each_mode)
{
    static const struct {
        const char *name;
        lock_sync_guard_mode mode;
        int64_t guard_ms, interval_ms;
    } table[] = {
        {"FAIL, guard longer", LOCK_SYNC_GUARD_FAIL, 40, 1},
        {"WAIT, guard longer", LOCK_SYNC_GUARD_WAIT, 40, 1},
        {"CACHED, guard longer", LOCK_SYNC_GUARD_CACHED, 40, 1},
        {"FAIL, guard shorter", LOCK_SYNC_GUARD_FAIL, 1, 40},
        {"the same", LOCK_SYNC_GUARD_FAIL, 40, 40},
        {"OFF", LOCK_SYNC_GUARD_OFF, 3600000, 40},
    };
    static const t_step step = {.http = 200, .body = "{\"result\":[]}", .hook = note_time};

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        lock_sync_guard *g;
        pull p;

        t_row("%s", table[i].name);
        polls = 0;
        g = pull_begin_guarded(&p, &step, table[i].interval_ms, table[i].guard_ms, table[i].mode);
        CHECK_OK(pull_next(&p, 0));
        CHECK(has_polled(&p));
        for (size_t k = 1; k < POLLS; k++)
            CHECK(polled_us[k] - polled_us[k - 1] >= 40000);
        CHECK(lock_sync_watch_last_status(p.w) == LOCK_SYNC_OK ||
              (table[i].guard_ms > table[i].interval_ms && lock_sync_watch_last_status(p.w) == LOCK_SYNC_E_TOO_SOON));
        if (table[i].mode == LOCK_SYNC_GUARD_OFF)
            CHECK_OK(lock_sync_guard_reserve(g, 0, NULL, NULL)); /* it was never used */
        pull_end(&p);
        lock_sync_guard_unref(g);
    }
}

TEST(a_cached_response_is_never_reported)
{
    static const t_step steps[] = {RESPONSE("{\"id\":1}"), RESPONSE("{\"id\":2}")};
    lock_sync_guard *g;
    pull p;

    g = pull_begin_guarded(&p, steps, 1, 20000, LOCK_SYNC_GUARD_CACHED);
    p.fake.step_count = 2;
    CHECK_OK(fetch_all(p.ctx));
    CHECK_INT(pull_next(&p, 0), LOCK_SYNC_E_TIMEOUT); /* a fetch would return the cached response */
    CHECK_INT(lock_sync_watch_age_ms(p.w), -1);
    CHECK_OK(pull_due(&p, 0));
    CHECK_TEXT(p.changes, "2:1 ");
    pull_end(&p);
    lock_sync_guard_unref(g);
}

/* Another user has the slot: the watch reports nothing, waits, and polls after the slot is settled. */
TEST(a_watch_waits_for_the_slot_of_another_user)
{
    lock_sync_guard *g;
    int64_t slot;
    pull p;

    g = pull_begin_guarded(&p, &response_good, 1000, 40, LOCK_SYNC_GUARD_FAIL);
    CHECK_OK(lock_sync_guard_reserve(g, 3600000, NULL, &slot));
    CHECK_INT(pull_next(&p, 100), LOCK_SYNC_E_TIMEOUT);
    CHECK_INT(p.fake.performed, 0);
    CHECK_INT(lock_sync_watch_last_status(p.w), LOCK_SYNC_OK);
    CHECK(lock_sync_watch_due_in_ms(p.w) <= 3600040);
    CHECK_OK(lock_sync_guard_settle(g, slot, LOCK_SYNC_SLOT_NOT_SENT, -1));
    CHECK_OK(pull_next(&p, KIT_PATIENCE_MS));
    CHECK_INT(p.fake.performed, 1);
    pull_end(&p);
    lock_sync_guard_unref(g);
}

/* If the guard is closed for longer than an interval, each call reports that, with the rest of the wait. */
TEST(a_wait_longer_than_an_interval_is_reported)
{
    static const struct {
        const char *name;
        int64_t guard_ms, interval_ms;
        bool reported;
    } table[] = {
        {"longer", 3600000, 20000, true},
        {"as long", 20000, 20000, false},
        {"shorter", 5000, 20000, false},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        lock_sync_guard *g;
        pull p;

        t_row("%s", table[i].name);
        g = pull_begin_guarded(&p, &response_good, 1, table[i].guard_ms, LOCK_SYNC_GUARD_FAIL);
        CHECK_OK(pull_next(&p, 0));
        CHECK_OK(lock_sync_watch_set_interval_ms(p.w, table[i].interval_ms)); /* the next poll is due in 1 ms */
        for (int call = 0; call < 3; call++) {
            const lock_sync_error *e = lock_sync_last_error(p.ctx);

            CHECK_OK(lock_sync_set_timeout_ms(p.ctx, 30000)); /* this clears the error */
            CHECK_INT(call == 0 ? pull_due(&p, 0) : pull_next(&p, call == 2 ? 50 : 0), LOCK_SYNC_E_TIMEOUT);
            CHECK_INT(lock_sync_watch_last_status(p.w), table[i].reported ? LOCK_SYNC_E_TOO_SOON : LOCK_SYNC_OK);
            CHECK_HOLDS(t_error_message(p.ctx),
                        table[i].reported ? "The rate limit does not allow" : "no lock changed");
            if (table[i].reported)
                CHECK_BETWEEN(lock_sync_error_retry_after_ms(e), table[i].guard_ms - KIT_PATIENCE_MS,
                              table[i].guard_ms);
            else
                CHECK_INT(lock_sync_error_retry_after_ms(e), -1);
        }
        CHECK_INT(p.fake.performed, 1);
        CHECK_INT(pull_due(&p, 100), LOCK_SYNC_E_TIMEOUT); /* a good response without a change */
        CHECK_INT(p.fake.performed, 2);
        CHECK_INT(lock_sync_watch_last_status(p.w), LOCK_SYNC_OK);
        CHECK_HOLDS(t_error_message(p.ctx), "no lock changed");
        pull_end(&p);
        lock_sync_guard_unref(g);
    }
}

TEST(the_timeout_of_the_context_does_not_bound_the_wait_for_the_guard)
{
    lock_sync_guard *g;
    pull p;

    g = pull_begin_guarded(&p, &response_good, 1, 80, LOCK_SYNC_GUARD_WAIT);
    CHECK_OK(lock_sync_set_timeout_ms(p.ctx, 30));
    CHECK_OK(lock_sync_guard_reserve(g, 0, NULL, NULL));
    CHECK_OK(pull_next(&p, KIT_PATIENCE_MS)); /* a fetch in mode WAIT would give up at once */
    pull_end(&p);
    lock_sync_guard_unref(g);
}

/* --- a store that fails --- */

static lock_sync_status broken_load(void *user, void *record, size_t *size, int64_t *now_ms)
{
    (void)record;
    *size = 0;
    *now_ms = 1;
    return *(const bool *)user ? LOCK_SYNC_E_NETWORK : LOCK_SYNC_OK;
}

static lock_sync_status unused_replace(void *user, const void *old_record, size_t old_size, const void *new_record,
                                       size_t new_size, bool *replaced)
{
    (void)user, (void)old_record, (void)old_size, (void)new_record, (void)new_size;
    *replaced = true;
    return LOCK_SYNC_OK;
}

TEST(a_guard_whose_store_fails_is_a_temporary_error)
{
    bool is_broken = true;
    const lock_sync_guard_store store = {
        .struct_size = sizeof store, .user = &is_broken, .load = broken_load, .replace = unused_replace};
    lock_sync_guard *g;
    pull p;

    MUST_OK(lock_sync_guard_new_with_store(&store, &g));
    pull_begin(&p, &response_good, 1, 20000);
    CHECK_OK(lock_sync_set_guard(p.ctx, g));
    CHECK_OK(lock_sync_set_guard_mode(p.ctx, LOCK_SYNC_GUARD_FAIL));
    CHECK_INT(pull_next(&p, 0), LOCK_SYNC_E_TIMEOUT);
    CHECK_INT(lock_sync_watch_last_status(p.w), LOCK_SYNC_E_GUARD);
    pull_check_due(&p, 20000, 22000);
    CHECK_INT(p.fake.performed, 0);
    is_broken = false;
    CHECK_OK(pull_due(&p, 0));
    pull_end(&p);
    lock_sync_guard_unref(g);
}

/* After a 429 the guard denies slots to all its users. The watch polls as soon as it may. */
TEST(a_watch_waits_for_the_guard_after_a_429)
{
    static const t_step steps[] = {{.http = 429}, RESPONSE("")};
    lock_sync_guard *g;
    int64_t wait_ms;
    pull p;

    g = pull_begin_guarded(&p, steps, 1, 60, LOCK_SYNC_GUARD_FAIL);
    p.fake.step_count = 2;
    CHECK_INT(pull_next(&p, 0), LOCK_SYNC_E_TIMEOUT);
    CHECK_INT(lock_sync_watch_last_status(p.w), LOCK_SYNC_E_RATE_LIMITED);
    CHECK_INT(lock_sync_guard_reserve(g, 0, &wait_ms, NULL), LOCK_SYNC_E_TOO_SOON);
    CHECK_OK(pull_next(&p, KIT_PATIENCE_MS));
    CHECK_INT(p.fake.performed, 2);
    pull_end(&p);
    lock_sync_guard_unref(g);
}
