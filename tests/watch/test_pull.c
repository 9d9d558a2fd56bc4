/* lock_sync_watch_next: what it reports, how long it waits, and what may be called meanwhile. test_errors.c has the
   errors. */
#include "pull.h"

#include <inttypes.h>

static const t_step locked = RESPONSE(LOCK_IN(1, 6) "," LOCK_IN(2, 6));
static const t_step opened = RESPONSE(LOCK_IN(1, 2) "," LOCK_IN(2, 6));

/* --- changes --- */

TEST(a_good_response_gives_the_changes_since_the_last_one_and_is_kept)
{
    static const struct {
        const char *name;
        t_step step;
        lock_sync_status status;
        const char *changes;
        int64_t kept;  /* records; -1: no good response yet */
        int32_t state; /* of lock 1 */
    } table[] = {
        {"an error", {.http = 503}, LOCK_SYNC_E_TIMEOUT, "", -1, 0},
        {"the first reports all", RESPONSE(LOCK_IN(2, 6) "," LOCK_IN(1, 6)), LOCK_SYNC_OK, "1:21 2:21 ", 2, 6},
        {"the same", RESPONSE(LOCK_IN(1, 6) "," LOCK_IN(2, 6)), LOCK_SYNC_E_TIMEOUT, "", 2, 6},
        {"one has changed", RESPONSE(LOCK_IN(1, 2) "," LOCK_IN(2, 6)), LOCK_SYNC_OK, "1:16 ", 2, 2},
        {"an error", {.http = 503}, LOCK_SYNC_E_TIMEOUT, "", 2, 2},
        {"one is new", RESPONSE(LOCK_IN(3, 6) "," LOCK_IN(2, 5)), LOCK_SYNC_OK, "1:26 2:16 3:21 ", 2, 0},
        {"all are removed", RESPONSE(""), LOCK_SYNC_OK, "2:26 3:26 ", 0, 0},
    };
    t_step steps[COUNT_OF(table)];
    pull p;

    for (size_t i = 0; i < COUNT_OF(table); i++)
        steps[i] = table[i].step;
    PULL_BEGIN(&p, steps, 20000);
    CHECK(lock_sync_watch_results(NULL) == NULL);
    CHECK(lock_sync_watch_results(p.w) == NULL);
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        const lock_sync_results *r;

        t_row("response %zu, %s", i, table[i].name);
        CHECK_INT(pull_due(&p, 0), table[i].status);
        CHECK_TEXT(p.changes, table[i].changes);
        r = lock_sync_watch_results(p.w);
        CHECK_INT(r == NULL ? -1 : (int64_t)lock_sync_results_count(r), table[i].kept);
        CHECK_INT(lock_sync_lock_state(lock_sync_results_find(r, 1)), table[i].state);
    }
    pull_end(&p);
}

TEST(an_account_without_locks_is_reported_once)
{
    static const t_step step = RESPONSE("");
    pull p;

    pull_begin(&p, &step, 1, 20000);
    CHECK_INT(lock_sync_watch_last_status(p.w), LOCK_SYNC_OK);
    CHECK_OK(pull_next(&p, 0));
    CHECK_INT(pull_due(&p, 0), LOCK_SYNC_E_TIMEOUT);
    CHECK_HOLDS(t_error_message(p.ctx), "no lock changed");
    CHECK_INT(lock_sync_watch_last_status(p.w), LOCK_SYNC_OK);
    CHECK_INT(p.fake.performed, 2);
    pull_end(&p);
}

TEST(only_the_requested_ids_are_watched)
{
    static const t_step steps[] = {RESPONSE(LOCK_IN(1, 6) "," LOCK_IN(2, 6) "," LOCK_IN(3, 6)),
                                   RESPONSE(LOCK_IN(1, 6) "," LOCK_IN(2, 2) "," LOCK_IN(3, 2)),
                                   RESPONSE(LOCK_IN(1, 2))};
    static const char *const want[] = {"1:21 3:21 ", "3:16 ", "1:16 3:26 "};
    int64_t ids[] = {3, 9, 1, 3};
    pull p;

    PULL_BEGIN(&p, steps, 20000);
    lock_sync_watch_free(p.w);
    MUST_OK(lock_sync_watch_new(p.ctx, ids, 4, &p.w));
    ids[0] = ids[2] = 2; /* copied */
    for (size_t i = 0; i < COUNT_OF(want); i++) {
        CHECK_OK(pull_due(&p, 0));
        CHECK_TEXT(p.changes, want[i]);
    }
    CHECK_TEXT(p.fake.url[0], "https://api.tedee.com/api/v37/my/lock/sync?id=3&id=9&id=1");
    CHECK_INT(pull_due(&p, 0), LOCK_SYNC_E_TIMEOUT);
    pull_end(&p);
}

