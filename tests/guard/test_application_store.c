/* A guard over an application's store: what the store may do, and the results of the guard and a context. The store
   is a record in memory with a clock that the test sets. test_look_swap.c tests `look` and `swap`. */
#include "contexts.h"
#include "guard/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct fake_store {
    unsigned char record[LOCK_SYNC_GUARD_RECORD_MAX];
    size_t size;
    int64_t now_ms;
    size_t replaces;
    size_t destroyed;
    bool is_beaten; /* another user changes the record between load and replace, once */
    lock_sync_status load_fails;
    lock_sync_status replace_fails;
    const char *why;        /* for describe */
    lock_sync_ctx *cancels; /* a load cancels its fetch */
    size_t room;            /* for the record, at the last load */
} fake_store;

static lock_sync_status fake_load(void *user, void *record, size_t *size, int64_t *now_ms)
{
    fake_store *s = user;

    s->room = *size;
    if (s->cancels != NULL)
        lock_sync_cancel(s->cancels);
    if (s->load_fails != LOCK_SYNC_OK)
        return s->load_fails;
    memcpy(record, s->record, s->size <= *size ? s->size : *size);
    *size = s->size;
    *now_ms = s->now_ms;
    return LOCK_SYNC_OK;
}

static lock_sync_status fake_replace(void *user, const void *old_record, size_t old_size, const void *new_record,
                                     size_t new_size, bool *replaced)
{
    fake_store *s = user;

    s->replaces++;
    if (s->replace_fails != LOCK_SYNC_OK)
        return s->replace_fails;
    *replaced = !s->is_beaten && old_size == s->size && memcmp(old_record, s->record, old_size) == 0;
    s->is_beaten = false;
    if (*replaced) {
        memcpy(s->record, new_record, new_size);
        s->size = new_size;
    }
    return LOCK_SYNC_OK;
}

static void fake_destroy(void *user)
{
    fake_store *s = user;

    s->destroyed++;
}

static void fake_describe(void *user, char *text, size_t size)
{
    const fake_store *s = user;

    (void)snprintf(text, size, "%s", s->why);
}

static fake_store *new_store(void)
{
    fake_store *s = calloc(1, sizeof *s);

    if (s == NULL)
        kit_die("out of memory");
    s->now_ms = 1000000;
    return t_later(free, s);
}

static lock_sync_guard_store store_of(fake_store *s)
{
    return (lock_sync_guard_store){.struct_size = sizeof(lock_sync_guard_store),
                                   .user = s,
                                   .load = fake_load,
                                   .replace = fake_replace,
                                   .destroy = fake_destroy,
                                   .describe = s->why != NULL ? fake_describe : NULL};
}

static lock_sync_guard *guard_of(fake_store *s)
{
    const lock_sync_guard_store store = store_of(s);
    lock_sync_guard *g;

    MUST_OK(lock_sync_guard_new_with_store(&store, &g));
    return release_guard_later(g);
}

/* Expects a failure of the store and no slot. */
static void check_fails(lock_sync_guard *g, const char *why)
{
    char text[256];
    int64_t wait_ms = 7;
    int64_t slot = 7;

    CHECK_INT(lock_sync_guard_reserve(g, 1000, &wait_ms, &slot), LOCK_SYNC_E_GUARD);
    CHECK_INT(slot, 0);
    CHECK_INT(wait_ms, 0);
    (void)lock_sync_guard_error_message(g, text, sizeof text);
    CHECK_HOLDS(text, why);
}

static void check_denied(lock_sync_guard *g, int64_t wait_ms)
{
    int64_t got_ms = 0;

    CHECK_INT(lock_sync_guard_reserve(g, 30000, &got_ms, NULL), LOCK_SYNC_E_TOO_SOON);
    CHECK_INT(got_ms, wait_ms);
}

