/* lock_sync_watch_next: what it tells, how long it waits, and what may be done meanwhile. Errors have a file of their
   own. */
#include "pull.h"
#include "watch/watch.h"

#include <inttypes.h>

static const t_step locked = SAYS(LOCK_IN(1, 6) "," LOCK_IN(2, 6));
static const t_step opened = SAYS(LOCK_IN(1, 2) "," LOCK_IN(2, 6));

/* --- changes --- */

TEST(the_first_answer_tells_every_lock_as_added)
{
    static const struct {
        const char *name;
        t_step step;
        const char *want;
    } table[] = {
        {"two locks", SAYS(LOCK_IN(2, 6) "," LOCK_IN(1, 6)), "1:21 2:21 "},
        {"none", SAYS(""), ""},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        pull p;

        t_row("%s", table[i].name);
        pull_begin(&p, &table[i].step, 1, 20000);
        CHECK_INT(lock_sync_watch_last_status(p.w), LOCK_SYNC_OK);
        CHECK_OK(pull_next(&p, 0));
        CHECK_TEXT(p.told, table[i].want);
        CHECK_INT(pull_due(&p, 0), LOCK_SYNC_E_TIMEOUT); /* the same again is no change */
        CHECK_INT(p.fake.performed, 2);
        CHECK_HOLDS(t_error_message(p.ctx), "no lock changed");
        CHECK_INT(lock_sync_watch_last_status(p.w), LOCK_SYNC_OK);
        pull_end(&p);
    }
}

TEST(later_answers_tell_what_differs_from_the_one_before)
{
    static const t_step steps[] = {SAYS(LOCK_IN(1, 6) "," LOCK_IN(2, 6)), SAYS(LOCK_IN(1, 2) "," LOCK_IN(2, 6)),
                                   SAYS(LOCK_IN(1, 2) "," LOCK_IN(2, 6)), SAYS(LOCK_IN(3, 6) "," LOCK_IN(2, 5)),
                                   SAYS("")};
    static const char *const want[] = {"1:21 2:21 ", "1:16 ", NULL, "1:26 2:16 3:21 ", "2:26 3:26 "};
    pull p;

    PULL_BEGIN(&p, steps, 20000);
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        t_row("answer %zu", i);
        CHECK_INT(pull_due(&p, 0), want[i] == NULL ? LOCK_SYNC_E_TIMEOUT : LOCK_SYNC_OK);
        CHECK_TEXT(p.told, want[i] == NULL ? "" : want[i]);
    }
    pull_end(&p);
}

TEST(results_are_the_records_of_the_last_good_answer)
{
    static const t_step steps[] = {{.http = 503}, SAYS(LOCK_IN(1, 6) "," LOCK_IN(2, 6)), SAYS(LOCK_IN(1, 2)),
                                   {.http = 503}, SAYS(LOCK_IN(1, 2)), SAYS("")};
    static const struct {
        lock_sync_status status;
        bool none;
        size_t count;
        int32_t state;
    } want[] = {
        {LOCK_SYNC_E_TIMEOUT, true, 0, 0}, {LOCK_SYNC_OK, false, 2, 6},     {LOCK_SYNC_OK, false, 1, 2},
        {LOCK_SYNC_E_TIMEOUT, false, 1, 2}, {LOCK_SYNC_E_TIMEOUT, false, 1, 2}, {LOCK_SYNC_OK, false, 0, 0},
    };
    pull p;

    PULL_BEGIN(&p, steps, 20000);
    CHECK(lock_sync_watch_results(NULL) == NULL);
    CHECK(lock_sync_watch_results(p.w) == NULL);
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        const lock_sync_results *r;

        t_row("answer %zu", i);
        CHECK_INT(pull_due(&p, 0), want[i].status);
        r = lock_sync_watch_results(p.w);
        CHECK((r == NULL) == want[i].none);
        CHECK_INT(lock_sync_results_count(r), want[i].count);
        CHECK_INT(lock_sync_lock_state(lock_sync_results_find(r, 1)), want[i].state);
    }
    pull_end(&p);
}

