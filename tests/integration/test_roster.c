/* The simulator's locks are renamed, re-added, removed and added: its endpoints agree at each moment.
   Where time must pass, the tests call its roster.c with a clock of their own. */
#include "client.h"

#include "../../examples/simulator/roster.h"

#include <stdlib.h>
#include <string.h>

#define AUTHORIZATION "Authorization: PersonalKey " KEY "\r\n"

static void free_sim(void *s)
{
    sim_stop(s, NULL);
}

/* Starts a simulator of four locks. `more` are three more arguments, or NULL. */
static sim *start(const char *more, const char *value, const char *last)
{
    const char *const arguments[] = {"--personal-key", KEY, more, value, last, NULL};

    return t_later(free_sim, sim_start(arguments));
}

/* Returns the response to an authorized request; it stays until the test ends. */
static const char *get(const sim *s, const char *target)
{
    return t_later(free, sim_get(s, target, AUTHORIZATION));
}

static client fetching(const sim *s)
{
    return client_new(sim_url(s));
}

/* Checks that directory, states, and both requests for one lock have the same locks and revisions. Returns the
   directory. */
static lock_sync_directory *check_agreement(client *c, size_t locks)
{
    lock_sync_directory *d;
    lock_sync_results *all;
    lock_sync_results *one;

    expect_status(c, lock_sync_fetch_directory(c->ctx, &d), LOCK_SYNC_OK);
    expect_status(c, lock_sync_fetch(c->ctx, NULL, 0, &all), LOCK_SYNC_OK);
    MUST_INT(lock_sync_directory_count(d), locks);
    MUST_INT(lock_sync_results_count(all), locks);
    for (size_t i = 0; i < locks; i++) {
        const lock_sync_lock *of_directory = lock_sync_results_at(lock_sync_directory_results(d), i);
        const lock_sync_lock *of_sync = lock_sync_results_at(all, i);

        CHECK_INT(of_sync->id, of_directory->id);
        CHECK_INT(of_sync->revision, of_directory->revision);
        expect_status(c, lock_sync_fetch_one(c->ctx, of_sync->id, &one), LOCK_SYNC_OK);
        CHECK_INT(lock_sync_results_at(one, 0)->revision, of_sync->revision);
        lock_sync_results_free(one);
    }
    lock_sync_results_free(all);
    return d;
}

/* --- changes on request --- */

TEST(a_renamed_lock_has_another_name_and_a_higher_revision)
{
    const sim *s = start("--static", NULL, NULL);
    client c = fetching(s);
    lock_sync_directory *before = check_agreement(&c, 4);
    lock_sync_directory *after;
    const lock_sync_lock_info *renamed;

    sim_rename_lock(s, 1003, "\"T\u00fcr\" & \\\u05d3\u05dc\u05ea, 100 %");
    after = check_agreement(&c, 4);
    renamed = lock_sync_directory_find(after, 1003);
    MUST(renamed != NULL);
    CHECK_TEXT(renamed->name, "\"T\u00fcr\" & \\\u05d3\u05dc\u05ea, 100 %");
    CHECK_TEXT(renamed->serial_number, lock_sync_directory_find(before, 1003)->serial_number);
    CHECK_INT(lock_sync_results_find(lock_sync_directory_results(after), 1003)->revision,
              lock_sync_results_find(lock_sync_directory_results(before), 1003)->revision + 1);
    CHECK_TEXT(lock_sync_directory_find(after, 1002)->name, lock_sync_directory_find(before, 1002)->name);
    lock_sync_directory_free(after);

    sim_rename_lock(s, 1003, NULL);
    after = check_agreement(&c, 4);
    CHECK_HOLDS(lock_sync_directory_find(after, 1003)->name, " (2)");
    lock_sync_directory_free(after);
    lock_sync_directory_free(before);
    client_free(&c);
}