TEST(watches_of_one_context_are_independent)
{
    const t_step steps[] = {locked, locked, opened};
    static const int64_t id = 2;
    lock_sync_watch *first;
    lock_sync_watch *second;
    pull p;

    PULL_BEGIN(&p, steps, 20000);
    first = p.w;
    CHECK_OK(lock_sync_watch_new(p.ctx, &id, 1, &second));
    CHECK_OK(pull_next(&p, 0));
    p.w = second;
    CHECK_OK(pull_next(&p, 0));
    CHECK_TEXT(p.changes, "2:21 ");
    p.w = first;
    CHECK_OK(pull_due(&p, 0));
    CHECK_TEXT(p.changes, "1:16 ");
    p.w = second;
    CHECK_INT(pull_due(&p, 0), LOCK_SYNC_E_TIMEOUT);
    lock_sync_watch_free(first);
    pull_end(&p);
}

/* --- memory --- */

/* Begins a context with memory from `heap`. The watch keeps the default interval. */
static void begin_in(pull *p, t_heap *heap, const t_step *steps, size_t count)
{
    lock_sync_allocator memory = t_heap_allocator(heap);

    *p = (pull){.fake = {.steps = steps, .step_count = count}};
    MUST_OK(lock_sync_ctx_new_with_allocator(&memory, &p->ctx));
    CHECK_OK(lock_sync_set_personal_key(p->ctx, "k"));
    t_fake_use(p->ctx, &p->fake);
}

TEST(changes_that_there_was_no_memory_for_are_in_the_next)
{
    static const t_step steps[] = {RESPONSE("{\"id\":1}"), RESPONSE("{\"id\":1},{\"id\":2}")};
    bool lost_one = false;
    size_t n = 0;

    for (bool failed = true; failed; n++) {
        t_heap heap = {0};
        lock_sync_status status;
        pull p;

        t_row("allocation %zu", n);
        begin_in(&p, &heap, steps, 2);
        CHECK_OK(lock_sync_watch_new(p.ctx, NULL, 0, &p.w));
        CHECK_OK(pull_next(&p, 0));
        t_heap_fail_in(&heap, n);
        status = pull_due(&p, 0);
        failed = heap.failed > 0;
        heap.fail_at = 0;
        if (status != LOCK_SYNC_OK) {
            CHECK_INT(status, LOCK_SYNC_E_TIMEOUT);
            CHECK_INT(lock_sync_watch_last_status(p.w), LOCK_SYNC_E_NO_MEMORY);
            lost_one = true;
            CHECK_OK(pull_due(&p, 0));
        }
        CHECK_TEXT(p.changes, "2:1 ");
        CHECK_INT(pull_due(&p, 0), LOCK_SYNC_E_TIMEOUT);
        pull_end(&p);
        t_heap_check_empty(&heap);
    }
    CHECK(lost_one);
}

TEST(a_watch_is_one_block_and_changes_outlive_it)
{
    static const int64_t ids[] = {1, 2};
    t_heap heap = {0};
    lock_sync_changes *c;
    size_t blocks;
    pull p;

    begin_in(&p, &heap, &locked, 1);
    p.w = (lock_sync_watch *)(void *)&heap;
    blocks = heap.blocks;
    t_heap_fail_in(&heap, 0);
    CHECK_INT(lock_sync_watch_new(p.ctx, ids, 2, &p.w), LOCK_SYNC_E_NO_MEMORY);
    CHECK(p.w == NULL);
    CHECK_INT(t_error_status(p.ctx), LOCK_SYNC_E_NO_MEMORY);
    CHECK_OK(lock_sync_watch_new(p.ctx, ids, 2, &p.w));
    CHECK_INT(heap.blocks, blocks + 1);
    CHECK_INT(t_error_status(p.ctx), LOCK_SYNC_OK);
    CHECK_OK(lock_sync_watch_next(p.w, 0, &c));
    pull_end(&p);
    CHECK_INT(heap.blocks, 1);
    CHECK_INT(lock_sync_changes_at(c, 1)->after->id, 2);
    lock_sync_changes_free(c);
    t_heap_check_empty(&heap);
}

