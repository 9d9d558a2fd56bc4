/* The directory: the members of a lock, bad pages, pages that belong together, look-ups; the requests of a fetch. */
#include "../support/fake.h"
#include "client/fetch.h"
#include "wire/directory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERIAL "111111-11111"
#define RECORD(members) "{\"result\":[{\"id\":7" members "}]}"

TEST_WITH_CTX(each_member_is_read_or_counts_as_not_sent)
{
    static const struct {
        const char *name;
        const char *body;
        lock_sync_lock_info want;
    } rows[] = {
        {"all",
         RECORD(",\"name\":\"Front door\",\"serialNumber\":\"" SERIAL
                "\",\"timeZone\":\"Europe/Warsaw\",\"connectedToId\":5,"
                "\"organizationId\":6,\"type\":2,\"accessLevel\":0"),
         {7, "Front door", SERIAL, "Europe/Warsaw", 5, 6, 2, 0}},
        {"none", RECORD(""), {7, NULL, NULL, NULL, 0, 0, 0, -1}},
        {"nulls",
         RECORD(",\"name\":null,\"serialNumber\":null,\"timeZone\":null,\"connectedToId\":null,\"organizationId\":null,"
                "\"type\":null,\"accessLevel\":null"),
         {7, NULL, NULL, NULL, 0, 0, 0, -1}},
        {"wrong types",
         RECORD(",\"name\":1,\"serialNumber\":[],\"timeZone\":{},\"connectedToId\":\"5\",\"organizationId\":true,"
                "\"type\":2.5,"
                "\"accessLevel\":\"2\""),
         {7, NULL, NULL, NULL, 0, 0, 0, -1}},
        {"out of range",
         RECORD(",\"connectedToId\":0,\"organizationId\":-6,\"type\":0,\"accessLevel\":-1"),
         {7, NULL, NULL, NULL, 0, 0, 0, -1}},
        {"numbers without a name", RECORD(",\"type\":99,\"accessLevel\":77"), {7, NULL, NULL, NULL, 0, 0, 99, 77}},
        {"numbers beyond 32 bits",
         RECORD(",\"type\":4294967298,\"accessLevel\":4294967296"),
         {7, NULL, NULL, NULL, 0, 0, 0, -1}},
        {"an empty name, a name of other letters",
         RECORD(",\"name\":\"\",\"serialNumber\":\"\\u05d3\\u05dc\\u05ea\""),
         {7, "", "\xd7\x93\xd7\x9c\xd7\xaa", NULL, 0, 0, 0, -1}},
        {"a NUL in a name", RECORD(",\"name\":\"a\\u0000b\""), {7, NULL, NULL, NULL, 0, 0, 0, -1}},
        {"settings of the user are ignored",
         RECORD(",\"name\":\"x\",\"userSettings\":{\"name\":\"y\"}"),
         {7, "x", NULL, NULL, 0, 0, 0, -1}},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const lock_sync_lock_info *want = &rows[i].want, *info;
        lock_sync_directory *d;

        t_row("%s", rows[i].name);
        MUST_OK(t_decode_directory(ctx, rows[i].body, &d));
        CHECK_INT(lock_sync_directory_count(d), 1);
        info = lock_sync_directory_at(d, 0);
        CHECK_INT(info->id, want->id);
        CHECK_TEXT(info->name, want->name);
        CHECK_TEXT(info->serial_number, want->serial_number);
        CHECK_TEXT(info->time_zone, want->time_zone);
        CHECK_INT(info->bridge_id, want->bridge_id);
        CHECK_INT(info->organization_id, want->organization_id);
        CHECK_INT(info->type, want->type);
        CHECK_INT(info->access_level, want->access_level);
        lock_sync_directory_free(d);
    }
}