TEST(a_slot_and_its_end_close_the_guard_for_all_users)
{
    fake_store *s = new_store();
    lock_sync_guard *g = guard_of(s);
    lock_sync_guard *other = guard_of(s);
    int64_t slot;
    int64_t first;

    s->is_beaten = true;
    CHECK_OK(lock_sync_guard_reserve(g, 30000, NULL, &first));
    CHECK(first > 0);
    CHECK_INT(s->replaces, 2);
    CHECK_INT(s->room, LOCK_SYNC_GUARD_RECORD_MAX);
    CHECK_INT(s->size, LSYNC_GUARD_RECORD_SIZE);
    check_denied(other, 50001); /* lease, interval, and the step of a clock of ms */
    s->now_ms += 1000;
    CHECK_OK(lock_sync_guard_settle(other, first, LOCK_SYNC_SLOT_SENT, -1));
    check_denied(g, 20001);
    s->now_ms += 20000;
    check_denied(g, 1);
    s->now_ms += 1;
    CHECK_OK(lock_sync_guard_reserve(g, 30000, NULL, &slot));
    CHECK(slot > 0 && slot != first);
}

TEST(a_failing_store_never_grants_a_slot)
{
    for (lock_sync_status failure = LOCK_SYNC_OK + 1; failure <= LOCK_SYNC_E_BUSY + 5; failure++) {
        fake_store *s = new_store();
        const lock_sync_guard_store store = store_of(s);
        lock_sync_guard *other = guard_of(s);
        lock_sync_guard *g;

        t_row("failure %d", (int)failure);
        MUST_OK(lock_sync_guard_new_with_store(&store, &g));
        s->load_fails = failure;
        check_fails(g, "load");
        s->load_fails = LOCK_SYNC_OK;
        s->replace_fails = failure;
        check_fails(g, "replace");
        CHECK_INT(lock_sync_guard_settle(g, 1, LOCK_SYNC_SLOT_LIMITED, -1), LOCK_SYNC_E_GUARD);
        s->replace_fails = LOCK_SYNC_OK;
        lock_sync_guard_unref(g); /* writes the kept 429 */
        CHECK_INT(lock_sync_guard_reserve(other, 0, NULL, NULL), LOCK_SYNC_E_TOO_SOON);
    }
}

TEST(the_cause_of_a_failure_is_reported)
{
    fake_store *s = new_store();
    lock_sync_guard *g;
    char text[256];
    char small[10];
    size_t length;

    s->load_fails = LOCK_SYNC_E_NETWORK;
    s->why = "db 7 is\ndown\t!";
    g = guard_of(s);
    CHECK_INT(lock_sync_guard_error_message(g, text, sizeof text), 0);
    CHECK_TEXT(text, "");
    check_fails(g, "down");
    length = lock_sync_guard_error_message(g, text, sizeof text);
    CHECK_INT(length, strlen(text));
    CHECK(strpbrk(text, "\r\n\t") == NULL);
    CHECK_INT(lock_sync_guard_error_message(g, small, sizeof small), length); /* cut */
    CHECK_INT(strlen(small), sizeof small - 1);
    CHECK(strncmp(text, small, sizeof small - 1) == 0);
    CHECK_INT(lock_sync_guard_error_message(g, small, 1), length);
    CHECK_TEXT(small, "");
    CHECK_INT(lock_sync_guard_error_message(g, NULL, 0), length);
    s->why = "";
    check_fails(g, "E_NETWORK"); /* without a text the status is reported */
    s->why = t_later(free, t_repeat('w', 5000));
    check_fails(g, "wwww");
    CHECK(lock_sync_guard_error_message(g, NULL, 0) < 300);
}

TEST(a_damaged_record_never_grants_a_slot)
{
    static const struct {
        const char *name;
        size_t size;
        size_t flip; /* a byte, from 1 */
    } rows[] = {
        {"one byte", 1, 0},
        {"cut", LSYNC_GUARD_RECORD_SIZE - 1, 0},
        {"longer", LSYNC_GUARD_RECORD_SIZE + 1, 0},
        {"more than the room", LOCK_SYNC_GUARD_RECORD_MAX + 1, 0},
        {"the largest size", SIZE_MAX, 0},
        {"first byte", LSYNC_GUARD_RECORD_SIZE, 1},
        {"last byte", LSYNC_GUARD_RECORD_SIZE, LSYNC_GUARD_RECORD_SIZE},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        fake_store *s = new_store();
        lock_sync_guard *g = guard_of(s);

        t_row("%s", rows[i].name);
        CHECK_OK(lock_sync_guard_reserve(g, 0, NULL, NULL));
        if (rows[i].flip > 0)
            s->record[rows[i].flip - 1] ^= 0x20;
        s->size = rows[i].size;
        s->now_ms += 100000;
        check_fails(g, "damaged");
        CHECK_INT(s->replaces, 1); /* the record is unchanged */
    }
}