/* --- time --- */

TEST(the_age_is_that_of_the_last_good_response)
{
    static const t_step steps[] = {{.http = 500}, RESPONSE(""), RESPONSE(""), {.http = 500}, {.http = 401}};
    int64_t due_ms;
    pull p;

    CHECK_INT(lock_sync_watch_age_ms(NULL), -1);
    PULL_BEGIN(&p, steps, 20000);
    CHECK_INT(pull_due(&p, 0), LOCK_SYNC_E_TIMEOUT);
    CHECK_INT(lock_sync_watch_age_ms(p.w), -1);
    CHECK_OK(pull_due(&p, 0));
    CHECK_BETWEEN(lock_sync_watch_age_ms(p.w), 0, 999);
    pull_pass(5000);
    CHECK_BETWEEN(lock_sync_watch_age_ms(p.w), 5000, 5999);
    CHECK_INT(pull_due(&p, 0), LOCK_SYNC_E_TIMEOUT); /* a response without a change is good too */
    CHECK_BETWEEN(lock_sync_watch_age_ms(p.w), 0, 999);
    due_ms = lock_sync_watch_due_in_ms(p.w);
    CHECK_INT(pull_due(&p, 0), LOCK_SYNC_E_TIMEOUT);
    due_ms += lock_sync_watch_due_in_ms(p.w);
    CHECK_INT(pull_due(&p, 0), LOCK_SYNC_E_UNAUTHORIZED);
    CHECK_BETWEEN(lock_sync_watch_age_ms(p.w), due_ms, due_ms + 999);
    pull_end(&p);
}

TEST(a_timeout_bounds_the_wait_and_0_does_not_wait)
{
    pull p;
    int64_t before_us;

    pull_begin(&p, &locked, 1, 20000);
    CHECK_INT(lock_sync_watch_due_in_ms(p.w), 0);
    CHECK_INT(lock_sync_watch_due_in_ms(NULL), 0);
    CHECK_OK(pull_next(&p, 0));
    pull_check_due(&p, 20000, 22000);
    before_us = kit_now_us();
    for (int i = 0; i < 100; i++)
        CHECK_INT(pull_next(&p, 0), LOCK_SYNC_E_TIMEOUT);
    CHECK_BETWEEN(kit_now_us() - before_us, 0, 500000 * kit_slack());
    before_us = kit_now_us();
    CHECK_INT(pull_next(&p, 30), LOCK_SYNC_E_TIMEOUT);
    CHECK_BETWEEN(kit_now_us() - before_us, 30000, 1000000 * kit_slack());
    CHECK_INT(p.fake.performed, 1);
    pull_end(&p);
}

TEST(a_wait_without_a_limit_lasts_until_a_lock_changes)
{
    static const int64_t timeouts[] = {-1, INT64_MIN, INT64_MAX, INT64_MAX - 1, 3600000};
    static const t_step steps[] = {
        RESPONSE("{\"id\":1}"), RESPONSE("{\"id\":1}"), {.http = 500}, RESPONSE("{\"id\":1}"), RESPONSE("{\"id\":2}")};

    for (size_t i = 0; i < COUNT_OF(timeouts); i++) {
        pull p;

        t_row("timeout %" PRId64, timeouts[i]);
        PULL_BEGIN(&p, steps, 5);
        CHECK_OK(pull_next(&p, timeouts[i]));
        CHECK_OK(pull_next(&p, timeouts[i]));
        CHECK_TEXT(p.changes, "1:2 2:1 ");
        CHECK_INT(p.fake.performed, 5);
        pull_end(&p);
    }
}

static void take_long(void *user, const lock_sync_request *q, lock_sync_response *s)
{
    (void)user, (void)s;
    pull_pass(50);
    CHECK(!lock_sync_request_is_cancelled(q));
}

TEST(a_poll_that_has_begun_is_not_aborted_by_the_timeout)
{
    static const t_step step = {.http = 200, .body = "{\"result\":[]}", .hook = take_long};
    pull p;

    pull_begin(&p, &step, 1, 20000);
    CHECK_OK(pull_next(&p, 1));
    pull_end(&p);
}

/* --- calls during a poll and between polls --- */