TEST_WITH_CTX(the_states_come_along)
{
    static const char body[] =
        "{\"result\":[{\"id\":9,\"isConnected\":true,\"deviceState\":{\"state\":6}},{\"id\":8,\"isConnected\":null},"
        "{\"id\":7,\"isConnected\":true,\"lockProperties\":{\"state\":2}},{\"id\":6,\"isConnected\":false}]}";
    static const struct {
        int64_t id;
        uint32_t connected; /* whether the connection is known */
        lock_sync_tristate locked;
    } want[] = {{9, LOCK_SYNC_FIELD_CONNECTED, LOCK_SYNC_YES},
                {8, 0, LOCK_SYNC_UNKNOWN},
                {7, LOCK_SYNC_FIELD_CONNECTED, LOCK_SYNC_NO},
                {6, LOCK_SYNC_FIELD_CONNECTED, LOCK_SYNC_UNKNOWN}};
    lock_sync_directory *d;

    MUST_OK(t_decode_directory(ctx, body, &d));
    CHECK_INT(lock_sync_results_count(lock_sync_directory_results(d)), COUNT_OF(want));
    for (size_t i = 0; i < COUNT_OF(want); i++) {
        const lock_sync_lock *lock = lock_sync_results_at(lock_sync_directory_results(d), i);

        CHECK_INT(lock->id, want[i].id);
        CHECK_INT(lock->fields & LOCK_SYNC_FIELD_CONNECTED, want[i].connected);
        CHECK_INT(lock_sync_lock_is_locked(lock), want[i].locked);
    }
    CHECK_INT(lock_sync_directory_fetched_at_ms(d), lock_sync_results_fetched_at_ms(lock_sync_directory_results(d)));
    CHECK(lock_sync_directory_fetched_at_ms(d) > 0);
    lock_sync_directory_free(d);
}

TEST_WITH_CTX(a_bad_page_is_an_error_and_never_an_empty_directory)
{
    static const struct {
        const char *name;
        const char *body;
        lock_sync_status want;
    } rows[] = {
        {"empty body", "", LOCK_SYNC_E_MALFORMED},
        {"a page of HTML", "<html></html>", LOCK_SYNC_E_MALFORMED},
        {"no result", "{\"success\":true}", LOCK_SYNC_E_MALFORMED},
        {"result is null", "{\"result\":null}", LOCK_SYNC_E_MALFORMED},
        {"result is one lock", "{\"result\":{\"id\":7}}", LOCK_SYNC_E_MALFORMED},
        {"a record without an id", "{\"result\":[{\"name\":\"x\"}]}", LOCK_SYNC_E_MALFORMED},
        {"a record that is no object", "{\"result\":[7]}", LOCK_SYNC_E_MALFORMED},
        {"a key twice in a record", "{\"result\":[{\"id\":7,\"name\":\"x\",\"name\":\"y\"}]}", LOCK_SYNC_E_MALFORMED},
        {"two names of one lock", "{\"result\":[{\"id\":7,\"name\":\"x\"},{\"id\":7,\"name\":\"y\"}]}",
         LOCK_SYNC_E_MALFORMED},
        {"two states of one lock", "{\"result\":[{\"id\":7,\"revision\":1},{\"id\":7,\"revision\":2}]}",
         LOCK_SYNC_E_MALFORMED},
        {"a failure in the envelope", "{\"result\":[],\"success\":false,\"statusCode\":403}", LOCK_SYNC_E_FORBIDDEN},
        {"an empty result beside a 404", "{\"result\":[],\"statusCode\":404}", LOCK_SYNC_E_NOT_FOUND},
        {"an account without locks", "{\"result\":[],\"success\":true,\"statusCode\":200}", LOCK_SYNC_OK},
        {"equal records count once", "{\"result\":[{\"id\":7,\"name\":\"x\"},{\"id\":7,\"name\":\"x\"}]}",
         LOCK_SYNC_OK},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        lock_sync_directory *d;

        t_row("%s", rows[i].name);
        CHECK_INT(t_decode_directory(ctx, rows[i].body, &d), rows[i].want);
        CHECK_INT(t_error_status(ctx), rows[i].want);
        CHECK(lock_sync_directory_count(d) <= 1);
        lock_sync_directory_free(d);
    }
}

