/* A watch that follows the directory: which requests a poll sends, and what it reports. test_steps.c has the rule. */
#include "names.h"

TEST(the_first_request_gets_states_and_names)
{
    static const t_step steps[] = {DIRECTORY(DOOR "," SHED), STATES(LOCK(1, 2, 1) "," LOCK(2, 6, 1)),
                                   STATES(LOCK(1, 2, 1) "," LOCK(2, 6, 1)), STATES(LOCK(1, 2, 1))};
    static const turn turns[] = {
        {0, "d", "1:533:Door 2:533:Shed "}, {0, "s", "1:16:Door "}, {0, "s", ""}, {0, "s", "2:538:Shed "}};
    pull p;

    BEGIN(&p, steps);
    CHECK(lock_sync_watch_directory(p.w) == NULL);
    RUN(&p, turns);
}

TEST(a_raised_revision_a_new_id_and_an_hour_bring_a_newer_directory)
{
    static const t_step steps[] = {
        DIRECTORY(DOOR),
        /* a lock with a higher revision has another name */
        STATES(LOCK(1, 6, 2)), DIRECTORY(NAMED(1, "S-1", "Gate", 2)),
        /* a lock that the directory does not have */
        STATES(LOCK(1, 6, 2) "," LOCK(2, 6, 1)), DIRECTORY(NAMED(1, "S-1", "Gate", 2) "," SHED),
        /* an hour, and a name only */
        STATES(LOCK(1, 6, 2) "," LOCK(2, 6, 1)), DIRECTORY(NAMED(1, "S-1", "Barn", 6) "," SHED),
        STATES(LOCK(1, 6, 2) "," LOCK(2, 6, 1)),
        /* a lower revision */
        STATES(LOCK(1, 6, 1) "," LOCK(2, 6, 1))};
    static const turn turns[] = {{0, "d", "1:533:Door "},
                                 {0, "sd", "1:1536:Gate "},
                                 {0, "sd", "2:533:Shed "},
                                 {HOUR_MS, "sd", "1:1024:Barn "},
                                 {0, "s", ""},
                                 {0, "s", "1:512:Barn "}};
    pull p;

    BEGIN(&p, steps);
    RUN(&p, turns);
}

TEST(a_lock_with_another_id_is_one_change)
{
    static const t_step steps[] = {DIRECTORY(DOOR "," SHED), STATES(LOCK(2, 6, 1) "," LOCK(7, 2, 1)),
                                   DIRECTORY(SHED "," NAMED(7, "S-1", "Door", 2)),
                                   /* with another name, beside a lock that is new and one that is removed */
                                   STATES(LOCK(9, 2, 1) "," LOCK(8, 6, 1)),
                                   DIRECTORY(NAMED(8, "S-8", "Barn", 6) "," NAMED(9, "S-1", "Gate", 2)),
                                   /* with the same serial number, but in no response: removed */
                                   STATES(LOCK(8, 6, 1))};
    static const turn turns[] = {{0, "d", "1:533:Door 2:533:Shed "},
                                 {0, "sd", "1>7:2064:Door "},
                                 {0, "sd", "2:538:Shed 8:533:Barn 7>9:3072:Gate "},
                                 {0, "s", "9:538:Gate "}};
    pull p;

    BEGIN(&p, steps);
    RUN(&p, turns);
}

TEST(without_a_directory_the_states_are_reported)
{
    static const t_step steps[] = {REFUSED, STATES(LOCK(1, 6, 1)),
                                   /* not before a minute has passed, then two and four */
                                   STATES(LOCK(1, 2, 1)), STATES(LOCK(1, 6, 1)), REFUSED, STATES(LOCK(1, 6, 1)),
                                   /* the names become known; a later failure keeps them */
                                   STATES(LOCK(1, 6, 1)), DIRECTORY(DOOR), STATES(LOCK(1, 6, 2)), REFUSED,
                                   STATES(LOCK(1, 6, 2)), STATES(LOCK(1, 6, 2)), DIRECTORY(NAMED(1, "S-1", "Gate", 6))};
    static const turn turns[] = {{0, "ds", "1:533 "},
                                 {0, "s", "1:16 "},
                                 {MINUTE_MS, "sd", "1:16 "},
                                 {MINUTE_MS / 2, "s", ""},
                                 {4 * MINUTE_MS, "sd", "1:1024:Door "},
                                 {0, "sd", "1:512:Door "},
                                 {0, "s", ""},
                                 {2 * MINUTE_MS, "sd", "1:1024:Gate "}};
    pull p;

    BEGIN(&p, steps);
    RUN(&p, turns);
}

