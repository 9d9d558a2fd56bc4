/* A watch by serial numbers: under which ids it polls, and what it reports. */
#include "names.h"

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
