/* A watch that follows the directory: which requests a poll sends, and what it reports. test_steps.c has the rule. */
#include "pull.h"

#include <stdio.h>
#include <string.h>

#define HOUR_MS INT64_C(3600000)
#define MINUTE_MS INT64_C(60000)
#define DIRECTORY(records)                                                                                             \
  {                                                                                                                    \
    .http = 200, .body = "{\"result\":[" records "]}", .hook = note                                                    \
  }
#define STATES DIRECTORY
#define REFUSED                                                                                                        \
  {                                                                                                                    \
    .http = 403, .hook = note                                                                                          \
  }
/* a lock in the directory, and in states */
#define NAMED(id, serial, name, state)                                                                                 \
  "{\"id\":" #id ",\"serialNumber\":\"" serial "\",\"name\":\"" name                                                   \
  "\",\"isConnected\":true,\"revision\":1,\"deviceState\":{\"state\":" #state "}}"
#define LOCK(id, state, revision)                                                                                      \
  "{\"id\":" #id ",\"isConnected\":true,\"revision\":" #revision ",\"deviceState\":{\"state\":" #state "}}"
#define DOOR NAMED(1, "S-1", "Door", 6)
#define SHED NAMED(2, "S-2", "Shed", 6)

/* kinds */
enum { ADDED = 1 + 4 + 16 + 512, REMOVED = 2 + 8 + 16 + 512, STATE = 16, CONFIG = 512, RENAMED = 1024, NEW_ID = 2048 };

static char requests[64]; /* since the last look: "d" for the directory, "s" for states, "s1" with a number of ids */

static void note(void *user, const lock_sync_request *q, lock_sync_response *s)
{
    const char *url = lock_sync_request_url(q);
    size_t ids = 0;

    (void)user, (void)s;
    for (const char *at = strstr(url, "id="); at != NULL; at = strstr(at + 1, "id="))
        ids++;
    if (strstr(url, "/sync") == NULL)
        (void)strcat(requests, "d");
    else
        (void)snprintf(requests + strlen(requests), 16, ids == 0 ? "s" : "s%zu", ids);
}

/* One poll: after which time, what it sends, and what it reports; "": nothing. */
typedef struct turn {
    int64_t after_ms;
    const char *requests;
    const char *changes;
} turn;

static void expect(pull *p, const turn *t)
{
    int64_t due_ms = lock_sync_watch_due_in_ms(p->w);

    requests[0] = '\0';
    pull_pass(t->after_ms > due_ms ? t->after_ms : due_ms);
    CHECK_INT(pull_next(p, 0), t->changes[0] == '\0' ? LOCK_SYNC_E_TIMEOUT : LOCK_SYNC_OK);
    CHECK_TEXT(requests, t->requests);
    CHECK_TEXT(p->changes, t->changes);
}

/* Sets a guard with these intervals. In mode OFF the watch itself would space the directories. */
static void guard_it(pull *p, int64_t interval_ms, int64_t directory_ms)
{
    lock_sync_guard *g = memory_guard(interval_ms);

    MUST_OK(lock_sync_guard_set_kind_interval_ms(g, LOCK_SYNC_REQUEST_DIRECTORY, directory_ms));
    MUST_OK(lock_sync_set_guard(p->ctx, g));
    MUST_OK(lock_sync_set_guard_mode(p->ctx, LOCK_SYNC_GUARD_WAIT));
    lock_sync_guard_unref(g);
}

static void allow_all(pull *p)
{
    guard_it(p, 1, 1);
}

static void run(pull *p, const turn *turns, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        t_row("turn %zu", i + 1);
        expect(p, &turns[i]);
    }
    CHECK_INT(p->fake.performed, p->fake.step_count);
    pull_end(p);
}
#define RUN(p, turns) run(p, turns, COUNT_OF(turns))

static void begin(pull *p, const t_step *steps, size_t count)
{
    pull_begin(p, steps, count, 20000);
    allow_all(p);
    MUST_OK(lock_sync_watch_set_directory(p->w, true));
}
#define BEGIN(p, steps) begin(p, steps, COUNT_OF(steps))

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

/* --- by serial numbers --- */

static void begin_by_serial(pull *p, const t_step *steps, size_t count, const char *first, const char *second)
{
    const char *serials[] = {first, second};

    pull_begin(p, steps, count, 20000);
    allow_all(p);
    lock_sync_watch_free(p->w);
    MUST_OK(lock_sync_watch_new_by_serial(p->ctx, serials, second == NULL ? 1 : 2, &p->w));
}
#define BY_SERIAL(p, steps, ...) begin_by_serial(p, steps, COUNT_OF(steps), __VA_ARGS__)