TEST_WITH_CTX(locks_are_found_by_id_serial_number_and_name)
{
    static const char body[] =
        "{\"result\":[{\"id\":9,\"name\":\"Garage\",\"serialNumber\":\"s9\"},"
        "{\"id\":3,\"name\":\"Front door\",\"serialNumber\":\"s3\"},{\"id\":5},"
        "{\"id\":4,\"name\":\"Front door\",\"serialNumber\":\"s4\"}]}";
    const lock_sync_lock_info *first;
    lock_sync_directory *d;

    MUST_OK(t_decode_directory(ctx, body, &d));
    CHECK_INT(lock_sync_directory_find(d, 3)->id, 3);
    CHECK_INT(lock_sync_directory_find(d, 9)->id, 9);
    CHECK(lock_sync_directory_find(d, 8) == NULL);
    CHECK_INT(lock_sync_directory_find_serial(d, "s4")->id, 4);
    CHECK(lock_sync_directory_find_serial(d, "s") == NULL);
    CHECK(lock_sync_directory_find_serial(d, NULL) == NULL);
    CHECK_INT(lock_sync_directory_find_name(d, "Garage", &first), 1);
    CHECK_INT(first->id, 9);
    CHECK_INT(lock_sync_directory_find_name(d, "Front door", &first), 2);
    CHECK_INT(first->id, 3);
    CHECK_INT(lock_sync_directory_find_name(d, "front door", &first), 0);
    CHECK(first == NULL);
    CHECK_INT(lock_sync_directory_find_name(d, NULL, NULL), 0);
    CHECK(lock_sync_directory_at(d, 4) == NULL);
    lock_sync_directory_free(d);

    CHECK_INT(lock_sync_directory_count(NULL), 0);
    CHECK(lock_sync_directory_at(NULL, 0) == NULL);
    CHECK(lock_sync_directory_find(NULL, 1) == NULL);
    CHECK(lock_sync_directory_results(NULL) == NULL);
    CHECK_INT(lock_sync_directory_fetched_at_ms(NULL), 0);
    lock_sync_directory_free(NULL);
}

/* --- pages --- */

/* Returns a body with locks from `first` on; free() it. */
static char *page(int64_t first, int count, const char *name)
{
    size_t room = 64 + (size_t)count * 64;
    char *body = malloc(room);
    size_t size;

    MUST(body != NULL);
    size = (size_t)snprintf(body, room, "{\"result\":[");
    for (int i = 0; i < count; i++)
        size += (size_t)snprintf(body + size, room - size, "%s{\"id\":%" PRId64 ",\"name\":\"%s\"}", i == 0 ? "" : ",",
                                 first + i, name);
    (void)snprintf(body + size, room - size, "]}");
    return body;
}

/* has_more counts the records of the response: equal ones count once in the directory. */
TEST(a_full_page_may_have_another_after_it)
{
    lock_sync_ctx *ctx = t_ctx();

    CHECK(!lock_sync_directory_has_more(NULL));
    for (int row = 0; row < 4; row++) {
        static const int records[] = {99, 100, 100, 101};
        char *body = page(1, records[row], "a");
        lock_sync_directory *d;

        t_row("%d records, row %d", records[row], row);
        if (row == 2)
            memcpy(strstr(body, "\"id\":2,"), "\"id\":1,", 7);
        MUST_OK(t_decode_directory(ctx, body, &d));
        CHECK_INT(lock_sync_directory_count(d), records[row] - (row == 2));
        CHECK_INT(lock_sync_directory_has_more(d), records[row] == LSYNC_PAGE_LOCKS);
        lock_sync_directory_free(d);
        free(body);
    }
    lock_sync_ctx_free(ctx);
}

typedef struct pages {
    char *full;   /* 100 locks from 1 on */
    char *second; /* 100 locks from 51 on: half of them again */
    char *last;   /* 3 locks from 151 on */
} pages;

static pages make_pages(void)
{
    return (pages){page(1, 100, "old"), page(51, 100, "new"), page(151, 3, "last")};
}

static void free_pages(pages *p)
{
    free(p->full);
    free(p->second);
    free(p->last);
}

static lock_sync_ctx *ctx_with(t_fake *fake, lock_sync_guard_mode mode)
{
    lock_sync_ctx *ctx = t_ctx();

    t_fake_use(ctx, fake);
    MUST_OK(lock_sync_set_guard_mode(ctx, mode));
    return ctx;
}