TEST(only_the_ids_asked_for_are_watched)
{
    static const t_step steps[] = {SAYS(LOCK_IN(1, 6) "," LOCK_IN(2, 6) "," LOCK_IN(3, 6)),
                                   SAYS(LOCK_IN(1, 6) "," LOCK_IN(2, 2) "," LOCK_IN(3, 2)), SAYS(LOCK_IN(1, 2))};
    int64_t ids[] = {3, 9, 1, 3};
    lock_sync_changes *c;
    pull p;

    PULL_BEGIN(&p, steps, 20000);
    lock_sync_watch_free(p.w);
    MUST_OK(lock_sync_watch_new(p.ctx, ids, 4, &p.w));
    ids[0] = ids[2] = 2; /* copied */
    CHECK_OK(pull_next(&p, 0));
    CHECK_TEXT(p.told, "1:21 3:21 ");
    CHECK_TEXT(p.fake.url[0], "https://api.tedee.com/api/v37/my/lock/sync?id=3&id=9&id=1");
    CHECK_OK(pull_due(&p, 0));
    CHECK_TEXT(p.told, "3:16 ");
    CHECK_OK(pull_due(&p, 0));
    CHECK_TEXT(p.told, "1:16 3:26 ");
    p.w->due_us = 0;
    CHECK_INT(lock_sync_watch_next(p.w, 0, &c), LOCK_SYNC_E_TIMEOUT);
    CHECK(c == NULL);
    pull_end(&p);
}

TEST(watches_of_one_context_are_independent)
{
    static const t_step steps[] = {SAYS(LOCK_IN(1, 6) "," LOCK_IN(2, 6)), SAYS(LOCK_IN(1, 6) "," LOCK_IN(2, 6)),
                                   SAYS(LOCK_IN(1, 2) "," LOCK_IN(2, 6))};
    static const int64_t id = 2;
    lock_sync_watch *second;
    lock_sync_changes *c;
    pull p;

    PULL_BEGIN(&p, steps, 20000);
    CHECK_OK(lock_sync_watch_new(p.ctx, &id, 1, &second));
    CHECK_OK(pull_next(&p, 0));
    CHECK_OK(lock_sync_watch_next(second, 0, &c));
    CHECK_INT(lock_sync_changes_count(c), 1);
    lock_sync_changes_free(c);
    CHECK_OK(pull_due(&p, 0));
    CHECK_TEXT(p.told, "1:16 ");
    second->due_us = 0;
    CHECK_INT(lock_sync_watch_next(second, 0, &c), LOCK_SYNC_E_TIMEOUT);
    lock_sync_watch_free(second);
    pull_end(&p);
}

/* --- memory --- */

#define TWO_LOCKS "{\"result\":[{\"id\":1},{\"id\":2}]}"

TEST(an_answer_that_there_was_no_memory_for_is_told_by_the_next)
{
    static const t_step steps[] = {SAYS("{\"id\":1}"), {.http = 200, .body = TWO_LOCKS}};
    bool lost_one = false;
    size_t n = 0;

    for (bool refused = true; refused; n++) {
        t_heap heap = {0};
        lock_sync_allocator memory = t_heap_allocator(&heap);
        lock_sync_changes *c;
        lock_sync_status status;
        pull p = {.fake = {.steps = steps, .step_count = 2}};

        t_row("allocation %zu", n);
        MUST_OK(lock_sync_ctx_new_with_allocator(&memory, &p.ctx));
        CHECK_OK(lock_sync_set_personal_key(p.ctx, "k"));
        t_fake_use(p.ctx, &p.fake);
        CHECK_OK(lock_sync_watch_new(p.ctx, NULL, 0, &p.w));
        CHECK_OK(lock_sync_watch_next(p.w, 0, &c));
        lock_sync_changes_free(c);
        p.w->due_us = 0;
        t_heap_fail_in(&heap, n);
        status = lock_sync_watch_next(p.w, 0, &c);
        refused = heap.refused > 0;
        heap.fail_at = 0;
        if (status != LOCK_SYNC_OK) {
            CHECK_INT(status, LOCK_SYNC_E_TIMEOUT);
            CHECK_INT(lock_sync_watch_last_status(p.w), LOCK_SYNC_E_NO_MEMORY);
            CHECK(c == NULL);
            lost_one = true;
            p.w->due_us = 0;
            CHECK_OK(lock_sync_watch_next(p.w, 0, &c));
        }
        CHECK_INT(lock_sync_changes_count(c), 1);
        CHECK_INT(lock_sync_change_kinds(lock_sync_changes_at(c, 0)), LOCK_SYNC_CHANGE_ADDED);
        lock_sync_changes_free(c);
        p.w->due_us = 0;
        CHECK_INT(lock_sync_watch_next(p.w, 0, &c), LOCK_SYNC_E_TIMEOUT);
        pull_end(&p);
        t_heap_check_empty(&heap);
    }
    CHECK(lost_one);
}