TEST(a_re_added_lock_has_its_serial_number_and_name_and_another_id)
{
    const sim *s = start("--static", NULL, NULL);
    client c = fetching(s);
    lock_sync_directory *before = check_agreement(&c, 4);
    lock_sync_directory *after;
    const lock_sync_lock_info *was = lock_sync_directory_find(before, 1002);
    const lock_sync_lock_info *is;
    lock_sync_results *r;

    CHECK_INT(sim_re_add_lock(s, 1002), 1005);
    after = check_agreement(&c, 4);
    is = lock_sync_directory_find(after, 1005);
    MUST(is != NULL && was != NULL);
    CHECK_TEXT(is->name, was->name);
    CHECK_TEXT(is->serial_number, was->serial_number);
    CHECK_INT(is->bridge_id, was->bridge_id);
    CHECK(!lock_sync_results_find(lock_sync_directory_results(after), 1005)->is_connected); /* as it was before */
    CHECK(lock_sync_directory_find(after, 1002) == NULL);
    expect_status(&c, lock_sync_fetch_one(c.ctx, 1002, &r), LOCK_SYNC_E_NOT_FOUND);
    CHECK_HOLDS(get(s, "/api/v37/my/lock/1002"), "HTTP/1.1 404 ");
    lock_sync_directory_free(after);
    lock_sync_directory_free(before);
    client_free(&c);
}

TEST(a_removed_lock_comes_back_under_another_id)
{
    const sim *s = start("--static", NULL, NULL);
    client c = fetching(s);
    lock_sync_directory *d;

    sim_rename_lock(s, 1001, "Attic");
    sim_remove_lock(s, 1001);
    d = check_agreement(&c, 3);
    CHECK_INT(lock_sync_directory_find_name(d, "Attic", NULL), 0);
    lock_sync_directory_free(d);

    CHECK_INT(sim_re_add_lock(s, 1001), 1005);
    d = check_agreement(&c, 4);
    CHECK_INT(lock_sync_directory_find_name(d, "Attic", NULL), 1);
    lock_sync_directory_free(d);
    client_free(&c);
}

TEST(an_added_lock_is_another_one)
{
    const sim *s = start("--static", NULL, NULL);
    client c = fetching(s);
    const lock_sync_lock_info *added;
    const lock_sync_lock_info *same;
    lock_sync_directory *d;

    CHECK_INT(sim_add_lock(s, NULL), 1005);
    CHECK_INT(sim_add_lock(s, "Front door"), 1006);
    d = check_agreement(&c, 6);
    CHECK_INT(lock_sync_directory_find_name(d, "Front door", NULL), 2);
    added = lock_sync_directory_find(d, 1006);
    MUST(added != NULL);
    same = lock_sync_directory_find_serial(d, added->serial_number);
    CHECK(same == added);
    lock_sync_directory_free(d);
    client_free(&c);
}

TEST(pages_have_the_locks_that_are_left)
{
    const sim *s = start("--static", NULL, NULL);

    sim_remove_lock(s, 1002);
    (void)sim_re_add_lock(s, 1001);
    CHECK_HOLDS(get(s, "/api/v37/my/lock?ItemsPerPage=2&Page=1"), "{\"result\":[{\"id\":1003,");
    CHECK_HOLDS(get(s, "/api/v37/my/lock?ItemsPerPage=2&Page=2"), "{\"result\":[{\"id\":1005,");
    CHECK_HOLDS(get(s, "/api/v37/my/lock?ItemsPerPage=2&Page=3"), "{\"result\":[]");
    CHECK_HOLDS(get(s, "/api/v37/my/lock/sync?id=1002&id=1005"), "{\"result\":[{\"id\":1005,");
}