TEST(a_time_out_of_range_never_grants_a_slot)
{
    static const struct {
        int64_t now_ms;
        bool good;
    } rows[] = {{0, false},
                {-1, false},
                {INT64_MIN, false},
                {INT64_MAX, false},
                {INT64_MAX / 1000, false},
                {(INT64_C(1) << 50) + 1, false},
                {1, true},
                {INT64_C(1) << 50, true},
                {1700000000000, true}};

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        fake_store *s = new_store();
        lock_sync_guard *g = guard_of(s);

        t_row("now %lld", (long long)rows[i].now_ms);
        s->now_ms = rows[i].now_ms;
        if (rows[i].good)
            CHECK_OK(lock_sync_guard_reserve(g, 86400000, NULL, NULL));
        else
            check_fails(g, "time");
    }
}

/* --- the required functions --- */

/* tests/unit/test_struct_size.c tests which sizes are accepted. */
TEST(functions_beyond_struct_size_are_not_called)
{
    static const struct {
        size_t size;
        bool destroys;
        bool describes;
    } rows[] = {
        {offsetof(lock_sync_guard_store, destroy), false, false},
        {offsetof(lock_sync_guard_store, describe), true, false},
        {offsetof(lock_sync_guard_store, look), true, true},
        {sizeof(lock_sync_guard_store), true, true},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        fake_store s = {.now_ms = 1000000, .load_fails = LOCK_SYNC_E_SERVER, .why = "down"};
        lock_sync_guard_store store = store_of(&s);
        lock_sync_guard *g;

        t_row("size %zu", rows[i].size);
        store.struct_size = rows[i].size;
        MUST_OK(lock_sync_guard_new_with_store(&store, &g));
        check_fails(g, rows[i].describes ? "down" : "E_SERVER");
        lock_sync_guard_unref(g);
        CHECK_INT(s.destroyed, rows[i].destroys);
    }
}

static lock_sync_status no_look(void *user, lock_sync_guard_look *look)
{
    (void)user, (void)look;
    return LOCK_SYNC_E_NETWORK;
}

static lock_sync_status no_swap(void *user, const void *old_record, size_t old_size, const void *new_record,
                                size_t new_size, int64_t expires_in_ms, bool *replaced)
{
    (void)user, (void)old_record, (void)old_size, (void)new_record, (void)new_size, (void)expires_in_ms, (void)replaced;
    return LOCK_SYNC_E_NETWORK;
}

/* The description of a store with look says itself what failed. */
TEST(a_failed_look_is_described_by_the_store)
{
    fake_store s = {.now_ms = 1000000, .why = "the disk is full"};
    lock_sync_guard_store store = store_of(&s);
    lock_sync_guard *g;
    char text[200];

    store.look = no_look;
    store.swap = no_swap;
    MUST_OK(lock_sync_guard_new_with_store(&store, &g));
    check_fails(g, "the disk is full");
    (void)lock_sync_guard_error_message(g, text, sizeof text);
    CHECK_TEXT(text, "the disk is full");
    lock_sync_guard_unref(g);
}

TEST(a_store_without_a_required_function_is_rejected)
{
    enum { SIZE = sizeof(lock_sync_guard_store), OLDER = offsetof(lock_sync_guard_store, swap) };
    static const lock_sync_guard_store stores[] = {
        {.struct_size = SIZE, .replace = fake_replace, .destroy = fake_destroy},
        {.struct_size = SIZE, .load = fake_load, .destroy = fake_destroy},
        {.struct_size = SIZE, .look = no_look, .destroy = fake_destroy},
        {.struct_size = SIZE, .swap = no_swap, .destroy = fake_destroy},
        {.struct_size = OLDER, .look = no_look, .swap = no_swap, .destroy = fake_destroy},
    };
    lock_sync_guard *g = NULL;

    CHECK_INT(lock_sync_guard_new_with_store(NULL, &g), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_guard_new_with_store(&stores[0], NULL), LOCK_SYNC_E_INVALID_ARGUMENT);
    for (size_t i = 0; i < COUNT_OF(stores); i++) {
        fake_store s = {0};
        lock_sync_guard_store store = stores[i];

        t_row("%zu", i);
        store.user = &s;
        CHECK_INT(lock_sync_guard_new_with_store(&store, &g), LOCK_SYNC_E_INVALID_ARGUMENT);
        CHECK(g == NULL);
        CHECK_INT(s.destroyed, 0);
    }
}