TEST(a_watch_is_one_block_and_changes_outlive_it)
{
    t_heap heap = {0};
    lock_sync_allocator memory = t_heap_allocator(&heap);
    static const int64_t ids[] = {1, 2};
    lock_sync_watch *w = (lock_sync_watch *)(void *)&heap;
    t_fake fake = {.steps = &locked, .step_count = 1};
    lock_sync_changes *c;
    lock_sync_ctx *ctx;
    size_t blocks;

    MUST_OK(lock_sync_ctx_new_with_allocator(&memory, &ctx));
    CHECK_OK(lock_sync_set_personal_key(ctx, "k"));
    t_fake_use(ctx, &fake);
    blocks = heap.blocks;
    t_heap_fail_in(&heap, 0);
    CHECK_INT(lock_sync_watch_new(ctx, ids, 2, &w), LOCK_SYNC_E_NO_MEMORY);
    CHECK(w == NULL);
    CHECK_INT(t_error_status(ctx), LOCK_SYNC_E_NO_MEMORY);
    CHECK_OK(lock_sync_watch_new(ctx, ids, 2, &w));
    CHECK_INT(heap.blocks, blocks + 1);
    CHECK_INT(t_error_status(ctx), LOCK_SYNC_OK);
    CHECK_OK(lock_sync_watch_next(w, 0, &c));
    lock_sync_watch_free(w);
    lock_sync_ctx_free(ctx);
    CHECK_INT(heap.blocks, 1);
    CHECK_INT(lock_sync_changes_at(c, 1)->after->id, 2);
    lock_sync_changes_free(c);
    t_heap_check_empty(&heap);
}

/* --- time --- */

TEST(age_is_that_of_the_last_good_answer)
{
    static const t_step steps[] = {{.http = 500}, SAYS(""), SAYS(""), {.http = 500}, {.http = 401}};
    pull p;

    CHECK_INT(lock_sync_watch_age_ms(NULL), -1);
    PULL_BEGIN(&p, steps, 20000);
    CHECK_INT(lock_sync_watch_age_ms(p.w), -1);
    CHECK_INT(pull_due(&p, 0), LOCK_SYNC_E_TIMEOUT);
    CHECK_INT(lock_sync_watch_age_ms(p.w), -1);
    CHECK_OK(pull_due(&p, 0));
    CHECK(lock_sync_watch_age_ms(p.w) >= 0 && lock_sync_watch_age_ms(p.w) < 1000);
    p.w->last_good_us -= INT64_C(5000000);
    CHECK(lock_sync_watch_age_ms(p.w) >= 5000 && lock_sync_watch_age_ms(p.w) < 6000);
    CHECK_INT(pull_due(&p, 0), LOCK_SYNC_E_TIMEOUT); /* an answer without a change is good, too */
    CHECK(lock_sync_watch_age_ms(p.w) < 1000);
    p.w->last_good_us -= INT64_C(5000000);
    CHECK_INT(pull_due(&p, 0), LOCK_SYNC_E_TIMEOUT);
    CHECK_INT(pull_due(&p, 0), LOCK_SYNC_E_UNAUTHORIZED);
    CHECK(lock_sync_watch_age_ms(p.w) >= 5000);
    pull_end(&p);
}