TEST(a_lock_that_no_directory_has_is_looked_for_once)
{
    static const t_step steps[] = {DIRECTORY(DOOR), STATES(LOCK(1, 6, 1) "," LOCK(5, 6, 1)), DIRECTORY(DOOR),
                                   STATES(LOCK(1, 6, 1) "," LOCK(5, 6, 1)), STATES(LOCK(1, 6, 1) "," LOCK(5, 2, 1))};
    static const turn turns[] = {{0, "d", "1:533:Door "}, {0, "sd", "5:533 "}, {0, "s", ""}, {0, "s", "5:16 "}};
    pull p;

    BEGIN(&p, steps);
    RUN(&p, turns);
}

/* The directory has null for its connection and its bridge, states have false. */
TEST(a_lock_that_was_never_paired_does_not_change)
{
    static const t_step steps[] = {DIRECTORY("{\"id\":1,\"name\":\"Door\",\"isConnected\":null,\"deviceState\":null}"),
                                   STATES("{\"id\":1,\"isConnected\":false,\"deviceState\":null}"),
                                   STATES("{\"id\":1,\"isConnected\":false,\"deviceState\":null}"),
                                   DIRECTORY("{\"id\":1,\"name\":\"Door\",\"isConnected\":null,\"deviceState\":null}")};
    static const turn turns[] = {{0, "d", "1:9:Door "}, {0, "s", ""}, {HOUR_MS, "sd", ""}};
    pull p;

    BEGIN(&p, steps);
    RUN(&p, turns);
}

TEST(a_lock_with_a_bridge_and_an_unknown_connection_stays_unknown)
{
    static const t_step steps[] = {DIRECTORY("{\"id\":1,\"name\":\"Door\",\"connectedToId\":9}"),
                                   STATES("{\"id\":1,\"isConnected\":false}")};
    static const turn turns[] = {{0, "d", "1:1:Door "}, {0, "s", "1:8:Door "}};
    pull p;

    BEGIN(&p, steps);
    RUN(&p, turns);
}

/* A 503, a 401 or a 429 would be the same for the states, and a second request at once would be wrong. */
TEST(a_failure_of_the_service_ends_the_poll_with_one_request)
{
    static const struct {
        t_step step;
        lock_sync_status status, last;
    } table[] = {{{.http = 503, .hook = note}, LOCK_SYNC_E_TIMEOUT, LOCK_SYNC_E_SERVER},
                 {{.http = 401, .hook = note}, LOCK_SYNC_E_UNAUTHORIZED, LOCK_SYNC_E_UNAUTHORIZED},
                 {{.http = 429, .hook = note}, LOCK_SYNC_E_TIMEOUT, LOCK_SYNC_E_RATE_LIMITED},
                 {{.returns = LOCK_SYNC_E_CONNECT, .hook = note}, LOCK_SYNC_E_TIMEOUT, LOCK_SYNC_E_CONNECT}};

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        t_step steps[2] = {table[i].step, STATES(LOCK(1, 6, 1))};
        pull p;

        t_row("%s", lock_sync_status_name(table[i].last));
        BEGIN(&p, steps);
        requests[0] = '\0';
        CHECK_INT(pull_next(&p, 0), table[i].status);
        CHECK_TEXT(requests, "d");
        CHECK_INT(lock_sync_watch_last_status(p.w), table[i].last);
        if (table[i].last != LOCK_SYNC_E_RATE_LIMITED) /* which blocks the states too */
            expect(&p, &(turn){0, "s", "1:533 "});
        pull_end(&p);
    }
}

/* --- the guard --- */

/* Sets a guard whose other user has just fetched the directory. */
static void guard_it_used(pull *p)
{
    lock_sync_guard *g = memory_guard(20000);
    int64_t wait_ms, slot;

    MUST_OK(lock_sync_set_guard(p->ctx, g));
    MUST_OK(lock_sync_set_guard_mode(p->ctx, LOCK_SYNC_GUARD_WAIT));
    MUST_OK(lock_sync_guard_reserve_for(g, LOCK_SYNC_REQUEST_DIRECTORY, 1000, &wait_ms, &slot));
    MUST_OK(lock_sync_guard_settle(g, slot, LOCK_SYNC_SLOT_SENT, -1));
    lock_sync_guard_unref(g);
}

TEST(a_poll_never_waits_for_the_directory)
{
    static const t_step steps[] = {STATES(LOCK(1, 6, 1)), STATES(LOCK(1, 6, 1)), STATES(LOCK(1, 6, 1)),
                                   DIRECTORY(DOOR)};
    static const turn turns[] = {{0, "s", "1:533 "}, {0, "s", ""}, {MINUTE_MS, "sd", "1:1024:Door "}};
    pull p;

    BEGIN(&p, steps);
    guard_it_used(&p);
    RUN(&p, turns);
}