TEST(the_last_reference_destroys_the_store_once)
{
    fake_store s = {.now_ms = 1000000};
    const lock_sync_guard_store store = store_of(&s);
    lock_sync_ctx *ctx = t_ctx();
    lock_sync_guard *g;

    MUST_OK(lock_sync_guard_new_with_store(&store, &g));
    CHECK_OK(lock_sync_set_guard(ctx, g));
    CHECK_OK(lock_sync_set_guard(ctx, g)); /* the same guard twice */
    lock_sync_guard_unref(g);
    CHECK_INT(s.destroyed, 0);
    CHECK_OK(lock_sync_set_guard(ctx, NULL));
    CHECK_INT(s.destroyed, 1);
    lock_sync_ctx_free(ctx);
    CHECK_INT(s.destroyed, 1);
}

/* --- contexts --- */

TEST(a_context_sends_nothing_if_its_store_fails)
{
    fake_store *s = new_store();

    s->load_fails = LOCK_SYNC_E_NETWORK;
    s->why = "table guards is locked";
    for (lock_sync_guard_mode mode = LOCK_SYNC_GUARD_FAIL; mode < LOCK_SYNC_GUARD_OFF; mode++) {
        guarded *c = guarded_new(guard_of(s), mode, &response_good, 1);

        t_row("mode %d", (int)mode);
        CHECK_INT(fetch_all(c->ctx), LOCK_SYNC_E_GUARD);
        CHECK_HOLDS(t_error_message(c->ctx), "table guards is locked");
        CHECK_LACKS(t_error_message(c->ctx), T_SECRET);
        CHECK_INT(c->fake.performed, 0);
    }
    CHECK(lock_sync_status_is_retryable(LOCK_SYNC_E_GUARD));
}

static lock_sync_status count_calls(void *user, lock_sync_ctx *ctx, bool rejected)
{
    (void)rejected;
    ++*(size_t *)user;
    return lock_sync_set_personal_key(ctx, T_SECRET);
}

TEST(a_fetch_that_is_cancelled_at_its_guard_calls_no_provider)
{
    fake_store *s = new_store();
    guarded *c = GUARDED(guard_of(s), FAIL, response_good);
    size_t calls = 0;

    s->cancels = c->ctx;
    CHECK_OK(lock_sync_set_personal_key(c->ctx, NULL));
    CHECK_OK(lock_sync_set_token_provider(c->ctx, count_calls, &calls));
    CHECK_INT(fetch_all(c->ctx), LOCK_SYNC_E_CANCELLED);
    CHECK_INT(calls, 0);
    CHECK_INT(c->fake.performed, 0);
    s->cancels = NULL;
    CHECK_INT(wait_of(c->guard), 0); /* the slot is refunded */
}

static void lose_the_store(void *user, const lock_sync_request *q, lock_sync_response *response)
{
    fake_store *s = user;

    (void)q, (void)response;
    s->replace_fails = LOCK_SYNC_E_NETWORK;
}

TEST(a_context_logs_an_outcome_that_could_not_be_written)
{
    static const t_step limited = {.http = 429, .headers = {"Retry-After", "3600"}, .hook = lose_the_store};
    fake_store *s = new_store();
    guarded *c = GUARDED(guard_of(s), FAIL, limited);
    t_log log = {0};

    c->fake.user = s;
    CHECK_OK(lock_sync_set_logger(c->ctx, t_log_line, &log));
    CHECK_INT(fetch_all(c->ctx), LOCK_SYNC_E_RATE_LIMITED);
    CHECK_HOLDS(log.text, "the guard could not record the end of a fetch");
    CHECK_INT(fetch_all(c->ctx), LOCK_SYNC_E_GUARD);
    s->replace_fails = LOCK_SYNC_OK;
    CHECK_INT(fetch_all(c->ctx), LOCK_SYNC_E_TOO_SOON);
    CHECK_HOLDS(t_error_message(c->ctx), "429");
    CHECK_BETWEEN(retry_after(c->ctx), 3540000, 3600001);
    CHECK_INT(c->fake.performed, 1);
    CHECK_OK(lock_sync_set_logger(c->ctx, NULL, NULL));
}