TEST(timeout_0_polls_if_it_is_time_to_and_does_not_wait)
{
    static const t_step steps[] = {SAYS(""), SAYS("{\"id\":1}")};
    pull p;
    int64_t before_us;

    PULL_BEGIN(&p, steps, 20000);
    CHECK_INT(lock_sync_watch_due_in_ms(p.w), 0);
    CHECK_INT(lock_sync_watch_due_in_ms(NULL), 0);
    CHECK_OK(pull_next(&p, 0));
    CHECK(lock_sync_watch_due_in_ms(p.w) > 19000);
    before_us = kit_now_us();
    for (int i = 0; i < 100; i++)
        CHECK_INT(pull_next(&p, 0), LOCK_SYNC_E_TIMEOUT);
    CHECK(kit_now_us() - before_us < 500000 * kit_slack());
    CHECK_INT(p.fake.performed, 1);
    CHECK_OK(pull_due(&p, 0));
    pull_end(&p);
}

TEST(a_timeout_bounds_the_waiting)
{
    pull p;
    int64_t before_us;

    pull_begin(&p, &locked, 1, 20000);
    CHECK_OK(pull_next(&p, 60000));
    before_us = kit_now_us();
    CHECK_INT(pull_next(&p, 30), LOCK_SYNC_E_TIMEOUT);
    CHECK(kit_now_us() - before_us >= 30000);
    CHECK(kit_now_us() - before_us < 1000000 * kit_slack());
    CHECK_INT(p.fake.performed, 1);
    pull_end(&p);
}

TEST(a_wait_without_an_end_goes_on_until_something_changes)
{
    static const int64_t timeouts[] = {-1, INT64_MIN, INT64_MAX, INT64_MAX - 1, 3600000};

    for (size_t i = 0; i < COUNT_OF(timeouts); i++) {
        static const t_step steps[] = {SAYS("{\"id\":1}"), SAYS("{\"id\":1}"), {.http = 500}, SAYS("{\"id\":1}"),
                                       SAYS("{\"id\":2}")};
        pull p;

        t_row("timeout %" PRId64, timeouts[i]);
        PULL_BEGIN(&p, steps, 5);
        CHECK_OK(pull_next(&p, timeouts[i]));
        CHECK_OK(pull_next(&p, timeouts[i]));
        CHECK_TEXT(p.told, "1:2 2:1 ");
        CHECK_INT(p.fake.performed, 5);
        pull_end(&p);
    }
}

static int64_t polled_us[8];
static size_t polls;

static void note_time(void *user, const lock_sync_request *q, lock_sync_response *s)
{
    (void)user, (void)q, (void)s;
    if (polls < COUNT_OF(polled_us))
        polled_us[polls++] = kit_now_us();
}

TEST(polls_are_an_interval_apart)
{
    static const t_step step = {.http = 200, .body = "{\"result\":[]}", .hook = note_time};
    pull p;

    polls = 0;
    pull_begin(&p, &step, 1, 30);
    CHECK_OK(pull_next(&p, 0));
    CHECK_INT(pull_next(&p, 200 * kit_slack()), LOCK_SYNC_E_TIMEOUT);
    CHECK(polls >= 3);
    for (size_t i = 1; i < polls; i++)
        CHECK(polled_us[i] - polled_us[i - 1] >= 30000);
    pull_end(&p);
}

static void take_long(void *user, const lock_sync_request *q, lock_sync_response *s)
{
    int64_t until_us = kit_now_us() + 50000;

    (void)user, (void)s;
    while (kit_now_us() < until_us)
        continue;
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

/* --- who may call what when --- */

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
    CHECK_INT(lock_sync_set_personal_key(p->ctx, "other"), LOCK_SYNC_E_BUSY);
}