/* The lock is reported as removed and added, and as one lock when the directory comes. */
TEST(another_id_is_reported_when_the_guard_allows_the_directory)
{
    static const t_step steps[] = {DIRECTORY(DOOR "," SHED), STATES(LOCK(2, 6, 1) "," LOCK(7, 2, 1)),
                                   STATES(LOCK(2, 6, 1) "," LOCK(7, 2, 1)),
                                   DIRECTORY(SHED "," NAMED(7, "S-1", "Door", 2))};
    static const turn turns[] = {
        {0, "d", "1:533:Door 2:533:Shed "}, {0, "s", "1:538:Door 7:533 "}, {MINUTE_MS, "sd", "1>7:2048:Door "}};
    pull p;

    BEGIN(&p, steps);
    guard_it(&p, 20000, MINUTE_MS);
    RUN(&p, turns);
}

/* The last values that were reported are those before, not those of an earlier disappearance. */
TEST(another_id_repeats_no_change)
{
    static const t_step steps[] = {DIRECTORY(DOOR), STATES(LOCK(7, 6, 1)), STATES(LOCK(7, 2, 1)), STATES(LOCK(7, 2, 1)),
                                   DIRECTORY(NAMED(7, "S-1", "Door", 2))};
    static const turn turns[] = {
        {0, "d", "1:533:Door "}, {0, "s", "1:538:Door 7:533 "}, {0, "s", "7:16 "}, {MINUTE_MS, "sd", "1>7:2048:Door "}};
    pull p;

    BEGIN(&p, steps);
    guard_it(&p, 20000, MINUTE_MS);
    RUN(&p, turns);
}

TEST(the_last_record_under_the_old_id_is_the_one_before)
{
    static const t_step steps[] = {DIRECTORY(DOOR),       STATES(""),
                                   STATES(LOCK(1, 2, 1)), STATES(LOCK(7, 2, 1)),
                                   STATES(LOCK(7, 2, 1)), DIRECTORY(NAMED(7, "S-1", "Door", 2))};
    static const turn turns[] = {{0, "d", "1:533:Door "},
                                 {0, "s", "1:538:Door "},
                                 {0, "s", "1:533:Door "},
                                 {0, "s", "1:538:Door 7:533 "},
                                 {5 * MINUTE_MS, "sd", "1>7:2048:Door "}};
    pull p;

    BEGIN(&p, steps);
    guard_it(&p, 20000, 5 * MINUTE_MS);
    RUN(&p, turns);
}

TEST(without_a_guard_a_minute_is_left_between_directories)
{
    static const t_step steps[] = {DIRECTORY(DOOR), STATES(LOCK(1, 6, 2)), STATES(LOCK(1, 6, 3)), STATES(LOCK(1, 6, 3)),
                                   DIRECTORY(NAMED(1, "S-1", "Gate", 6))};
    static const turn turns[] = {
        {0, "d", "1:533:Door "}, {0, "s", "1:512:Door "}, {0, "s", "1:512:Door "}, {MINUTE_MS, "sd", "1:1024:Gate "}};
    pull p;

    BEGIN(&p, steps);
    MUST_OK(lock_sync_set_guard_mode(p.ctx, LOCK_SYNC_GUARD_OFF));
    RUN(&p, turns);
}

TEST(without_ids_the_poll_waits_for_the_directory)
{
    static const t_step steps[] = {DIRECTORY(DOOR)};
    pull p;

    BY_SERIAL(&p, steps, "S-1", NULL);
    guard_it_used(&p);
    expect(&p, &(turn){0, "", ""});
    CHECK_INT(lock_sync_watch_last_status(p.w), LOCK_SYNC_E_TOO_SOON);
    CHECK_BETWEEN(lock_sync_error_retry_after_ms(lock_sync_last_error(p.ctx)), MINUTE_MS - 1000, MINUTE_MS);
    expect(&p, &(turn){MINUTE_MS, "d", "1:533:Door "});
    pull_end(&p);
}

/* --- a directory that the program has, or no longer wants --- */

/* Returns the directory of the lock DOOR, as a program decodes one that it has stored. */
static lock_sync_directory *stored(lock_sync_ctx *ctx)
{
    lock_sync_directory *d;

    MUST_OK(t_decode_directory(ctx, "{\"result\":[" DOOR "]}", &d));
    return d;
}