TEST(pages_are_requested_until_a_short_one_and_the_later_record_of_a_lock_is_kept)
{
    pages p = make_pages();
    const t_step steps[] = {
        {.http = 200, .body = p.full}, {.http = 200, .body = p.second}, {.http = 200, .body = p.last}};
    t_fake fake = {.steps = steps, .step_count = COUNT_OF(steps)};
    lock_sync_ctx *ctx = ctx_with(&fake, LOCK_SYNC_GUARD_OFF);
    lock_sync_directory *d;

    MUST_OK(lock_sync_fetch_directory(ctx, &d));
    CHECK_INT(fake.performed, 3);
    CHECK_TEXT(fake.url[0], "https://api.tedee.com/api/v37/my/lock?ItemsPerPage=100&Page=1");
    CHECK_TEXT(fake.url[2], "https://api.tedee.com/api/v37/my/lock?ItemsPerPage=100&Page=3");
    CHECK_INT(lock_sync_directory_count(d), 153);
    CHECK_INT(lock_sync_results_count(lock_sync_directory_results(d)), 153);
    CHECK_TEXT(lock_sync_directory_find(d, 50)->name, "old");
    CHECK_TEXT(lock_sync_directory_find(d, 51)->name, "new");
    CHECK_TEXT(lock_sync_directory_find(d, 153)->name, "last");
    CHECK(!lock_sync_directory_has_more(d));
    lock_sync_directory_free(d);
    lock_sync_ctx_free(ctx);
    free_pages(&p);
}

TEST(a_directory_is_complete_or_an_error)
{
    pages p = make_pages();
    const t_step full = {.http = 200, .body = p.full};
    const struct {
        const char *name;
        t_step steps[T_FAKE_STEPS];
        size_t count;
        lock_sync_status want;
        size_t requests;
    } rows[] = {
        {"the second page fails", {full, {.http = 500}}, 2, LOCK_SYNC_E_SERVER, 2},
        {"the second page is limited", {full, {.http = 429}}, 2, LOCK_SYNC_E_RATE_LIMITED, 2},
        {"the second page is broken", {full, {.http = 200, .body = "{"}}, 2, LOCK_SYNC_E_MALFORMED, 2},
        {"the second page never comes", {full, {.returns = LOCK_SYNC_E_NETWORK}}, 2, LOCK_SYNC_E_NETWORK, 2},
        {"no page is short", {full}, 1, LOCK_SYNC_E_TOO_LARGE, LSYNC_PAGES_MAX},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++)
        for (int mode = LOCK_SYNC_GUARD_FAIL; mode <= LOCK_SYNC_GUARD_OFF; mode++) {
            t_fake fake = {.steps = rows[i].steps, .step_count = rows[i].count};
            lock_sync_ctx *ctx = ctx_with(&fake, mode);
            lock_sync_directory *d;

            t_row("%s, mode %d", rows[i].name, mode);
            CHECK_INT(lock_sync_fetch_directory(ctx, &d), rows[i].want);
            CHECK(d == NULL);
            CHECK_INT(fake.performed, rows[i].requests);
            lock_sync_ctx_free(ctx);
        }
    free_pages(&p);
}

TEST(the_guard_counts_each_page_and_spaces_directories_by_their_pages)
{
    pages p = make_pages();
    const t_step steps[] = {{.http = 200, .body = p.full}, {.http = 200, .body = p.last}};
    t_fake fake = {.steps = steps, .step_count = COUNT_OF(steps)};
    lock_sync_ctx *ctx = ctx_with(&fake, LOCK_SYNC_GUARD_CACHED); /* acts as FAIL for a directory */
    lock_sync_guard *guard;
    lock_sync_directory *d;
    lock_sync_results *r;

    MUST_OK(lock_sync_guard_new(&guard));
    MUST_OK(lock_sync_set_guard(ctx, guard));
    MUST_OK(lock_sync_set_guard_mode(ctx, LOCK_SYNC_GUARD_CACHED));
    MUST_OK(lock_sync_fetch_directory(ctx, &d));
    lock_sync_directory_free(d);
    CHECK_INT(lock_sync_fetch_directory(ctx, &d), LOCK_SYNC_E_TOO_SOON);
    CHECK_BETWEEN(lock_sync_error_retry_after_ms(lock_sync_last_error(ctx)), 115000, 120001); /* two pages: 2 x 60 s */
    CHECK_INT(fake.performed, 2);
    CHECK_OK(lock_sync_fetch(ctx, NULL, 0, &r)); /* the states have an interval of their own */
    lock_sync_results_free(r);
    CHECK_INT(fake.performed, 3);
    lock_sync_guard_unref(guard);
    lock_sync_ctx_free(ctx);
    free_pages(&p);
}