static void call_inside(void *user, const lock_sync_request *q, lock_sync_response *s)
{
    pull *p = user;
    lock_sync_changes *c = (lock_sync_changes *)(void *)p;
    lock_sync_watch *w = p->w;

    (void)q, (void)s;
    CHECK_INT(lock_sync_watch_next(p->w, 0, &c), LOCK_SYNC_E_BUSY);
    CHECK(c == NULL);
    CHECK_INT(lock_sync_watch_next(p->w, 0, NULL), LOCK_SYNC_E_BUSY);
    CHECK_INT(lock_sync_watch_new(p->ctx, NULL, 0, &w), LOCK_SYNC_E_BUSY);
    CHECK(w == NULL);
    CHECK_INT(lock_sync_set_timeout_ms(p->ctx, 1000), LOCK_SYNC_E_BUSY);
}

TEST(a_context_is_busy_in_a_poll_and_free_between_two)
{
    static const t_step steps[] = {{.http = 200, .body = "{\"result\":[]}", .hook = call_inside},
                                   {.http = 200, .body = "{\"result\":[]}", .hook = call_inside},
                                   RESPONSE("{\"id\":1}")};
    pull p;

    PULL_BEGIN(&p, steps, 20000);
    CHECK_OK(pull_next(&p, 0));
    CHECK_OK(lock_sync_set_personal_key(p.ctx, "second"));
    CHECK_OK(fetch_all(p.ctx)); /* the watch does not notice it, but its context is busy */
    CHECK_OK(pull_due(&p, 0));
    CHECK_TEXT(p.changes, "1:1 ");
    CHECK_TEXT(p.fake.authorization[2], "PersonalKey second");
    pull_end(&p);
}

static void cancel_inside(void *user, const lock_sync_request *q, lock_sync_response *s)
{
    (void)q, (void)s;
    lock_sync_cancel(((pull *)user)->ctx);
}

TEST(a_cancelled_poll_is_reported_and_the_next_call_continues)
{
    const t_step steps[] = {locked, {.returns = LOCK_SYNC_E_CANCELLED, .hook = cancel_inside}, opened};
    pull p;

    PULL_BEGIN(&p, steps, 20000);
    lock_sync_cancel(p.ctx); /* nothing runs */
    CHECK_OK(pull_next(&p, 0));
    lock_sync_cancel(p.ctx);
    CHECK_INT(pull_due(&p, -1), LOCK_SYNC_E_CANCELLED);
    CHECK_INT(lock_sync_watch_last_status(p.w), LOCK_SYNC_E_CANCELLED);
    pull_check_due(&p, 20000, 22000);
    CHECK_OK(pull_due(&p, 0));
    CHECK_TEXT(p.changes, "1:16 ");
    pull_end(&p);
}

TEST(wrong_arguments_are_rejected)
{
    static const int64_t bad_ids[] = {1, 0}, bad_intervals[] = {0, -1, INT64_MIN, 86400001, INT64_MAX};
    pull p;
    lock_sync_watch *w = (lock_sync_watch *)(void *)&p;
    lock_sync_changes *c = (lock_sync_changes *)(void *)&p;

    pull_begin(&p, &locked, 1, 20000);
    CHECK_INT(lock_sync_watch_new(NULL, NULL, 0, &w), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK(w == NULL);
    CHECK_INT(lock_sync_watch_new(p.ctx, NULL, 0, NULL), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(t_error_status(p.ctx), LOCK_SYNC_E_INVALID_ARGUMENT);
    w = p.w;
    CHECK_INT(lock_sync_watch_new(p.ctx, bad_ids, 2, &w), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK(w == NULL);
    CHECK_INT(lock_sync_watch_new(p.ctx, NULL, 1, &w), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_watch_next(NULL, 0, &c), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK(c == NULL);
    CHECK_INT(lock_sync_watch_next(NULL, 0, NULL), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_watch_next(p.w, 0, NULL), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(t_error_status(p.ctx), LOCK_SYNC_E_INVALID_ARGUMENT);
    for (size_t i = 0; i < COUNT_OF(bad_intervals); i++)
        CHECK_INT(lock_sync_watch_set_interval_ms(p.w, bad_intervals[i]), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_watch_set_interval_ms(NULL, 1000), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_OK(lock_sync_watch_set_interval_ms(p.w, 86400000));
    CHECK_OK(lock_sync_watch_set_interval_ms(p.w, 1));
    CHECK_INT(lock_sync_watch_last_status(NULL), LOCK_SYNC_OK);
    lock_sync_watch_free(NULL);
    CHECK_OK(pull_next(&p, 0)); /* the watch still works */
    pull_end(&p);
}