TEST(serial_numbers_are_watched_under_each_id)
{
    static const t_step steps[] = {
        DIRECTORY(DOOR "," SHED "," NAMED(3, "S-3", "Barn", 6)), STATES(LOCK(1, 2, 1) "," LOCK(3, 6, 1)),
        /* one is missing, and has another id */
        STATES(LOCK(3, 6, 1)), DIRECTORY(NAMED(7, "S-1", "Door", 6) "," NAMED(3, "S-3", "Barn", 6)),
        STATES(LOCK(7, 2, 1) "," LOCK(3, 6, 1)),
        /* one is removed */
        STATES(LOCK(7, 2, 1)), DIRECTORY(NAMED(7, "S-1", "Door", 2)), STATES(LOCK(7, 2, 1))};
    static const turn turns[] = {{0, "d", "1:533:Door 3:533:Barn "}, {0, "s2", "1:16:Door "},
                                 {0, "s2d", "1>7:2064:Door "},       {0, "s2", "7:16:Door "},
                                 {0, "s2d", "3:538:Barn "},          {0, "s1", ""}};
    pull p;

    BY_SERIAL(&p, steps, "S-3", "S-1");
    RUN(&p, turns);
}

/* A directory of several pages may lack a lock that the states have. */
TEST(a_lock_is_removed_only_if_neither_states_nor_directory_have_it)
{
    static const t_step steps[] = {DIRECTORY(DOOR), STATES(LOCK(1, 6, 2)), DIRECTORY(SHED), STATES(LOCK(1, 2, 2)),
                                   STATES(""),      DIRECTORY(SHED)};
    static const turn turns[] = {
        {0, "d", "1:533:Door "}, {0, "s1d", "1:1536 "}, {0, "s1", "1:16 "}, {0, "s1d", "1:538 "}};
    pull p;

    BY_SERIAL(&p, steps, "S-1", NULL);
    RUN(&p, turns);
}

/* A lock that is removed for minutes and added again, beside one that stays. */
TEST(a_serial_number_that_is_gone_is_looked_for_every_five_minutes)
{
    static const t_step steps[] = {DIRECTORY(DOOR "," SHED),
                                   STATES(LOCK(2, 6, 1)),
                                   DIRECTORY(SHED),
                                   STATES(LOCK(2, 6, 1)),
                                   STATES(LOCK(2, 6, 1)),
                                   DIRECTORY(SHED "," NAMED(7, "S-1", "Door", 2)),
                                   STATES(LOCK(2, 6, 1) "," LOCK(7, 2, 1))};
    static const turn turns[] = {{0, "d", "1:533:Door 2:533:Shed "},
                                 {0, "s2d", "1:538:Door "},
                                 {0, "s1", ""},
                                 {5 * MINUTE_MS, "s1d", "7:533:Door "},
                                 {0, "s2", ""}};
    pull p;

    BY_SERIAL(&p, steps, "S-1", "S-2");
    RUN(&p, turns);
}

TEST(serial_numbers_that_are_not_found_never_become_all_locks)
{
    static const t_step steps[] = {DIRECTORY(SHED), DIRECTORY(SHED), DIRECTORY(SHED "," DOOR), STATES(LOCK(1, 6, 1))};
    pull p;

    BY_SERIAL(&p, steps, "S-1", NULL);
    requests[0] = '\0';
    CHECK_OK(pull_next(&p, 0)); /* the first response, without a change */
    CHECK_TEXT(p.changes, "");
    CHECK_INT(lock_sync_results_count(lock_sync_watch_results(p.w)), 0);
    expect(&p, &(turn){0, "d", ""});
    expect(&p, &(turn){0, "d", "1:533:Door "});
    expect(&p, &(turn){0, "s1", ""});
    pull_end(&p);
}

TEST(without_ids_an_error_of_the_directory_is_the_polls)
{
    static const t_step steps[] = {{.http = 401, .hook = note}, {.http = 503, .hook = note}, DIRECTORY(DOOR)};
    pull p;

    BY_SERIAL(&p, steps, "S-1", NULL);
    CHECK_INT(pull_next(&p, 0), LOCK_SYNC_E_UNAUTHORIZED);
    expect(&p, &(turn){0, "d", ""});
    CHECK_INT(lock_sync_watch_last_status(p.w), LOCK_SYNC_E_SERVER);
    expect(&p, &(turn){0, "d", "1:533:Door "});
    pull_end(&p);
}

TEST(serial_numbers_must_be_texts)
{
    static const char *const good[] = {"S-1"};
    static const char *const null[] = {"S-1", NULL};
    static const char *const empty[] = {"S-1", ""};
    lock_sync_ctx *ctx = t_ctx();
    lock_sync_watch *w = (lock_sync_watch *)(void *)ctx;

    CHECK_INT(lock_sync_watch_new_by_serial(NULL, good, 1, &w), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK(w == NULL);
    CHECK_INT(lock_sync_watch_new_by_serial(ctx, good, 1, NULL), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_watch_new_by_serial(ctx, NULL, 1, &w), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_watch_new_by_serial(ctx, good, 0, &w), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_HOLDS(t_error_message(ctx), "no serial numbers");
    if (SIZE_MAX > UINT32_MAX) { /* as many pointers fit into no memory of 32 bits */
        CHECK_INT(lock_sync_watch_new_by_serial(ctx, good, SIZE_MAX, &w), LOCK_SYNC_E_INVALID_ARGUMENT);
        CHECK_HOLDS(t_error_message(ctx), "too many");
    }
    CHECK_INT(lock_sync_watch_new_by_serial(ctx, null, 2, &w), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_watch_new_by_serial(ctx, empty, 2, &w), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_HOLDS(t_error_message(ctx), "NULL or empty");
    lock_sync_ctx_free(ctx);
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