TEST(a_given_directory_needs_no_request)
{
    static const t_step steps[] = {STATES(LOCK(1, 6, 1)), STATES(LOCK(1, 6, 1)), DIRECTORY(DOOR)};
    static const turn turns[] = {{0, "s1", "1:533:Door "}, {HOUR_MS, "s1d", ""}};
    lock_sync_directory *d;
    pull p;

    BY_SERIAL(&p, steps, "S-1", NULL);
    d = stored(p.ctx);
    CHECK_INT(lock_sync_watch_use_directory(NULL, d), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_watch_use_directory(p.w, NULL), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_OK(lock_sync_watch_use_directory(p.w, d));
    CHECK(lock_sync_watch_directory(p.w) == d);
    CHECK_INT(lock_sync_watch_use_directory(p.w, d), LOCK_SYNC_E_INVALID_ARGUMENT);
    RUN(&p, turns);
}

TEST(a_given_directory_that_is_older_than_the_states_is_replaced)
{
    static const t_step steps[] = {STATES(LOCK(1, 6, 2)), DIRECTORY(NAMED(1, "S-1", "Gate", 6))};
    static const turn turns[] = {{0, "sd", "1:533:Gate "}};
    pull p;

    pull_begin(&p, steps, COUNT_OF(steps), 20000);
    allow_all(&p);
    CHECK_OK(lock_sync_watch_use_directory(p.w, stored(p.ctx)));
    RUN(&p, turns);
}

TEST(a_given_directory_that_is_old_is_used_until_there_is_another)
{
    static const struct {
        const char *name;
        int64_t age_ms;
    } table[] = {{"an hour old", HOUR_MS}, {"from the future", -HOUR_MS}};

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        static const t_step steps[] = {STATES(LOCK(1, 6, 1)), REFUSED, STATES(LOCK(1, 2, 1))};
        static const turn turns[] = {{0, "sd", "1:533:Door "}, {0, "s", "1:16:Door "}};
        lock_sync_directory *d;
        pull p;

        t_row("%s", table[i].name);
        pull_begin(&p, steps, COUNT_OF(steps), 20000);
        allow_all(&p);
        d = stored(p.ctx);
        pull_pass(table[i].age_ms);
        CHECK_OK(lock_sync_watch_use_directory(p.w, d));
        RUN(&p, turns);
    }
}

TEST(a_directory_is_followed_until_it_is_switched_off)
{
    static const t_step steps[] = {DIRECTORY(DOOR), STATES(LOCK(1, 2, 2)), STATES(LOCK(1, 2, 2)), DIRECTORY(DOOR)};
    pull p;

    BEGIN(&p, steps);
    CHECK_INT(lock_sync_watch_set_directory(NULL, true), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK(lock_sync_watch_directory(NULL) == NULL);
    expect(&p, &(turn){0, "d", "1:533:Door "});
    CHECK_INT(lock_sync_directory_count(lock_sync_watch_directory(p.w)), 1);
    CHECK_OK(lock_sync_watch_set_directory(p.w, false));
    CHECK(lock_sync_watch_directory(p.w) == NULL);
    expect(&p, &(turn){0, "s", "1:528 "});
    CHECK_OK(lock_sync_watch_set_directory(p.w, true));
    expect(&p, &(turn){0, "sd", "1:1024:Door "});
    pull_end(&p);
    BY_SERIAL(&p, steps, "S-1", NULL);
    CHECK_INT(lock_sync_watch_set_directory(p.w, false), LOCK_SYNC_E_INVALID_ARGUMENT);
    pull_end(&p);
}

static void switch_off(void *user, const lock_sync_request *q, lock_sync_response *s)
{
    note(user, q, s);
    MUST_OK(lock_sync_watch_set_directory(((pull *)user)->w, false));
}

TEST(a_directory_that_comes_after_it_is_switched_off_is_dropped)
{
    static const t_step steps[] = {{.http = 200, .body = "{\"result\":[" DOOR "]}", .hook = switch_off},
                                   STATES(LOCK(1, 2, 2))};
    pull p;

    BEGIN(&p, steps);
    expect(&p, &(turn){0, "d", "1:533 "});
    CHECK(lock_sync_watch_directory(p.w) == NULL);
    expect(&p, &(turn){0, "s", "1:528 "});
    pull_end(&p);
}

/* --- cancelled --- */

static void cancel(void *user, const lock_sync_request *q, lock_sync_response *s)
{
    (void)q, (void)s;
    lock_sync_cancel(((pull *)user)->ctx);
}

TEST(a_cancel_ends_the_whole_poll_and_loses_no_change)
{
    static const t_step steps[] = {
        {.http = 200, .returns = LOCK_SYNC_E_CANCELLED, .hook = cancel},
        DIRECTORY(DOOR),
        STATES(LOCK(1, 2, 2)),
        {.http = 200, .returns = LOCK_SYNC_E_CANCELLED, .hook = cancel},
        STATES(LOCK(1, 2, 2)),
        DIRECTORY(NAMED(1, "S-1", "Gate", 2)),
    };
    pull p;

    BEGIN(&p, steps);
    CHECK_INT(pull_next(&p, 0), LOCK_SYNC_E_CANCELLED);
    expect(&p, &(turn){0, "d", "1:533:Door "});
    CHECK_INT(pull_due(&p, 0), LOCK_SYNC_E_CANCELLED);
    expect(&p, &(turn){0, "sd", "1:1552:Gate "});
    pull_end(&p);
}