TEST(a_page_that_the_hour_has_no_room_for_ends_the_directory)
{
    pages p = make_pages();
    const t_step steps[] = {{.http = 200, .body = p.full}};
    t_fake fake = {.steps = steps, .step_count = COUNT_OF(steps)};
    lock_sync_ctx *ctx = ctx_with(&fake, LOCK_SYNC_GUARD_FAIL);
    lock_sync_guard *guard;
    lock_sync_directory *d;

    MUST_OK(lock_sync_guard_new(&guard));
    MUST_OK(lock_sync_guard_set_hourly_budget(guard, 3, 0));
    MUST_OK(lock_sync_set_guard(ctx, guard));
    CHECK_INT(lock_sync_fetch_directory(ctx, &d), LOCK_SYNC_E_TOO_SOON);
    CHECK(d == NULL);
    CHECK_INT(fake.performed, 3);
    CHECK(lock_sync_error_retry_after_ms(lock_sync_last_error(ctx)) > 0);
    lock_sync_guard_unref(guard);
    lock_sync_ctx_free(ctx);
    free_pages(&p);
}

static lock_sync_status provide(void *user, lock_sync_ctx *ctx, bool rejected)
{
    (void)rejected;
    ++*(size_t *)user;
    return lock_sync_set_personal_key(ctx, "new-key");
}

TEST(a_401_between_pages_is_retried_once_and_keeps_the_pages)
{
    pages p = make_pages();
    const t_step steps[] = {{.http = 200, .body = p.full}, {.http = 401}, {.http = 200, .body = p.last}};
    t_fake fake = {.steps = steps, .step_count = COUNT_OF(steps)};
    lock_sync_ctx *ctx = ctx_with(&fake, LOCK_SYNC_GUARD_FAIL);
    size_t calls = 0;
    lock_sync_directory *d;

    MUST_OK(lock_sync_set_token_provider(ctx, provide, &calls));
    MUST_OK(lock_sync_fetch_directory(ctx, &d));
    CHECK_INT(lock_sync_directory_count(d), 103);
    CHECK_INT(calls, 1);
    CHECK_TEXT(fake.url[2], "https://api.tedee.com/api/v37/my/lock?ItemsPerPage=100&Page=2");
    CHECK_TEXT(fake.authorization[2], "PersonalKey new-key");
    lock_sync_directory_free(d);
    lock_sync_ctx_free(ctx);
    free_pages(&p);
}

/* --- arguments --- */

TEST_WITH_CTX(bad_arguments_are_rejected)
{
    lock_sync_request *states, *page_1, *q;
    lock_sync_response *s;
    lock_sync_directory *d;
    lock_sync_results *r;

    CHECK_INT(lock_sync_fetch_directory(NULL, &d), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_fetch_directory(ctx, NULL), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_request_build_directory(ctx, 0, &q), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_request_build_directory(ctx, 11, &q), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_request_build_directory(ctx, 1, NULL), LOCK_SYNC_E_INVALID_ARGUMENT);
    MUST_OK(lock_sync_request_build(ctx, NULL, 0, &states));
    MUST_OK(lock_sync_request_build_directory(ctx, 10, &page_1));
    MUST_OK(lock_sync_response_new(ctx, &s));
    MUST_OK(lock_sync_response_set_status(s, 200));
    CHECK_INT(lock_sync_response_decode_directory(ctx, states, s, &d), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_response_decode(ctx, page_1, s, &r), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_response_decode_directory(ctx, page_1, s, NULL), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_response_decode_directory(ctx, page_1, NULL, &d), LOCK_SYNC_E_INVALID_ARGUMENT);
    lock_sync_response_free(s);
    lock_sync_request_free(states);
    lock_sync_request_free(page_1);
}