TEST(changes_that_cannot_be_made_are_rejected)
{
    static const struct {
        const char *query;
        const char *status;
    } rows[] = {
        {"", "HTTP/1.1 400 "},
        {"?change=", "HTTP/1.1 400 "},
        {"?change=repaint&id=1001", "HTTP/1.1 400 "},
        {"?change=rename&id=1001&name=a%0Ab", "HTTP/1.1 400 "},
        {"?change=rename&name=a", "HTTP/1.1 404 "},
        {"?change=rename&id=1006", "HTTP/1.1 404 "},
        {"?change=remove&id=1000", "HTTP/1.1 404 "},
        {"?change=remove&id=1001x", "HTTP/1.1 404 "},
        {"?change=re-add&id=9223372036854775807", "HTTP/1.1 404 "},
        {"?change=rename&id=1004", "HTTP/1.1 404 "},
        {"?change=remove&id=1004", "HTTP/1.1 404 "},
        {"?change=re-add&id=1003", "HTTP/1.1 404 "},
    };
    const sim *s = start("--static", NULL, NULL);

    sim_remove_lock(s, 1004);
    (void)sim_re_add_lock(s, 1003);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char *target = t_later(free, kit_text("/_sim/lock%s", rows[i].query));

        t_row("%s", rows[i].query);
        CHECK_HOLDS(t_later(free, sim_say(s, "POST", target, "")), rows[i].status);
    }
    CHECK_HOLDS(get(s, "/_sim/lock?change=remove&id=1001"), "HTTP/1.1 404 ");
    CHECK_INT(kit_count(get(s, "/api/v37/my/lock"), "{\"id\":"), 3);
}

/* --- changes with time --- */

static bool has_renamed(void *s)
{
    char *response = sim_get(s, "/api/v37/my/lock", AUTHORIZATION);
    bool renamed = strstr(response, " (1)\"") != NULL;

    free(response);
    return renamed;
}

TEST(locks_change_by_themselves_if_asked_for)
{
    sim *s = start("--change-s", "1000", "--time-scale=1000");

    CHECK(kit_wait(has_renamed, s, KIT_PATIENCE_MS));
}

#define PERIOD INT64_C(60000000)

static void free_locks(void *locks)
{
    locks_free(locks);
}

static void free_roster(void *roster)
{
    roster_free(roster);
}

/* Makes four locks with a change each minute. The clock begins at 0. */
static struct roster *roster_of(uint64_t seed)
{
    struct locks *locks = t_later(free_locks, locks_new(seed, 1.0, false, 0));

    return t_later(free_roster, roster_new(locks, 4, PERIOD));
}

/* Returns "ID NUMBER NAME; " for each lock at that time. */
static char *list(struct roster *roster, int64_t now_us)
{
    char room[NAME_SIZE];
    char *all = kit_text("%s", "");

    roster_hold(roster, now_us);
    for (int64_t id = roster_next(roster, 0); id != 0; id = roster_next(roster, id)) {
        char *longer = kit_text("%s%d %d %s; ", all, (int)id, (int)roster_number(roster, id),
                                roster_name(roster, id, room));

        free(all);
        all = longer;
    }
    roster_release(roster);
    return t_later(free, all);
}

TEST(the_changes_depend_on_seed_and_time_only)
{
    struct roster *one = roster_of(7);
    struct roster *same = roster_of(7);
    struct roster *other = roster_of(8);
    const char *end;

    for (int64_t minute = 0; minute < 400; minute++) {
        roster_hold(one, minute * PERIOD);
        roster_release(one);
    }
    end = list(one, 400 * PERIOD);
    CHECK_TEXT(list(same, 400 * PERIOD), end);
    CHECK_TEXT(list(same, 0), end); /* a request that arrived earlier, and was handled later */
    CHECK(strcmp(list(other, 400 * PERIOD), end) != 0);
}

TEST(a_lock_is_renamed_then_one_re_added_then_one_removed_then_one_added)
{
    struct roster *roster = roster_of(7);
    const char *first = list(roster, PERIOD - 1);
    const char *renamed = list(roster, PERIOD);
    const char *re_added = list(roster, 2 * PERIOD);
    const char *removed = list(roster, 3 * PERIOD);
    const char *added = list(roster, 4 * PERIOD);

    CHECK_INT(kit_count(first, ";"), 4);
    CHECK_LACKS(first, "(1)");
    CHECK_INT(kit_count(renamed, "(1)"), 1);
    CHECK_LACKS(renamed, "1005 ");
    CHECK_INT(kit_count(re_added, "1005 "), 1);
    CHECK_INT(kit_count(re_added, ";"), 4);
    CHECK_INT(kit_count(removed, ";"), 3);
    CHECK_INT(kit_count(added, "1006 5 "), 1);
    CHECK_INT(kit_count(added, ";"), 4);
}