TEST(between_two_calls_the_context_is_free)
{
    static const t_step steps[] = {
        {.http = 200, .body = "{\"result\":[]}", .hook = call_inside}, SAYS(""), SAYS("{\"id\":1}")};
    lock_sync_results *r;
    pull p;

    PULL_BEGIN(&p, steps, 20000);
    CHECK_OK(pull_next(&p, 0));
    CHECK_OK(lock_sync_set_personal_key(p.ctx, "second"));
    CHECK_OK(lock_sync_fetch(p.ctx, NULL, 0, &r)); /* which the watch does not notice */
    lock_sync_results_free(r);
    CHECK_OK(pull_due(&p, 0));
    CHECK_TEXT(p.told, "1:1 ");
    CHECK_TEXT(p.fake.authorization[2], "PersonalKey second");
    pull_end(&p);
}

static void fetch_runs(void *user, const lock_sync_request *q, lock_sync_response *s)
{
    call_inside(user, q, s);
}

TEST(a_watch_is_busy_while_its_context_fetches)
{
    static const t_step step = {.http = 200, .body = "{\"result\":[]}", .hook = fetch_runs};
    lock_sync_results *r;
    pull p;

    pull_begin(&p, &step, 1, 20000);
    CHECK_OK(lock_sync_fetch(p.ctx, NULL, 0, &r));
    lock_sync_results_free(r);
    pull_end(&p);
}

static void cancel_inside(void *user, const lock_sync_request *q, lock_sync_response *s)
{
    (void)q, (void)s;
    lock_sync_cancel(((pull *)user)->ctx);
}

TEST(a_cancelled_poll_is_told_and_the_next_call_goes_on)
{
    const t_step steps[] = {locked, {.returns = LOCK_SYNC_E_CANCELLED, .hook = cancel_inside}, opened};
    pull p;

    PULL_BEGIN(&p, steps, 20000);
    lock_sync_cancel(p.ctx); /* nothing runs */
    CHECK_OK(pull_next(&p, 0));
    lock_sync_cancel(p.ctx);
    CHECK_INT(pull_due(&p, -1), LOCK_SYNC_E_CANCELLED);
    CHECK_INT(lock_sync_watch_last_status(p.w), LOCK_SYNC_E_CANCELLED);
    CHECK(lock_sync_watch_due_in_ms(p.w) > 19000 && lock_sync_watch_due_in_ms(p.w) <= 22000);
    CHECK_OK(pull_due(&p, 0));
    CHECK_TEXT(p.told, "1:16 ");
    pull_end(&p);
}

TEST(wrong_arguments)
{
    static const int64_t bad_ids[] = {1, 0}, bad_intervals[] = {0, -1, INT64_MIN, 86400001, INT64_MAX};
    lock_sync_watch *w = (lock_sync_watch *)(void *)&polls;
    lock_sync_changes *c = (lock_sync_changes *)(void *)&polls;
    pull p;

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
    CHECK_OK(pull_next(&p, 0)); /* none of it did harm */
    pull_end(&p);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(the_first_answer_tells_every_lock_as_added),
        T(later_answers_tell_what_differs_from_the_one_before),
        T(results_are_the_records_of_the_last_good_answer),
        T(only_the_ids_asked_for_are_watched),
        T(watches_of_one_context_are_independent),
        T(an_answer_that_there_was_no_memory_for_is_told_by_the_next),
        T(a_watch_is_one_block_and_changes_outlive_it),
        T(age_is_that_of_the_last_good_answer),
        T(timeout_0_polls_if_it_is_time_to_and_does_not_wait),
        T(a_timeout_bounds_the_waiting),
        T(a_wait_without_an_end_goes_on_until_something_changes),
        T(polls_are_an_interval_apart),
        T(a_poll_that_has_begun_is_not_aborted_by_the_timeout),
        T(between_two_calls_the_context_is_free),
        T(a_watch_is_busy_while_its_context_fetches),
        T(a_cancelled_poll_is_told_and_the_next_call_goes_on),
        T(wrong_arguments),
    };

    return T_MAIN(tests);
}
